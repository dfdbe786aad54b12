/* The loop: made from options, run to its end, drained by a signal. Nothing here waits for anything
 * but events. Loop thread only, but for net_stop and net_connections.
 */
#include "server/net/net.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"
#include "server/net/conn.h"
#include "server/net/handoff.h"
#include "server/net/loop.h"
#include "server/net/session.h"
#include "server/net/stream.h"
#include "server/net/tls.h"

#define REFUSAL_LINES 10 /* a second */

void net_limits_default(struct net_limits *limits) {
  *limits = (struct net_limits){
      .connections_per_address = 64,
      .handshakes = 256,
      .accepts_per_second = 100,
      .streams = 64,
      .jobs_per_connection = 16,
      .jobs_per_principal = 64,
      .resets = 100,
      .control_frames = 1000,
      .header_list = 16u << 10,
      .stream_buffer = 1u << 20,
      .principal_buffer = 64u << 20,
      .handshake_ms = 10000,
      .request_ms = 30000,
      .stall_ms = 30000,
      .ping_ms = 30000,
      .ping_ack_ms = 10000,
      .grace_ms = 10000,
      .linger_ms = 1000,
  };
}

void net_refused(struct net *n, const char *peer, const char *format, ...) {
  if (!bucket_take(&n->refusal_lines, REFUSAL_LINES, 2 * REFUSAL_LINES, clock_mono_ns())) {
    n->refusals_unsaid++;
    return;
  }
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (n->refusals_unsaid)
    log_line(n->log, LOG_WARN, "net", "refused %s: %s (and %u peers unsaid)", peer, text,
             n->refusals_unsaid);
  else
    log_line(n->log, LOG_WARN, "net", "refused %s: %s", peer, text);
  n->refusals_unsaid = 0;
}

/* --- turns --- */

/* The loop ends when nothing is left of any connection and no worker has a call of ours. */
static void stop_when_empty(struct net *n) {
  if (n->stage != NET_SERVING && n->handed_over == 0 && TAILQ_EMPTY(&n->handshaking) &&
      TAILQ_EMPTY(&n->serving) && TAILQ_EMPTY(&n->lingering) && TAILQ_EMPTY(&n->dead))
    event_base_loopbreak(n->base);
}

void net_settle(struct net *n) {
  struct conn *c;
  while ((c = TAILQ_FIRST(&n->dirty)))
    conn_settle(c);
  stop_when_empty(n);
}

static void on_reap(evutil_socket_t fd, short what, void *ctx) {
  (void)fd, (void)what;
  struct net *n = ctx;
  struct conn *c;
  while ((c = TAILQ_FIRST(&n->dead)))
    conn_reap(c);
  net_settle(n);
}

static void on_mail(evutil_socket_t fd, short what, void *ctx) {
  (void)fd, (void)what;
  struct net *n = ctx;
  mailbox_deliver(n->mailbox, n);
  net_settle(n);
}

/* --- the end --- */

static void next_stage_in(struct net *n, int ms) {
  struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
  event_add(n->stage_timer, &tv);
}

static void close_list(struct conn_queue *list) {
  struct conn *c;
  while ((c = TAILQ_FIRST(list)))
    conn_dead(c, false);
}

static void drain(struct net *n) {
  log_line(n->log, LOG_INFO, "net", "stopping: %u connections have %d ms to end their calls",
           atomic_load(&n->open), n->limits.grace_ms);
  listener_close(n);
  close_list(&n->handshaking);
  struct conn *c;
  TAILQ_FOREACH(c, &n->serving, link) {
    conn_drain(c);
  }
  next_stage_in(n, n->limits.grace_ms);
}

/* The grace is over: what still runs is told so, in trailers. */
static void hurry(struct net *n) {
  struct err e;
  struct conn *c;
  err_set(&e, ERR_UNREACHABLE, "the server is stopping");
  TAILQ_FOREACH(c, &n->serving, link) {
    conn_drained(c);
    stream_end_all(c, &e);
    conn_touch(c);
  }
  next_stage_in(n, n->limits.linger_ms);
}

static void cut(struct net *n) {
  close_list(&n->serving);
  struct conn *c;
  while ((c = TAILQ_FIRST(&n->lingering)))
    conn_free(c);
  next_stage_in(n, n->limits.grace_ms);
}

static void next_stage(struct net *n) {
  switch (n->stage) {
  case NET_SERVING:
    n->stage = NET_DRAINING;
    drain(n);
    break;
  case NET_DRAINING:
    n->stage = NET_HURRIED;
    hurry(n);
    break;
  case NET_HURRIED:
    n->stage = NET_CUT;
    cut(n);
    break;
  case NET_CUT: /* a worker does not give its call back; pool_stop will wait for it */
    event_base_loopbreak(n->base);
    break;
  }
}

static void on_stage_timer(evutil_socket_t fd, short what, void *ctx) {
  (void)fd, (void)what;
  next_stage(ctx);
  net_settle(ctx);
}

static void on_stop_signal(evutil_socket_t signal_number, short what, void *ctx) {
  (void)signal_number, (void)what;
  struct net *n = ctx;
  if (n->stage < NET_HURRIED)
    next_stage(n);
  net_settle(n);
}

static void on_reload_signal(evutil_socket_t signal_number, short what, void *ctx) {
  (void)signal_number, (void)what;
  struct net *n = ctx;
  if (n->reload)
    n->reload(n->reload_ctx);
  net_settle(n);
}

static void on_stop_mail(struct mail *mail, void *loop) {
  (void)mail;
  struct net *n = loop;
  if (n->stage == NET_SERVING)
    next_stage(n);
}

void net_stop(struct net *n) {
  if (!atomic_flag_test_and_set(&n->stop_sent))
    mailbox_send(n->mailbox, &n->stop_mail);
}

/* --- making, running, freeing --- */

int net_reload(struct net *n, struct err *e) {
  SSL_CTX *tls;
  if (tls_context(&tls, n->cert_file, n->key_file, n->ca_file, e) != 0)
    return -1;
  SSL_CTX_free(n->tls);
  n->tls = tls;
  return 0;
}

static void init_lists(struct net *n) {
  party_table_init(&n->addresses);
  party_table_init(&n->principals);
  TAILQ_INIT(&n->handshaking);
  TAILQ_INIT(&n->serving);
  TAILQ_INIT(&n->lingering);
  TAILQ_INIT(&n->dead);
  TAILQ_INIT(&n->dirty);
  for (size_t i = 0; i < NET_PARKED; i++)
    LIST_INIT(&n->parked[i]);
}

static struct net *net_of(const struct net_options *options) {
  struct net *n = xcalloc(1, sizeof *n);
  n->limits = options->limits;
  n->cert_file = xstrdup(options->cert_file);
  n->key_file = xstrdup(options->key_file);
  n->ca_file = xstrdup(options->ca_file);
  n->mailbox = options->mailbox;
  n->workers = options->workers;
  n->server = options->server;
  n->log = options->log;
  n->listen_fd = n->reserve_fd = -1;
  n->stop_mail.deliver = on_stop_mail;
  atomic_flag_clear(&n->stop_sent);
  atomic_init(&n->open, 0);
  init_lists(n);
  return n;
}

static int make_events(struct net *n, struct err *e) {
  struct event_config *config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
  n->base = event_base_new_with_config(config);
  event_config_free(config);
  if (n->base == NULL)
    return err_set(e, ERR_INTERNAL, "cannot make an event loop");
  n->mail = event_new(n->base, mailbox_fd(n->mailbox), EV_READ | EV_PERSIST, on_mail, n);
  n->reaper = event_new(n->base, -1, 0, on_reap, n);
  n->stage_timer = evtimer_new(n->base, on_stage_timer, n);
  event_add(n->mail, NULL);
  return 0;
}

static void free_event(struct event *event) {
  if (event)
    event_free(event);
}

/* From the start: a signal that comes before the loop runs waits for it. */
static void watch_signals(struct net *n) {
  n->signals[0] = evsignal_new(n->base, SIGTERM, on_stop_signal, n);
  n->signals[1] = evsignal_new(n->base, SIGINT, on_stop_signal, n);
  n->signals[2] = evsignal_new(n->base, SIGHUP, on_reload_signal, n);
  for (size_t i = 0; i < 3; i++)
    event_add(n->signals[i], NULL);
}

static void forget_signals(struct net *n) {
  for (size_t i = 0; i < 3; i++) {
    free_event(n->signals[i]);
    n->signals[i] = NULL;
  }
}

int net_new(struct net **out, const struct net_options *options, struct err *e) {
  struct net *n = net_of(options);
  board_listen(n->mailbox, handoff_published);
  session_setup(n);
  if (make_events(n, e) != 0 || net_reload(n, e) != 0 ||
      listener_open(n, options->listen, e) != 0) {
    net_free(n);
    return -1;
  }
  signal(SIGPIPE, SIG_IGN);
  watch_signals(n);
  *out = n;
  return 0;
}

const char *net_address(const struct net *n) {
  return n->address;
}

unsigned net_connections(const struct net *n) {
  return atomic_load(&n->open);
}

int net_run(struct net *n, void (*reload)(void *ctx), void *ctx, struct err *e) {
  n->reload = reload;
  n->reload_ctx = ctx;
  event_add(n->accepting, NULL);
  int rv = event_base_loop(n->base, EVLOOP_NO_EXIT_ON_EMPTY);
  forget_signals(n); /* a stop that hangs can be ended by one more */
  if (rv != 0)
    return err_set(e, ERR_INTERNAL, "the event loop failed");
  if (n->handed_over > 0)
    log_line(n->log, LOG_WARN, "net", "%u calls are still at work", n->handed_over);
  return 0;
}

static void free_connections(struct net *n) {
  struct conn *c;
  n->stage = NET_CUT; /* nobody lingers */
  close_list(&n->handshaking);
  close_list(&n->serving);
  while ((c = TAILQ_FIRST(&n->dead)))
    conn_reap(c);
  while ((c = TAILQ_FIRST(&n->lingering)))
    conn_free(c);
}

void net_free(struct net *n) {
  if (n == NULL)
    return;
  listener_close(n);
  if (n->base) {
    free_connections(n);
    mailbox_deliver(n->mailbox, n); /* calls that came back after the loop had ended */
  }
  forget_signals(n);
  free_event(n->mail);
  free_event(n->reaper);
  free_event(n->stage_timer);
  if (n->base)
    event_base_free(n->base); /* also frees what bufferevents have deferred */
  party_table_release(&n->addresses);
  party_table_release(&n->principals);
  nghttp2_session_callbacks_del(n->callbacks);
  nghttp2_option_del(n->options);
  SSL_CTX_free(n->tls);
  free(n->cert_file);
  free(n->key_file);
  free(n->ca_file);
  free(n);
}
