/* The ledger's SQL: portable but for making the tables and for looking whether they are there.
 * Every statement is ours; transactions are the caller's.
 */
#include "server/engine/ledger.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/engine/script.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *const ledger_tables[] = {"migd_revision", "migd_ledger", "migd_backfill", NULL};

/* What differs between the dialects. */
struct ledger_sql {
  /* Two values: the ledger exists; something else exists. PostgreSQL: $1 is the schema that is the
   * target, or null. */
  const char *look;
  const char *create[2];
  const char *append[2];     /* [1]: where the database itself counts and tells the time */
  const char *look_backfill; /* migd_backfill exists */
};

#define APPEND                                                                                     \
  "INSERT INTO migd_ledger (seq, revision, direction, statement, state, checksum, run_id, epoch, " \
  "step, principal, store_id, started_at, duration_us) "
#define APPEND_GIVEN APPEND "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
#define APPEND_FOUND(now)                                                                          \
  APPEND "SELECT coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6, $7, coalesce(max(epoch), 0), $9, " \
         "$10, $11, " now ", $13 FROM migd_ledger"

static const struct ledger_sql sql_of[] = {
    [DIALECT_SQLITE] =
        {.look = "SELECT (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = "
                 "'migd_revision'), (SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE "
                 "'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'migd\\_%' ESCAPE '\\')",
         .create =
             {"CREATE TABLE IF NOT EXISTS migd_revision (revision VARCHAR(64) NOT NULL PRIMARY "
              "KEY)",
              "CREATE TABLE IF NOT EXISTS migd_ledger (seq INTEGER NOT NULL PRIMARY KEY, revision "
              "VARCHAR(64) NOT NULL, direction VARCHAR(8) NOT NULL, statement INTEGER NOT "
              "NULL, state VARCHAR(8) NOT NULL, checksum VARCHAR(80) NOT NULL, run_id BIGINT "
              "NOT NULL, epoch BIGINT NOT NULL, step INTEGER NOT NULL, principal VARCHAR(64) "
              "NOT NULL, store_id VARCHAR(64) NOT NULL, started_at VARCHAR(32) NOT NULL, "
              "duration_us BIGINT NOT NULL)"},
         .append = {APPEND_GIVEN, APPEND_FOUND("strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')")},
         .look_backfill = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = "
                          "'migd_backfill'"},
    [DIALECT_POSTGRESQL] =
        {.look =
             "SELECT (to_regclass(coalesce(quote_ident($1::text) || '.', '') || 'migd_revision') "
             "IS "
             "NOT NULL)::int, (EXISTS (SELECT 1 FROM "
             "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
             "c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> "
             "'information_schema' AND n.nspname = coalesce($1::text, n.nspname) AND c.relname !~ "
             "'^migd_' AND NOT EXISTS (SELECT 1 FROM "
             "pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')))::int",
         .create =
             {"CREATE TABLE IF NOT EXISTS migd_revision (revision VARCHAR(64) NOT NULL PRIMARY "
              "KEY)",
              "CREATE TABLE IF NOT EXISTS migd_ledger (seq BIGINT NOT NULL PRIMARY KEY, revision "
              "VARCHAR(64) NOT NULL, direction VARCHAR(8) NOT NULL, statement BIGINT NOT "
              "NULL, state VARCHAR(8) NOT NULL, checksum VARCHAR(80) NOT NULL, run_id BIGINT "
              "NOT NULL, epoch BIGINT NOT NULL, step INTEGER NOT NULL, principal VARCHAR(64) "
              "NOT NULL, store_id VARCHAR(64) NOT NULL, started_at VARCHAR(32) NOT NULL, "
              "duration_us BIGINT NOT NULL)"},
         .append = {APPEND_GIVEN, APPEND_FOUND("to_char(clock_timestamp() AT TIME ZONE 'UTC', "
                                               "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")},
         .look_backfill = "SELECT (to_regclass('migd_backfill') IS NOT NULL)::int"},
};

static const char *const direction_names[] = {
    [DIR_UP] = "up", [DIR_DOWN] = "down", [DIR_STAMP] = "stamp"};

static enum direction direction_parse(const char *name) {
  for (enum direction d = DIR_UP; d <= DIR_STAMP; d++)
    if (!strcmp(name, direction_names[d]))
      return d;
  return DIR_STAMP;
}

/* Our own statement, kept prepared: the texts are constants. */
static int exec_kept(struct db *db, const char *sql, const struct db_value *params, int count,
                     db_row_fn *row, void *ctx, int64_t *changed, const struct job *job,
                     struct err *e) {
  struct db_statement statement = {sql, strlen(sql), params, count, DB_OURS | DB_REUSE};
  return db->driver->exec(db, &statement, row, ctx, changed, job, e);
}

/* What the rows of migd_ledger and migd_revision are read into. */
struct reading {
  struct arena *arena;
  struct ledger_state *state;
  size_t capacity;
};

static int on_look(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)e;
  struct ledger_state *state = ctx;
  if (count == 2) {
    state->exists = v[0].i > 0;
    state->empty_database = !state->exists && v[1].i == 0;
  }
  return 0;
}

static int on_row(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  struct reading *r = ctx;
  struct ledger_state *state = r->state;
  if (state->row_count == r->capacity) {
    size_t capacity = r->capacity ? 2 * r->capacity : 8;
    const char **rows = ARENA_ARRAY(r->arena, const char *, capacity);
    if (state->row_count)
      memcpy(rows, state->rows, state->row_count * sizeof *rows);
    state->rows = rows;
    r->capacity = capacity;
  }
  state->rows[state->row_count++] = arena_strndup(r->arena, v[0].s, v[0].len);
  return 0;
}

static int on_last(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  struct reading *r = ctx;
  r->state->last_seq = v[0].i;
  r->state->store_id = arena_strndup(r->arena, v[1].s, v[1].len);
  r->state->epoch = v[2].i;
  return 0;
}

static const char *const mark_names[] = {[LEDGER_DONE] = "done",
                                         [LEDGER_STARTED] = "started",
                                         [LEDGER_FAILED] = "failed",
                                         [LEDGER_BATCH] = "batch"};

/* Entries of statements since the last whole step, in order: `started` opens a doubt, the others
 * close it. */
static int on_statement(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  struct reading *r = ctx;
  struct ledger_partial *p = &r->state->partial;
  p->revision = arena_strndup(r->arena, v[0].s, v[0].len);
  p->direction = direction_parse(v[1].s);
  p->checksum = arena_strndup(r->arena, v[2].s, v[2].len);
  p->doubt = p->failed = p->batch = 0;
  p->batch_entry = v[5].i;
  if (!strcmp(v[4].s, mark_names[LEDGER_DONE]))
    p->done = v[3].i;
  else if (!strcmp(v[4].s, mark_names[LEDGER_BATCH]))
    p->batch = v[3].i;
  else if (!strcmp(v[4].s, mark_names[LEDGER_FAILED]))
    p->failed = v[3].i;
  else
    p->doubt = v[3].i;
  return 0;
}

int ledger_read(struct db *db, struct arena *arena, struct ledger_state *out, const struct job *job,
                struct err *e) {
  struct ledger_state state = {0};
  struct reading r = {arena, &state, 0};
  struct db_value schema = db_text(db->schema);
  int params = db->driver->dialect == DIALECT_POSTGRESQL;
  if (exec_kept(db, sql_of[db->driver->dialect].look, &schema, params, on_look, &state, NULL, job,
                e))
    return -1;
  if (state.exists &&
      (exec_kept(db, "SELECT revision FROM migd_revision ORDER BY revision", NULL, 0, on_row, &r,
                 NULL, job, e) ||
       exec_kept(db, "SELECT seq, store_id, epoch FROM migd_ledger ORDER BY seq DESC LIMIT 1", NULL,
                 0, on_last, &r, NULL, job, e) ||
       exec_kept(
           db,
           "SELECT revision, direction, checksum, statement, state, seq FROM migd_ledger WHERE seq "
           "> (SELECT coalesce(max(seq), 0) FROM migd_ledger WHERE statement = 0) ORDER BY seq",
           NULL, 0, on_statement, &r, NULL, job, e)))
    return -1;
  *out = state;
  return 0;
}

/* What was being done, but for a run that is cancelled: it is not the ledger's fault. */
static int in_ledger(struct err *e, const char *doing) {
  return e->kind == ERR_CANCELLED ? -1 : err_in(e, "%s", doing);
}

int ledger_create(struct db *db, const struct job *job, struct err *e) {
  const struct ledger_sql *sql = &sql_of[db->driver->dialect];
  for (size_t i = 0; i < COUNT(sql->create); i++)
    if (exec_kept(db, sql->create[i], NULL, 0, NULL, NULL, NULL, job, e))
      return in_ledger(e, "make the ledger");
  return 0;
}

/* One statement on migd_revision that must hit exactly one row. */
static int swap(struct db *db, const char *sql, const struct db_value *params, int count,
                const struct job *job, struct err *e) {
  int64_t changed = 0;
  if (exec_kept(db, sql, params, count, NULL, NULL, &changed, job, e))
    return in_ledger(e, "change the ledger");
  if (changed != 1)
    return err_set(e, ERR_CONFLICT,
                   "the ledger was changed by somebody else: %s expected one row for %s, found "
                   "%lld; nothing of this step was done",
                   sql[0] == 'U' ? "an update" : "a delete", params[count - 1].s,
                   (long long)changed);
  return 0;
}

int ledger_change(struct db *db, const struct plan_step *step, const struct job *job,
                  struct err *e) {
  size_t pairs = step->remove_count < step->insert_count ? step->remove_count : step->insert_count;
  for (size_t i = 0; i < pairs; i++) {
    struct db_value params[] = {db_text(step->insert[i]), db_text(step->remove[i])};
    if (swap(db, "UPDATE migd_revision SET revision = $1 WHERE revision = $2", params, 2, job, e))
      return -1;
  }
  for (size_t i = pairs; i < step->remove_count; i++) {
    struct db_value params[] = {db_text(step->remove[i])};
    if (swap(db, "DELETE FROM migd_revision WHERE revision = $1", params, 1, job, e))
      return -1;
  }
  for (size_t i = pairs; i < step->insert_count; i++) {
    struct db_value params[] = {db_text(step->insert[i])};
    if (exec_kept(db, "INSERT INTO migd_revision (revision) VALUES ($1)", params, 1, NULL, NULL,
                  NULL, job, e)) {
      if (e->kind == ERR_MIGRATION)
        e->kind = ERR_CONFLICT;
      return in_ledger(e, "change the ledger");
    }
  }
  return 0;
}

int ledger_purge(struct db *db, const struct job *job, struct err *e) {
  return exec_kept(db, "DELETE FROM migd_revision", NULL, 0, NULL, NULL, NULL, job, e);
}

static void format_time(char out[32], int64_t us) {
  time_t seconds = us / 1000000;
  struct tm tm;
  gmtime_r(&seconds, &tm);
  size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out + n, 32 - n, ".%06dZ", (int)(us % 1000000));
}

int ledger_append(struct db *db, const struct ledger_entry *entry, int64_t *last_seq,
                  const struct job *job, struct err *e) {
  char at[32];
  format_time(at, entry->started_at);
  struct db_value params[] = {
      db_int(*last_seq + 1),
      db_text(entry->revision),
      db_text(direction_names[entry->direction]),
      db_int(entry->statement),
      db_text(mark_names[entry->mark]),
      db_text(entry->checksum),
      db_int(entry->run),
      db_int(entry->epoch),
      db_int(entry->step),
      db_text(entry->principal),
      db_text(entry->store_id),
      db_text(at),
      db_int(entry->duration_us),
  };
  const char *sql = sql_of[db->driver->dialect].append[entry->offline];
  if (exec_kept(db, sql, params, COUNT(params), NULL, NULL, NULL, job, e)) {
    if (e->kind == ERR_MIGRATION)
      e->kind = ERR_CONFLICT;
    return in_ledger(e, "write the ledger");
  }
  ++*last_seq;
  return 0;
}

static int on_count(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int64_t *)ctx = v[0].i;
  return 0;
}

#define CREATE_BACKFILL                                                                            \
  "CREATE TABLE IF NOT EXISTS migd_backfill (entry BIGINT NOT NULL PRIMARY KEY, batches BIGINT "   \
  "NOT NULL, changed BIGINT NOT NULL, orphans BIGINT NOT NULL)"
#define INSERT_BACKFILL "INSERT INTO migd_backfill (entry, batches, changed, orphans) "

int ledger_batch_begin(struct db *db, int64_t entry, const struct ledger_batches *counts,
                       bool offline, const struct job *job, struct err *e) {
  struct db_value params[] = {db_int(entry), db_int(counts->batches), db_int(counts->rows),
                              db_int(counts->orphans)};
  const char *look = sql_of[db->driver->dialect].look_backfill;
  int64_t exists = 0;
  if ((!offline && exec_kept(db, look, NULL, 0, on_count, &exists, NULL, job, e)) ||
      (!exists && exec_kept(db, CREATE_BACKFILL, NULL, 0, NULL, NULL, NULL, job, e)) ||
      exec_kept(db,
                offline ? INSERT_BACKFILL "SELECT max(seq), $2, $3, $4 FROM migd_ledger"
                        : INSERT_BACKFILL "VALUES ($1, $2, $3, $4)",
                params, COUNT(params), NULL, NULL, NULL, job, e))
    return in_ledger(e, "write the ledger");
  return 0;
}

static int on_batches(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(struct ledger_batches *)ctx = (struct ledger_batches){v[0].i, v[1].i, v[2].i};
  return 0;
}

int ledger_batch_read(struct db *db, int64_t entry, struct ledger_batches *out,
                      const struct job *job, struct err *e) {
  struct db_value params[] = {db_int(entry)};
  struct ledger_batches found = {.batches = -1};
  if (exec_kept(db, "SELECT batches, changed, orphans FROM migd_backfill WHERE entry = $1", params,
                1, on_batches, &found, NULL, job, e))
    return in_ledger(e, "read the ledger");
  if (found.batches < 0)
    return err_set(e, ERR_CONFLICT, "migd_backfill has no row for entry %lld of the ledger",
                   (long long)entry);
  *out = found;
  return 0;
}

int ledger_batch_add(struct db *db, int64_t entry, const struct ledger_batches *before,
                     const struct ledger_batches *after, const struct job *job, struct err *e) {
  struct db_value params[] = {db_int(after->batches), db_int(after->rows), db_int(entry),
                              db_int(before->batches)};
  int64_t changed = 0;
  if (exec_kept(db,
                "UPDATE migd_backfill SET batches = $1, changed = $2 WHERE entry = $3 AND batches "
                "= $4",
                params, COUNT(params), NULL, NULL, &changed, job, e))
    return in_ledger(e, "change the ledger");
  if (changed == 1)
    return 0;
  return err_set(e, ERR_CONFLICT,
                 "migd_backfill was changed by somebody else; nothing of this batch was done");
}

void ledger_add_batch(struct buf *out, const char *rows) {
  buf_addf(out,
           "UPDATE migd_backfill SET batches = batches + 1, changed = changed + %s WHERE entry = "
           "(SELECT max(seq) FROM migd_ledger)",
           rows);
}

int ledger_has_step(struct db *db, int64_t run, int64_t epoch, unsigned step, const struct job *job,
                    struct err *e) {
  struct db_value params[] = {db_int(run), db_int(epoch), db_int(step)};
  int64_t found = 0;
  if (exec_kept(
          db,
          "SELECT count(*) FROM migd_ledger WHERE run_id = $1 AND epoch = $2 AND step = $3 AND "
          "statement = 0",
          params, 3, on_count, &found, NULL, job, e))
    return -1;
  return found > 0;
}

void ledger_add_fresh(struct buf *out, enum dialect dialect, const char *schema) {
  buf_adds(out, "(WITH look (ledger, others) AS (");
  for (const char *s = sql_of[dialect].look; *s;) {
    size_t len = strcspn(s, "$");
    buf_add(out, s, len);
    s += len;
    if (!*s)
      break;
    if (schema)
      script_add_text(out, schema, strlen(schema));
    else
      buf_adds(out, "NULL");
    s += 2; /* $1 is the only one */
  }
  buf_adds(out, ") SELECT ledger > 0 OR others = 0 FROM look)");
}

/* Ids need no quoting. */
void ledger_add_at(struct buf *out, const char *const *rows, size_t count, const char *store_id) {
  buf_addf(out, "(SELECT count(*) FROM migd_revision) = %zu", count);
  if (count) {
    buf_adds(out, " AND (SELECT count(*) FROM migd_revision WHERE revision IN (");
    for (size_t i = 0; i < count; i++)
      buf_addf(out, "%s'%s'", i ? ", " : "", rows[i]);
    buf_addf(out, ")) = %zu", count);
  }
  buf_addf(out,
           " AND NOT EXISTS (SELECT 1 FROM migd_ledger WHERE seq = (SELECT max(seq) FROM "
           "migd_ledger) AND (statement <> 0 OR store_id <> '%s'))",
           store_id);
}
