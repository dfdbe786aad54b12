/* Request and reply of one call: headers in, messages cut out of DATA, replies and trailers out. No
 * window is given back for bytes that nobody could use yet: that is the back-pressure on a push.
 * Loop thread only.
 */
#include "server/net/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"
#include "server/net/handoff.h"

#define FRAME_DATA (NET_SCRATCH - 9) /* a DATA frame fills a TLS record */
#define NV(name, value)                                                                            \
  {                                                                                                \
    (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value),      \
        NGHTTP2_NV_FLAG_NONE                                                                       \
  }

struct stream *stream_new(struct conn *c, int32_t id) {
  struct stream *s = xcalloc(1, sizeof *s);
  s->conn = c;
  s->id = id;
  s->request_ns = c->read_ns + c->net->limits.request_ms * NS_PER_MS;
  LIST_INSERT_HEAD(&c->streams, s, link);
  return s;
}

/* What the stream holds counts against its principal, over all its connections. */
static bool account(struct stream *s) {
  struct party *p = s->conn->principal;
  size_t now = s->deframer.pending.len + s->inbox.len + s->raw.len + s->out.len;
  p->bytes += now - s->held;
  s->held = now;
  return p->bytes <= s->conn->net->limits.principal_buffer;
}

static void drop_input(struct stream *s) {
  if (s->raw.len > 0 && s->conn->session)
    nghttp2_session_consume(s->conn->session, s->id, s->raw.len);
  buf_release(&s->raw);
  buf_release(&s->inbox);
  s->inbox_at = 0;
  rpc_deframer_release(&s->deframer);
  account(s);
}

static void drop_output(struct stream *s) {
  buf_release(&s->out);
  s->out_at = 0;
  account(s);
}

void stream_free(struct stream *s) {
  struct conn *c = s->conn;
  handoff_unwait(s);
  handoff_release(s);
  if (s->ready)
    TAILQ_REMOVE(&c->ready, s, ready_link);
  if (s->raw.len > 0 && c->state == CONN_OPEN)
    nghttp2_session_consume_connection(c->session, s->raw.len);
  buf_clear(&s->raw);
  drop_input(s);
  drop_output(s);
  buf_release(&s->grpc_message);
  buf_release(&s->grpc_details);
  LIST_REMOVE(s, link);
  free(s);
}

bool stream_is_half_closed(const struct stream *s) {
  return s->half_closed;
}

bool stream_wasted(const struct stream *s) {
  return s->wasted || s->phase < STREAM_DRAINING;
}

/* --- the request's headers --- */

static bool is(const char *a, size_t len, const char *b) {
  return len == strlen(b) && memcmp(a, b, len) == 0;
}

static void take_timeout(struct stream *s, const char *value, size_t len) {
  struct err e;
  int64_t ns;
  s->bad_timeout = rpc_timeout_parse(value, len, &ns, &e) != 0;
  if (!s->bad_timeout) {
    int64_t now = clock_mono_ns();
    s->deadline_ns = ns > INT64_MAX - now ? 0 : now + ns;
  }
}

/* `application/grpc`, `application/grpc+proto`, with or without parameters. */
static bool is_grpc_type(const char *value, size_t len) {
  static const char type[] = "application/grpc";
  size_t n = sizeof type - 1;
  return len >= n && memcmp(value, type, n) == 0 &&
         (len == n || value[n] == '+' || value[n] == ';');
}

void stream_header(struct stream *s, const char *name, size_t name_len, const char *value,
                   size_t value_len) {
  if (s->phase != STREAM_HEADERS)
    return;
  if (is(name, name_len, ":method")) {
    s->is_post = is(value, value_len, "POST");
  } else if (is(name, name_len, ":path")) {
    s->method = method_find(value, value_len);
    snprintf(s->path, sizeof s->path, "%.*s", (int)value_len, value);
  } else if (is(name, name_len, "content-type")) {
    s->is_grpc = is_grpc_type(value, value_len);
  } else if (is(name, name_len, "grpc-timeout")) {
    take_timeout(s, value, value_len);
  } else if (is(name, name_len, "grpc-encoding")) {
    s->bad_encoding = !is(value, value_len, "identity");
  }
}

/* Not gRPC at all: HTTP's own words for it, and gRPC's for those who can read them. */
static void refuse_http(struct stream *s, const char *status, const char *grpc_status,
                        const char *message) {
  const nghttp2_nv headers[] = {NV(":status", status), NV("content-type", "application/grpc"),
                                NV("grpc-status", grpc_status), NV("grpc-message", message)};
  s->phase = STREAM_ENDED;
  s->responded = true;
  nghttp2_submit_response(s->conn->session, s->id, headers, 4, NULL);
}

void stream_headers_done(struct stream *s) {
  if (s->phase != STREAM_HEADERS)
    return;
  struct err e;
  if (!s->is_post) {
    refuse_http(s, "405", "13", "the HTTP method must be POST");
    return;
  }
  if (!s->is_grpc) {
    refuse_http(s, "415", "3", "the content-type must be application/grpc");
    return;
  }
  s->phase = STREAM_IDLE;
  if (s->bad_timeout)
    err_set(&e, ERR_INPUT, "grpc-timeout is at most 8 digits and one of H, M, S, m, u, n");
  else if (s->method == NULL)
    err_set(&e, ERR_UNIMPLEMENTED, "no method %s", s->path);
  else if (s->bad_encoding)
    err_set(&e, ERR_UNIMPLEMENTED, "compressed requests are not supported");
  else
    return;
  stream_end(s, &e);
}

/* --- the request's messages --- */

static int on_message(void *ctx, const uint8_t *bytes, size_t len) {
  struct stream *s = ctx;
  if (++s->messages > 1 && !s->method->client_streams)
    return 1;
  uint32_t size = (uint32_t)len;
  buf_add(&s->inbox, &size, sizeof size);
  buf_add(&s->inbox, bytes, len);
  return 0;
}

/* Cuts bytes into messages; false: the call has ended over it. */
static bool feed(struct stream *s, const uint8_t *bytes, size_t len) {
  struct err e;
  int rv = rpc_deframe(&s->deframer, bytes, len, on_message, s, &e);
  if (rv > 0)
    err_set(&e, ERR_UNIMPLEMENTED, "%s takes exactly one request message", s->method->name);
  else if (rv == 0 && !account(s))
    rv = err_set(&e, ERR_BUSY, "too many bytes of this principal's calls are waiting");
  if (rv != 0)
    stream_end(s, &e);
  return rv == 0;
}

void stream_data(struct stream *s, const uint8_t *bytes, size_t len) {
  nghttp2_session *session = s->conn->session;
  if (s->phase == STREAM_ENDED) {
    nghttp2_session_consume(session, s->id, len);
    return;
  }
  if (stream_has_message(s) && s->method->client_streams) {
    buf_add(&s->raw, bytes, len); /* at most a window of it */
    account(s);
    return;
  }
  nghttp2_session_consume(session, s->id, len);
  if (!feed(s, bytes, len))
    return;
  if (s->method->client_streams)
    s->request_ns = s->conn->read_ns + s->conn->net->limits.request_ms * NS_PER_MS;
  stream_make_ready(s);
}

void stream_half_closed(struct stream *s) {
  s->half_closed = true;
  if (s->phase != STREAM_ENDED)
    stream_make_ready(s);
}

bool stream_has_message(const struct stream *s) {
  return s->inbox.len > s->inbox_at;
}

void *stream_take_message(struct stream *s, size_t *len) {
  uint32_t size;
  memcpy(&size, s->inbox.s + s->inbox_at, sizeof size);
  uint8_t *bytes = xmalloc(size + 1u);
  memcpy(bytes, s->inbox.s + s->inbox_at + sizeof size, size);
  s->inbox_at += sizeof size + size;
  *len = size;
  if (stream_has_message(s))
    return bytes;
  buf_release(&s->inbox);
  s->inbox_at = 0;
  if (s->raw.len > 0) { /* there is room now: let the client go on */
    struct buf raw = s->raw;
    s->raw = BUF_INIT;
    nghttp2_session_consume(s->conn->session, s->id, raw.len);
    conn_touch(s->conn);
    feed(s, (const uint8_t *)raw.s, raw.len);
    buf_release(&raw);
  }
  account(s);
  return bytes;
}

/* --- replies and trailers --- */

size_t stream_unsent(const struct stream *s) {
  return s->out.len - s->out_at;
}

static size_t trailers(const struct stream *s, nghttp2_nv *out) {
  size_t n = 0;
  out[n++] = (nghttp2_nv)NV("grpc-status", s->grpc_status);
  if (s->grpc_message.len > 0)
    out[n++] = (nghttp2_nv)NV("grpc-message", s->grpc_message.s);
  if (s->grpc_details.len > 0)
    out[n++] = (nghttp2_nv)NV("grpc-status-details-bin", s->grpc_details.s);
  if (s->bad_encoding)
    out[n++] = (nghttp2_nv)NV("grpc-accept-encoding", "identity");
  return n;
}

static ssize_t read_out(nghttp2_session *session, int32_t id, uint8_t *to, size_t len,
                        uint32_t *flags, nghttp2_data_source *source, void *ctx) {
  (void)source, (void)ctx;
  struct stream *s = nghttp2_session_get_stream_user_data(session, id);
  if (s == NULL || s->cut)
    return NGHTTP2_ERR_DEFERRED;
  size_t n = stream_unsent(s);
  n = n < len ? n : len;
  n = n < FRAME_DATA ? n : FRAME_DATA;
  if (n == 0 && s->phase != STREAM_ENDED) {
    s->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (n > 0)
    memcpy(to, s->out.s + s->out_at, n);
  s->out_at += n;
  s->sent_ns = clock_mono_ns();
  if (stream_unsent(s) == 0)
    drop_output(s);
  if (s->phase == STREAM_DRAINING)
    stream_make_ready(s);
  if (s->phase == STREAM_ENDED && stream_unsent(s) == 0) {
    nghttp2_nv nv[4];
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, id, nv, trailers(s, nv));
  }
  return (ssize_t)n;
}

static void resume(struct stream *s) {
  if (s->deferred)
    nghttp2_session_resume_data(s->conn->session, s->id);
  s->deferred = false;
  conn_touch(s->conn);
}

static void respond(struct stream *s) {
  if (s->responded) {
    resume(s);
    return;
  }
  const nghttp2_nv headers[] = {NV(":status", "200"), NV("content-type", "application/grpc")};
  nghttp2_data_provider provider = {.read_callback = read_out};
  s->responded = true;
  nghttp2_submit_response(s->conn->session, s->id, headers, 2, &provider);
  conn_touch(s->conn);
}

/* An error before any reply: one HEADERS frame says it all. */
static void respond_trailers_only(struct stream *s) {
  nghttp2_nv nv[6] = {NV(":status", "200"), NV("content-type", "application/grpc")};
  s->responded = true;
  nghttp2_submit_response(s->conn->session, s->id, nv, 2 + trailers(s, nv + 2), NULL);
  conn_touch(s->conn);
}

void stream_reply(struct stream *s, struct buf *replies) {
  if (replies->len == 0)
    return;
  const struct net_limits *l = &s->conn->net->limits;
  bool too_much = stream_unsent(s) + replies->len > l->stream_buffer + RPC_MESSAGE_MAX;
  if (stream_unsent(s) == 0) {
    s->sent_ns = clock_mono_ns();
    s->out_at = 0;
    buf_release(&s->out);
    s->out = *replies;
    *replies = BUF_INIT;
  } else {
    buf_add(&s->out, replies->s, replies->len);
    buf_clear(replies);
  }
  if (account(s) && !too_much) {
    respond(s);
    return;
  }
  struct err e;
  err_set(&e, ERR_BUSY, "more bytes of replies than this server holds for a client");
  drop_output(s);
  stream_end(s, &e);
}

static void set_status(struct stream *s, const struct err *e) {
  int status = e ? err_row(e->kind == ERR_NONE ? ERR_INTERNAL : e->kind)->grpc_status : 0;
  snprintf(s->grpc_status, sizeof s->grpc_status, "%d", status);
  if (e == NULL)
    return;
  struct buf packed BUF_SCOPED = BUF_INIT;
  rpc_percent_encode(&s->grpc_message, e->text);
  rpc_status_pack(&packed, e);
  rpc_base64_encode(&s->grpc_details, packed.s, packed.len);
}

void stream_end(struct stream *s, const struct err *e) {
  if (s->phase == STREAM_ENDED)
    return;
  set_status(s, e); /* `e` may be in the call */
  handoff_unwait(s);
  s->wasted = s->phase == STREAM_AT_WORK;
  s->phase = STREAM_ENDED;
  handoff_release(s);
  drop_input(s);
  if (s->responded)
    resume(s);
  else
    respond_trailers_only(s);
}

void stream_cut(struct stream *s, uint32_t h2_error) {
  if (s->cut)
    return;
  handoff_unwait(s);
  if (s->phase != STREAM_ENDED)
    s->wasted = stream_wasted(s);
  s->phase = STREAM_ENDED;
  s->cut = true;
  handoff_release(s);
  drop_input(s);
  drop_output(s);
  nghttp2_submit_rst_stream(s->conn->session, NGHTTP2_FLAG_NONE, s->id, h2_error);
  conn_touch(s->conn);
}

/* --- turns and timers --- */

void stream_make_ready(struct stream *s) {
  conn_touch(s->conn);
  if (s->ready)
    return;
  s->ready = true;
  TAILQ_INSERT_TAIL(&s->conn->ready, s, ready_link);
}

void stream_run_ready(struct conn *c) {
  struct stream *s;
  while ((s = TAILQ_FIRST(&c->ready))) {
    TAILQ_REMOVE(&c->ready, s, ready_link);
    s->ready = false;
    handoff_advance(s);
  }
}

/* Only while it is the client that we wait for. */
static bool owes_request(const struct stream *s) {
  return s->phase == STREAM_IDLE && !s->half_closed;
}

static bool owes_window(const struct stream *s) {
  return stream_unsent(s) > 0 && !s->cut;
}

static int64_t earlier(int64_t a, int64_t b) {
  return a == 0 || (b != 0 && b < a) ? b : a;
}

int64_t stream_due(const struct stream *s) {
  bool waits = s->phase != STREAM_HEADERS && s->phase != STREAM_ENDED;
  int64_t due = waits ? s->deadline_ns : 0;
  if (owes_request(s))
    due = earlier(due, s->request_ns);
  if (owes_window(s))
    due = earlier(due, s->sent_ns + s->conn->net->limits.stall_ms * NS_PER_MS);
  return s->phase == STREAM_PARKED ? earlier(due, s->retry_ns) : due;
}

static void expire(struct stream *s, int64_t now) {
  struct err e;
  if (owes_window(s) && now >= s->sent_ns + s->conn->net->limits.stall_ms * NS_PER_MS) {
    /* Trailers would queue behind the replies and never leave. */
    net_refused(s->conn->net, s->conn->peer, "a call's replies are not read");
    stream_cut(s, NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (s->deadline_ns && now >= s->deadline_ns && s->phase != STREAM_ENDED) {
    err_set(&e, ERR_DEADLINE, "the deadline passed");
    stream_end(s, &e);
  } else if (owes_request(s) && now >= s->request_ns) {
    err_set(&e, ERR_DEADLINE, "the request was not finished within %d ms",
            s->conn->net->limits.request_ms);
    stream_end(s, &e);
  } else if (s->phase == STREAM_PARKED && s->retry_ns && now >= s->retry_ns) {
    handoff_unwait(s);
    stream_make_ready(s);
  }
}

void stream_expire_all(struct conn *c, int64_t now_ns) {
  struct stream *s, *next;
  for (s = LIST_FIRST(&c->streams); s; s = next) {
    next = LIST_NEXT(s, link);
    int64_t due = stream_due(s);
    if (due != 0 && due <= now_ns)
      expire(s, now_ns);
  }
}

void stream_drop_all(struct conn *c) {
  while (!LIST_EMPTY(&c->streams))
    stream_free(LIST_FIRST(&c->streams));
}

void stream_end_idle(struct conn *c) {
  struct err e;
  err_set(&e, ERR_UNREACHABLE, "the server is stopping");
  struct stream *s, *next;
  for (s = LIST_FIRST(&c->streams); s; s = next) {
    next = LIST_NEXT(s, link);
    if (s->phase == STREAM_PARKED && !s->on_board && s->retry_ns == 0)
      stream_end(s, &e);
  }
}

void stream_end_all(struct conn *c, const struct err *e) {
  struct stream *s, *next;
  for (s = LIST_FIRST(&c->streams); s; s = next) {
    next = LIST_NEXT(s, link);
    if (s->phase == STREAM_HEADERS)
      stream_cut(s, NGHTTP2_REFUSED_STREAM);
    else
      stream_end(s, e);
  }
}
