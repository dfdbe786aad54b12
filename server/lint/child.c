/* Starts migd-lint, asks it, ends it. The process gets one socket as its descriptor 0, no others
 * but /dev/null, no environment, a process group of its own; its limits it sets itself before it
 * reads. It is always ended by SIGKILL: it has nothing to finish.
 */
#include "server/lint/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/lint/wire.h"

enum { CPU_MS = 5000, SILENCE_MS = 20000, WHY = 200, LAST_BREATH_MS = 1000 };
#define MEMORY_BYTES (INT64_C(1) << 30)

static int spawn_with(const struct lint_options *o, int fd, posix_spawn_file_actions_t *files,
                      posix_spawnattr_t *attributes, pid_t *pid) {
  char cpu[32], memory[32];
  int64_t cpu_ms = o->cpu_ms ? o->cpu_ms : CPU_MS;
  (void)snprintf(cpu, sizeof cpu, "%lld", (long long)((cpu_ms + 999) / 1000));
  (void)snprintf(memory, sizeof memory, "%lld",
                 (long long)(o->memory_bytes ? o->memory_bytes : MEMORY_BYTES));
  char name[] = "migd-lint", *argv[] = {name, cpu, memory, NULL}, *environment[] = {NULL};
  sigset_t none, all;
  (void)sigemptyset(&none);
  (void)sigfillset(&all);
  int rc = posix_spawn_file_actions_adddup2(files, fd, 0);
  rc = rc ? rc : posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
  rc = rc ? rc : posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0);
  rc = rc ? rc : posix_spawn_file_actions_addclosefrom_np(files, 3);
  rc = rc ? rc : posix_spawnattr_setpgroup(attributes, 0);
  rc = rc ? rc : posix_spawnattr_setsigmask(attributes, &none);
  rc = rc ? rc : posix_spawnattr_setsigdefault(attributes, &all);
  rc = rc ? rc
          : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                     POSIX_SPAWN_SETSIGDEF);
  return rc ? rc : posix_spawn(pid, o->program, files, attributes, argv, environment);
}

/* 0 or an errno. */
static int spawn(const struct lint_options *o, int fd, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int rc = posix_spawn_file_actions_init(&files);
  if (rc)
    return rc;
  rc = posix_spawnattr_init(&attributes);
  if (rc == 0) {
    rc = spawn_with(o, fd, &files, &attributes, pid);
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&files);
  return rc;
}

/* Takes the end of the process; its wait status, -1 when somebody else took it. */
static int reap(struct child *c) {
  int status = -1;
  (void)kill(-c->pid, SIGKILL);
  while (waitpid(c->pid, &status, 0) < 0) {
    if (errno != EINTR) {
      status = -1;
      break;
    }
  }
  (void)close(c->fd);
  *c = (struct child){.fd = -1};
  return status;
}

void child_stop(struct child *c) {
  if (c->pid > 0)
    (void)reap(c);
}

/* The process closed its socket: most likely it is dying, and how says why. */
static enum child_end ended(struct child *c, char why[WHY]) {
  int pidfd = pidfd_open(c->pid, 0);
  if (pidfd >= 0) {
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    (void)poll(&end, 1, LAST_BREATH_MS);
    (void)close(pidfd);
  }
  int status = reap(c);
  if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    (void)snprintf(why, WHY, "migd-lint used up its time");
  else if (status >= 0 && WIFSIGNALED(status))
    (void)snprintf(why, WHY, "migd-lint died of signal %d (%s)", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
  else if (status >= 0 && WIFEXITED(status))
    (void)snprintf(why, WHY, "migd-lint ended with status %d", WEXITSTATUS(status));
  else
    (void)snprintf(why, WHY, "migd-lint ended");
  return CHILD_FAILED;
}

static enum child_end give_up(struct child *c, char why[WHY], const char *text) {
  child_stop(c);
  (void)snprintf(why, WHY, "%s", text);
  return CHILD_FAILED;
}

/* ---- talk ---- */

struct talk {
  struct child *child;
  const struct job *job;
  int64_t silence_ms, since_ns; /* when it last answered something */
  const char *out;              /* what it is to be told */
  size_t out_len;
  struct buf in;
};

/* CHILD_ANSWERED: something can be read or written, as `events` says. */
static enum child_end wait_for(struct talk *t, short *events, char why[WHY], struct err *e) {
  struct pollfd p[2] = {
      {.fd = t->child->fd, .events = (short)(t->out_len ? POLLIN | POLLOUT : POLLIN)},
      {.fd = t->job ? t->job->wake_fd : -1, .events = POLLIN}};
  if (job_check(t->job, e) != 0) {
    child_stop(t->child);
    return CHILD_CANCELLED;
  }
  int64_t left = t->silence_ms - (clock_mono_ns() - t->since_ns) / NS_PER_MS;
  if (left <= 0)
    return give_up(t->child, why, "migd-lint did not answer in time");
  (void)poll(p, 2, job_poll_ms(t->job, (int)left));
  *events = p[0].revents;
  return CHILD_ANSWERED;
}

/* False when the socket is closed or broken. */
static bool say(struct talk *t) {
  ssize_t n = send(t->child->fd, t->out, t->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  t->out += n;
  t->out_len -= (size_t)n;
  return true;
}

static bool hear(struct talk *t) {
  enum { PIECE = 64 * 1024 };
  buf_reserve(&t->in, PIECE);
  ssize_t n = recv(t->child->fd, t->in.s + t->in.len, PIECE, MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  t->in.len += (size_t)n;
  return n > 0;
}

/* Reads and writes what can be. */
static enum child_end turn(struct talk *t, char why[WHY], struct err *e) {
  short events = 0;
  enum child_end end = wait_for(t, &events, why, e);
  if (end != CHILD_ANSWERED)
    return end;
  /* What it said before it died is heard first. */
  if ((events & (POLLIN | POLLHUP | POLLERR)) && !hear(t))
    return ended(t->child, why);
  if ((events & POLLOUT) && t->out_len && !say(t))
    t->out_len = 0;
  return CHILD_ANSWERED;
}

static void forget(struct buf *b, size_t n) {
  b->len -= n;
  if (b->len)
    memmove(b->s, b->s + n, b->len);
}

static struct talk talk_begin(struct child *c, const struct lint_options *o,
                              const struct job *job) {
  return (struct talk){.child = c,
                       .job = job,
                       .silence_ms = o->silence_ms ? o->silence_ms : SILENCE_MS,
                       .since_ns = clock_mono_ns()};
}

static enum child_end greeting(struct talk *t, char why[WHY], struct err *e) {
  struct wire_frame f;
  long n;
  while ((n = wire_frame(buf_str(&t->in), t->in.len, WIRE_ANSWER_MAX, &f)) == 0) {
    enum child_end end = turn(t, why, e);
    if (end != CHILD_ANSWERED)
      return end;
  }
  if (n < 0 || f.kind != WIRE_HELLO || wire_get_u32(&f) != wire_version() || !wire_whole(&f) ||
      (size_t)n != t->in.len)
    return give_up(t->child, why, "migd-lint is of another version than migd");
  return CHILD_ANSWERED;
}

enum child_end child_start(struct child *c, const struct lint_options *o, const struct job *job,
                           char why[WHY], struct err *e) {
  int ends[2];
  if (!o->program || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    (void)snprintf(why, WHY, "migd-lint cannot be started: %s",
                   o->program ? strerror(errno) : "its path is not known");
    return CHILD_FAILED;
  }
  pid_t pid = 0;
  int rc = spawn(o, ends[1], &pid);
  (void)close(ends[1]);
  if (rc) {
    (void)close(ends[0]);
    (void)snprintf(why, WHY, "%.120s cannot be started: %s", o->program, strerror(rc));
    return CHILD_FAILED;
  }
  *c = (struct child){.pid = pid, .fd = ends[0]};
  struct talk t = talk_begin(c, o, job);
  enum child_end end = greeting(&t, why, e);
  buf_release(&t.in);
  return end;
}

/* ---- a unit ---- */

static void write_unit(const struct lint_unit *u, const bool *skip, struct buf *out) {
  size_t frame = wire_begin(out, WIRE_UNIT);
  wire_u32(out, u->direction);
  wire_end(out, frame);
  for (size_t i = 0; i < u->count; i++) {
    const struct unit_statement *st = &u->items[i];
    frame = wire_begin(out, WIRE_STATEMENT);
    wire_u32(out, (st->step.transaction ? WIRE_TRANSACTION : 0U) |
                      (st->step.batch ? WIRE_BATCH : 0U) | (skip[i] ? WIRE_SKIP : 0U));
    wire_u32(out, st->step.section);
    wire_u32(out, st->step.transaction_number);
    wire_text(out, st->sql, st->len);
    wire_end(out, frame);
  }
}

static enum child_end listen_to(struct talk *t, struct answers *a, char why[WHY], struct err *e) {
  while (!answers_complete(a)) {
    enum child_end end = turn(t, why, e);
    size_t before = a->done;
    long n = t->in.len ? answers_take(a, t->in.s, t->in.len) : 0;
    if (end == CHILD_CANCELLED || (end == CHILD_FAILED && !answers_complete(a)))
      return end;
    if (n < 0)
      return give_up(t->child, why, "migd-lint answered nonsense");
    forget(&t->in, (size_t)n);
    if (a->done > before)
      t->since_ns = clock_mono_ns();
  }
  return t->in.len ? give_up(t->child, why, "migd-lint answered nonsense") : CHILD_ANSWERED;
}

enum child_end child_ask(struct child *c, const struct lint_options *o, const bool *skip,
                         struct answers *a, const struct job *job, char why[WHY], struct err *e) {
  struct buf out BUF_SCOPED = BUF_INIT;
  write_unit(a->unit, skip, &out);
  struct talk t = talk_begin(c, o, job);
  t.out = out.s;
  t.out_len = out.len;
  enum child_end end = listen_to(&t, a, why, e);
  buf_release(&t.in);
  c->fed += out.len;
  return end;
}
