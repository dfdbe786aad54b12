/* A decorator over any driver: what the database answers of secrets, in errors and notices, goes no
 * further. Owns the connection that it wraps. Thread: that of the connection.
 */
#include "server/db/db.h"

#include <stdlib.h>
#include <string.h>

struct scrubbed {
  struct db db;
  struct db_driver driver; /* the inner one's row, with our functions */
  struct db *inner;
  const struct secrets *secrets;
  void (*notice)(void *ctx, const char *severity, const char *text);
  void *notice_ctx;
  struct db_blockers blockers; /* of the inner one, cleaned */
};

static struct scrubbed *of(struct db *db) {
  return (struct scrubbed *)db;
}

static int cleaned(struct db *db, int rc, bool said, struct err *e) {
  if (said)
    scrub_err(of(db)->secrets, e);
  return rc;
}

static void on_notice(void *ctx, const char *severity, const char *text) {
  const struct scrubbed *s = ctx;
  char clean[SCRUB_MAX];
  err_copy(clean, sizeof clean, text, strlen(text));
  scrub(s->secrets, clean, sizeof clean);
  s->notice(s->notice_ctx, severity, clean);
}

static int scrubbed_lock(struct db *db, const struct job *job, struct err *e) {
  int rc = of(db)->inner->driver->lock(of(db)->inner, job, e);
  return cleaned(db, rc, rc <= 0, e);
}

static int scrubbed_lock_check(struct db *db, struct err *e) {
  int rc = of(db)->inner->driver->lock_check(of(db)->inner, e);
  return cleaned(db, rc, rc != 0, e);
}

static void scrubbed_unlock(struct db *db) {
  of(db)->inner->driver->unlock(of(db)->inner);
}

static int scrubbed_exec(struct db *db, const struct db_statement *statement, db_row_fn *row,
                         void *ctx, int64_t *changed, const struct job *job, struct err *e) {
  struct db *inner = of(db)->inner;
  int rc = inner->driver->exec(inner, statement, row, ctx, changed, job, e);
  db->waits = inner->waits;
  return cleaned(db, rc, rc != 0, e);
}

static int scrubbed_lock_wait(struct db *db, int64_t ms, const struct job *job, struct err *e) {
  int rc = of(db)->inner->driver->lock_wait(of(db)->inner, ms, job, e);
  return cleaned(db, rc, rc != 0, e);
}

/* What others' sessions are at may be a statement with the same value in it. */
static const struct db_blockers *scrubbed_blockers(struct db *db) {
  struct scrubbed *s = of(db);
  const struct db_blockers *seen = s->inner->driver->blockers(s->inner);
  if (!seen)
    return NULL;
  s->blockers = *seen;
  for (size_t i = 0; i < s->blockers.count; i++) {
    struct db_blocker *b = &s->blockers.items[i];
    scrub(s->secrets, b->query, sizeof b->query);
    scrub(s->secrets, b->application, sizeof b->application);
    scrub(s->secrets, b->user, sizeof b->user);
    scrub(s->secrets, b->relation, sizeof b->relation); /* ${name:identifier} */
  }
  return &s->blockers;
}

static bool scrubbed_in_transaction(struct db *db) {
  return of(db)->inner->driver->in_transaction(of(db)->inner);
}

static void scrubbed_close(struct db *db) {
  db_close(of(db)->inner);
  free(db);
}

int db_scrubbed(struct db **out, db_open_fn *open, const struct db_options *options,
                const struct secrets *secrets, const struct job *job, struct err *e) {
  struct scrubbed *s = xcalloc(1, sizeof *s);
  struct db_options own = *options;
  s->secrets = secrets;
  s->notice = options->notice;
  s->notice_ctx = options->notice_ctx;
  if (options->notice) {
    own.notice = on_notice;
    own.notice_ctx = s;
  }
  if (open(&s->inner, &own, job, e)) {
    scrub_err(secrets, e);
    free(s);
    return -1;
  }
  s->driver = *s->inner->driver;
  s->driver.lock = scrubbed_lock;
  s->driver.lock_check = scrubbed_lock_check;
  s->driver.unlock = scrubbed_unlock;
  s->driver.exec = scrubbed_exec;
  s->driver.lock_wait = scrubbed_lock_wait;
  s->driver.blockers = scrubbed_blockers;
  s->driver.in_transaction = scrubbed_in_transaction;
  s->driver.close = scrubbed_close;
  s->db.driver = &s->driver;
  s->db.schema = s->inner->schema;
  *out = &s->db;
  return 0;
}
