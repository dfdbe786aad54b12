/* Both run revisions by the same functions as a target does (statements.h), over a script that is
 * mute while the schema is made. Thread: the walk's worker.
 */
#include "server/engine/shadow.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/base/digest.h"
#include "server/engine/rebuild.h"
#include "server/engine/schema.h"
#include "server/engine/script.h"
#include "server/engine/transaction.h"
#include "server/sql/split.h"

#define STATEMENT_MS 5000 /* of one statement on the shadow */

/* A statement that runs batch by batch: once, with the number that it begins with. */
static int run_batched(struct walk *w, const struct revision *r, const struct section *section,
                       const struct section_statement *s, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct sql_text text;
  char rows[24];
  arena_init(&arena, 0);
  snprintf(rows, sizeof rows, "%u", (unsigned)section->batch);
  if (statement_text(w, r, s, rows, &arena, &text, e))
    return -1;
  struct db_statement statement = {
      .sql = text.s, .len = text.len, .flags = text.secret ? DB_SECRET : 0};
  int rc = w->db->driver->exec(w->db, &statement, NULL, NULL, NULL, w->job, e);
  sql_text_wipe(&text);
  return rc;
}

static int run_section(struct walk *w, const struct revision *r, const struct section *s,
                       struct err *e) {
  const struct section_statement *items = s->statements[DIALECT_SQLITE].items;
  size_t count = s->statements[DIALECT_SQLITE].count;
  if (!s->batch)
    return statements_run(w, r, items, count, e);
  for (size_t i = 0; i < count; i++)
    if (run_batched(w, r, s, &items[i], e))
      return -1;
  return 0;
}

/* The statements of one direction of a revision. */
static int run_revision(struct walk *w, const struct revision *r, enum direction direction,
                        struct err *e) {
  for (size_t i = 0; i < r->section_count; i++) {
    const struct section *s = &r->sections[i];
    if (s->direction == direction && (s->dialects & DIALECT_SQLITE) && run_section(w, r, s, e))
      return -1;
  }
  return 0;
}

/* --- where a script starts */

/* From the rows `plan` left to those with `row` among them. */
static int replay_to(struct walk *w, const char *row, struct plan *plan, struct err *e) {
  struct plan_request request = {
      .operation = OP_UPGRADE, .dialect = DIALECT_SQLITE, .revisions = &row, .revision_count = 1};
  if (plan_make(w->catalog, &request, plan->after, plan->after_count, w->arena, plan, e))
    return -1;
  for (size_t i = 0; i < plan->count && !script_doubt(w->db); i++)
    if (run_revision(w, &w->catalog->revisions[plan->steps[i].revision], DIR_UP, e))
      return -1;
  return 0;
}

int shadow_replay(struct walk *w, struct err *e) {
  struct plan plan = {0};
  struct db *shadow;
  int rc = 0;
  if (db_open_memory(&shadow, STATEMENT_MS, e))
    return -1;
  script_shadow(w->db, shadow);
  script_set_mode(w->db, SCRIPT_MUTE);
  if (tx_begin(w, e))
    return -1;
  for (size_t i = 0; !rc && i < w->ledger.row_count && !script_doubt(w->db); i++)
    rc = replay_to(w, w->ledger.rows[i], &plan, e);
  tx_rollback(w);
  script_set_mode(w->db, SCRIPT_WHOLE);
  if (!rc || job_check(w->job, e))
    return rc;
  script_set_doubt(w->db, e);
  return 0;
}

/* --- a dry run */

static bool reserved(const char *name) {
  return !strncasecmp(name, "sqlite_", 7) || !strncasecmp(name, "migd_", 5);
}

/* Tables come first: what was rebuilt stands behind what belongs to it. What cannot be made, as the
 * tables behind a full-text search, which it makes itself, is left out. */
static int copy_schema(struct db *shadow, const struct schema *schema, const struct job *job,
                       struct err *e) {
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < schema->count; i++) {
      const struct schema_object *o = &schema->items[i];
      int mine = strcmp(o->type, "table") != 0;
      if (o->temp || !o->sql || reserved(o->name) || mine != round)
        continue;
      struct db_statement s = {.sql = o->sql, .len = strlen(o->sql)};
      if (shadow->driver->exec(shadow, &s, NULL, NULL, NULL, job, e) && e->kind != ERR_MIGRATION)
        return -1;
    }
  return 0;
}

static bool holds(const char *sql, struct buf *quoted) {
  quoted->s[quoted->len - 1] = '\0'; /* what is between the quotes */
  bool found = strstr(sql, quoted->s + 1) != NULL;
  wipe(quoted->s, quoted->cap);
  buf_release(quoted);
  return found;
}

/* A secret that an earlier revision made a part of the schema, as a DEFAULT, comes back with the
 * text of the table. One of three bytes and fewer would be found in everything. */
static bool holds_secret(const struct walk *w, const char *sql) {
  enum { SHORTEST = 4 };
  for (size_t i = 0; i < w->secrets.count; i++) {
    const char *value = w->secrets.values[i];
    size_t len = strlen(value);
    struct buf literal = BUF_INIT, name = BUF_INIT;
    if (len < SHORTEST)
      continue;
    buf_reserve(&literal, 2 * len + 3); /* none is left behind by growing */
    buf_reserve(&name, 2 * len + 3);
    script_add_text(&literal, value, len);
    db_add_name(&name, value);
    bool literally = holds(sql, &literal), named = holds(sql, &name);
    if (literally || named || strstr(sql, value))
      return true;
  }
  return false;
}

static int show_step(struct walk *over, const struct buf *text, const struct plan_step *step,
                     struct shown *out, struct err *e) {
  struct sql_statements cut;
  if (run_revision(over, &over->catalog->revisions[step->revision], step->direction, e) ||
      sql_split(DIALECT_SQLITE, buf_str(text), text->len, over->arena, &cut, e))
    return -1;
  out->sql = ARENA_ARRAY(over->arena, const char *, cut.count + 1);
  for (size_t i = 0; i < cut.count; i++) {
    out->sql[i] = arena_strndup(over->arena, text->s + cut.items[i].start, cut.items[i].len);
    if (holds_secret(over, out->sql[i]))
      out->sql[i] = "/* a statement with the value of a secret variable in it */";
  }
  out->count = cut.count;
  return 0;
}

static int show_steps(struct walk *over, struct buf *text, struct err *e) {
  struct shown *shown = ARENA_ARRAY(over->arena, struct shown, over->plan.count);
  for (size_t i = 0; i < over->plan.count; i++) {
    buf_clear(text);
    if (show_step(over, text, &over->plan.steps[i], &shown[i], e))
      return -1;
  }
  over->shown = shown;
  return 0;
}

/* What is secret is shown by its name, as a value. */
static struct variables masked(const struct walk *w) {
  struct variables all = w->variables;
  struct variable *items = ARENA_ARRAY(w->arena, struct variable, all.count + 1);
  for (size_t i = 0; i < all.count; i++) {
    items[i] = all.items[i];
    if (items[i].secret)
      items[i] =
          (struct variable){items[i].name, arena_printf(w->arena, "${%s}", items[i].name), false};
  }
  all.items = items;
  return all;
}

int shadow_show(struct walk *w, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct buf text BUF_SCOPED = BUF_INIT;
  struct db *shadow = NULL, *script DB_SCOPED = NULL;
  struct schema schema;
  struct walk over = *w;
  arena_init(&arena, 0);
  if (!rebuild_possible(w, &w->plan))
    return 0;
  script = script_db(DIALECT_SQLITE, &text);
  if (schema_read(w->db, w->job, &arena, &schema, e) || db_open_memory(&shadow, STATEMENT_MS, e))
    return -1;
  script_shadow(script, shadow);
  script_set_mode(script, SCRIPT_SHOWN);
  over.db = script;
  over.offline = true;
  over.variables = masked(w);
  if (copy_schema(shadow, &schema, w->job, e) || tx_begin(&over, e) || show_steps(&over, &text, e))
    return -1;
  w->shown = over.shown;
  return 0;
}
