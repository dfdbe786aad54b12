/* A decorator over any driver: logs each statement and its time at debug level, never a parameter,
 * nor the text of one with a secret in it. Owns the connection that it wraps. Thread: that of
 * the connection.
 */
#include "server/db/db.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/log.h"

#define SHOWN 200 /* bytes of a statement */

struct traced {
  struct db db;
  struct db_driver driver; /* the inner one's row, with our functions */
  struct db *inner;
  struct log *log;
  char name[104];
};

static struct traced *of(struct db *db) {
  return (struct traced *)db;
}

static void tell(const struct traced *t, const char *what, size_t len, int64_t began_ns, int rc,
                 const struct err *e) {
  double ms = (double)(clock_mono_ns() - began_ns) / NS_PER_MS;
  int shown = (int)(len < SHOWN ? len : SHOWN);
  log_line(t->log, LOG_DEBUG, "db", "%s: %.3f ms: %.*s%s%s%s", t->name, ms, shown, what,
           len > SHOWN ? " ..." : "", rc < 0 ? ": " : "", rc < 0 ? e->text : "");
}

static int traced_lock(struct db *db, const struct job *job, struct err *e) {
  struct traced *t = of(db);
  int64_t began = clock_mono_ns();
  int rc = t->inner->driver->lock(t->inner, job, e);
  tell(t, rc == 0 ? "lock (held)" : "lock", rc == 0 ? 11 : 4, began, rc, e);
  return rc;
}

static int traced_lock_check(struct db *db, struct err *e) {
  return of(db)->inner->driver->lock_check(of(db)->inner, e);
}

static void traced_unlock(struct db *db) {
  of(db)->inner->driver->unlock(of(db)->inner);
}

static int traced_exec(struct db *db, const struct db_statement *statement, db_row_fn *row,
                       void *ctx, int64_t *changed, const struct job *job, struct err *e) {
  static const char secret[] = "(a statement with a secret in it)";
  struct traced *t = of(db);
  int64_t began = clock_mono_ns();
  int rc = t->inner->driver->exec(t->inner, statement, row, ctx, changed, job, e);
  db->waits = t->inner->waits;
  if (statement->flags & DB_SECRET)
    tell(t, secret, sizeof secret - 1, began, rc, e);
  else
    tell(t, statement->sql, statement->len, began, rc, e);
  return rc;
}

static int traced_lock_wait(struct db *db, int64_t ms, const struct job *job, struct err *e) {
  return of(db)->inner->driver->lock_wait(of(db)->inner, ms, job, e);
}

static const struct db_blockers *traced_blockers(struct db *db) {
  return of(db)->inner->driver->blockers(of(db)->inner);
}

static bool traced_in_transaction(struct db *db) {
  return of(db)->inner->driver->in_transaction(of(db)->inner);
}

static void traced_close(struct db *db) {
  db_close(of(db)->inner);
  free(db);
}

struct db *db_traced(struct db *inner, struct log *log, const char *name) {
  struct traced *t = xcalloc(1, sizeof *t);
  t->driver = *inner->driver;
  t->driver.lock = traced_lock;
  t->driver.lock_check = traced_lock_check;
  t->driver.unlock = traced_unlock;
  t->driver.exec = traced_exec;
  t->driver.lock_wait = traced_lock_wait;
  t->driver.blockers = traced_blockers;
  t->driver.in_transaction = traced_in_transaction;
  t->driver.close = traced_close;
  t->db.driver = &t->driver;
  t->db.schema = inner->schema;
  t->inner = inner;
  t->log = log;
  err_copy(t->name, sizeof t->name, name, strlen(name));
  return &t->db;
}
