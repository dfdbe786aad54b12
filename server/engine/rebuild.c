/* Gathers ALTER TABLEs, has them planned over the schema that is there, runs the statements of the
 * plan and looks whether the new table is what the old one was. Everything is in an arena that ends
 * with each group. Thread: the walk's worker.
 */
#include "server/engine/rebuild.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "server/engine/rebuild_check.h"
#include "server/engine/rebuild_row.h"
#include "server/engine/schema.h"
#include "server/engine/script.h"

#define GROUP_MAX 256 /* statements */

/* 1, 0, -1 as alter_parse(). The text is the caller's to wipe when it is 1. */
static int parse(const struct walk *w, const struct revision *r, const struct section_statement *s,
                 struct arena *arena, struct sql_text *text, struct rebuild_alter *out,
                 struct err *e) {
  if (s->len < 6 || strncasecmp(r->content + s->start, "ALTER", 5))
    return 0;
  if (statement_text(w, r, s, NULL, arena, text, e))
    return -1;
  out->sql = text->s;
  out->len = text->len;
  int rc = alter_parse(out->sql, out->len, arena, &out->parsed, e);
  if (rc <= 0)
    sql_text_wipe(text);
  return rc;
}

static bool same_table(const struct alter_table *a, const struct alter_table *b) {
  return !strcasecmp(a->name, b->name) && !a->schema == !b->schema &&
         (!a->schema || !strcasecmp(a->schema, b->schema));
}

static bool renames_table(const struct alter_table *a) {
  for (size_t i = 0; i < a->count; i++)
    if (a->actions[i].kind == ALTER_RENAME_TABLE)
      return true;
  return false;
}

size_t rebuild_gather(const struct walk *w, const struct revision *r,
                      const struct section_statement *s, size_t count) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct rebuild_alter first, next;
  struct sql_text text;
  struct err e;
  arena_init(&arena, 0);
  if (w->db->driver->dialect != DIALECT_SQLITE || !count)
    return 0;
  int rc = parse(w, r, &s[0], &arena, &text, &first, &e);
  if (rc <= 0)
    return rc ? 1 : 0;
  sql_text_wipe(&text);
  size_t n = 1;
  for (next = first; n < count && n < GROUP_MAX && !renames_table(&next.parsed); n++) {
    if (parse(w, r, &s[n], &arena, &text, &next, &e) <= 0)
      break;
    sql_text_wipe(&text);
    if (!same_table(&first.parsed, &next.parsed))
      break;
  }
  return n;
}

static bool has_table(const struct schema *schema, const char *name) {
  for (size_t i = 0; i < schema->count; i++)
    if (!strcmp(schema->items[i].type, "table") && !strcasecmp(schema->items[i].name, name))
      return true;
  return false;
}

/* --- running a plan */

/* A group at work. */
struct group {
  struct walk *w;
  const struct revision *r;
  const struct section_statement *s;
  const struct rebuild_alter *alters; /* one for each statement */
  const struct sql_text *texts;       /* and one */
  unsigned secret;                    /* DB_SECRET where one of them has a secret in it */
  struct schema schema;
  struct arena *arena;
};

/* Names the place of e->offset in the text of an ALTER. */
static int locate(const struct group *g, size_t alter, struct err *e) {
  if (e->offset > 0)
    e->offset = (long)sql_text_source(&g->texts[alter], (size_t)e->offset);
  statement_locate(g->r, &g->s[alter], e);
  return -1;
}

static int locate_action(const struct group *g, struct rebuild_place place, struct err *e) {
  const struct alter_table *a = &g->alters[place.alter].parsed;
  e->offset = place.action < a->count ? (long)a->actions[place.action].whole.start : 0;
  return locate(g, place.alter, e);
}

/* The text of the table may hold what an earlier revision made of a secret. */
static int exec(const struct group *g, const char *sql, unsigned flags, int64_t *changed,
                struct err *e) {
  unsigned hidden = g->w->secrets.count ? DB_SECRET : g->secret;
  struct db_statement statement = {.sql = sql, .len = strlen(sql), .flags = flags | hidden};
  return g->w->db->driver->exec(g->w->db, &statement, NULL, NULL, changed, g->w->job, e);
}

static int on_count(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int64_t *)ctx = v[0].i;
  return 0;
}

/* Every row of the old table is in the new one: both are there now. */
static int check_count(struct group *g, const struct rebuild *plan, int64_t copied, struct err *e) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  int64_t rows = 0;
  buf_adds(&sql, "SELECT count(*) FROM ");
  schema_add_name(&sql, plan->schema, plan->table);
  if (g->w->offline) {
    struct buf all BUF_SCOPED = BUF_INIT;
    buf_addf(&all, "changes() = (%s)", buf_str(&sql));
    script_check(g->w->db, CHECK_COPY, buf_str(&all));
    return 0;
  }
  if (db_exec(g->w->db, buf_str(&sql), NULL, 0, on_count, &rows, NULL, g->w->job, e))
    return -1;
  if (rows != copied)
    return err_set(e, ERR_MIGRATION,
                   "%" PRId64 " of the %" PRId64 " rows of %s came over into its rebuilt table",
                   copied, rows, plan->table);
  return 0;
}

static int run_copy(struct group *g, const struct rebuild *plan, const struct rebuild_statement *s,
                    struct err *e) {
  int64_t copied = 0;
  struct rebuild_place place = s->place;
  if (exec(g, s->sql, DB_REBUILD, g->w->offline ? NULL : &copied, e))
    rebuild_explain_row(g->w, plan, s, g->secret, &place, e);
  else if (!check_count(g, plan, copied, e))
    return 0;
  return locate_action(g, place, e);
}

static int run_item(struct group *g, const struct rebuild *plan, const struct rebuild_statement *s,
                    struct err *e) {
  if (s->kind == REBUILD_COPY)
    return run_copy(g, plan, s, e);
  bool native = s->kind == REBUILD_NATIVE;
  if (!exec(g, s->sql, native ? 0 : DB_REBUILD, NULL, e))
    return 0;
  if (s->probe && !g->w->offline)
    rebuild_explain_index(g->w, plan, s, g->secret, e);
  const struct rebuild_alter *a = &g->alters[s->place.alter];
  bool own = strlen(s->sql) == a->len && !memcmp(s->sql, a->sql, a->len);
  rebuild_hide_name(plan, e);
  return own && e->offset >= 0 ? locate(g, s->place.alter, e) : locate_action(g, s->place, e);
}

static int run_items(struct group *g, const struct rebuild *plan, struct err *e) {
  for (size_t i = 0; i < plan->count; i++) {
    if (run_item(g, plan, &plan->items[i], e))
      return -1;
    if (g->w->db->driver->in_transaction(g->w->db))
      continue;
    err_set(e, ERR_MIGRATION, "the transaction was ended by a statement of the rebuild");
    return locate_action(g, plan->items[i].place, e);
  }
  return 0;
}

/* What was set is put back, whatever happened. */
static void back_to_modern(struct walk *w) {
  struct err ignored;
  if (!w->offline)
    db_exec(w->db, "PRAGMA legacy_alter_table = OFF", NULL, 0, NULL, NULL, NULL, NULL, &ignored);
}

static int run_plan(struct group *g, const struct rebuild *plan, struct err *e) {
  struct rebuild_place first = {0};
  struct dependents dependents;
  if (!plan->temporary)
    return run_items(g, plan, e);
  if (dependents_read(g->w, &g->schema, g->arena, &dependents, e))
    return -1;
  if (run_items(g, plan, e)) {
    back_to_modern(g->w);
    return -1;
  }
  if (!dependents_check(g->w, &dependents, plan, e) && !integrity_check(g->w, plan, e))
    return 0;
  for (size_t i = 0; i < plan->count; i++)
    if (plan->items[i].kind == REBUILD_CREATE)
      first = plan->items[i].place;
  return e->kind == ERR_MIGRATION ? locate_action(g, first, e) : -1;
}

/* --- a group */

/* Said in SQLite's own grammar: it may be tried where the table is not known. */
static bool in_own_grammar(const struct alter_table *a) {
  static const enum alter_action_kind own[] = {ALTER_ADD_COLUMN, ALTER_DROP_COLUMN,
                                               ALTER_RENAME_COLUMN, ALTER_RENAME_TABLE};
  const struct alter_action *first = a->actions;
  if (a->count != 1 || a->if_exists || first->if_exists || first->if_not_exists || first->cascade)
    return false;
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (first->kind == own[i])
      return true;
  return false;
}

/* A script does not know what the table is: 1 when the statement was written down as it is. */
static int without_schema(struct group *g, size_t at, struct err *e) {
  const struct rebuild_alter *a = &g->alters[at];
  if (!g->w->offline)
    return 0;
  const struct err *why = script_doubt(g->w->db);
  bool shows = script_shows(g->w->db);
  if (!why && (shows || has_table(&g->schema, a->parsed.name)))
    return 0;
  if (in_own_grammar(&a->parsed))
    return statement_run(g->w, g->r, &g->s[at], true, e) ? -1 : 1;
  err_set(e, ERR_REFUSED, "what the table %s is at this point is not known%s%s%s", a->parsed.name,
          shows ? "" : " without a database", why ? ": " : "", why ? why->text : "");
  e->offset = (long)a->parsed.table.start;
  locate(g, at, e);
  return shows ? -1 : err_hint(e, "`migctl upgrade --dry-run -v -t TARGET` shows what runs there");
}

/* One plan: how many of the statements from `at` on it does, or -1. */
static long run_some(struct group *g, size_t at, size_t count, struct err *e) {
  struct rebuild plan;
  size_t failed = 0;
  if (schema_read(g->w->db, g->w->job, g->arena, &g->schema, e))
    return -1;
  int done = without_schema(g, at, e);
  if (done)
    return done;
  struct group rest = *g;
  rest.s += at;
  rest.alters += at;
  rest.texts += at;
  if (rebuild_plan(&g->schema, rest.alters, count - at, g->arena, &plan, &failed, e))
    return locate(&rest, failed, e);
  return run_plan(&rest, &plan, e) ? -1 : (long)plan.taken;
}

/* What our parser does not understand SQLite may: its own words are tried, and ours are said when
 * it does not. */
static int run_strange(const struct group *g, const struct err *why, struct err *e) {
  if (!statement_run(g->w, g->r, &g->s[0], true, e))
    return 0;
  if (e->kind != ERR_MIGRATION || !strstr(e->text, "syntax error"))
    return -1;
  *e = *why;
  return locate(g, 0, e);
}

static int run_group(const struct group *all, size_t count, struct err *e) {
  for (size_t at = 0; at < count;) {
    struct arena round __attribute__((cleanup(arena_release)));
    arena_init(&round, 0);
    struct group g = *all;
    g.arena = &round;
    long taken = run_some(&g, at, count, e);
    if (g.secret)
      arena_wipe(&round);
    if (taken <= 0)
      return -1;
    at += (size_t)taken;
  }
  return 0;
}

int rebuild_run(struct walk *w, const struct revision *r, const struct section_statement *s,
                size_t count, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct err why;
  arena_init(&arena, 0);
  struct rebuild_alter *alters = ARENA_ARRAY(&arena, struct rebuild_alter, count);
  struct sql_text *texts = ARENA_ARRAY(&arena, struct sql_text, count);
  struct group g = {.w = w, .r = r, .s = s, .alters = alters, .texts = texts};
  size_t read = 0;
  while (read < count && parse(w, r, &s[read], &arena, &texts[read], &alters[read], &why) > 0)
    g.secret |= texts[read++].secret ? DB_SECRET : 0;
  int rc = read == count ? run_group(&g, count, e) : run_strange(&g, &why, e);
  if (g.secret)
    arena_wipe(&arena);
  return rc;
}

/* --- whether there is anything of it */

static bool section_may(const struct walk *w, const struct revision *r,
                        const struct section *section) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct sql_text text;
  struct rebuild_alter a;
  struct err e;
  bool may = false;
  arena_init(&arena, 0);
  for (size_t k = 0; !may && k < section->statements[DIALECT_SQLITE].count; k++)
    may = parse(w, r, &section->statements[DIALECT_SQLITE].items[k], &arena, &text, &a, &e) > 0;
  if (may)
    sql_text_wipe(&text);
  return may;
}

bool rebuild_possible(const struct walk *w, const struct plan *plan) {
  for (size_t i = 0; w->request.dialect == DIALECT_SQLITE && i < plan->count; i++) {
    const struct revision *r = &w->catalog->revisions[plan->steps[i].revision];
    for (size_t k = 0; k < r->section_count; k++)
      if (r->sections[k].direction == plan->steps[i].direction &&
          (r->sections[k].dialects & DIALECT_SQLITE) && section_may(w, r, &r->sections[k]))
        return true;
  }
  return false;
}
