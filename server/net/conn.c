/* The life of a connection: a look at its first byte (TLS or not), the handshake, HTTP/2, the end.
 * One timer serves all that can become due. Loop thread only.
 */
#include "server/net/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"
#include "server/net/handoff.h"
#include "server/net/session.h"
#include "server/net/stream.h"

#define DRAIN_PING_NS NS_PER_S
#define LINGER_BYTES (64u << 10)

const uint8_t conn_drain_ping[8] = "drained";

static const char plain_http_answer[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    "This port speaks gRPC (HTTP/2 over TLS, with client certificates), not plain HTTP.\n";

static void conn_arm(struct conn *c, int64_t now);

/* --- the end --- */

static struct conn_queue *list_of(struct conn *c) {
  switch (c->state) {
  case CONN_OPEN:
    return &c->net->serving;
  case CONN_DEAD:
    return &c->net->dead;
  case CONN_LINGERING:
    return &c->net->lingering;
  default:
    return &c->net->handshaking;
  }
}

static void set_state(struct conn *c, enum conn_state state) {
  TAILQ_REMOVE(list_of(c), c, link);
  c->net->handshakes -= c->state < CONN_OPEN;
  if (c->state == CONN_OPEN)
    atomic_fetch_sub(&c->net->open, 1);
  c->state = state;
  if (c->state == CONN_OPEN)
    atomic_fetch_add(&c->net->open, 1);
  TAILQ_INSERT_TAIL(list_of(c), c, link);
}

void conn_dead(struct conn *c, bool linger) {
  if (c->state == CONN_DEAD || c->state == CONN_LINGERING)
    return;
  stream_drop_all(c);
  handoff_forget_conn(c);
  if (c->dirty)
    TAILQ_REMOVE(&c->net->dirty, c, dirty_link);
  c->dirty = false;
  c->linger = linger;
  if (c->bev) {
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
    bufferevent_disable(c->bev, EV_READ | EV_WRITE);
  }
  event_del(c->timer);
  set_state(c, CONN_DEAD);
  event_active(c->net->reaper, EV_TIMEOUT, 0);
}

void conn_free(struct conn *c) {
  int64_t now = clock_mono_ns();
  TAILQ_REMOVE(list_of(c), c, link);
  event_free(c->timer);
  if (c->io)
    event_free(c->io);
  close(c->fd);
  c->address->connections--;
  party_put(c->address, now);
  party_put(c->principal, now);
  free(c);
}

static void on_linger(evutil_socket_t fd, short what, void *ctx) {
  (void)what;
  struct conn *c = ctx;
  struct net *net = c->net;
  char ignored[4096];
  ssize_t n = recv(fd, ignored, sizeof ignored, 0);
  if (n > 0)
    c->lingered += (size_t)n;
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || c->lingered > LINGER_BYTES)
    conn_free(c);
  net_settle(net);
}

/* Closing with unread bytes would send RST, and RST eats the alert or GOAWAY that the peer has not
 * read: write shut, read on for a bounded while, then close. */
static void linger(struct conn *c) {
  shutdown(c->fd, SHUT_WR);
  set_state(c, CONN_LINGERING);
  c->io = event_new(c->net->base, c->fd, EV_READ | EV_PERSIST, on_linger, c);
  event_add(c->io, NULL);
  c->close_ns = clock_mono_ns() + c->net->limits.linger_ms * NS_PER_MS;
  c->armed_ns = 0;
  conn_arm(c, clock_mono_ns());
}

void conn_reap(struct conn *c) {
  nghttp2_session_del(c->session);
  c->session = NULL;
  if (c->io)
    event_free(c->io);
  c->io = NULL;
  if (c->bev)
    bufferevent_free(c->bev);
  c->bev = NULL;
  if (c->ssl && SSL_is_init_finished(c->ssl))
    SSL_shutdown(c->ssl); /* close_notify if there is room for it */
  SSL_free(c->ssl);
  ERR_clear_error();
  c->ssl = NULL;
  if (c->linger && c->net->stage < NET_CUT)
    linger(c);
  else
    conn_free(c);
}

void conn_fail(struct conn *c, uint32_t h2_error, const char *format, ...) {
  if (c->failing || c->state != CONN_OPEN)
    return;
  char text[200];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  net_refused(c->net, c->peer, "%s", text);
  c->failing = true;
  nghttp2_session_terminate_session(c->session, h2_error);
  conn_touch(c);
}

/* --- settling: run, send, close, set the timer --- */

void conn_touch(struct conn *c) {
  if (c->dirty || c->state == CONN_DEAD || c->state == CONN_LINGERING)
    return;
  c->dirty = true;
  TAILQ_INSERT_TAIL(&c->net->dirty, c, dirty_link);
}

static size_t output_len(const struct conn *c) {
  return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void note_taken(struct conn *c, int64_t now) {
  uint64_t taken = c->written - output_len(c);
  if (taken != c->taken || output_len(c) == 0)
    c->taken_ns = now;
  c->taken = taken;
}

void conn_settle(struct conn *c) {
  TAILQ_REMOVE(&c->net->dirty, c, dirty_link);
  c->dirty = false;
  int64_t now = clock_mono_ns();
  if (c->state == CONN_OPEN) {
    do {
      stream_run_ready(c);
      handoff_run_queued(c);
      session_send(c);
    } while (!TAILQ_EMPTY(&c->ready));
    bool over = c->failing ||
                (!nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session));
    if (over && !c->closing) {
      c->closing = true;
      c->close_ns = now + c->net->limits.linger_ms * NS_PER_MS;
    }
    if (c->closing && output_len(c) == 0) {
      conn_dead(c, true);
      return;
    }
    note_taken(c, now);
  }
  conn_arm(c, now);
}

/* --- timers --- */

static int64_t sooner(int64_t a, int64_t b) {
  return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t ping_due(const struct conn *c) {
  const struct net_limits *l = &c->net->limits;
  return c->ping_ns ? c->ping_ns + l->ping_ack_ms * NS_PER_MS : c->read_ns + l->ping_ms * NS_PER_MS;
}

static int64_t open_due(struct conn *c) {
  const struct net_limits *l = &c->net->limits;
  if (c->closing)
    return c->close_ns;
  int64_t due = sooner(ping_due(c), c->drain_ns);
  if (c->headers_ns)
    due = sooner(due, c->headers_ns + l->request_ms * NS_PER_MS);
  if (output_len(c) > 0)
    due = sooner(due, c->taken_ns + l->stall_ms * NS_PER_MS);
  struct stream *s;
  LIST_FOREACH(s, &c->streams, link) {
    due = sooner(due, stream_due(s));
  }
  return due;
}

static int64_t conn_due(struct conn *c) {
  switch (c->state) {
  case CONN_PEEKING:
  case CONN_HANDSHAKE:
    return c->opened_ns + c->net->limits.handshake_ms * NS_PER_MS; /* absolute: no byte renews it */
  case CONN_OPEN:
    return open_due(c);
  default:
    return c->close_ns;
  }
}

/* The timer may fire early, which costs a look, but never late. */
static void conn_arm(struct conn *c, int64_t now) {
  int64_t due = conn_due(c);
  if (due == 0 || (c->armed_ns != 0 && c->armed_ns <= due))
    return;
  int64_t left = due > now ? due - now : 0;
  struct timeval tv = {.tv_sec = left / NS_PER_S, .tv_usec = left % NS_PER_S / 1000 + 1};
  if (tv.tv_usec >= 1000000)
    tv.tv_usec = 999999;
  event_add(c->timer, &tv);
  c->armed_ns = due;
}

static void ping(struct conn *c, int64_t now) {
  if (c->ping_ns && c->read_ns <= c->ping_ns) {
    net_refused(c->net, c->peer, "no answer to a ping");
    conn_dead(c, false);
    return;
  }
  c->ping_ns = 0;
  if (c->read_ns + c->net->limits.ping_ms * NS_PER_MS > now)
    return;
  c->ping_ns = now;
  nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
}

static void expire_open(struct conn *c, int64_t now) {
  const struct net_limits *l = &c->net->limits;
  if (c->closing) {
    if (now >= c->close_ns)
      conn_dead(c, false);
    return;
  }
  note_taken(c, now);
  if (output_len(c) > 0 && now >= c->taken_ns + l->stall_ms * NS_PER_MS) {
    net_refused(c->net, c->peer, "it does not read");
    conn_dead(c, false);
    return;
  }
  if (c->headers_ns && now >= c->headers_ns + l->request_ms * NS_PER_MS)
    conn_fail(c, NGHTTP2_ENHANCE_YOUR_CALM, "the headers of its request do not end");
  if (c->drain_ns && now >= c->drain_ns)
    conn_drained(c);
  stream_expire_all(c, now);
  if (now >= ping_due(c))
    ping(c, now);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx) {
  (void)fd, (void)what;
  struct conn *c = ctx;
  struct net *n = c->net;
  int64_t now = clock_mono_ns();
  c->armed_ns = 0;
  if (now < conn_due(c)) {
    conn_arm(c, now);
    return;
  }
  switch (c->state) {
  case CONN_PEEKING:
  case CONN_HANDSHAKE:
    net_refused(n, c->peer, "the TLS handshake took too long");
    conn_dead(c, false);
    break;
  case CONN_OPEN:
    expire_open(c, now);
    conn_touch(c);
    break;
  case CONN_LINGERING:
    conn_free(c);
    break;
  case CONN_DEAD:
    break;
  }
  net_settle(n);
}

/* --- the drain --- */

void conn_drain(struct conn *c) {
  if (c->failing || c->closing)
    return;
  nghttp2_submit_shutdown_notice(c->session);
  nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, conn_drain_ping);
  c->drain_ns = clock_mono_ns() + DRAIN_PING_NS;
  conn_touch(c);
}

void conn_drained(struct conn *c) {
  if (c->drain_ns == 0)
    return;
  c->drain_ns = 0;
  int32_t last = nghttp2_session_get_last_proc_stream_id(c->session);
  nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
  stream_end_idle(c); /* those that wait for nothing but the end */
  conn_touch(c);
}

/* --- HTTP/2 over TLS --- */

static void on_read(struct bufferevent *bev, void *ctx) {
  struct conn *c = ctx;
  struct net *n = c->net;
  struct evbuffer *input = bufferevent_get_input(bev);
  c->read_ns = clock_mono_ns();
  size_t len;
  while (c->state == CONN_OPEN && !c->failing && !c->closing &&
         (len = evbuffer_get_contiguous_space(input)) > 0) {
    session_feed(c, evbuffer_pullup(input, (ev_ssize_t)len), len);
    evbuffer_drain(input, len);
  }
  evbuffer_drain(input, evbuffer_get_length(input));
  conn_touch(c);
  net_settle(n);
}

static void on_write(struct bufferevent *bev, void *ctx) {
  (void)bev;
  struct conn *c = ctx;
  struct net *n = c->net;
  conn_touch(c);
  net_settle(n);
}

static void conn_open(struct conn *c) {
  struct err e;
  if (tls_identity(c->ssl, c->uri, &c->expires_us, &e) != 0 || session_open(c, &e) != 0) {
    net_refused(c->net, c->peer, "%s", e.text);
    conn_dead(c, true);
    return;
  }
  c->read_ns = c->taken_ns = clock_mono_ns();
  c->principal = party_get(&c->net->principals, c->uri, c->read_ns);
  set_state(c, CONN_OPEN);
  if (c->net->stage != NET_SERVING)
    conn_drain(c);
  log_line(c->net->log, LOG_DEBUG, "net", "%s is %s", c->peer, c->uri);
  conn_touch(c);
}

static void handshake_failed(struct conn *c) {
  char reason[160];
  tls_refusal(c->ssl, bufferevent_get_openssl_error(c->bev), reason, sizeof reason);
  net_refused(c->net, c->peer, "%s", reason);
  ERR_clear_error();
  conn_dead(c, true);
}

static void on_event(struct bufferevent *bev, short what, void *ctx) {
  (void)bev;
  struct conn *c = ctx;
  struct net *n = c->net;
  if (what & BEV_EVENT_CONNECTED)
    conn_open(c);
  else if (c->state == CONN_HANDSHAKE)
    handshake_failed(c);
  else
    conn_dead(c, false);
  net_settle(n);
}

static void start_tls(struct conn *c) {
  struct net *n = c->net;
  c->state = CONN_HANDSHAKE; /* stays where it is on the list: its age counts from the accept */
  event_free(c->io);
  c->io = NULL;
  c->ssl = SSL_new(n->tls);
  if (c->ssl)
    c->bev = bufferevent_openssl_socket_new(n->base, c->fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_DEFER_CALLBACKS);
  if (c->bev == NULL) {
    net_refused(n, c->peer, "cannot start TLS");
    conn_dead(c, false);
    return;
  }
  bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
  bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
  bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* --- the first byte --- */

static bool looks_like_http(const char *bytes, size_t len) {
  size_t i = 0;
  while (i < len && bytes[i] >= 'A' && bytes[i] <= 'Z')
    i++;
  return i > 0 && (i == len || (i >= 3 && bytes[i] == ' '));
}

/* TLS begins with a handshake record, 0x16. Everything else gets an answer that its sender can
 * read. */
static void on_first_byte(evutil_socket_t fd, short what, void *ctx) {
  (void)what;
  struct conn *c = ctx;
  struct net *n = c->net;
  char bytes[16];
  ssize_t len = recv(fd, bytes, sizeof bytes, MSG_PEEK);
  if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
    event_add(c->io, NULL);
  } else if (len <= 0) {
    log_line(n->log, LOG_DEBUG, "net", "%s left without a word", c->peer);
    conn_dead(c, false);
  } else if (bytes[0] == 0x16) {
    start_tls(c);
  } else if (looks_like_http(bytes, (size_t)len)) {
    net_refused(n, c->peer, "plain HTTP on the TLS port");
    (void)!send(fd, plain_http_answer, sizeof plain_http_answer - 1, MSG_NOSIGNAL);
    conn_dead(c, true);
  } else {
    net_refused(n, c->peer, "not TLS");
    conn_dead(c, true);
  }
  net_settle(n);
}

/* When too many are at it, the one that has taken longest makes room: an honest handshake takes
 * milliseconds. */
static void limit_handshakes(struct net *n) {
  if (n->limits.handshakes == 0 || n->handshakes <= n->limits.handshakes)
    return;
  struct conn *oldest = TAILQ_FIRST(&n->handshaking);
  net_refused(n, oldest->peer, "too many handshakes at once; this one is the oldest");
  conn_dead(oldest, false);
}

void conn_new(struct net *n, int fd, const char *peer, struct party *address) {
  struct conn *c = xcalloc(1, sizeof *c);
  c->net = n;
  c->fd = fd;
  snprintf(c->peer, sizeof c->peer, "%s", peer);
  c->address = address;
  address->connections++;
  c->opened_ns = clock_mono_ns();
  LIST_INIT(&c->streams);
  LIST_INIT(&c->handoffs);
  TAILQ_INIT(&c->ready);
  TAILQ_INIT(&c->queued);
  c->io = event_new(n->base, fd, EV_READ, on_first_byte, c);
  c->timer = evtimer_new(n->base, on_timer, c);
  TAILQ_INSERT_TAIL(&n->handshaking, c, link);
  n->handshakes++;
  event_add(c->io, NULL);
  conn_arm(c, c->opened_ns);
  limit_handshakes(n);
}
