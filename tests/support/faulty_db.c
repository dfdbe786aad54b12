#include "tests/support/faulty_db.h"

#include <stdlib.h>

struct faulty {
  struct db base;
  struct db_driver driver; /* a copy of the inner one's row with our functions */
  struct db *inner;
  bool lost;
};

static unsigned armed_at, count;
static enum fault armed_fault;

void faulty_arm(unsigned at, enum fault fault) {
  armed_at = at;
  armed_fault = fault;
  count = 0;
}

unsigned faulty_count(void) {
  return count;
}

static int lost(struct err *e) {
  return err_set(e, ERR_TARGET, "the connection is lost (fault %u)", armed_at);
}

static int exec(struct db *db, const struct db_statement *s, db_row_fn *row, void *ctx,
                int64_t *changed, const struct job *job, struct err *e) {
  struct faulty *f = (struct faulty *)db;
  if (f->lost)
    return lost(e);
  bool now = ++count == armed_at;
  f->lost = now;
  if (now && armed_fault == FAULT_BEFORE)
    return lost(e);
  int rc = f->inner->driver->exec(f->inner, s, row, ctx, changed, job, e);
  f->base.waits = f->inner->waits;
  return now ? lost(e) : rc;
}

static int try_lock(struct db *db, const struct job *job, struct err *e) {
  struct faulty *f = (struct faulty *)db;
  return f->lost ? lost(e) : f->inner->driver->lock(f->inner, job, e);
}

static int lock_check(struct db *db, struct err *e) {
  struct faulty *f = (struct faulty *)db;
  return f->lost ? lost(e) : f->inner->driver->lock_check(f->inner, e);
}

static void unlock(struct db *db) {
  struct faulty *f = (struct faulty *)db;
  if (!f->lost)
    f->inner->driver->unlock(f->inner);
}

static int lock_wait(struct db *db, int64_t ms, const struct job *job, struct err *e) {
  struct faulty *f = (struct faulty *)db;
  return f->lost ? lost(e) : f->inner->driver->lock_wait(f->inner, ms, job, e);
}

static const struct db_blockers *blockers(struct db *db) {
  struct faulty *f = (struct faulty *)db;
  return f->inner->driver->blockers(f->inner);
}

static bool in_transaction(struct db *db) {
  struct faulty *f = (struct faulty *)db;
  return !f->lost && f->inner->driver->in_transaction(f->inner);
}

static void close_both(struct db *db) {
  struct faulty *f = (struct faulty *)db;
  db_close(f->inner);
  free(f);
}

int faulty_open(struct db **out, const struct db_options *options, const struct job *job,
                struct err *e) {
  struct db *inner;
  if (db_open(&inner, options, job, e))
    return -1;
  struct faulty *f = calloc(1, sizeof *f);
  f->driver = *inner->driver;
  f->driver.lock = try_lock;
  f->driver.lock_check = lock_check;
  f->driver.unlock = unlock;
  f->driver.exec = exec;
  f->driver.lock_wait = lock_wait;
  f->driver.blockers = blockers;
  f->driver.in_transaction = in_transaction;
  f->driver.close = close_both;
  f->base.driver = &f->driver;
  f->base.schema = inner->schema;
  f->inner = inner;
  *out = &f->base;
  return 0;
}
