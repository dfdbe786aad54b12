/* A job's cancel flag and deadline. The flag is for those who ask, the eventfd for those who poll:
 * it is written once and never read, so it stays readable. Shared by two threads; the owner
 * releases it when neither uses it any more.
 */
#include "server/base/job.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/base/clock.h"

int job_init(struct job *job, int64_t deadline_ns, struct err *e) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return err_errno(e, ERR_BUSY, errno, "cannot make an event descriptor");
  atomic_init(&job->cancelled, false);
  job->wake_fd = fd;
  job->deadline_ns = deadline_ns;
  return 0;
}

void job_release(struct job *job) {
  if (job->wake_fd >= 0)
    (void)close(job->wake_fd);
  job->wake_fd = -1;
}

void job_cancel(struct job *job) {
  if (atomic_exchange(&job->cancelled, true) || job->wake_fd < 0)
    return;
  uint64_t one = 1;
  ssize_t n = 0;
  do {
    n = write(job->wake_fd, &one, sizeof one);
  } while (n < 0 && errno == EINTR);
}

int job_check(const struct job *job, struct err *e) {
  if (job == NULL)
    return 0;
  if (atomic_load(&job->cancelled))
    return err_set(e, ERR_CANCELLED, "cancelled");
  if (job->deadline_ns != 0 && clock_mono_ns() >= job->deadline_ns)
    return err_set(e, ERR_DEADLINE, "the deadline passed");
  return 0;
}

int job_pause(const struct job *job, int ms, struct err *e) {
  if (job_check(job, e))
    return -1;
  struct pollfd wake = {.fd = job ? job->wake_fd : -1, .events = POLLIN};
  (void)poll(&wake, 1, job_poll_ms(job, ms));
  return job_check(job, e);
}

int job_poll_ms(const struct job *job, int limit_ms) {
  if (job == NULL || job->deadline_ns == 0)
    return limit_ms;
  int64_t left_ns = job->deadline_ns - clock_mono_ns();
  if (left_ns <= 0)
    return 0;
  /* Rounded up: a poll that ends just before the deadline would only be repeated. */
  int64_t ms = left_ns / NS_PER_MS + (left_ns % NS_PER_MS != 0);
  if (ms > INT_MAX)
    ms = INT_MAX;
  return limit_ms >= 0 && limit_ms < ms ? limit_ms : (int)ms;
}
