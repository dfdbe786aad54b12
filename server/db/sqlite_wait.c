/* How a statement of SQLite ends before its end: a progress handler and a busy handler poll the
 * job, so that no other thread ever touches the connection. What stopped it is remembered, since
 * SQLite says no more than "interrupted".
 */
#include "server/db/sqlite.h"

#include <errno.h>
#include <poll.h>

#include "server/base/clock.h"

#define PROGRESS_OPCODES 2000 /* some tens of microseconds */
#define NAP_MAX_MS 50

static int stop_with(struct sqlite *s, const struct err *why) {
  if (!s->stopped) {
    s->stop = *why;
    s->stopped = true;
  }
  return -1;
}

/* 0, or -1 when the statement must end, which is then remembered. */
static int watch_check(struct sqlite *s) {
  struct err why;
  if (s->stopped)
    return -1;
  if (job_check(s->job, &why) < 0)
    return stop_with(s, &why);
  if (s->ends_ns && clock_mono_ns() >= s->ends_ns) {
    err_set(&why, ERR_MIGRATION, "the statement took longer than its timeout of %lld ms",
            (long long)s->statement_timeout_ms);
    err_copy(why.sqlstate, sizeof why.sqlstate, "57014", 5);
    return stop_with(s, &why);
  }
  return 0;
}

static int on_progress(void *ctx) {
  return watch_check(ctx) < 0;
}

/* Sleeps a little, or until the job is cancelled. */
static void nap(const struct job *job, int64_t ms) {
  struct pollfd p = {.fd = job ? job->wake_fd : -1, .events = POLLIN};
  while (poll(&p, 1, job_poll_ms(job, (int)ms)) < 0 && errno == EINTR)
    continue;
}

/* SQLite calls it again and again while somebody else holds the lock. 0 gives up. */
static int on_busy(void *ctx, int count) {
  struct sqlite *s = ctx;
  int64_t now = clock_mono_ns();
  if (watch_check(s) < 0)
    return 0;
  if (count == 0)
    s->busy_until_ns = now + s->lock_timeout_ms * NS_PER_MS;
  int64_t left_ms = (s->busy_until_ns - now) / NS_PER_MS;
  if (left_ms <= 0)
    return 0;
  s->db.waits++;
  int64_t ms = count < 6 ? INT64_C(1) << count : NAP_MAX_MS;
  nap(s->job, ms < left_ms ? ms : left_ms);
  return 1;
}

void sqlite_watch(struct sqlite *s) {
  sqlite3_progress_handler(s->handle, PROGRESS_OPCODES, on_progress, s);
  sqlite3_busy_handler(s->handle, on_busy, s);
}

void sqlite_watch_begin(struct sqlite *s, const struct job *job) {
  s->job = job;
  s->stopped = false;
  s->ends_ns =
      s->statement_timeout_ms > 0 ? clock_mono_ns() + s->statement_timeout_ms * NS_PER_MS : 0;
}

void sqlite_watch_end(struct sqlite *s) {
  s->job = NULL;
  s->ends_ns = 0;
}
