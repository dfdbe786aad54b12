/* See net_fixture.h. Stands in for server/rpc: it defines method_find and call_step itself. */
#include "tests/support/net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/arena.h"
#include "proto/base/temporary.h"
#include "proto/rpc/frame.h"
#include "server/base/log.h"

#define RUN 7

/* --- the methods --- */

typedef enum call_next step_fn(struct fixture *f, struct call *call, const void *bytes, size_t len,
                               struct err *e);

static struct fixture *fixture_of(const struct call *call) {
  return (struct fixture *)call->server->connections_ctx;
}

static unsigned bump(struct fixture *f, unsigned *counter) {
  pthread_mutex_lock(&f->mutex);
  unsigned n = ++*counter;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
  return n;
}

static enum call_next echo(struct fixture *f, struct call *call, const void *bytes, size_t len,
                           struct err *e) {
  (void)f, (void)e;
  rpc_frame_bytes(&call->replies, bytes, len);
  return CALL_DONE;
}

static enum call_next big(struct fixture *f, struct call *call, const void *bytes, size_t len,
                          struct err *e) {
  (void)f, (void)e, (void)len;
  uint32_t size;
  memcpy(&size, bytes, sizeof size);
  char *text = xmalloc(size + 1);
  memset(text, 'b', size);
  rpc_frame_bytes(&call->replies, text, size);
  free(text);
  return CALL_DONE;
}

static enum call_next refuse(struct fixture *f, struct call *call, const void *bytes, size_t len,
                             struct err *e) {
  (void)f, (void)call, (void)bytes, (void)len;
  err_set(e, ERR_NOT_FOUND, "no target \"caf\xc3\xa9\": 100%% sure");
  err_hint(e, "look again");
  return CALL_FAIL;
}

static enum call_next refuse_late(struct fixture *f, struct call *call, const void *bytes,
                                  size_t len, struct err *e) {
  rpc_frame_bytes(&call->replies, "first", 5);
  return refuse(f, call, bytes, len, e);
}

struct counting {
  struct fixture *f;
  uint32_t next, end;
};

static void counting_free(void *state) {
  struct counting *c = state;
  bump(c->f, &c->f->freed);
  free(c);
}

static enum call_next count(struct fixture *f, struct call *call, const void *bytes, size_t len,
                            struct err *e) {
  (void)len, (void)e;
  struct counting *c = call->state;
  if (c == NULL) {
    c = call->state = xcalloc(1, sizeof *c);
    call->state_free = counting_free;
    c->f = f;
    memcpy(&c->end, bytes, sizeof c->end);
  }
  for (int i = 0; i < 10 && c->next < c->end; i++, c->next++)
    rpc_frame_bytes(&call->replies, &c->next, sizeof c->next);
  return c->next < c->end ? CALL_MORE : CALL_DONE;
}

static enum call_next flood(struct fixture *f, struct call *call, const void *bytes, size_t len,
                            struct err *e) {
  (void)bytes, (void)len, (void)e;
  static const char zeros[64 << 10];
  bump(f, &f->floods);
  rpc_frame_bytes(&call->replies, zeros, sizeof zeros);
  return CALL_MORE;
}

static enum call_next hang(struct fixture *f, struct call *call, const void *bytes, size_t len,
                           struct err *e) {
  (void)bytes, (void)len;
  bump(f, &f->hanging);
  struct pollfd p = {call->job.wake_fd, POLLIN, 0};
  poll(&p, 1, H2_WAIT_MS);
  if (job_check(&call->job, e) != 0)
    bump(f, &f->cancelled);
  else
    err_set(e, ERR_INTERNAL, "nobody cancelled");
  return CALL_FAIL;
}

static void pass_gate(struct fixture *f) {
  pthread_mutex_lock(&f->mutex);
  f->gated++;
  f->gated_now++;
  if (f->gated_now > f->gated_most)
    f->gated_most = f->gated_now;
  pthread_cond_broadcast(&f->changed);
  while (!f->gate_open)
    pthread_cond_wait(&f->changed, &f->mutex);
  f->gated_now--;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
}

static enum call_next gate(struct fixture *f, struct call *call, const void *bytes, size_t len,
                           struct err *e) {
  pass_gate(f);
  return echo(f, call, bytes, len, e);
}

/* A watcher is an integer, its next sequence number. */
static enum call_next watch(struct fixture *f, struct call *call, const void *bytes, size_t len,
                            struct err *e) {
  (void)bytes, (void)len, (void)e;
  if (call->wait_seq == 0)
    call->wait_seq = 1;
  call->wait_run = RUN;
  pthread_mutex_lock(&f->mutex);
  uint64_t last = f->journal;
  bool closed = f->journal_closed;
  pthread_mutex_unlock(&f->mutex);
  for (; call->wait_seq <= last; call->wait_seq++)
    rpc_frame_bytes(&call->replies, &call->wait_seq, sizeof call->wait_seq);
  return closed ? CALL_DONE : CALL_WAIT;
}

static enum call_next restless(struct fixture *f, struct call *call, const void *bytes, size_t len,
                               struct err *e) {
  (void)bytes, (void)len, (void)e;
  bump(f, &f->restless);
  call->wait_run = RUN + 1;
  call->wait_seq = 1;
  return CALL_WAIT;
}

static enum call_next forever(struct fixture *f, struct call *call, const void *bytes, size_t len,
                              struct err *e) {
  echo(f, call, bytes, len, e);
  call->wait_run = 0;
  return CALL_WAIT;
}

struct pushing {
  uint64_t messages, bytes;
};

static enum call_next push(struct fixture *f, struct call *call, const void *bytes, size_t len,
                           struct err *e) {
  (void)e;
  struct pushing *p = call->state;
  if (p == NULL) {
    p = call->state = xcalloc(1, sizeof *p);
    call->state_free = free;
  }
  if (bytes) {
    p->messages++;
    p->bytes += len;
    bump(f, &f->pushed);
    return CALL_MORE;
  }
  if (!call->ended) {
    err_set(e, ERR_INTERNAL, "stepped without a message before the end");
    return CALL_FAIL;
  }
  rpc_frame_bytes(&call->replies, p, sizeof *p);
  return CALL_DONE;
}

static enum call_next push_gated(struct fixture *f, struct call *call, const void *bytes,
                                 size_t len, struct err *e) {
  if (bytes)
    pass_gate(f);
  return push(f, call, bytes, len, e);
}

static enum call_next talk(struct fixture *f, struct call *call, const void *bytes, size_t len,
                           struct err *e) {
  if (bytes == NULL)
    return CALL_DONE;
  echo(f, call, bytes, len, e);
  return CALL_MORE;
}

static enum call_next who(struct fixture *f, struct call *call, const void *bytes, size_t len,
                          struct err *e) {
  (void)bytes, (void)len;
  return echo(f, call, call->uri, strlen(call->uri), e);
}

static const struct {
  struct method m;
  step_fn *step;
} methods[] = {
    {{.name = "Echo", .lane = LANE_WORKER}, echo},
    {{.name = "EchoHere", .lane = LANE_LOOP}, echo},
    {{.name = "Big", .lane = LANE_WORKER}, big},
    {{.name = "Refuse", .lane = LANE_WORKER}, refuse},
    {{.name = "RefuseLate", .lane = LANE_WORKER, .server_streams = true}, refuse_late},
    {{.name = "Count", .lane = LANE_WORKER, .server_streams = true}, count},
    {{.name = "Flood", .lane = LANE_WORKER, .server_streams = true}, flood},
    {{.name = "Hang", .lane = LANE_WORKER}, hang},
    {{.name = "Gate", .lane = LANE_WORKER}, gate},
    {{.name = "Watch", .lane = LANE_WORKER, .server_streams = true}, watch},
    {{.name = "Restless", .lane = LANE_WORKER, .server_streams = true}, restless},
    {{.name = "Forever", .lane = LANE_LOOP, .server_streams = true}, forever},
    {{.name = "Push", .lane = LANE_WORKER, .client_streams = true}, push},
    {{.name = "PushGated", .lane = LANE_WORKER, .client_streams = true}, push_gated},
    {{.name = "PushRefuse", .lane = LANE_WORKER, .client_streams = true}, refuse},
    {{.name = "Talk", .lane = LANE_LOOP, .client_streams = true, .server_streams = true}, talk},
    {{.name = "Who", .lane = LANE_WORKER}, who},
};

const struct method *method_find(const char *path, size_t len) {
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    if (len > 5 && memcmp(path, "/t.T/", 5) == 0 && strlen(methods[i].m.name) == len - 5 &&
        memcmp(path + 5, methods[i].m.name, len - 5) == 0)
      return &methods[i].m;
  return NULL;
}

enum call_next call_step(struct call *call, const void *bytes, size_t len, struct err *e) {
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    if (call->method == &methods[i].m)
      return methods[i].step(fixture_of(call), call, bytes, len, e);
  abort();
}

/* --- the instance --- */

static void must(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "net_fixture: %s: %s\n", what, strerror(errno));
  abort();
}

const char *fixture_file(struct fixture *f, const char *name) {
  static char paths[16][160];
  static unsigned at;
  char *path = paths[at++ % 16];
  snprintf(path, sizeof paths[0], "%s/%s", f->dir, name);
  return path;
}

static void make_certificates(struct fixture *f) {
  certs_make_ca(f->dir, "ca");
  certs_make_leaf(f->dir, "ca", "server",
                  &(struct certs_leaf){"IP:127.0.0.1,DNS:localhost", "serverAuth", 10});
  certs_make_leaf(f->dir, "ca", "client",
                  &(struct certs_leaf){"URI:" FIXTURE_URI, "clientAuth", 10});
}

/* A thousand connections are two thousand descriptors here: both ends are ours. */
static void raise_file_limit(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
  setrlimit(RLIMIT_NOFILE, &files);
}

struct fixture *fixture_new(void) {
  struct fixture *f = xcalloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  snprintf(f->dir, sizeof f->dir, "%.40s/migd-net-" TEMPORARY, tmp ? tmp : "/tmp");
  must(mkdtemp(f->dir) != NULL, "mkdtemp");
  raise_file_limit();
  make_certificates(f);
  pthread_mutex_init(&f->mutex, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&f->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  f->stderr_fd = dup(2);
  f->log_fd = open(fixture_file(f, "log"), O_RDWR | O_CREAT | O_APPEND, 0600);
  must(dup2(f->log_fd, 2) == 2, "dup2");
  f->log = log_new(LOG_DEBUG, LOG_TEXT);
  f->server.connections_ctx = f;
  f->server.log = f->log;
  net_limits_default(&f->options.limits);
  f->options.limits.connections_per_address = 0;
  f->options.limits.accepts_per_second = 0;
  f->options.listen = "127.0.0.1:0";
  return f;
}

static void on_reload(void *ctx) {
  struct fixture *f = ctx;
  struct err e;
  if (net_reload(f->net, &e) != 0)
    log_line(f->log, LOG_ERROR, "test", "%s", e.text);
  bump(f, &f->reloads);
}

static void *run(void *ctx) {
  struct fixture *f = ctx;
  f->run_rc = net_run(f->net, on_reload, f, &f->run_err);
  return NULL;
}

void fixture_start(struct fixture *f, unsigned workers, size_t queue) {
  struct err e;
  char cert[100], key[100], ca[100];
  snprintf(cert, sizeof cert, "%s/server.crt", f->dir);
  snprintf(key, sizeof key, "%s/server.key", f->dir);
  snprintf(ca, sizeof ca, "%s/ca.crt", f->dir);
  must(mailbox_new(&f->mailbox, &e) == 0, "mailbox_new");
  must(pool_new(&f->pool, "test", workers, queue, &e) == 0, "pool_new");
  f->options.cert_file = cert;
  f->options.key_file = key;
  f->options.ca_file = ca;
  f->options.mailbox = f->mailbox;
  f->options.workers = f->pool;
  f->options.server = &f->server;
  f->options.log = f->log;
  if (net_new(&f->net, &f->options, &e) != 0) {
    fprintf(stderr, "net_new: %s\n", e.text);
    abort();
  }
  f->running = true;
  must(pthread_create(&f->thread, NULL, run, f) == 0, "pthread_create");
}

int fixture_join(struct fixture *f) {
  if (f->running)
    pthread_join(f->thread, NULL);
  f->running = false;
  return f->run_rc;
}

static void show_log(struct fixture *f) {
  char bytes[4096];
  ssize_t n;
  dup2(f->stderr_fd, 2);
  lseek(f->log_fd, 0, SEEK_SET);
  for (int i = 0; i < 16 && (n = read(f->log_fd, bytes, sizeof bytes)) > 0; i++)
    (void)!write(2, bytes, (size_t)n);
  close(f->stderr_fd);
  close(f->log_fd);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

int fixture_free(struct fixture *f) {
  fixture_open_gate(f);
  if (f->running)
    net_stop(f->net);
  int rc = fixture_join(f);
  if (f->pool)
    pool_stop(f->pool);
  net_free(f->net);
  pool_free(f->pool);
  mailbox_free(f->mailbox);
  log_free(f->log);
  show_log(f);
  nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  pthread_mutex_destroy(&f->mutex);
  pthread_cond_destroy(&f->changed);
  free(f);
  return rc;
}

/* --- what tests ask for --- */

struct h2_options fixture_options(struct fixture *f) {
  return (struct h2_options){
      .address = net_address(f->net),
      .ca = fixture_file(f, "ca.crt"),
      .cert = fixture_file(f, "client.crt"),
      .key = fixture_file(f, "client.key"),
  };
}

struct h2 *fixture_client(struct fixture *f) {
  struct h2_options o = fixture_options(f);
  return h2_open(&o);
}

bool fixture_serves(struct fixture *f) {
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_call(h, "/t.T/EchoHere", "hello", 5);
  bool ok = s->grpc_status == 0 && s->body.len == 10 && memcmp(s->body.s + 5, "hello", 5) == 0;
  h2_close(h);
  return ok;
}

bool fixture_logged(struct fixture *f, const char *text) {
  struct stat st;
  fstat(f->log_fd, &st);
  char *all = xcalloc(1, (size_t)st.st_size + 1);
  bool found = pread(f->log_fd, all, (size_t)st.st_size, 0) > 0 && strstr(all, text) != NULL;
  free(all);
  return found;
}

bool fixture_wait(struct fixture *f, const unsigned *counter, unsigned least) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += H2_WAIT_MS / 1000;
  pthread_mutex_lock(&f->mutex);
  int rc = 0;
  while (*counter < least && rc == 0)
    rc = pthread_cond_timedwait(&f->changed, &f->mutex, &until);
  bool reached = *counter >= least;
  pthread_mutex_unlock(&f->mutex);
  return reached;
}

unsigned fixture_read(struct fixture *f, const unsigned *counter) {
  pthread_mutex_lock(&f->mutex);
  unsigned n = *counter;
  pthread_mutex_unlock(&f->mutex);
  return n;
}

void fixture_open_gate(struct fixture *f) {
  pthread_mutex_lock(&f->mutex);
  f->gate_open = true;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
}

void fixture_commit(struct fixture *f, uint64_t seq) {
  pthread_mutex_lock(&f->mutex);
  if (seq)
    f->journal = seq;
  else
    f->journal_closed = true;
  pthread_mutex_unlock(&f->mutex);
}

void fixture_publish(struct fixture *f, uint64_t seq) {
  fixture_commit(f, seq);
  board_publish(f->mailbox, RUN, seq);
}
