/* The PostgreSQL driver. How to connect is in postgres_open.c, how a statement runs in
 * postgres_run.c, how to wait and to cancel in postgres_wait.c. The target's lock is a session
 * advisory lock on the working connection: it ends with the session, however that ends.
 */
#include "server/db/postgres.h"

#include <stdio.h>

/* pg_locks shows the key's halves as classid and objid. $1 is the key. */
#define LOCK_WHERE                                                                                 \
  "l.locktype = 'advisory' AND l.classid = (($1::pg_catalog.int8 >> 32) & 4294967295)::oid"        \
  " AND l.objid = ($1 & 4294967295)::oid AND l.objsubid = 1 AND l.granted AND l.database ="        \
  " (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())"

static struct db_value lock_key(const struct postgres *p) {
  return db_int(db_postgres_lock(p->db.schema));
}

static int on_int(void *ctx, const struct db_value *values, int count, struct err *e) {
  (void)count;
  (void)e;
  *(int64_t *)ctx = values[0].i;
  return 0;
}

static int on_holder(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count;
  (void)e;
  const char *program = v[1].type == DB_TEXT && v[1].len ? v[1].s : "an unknown program";
  const char *since = v[2].type == DB_TEXT ? v[2].s : "an unknown time";
  err_set(ctx, ERR_LOCKED, "another session holds the target's lock: process %lld (%s), since %s",
          (long long)v[0].i, program, since);
  return 0;
}

static void describe_holder(struct postgres *p, const struct job *job, struct err *e) {
  struct err ignored;
  struct db_value key = lock_key(p);
  err_set(e, ERR_LOCKED, "another session holds the target's lock");
  static const char sql[] =
      "SELECT l.pid, a.application_name, pg_catalog.to_char(a.backend_start, 'YYYY-MM-DD "
      "HH24:MI:SS TZ')"
      " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
      " WHERE " LOCK_WHERE;
  (void)postgres_query(p, sql, &key, 1, on_holder, e, job, &ignored);
}

/* Whether it is held, as the session that answers now sees it: a pooler that hands on the real
 * server's key may have given us another one. */
struct held {
  int64_t pid, lock;
};

static int on_held(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count;
  (void)e;
  *(struct held *)ctx = (struct held){v[0].i, v[1].i};
  return 0;
}

static int postgres_lock_check(struct db *db, struct err *e);

static int postgres_lock(struct db *db, const struct job *job, struct err *e) {
  struct postgres *p = (struct postgres *)db;
  struct db_value key = lock_key(p);
  int64_t taken = 0;
  if (postgres_query(p, "SELECT pg_catalog.pg_try_advisory_lock($1)", &key, 1, on_int, &taken, job,
                     e) < 0)
    return -1;
  if (taken)
    return postgres_lock_check(db, e) < 0 ? -1 : 1;
  describe_holder(p, job, e);
  return 0;
}

static int postgres_lock_check(struct db *db, struct err *e) {
  struct postgres *p = (struct postgres *)db;
  struct db_value key = lock_key(p);
  struct held held = {0};
  static const char sql[] =
      "SELECT pg_catalog.pg_backend_pid(), EXISTS (SELECT FROM pg_catalog.pg_locks l "
      "WHERE " LOCK_WHERE " AND l.pid = pg_catalog.pg_backend_pid())";
  if (postgres_query(p, sql, &key, 1, on_held, &held, NULL, e) < 0)
    return -1;
  if (held.pid != PQbackendPID(p->conn))
    return postgres_refuse_pooler(e);
  if (!held.lock)
    return err_set(e, ERR_TARGET, "the target's lock is no longer held");
  return 0;
}

static void postgres_unlock(struct db *db) {
  struct postgres *p = (struct postgres *)db;
  struct db_value key = lock_key(p);
  struct err ignored;
  (void)postgres_query(p, "SELECT pg_catalog.pg_advisory_unlock($1)", &key, 1, NULL, NULL, NULL,
                       &ignored);
}

static int postgres_exec(struct db *db, const struct db_statement *statement, db_row_fn *row,
                         void *ctx, int64_t *changed, const struct job *job, struct err *e) {
  struct postgres *p = (struct postgres *)db;
  if (p->busy)
    return err_set(e, ERR_INTERNAL, "a statement is already running on this connection");
  p->busy = true;
  p->noticed = 0;
  int rc = postgres_run(p, statement, row, ctx, changed, job, e);
  p->busy = false;
  return rc;
}

static int postgres_lock_wait(struct db *db, int64_t ms, const struct job *job, struct err *e) {
  struct postgres *p = (struct postgres *)db;
  char text[24];
  snprintf(text, sizeof text, "%lld", (long long)(ms > 0 ? ms : 1));
  struct db_value param = db_text(text);
  if (postgres_query(p, "SELECT pg_catalog.set_config('lock_timeout', $1, false)", &param, 1, NULL,
                     NULL, job, e) < 0)
    return -1;
  p->lock_wait_ms = ms > 0 ? ms : 1;
  return 0;
}

static const struct db_blockers *postgres_blockers(struct db *db) {
  return &((struct postgres *)db)->blockers;
}

static bool postgres_in_transaction(struct db *db) {
  struct postgres *p = (struct postgres *)db;
  PGTransactionStatusType status = PQtransactionStatus(p->conn);
  return !p->broken && (status == PQTRANS_INTRANS || status == PQTRANS_INERROR);
}

const struct db_driver db_postgres = {
    .name = "postgresql",
    .dialect = DIALECT_POSTGRESQL,
    .begin = "BEGIN",
    .open = postgres_open,
    .lock = postgres_lock,
    .lock_check = postgres_lock_check,
    .unlock = postgres_unlock,
    .exec = postgres_exec,
    .lock_wait = postgres_lock_wait,
    .blockers = postgres_blockers,
    .in_transaction = postgres_in_transaction,
    .close = postgres_close,
};
