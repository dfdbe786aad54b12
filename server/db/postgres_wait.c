/* Waiting for a server without ever being stuck: poll(2) on the socket and on the job's event
 * descriptor. Cancelling goes over a second connection made like the first, since libpq's own
 * cancel request blocks and is not encrypted.
 */
#include "server/db/postgres.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "server/base/clock.h"

#define CANCEL_NS (5 * NS_PER_S)
#define KEPT_NS (1 * NS_PER_S) /* of it, for a second connection that was there before */

/* Milliseconds until `ends_ns`, rounded up; -1 for never. */
static int left_ms(int64_t ends_ns) {
  if (!ends_ns)
    return -1;
  int64_t left = ends_ns - clock_mono_ns();
  return left <= 0 ? 0 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

int postgres_poll(PGconn *conn, short events, int64_t ends_ns, const struct job *job,
                  struct err *e) {
  for (;;) {
    struct pollfd p[2] = {{.fd = PQsocket(conn), .events = events},
                          {.fd = job ? job->wake_fd : -1, .events = POLLIN}};
    if (job_check(job, e) < 0)
      return -1;
    int n = poll(p, 2, job_poll_ms(job, left_ms(ends_ns)));
    if (n < 0 && errno != EINTR)
      return err_errno(e, ERR_INTERNAL, errno, "poll");
    if (n > 0 && p[0].revents)
      return p[0].revents;
    if (ends_ns && clock_mono_ns() >= ends_ns)
      return job_check(job, e) < 0 ? -1 : 0;
  }
}

/* A second connection that was kept may have died unseen, or may hear nothing any more, as the
 * first: then another one is made, once. */
static void tell_server(struct postgres *p, const char *sql) {
  struct err ignored;
  struct db_value pid = db_int(PQbackendPID(p->conn));
  int64_t ends_ns = clock_mono_ns() + CANCEL_NS;
  for (int i = 0; i < 2; i++) {
    const struct postgres *kept = p->aside;
    struct postgres *aside = postgres_aside(p, ends_ns, NULL, &ignored);
    if (!aside)
      return;
    aside->ends_ns = aside == kept ? clock_mono_ns() + KEPT_NS : ends_ns;
    if (postgres_query(aside, sql, &pid, 1, NULL, NULL, NULL, &ignored) == 0)
      return;
    postgres_aside_give_up(p);
  }
}

void postgres_cancel(struct postgres *p) {
  tell_server(p, "SELECT pg_catalog.pg_cancel_backend($1::int4)");
}

void postgres_terminate(struct postgres *p) {
  tell_server(p, "SELECT pg_catalog.pg_terminate_backend($1::int4)");
}

int postgres_give_up(struct postgres *p, const char *why, struct err *e) {
  p->broken = true;
  (void)shutdown(PQsocket(p->conn), SHUT_RDWR);
  return err_set(e, ERR_TARGET, "%s", why);
}
