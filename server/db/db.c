/* What is the same for every driver: the list of them, values, opening by dialect, closing. */
#include "server/db/db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/buf.h"
#include "server/base/digest.h"
#include "server/db/postgres.h"
#include "server/db/sqlite.h"

enum { BLOCKERS_TOLD = 5, QUERY_SHOWN = 60 /* bytes */ };

/* The drivers. A new one is its file and a word here. */
static const struct db_driver *const drivers[] = {&db_sqlite, &db_postgres, NULL};

const struct db_driver *db_driver_of(enum dialect dialect) {
  const struct db_driver *const *driver = drivers;
  while (*driver && (*driver)->dialect != dialect)
    driver++;
  return *driver;
}

void db_process_init(void) {
  sqlite_process_init();
  postgres_process_init();
}

struct db_value db_text(const char *s) {
  return s ? db_textn(s, strlen(s)) : db_null();
}

struct db_value db_textn(const char *s, size_t len) {
  return (struct db_value){DB_TEXT, 0, s, len};
}

struct db_value db_blob(const void *data, size_t len) {
  return (struct db_value){DB_BLOB, 0, data, len};
}

/* "process 4711 (psql, role app): idle in transaction, holds AccessShareLock on public.orders;
 * since 2026-01-29 05:04:41 UTC: SELECT …" */
static void tell_one(struct buf *out, const struct db_blocker *b) {
  if (b->pid)
    buf_addf(out, "process %d (%s, role %s): ", b->pid,
             b->application[0] ? b->application : "unnamed", b->user[0] ? b->user : "unknown");
  else
    buf_adds(out, "a transaction that is prepared (pg_prepared_xacts): ");
  if (b->state[0])
    buf_addf(out, "%s, ", b->state);
  buf_addf(out, "holds %s", b->lock_mode[0] ? b->lock_mode : "a lock");
  if (b->relation[0])
    buf_addf(out, " on %s", b->relation);
  if (b->pid && !b->state[0])
    buf_adds(out, "; its state and query are hidden from this role (pg_read_all_stats shows them)");
  time_t seconds = (time_t)(b->query_start / 1000000);
  struct tm utc;
  char when[40] = "";
  if (b->query_start && gmtime_r(&seconds, &utc))
    strftime(when, sizeof when, "; since %Y-%m-%d %H:%M:%S UTC", &utc);
  buf_adds(out, when);
  if (b->state[0] && b->query[0])
    buf_addf(out, ": %.*s", QUERY_SHOWN, b->query);
}

void db_blockers_tell(const struct db_blockers *b, struct err *e) {
  struct buf text BUF_SCOPED = BUF_INIT;
  size_t told = 0, room = sizeof e->detail - sizeof "\nand 4294967295 more";
  buf_adds(&text, e->detail);
  for (; told < b->count && told < BLOCKERS_TOLD; told++) {
    struct buf line BUF_SCOPED = BUF_INIT;
    tell_one(&line, &b->items[told]);
    if (text.len + 1 + line.len > room)
      break;
    buf_addf(&text, "%s%s", text.len ? "\n" : "", buf_str(&line));
  }
  if (b->total > told)
    buf_addf(&text, "%sand %zu more", text.len ? "\n" : "", b->total - told);
  err_copy_lines(e->detail, sizeof e->detail, buf_str(&text), text.len);
}

int64_t db_postgres_lock(const char *schema) {
  static const char words[] = "migd schema ";
  char text[DIGEST_TEXT], head[17];
  if (!schema)
    return DB_POSTGRES_LOCK;
  struct digest *d = digest_new();
  digest_add(d, words, sizeof words - 1);
  digest_add(d, schema, strlen(schema));
  digest_finish(d, text);
  memcpy(head, strchr(text, ':') + 1, 16);
  head[16] = '\0';
  return (int64_t)strtoull(head, NULL, 16);
}

void db_add_name(struct buf *out, const char *name) {
  buf_addc(out, '"');
  for (; *name; name++) {
    if (*name == '"')
      buf_addc(out, '"');
    buf_addc(out, *name);
  }
  buf_addc(out, '"');
}

int db_open(struct db **out, const struct db_options *options, const struct job *job,
            struct err *e) {
  const struct db_driver *driver = db_driver_of(options->url->dialect);
  if (!driver)
    return err_set(e, ERR_UNIMPLEMENTED, "there is no driver for this database");
  return driver->open(out, options, job, e);
}

void db_close(struct db *db) {
  if (db)
    db->driver->close(db);
}

void db_close_scoped(struct db **db) {
  db_close(*db);
}

int db_exec(struct db *db, const char *sql, const struct db_value *params, int count,
            db_row_fn *row, void *ctx, int64_t *changed, const struct job *job, struct err *e) {
  struct db_statement st = {sql, strlen(sql), params, count, DB_OURS};
  return db->driver->exec(db, &st, row, ctx, changed, job, e);
}
