/* A signalfd, so that no handler and no global flag are needed. */
#include "client/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

void interrupts_hold(struct interrupts *i) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &i->before);
  i->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (i->fd < 0)
    pthread_sigmask(SIG_SETMASK, &i->before, NULL);
}

void interrupts_release(struct interrupts *i) {
  if (i->fd < 0)
    return;
  close(i->fd);
  i->fd = -1;
  pthread_sigmask(SIG_SETMASK, &i->before, NULL);
}

bool interrupts_taken(struct interrupts *i) {
  struct signalfd_siginfo info;
  return i->fd >= 0 && read(i->fd, &info, sizeof info) == (ssize_t)sizeof info;
}

bool interrupts_sleep(int64_t ns) {
  struct interrupts i;
  interrupts_hold(&i);
  struct pollfd p = {.fd = i.fd, .events = POLLIN};
  poll(&p, 1, (int)(ns / 1000000));
  bool taken = interrupts_taken(&i);
  interrupts_release(&i);
  return taken;
}
