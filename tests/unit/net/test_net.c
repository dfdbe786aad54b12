/* Starting and stopping: what becomes of calls, connections and the program when a signal says
 * stop. */
#include "server/net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "tests/support/net_fixture.h"

static int prepare(void **state) {
  *state = fixture_new();
  return 0;
}

static int stop(void **state) {
  return fixture_free(*state);
}

static struct h2_stream *begin(struct h2 *h, const char *path) {
  struct h2_stream *s = h2_start(h, path, NULL);
  h2_send(h, s, "", 0);
  h2_end(h, s);
  assert_true(h2_flush(h));
  return s;
}

static bool connects(const char *address) {
  const char *colon = strrchr(address, ':');
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  bool ok = connect(fd, (struct sockaddr *)&in, sizeof in) == 0;
  close(fd);
  return ok;
}

static void addresses_that_cannot_be_are_refused(void **state) {
  struct fixture *f = *state;
  fixture_start(f, 1, 1);
  static const char *const bad[] = {
      "7433", "", ":7433", "::1:7433", "127.0.0.1:", "127.0.0.1:x", "[::1", "256.1.1.1:99999"};
  struct net *n = NULL;
  struct err e;
  struct net_options o = f->options;
  char cert[100], key[100], ca[100];
  strcpy(cert, fixture_file(f, "server.crt"));
  strcpy(key, fixture_file(f, "server.key"));
  strcpy(ca, fixture_file(f, "ca.crt"));
  o.cert_file = cert;
  o.key_file = key;
  o.ca_file = ca;
  assert_int_equal(mailbox_new(&o.mailbox, &e), 0);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    o.listen = bad[i];
    assert_int_equal(net_new(&n, &o, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_null(n);
  }
  o.listen = net_address(f->net); /* somebody listens there */
  assert_int_equal(net_new(&n, &o, &e), -1);
  assert_non_null(strstr(e.text, strerror(EADDRINUSE)));
  o.listen = "[::1]:0";
  if (net_new(&n, &o, &e) == 0) {
    assert_memory_equal(net_address(n), "[::1]:", 6);
    net_free(n);
  }
  mailbox_free(o.mailbox);
}

static void a_signal_before_the_loop_is_not_lost(void **state) {
  struct fixture *f = *state;
  struct err e;
  struct net *n;
  struct net_options o = f->options;
  o.cert_file = fixture_file(f, "server.crt");
  o.key_file = fixture_file(f, "server.key");
  o.ca_file = fixture_file(f, "ca.crt");
  o.log = f->log;
  assert_int_equal(mailbox_new(&o.mailbox, &e), 0);
  assert_int_equal(net_new(&n, &o, &e), 0);
  kill(getpid(), SIGTERM);
  assert_int_equal(net_run(n, NULL, NULL, &e), 0);
  net_free(n);
  mailbox_free(o.mailbox);
}

static void connections_are_counted(void **state) {
  struct fixture *f = *state;
  fixture_start(f, 1, 1);
  assert_int_equal(net_connections(f->net), 0);
  struct h2 *a = fixture_client(f), *b = fixture_client(f);
  assert_true(h2_ping(a) && h2_ping(b));
  assert_int_equal(net_connections(f->net), 2);
  h2_close(a);
  h2_close(b);
}

/* Row 22 of the failure matrix. */
static void a_signal_lets_calls_end_and_takes_no_more(void **state) {
  struct fixture *f = *state;
  fixture_start(f, 4, 10);
  char address[80];
  strcpy(address, net_address(f->net));
  struct h2 *h = fixture_client(f);
  struct h2 *idle = fixture_client(f);
  struct h2_stream *waits = begin(idle, "/t.T/Forever");
  assert_true(h2_wait_body(idle, waits, 5));
  struct h2_stream *s = begin(h, "/t.T/Gate");
  assert_true(fixture_wait(f, &f->gated, 1));
  kill(getpid(), SIGTERM);
  assert_int_equal(h2_wait_end(idle), H2_EOF); /* nothing holds it */
  assert_int_equal(waits->grpc_status, 14);
  assert_int_equal(h2_goaway(idle), 0);
  assert_int_equal(h2_goaways(idle), 2); /* "soon", then "from this stream on" */
  assert_false(connects(address));       /* closed, not only deaf: nobody hangs */
  fixture_open_gate(f);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, 0);
  assert_int_equal(s->body.len, 5);
  assert_int_equal(h2_wait_end(h), H2_EOF);
  h2_close(h);
  h2_close(idle);
  assert_int_equal(fixture_join(f), 0);
}

static void the_grace_ends_with_unavailable(void **state) {
  struct fixture *f = *state;
  f->options.limits.grace_ms = 200;
  fixture_start(f, 4, 10);
  struct h2 *h = fixture_client(f);
  fixture_publish(f, 1);
  struct h2_stream *watch = begin(h, "/t.T/Watch");
  assert_true(h2_wait_body(h, watch, 13));
  struct h2_stream *hang = begin(h, "/t.T/Hang");
  assert_true(fixture_wait(f, &f->hanging, 1));
  int64_t begun = clock_mono_ns();
  kill(getpid(), SIGTERM);
  assert_true(h2_wait_closed(h, watch));
  assert_true(clock_mono_ns() - begun >= 200 * NS_PER_MS);
  assert_int_equal(watch->grpc_status, 14);
  assert_true(h2_wait_closed(h, hang));
  assert_int_equal(hang->grpc_status, 14);
  assert_true(fixture_wait(f, &f->cancelled, 1));
  assert_int_equal(h2_wait_end(h), H2_EOF);
  h2_close(h);
  assert_int_equal(fixture_join(f), 0);
}

/* A stream that only waits for the end, such as Health.Watch, need not be waited for. */
static void streams_that_wait_for_nothing_end_at_once(void **state) {
  struct fixture *f = *state;
  f->options.limits.grace_ms = 60000;
  fixture_start(f, 4, 10);
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = begin(h, "/t.T/Forever");
  assert_true(h2_wait_body(h, s, 5));
  net_stop(f->net);
  net_stop(f->net);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, 14);
  assert_int_equal(h2_wait_end(h), H2_EOF);
  h2_close(h);
  assert_int_equal(fixture_join(f), 0);
}

static void a_second_signal_hurries(void **state) {
  struct fixture *f = *state;
  f->options.limits.grace_ms = 60000;
  fixture_start(f, 4, 10);
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = begin(h, "/t.T/Hang");
  assert_true(fixture_wait(f, &f->hanging, 1));
  kill(getpid(), SIGTERM);
  assert_true(h2_ping(h)); /* the first has arrived: it answers GOAWAY */
  while (h2_goaways(h) == 0)
    assert_true(h2_ping(h));
  kill(getpid(), SIGINT);
  assert_true(h2_wait_closed(h, s));
  assert_int_equal(s->grpc_status, 14);
  assert_int_equal(h2_wait_end(h), H2_EOF);
  h2_close(h);
  assert_int_equal(fixture_join(f), 0);
}

/* Whoever does not read, or has not finished its handshake, does not keep the server. */
static void nobody_can_stop_the_stop(void **state) {
  struct fixture *f = *state;
  f->options.limits.grace_ms = 100;
  f->options.limits.linger_ms = 100;
  fixture_start(f, 4, 10);
  int tcp = h2_tcp(net_address(f->net));
  struct h2_options o = fixture_options(f);
  o.no_window = true;
  struct h2 *h = h2_open(&o);
  struct h2_stream *s = begin(h, "/t.T/Flood");
  assert_true(fixture_wait(f, &f->floods, 1));
  net_stop(f->net);
  assert_int_equal(fixture_join(f), 0); /* `h` does not read a byte */
  assert_false(s->closed);
  h2_close(h);
  close(tcp);
}

/* The calls that came back after the loop had ended are freed too (the leak checker looks). */
static void a_call_that_comes_back_too_late_is_freed(void **state) {
  struct fixture *f = *state;
  f->options.limits.grace_ms = f->options.limits.linger_ms = 20;
  fixture_start(f, 4, 10);
  struct h2 *h = fixture_client(f);
  begin(h, "/t.T/Gate");
  assert_true(fixture_wait(f, &f->gated, 1));
  h2_close(h);
  net_stop(f->net);
  assert_int_equal(fixture_join(f), 0);
  assert_true(fixture_logged(f, "1 calls are still at work"));
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, prepare, stop)
  const struct CMUnitTest tests[] = {
      WITH(addresses_that_cannot_be_are_refused),
      WITH(a_signal_before_the_loop_is_not_lost),
      WITH(connections_are_counted),
      WITH(a_signal_lets_calls_end_and_takes_no_more),
      WITH(the_grace_ends_with_unavailable),
      WITH(streams_that_wait_for_nothing_end_at_once),
      WITH(a_second_signal_hurries),
      WITH(nobody_can_stop_the_stop),
      WITH(a_call_that_comes_back_too_late_is_freed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
