/* Calls over the wire: what a gRPC client sees of each way in which a call can go. */
#include "server/net/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"
#include "tests/support/net_fixture.h"

enum { OK = 0, INVALID = 3, DEADLINE = 4, NOT_FOUND = 5, EXHAUSTED = 8, UNIMPLEMENTED = 12 };

static int start(void **state) {
  struct fixture *f = fixture_new();
  *state = f;
  fixture_start(f, 4, 100);
  return 0;
}

/* For tests that change the limits first. */
static int prepare(void **state) {
  *state = fixture_new();
  return 0;
}

static int stop(void **state) {
  return fixture_free(*state);
}

static void a_unary_call_is_answered(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  static const char *const paths[] = {"/t.T/Echo", "/t.T/EchoHere"};
  for (int i = 0; i < 2; i++) {
    struct h2_stream *s = h2_call(h, paths[i], "hello", 5);
    assert_int_equal(s->http_status, 200);
    assert_int_equal(s->grpc_status, OK);
    assert_false(s->trailers_only);
    assert_int_equal(s->error, 0);
    assert_int_equal(s->body.len, 10);
    assert_memory_equal(s->body.s, "\0\0\0\0\5hello", 10);
    s = h2_call(h, paths[i], "", 0);
    assert_int_equal(s->grpc_status, OK);
    assert_int_equal(s->body.len, 5);
  }
  struct h2_stream *s = h2_call(h, "/t.T/Who", "", 0);
  assert_string_equal(s->body.s + 5, FIXTURE_URI);
  h2_close(h);
}

/* Trap 4: a write that drains at once must not leave the rest waiting for a write event. */
static void three_mebibytes_go_in_and_out(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  size_t len = 3u << 20;
  char *bytes = xmalloc(len);
  memset(bytes, 'x', len);
  for (int i = 0; i < 3; i++) {
    struct h2_stream *s = h2_call(h, "/t.T/Echo", bytes, len);
    assert_int_equal(s->grpc_status, OK);
    assert_int_equal(s->body.len, len + 5);
    assert_memory_equal(s->body.s + 5, bytes, len);
  }
  free(bytes);
  h2_close(h);
}

static void many_calls_share_a_connection(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *calls[60];
  assert_true(h2_ping(h)); /* the server's limit on streams is known */
  for (uint32_t i = 0; i < 60; i++) {
    calls[i] = h2_start(h, "/t.T/Echo", NULL);
    h2_send(h, calls[i], &i, sizeof i);
    h2_end(h, calls[i]);
  }
  for (uint32_t i = 0; i < 60; i++) {
    assert_true(h2_wait_closed(h, calls[i]));
    assert_int_equal(calls[i]->grpc_status, OK);
    assert_memory_equal(calls[i]->body.s + 5, &i, sizeof i);
  }
  h2_close(h);
}

/* Trap 2. */
static void an_error_before_any_reply_is_trailers_only(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_call(h, "/t.T/Refuse", "", 0);
  assert_int_equal(s->http_status, 200);
  assert_int_equal(s->grpc_status, NOT_FOUND);
  assert_true(s->trailers_only);
  assert_string_equal(buf_str(&s->message), "no target \"caf\xc3\xa9\": 100% sure");
  struct err e;
  rpc_status_read(&e, s->grpc_status, buf_str(&s->message), (const uint8_t *)s->details.s,
                  s->details.len);
  assert_int_equal(e.kind, ERR_NOT_FOUND);
  assert_string_equal(e.hint, "look again");
  h2_close(h);
}

static void an_error_after_replies_comes_behind_them(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_call(h, "/t.T/RefuseLate", "", 0);
  assert_int_equal(s->grpc_status, NOT_FOUND);
  assert_false(s->trailers_only);
  assert_int_equal(s->body.len, 10);
  assert_int_equal(s->error, 0);
  h2_close(h);
}

static void a_stream_of_replies_comes_whole_and_in_order(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  uint32_t n = 5000;
  struct h2_stream *s = h2_call(h, "/t.T/Count", &n, sizeof n);
  assert_int_equal(s->grpc_status, OK);
  assert_int_equal(s->body.len, n * 9);
  for (uint32_t i = 0; i < n; i++)
    assert_memory_equal(s->body.s + i * 9u + 5, &i, sizeof i);
  h2_close(h);
  assert_true(fixture_wait(f, &f->freed, 1));
}

static void what_is_no_grpc_is_told_so_in_http(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  static const char *const get[] = {":method", "GET",   ":scheme",   "https", ":authority",
                                    "t",       ":path", "/t.T/Echo", NULL};
  static const char *const html[] = {":method",      "POST",      ":scheme", "https",
                                     ":authority",   "t",         ":path",   "/t.T/Echo",
                                     "content-type", "text/html", NULL};
  static const char *const nearly[] = {
      ":method", "POST",  ":scheme",   "https",        ":authority",
      "t",       ":path", "/t.T/Echo", "content-type", "application/grpcish",
      NULL};
  struct h2_stream *s = h2_start_headers(h, get, true);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->http_status, 405);
  s = h2_start_headers(h, html, true);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->http_status, 415);
  s = h2_start_headers(h, nearly, true);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->http_status, 415);
  assert_int_equal(h2_call(h, "/t.T/Echo", "", 0)->grpc_status, OK);
  h2_close(h);
}

static void an_unknown_method_is_unimplemented(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_call(h, "/t.T/Nothing", "", 0);
  assert_int_equal(s->grpc_status, UNIMPLEMENTED);
  assert_string_equal(buf_str(&s->message), "no method /t.T/Nothing");
  h2_close(h);
}

/* Trap 8. */
static void compression_is_refused_by_name(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  static const char *const gzip[] = {"grpc-encoding", "gzip", NULL};
  static const char *const identity[] = {"grpc-encoding", "identity", NULL};
  struct h2_stream *s = h2_start(h, "/t.T/Echo", gzip);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, UNIMPLEMENTED);
  assert_string_equal(s->accept_encoding, "identity");
  s = h2_start(h, "/t.T/Echo", NULL);
  h2_send_raw(h, s, "\1\0\0\0\1x", 6);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, UNIMPLEMENTED);
  s = h2_start(h, "/t.T/Echo", identity);
  h2_send(h, s, "x", 1);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, OK);
  h2_close(h);
}

static void a_unary_call_takes_exactly_one_message(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_start(h, "/t.T/Echo", NULL);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, UNIMPLEMENTED);
  s = h2_start(h, "/t.T/Echo", NULL);
  h2_send(h, s, "1", 1);
  h2_send(h, s, "2", 1);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, UNIMPLEMENTED);
  s = h2_start(h, "/t.T/Echo", NULL);
  h2_send_raw(h, s, "\0\0\0\0\5hel", 8);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, INVALID);
  h2_close(h);
}

/* Trap 1: the status must arrive although the request has not ended, then RST_STREAM(NO_ERROR). */
static void an_early_answer_reaches_a_client_that_still_sends(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_start(h, "/t.T/Echo", NULL);
  h2_send_raw(h, s, "\0\xff\xff\xff\xff", 5); /* a message of 4 GiB begins */
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, EXHAUSTED);
  assert_int_equal(s->error, 0);
  struct h2_stream *p = h2_start(h, "/t.T/PushRefuse", NULL);
  h2_send(h, p, "x", 1);
  assert_true(h2_wait_closed(h, p));
  assert_int_equal(p->grpc_status, NOT_FOUND);
  assert_int_equal(p->error, 0);
  assert_int_equal(h2_call(h, "/t.T/Echo", "", 0)->grpc_status, OK);
  h2_close(h);
}

static void a_deadline_ends_the_waiting(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  static const char *const timeout[] = {"grpc-timeout", "50m", NULL};
  struct h2_stream *s = h2_start(h, "/t.T/Hang", timeout);
  h2_send(h, s, "", 0);
  h2_end(h, s);
  int64_t begun = clock_mono_ns();
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, DEADLINE);
  assert_true(clock_mono_ns() - begun >= 50 * NS_PER_MS);
  assert_true(fixture_wait(f, &f->cancelled, 1));
  /* The same for one that nobody steps at that time. */
  s = h2_start(h, "/t.T/Forever", timeout);
  h2_send(h, s, "", 0);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, DEADLINE);
  h2_close(h);
}

static void a_bad_timeout_is_refused(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  static const char *const bad[][3] = {{"grpc-timeout", "123456789S", NULL},
                                       {"grpc-timeout", "10", NULL},
                                       {"grpc-timeout", "-1S", NULL}};
  for (int i = 0; i < 3; i++) {
    struct h2_stream *s = h2_start(h, "/t.T/Echo", bad[i]);
    assert_true(h2_wait_closed(h, s));
    assert_int_equal(s->grpc_status, INVALID);
  }
  h2_close(h);
}

static void a_reset_cancels_the_job_and_nothing_else(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_start(h, "/t.T/Hang", NULL);
  h2_send(h, s, "", 0);
  h2_end(h, s);
  assert_true(h2_flush(h));
  assert_true(fixture_wait(f, &f->hanging, 1));
  h2_reset(h, s, NGHTTP2_CANCEL);
  assert_true(h2_ping(h));
  assert_true(fixture_wait(f, &f->cancelled, 1));
  assert_int_equal(h2_call(h, "/t.T/Echo", "", 0)->grpc_status, OK);
  h2_close(h);
}

static void a_disconnect_cancels_the_jobs(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  for (int i = 0; i < 3; i++) {
    struct h2_stream *s = h2_start(h, "/t.T/Hang", NULL);
    h2_send(h, s, "", 0);
    h2_end(h, s);
  }
  assert_true(h2_flush(h));
  assert_true(fixture_wait(f, &f->hanging, 3));
  h2_close(h);
  assert_true(fixture_wait(f, &f->cancelled, 3));
  assert_true(fixture_serves(f));
}

/* --- watching --- */

static struct h2_stream *start_watch(struct h2 *h, const char *path) {
  struct h2_stream *s = h2_start(h, path, NULL);
  h2_send(h, s, "", 0);
  h2_end(h, s);
  return s;
}

static void a_watcher_gets_each_event_once(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  fixture_publish(f, 3);
  struct h2_stream *s = start_watch(h, "/t.T/Watch");
  assert_true(h2_wait_body(h, s, 3 * 13));
  for (uint64_t seq = 4; seq <= 200; seq++) {
    fixture_publish(f, seq);
    if (seq % 7 == 0)
      assert_true(h2_wait_body(h, s, seq * 13));
  }
  assert_true(h2_wait_body(h, s, 200 * 13));
  fixture_publish(f, 0);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, OK);
  assert_int_equal(s->body.len, 200 * 13);
  for (uint64_t i = 0; i < 200; i++) {
    uint64_t seq = i + 1;
    assert_memory_equal(s->body.s + i * 13 + 5, &seq, sizeof seq);
  }
  h2_close(h);
}

/* It parks behind event 1; 2 is on the board already but was told before it parked. */
static void an_event_between_the_step_and_the_parking_is_seen(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  board_publish(f->mailbox, 7, 5); /* the board knows more than the journal shows */
  fixture_commit(f, 1);
  struct h2_stream *s = start_watch(h, "/t.T/Watch");
  assert_true(h2_wait_body(h, s, 13));
  fixture_commit(f, 5); /* not published again */
  assert_true(h2_wait_body(h, s, 5 * 13));
  fixture_publish(f, 0);
  assert_true(h2_wait_closed(h, s));
  h2_close(h);
}

/* A method that waits for what never comes is asked now and then, not as fast as it answers. */
static void a_restless_wait_does_not_spin(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = start_watch(h, "/t.T/Restless");
  int64_t begun = clock_mono_ns();
  assert_true(h2_flush(h));
  assert_true(fixture_wait(f, &f->restless, 4));
  assert_true(clock_mono_ns() - begun >= 200 * NS_PER_MS);
  h2_reset(h, s, NGHTTP2_CANCEL);
  assert_true(h2_ping(h));
  assert_int_equal(h2_call(h, "/t.T/Echo", "", 0)->grpc_status, OK);
  h2_close(h);
}

/* Trap 3: the loop pulls; a producer never runs ahead of its reader by more than the buffer. */
static void a_slow_reader_stops_the_producer(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = start_watch(h, "/t.T/Flood");
  assert_true(h2_flush(h));
  /* Its window is 1 MiB in all and it does not read: 16 replies and those in buffers. */
  assert_true(fixture_wait(f, &f->floods, 2));
  assert_true(fixture_serves(f));
  assert_true(h2_wait_body(h, s, 65000)); /* now a bit of it is read … */
  unsigned floods = fixture_read(f, &f->floods);
  assert_true(floods <= 1 + s->body.len / 65536 + 40);
  h2_reset(h, s, NGHTTP2_CANCEL);
  assert_true(h2_ping(h));
  h2_close(h);
}

/* --- pushing --- */

static void a_push_is_stepped_for_each_message(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  static const char big[100000];
  struct h2_stream *s = h2_start(h, "/t.T/Push", NULL);
  uint64_t total = 0;
  for (size_t i = 0; i < 500; i++) {
    size_t len = i % 50 == 0 ? sizeof big : i;
    h2_send(h, s, big, len);
    total += len;
  }
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, OK);
  uint64_t got[2];
  memcpy(got, s->body.s + 5, sizeof got);
  assert_int_equal(got[0], 500);
  assert_int_equal(got[1], total);
  s = h2_start(h, "/t.T/Push", NULL);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, OK);
  s = h2_start(h, "/t.T/Push", NULL);
  h2_send(h, s, "x", 1);
  h2_send_raw(h, s, "\0\0", 2);
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, INVALID);
  h2_close(h);
}

/* No window is given back while a worker is busy: the client is held up, not the memory filled. */
static void a_push_waits_for_its_worker(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  size_t len = 1u << 20, count = 12;
  char *bytes = xcalloc(1, len);
  struct h2_stream *s = h2_start(h, "/t.T/PushGated", NULL);
  for (size_t i = 0; i < count; i++)
    h2_send(h, s, bytes, len);
  h2_end(h, s);
  assert_true(h2_flush(h));
  while (fixture_read(f, &f->gated) == 0) /* windows come back until a worker has the first */
    assert_true(h2_ping(h));
  for (int i = 0; i < 30; i++)
    assert_true(h2_ping(h));
  /* One with the worker, one whole, the rest of a frame, and a window. */
  assert_true(h2_sent(s) >= len);
  assert_true(h2_sent(s) <= 2 * len + (300u << 10));
  fixture_open_gate(f);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, OK);
  uint64_t got[2];
  memcpy(got, s->body.s + 5, sizeof got);
  assert_int_equal(got[0], count);
  assert_int_equal(got[1], count * len);
  free(bytes);
  h2_close(h);
}

static void a_conversation_goes_back_and_forth(void **state) {
  struct fixture *f = *state;
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_start(h, "/t.T/Talk", NULL);
  for (size_t i = 1; i <= 5; i++) {
    h2_send(h, s, "word", 4);
    assert_true(h2_wait_body(h, s, i * 9));
  }
  h2_end(h, s);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, OK);
  h2_close(h);
}

/* --- limits of a call --- */

static void a_connection_has_few_jobs_at_a_time(void **state) {
  struct fixture *f = *state;
  f->options.limits.jobs_per_connection = 2;
  fixture_start(f, 8, 100);
  struct h2 *h = fixture_client(f);
  struct h2_stream *calls[8];
  for (int i = 0; i < 8; i++) {
    calls[i] = start_watch(h, "/t.T/Gate");
  }
  assert_true(h2_ping(h));
  assert_true(fixture_wait(f, &f->gated, 2));
  assert_int_equal(h2_call(h, "/t.T/EchoHere", "", 0)->grpc_status, OK);
  fixture_open_gate(f);
  for (int i = 0; i < 8; i++) {
    assert_true(h2_wait_closed(h, calls[i]));
    assert_int_equal(calls[i]->grpc_status, OK);
  }
  assert_int_equal(fixture_read(f, &f->gated_most), 2);
  h2_close(h);
}

static void a_principal_has_few_jobs_over_all_connections(void **state) {
  struct fixture *f = *state;
  f->options.limits.jobs_per_principal = 3;
  fixture_start(f, 8, 100);
  struct h2 *h[3];
  struct h2_stream *calls[3][4];
  for (int i = 0; i < 3; i++) {
    h[i] = fixture_client(f);
    for (int k = 0; k < 4; k++)
      calls[i][k] = start_watch(h[i], "/t.T/Gate");
    assert_true(h2_ping(h[i]));
  }
  assert_true(fixture_wait(f, &f->gated, 3));
  /* One whose streams all wait goes: it must leave no trace in the queue. */
  h2_close(h[1]);
  fixture_open_gate(f);
  for (int i = 0; i < 3; i += 2)
    for (int k = 0; k < 4; k++) {
      assert_true(h2_wait_closed(h[i], calls[i][k]));
      assert_int_equal(calls[i][k]->grpc_status, OK);
    }
  assert_int_equal(fixture_read(f, &f->gated_most), 3);
  h2_close(h[0]);
  h2_close(h[2]);
}

static void a_full_queue_is_resource_exhausted(void **state) {
  struct fixture *f = *state;
  fixture_start(f, 1, 1);
  struct h2 *h = fixture_client(f);
  struct h2_stream *first = start_watch(h, "/t.T/Gate");
  assert_true(h2_flush(h));
  assert_true(fixture_wait(f, &f->gated, 1));
  struct h2_stream *second = start_watch(h, "/t.T/Gate");
  assert_true(h2_ping(h));
  struct h2_stream *third = h2_call(h, "/t.T/Gate", "", 0);
  assert_int_equal(third->grpc_status, EXHAUSTED);
  fixture_open_gate(f);
  assert_true(h2_wait_closed(h, first) && h2_wait_closed(h, second));
  assert_int_equal(second->grpc_status, OK);
  h2_close(h);
}

/* A later step meets the full queue: it is tried again, the call goes on. */
static void a_full_queue_does_not_end_a_watch(void **state) {
  struct fixture *f = *state;
  fixture_start(f, 1, 1);
  struct h2 *h = fixture_client(f);
  fixture_publish(f, 1);
  struct h2_stream *w = start_watch(h, "/t.T/Watch");
  assert_true(h2_wait_body(h, w, 13));
  struct h2_stream *first = start_watch(h, "/t.T/Gate");
  assert_true(h2_flush(h));
  assert_true(fixture_wait(f, &f->gated, 1));
  struct h2_stream *second = start_watch(h, "/t.T/Gate");
  assert_true(h2_ping(h));
  fixture_publish(f, 2);
  assert_true(h2_ping(h));
  fixture_open_gate(f);
  assert_true(h2_wait_body(h, w, 26));
  assert_true(h2_wait_closed(h, first) && h2_wait_closed(h, second));
  h2_close(h);
}

static void a_principal_holds_few_bytes(void **state) {
  struct fixture *f = *state;
  f->options.limits.principal_buffer = 2u << 20;
  fixture_start(f, 2, 100);
  struct h2 *h = fixture_client(f);
  char *bytes = xcalloc(1, 1u << 20);
  struct h2_stream *calls[4];
  for (int i = 0; i < 4; i++) {
    calls[i] = h2_start(h, "/t.T/Echo", NULL);
    h2_send_raw(h, calls[i], "\0\0\x10\0\1", 5); /* 1 MiB and a byte that does not come */
    h2_send_raw(h, calls[i], bytes, 1u << 20);
  }
  int refused = 0;
  for (int i = 0; i < 50 && !refused; i++) {
    assert_true(h2_ping(h));
    for (int k = 0; k < 4; k++)
      refused += calls[k]->grpc_status == EXHAUSTED;
  }
  assert_true(refused >= 1);
  for (int i = 0; i < 4; i++)
    h2_reset(h, calls[i], NGHTTP2_CANCEL);
  assert_true(h2_ping(h));
  uint32_t big = 3u << 20;
  struct h2_stream *s = h2_call(h, "/t.T/Big", &big, sizeof big);
  assert_int_equal(s->grpc_status, EXHAUSTED);
  assert_true(s->trailers_only);
  assert_int_equal(h2_call(h, "/t.T/Echo", "", 0)->grpc_status, OK);
  free(bytes);
  h2_close(h);
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, start, stop)
#define PREPARED(test) cmocka_unit_test_setup_teardown(test, prepare, stop)
  const struct CMUnitTest tests[] = {
      WITH(a_unary_call_is_answered),
      WITH(three_mebibytes_go_in_and_out),
      WITH(many_calls_share_a_connection),
      WITH(an_error_before_any_reply_is_trailers_only),
      WITH(an_error_after_replies_comes_behind_them),
      WITH(a_stream_of_replies_comes_whole_and_in_order),
      WITH(what_is_no_grpc_is_told_so_in_http),
      WITH(an_unknown_method_is_unimplemented),
      WITH(compression_is_refused_by_name),
      WITH(a_unary_call_takes_exactly_one_message),
      WITH(an_early_answer_reaches_a_client_that_still_sends),
      WITH(a_deadline_ends_the_waiting),
      WITH(a_bad_timeout_is_refused),
      WITH(a_reset_cancels_the_job_and_nothing_else),
      WITH(a_disconnect_cancels_the_jobs),
      WITH(a_watcher_gets_each_event_once),
      WITH(an_event_between_the_step_and_the_parking_is_seen),
      WITH(a_restless_wait_does_not_spin),
      WITH(a_slow_reader_stops_the_producer),
      WITH(a_push_is_stepped_for_each_message),
      WITH(a_push_waits_for_its_worker),
      WITH(a_conversation_goes_back_and_forth),
      PREPARED(a_connection_has_few_jobs_at_a_time),
      PREPARED(a_principal_has_few_jobs_over_all_connections),
      PREPARED(a_full_queue_is_resource_exhausted),
      PREPARED(a_full_queue_does_not_end_a_watch),
      PREPARED(a_principal_holds_few_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
