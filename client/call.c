/* See call.h. nghttp2 does no I/O here: call_run() moves bytes between it and the wire and lets its
 * callbacks fill a `struct exchange`, the state of the one call in progress.
 */
#include "client/call.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/duration.h"
#include "proto/rpc/frame.h"

#define WINDOW (1 << 20)             /* of a stream and of the connection, bytes */
#define OUT_MOST ((size_t)64 * 1024) /* queued for the wire before more is asked of nghttp2 */
#define TRAILER_MOST ((size_t)16 * 1024)
#define HEADERS_MOST ((size_t)64 * 1024)
#define TICK_NS (200 * NS_PER_MS)
#define QUIET_NS (30 * NS_PER_S) /* silence after which a PING asks */
#define PING_NS (10 * NS_PER_S)  /* how long its answer may take */

struct exchange {
  const struct call *call;
  const ProtobufCMessageDescriptor *reply;
  int32_t stream;
  struct buf out; /* framed requests */
  size_t out_at;
  bool out_last;   /* nothing will follow what is in `out` */
  bool understood; /* the message that was just received */
  struct rpc_deframer in;
  bool grpc;       /* the answer is a gRPC one */
  char http[4];    /* :status */
  int grpc_status; /* -1: none came */
  struct buf message, details;
  size_t header_bytes;
  bool ended;  /* the server said all it had to say */
  bool closed; /* the stream is, on both sides */
  uint32_t close_code;
  int stopped; /* not 0: given up from this side, and what to answer */
  struct err err;
};

struct channel {
  struct wire *wire;
  nghttp2_session *h2;
  struct exchange *now; /* NULL between calls */
  struct buf out;
  size_t out_at;
  bool broken, leaving;
  int64_t heard, pinged; /* monotonic; pinged 0: no PING is open */
  void (*tick)(void *ctx);
  void *tick_ctx;
};

bool channel_usable(const struct channel *ch) {
  return !ch->broken && !ch->leaving;
}

const char *channel_name(const struct channel *ch) {
  return wire_name(ch->wire);
}

void channel_on_tick(struct channel *ch, void (*tick)(void *ctx), void *ctx) {
  ch->tick = tick;
  ch->tick_ctx = ctx;
}

/* Callbacks of nghttp2. */

static void stop(struct exchange *x, int answer) {
  if (!x->stopped)
    x->stopped = answer;
}

static struct exchange *exchange_of(struct channel *ch, int32_t stream) {
  return ch->now && ch->now->stream == stream ? ch->now : NULL;
}

static int on_message(void *ctx, const uint8_t *bytes, size_t len) {
  struct exchange *x = ctx;
  struct arena brief, *arena = x->call->arena ? x->call->arena : &brief;
  arena_init(&brief, 0);
  const ProtobufCMessage *m = rpc_unpack(x->reply, bytes, len, arena, &x->err);
  int rc = -1;
  if (m)
    rc = x->call->message(x->call->ctx, m, &x->err);
  else
    x->err.kind = ERR_INTERNAL; /* what was malformed is the server's, not ours */
  x->understood = m != NULL;
  arena_release(&brief);
  return rc;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t len, void *ctx) {
  struct exchange *x = exchange_of(ctx, stream);
  (void)h2, (void)flags;
  if (!x || x->stopped || !x->grpc)
    return 0;
  x->understood = false;
  int rc = rpc_deframe(&x->in, bytes, len, on_message, x, &x->err);
  if (rc < 0 && !x->understood)
    err_in(&x->err, "the server's answer to %s", x->call->method);
  stop(x, rc);
  return 0;
}

static bool is(const char *name, const uint8_t *s, size_t len) {
  return strlen(name) == len && memcmp(name, s, len) == 0;
}

static void keep(struct buf *b, const uint8_t *value, size_t len) {
  buf_clear(b);
  if (len <= TRAILER_MOST)
    buf_add(b, value, len);
}

static int read_status(const uint8_t *value, size_t len) {
  int status = 0;
  for (size_t i = 0; i < len; i++) {
    if (value[i] < '0' || value[i] > '9' || status > 99)
      return 2; /* UNKNOWN */
    status = status * 10 + (value[i] - '0');
  }
  return len ? status : 2;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *ctx) {
  struct exchange *x = exchange_of(ctx, frame->hd.stream_id);
  (void)h2, (void)flags;
  if (!x)
    return 0;
  x->header_bytes += name_len + len + 32;
  if (x->header_bytes > HEADERS_MOST)
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (is(":status", name, name_len))
    snprintf(x->http, sizeof x->http, "%.*s", (int)len, (const char *)value);
  else if (is("content-type", name, name_len))
    x->grpc = len >= 16 && memcmp(value, "application/grpc", 16) == 0;
  else if (is("grpc-status", name, name_len))
    x->grpc_status = read_status(value, len);
  else if (is("grpc-message", name, name_len))
    keep(&x->message, value, len);
  else if (is("grpc-status-details-bin", name, name_len))
    keep(&x->details, value, len);
  return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *ctx) {
  struct channel *ch = ctx;
  (void)h2;
  if (frame->hd.type == NGHTTP2_GOAWAY)
    ch->leaving = true;
  struct exchange *x = exchange_of(ch, frame->hd.stream_id);
  if (x && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
    x->ended = x->ended || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
    ch->pinged = 0;
  return 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t code, void *ctx) {
  struct exchange *x = exchange_of(ctx, stream);
  (void)h2;
  if (x) {
    x->closed = true;
    x->close_code = code;
  }
  return 0;
}

/* Asks for the next request when all before it is on its way. */
static int refill(struct exchange *x) {
  buf_clear(&x->out);
  x->out_at = 0;
  int rc = x->call->next(x->call->ctx, &x->out, &x->err);
  if (rc < 0)
    stop(x, -1);
  x->out_last = rc <= 0;
  return rc;
}

static ssize_t on_read(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t size,
                       uint32_t *flags, nghttp2_data_source *source, void *ctx) {
  struct exchange *x = exchange_of(ctx, stream);
  (void)h2, (void)source;
  if (!x || x->stopped)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
  while (x->out_at == x->out.len && !x->out_last)
    if (refill(x) < 0)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  size_t n = x->out.len - x->out_at;
  if (n > size)
    n = size;
  if (n > 0)
    memcpy(to, x->out.s + x->out_at, n);
  x->out_at += n;
  if (x->out_last && x->out_at == x->out.len)
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)n;
}

/* The connection. */

static int make_session(struct channel *ch, struct err *e) {
  nghttp2_session_callbacks *c = NULL;
  if (nghttp2_session_callbacks_new(&c) != 0)
    return err_set(e, ERR_INTERNAL, "cannot set up HTTP/2");
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
  nghttp2_session_callbacks_set_on_header_callback(c, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
  int rc = nghttp2_session_client_new(&ch->h2, c, ch);
  nghttp2_session_callbacks_del(c);
  static const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MOST},
  };
  if (rc != 0 || nghttp2_submit_settings(ch->h2, NGHTTP2_FLAG_NONE, settings, 3) != 0 ||
      nghttp2_session_set_local_window_size(ch->h2, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0)
    return err_set(e, ERR_INTERNAL, "cannot set up HTTP/2");
  return 0;
}

struct channel *channel_open(const struct wire_settings *settings, int64_t deadline,
                             struct err *e) {
  struct channel *ch = xcalloc(1, sizeof *ch);
  struct interrupts interrupts;
  interrupts_hold(&interrupts);
  ch->wire = wire_open(settings, deadline, &interrupts, e);
  interrupts_release(&interrupts);
  if (!ch->wire || make_session(ch, e) < 0) {
    channel_close(ch);
    return NULL;
  }
  return ch;
}

void channel_close(struct channel *ch) {
  if (!ch)
    return;
  nghttp2_session_del(ch->h2);
  wire_close(ch->wire);
  buf_release(&ch->out);
  free(ch);
}

static int http2_failed(struct channel *ch, ssize_t rc, struct err *e) {
  return err_set(e, ERR_UNREACHABLE, "%s broke the HTTP/2 protocol: %s", wire_name(ch->wire),
                 nghttp2_strerror((int)rc));
}

/* Collects frames, so that headers and data of a call leave in one record. */
static int collect(struct channel *ch, struct err *e) {
  const uint8_t *bytes;
  if (ch->out_at == ch->out.len) {
    buf_clear(&ch->out);
    ch->out_at = 0;
  }
  while (ch->out.len < OUT_MOST) {
    ssize_t n = nghttp2_session_mem_send(ch->h2, &bytes);
    if (n < 0)
      return http2_failed(ch, n, e);
    if (n == 0)
      break;
    buf_add(&ch->out, bytes, (size_t)n);
  }
  return 0;
}

/* Writes what there is; 1: the wire is full. */
static int flush(struct channel *ch, struct err *e) {
  for (;;) {
    if (collect(ch, e) < 0)
      return -1;
    if (ch->out_at == ch->out.len)
      return 0;
    ssize_t n =
        wire_write(ch->wire, (const uint8_t *)ch->out.s + ch->out_at, ch->out.len - ch->out_at, e);
    if (n <= 0)
      return n == 0 ? 1 : -1;
    ch->out_at += (size_t)n;
  }
}

static bool over(const struct exchange *x) {
  return x->closed || x->ended || x->stopped;
}

/* Reads what there is. */
static int drain(struct channel *ch, struct err *e) {
  uint8_t bytes[16384];
  while (!over(ch->now)) {
    ssize_t n = wire_read(ch->wire, bytes, sizeof bytes, e);
    if (n <= 0)
      return (int)n;
    ch->heard = monotonic_ns();
    ssize_t rc = nghttp2_session_mem_recv(ch->h2, bytes, (size_t)n);
    if (rc < 0)
      return http2_failed(ch, rc, e);
  }
  return 0;
}

/* A server that refuses us says why and closes; what we were just writing must not hide that. */
static int lost_while_writing(struct channel *ch, struct err *e) {
  struct err said;
  err_clear(&said);
  if (drain(ch, &said) < 0)
    *e = said;
  return over(ch->now) ? 0 : -1;
}

static int keep_alive(struct channel *ch, int64_t now, struct err *e) {
  if (ch->pinged && now - ch->pinged > PING_NS)
    return err_set(e, ERR_UNREACHABLE, "migd at %s stopped answering", wire_name(ch->wire));
  if (!ch->pinged && now - ch->heard > QUIET_NS) {
    nghttp2_submit_ping(ch->h2, NGHTTP2_FLAG_NONE, NULL);
    ch->pinged = now;
  }
  return 0;
}

/* The next moment at which something is to be done though nothing came. */
static int64_t next_time(const struct channel *ch, int64_t now) {
  int64_t next = ch->pinged ? ch->pinged + PING_NS : ch->heard + QUIET_NS;
  int64_t deadline = ch->now->call->deadline;
  if (ch->tick && now + TICK_NS < next)
    next = now + TICK_NS;
  return deadline && deadline < next ? deadline : next + NS_PER_MS;
}

static int deadline_passed(struct exchange *x) {
  err_set(&x->err, ERR_DEADLINE, "no complete answer to %s in time", x->call->method);
  err_hint(&x->err, "--timeout DURATION waits longer");
  stop(x, -1);
  return 0;
}

static int wait_more(struct channel *ch, bool full, struct interrupts *i, struct err *e) {
  struct exchange *x = ch->now;
  int64_t now = monotonic_ns();
  if (x->call->deadline && now >= x->call->deadline)
    return deadline_passed(x);
  if (keep_alive(ch, now, e) < 0)
    return -1;
  if (!full && nghttp2_session_want_write(ch->h2))
    return 0;
  if (wire_wait(ch->wire, full, next_time(ch, now), i) == WIRE_INTERRUPT) {
    err_set(&x->err, ERR_CANCELLED, "interrupted");
    stop(x, -1);
  }
  if (ch->tick)
    ch->tick(ch->tick_ctx);
  return 0;
}

/* Until the stream is closed or given up; -1: the connection is lost. */
static int drive(struct channel *ch, struct interrupts *i, struct err *e) {
  while (!over(ch->now)) {
    int full = flush(ch, e);
    if (full < 0)
      return lost_while_writing(ch, e);
    if (drain(ch, e) < 0)
      return over(ch->now) ? 0 : -1;
    if (!over(ch->now) && wait_more(ch, full == 1, i, e) < 0)
      return -1;
  }
  return 0;
}

/* A call. */

#define HEADER(n, v)                                                                               \
  ((nghttp2_nv){(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v),        \
                NGHTTP2_NV_FLAG_NONE})

static int submit(struct channel *ch, struct exchange *x, struct err *e) {
  char path[160];
  struct buf timeout BUF_SCOPED = BUF_INIT;
  snprintf(path, sizeof path, "/%s/%s", x->call->service->name, x->call->method);
  if (x->call->deadline)
    rpc_timeout_format(&timeout, x->call->deadline - monotonic_ns());
  const nghttp2_nv headers[] = {
      HEADER(":method", "POST"),
      HEADER(":scheme", "https"),
      HEADER(":path", path),
      HEADER(":authority", wire_name(ch->wire)),
      HEADER("te", "trailers"),
      HEADER("content-type", "application/grpc"),
      HEADER("user-agent", "migctl/" MIGD_VERSION),
      HEADER("grpc-timeout", buf_str(&timeout)),
  };
  nghttp2_data_provider provider = {.read_callback = on_read};
  size_t count = sizeof headers / sizeof headers[0] - (timeout.len == 0);
  x->stream = nghttp2_submit_request(ch->h2, NULL, headers, count, &provider, NULL);
  if (x->stream < 0)
    return err_set(e, ERR_UNREACHABLE, "cannot call %s: %s", x->call->method,
                   nghttp2_strerror(x->stream));
  return 0;
}

static int reset_kind(uint32_t code) {
  switch (code) {
  case NGHTTP2_ENHANCE_YOUR_CALM:
    return ERR_BUSY;
  case NGHTTP2_REFUSED_STREAM:
  case NGHTTP2_CANCEL:
    return ERR_UNREACHABLE;
  default:
    return ERR_INTERNAL;
  }
}

/* What a closed stream says. */
static int read_end(const struct channel *ch, struct exchange *x, struct err *e) {
  const char *name = wire_name(ch->wire);
  if (x->grpc_status < 0 && x->close_code != NGHTTP2_NO_ERROR)
    return err_set(e, (enum err_kind)reset_kind(x->close_code), "migd at %s broke off %s: %s", name,
                   x->call->method, nghttp2_http2_strerror(x->close_code));
  if (strcmp(x->http, "200") != 0 || !x->grpc)
    return err_set(e, ERR_UNREACHABLE, "%s does not speak gRPC (HTTP status %s): is that migd?",
                   name, x->http);
  if (x->grpc_status < 0)
    return err_set(e, ERR_INTERNAL, "migd at %s ended %s without a status", name, x->call->method);
  if (x->grpc_status == 0)
    return x->in.pending.len == 0
               ? 0
               : err_set(e, ERR_INTERNAL, "migd at %s cut a message short", name);
  struct buf message BUF_SCOPED = BUF_INIT, details BUF_SCOPED = BUF_INIT;
  struct err ignored;
  rpc_percent_decode(&message, buf_str(&x->message), x->message.len);
  bool detailed = x->details.len > 0 &&
                  rpc_base64_decode(&details, buf_str(&x->details), x->details.len, &ignored) == 0;
  rpc_status_read(e, x->grpc_status, buf_str(&message),
                  detailed ? (const uint8_t *)buf_str(&details) : NULL, details.len);
  return -1;
}

/* Tells the server, as far as that is possible without waiting. */
static void give_up(struct channel *ch, struct exchange *x) {
  struct err ignored;
  if (!x->closed) {
    nghttp2_submit_rst_stream(ch->h2, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_CANCEL);
    if (flush(ch, &ignored) < 0)
      ch->broken = true;
  }
}

static int finish(struct channel *ch, struct exchange *x, int driven, struct err *e) {
  if (driven < 0) {
    ch->broken = true;
    return -1;
  }
  if (x->stopped) {
    give_up(ch, x);
    if (x->stopped < 0)
      *e = x->err;
    return x->stopped;
  }
  /* A server may answer before it has read the whole request: the rest is not sent. */
  give_up(ch, x);
  return read_end(ch, x, e);
}

int call_run(struct channel *ch, const struct call *call, struct err *e) {
  const ProtobufCMethodDescriptor *method =
      protobuf_c_service_descriptor_get_method_by_name(call->service, call->method);
  struct exchange x = {.call = call, .grpc_status = -1, .http = "-"};
  struct interrupts interrupts;
  if (!method || (call->request && call->request->descriptor != method->input))
    return err_set(e, ERR_INTERNAL, "no call of this form: %s", call->method);
  x.reply = method->output;
  err_clear(&x.err);
  if (call->request) {
    rpc_frame(&x.out, call->request);
    x.out_last = true;
  }
  ch->now = &x;
  ch->heard = monotonic_ns();
  ch->pinged = 0;
  interrupts_hold(&interrupts);
  int rc = submit(ch, &x, e);
  rc = finish(ch, &x, rc < 0 ? rc : drive(ch, &interrupts, e), e);
  interrupts_release(&interrupts);
  ch->now = NULL;
  rpc_deframer_release(&x.in);
  buf_release(&x.out);
  buf_release(&x.message);
  buf_release(&x.details);
  return rc;
}

struct one_reply {
  const ProtobufCMessage *reply;
};

static int keep_reply(void *ctx, const ProtobufCMessage *m, struct err *e) {
  (void)e;
  ((struct one_reply *)ctx)->reply = m;
  return 0;
}

const ProtobufCMessage *call_unary(struct channel *ch, const ProtobufCServiceDescriptor *service,
                                   const char *method, const ProtobufCMessage *request,
                                   int64_t deadline, struct arena *arena, struct err *e) {
  struct one_reply one = {NULL};
  struct call call = {.service = service,
                      .method = method,
                      .request = request,
                      .message = keep_reply,
                      .ctx = &one,
                      .arena = arena,
                      .deadline = deadline};
  if (call_run(ch, &call, e) != 0)
    return NULL;
  if (!one.reply)
    err_set(e, ERR_INTERNAL, "migd at %s answered %s with nothing", wire_name(ch->wire), method);
  return one.reply;
}
