/* nghttp2's callbacks, and the limits that it does not have: the header list is counted as it is
 * decoded, control frames and streams that end before their work does have budgets of their own.
 * Loop thread only.
 */
#include "server/net/session.h"

#include <event2/buffer.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/net/stream.h"

#define STREAM_WINDOW (256 << 10)
#define CONN_WINDOW (1 << 20)
#define OUTPUT_ENOUGH                                                                              \
  (64u << 10) /* bytes for TLS at a time; the rest waits where it can be dropped */
#define RESETS_PER_SECOND 20
#define MAX_CONTINUATIONS 4
#define MAX_SETTINGS 32
#define MAX_ACKS 100

static bool deaf(const struct conn *c) {
  return c->failing || c->closing || c->state != CONN_OPEN;
}

static struct stream *stream_of(nghttp2_session *session, int32_t id) {
  return nghttp2_session_get_stream_user_data(session, id);
}

/* --- budgets --- */

/* A reader answers our DATA with WINDOW_UPDATEs, one for the stream and one for the connection. */
static bool is_free(struct conn *c, const nghttp2_frame_hd *hd) {
  switch (hd->type) {
  case NGHTTP2_WINDOW_UPDATE:
    if (c->update_credit == 0)
      return false;
    c->update_credit--;
    return true;
  case NGHTTP2_DATA:
    return hd->length > 0 || (hd->flags & NGHTTP2_FLAG_END_STREAM);
  case NGHTTP2_HEADERS:
  case NGHTTP2_CONTINUATION:
  case NGHTTP2_GOAWAY:
    return true;
  default:
    return false; /* PING, SETTINGS, PRIORITY, RST_STREAM */
  }
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx) {
  (void)session;
  struct conn *c = ctx;
  if (deaf(c))
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  unsigned rate = c->net->limits.control_frames;
  if (is_free(c, hd) || bucket_take(&c->control, rate, rate, c->read_ns))
    return 0;
  conn_fail(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many control frames");
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* --- headers --- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
  struct conn *c = ctx;
  c->header_bytes = 0;
  c->headers_ns = c->read_ns;
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
    return 0;
  struct stream *s = stream_new(c, frame->hd.stream_id);
  nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
  return 0;
}

/* nghttp2 announces MAX_HEADER_LIST_SIZE but does not enforce it, and a small block can name large
 * table entries many times. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx) {
  (void)flags;
  struct conn *c = ctx;
  c->header_bytes += name_len + value_len + 32;
  if (c->header_bytes > 2 * (size_t)c->net->limits.header_list) {
    conn_fail(c, NGHTTP2_ENHANCE_YOUR_CALM, "a header list that does not end");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  struct stream *s = stream_of(session, frame->hd.stream_id);
  if (s == NULL)
    return 0;
  if (c->header_bytes > c->net->limits.header_list)
    stream_cut(s, NGHTTP2_ENHANCE_YOUR_CALM);
  else if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
    stream_header(s, (const char *)name, name_len, (const char *)value, value_len);
  return 0;
}

/* --- frames --- */

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
  struct conn *c = ctx;
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK)) {
    c->ping_ns = 0;
    if (memcmp(frame->ping.opaque_data, conn_drain_ping, sizeof conn_drain_ping) == 0)
      conn_drained(c);
    return 0;
  }
  if (frame->hd.type == NGHTTP2_HEADERS)
    c->headers_ns = 0;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
    return 0;
  struct stream *s = stream_of(session, frame->hd.stream_id);
  if (s == NULL)
    return 0;
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
    stream_headers_done(s);
  if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
    stream_half_closed(s);
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *ctx) {
  (void)flags, (void)ctx;
  struct stream *s = stream_of(session, id);
  if (s)
    stream_data(s, bytes, len);
  else
    nghttp2_session_consume(session, id, len);
  return 0;
}

/* Whoever reset it, we or they: a stream that ends while its work goes on has cost us that work. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *ctx) {
  struct conn *c = ctx;
  struct stream *s = stream_of(session, id);
  if (s == NULL)
    return 0;
  bool wasted = stream_wasted(s);
  log_line(c->net->log, LOG_DEBUG, "net", "%s stream %d closed: %s", c->peer, id,
           nghttp2_http2_strerror(error));
  stream_free(s);
  if (wasted && !bucket_take(&c->resets, RESETS_PER_SECOND, c->net->limits.resets, clock_mono_ns()))
    conn_fail(c, NGHTTP2_ENHANCE_YOUR_CALM,
              "too many streams were reset before they were answered");
  return 0;
}

/* A stream that is answered before the peer has ended its request is reset with NO_ERROR; not
 * before the trailers are out, since a reset drops what is queued for the stream. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
  struct conn *c = ctx;
  if (frame->hd.type == NGHTTP2_DATA)
    c->update_credit += 2;
  if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
    return 0;
  struct stream *s = stream_of(session, frame->hd.stream_id);
  if (s && !stream_is_half_closed(s))
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  return 0;
}

static int on_error(nghttp2_session *session, int code, const char *text, size_t len, void *ctx) {
  (void)session, (void)code;
  struct conn *c = ctx;
  log_line(c->net->log, LOG_DEBUG, "net", "%s: %.*s", c->peer, (int)len, text);
  return 0;
}

void session_setup(struct net *n) {
  nghttp2_session_callbacks_new(&n->callbacks);
  nghttp2_session_callbacks_set_on_begin_frame_callback(n->callbacks, on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(n->callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(n->callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(n->callbacks, on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(n->callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(n->callbacks, on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(n->callbacks, on_frame_send);
  nghttp2_session_callbacks_set_error_callback2(n->callbacks, on_error);
  nghttp2_option_new(&n->options);
  nghttp2_option_set_no_auto_window_update(n->options, 1);
  nghttp2_option_set_no_closed_streams(n->options, 1);
  nghttp2_option_set_max_outbound_ack(n->options, MAX_ACKS);
  nghttp2_option_set_max_settings(n->options, MAX_SETTINGS);
  nghttp2_option_set_max_continuations(n->options, MAX_CONTINUATIONS);
  nghttp2_option_set_stream_reset_rate_limit(n->options, 200, 33);
}

int session_open(struct conn *c, struct err *e) {
  const struct net_limits *l = &c->net->limits;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->header_list},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
  };
  if (nghttp2_session_server_new2(&c->session, c->net->callbacks, c, c->net->options) != 0 ||
      nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
                              sizeof settings / sizeof settings[0]) != 0 ||
      nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW) != 0)
    return err_set(e, ERR_BUSY, "no memory for an HTTP/2 session");
  return 0;
}

void session_feed(struct conn *c, const uint8_t *bytes, size_t len) {
  ssize_t rv = nghttp2_session_mem_recv(c->session, bytes, len);
  if (rv >= 0 || c->failing)
    return;
  if (rv == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
    conn_fail(c, NGHTTP2_PROTOCOL_ERROR, "what it speaks inside TLS is not HTTP/2");
  else
    conn_fail(c, NGHTTP2_ENHANCE_YOUR_CALM, "HTTP/2: %s", nghttp2_strerror((int)rv));
}

/* Frames are gathered into whole TLS records. Writing may drain the output at once, and then no
 * write event comes: so go on until nghttp2 has nothing more, or the output stays. */
void session_send(struct conn *c) {
  uint8_t *scratch = c->net->scratch;
  size_t used = 0;
  struct evbuffer *output = bufferevent_get_output(c->bev);
  for (;;) {
    const uint8_t *frame = NULL;
    ssize_t len = 0;
    if (evbuffer_get_length(output) + used < OUTPUT_ENOUGH)
      len = nghttp2_session_mem_send(c->session, &frame);
    if (used > 0 && (len <= 0 || used + (size_t)len > NET_SCRATCH)) {
      bufferevent_write(c->bev, scratch, used);
      c->written += used;
      used = 0;
      if (len <= 0 && evbuffer_get_length(output) < OUTPUT_ENOUGH)
        continue;
    }
    if (len <= 0)
      break;
    if ((size_t)len > NET_SCRATCH) {
      bufferevent_write(c->bev, frame, (size_t)len);
      c->written += (size_t)len;
    } else {
      memcpy(scratch + used, frame, (size_t)len);
      used += (size_t)len;
    }
  }
}
