/* What a connection survives, and what it is closed for. Each abuse runs beside an honest client,
 * which must be served during and after it.
 */
#include "server/net/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"
#include "tests/support/net_fixture.h"

#define CALM NGHTTP2_ENHANCE_YOUR_CALM

struct abuse {
  struct fixture *f;
  struct h2 *honest; /* connected before the abuse */
};

static int prepare(void **state) {
  struct abuse *a = xcalloc(1, sizeof *a);
  a->f = fixture_new();
  a->f->options.limits.ping_ms = 10 * 60 * 1000; /* the honest one is not always at its socket */
  *state = a;
  return 0;
}

static int stop(void **state) {
  struct abuse *a = *state;
  h2_close(a->honest);
  int rc = fixture_free(a->f);
  free(a);
  return rc;
}

static struct fixture *begin(struct abuse *a) {
  fixture_start(a->f, 4, 64);
  a->honest = fixture_client(a->f);
  assert_true(h2_ping(a->honest));
  return a->f;
}

/* The honest one, on its old connection and on a new one. */
static void assert_served(struct abuse *a) {
  struct h2_stream *s = h2_call(a->honest, "/t.T/Echo", "hi", 2);
  assert_int_equal(s->grpc_status, 0);
  assert_int_equal(s->body.len, 7);
  assert_true(fixture_serves(a->f));
}

/* --- a rude client: frames by hand --- */

static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static struct h2 *rude(struct fixture *f) {
  struct h2_options o = fixture_options(f);
  o.raw = true;
  struct h2 *h = h2_open(&o);
  assert_int_equal(h2_state(h), H2_ALIVE);
  assert_true(h2_raw(h, magic, sizeof magic - 1));
  assert_true(h2_frame(h, NGHTTP2_SETTINGS, 0, 0, NULL, 0));
  return h;
}

#define HEADER(name, value)                                                                        \
  { (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), 0 }

/* A request's header block that uses no table, so that it can be sent again and again. */
static size_t header_block(const char *path, uint8_t *out, size_t size) {
  const nghttp2_nv nv[] = {HEADER(":method", "POST"), HEADER(":scheme", "https"),
                           HEADER(":path", path), HEADER(":authority", "t"),
                           HEADER("content-type", "application/grpc")};
  nghttp2_hd_deflater *deflater;
  nghttp2_hd_deflate_new(&deflater, 0);
  ssize_t n = nghttp2_hd_deflate_hd(deflater, out, size, nv, sizeof nv / sizeof nv[0]);
  nghttp2_hd_deflate_del(deflater);
  assert_true(n > 0);
  return (size_t)n;
}

static bool request(struct h2 *h, int32_t id, const char *path) {
  uint8_t block[256];
  size_t len = header_block(path, block, sizeof block);
  return h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block, len) &&
         h2_frame(h, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "\0\0\0\0\0", 5);
}

static void assert_closed(struct h2 *h) {
  assert_int_not_equal(h2_wait_end(h), H2_ALIVE);
  h2_close(h);
}

static void assert_told_off(struct h2 *h, uint32_t error) {
  assert_int_not_equal(h2_wait_end(h), H2_ALIVE);
  assert_int_equal(h2_goaway(h), error);
  h2_close(h);
}

/* --- streams that are reset --- */

static void rapid_reset(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  static const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};
  int32_t id = 1;
  for (; id < 6000; id += 2) {
    if (!request(h, id, "/t.T/Hang") || !h2_frame(h, NGHTTP2_RST_STREAM, 0, id, cancel, 4))
      break;
    if (id % 100 == 1)
      assert_int_equal(h2_call(a->honest, "/t.T/EchoHere", "", 0)->grpc_status, 0);
  }
  assert_closed(h); /* it sends on and on: our last word may be lost on it */
  assert_true(fixture_logged(f, "too many streams were reset"));
  assert_true(fixture_read(f, &f->hanging) <= 200);
  assert_served(a);
}

/* The server itself resets each stream, for a flow-control error that the client provokes. */
static void made_you_reset(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  static const uint8_t too_much[4] = {0x7f, 0xff, 0xff, 0xff};
  for (int32_t id = 1; id < 6000; id += 2)
    if (!request(h, id, "/t.T/Hang") || !h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, id, too_much, 4))
      break;
  assert_closed(h); /* it sends on and on: our last word may be lost on it */
  assert_true(fixture_logged(f, "too many streams were reset"));
  assert_true(fixture_read(f, &f->hanging) <= 200);
  assert_served(a);
}

/* Work that is cancelled but not given back yet still counts: the queue stays short. */
static void cancelled_work_counts(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.jobs_per_connection = 3;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  static const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};
  for (int32_t id = 1; id < 7; id += 2)
    assert_true(request(h, id, "/t.T/Gate"));
  assert_true(fixture_wait(f, &f->gated, 3));
  for (int32_t id = 1; id < 100; id += 2) {
    if (id >= 7)
      assert_true(request(h, id, "/t.T/Gate"));
    assert_true(h2_frame(h, NGHTTP2_RST_STREAM, 0, id, cancel, 4));
  }
  assert_int_equal(h2_call(a->honest, "/t.T/Echo", "", 0)->grpc_status, 0); /* a fourth worker */
  assert_true(h2_ping(h)); /* all of it has been read */
  h2_close(h);
  fixture_open_gate(f);
  assert_served(a);
  assert_int_equal(fixture_read(f, &f->gated), 3);
}

/* --- headers --- */

static void continuation_flood(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  uint8_t block[256];
  size_t len = header_block("/t.T/Echo", block, sizeof block);
  h2_frame(h, NGHTTP2_HEADERS, 0, 1, block, len);
  for (int i = 0; i < 10000; i++)
    if (!h2_frame(h, NGHTTP2_CONTINUATION, 0, 1, "", 0))
      break;
  assert_closed(h);
  assert_served(a);
}

static void headers_that_do_not_end(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.request_ms = 150;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  uint8_t block[256];
  size_t len = header_block("/t.T/Echo", block, sizeof block);
  h2_frame(h, NGHTTP2_HEADERS, 0, 1, block, len);
  assert_told_off(h, CALM);
  assert_served(a);
}

static struct h2_stream *call_with_header_of(struct h2 *h, size_t len) {
  char *value = xmalloc(len + 1);
  memset(value, 'v', len);
  value[len] = '\0';
  const char *const headers[] = {"x-large", value, NULL};
  struct h2_stream *s = h2_start(h, "/t.T/Echo", headers);
  free(value);
  h2_send(h, s, "", 0);
  h2_end(h, s);
  h2_wait_closed(h, s);
  return s;
}

static void large_headers(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = fixture_client(f);
  assert_int_equal(call_with_header_of(h, 15u << 10)->grpc_status, 0);
  struct h2_stream *s = call_with_header_of(h, 17u << 10);
  assert_int_equal(s->error, CALM);
  assert_int_equal(s->grpc_status, -1);
  assert_int_equal(call_with_header_of(h, 10)->grpc_status, 0); /* only that stream was cut */
  s = call_with_header_of(h, 40u << 10);
  assert_int_not_equal(s->grpc_status, 0);
  assert_told_off(h, CALM);
  assert_served(a);
}

/* A block of 5 KB that names one 4 KB entry a thousand times: 4 MB of headers. */
static void hpack_references(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  struct buf block BUF_SCOPED = BUF_INIT;
  uint8_t start[256];
  size_t len = header_block("/t.T/Echo", start, sizeof start);
  buf_add(&block, start, len);
  block.len = 0; /* no table size update: the table is what this is about */
  buf_add(&block, "\x40\x01x\x7f\xa1\x1e", 6); /* x: 4,000 bytes, remembered */
  for (int i = 0; i < 4000; i++)
    buf_addc(&block, 'v');
  for (int i = 0; i < 1000; i++)
    buf_addc(&block, (char)0xbe);
  h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block.s, block.len);
  assert_told_off(h, CALM);
  assert_true(fixture_logged(f, "a header list that does not end"));
  assert_served(a);
}

/* --- control frames --- */

/* Sends frames until the server has had enough. */
static void flood(struct fixture *f, uint8_t type, uint8_t flags, int32_t stream,
                  const void *payload, size_t len) {
  struct h2 *h = rude(f);
  int64_t begun = clock_mono_ns();
  while (clock_mono_ns() - begun < H2_WAIT_MS * NS_PER_MS)
    if (!h2_frame(h, type, flags, stream, payload, len))
      break;
  assert_closed(h);
  assert_true(fixture_logged(f, "refused 127.0.0.1"));
}

static void ping_flood(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.control_frames = 50; /* also a busy machine reaches that */
  flood(begin(a), NGHTTP2_PING, 0, 0, "12345678", 8);
  assert_served(a);
}

static void settings_flood(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.control_frames = 50; /* also a busy machine reaches that */
  flood(begin(a), NGHTTP2_SETTINGS, 0, 0, "\0\1\0\0\20\0", 6);
  assert_served(a);
}

static void priority_flood(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.control_frames = 50; /* also a busy machine reaches that */
  flood(begin(a), NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\1", 5);
  assert_served(a);
}

static void window_update_flood(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.control_frames = 50; /* also a busy machine reaches that */
  flood(begin(a), NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
  assert_served(a);
}

/* The updates that our own DATA brings are no flood. */
static void a_great_reader_is_no_flood(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.control_frames = 20;
  struct fixture *f = begin(a);
  struct h2 *h = fixture_client(f);
  uint32_t size = 3u << 20;
  for (int i = 0; i < 10; i++)
    assert_int_equal(h2_call(h, "/t.T/Big", &size, sizeof size)->grpc_status, 0);
  h2_close(h);
}

/* --- sizes --- */

static void a_frame_of_16_mebibytes(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  assert_true(h2_raw(h, "\xff\xff\xff\0\0\0\0\0\1", 9)); /* as long as HTTP/2 can say */
  assert_told_off(h, NGHTTP2_FRAME_SIZE_ERROR);
  h = rude(f);
  assert_true(h2_raw(h, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10));
  assert_told_off(h, NGHTTP2_FRAME_SIZE_ERROR);
  assert_served(a);
}

static void http_1_inside_tls(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2_options o = fixture_options(f);
  o.raw = true;
  struct h2 *h = h2_open(&o);
  assert_true(h2_raw(h, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35));
  assert_told_off(h, NGHTTP2_PROTOCOL_ERROR);
  assert_true(fixture_logged(f, "inside TLS is not HTTP/2"));
  assert_served(a);
}

static bool has_seen_all(void *ctx) {
  return h2_data_seen(ctx) >= (3u << 20) + 5;
}

/* Trap 4: the peer has opened all windows and says nothing more, so that only write events move
 * what the socket did not take at once. */
static void a_reply_leaves_without_another_word(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  int small = 32 << 10;
  setsockopt(h2_fd(h), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  uint8_t block[256];
  size_t len = header_block("/t.T/Big", block, sizeof block);
  static const uint8_t window[4] = {0x3f, 0xff, 0xff, 0xff};
  static const uint8_t three_mebibytes[] = {0, 0, 0, 0, 4, 0, 0, 0x30, 0};
  assert_true(h2_frame(h, NGHTTP2_SETTINGS, 0, 0, "\0\4\x3f\xff\xff\xff", 6));
  assert_true(h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, 0, window, 4));
  assert_true(h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, len));
  assert_true(h2_frame(h, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, three_mebibytes,
                       sizeof three_mebibytes));
  assert_true(h2_wait(h, has_seen_all, h));
  h2_close(h);
}

/* --- slow ones --- */

static void a_reader_that_opens_no_window(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.stall_ms = 150;
  struct fixture *f = begin(a);
  struct h2_options o = fixture_options(f);
  o.no_window = true;
  struct h2 *h = h2_open(&o);
  uint32_t size = 100000;
  int64_t begun = clock_mono_ns();
  struct h2_stream *s = h2_call(h, "/t.T/Big", &size, sizeof size);
  assert_true(clock_mono_ns() - begun >= 150 * NS_PER_MS);
  assert_true(s->closed);
  assert_int_equal(s->error, CALM);
  assert_true(h2_ping(h)); /* only the stream was cut */
  h2_close(h);
  assert_served(a);
}

static void a_peer_that_does_not_read(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.stall_ms = 150;
  struct fixture *f = begin(a);
  struct h2 *h = rude(f);
  static const uint8_t window[4] = {0x3f, 0xff, 0xff, 0xff};
  assert_true(h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, 0, window, 4));
  assert_true(h2_frame(h, NGHTTP2_SETTINGS, 0, 0, "\0\4\x3f\xff\xff\xff", 6));
  assert_true(request(h, 1, "/t.T/Flood"));
  assert_true(fixture_wait(f, &f->floods, 10));
  int64_t until = clock_mono_ns() + H2_WAIT_MS * NS_PER_MS;
  while (net_connections(f->net) > 1 && clock_mono_ns() < until)
    assert_int_equal(h2_call(a->honest, "/t.T/EchoHere", "", 0)->grpc_status, 0);
  assert_int_equal(net_connections(f->net), 1);
  assert_true(fixture_logged(f, "it does not read"));
  h2_close(h);
  assert_served(a);
}

static void a_request_that_does_not_end(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.request_ms = 150;
  struct fixture *f = begin(a);
  struct h2 *h = fixture_client(f);
  static const char *const paths[] = {"/t.T/Echo", "/t.T/Push"};
  for (int i = 0; i < 2; i++) {
    struct h2_stream *s = h2_start(h, paths[i], NULL);
    h2_send_raw(h, s, "\0\0\0\0\5he", 7);
    int64_t begun = clock_mono_ns();
    assert_true(h2_wait_closed(h, s));
    assert_true(clock_mono_ns() - begun >= 140 * NS_PER_MS);
    assert_int_equal(s->grpc_status, 4);
  }
  h2_close(h);
  assert_served(a);
}

/* A drop now and then does not help a unary request, but a push may take its time. */
static void progress_keeps_a_push_alive(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.request_ms = 1000;
  a->f->options.limits.control_frames = 0;
  struct fixture *f = begin(a);
  struct h2 *h = fixture_client(f);
  struct h2_stream *unary = h2_start(h, "/t.T/Echo", NULL), *push = h2_start(h, "/t.T/Push", NULL);
  h2_send_raw(h, unary, "\0\0\x0f\xff\xff", 5);
  h2_send_raw(h, push, "\0\0\x10\0\0", 5);
  size_t left = 1u << 20; /* one message, drop by drop */
  while (!unary->closed && left > 1) {
    h2_send_raw(h, push, "x", 1);
    left--;
    h2_send_raw(h, unary, "x", 1);
    assert_true(h2_ping(h));
  }
  char *rest = xcalloc(1, left);
  h2_send_raw(h, push, rest, left);
  free(rest);
  assert_true(unary->closed);
  assert_int_equal(unary->grpc_status, 4);
  h2_end(h, push);
  assert_true(h2_wait_closed(h, push));
  assert_int_equal(push->grpc_status, 0);
  h2_close(h);
}

/* Trap: libevent's timeouts begin anew with each byte; this one does not. */
static void a_slow_handshake(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.handshake_ms = 300;
  struct fixture *f = begin(a);
  int silent = h2_tcp(net_address(f->net)), slow = h2_tcp(net_address(f->net));
  static const uint8_t hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
  int64_t begun = clock_mono_ns();
  struct pollfd p = {slow, POLLIN, 0};
  size_t sent = 0;
  int closed;
  do { /* a byte each 20 ms, until the server closes */
    uint8_t byte = sent < sizeof hello ? hello[sent] : 0;
    sent += send(slow, &byte, 1, MSG_NOSIGNAL) == 1;
    closed = poll(&p, 1, 20);
  } while (!closed && clock_mono_ns() - begun < H2_WAIT_MS * NS_PER_MS);
  assert_true(closed);
  assert_true(clock_mono_ns() - begun >= 290 * NS_PER_MS);
  char byte;
  assert_true(recv(silent, &byte, 1, 0) <= 0);
  assert_true(fixture_logged(f, "handshake took too long"));
  close(slow);
  close(silent);
  assert_served(a);
}

static bool has_been_pinged(void *ctx) {
  return h2_pings_seen(ctx) >= 3;
}

/* Trap 10. */
static void a_silent_peer_is_pinged(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.ping_ms = 100;
  a->f->options.limits.ping_ack_ms = 100;
  fixture_start(a->f, 1, 1);
  struct h2 *idle = fixture_client(a->f); /* answers pings, does nothing else */
  assert_true(h2_wait(idle, has_been_pinged, idle));
  h2_close(idle);
  struct h2 *deaf = rude(a->f);
  int64_t begun = clock_mono_ns();
  assert_int_not_equal(h2_wait_end(deaf), H2_ALIVE);
  assert_true(clock_mono_ns() - begun >= 150 * NS_PER_MS);
  assert_true(fixture_logged(a->f, "no answer to a ping"));
  h2_close(deaf);
}

/* --- too many --- */

static unsigned open_descriptors(void) {
  unsigned n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

static void serve_until_connections(struct abuse *a, unsigned count) {
  int64_t until = clock_mono_ns() + H2_WAIT_MS * NS_PER_MS;
  while (net_connections(a->f->net) != count && clock_mono_ns() < until)
    assert_int_equal(h2_call(a->honest, "/t.T/EchoHere", "", 0)->grpc_status, 0);
  assert_int_equal(net_connections(a->f->net), count);
}

static void a_thousand_idle_connections(void **state) {
  enum { COUNT = 1000 };
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct h2 **idle = xcalloc(COUNT, sizeof(struct h2 *));
  unsigned before = open_descriptors();
  for (int i = 0; i < COUNT; i++) {
    idle[i] = fixture_client(f);
    assert_int_equal(h2_state(idle[i]), H2_ALIVE);
    assert_true(h2_flush(idle[i]));
  }
  assert_served(a);
  serve_until_connections(a, COUNT + 1);
  for (int i = 0; i < COUNT; i += 100)
    assert_true(h2_ping(idle[i])); /* they are alive, too */
  for (int i = 0; i < COUNT; i++)
    h2_close(idle[i]);
  free(idle);
  serve_until_connections(a, 1);
  assert_served(a);
  assert_in_range(open_descriptors(), before - 2, before + 2);
}

/* The oldest make room, so that handshakes that never end keep nobody out. */
static void a_thousand_handshakes_that_never_end(void **state) {
  enum { COUNT = 1000 };
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  int fds[COUNT];
  for (int i = 0; i < COUNT; i++) {
    fds[i] = h2_tcp(net_address(f->net));
    if (i % 2)
      assert_int_equal(send(fds[i], "\x16\3\1", 3, MSG_NOSIGNAL), 3);
  }
  assert_served(a);
  char byte;
  assert_true(recv(fds[0], &byte, 1, 0) <= 0); /* the first is gone, the last is not */
  assert_true(fixture_logged(f, "too many handshakes at once"));
  assert_int_equal(recv(fds[COUNT - 1], &byte, 1, MSG_DONTWAIT), -1);
  assert_int_equal(errno, EAGAIN);
  for (int i = 0; i < COUNT; i++)
    close(fds[i]);
  assert_served(a);
}

static void an_address_has_few_connections(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.connections_per_address = 4;
  struct fixture *f = begin(a);
  struct h2 *more[3];
  for (int i = 0; i < 3; i++) {
    more[i] = fixture_client(f);
    assert_true(h2_ping(more[i]));
  }
  char byte;
  int fd = h2_tcp(net_address(f->net));
  assert_true(recv(fd, &byte, 1, 0) <= 0);
  close(fd);
  assert_true(fixture_logged(f, "too many connections from its address"));
  assert_int_equal(h2_call(a->honest, "/t.T/Echo", "", 0)->grpc_status, 0);
  h2_close(more[0]);
  serve_until_connections(a, 3);
  struct h2 *again = fixture_client(f);
  assert_int_equal(h2_call(again, "/t.T/Echo", "", 0)->grpc_status, 0);
  h2_close(again);
  h2_close(more[1]);
  h2_close(more[2]);
}

static void an_address_connects_seldom(void **state) {
  struct abuse *a = *state;
  a->f->options.limits.accepts_per_second = 4;
  struct fixture *f = begin(a); /* one */
  char byte;
  for (int i = 0; i < 20; i++) {
    int fd = h2_tcp(net_address(f->net));
    if (i >= 10) /* the three that were left have been taken: this is closed at once */
      assert_true(recv(fd, &byte, 1, 0) <= 0 || fixture_logged(f, "a second from its address"));
    close(fd);
  }
  assert_true(fixture_logged(f, "too many connections a second from its address"));
  assert_int_equal(h2_call(a->honest, "/t.T/Echo", "", 0)->grpc_status, 0);
}

static int highest_descriptor(void) {
  int fd = dup(0), highest = fd;
  for (; fd >= 0 && fd < 4096; fd++)
    if (fcntl(fd, F_GETFD) >= 0)
      highest = fd;
  return highest;
}

/* Nine tenths of the descriptors are for peers; the rest keeps the program alive. */
static void descriptors_are_kept_back(void **state) {
  struct abuse *a = *state;
  struct rlimit files, few;
  getrlimit(RLIMIT_NOFILE, &files);
  few = files;
  few.rlim_cur = (rlim_t)highest_descriptor() + 60;
  setrlimit(RLIMIT_NOFILE, &few);
  struct fixture *f = begin(a);
  int fds[600], n = 0;
  bool refused = false;
  while (n < 600 && !refused) {
    fds[n] = socket(AF_INET, SOCK_STREAM, 0);
    if (fds[n] < 0)
      break;
    close(fds[n]);
    fds[n] = h2_tcp(net_address(f->net));
    n++;
    assert_int_equal(h2_call(a->honest, "/t.T/EchoHere", "", 0)->grpc_status, 0);
    refused = fixture_logged(f, "too many connections");
  }
  setrlimit(RLIMIT_NOFILE, &files);
  assert_true(refused);
  while (n > 0)
    close(fds[--n]);
  assert_int_equal(h2_call(a->honest, "/t.T/Echo", "", 0)->grpc_status, 0);
}

/* Not one left: the reserve takes the connection out of the queue and closes it. */
static void no_descriptor_is_left(void **state) {
  struct abuse *a = *state;
  struct fixture *f = begin(a);
  struct rlimit files, none;
  int fd = h2_tcp(net_address(f->net)); /* only to know that the loop is idle afterwards */
  assert_int_equal(h2_call(a->honest, "/t.T/EchoHere", "", 0)->grpc_status, 0);
  close(fd);
  const char *colon = strrchr(net_address(f->net), ':');
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  getrlimit(RLIMIT_NOFILE, &files);
  none = files;
  none.rlim_cur = (rlim_t)highest_descriptor() + 1;
  int holes[512], n = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  while (n < 512 && (holes[n] = dup(0)) >= 0)
    n++;
  char byte;
  assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
  ssize_t got = recv(fd, &byte, 1, 0);
  setrlimit(RLIMIT_NOFILE, &files);
  while (n > 0)
    close(holes[--n]);
  close(fd);
  assert_true(got <= 0);
  assert_true(fixture_logged(f, "no file descriptors left"));
  assert_served(a);
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, prepare, stop)
  const struct CMUnitTest tests[] = {
      WITH(rapid_reset),
      WITH(made_you_reset),
      WITH(cancelled_work_counts),
      WITH(continuation_flood),
      WITH(headers_that_do_not_end),
      WITH(large_headers),
      WITH(hpack_references),
      WITH(ping_flood),
      WITH(settings_flood),
      WITH(priority_flood),
      WITH(window_update_flood),
      WITH(a_great_reader_is_no_flood),
      WITH(a_frame_of_16_mebibytes),
      WITH(http_1_inside_tls),
      WITH(a_reply_leaves_without_another_word),
      WITH(a_reader_that_opens_no_window),
      WITH(a_peer_that_does_not_read),
      WITH(a_request_that_does_not_end),
      WITH(progress_keeps_a_push_alive),
      WITH(a_slow_handshake),
      WITH(a_silent_peer_is_pinged),
      WITH(a_thousand_idle_connections),
      WITH(a_thousand_handshakes_that_never_end),
      WITH(an_address_has_few_connections),
      WITH(an_address_connects_seldom),
      WITH(descriptors_are_kept_back),
      WITH(no_descriptor_is_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
