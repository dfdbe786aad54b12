/* How many processes of migd-lint may run at once, as an eventfd that counts: taking one is a read,
 * so that waiting is a poll beside the job's own descriptor. Any thread.
 */
#include "server/lint/gate.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int lint_gate_init(struct lint_gate *g, unsigned processes, struct err *e) {
  int fd = eventfd(processes, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
  if (fd < 0)
    return err_errno(e, ERR_BUSY, errno, "cannot make an event descriptor");
  g->fd = fd;
  return 0;
}

void lint_gate_release(struct lint_gate *g) {
  if (g->fd >= 0)
    (void)close(g->fd);
  g->fd = -1;
}

int gate_enter(const struct lint_gate *g, const struct job *job, struct err *e) {
  uint64_t one;
  while (job_check(job, e) == 0) {
    if (!g || read(g->fd, &one, sizeof one) == (ssize_t)sizeof one)
      return 0;
    struct pollfd p[2] = {{.fd = g->fd, .events = POLLIN},
                          {.fd = job ? job->wake_fd : -1, .events = POLLIN}};
    (void)poll(p, 2, job_poll_ms(job, -1));
  }
  return -1;
}

void gate_leave(const struct lint_gate *g) {
  uint64_t one = 1;
  while (g && write(g->fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}
