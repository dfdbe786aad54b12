/* What there is of other tools is one table, below; the rest is the same for all: read the rows,
 * map them, see that they are a whole, take their ends. Thread: the walk's worker.
 */
#include "server/engine/adopt.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/buf.h"
#include "server/engine/walk.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { VERSION_MAX = 500, ROWS_MAX = CATALOG_MAX };

/* How a version becomes an id, as the importers do it. */
enum rule {
  BY_NUMBER, /* numbers, dotted or not, by value: 0001, V1 and 1 are one; what follows a `_` or a
                `-` is a name and no part of it */
  BY_NAME,   /* what an id cannot hold is a `_` */
};

/* What the second value of a row says. */
enum state {
  STATE_FAILED = -1,
  STATE_NOT = 0, /* not applied */
  STATE_APPLIED = 1,
  STATE_UP_TO = 2,     /* and whatever has a smaller number */
  STATE_REPEATABLE = 3 /* may run again */
};

struct tool {
  const char *name; /* as `migctl import --from` has it */
  unsigned dialects;
  const char *table, *has, *lacks; /* columns that tell it from others; `lacks` may be NULL */
  const char *file;                /* SQLite: in this file beside the target's */
  enum rule rule;
  bool ends; /* the rows name the last ones only: what they stand on is applied too */
  /* Values: version, state, checksum, and what else names it. */
  const char *sql;
};

#define BOTH DIALECT_ANY
#define SQITCH(schema)                                                                             \
  "SELECT c.change || CASE WHEN EXISTS (SELECT 1 FROM " schema "changes n WHERE n.change = "       \
  "c.change AND n.project = c.project AND n.committed_at > c.committed_at) THEN coalesce((SELECT " \
  "t.tag FROM " schema "tags t JOIN " schema "changes a ON a.change_id = t.change_id WHERE "       \
  "a.project = c.project AND a.committed_at >= c.committed_at ORDER BY a.committed_at, "           \
  "t.planned_at LIMIT 1), '') ELSE '' END, 1, '', '' FROM " schema "changes c ORDER BY "           \
  "c.committed_at"
#define ATLAS(table)                                                                               \
  "SELECT version, CASE WHEN coalesce(error, '') <> '' OR applied < total THEN -1 WHEN type = 1 "  \
  "THEN 2 ELSE 1 END, coalesce(hash, ''), '' FROM " table " WHERE version NOT LIKE '.%'"

/* tool · dialects · table, a column it has, one it has not · SQLite file · rule · ends · rows */
static const struct tool tools[] = {
    {"alembic", BOTH, "alembic_version", "version_num", NULL, NULL, BY_NAME, true,
     "SELECT version_num, 1, '', '' FROM alembic_version"},
    {"atlas", DIALECT_POSTGRESQL, "atlas_schema_revisions.atlas_schema_revisions", "version", NULL,
     NULL, BY_NUMBER, false, ATLAS("atlas_schema_revisions.atlas_schema_revisions")},
    {"atlas", BOTH, "atlas_schema_revisions", "version", NULL, NULL, BY_NUMBER, false,
     ATLAS("atlas_schema_revisions")},
    {"dbmate", BOTH, "schema_migrations", "version", "dirty", NULL, BY_NUMBER, false,
     "SELECT version, 1, '', '' FROM schema_migrations"},
    {"diesel", BOTH, "__diesel_schema_migrations", "version", NULL, NULL, BY_NUMBER, false,
     "SELECT version, 1, '', '' FROM __diesel_schema_migrations"},
    {"flyway", BOTH, "flyway_schema_history", "installed_rank", NULL, NULL, BY_NUMBER, false,
     "SELECT coalesce(f.version, f.script), CASE WHEN NOT f.success THEN -1 WHEN f.type LIKE "
     "'%BASELINE' THEN 2 WHEN f.type LIKE 'UNDO%' OR f.type IN ('DELETE', 'SCHEMA') THEN 0 WHEN "
     "f.version IS NULL THEN 3 ELSE 1 END, coalesce(CAST(f.checksum AS TEXT), ''), f.script FROM "
     "flyway_schema_history f JOIN (SELECT max(installed_rank) AS last FROM flyway_schema_history "
     "GROUP BY coalesce(version, script)) l ON l.last = f.installed_rank"},
    {"golang-migrate", BOTH, "schema_migrations", "dirty", NULL, NULL, BY_NUMBER, true,
     "SELECT CAST(version AS TEXT), CASE WHEN dirty THEN -1 WHEN version < 0 THEN 0 ELSE 1 END, "
     "'', '' FROM schema_migrations"},
    {"goose", BOTH, "goose_db_version", "is_applied", NULL, NULL, BY_NUMBER, false,
     "SELECT CAST(g.version_id AS TEXT), CASE WHEN g.is_applied THEN 1 ELSE 0 END, '', '' FROM "
     "goose_db_version g JOIN (SELECT max(id) AS last FROM goose_db_version GROUP BY version_id) l "
     "ON l.last = g.id WHERE g.version_id > 0"},
    {"liquibase", BOTH, "databasechangelog", "exectype", NULL, NULL, BY_NAME, false,
     "SELECT author || ':' || id, CASE exectype WHEN 'FAILED' THEN -1 WHEN 'SKIPPED' THEN 0 ELSE 1 "
     "END, coalesce(md5sum, ''), filename FROM databasechangelog"},
    {"node-pg-migrate", DIALECT_POSTGRESQL, "pgmigrations", "run_on", NULL, NULL, BY_NUMBER, false,
     "SELECT name, 1, '', '' FROM pgmigrations"},
    {"refinery", BOTH, "refinery_schema_history", "version", NULL, NULL, BY_NUMBER, false,
     "SELECT CAST(version AS TEXT), 1, coalesce(checksum, ''), '' FROM refinery_schema_history"},
    {"sqitch", DIALECT_POSTGRESQL, "sqitch.changes", "change_id", NULL, NULL, BY_NAME, false,
     SQITCH("sqitch.")},
    {"sqitch", DIALECT_SQLITE, "changes", "change_id", NULL, "sqitch.db", BY_NAME, false,
     SQITCH("")},
    {"sqlx", BOTH, "_sqlx_migrations", "success", NULL, NULL, BY_NUMBER, false,
     "SELECT CAST(version AS TEXT), CASE WHEN success THEN 1 ELSE -1 END, '', '' FROM "
     "_sqlx_migrations"},
};

bool adopt_knows(const char *tool) {
  for (size_t i = 0; i < COUNT(tools); i++)
    if (!strcmp(tools[i].name, tool))
      return true;
  return false;
}

const char *adopt_names(struct arena *arena) {
  struct buf b BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < COUNT(tools); i++)
    if (i == 0 || strcmp(tools[i].name, tools[i - 1].name))
      buf_addf(&b, "%s%s", i ? ", " : "", tools[i].name);
  return arena_strdup(arena, buf_str(&b));
}

/* ---- which tool ---- */

static int on_count(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int64_t *)ctx = v[0].i;
  return 0;
}

/* A table by its name, `schema.name` as well; of a target that is one schema, in that schema alone.
 */
#define IN_SCHEMA(table, schema)                                                                   \
  "to_regclass(CASE WHEN " schema "::text IS NULL OR strpos(" table "::text, '.') > 0 THEN " table \
  " ELSE quote_ident(" schema ") || '.' || " table " END)"

static int has_column(struct walk *w, struct db *db, const char *table, const char *column,
                      bool *out, struct err *e) {
  static const char *const sql[] = {
      [DIALECT_SQLITE] = "SELECT count(*) FROM pragma_table_info($1) WHERE lower(name) = $2",
      [DIALECT_POSTGRESQL] =
          "SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = " IN_SCHEMA(
              "$1", "$3") " AND attname = $2 AND NOT attisdropped"};
  struct db_value params[] = {db_text(table), db_text(column), db_text(db->schema)};
  int count = db->driver->dialect == DIALECT_POSTGRESQL ? 3 : 2;
  int64_t found = 0;
  if (db_exec(db, sql[db->driver->dialect], params, count, on_count, &found, NULL, w->job, e))
    return -1;
  *out = found > 0;
  return 0;
}

/* The database that the tool writes to: the target's own, or a file beside it, opened for reading
 * under the same rules. *out stays NULL where that is missing. */
static int open_place(struct walk *w, const struct tool *t, struct db **own, struct db **out,
                      struct err *e) {
  if (!t->file || w->db->driver->dialect != DIALECT_SQLITE) {
    *out = w->db;
    return 0;
  }
  struct db_url url = *w->options.url;
  struct db_options options = w->options;
  char *slash = strrchr(url.path, '/');
  if (!slash || (size_t)(slash - url.path) + strlen(t->file) + 2 > sizeof url.path)
    return 0;
  strcpy(slash + 1, t->file);
  if (access(url.path, F_OK))
    return 0;
  options.url = &url;
  options.read_only = true;
  options.create = options.wal = false;
  if (db_open(own, &options, w->job, e))
    return err_in(e, "%s", t->name);
  *out = *own;
  return 0;
}

static int was_here(struct walk *w, const struct tool *t, bool *out, struct err *e) {
  struct db *own DB_SCOPED = NULL, *db = NULL;
  bool has = false, lacks = false;
  *out = false;
  /* A registry in a schema of its own is the whole database's, not one schema's. */
  if (!(t->dialects & w->db->driver->dialect) || (w->db->schema && strchr(t->table, '.')))
    return 0;
  if (open_place(w, t, &own, &db, e))
    return -1;
  if (!db)
    return 0;
  if (has_column(w, db, t->table, t->has, &has, e) ||
      (t->lacks && has_column(w, db, t->table, t->lacks, &lacks, e)))
    return -1;
  *out = has && !lacks;
  return 0;
}

static int several(const struct tool *a, const struct tool *b, struct err *e) {
  err_set(e, ERR_REFUSED, "both %s (%s) and %s (%s) have been here", a->name, a->table, b->name,
          b->table);
  return err_hint(e, "say which one counts: --from %s", b->name);
}

/* What the target itself holds counts before a file beside it, which may be of its neighbours. */
static int choose(const struct tool **found, const struct tool *next, struct err *e) {
  if (*found && !(*found)->file == !next->file)
    return several(*found, next, e);
  if (!*found || (*found)->file)
    *found = next;
  return 0;
}

static int find_tool(struct walk *w, const struct tool **out, struct err *e) {
  const char *asked = w->adopt->asked;
  const struct tool *found = NULL;
  for (size_t i = 0; i < COUNT(tools); i++) {
    bool here;
    if (asked[0] && strcmp(tools[i].name, asked))
      continue;
    if (was_here(w, &tools[i], &here, e))
      return -1;
    if (here && choose(&found, &tools[i], e))
      return -1;
  }
  if (found) {
    *out = found;
    return 0;
  }
  err_set(e, ERR_REFUSED, "there is no version table of %s",
          asked[0] ? asked : "any tool that is known here");
  return err_hint(e, "`migctl stamp REVISION` says what is applied, without one");
}

/* ---- versions and ids ---- */

/* The end of the number that `s` begins with, digits with dots; NULL when there is none. */
static const char *number_end(const char *s) {
  const char *p = s + (strchr("VvBb", s[0]) && s[0] && isdigit((unsigned char)s[1]));
  if (!isdigit((unsigned char)*p))
    return NULL;
  while (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1])))
    p++;
  return p;
}

static const char *first_digit(const char *s) {
  return s + strcspn(s, "0123456789");
}

/* Both begin with numbers. Part by part, by value; a missing part is 0. */
static int compare_numbers(const char *a, const char *b) {
  const char *ends[] = {number_end(a), number_end(b)};
  a = first_digit(a);
  b = first_digit(b);
  while (a < ends[0] || b < ends[1]) {
    size_t n, m;
    a += strspn(a < ends[0] ? a : "", "0");
    b += strspn(b < ends[1] ? b : "", "0");
    n = a < ends[0] ? strspn(a, "0123456789") : 0;
    m = b < ends[1] ? strspn(b, "0123456789") : 0;
    if (n != m)
      return n < m ? -1 : 1;
    int order = memcmp(a, b, n);
    if (order)
      return order;
    a += n + (a + n < ends[0]);
    b += m + (b + m < ends[1]);
  }
  return 0;
}

/* The revisions whose ids are numbers, in their order. */
struct numbers {
  const struct catalog *c;
  unsigned *items;
  size_t count;
};

static int compare_items(const void *a, const void *b, void *ctx) {
  const struct catalog *c = ctx;
  return compare_numbers(c->revisions[*(const unsigned *)a].id,
                         c->revisions[*(const unsigned *)b].id);
}

static void sort_numbers(const struct catalog *c, struct arena *arena, struct numbers *out) {
  *out = (struct numbers){c, ARENA_ARRAY(arena, unsigned, c->count + 1), 0};
  for (size_t i = 0; i < c->count; i++) {
    const char *end = number_end(c->revisions[i].id);
    if (end && !*end)
      out->items[out->count++] = (unsigned)i;
  }
  if (out->count)
    qsort_r(out->items, out->count, sizeof *out->items, compare_items,
            (void *)(uintptr_t)c); /* qsort_r wants it so */
}

/* How many have a smaller number; with `equal`, or the same one. */
static size_t count_below(const struct numbers *n, const char *version, bool equal) {
  size_t low = 0, high = n->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int order = compare_numbers(n->c->revisions[n->items[mid]].id, version);
    if (order < 0 || (equal && order == 0))
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* The revision of a number; -1 none, -2 several. */
static long find_number(const struct numbers *n, const char *version) {
  const char *end = number_end(version);
  if (!end || (*end && !strchr("_-", *end)))
    return -1;
  size_t first = count_below(n, version, false), last = count_below(n, version, true);
  return first == last ? -1 : last - first > 1 ? -2 : (long)n->items[first];
}

static long find_name(const struct catalog *c, const char *name, struct arena *arena) {
  char *id = arena_strdup(arena, name);
  for (char *p = id; *p; p++)
    if (!isalnum((unsigned char)*p) && *p != '_' && *p != '.')
      *p = '_';
  return catalog_find(c, id);
}

/* ---- the rows ---- */

struct reading {
  struct walk *w;
  const struct tool *tool;
  struct numbers numbers;
  unsigned char *applied, *optional; /* by revision */
  size_t capacity, unknown;
  const char *first_unknown;
};

static const char *base_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Liquibase: where several files have an author's id, `file.author:id`. */
static long find_in_file(struct reading *r, const char *version, const char *path) {
  const char *base = base_of(path);
  size_t stem = strlen(base);
  if (stem > 4 && !strcmp(base + stem - 4, ".sql"))
    stem -= 4;
  return find_name(r->w->catalog, arena_printf(r->w->arena, "%.*s.%s", (int)stem, base, version),
                   r->w->arena);
}

/* Flyway: `R__views.sql` is the revision R_views. */
static long find_repeatable(struct reading *r, const char *path) {
  const char *base = base_of(path);
  size_t len = strlen(base);
  if (len < 8 || strncmp(base, "R__", 3))
    return -1;
  return find_name(r->w->catalog, arena_printf(r->w->arena, "R_%.*s", (int)(len - 7), base + 3),
                   r->w->arena);
}

static long find_revision(struct reading *r, const char *version, enum state state,
                          const char *path) {
  const struct catalog *c = r->w->catalog;
  if (state == STATE_REPEATABLE)
    return find_repeatable(r, path);
  if (r->tool->rule == BY_NUMBER) {
    long exact = catalog_find(c, version);
    return exact >= 0 ? exact : find_number(&r->numbers, version);
  }
  long found = find_name(c, version, r->w->arena);
  return found < 0 && path[0] ? find_in_file(r, version, path) : found;
}

static struct adopted *add_item(struct reading *r, const char *version, const char *note) {
  struct adoption *a = r->w->adopt;
  if (a->count == r->capacity) {
    size_t capacity = r->capacity ? 2 * r->capacity : 64;
    struct adopted *items = ARENA_ARRAY(r->w->arena, struct adopted, capacity);
    if (a->count)
      memcpy(items, a->items, a->count * sizeof *items);
    a->items = items;
    r->capacity = capacity;
  }
  a->items[a->count] = (struct adopted){.version = version, .note = note};
  return &a->items[a->count++];
}

/* The greatest number that is not above a baseline's; there may be none. */
static long mark_up_to(struct reading *r, const char *version) {
  size_t count = number_end(version) ? count_below(&r->numbers, version, true) : 0;
  for (size_t i = 0; i < count; i++)
    r->applied[r->numbers.items[i]] = 1;
  return count ? (long)r->numbers.items[count - 1] : -1;
}

static int take(struct reading *r, const char *version, enum state state, const char *note,
                const char *path, struct err *e) {
  if (state == STATE_FAILED) {
    err_set(e, ERR_REFUSED, "%s says that %.100s failed or is not whole", r->tool->table, version);
    return err_hint(e, "mend it with %s first, or say what is applied with `migctl stamp`",
                    r->tool->name);
  }
  if (state == STATE_NOT)
    return 0;
  if (r->w->adopt->count == ROWS_MAX)
    return err_set(e, ERR_REFUSED, "%s has more than %d rows", r->tool->table, ROWS_MAX);
  struct adopted *item = add_item(r, version, note);
  long found =
      state == STATE_UP_TO ? mark_up_to(r, version) : find_revision(r, version, state, path);
  if (found == -2)
    return err_set(e, ERR_REFUSED, "%.100s may be more than one revision of the catalog", version);
  if (found >= 0) {
    (state == STATE_REPEATABLE ? r->optional : r->applied)[found] = 1;
    item->revision = r->w->catalog->revisions[found].id;
  } else if (state == STATE_APPLIED && !r->unknown++) {
    r->first_unknown = version;
  }
  return 0;
}

static int on_row(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct reading *r = ctx;
  if (count != 4 || v[0].type != DB_TEXT || v[0].len > VERSION_MAX || v[1].type != DB_INT)
    return err_set(e, ERR_REFUSED, "%s holds what %s does not write", r->tool->table,
                   r->tool->name);
  char version[VERSION_MAX + 4];
  err_copy(version, sizeof version, v[0].s, v[0].len);
  return take(
      r, arena_strdup(r->w->arena, version), (enum state)v[1].i,
      v[2].type == DB_TEXT ? arena_strndup(r->w->arena, v[2].s, v[2].len < 100 ? v[2].len : 100)
                           : "",
      v[3].type == DB_TEXT && v[3].len <= VERSION_MAX ? arena_strndup(r->w->arena, v[3].s, v[3].len)
                                                      : "",
      e);
}

static int read_rows(struct reading *r, struct err *e) {
  struct db *own DB_SCOPED = NULL, *db = NULL;
  if (open_place(r->w, r->tool, &own, &db, e))
    return -1;
  if (!db)
    return err_set(e, ERR_REFUSED, "%s was there a moment ago", r->tool->file);
  if (db_exec(db, r->tool->sql, NULL, 0, on_row, r, NULL, r->w->job, e))
    return err_in(e, "read what %s wrote", r->tool->name);
  if (!r->unknown)
    return 0;
  const char *near = catalog_nearest(r->w->catalog, r->first_unknown);
  err_set(e, ERR_REFUSED, "%s names %.100s, which is no revision of the catalog%s", r->tool->table,
          r->first_unknown, r->unknown > 1 ? ", and others that are none" : "");
  return err_hint(e,
                  near ? "is it %s there? Push the catalog that `migctl import --from %s` made of "
                         "these migrations"
                       : "%.0spush the catalog that `migctl import --from %s` made of these "
                         "migrations",
                  near ? near : "", r->tool->name);
}

/* ---- a whole ---- */

/* Marks what an applied one stands on. */
static int imply(struct reading *r, unsigned below, unsigned of, unsigned *because, struct err *e) {
  const struct catalog *c = r->w->catalog;
  if (r->applied[below])
    return 0;
  if (!r->tool->ends && revision_has(&c->revisions[below], r->w->request.dialect, DIR_UP)) {
    err_set(e, ERR_REFUSED, "%s has %s but not %s, which it stands on", r->tool->table,
            c->revisions[because[of]].id, c->revisions[below].id);
    return err_hint(e,
                    "bring it to order with %s first, or say what is applied with `migctl stamp`",
                    r->tool->name);
  }
  r->applied[below] = 1;
  because[below] = because[of];
  return 0;
}

/* What an applied revision stands on must be applied as well, but for what does nothing on this
 * dialect: no tool has a row of that. */
static int check_whole(struct reading *r, struct err *e) {
  const struct catalog *c = r->w->catalog;
  unsigned *because = ARENA_ARRAY(r->w->arena, unsigned, c->count + 1);
  for (size_t i = 0; i < c->count; i++)
    because[i] = (unsigned)i;
  for (size_t i = c->count; i-- > 0;) {
    const struct node *n = &c->nodes[i];
    for (size_t j = 0; r->applied[i] && j < n->parents.count; j++)
      if (imply(r, n->parents.items[j], (unsigned)i, because, e))
        return -1;
    for (size_t j = 0; r->applied[i] && j < n->depends_on.count; j++)
      if (imply(r, n->depends_on.items[j], (unsigned)i, because, e))
        return -1;
  }
  return 0;
}

/* A script that may run again stands at the end of the catalog: it counts where all before it is
 * applied, else it will run again. */
static void add_optional(struct reading *r) {
  const struct catalog *c = r->w->catalog;
  for (size_t i = 0; i < c->count; i++) {
    bool whole = r->optional[i];
    for (size_t k = 0; whole && k < c->nodes[i].parents.count; k++)
      whole = r->applied[c->nodes[i].parents.items[k]];
    if (whole)
      r->applied[i] = 1;
  }
  for (size_t i = 0; i < r->w->adopt->count; i++) {
    struct adopted *item = &r->w->adopt->items[i];
    if (item->revision && !r->applied[catalog_find(c, item->revision)])
      item->revision = NULL;
  }
}

/* The applied ones that no other applied one stands on, as identifiers; `base` when nothing is. */
static void take_ends(struct reading *r) {
  const struct catalog *c = r->w->catalog;
  struct plan_request *q = &r->w->request;
  const char **ends = ARENA_ARRAY(r->w->arena, const char *, c->count + 1);
  q->revision_count = 0;
  for (size_t i = 0; i < c->count; i++) {
    const struct revision_set *above[] = {&c->nodes[i].children, &c->nodes[i].dependents};
    bool end = r->applied[i];
    for (size_t k = 0; k < 2; k++)
      for (size_t j = 0; end && j < above[k]->count; j++)
        end = !r->applied[above[k]->items[j]];
    if (end)
      ends[q->revision_count++] = c->revisions[i].id;
  }
  if (!q->revision_count)
    ends[q->revision_count++] = "base";
  q->revisions = ends;
}

/* A ledger that knows of all that the other tool did needs nothing. */
static int compare_ledger(struct reading *r, struct err *e) {
  const struct catalog *c = r->w->catalog;
  const struct ledger_state *l = &r->w->ledger;
  unsigned char *known = arena_alloc(r->w->arena, c->count + 1);
  struct revision_set rows = {.items = ARENA_ARRAY(r->w->arena, unsigned, l->row_count + 1)};
  for (size_t i = 0; i < l->row_count; i++) {
    long at = catalog_find(c, l->rows[i]);
    if (at >= 0)
      rows.items[rows.count++] = (unsigned)at;
  }
  catalog_mark_ancestors(c, &rows, true, known);
  for (size_t i = 0; i < c->count; i++)
    if (r->applied[i] && !known[i]) {
      err_set(e, ERR_REFUSED, "there is a ledger already, and %s, which %s has, is not in it",
              c->revisions[i].id, r->tool->table);
      return err_hint(e, "only one of them can be right: see `migctl current`; `migctl stamp` "
                         "changes the ledger");
    }
  r->w->adopt->known = true;
  return 0;
}

int adopt_find(struct walk *w, struct err *e) {
  struct reading r = {.w = w,
                      .applied = arena_alloc(w->arena, w->catalog->count + 1),
                      .optional = arena_alloc(w->arena, w->catalog->count + 1)};
  w->adopt->items = NULL;
  w->adopt->count = 0;
  if (find_tool(w, &r.tool, e))
    return -1;
  w->adopt->tool = r.tool->name;
  w->adopt->table = r.tool->table;
  sort_numbers(w->catalog, w->arena, &r.numbers);
  if (read_rows(&r, e) || check_whole(&r, e))
    return -1;
  add_optional(&r);
  take_ends(&r);
  w->request.purge = !w->ledger.exists;
  return w->ledger.exists ? compare_ledger(&r, e) : 0;
}

/* ---- the catalog's rule ---- */

int adopt_by_rule(struct walk *w, bool *applies, struct err *e) {
  static const char *const sql[] = {
      [DIALECT_SQLITE] =
          "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND lower(name) = "
          "lower($1)",
      [DIALECT_POSTGRESQL] = "SELECT (" IN_SCHEMA("$1", "$2") " IS NOT NULL)::int"};
  struct db_value params[] = {db_text(w->adopt_table), db_text(w->db->schema)};
  int count = w->db->driver->dialect == DIALECT_POSTGRESQL ? 2 : 1;
  int64_t found = 0;
  *applies = false;
  if (!w->adopt_table || !w->adopt_table[0])
    return 0;
  if (db_exec(w->db, sql[w->db->driver->dialect], params, count, on_count, &found, NULL, w->job, e))
    return err_in(e, "look for the table %s", w->adopt_table);
  *applies = found > 0;
  return 0;
}

int adopt_rule_plan(struct walk *w, struct err *e) {
  struct plan_request at = {.operation = OP_STAMP,
                            .dialect = w->request.dialect,
                            .revisions = &w->adopt_revision,
                            .revision_count = 1};
  struct plan stamp, upgrade;
  if (plan_make(w->catalog, &at, NULL, 0, w->arena, &stamp, e))
    return err_in(e, "the catalog's rule, a database with %s is at %s", w->adopt_table,
                  w->adopt_revision);
  if (plan_make(w->catalog, &w->request, stamp.after, stamp.after_count, w->arena, &upgrade, e))
    return -1;
  w->plan = upgrade;
  w->plan.count = stamp.count + upgrade.count;
  w->plan.steps = ARENA_ARRAY(w->arena, struct plan_step, w->plan.count + 1);
  for (size_t i = 0; i < w->plan.count; i++)
    w->plan.steps[i] = i < stamp.count ? stamp.steps[i] : upgrade.steps[i - stamp.count];
  return 0;
}
