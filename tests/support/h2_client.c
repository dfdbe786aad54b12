/* See h2_client.h: nghttp2 over OpenSSL over one non-blocking socket. */
#include "tests/support/h2_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/arena.h"
#include "proto/rpc/frame.h"

struct h2 {
  int fd;
  SSL_CTX *ctx;
  SSL *ssl;
  nghttp2_session *session;
  enum h2_end end;
  bool broken; /* nothing can be written any more; what the server had to say may still be read */
  char alert[160];
  int64_t goaway;
  unsigned goaways, pongs, pings, pings_seen, resets;
  uint32_t reset_error;
  size_t data_seen;
  struct buf seen; /* raw: frames that are not whole yet */
  struct h2_stream *streams;
  struct buf unsent; /* for TLS */
};

static void must(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "h2_client: %s: %s\n", what, strerror(errno));
  abort();
}

int h2_tcp(const char *address) {
  char host[64];
  const char *colon = strrchr(address, ':');
  snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  inet_pton(AF_INET, host, &in.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(fd >= 0, "socket");
  must(connect(fd, (struct sockaddr *)&in, sizeof in) == 0, "connect");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* --- TLS --- */

static void note_end(struct h2 *h, int rc) {
  int error = SSL_get_error(h->ssl, rc);
  unsigned long code = ERR_get_error();
  if (error == SSL_ERROR_ZERO_RETURN || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    h->end = H2_EOF;
  else if (error == SSL_ERROR_SSL)
    h->end = H2_TLS_ALERT;
  else
    h->end = H2_RESET;
  if (h->end == H2_TLS_ALERT && ERR_reason_error_string(code))
    snprintf(h->alert, sizeof h->alert, "%s", ERR_reason_error_string(code));
  ERR_clear_error();
}

/* Waits for what OpenSSL wants. True: try again. */
static bool tls_again(struct h2 *h, int rc) {
  int error = SSL_get_error(h->ssl, rc);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    note_end(h, rc);
    return false;
  }
  struct pollfd p = {h->fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, 0};
  must(poll(&p, 1, H2_WAIT_MS) == 1, "nothing came");
  return true;
}

static void handshake(struct h2 *h, const struct h2_options *o) {
  h->ctx = SSL_CTX_new(TLS_client_method());
  if (o->tls12)
    SSL_CTX_set_max_proto_version(h->ctx, TLS1_2_VERSION);
  SSL_CTX_set_verify(h->ctx, o->ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
  if (o->ca)
    must(SSL_CTX_load_verify_file(h->ctx, o->ca) == 1, o->ca);
  if (o->cert) {
    must(SSL_CTX_use_certificate_chain_file(h->ctx, o->cert) == 1, o->cert);
    must(SSL_CTX_use_PrivateKey_file(h->ctx, o->key, SSL_FILETYPE_PEM) == 1, o->key);
  }
  h->ssl = SSL_new(h->ctx);
  SSL_set_fd(h->ssl, h->fd);
  const char *alpn = o->alpn ? o->alpn : "h2";
  unsigned char wire[64];
  wire[0] = (unsigned char)strlen(alpn);
  memcpy(wire + 1, alpn, wire[0]);
  if (wire[0] > 0)
    SSL_set_alpn_protos(h->ssl, wire, wire[0] + 1u);
  int rc;
  while ((rc = SSL_connect(h->ssl)) != 1)
    if (!tls_again(h, rc))
      return;
}

/* Writes as much as the socket takes. */
static void write_some(struct h2 *h) {
  while (h->end == H2_ALIVE && !h->broken && h->unsent.len > 0) {
    int n = SSL_write(h->ssl, h->unsent.s, h->unsent.len < 16384 ? (int)h->unsent.len : 16384);
    if (n <= 0) {
      if (SSL_get_error(h->ssl, n) != SSL_ERROR_WANT_WRITE &&
          SSL_get_error(h->ssl, n) != SSL_ERROR_WANT_READ) {
        ERR_clear_error();
        h->broken = true;
        h->unsent.len = 0;
      }
      return;
    }
    memmove(h->unsent.s, h->unsent.s + n, h->unsent.len - (size_t)n);
    h->unsent.len -= (size_t)n;
  }
}

static uint32_t be32(const char *p) {
  const uint8_t *u = (const uint8_t *)p;
  return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* Without nghttp2: what a rude client wants to know. */
static void look(struct h2 *h, const void *bytes, size_t len) {
  buf_add(&h->seen, bytes, len);
  size_t at = 0, size;
  for (; h->seen.len - at >= 9; at += 9 + size) {
    const char *frame = h->seen.s + at;
    size = be32(frame) >> 8;
    if (h->seen.len - at < 9 + size)
      break;
    if (frame[3] == NGHTTP2_DATA) {
      h->data_seen += size;
    } else if (frame[3] == NGHTTP2_GOAWAY) {
      h->goaways++;
      h->goaway = be32(frame + 13);
    } else if (frame[3] == NGHTTP2_PING && frame[4] == NGHTTP2_FLAG_ACK) {
      h->pongs++;
    } else if (frame[3] == NGHTTP2_RST_STREAM) {
      h->resets++;
      h->reset_error = be32(frame + 9);
    }
  }
  memmove(h->seen.s, h->seen.s + at, h->seen.len - at);
  h->seen.len -= at;
}

static void read_some(struct h2 *h) {
  uint8_t bytes[16384];
  for (;;) {
    int n = SSL_read(h->ssl, bytes, sizeof bytes);
    if (n > 0) {
      if (h->session)
        nghttp2_session_mem_recv(h->session, bytes, (size_t)n);
      else
        look(h, bytes, (size_t)n);
      continue;
    }
    int error = SSL_get_error(h->ssl, n);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      note_end(h, n);
    return;
  }
}

static void collect(struct h2 *h) {
  const uint8_t *bytes;
  ssize_t n;
  while (h->session && h->unsent.len < (64u << 10) &&
         (n = nghttp2_session_mem_send(h->session, &bytes)) > 0)
    buf_add(&h->unsent, bytes, (size_t)n);
}

/* What is written may be gone at once, and then nothing would wake us for the rest. */
static void send_some(struct h2 *h) {
  do {
    collect(h);
    write_some(h);
  } while (h->end == H2_ALIVE && !h->broken && h->unsent.len == 0 && h->session &&
           nghttp2_session_want_write(h->session));
}

static void turn(struct h2 *h, int timeout_ms) {
  send_some(h);
  if (h->end != H2_ALIVE)
    return;
  struct pollfd p = {h->fd, (short)(POLLIN | (h->unsent.len ? POLLOUT : 0)), 0};
  if (!SSL_pending(h->ssl))
    must(poll(&p, 1, timeout_ms) >= 0, "poll");
  read_some(h);
  if (h->end == H2_ALIVE)
    send_some(h);
}

/* --- HTTP/2 --- */

static bool is(const uint8_t *a, size_t len, const char *b) {
  return len == strlen(b) && memcmp(a, b, len) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx) {
  (void)flags, (void)ctx;
  struct err e;
  struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (s == NULL)
    return 0;
  if (is(name, name_len, ":status"))
    s->http_status = atoi((const char *)value);
  else if (is(name, name_len, "grpc-status")) {
    s->grpc_status = atoi((const char *)value);
    s->trailers_only = frame->headers.cat == NGHTTP2_HCAT_RESPONSE;
  } else if (is(name, name_len, "grpc-message"))
    rpc_percent_decode(&s->message, (const char *)value, value_len);
  else if (is(name, name_len, "grpc-status-details-bin"))
    rpc_base64_decode(&s->details, (const char *)value, value_len, &e);
  else if (is(name, name_len, "grpc-accept-encoding"))
    snprintf(s->accept_encoding, sizeof s->accept_encoding, "%.*s", (int)value_len, value);
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *ctx) {
  (void)flags, (void)ctx;
  struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
  if (s)
    buf_add(&s->body, bytes, len);
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *ctx) {
  (void)ctx;
  struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
  if (s) {
    s->closed = true;
    s->error = error;
  }
  return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
  (void)session;
  struct h2 *h = ctx;
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    h->goaway = frame->goaway.error_code;
    h->goaways++;
  }
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
    h->pongs++;
  else if (frame->hd.type == NGHTTP2_PING)
    h->pings_seen++;
  return 0;
}

static void open_session(struct h2 *h, const struct h2_options *o) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_client_new(&h->session, callbacks, h);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                   o->no_window ? 0 : 1u << 20};
  nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, &window, 1);
}

struct h2 *h2_open(const struct h2_options *options) {
  struct h2 *h = xcalloc(1, sizeof *h);
  h->goaway = -1;
  h->fd = h2_tcp(options->address);
  fcntl(h->fd, F_SETFL, O_NONBLOCK);
  handshake(h, options);
  if (!options->raw)
    open_session(h, options);
  return h;
}

void h2_close(struct h2 *h) {
  if (h == NULL)
    return;
  nghttp2_session_del(h->session);
  struct h2_stream *next;
  for (struct h2_stream *s = h->streams; s; s = next) {
    next = s->next;
    buf_release(&s->message);
    buf_release(&s->details);
    buf_release(&s->body);
    buf_release(&s->request);
    free(s);
  }
  buf_release(&h->unsent);
  buf_release(&h->seen);
  SSL_free(h->ssl);
  SSL_CTX_free(h->ctx);
  close(h->fd);
  free(h);
}

enum h2_end h2_state(const struct h2 *h) {
  return h->end;
}
const char *h2_alert(const struct h2 *h) {
  return h->alert;
}
int64_t h2_goaway(const struct h2 *h) {
  return h->goaway;
}
unsigned h2_goaways(const struct h2 *h) {
  return h->goaways;
}
unsigned h2_pings_seen(const struct h2 *h) {
  return h->pings_seen;
}
size_t h2_data_seen(const struct h2 *h) {
  return h->data_seen;
}
unsigned h2_resets(const struct h2 *h, uint32_t *error) {
  *error = h->reset_error;
  return h->resets;
}
int h2_fd(const struct h2 *h) {
  return h->fd;
}
size_t h2_sent(const struct h2_stream *s) {
  return s->request_at;
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *to, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx) {
  (void)session, (void)id, (void)ctx;
  struct h2_stream *s = source->ptr;
  size_t n = s->request.len - s->request_at;
  n = n < len ? n : len;
  if (n > 0)
    memcpy(to, s->request.s + s->request_at, n);
  s->request_at += n;
  if (s->request_ended && s->request_at == s->request.len)
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  else if (n == 0) {
    s->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return (ssize_t)n;
}

struct h2_stream *h2_start_headers(struct h2 *h, const char *const *headers, bool end) {
  nghttp2_nv nv[32];
  size_t n = 0;
  for (; headers[2 * n] && n < 32; n++)
    nv[n] =
        (nghttp2_nv){(uint8_t *)(uintptr_t)headers[2 * n], (uint8_t *)(uintptr_t)headers[2 * n + 1],
                     strlen(headers[2 * n]), strlen(headers[2 * n + 1]), NGHTTP2_NV_FLAG_NONE};
  struct h2_stream *s = xcalloc(1, sizeof *s);
  s->grpc_status = -1;
  s->next = h->streams;
  h->streams = s;
  nghttp2_data_provider provider = {.source.ptr = s, .read_callback = read_request};
  s->id = nghttp2_submit_request(h->session, NULL, nv, n, end ? NULL : &provider, s);
  must(s->id > 0, "submit a request");
  return s;
}

struct h2_stream *h2_start(struct h2 *h, const char *path, const char *const *headers) {
  const char *all[64] = {
      ":method", "POST", ":scheme",  "https",        ":authority",       "test", ":path",
      path,      "te",   "trailers", "content-type", "application/grpc", NULL};
  size_t n = 12;
  for (; headers && *headers && n < 62; n++)
    all[n] = *headers++;
  all[n] = NULL;
  return h2_start_headers(h, all, false);
}

static void wake(struct h2 *h, struct h2_stream *s) {
  if (s->deferred && h->session)
    nghttp2_session_resume_data(h->session, s->id);
  s->deferred = false;
}

void h2_send_raw(struct h2 *h, struct h2_stream *s, const void *bytes, size_t len) {
  buf_add(&s->request, bytes, len);
  wake(h, s);
}

void h2_send(struct h2 *h, struct h2_stream *s, const void *bytes, size_t len) {
  rpc_frame_bytes(&s->request, bytes, len);
  wake(h, s);
}

void h2_end(struct h2 *h, struct h2_stream *s) {
  s->request_ended = true;
  wake(h, s);
}

void h2_reset(struct h2 *h, struct h2_stream *s, uint32_t error) {
  if (h->session)
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, error);
}

struct h2_stream *h2_call(struct h2 *h, const char *path, const void *bytes, size_t len) {
  struct h2_stream *s = h2_start(h, path, NULL);
  h2_send(h, s, bytes, len);
  h2_end(h, s);
  h2_wait_closed(h, s);
  return s;
}

static int64_t now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool h2_wait(struct h2 *h, bool (*done)(void *ctx), void *ctx) {
  int64_t until = now_ms() + H2_WAIT_MS;
  while (!done(ctx)) {
    if (h->end != H2_ALIVE || now_ms() >= until)
      return false;
    turn(h, (int)(until - now_ms()));
  }
  return true;
}

static bool is_closed(void *ctx) {
  return ((struct h2_stream *)ctx)->closed;
}

bool h2_wait_closed(struct h2 *h, struct h2_stream *s) {
  return h2_wait(h, is_closed, s);
}

struct body_want {
  struct h2_stream *s;
  size_t len;
};

static bool has_body(void *ctx) {
  struct body_want *w = ctx;
  return w->s->body.len >= w->len || w->s->closed;
}

bool h2_wait_body(struct h2 *h, struct h2_stream *s, size_t len) {
  struct body_want w = {s, len};
  return h2_wait(h, has_body, &w) && s->body.len >= len;
}

static bool never(void *ctx) {
  (void)ctx;
  return false;
}

enum h2_end h2_wait_end(struct h2 *h) {
  h2_wait(h, never, NULL);
  return h->end;
}

bool h2_wait_fin(struct h2 *h) {
  char ignored[1024];
  struct pollfd p = {h->fd, POLLIN, 0};
  ssize_t n = 1;
  while (n > 0 && poll(&p, 1, H2_WAIT_MS) == 1)
    n = recv(h->fd, ignored, sizeof ignored, 0);
  return n == 0;
}

static bool ponged(void *ctx) {
  struct h2 *h = ctx;
  return h->pongs >= h->pings;
}

bool h2_ping(struct h2 *h) {
  h->pings = h->pongs + 1;
  if (h->session)
    nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
  else
    h2_frame(h, NGHTTP2_PING, 0, 0, "12345678", 8);
  return h2_wait(h, ponged, h);
}

bool h2_flush(struct h2 *h) {
  send_some(h);
  return h->end == H2_ALIVE;
}

bool h2_raw(struct h2 *h, const void *bytes, size_t len) {
  collect(h);
  buf_add(&h->unsent, bytes, len);
  int64_t until = now_ms() + H2_WAIT_MS;
  while (h->end == H2_ALIVE && h->unsent.len > 0 && now_ms() < until) {
    write_some(h);
    if (h->unsent.len > 0 && h->end == H2_ALIVE) {
      struct pollfd p = {h->fd, POLLIN | POLLOUT, 0};
      must(poll(&p, 1, H2_WAIT_MS) >= 0, "poll");
      read_some(h);
    }
  }
  return h->end == H2_ALIVE && !h->broken;
}

bool h2_frame(struct h2 *h, uint8_t type, uint8_t flags, int32_t stream, const void *payload,
              size_t len) {
  uint8_t head[9] = {(uint8_t)(len >> 16),
                     (uint8_t)(len >> 8),
                     (uint8_t)len,
                     type,
                     flags,
                     (uint8_t)(stream >> 24),
                     (uint8_t)(stream >> 16),
                     (uint8_t)(stream >> 8),
                     (uint8_t)stream};
  struct buf all BUF_SCOPED = BUF_INIT;
  buf_add(&all, head, sizeof head);
  buf_add(&all, payload, len);
  return h2_raw(h, all.s, all.len);
}
