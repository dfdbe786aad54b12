/* Who gets in, who does not, and that the one who does not can read why (trap 6), as can we in the
 * log. */
#include "server/net/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "tests/support/net_fixture.h"

static int start(void **state) {
  struct fixture *f = fixture_new();
  *state = f;
  fixture_start(f, 2, 10);
  return 0;
}

static int stop(void **state) {
  return fixture_free(*state);
}

/* Connects with a certificate of its own making; sends a request as a client does that believes the
 * handshake done. */
static void refused(struct fixture *f, struct h2_options o, const char *alert, const char *log) {
  struct h2 *h = h2_open(&o);
  if (h2_state(h) == H2_ALIVE) {
    struct h2_stream *s = h2_start(h, "/t.T/Echo", NULL);
    h2_send(h, s, "x", 1);
    h2_end(h, s);
    assert_false(h2_wait_closed(h, s));
  }
  assert_int_equal(h2_state(h), H2_TLS_ALERT);
  assert_true(h2_wait_fin(h)); /* the log line is written by then */
  assert_non_null(strstr(h2_alert(h), alert));
  assert_true(fixture_logged(f, log));
  assert_true(fixture_logged(f, "refused 127.0.0.1:"));
  h2_close(h);
  assert_true(fixture_serves(f));
}

static struct h2_options with_leaf(struct fixture *f, const char *ca, const char *san,
                                   const char *purpose, int days) {
  certs_make_leaf(f->dir, ca, "other", &(struct certs_leaf){san, purpose, days});
  struct h2_options o = fixture_options(f);
  o.cert = fixture_file(f, "other.crt");
  o.key = fixture_file(f, "other.key");
  return o;
}

static void no_certificate(void **state) {
  struct h2_options o = fixture_options(*state);
  o.cert = NULL;
  refused(*state, o, "certificate required", "no client certificate");
}

static void a_foreign_certificate(void **state) {
  struct fixture *f = *state;
  certs_make_ca(f->dir, "foreign");
  refused(f, with_leaf(f, "foreign", "URI:" FIXTURE_URI, "clientAuth", 10), "unknown ca",
          "unable to get local issuer certificate");
}

/* The CA's name alone convinces nobody. */
static void a_forged_ca(void **state) {
  struct fixture *f = *state;
  char real[128], fake[128];
  snprintf(real, sizeof real, "%s/real", f->dir);
  snprintf(fake, sizeof fake, "%s/ca.crt", f->dir);
  assert_int_equal(rename(fake, real), 0);
  certs_make_ca(f->dir, "ca");
  struct h2_options o = with_leaf(f, "ca", "URI:" FIXTURE_URI, "clientAuth", 10);
  assert_int_equal(rename(real, fake), 0);
  struct h2 *h = h2_open(&o);
  assert_int_not_equal(h2_wait_end(h), H2_ALIVE);
  assert_int_equal(h2_state(h), H2_TLS_ALERT);
  h2_close(h);
  assert_true(fixture_serves(f));
}

static void the_wrong_purpose(void **state) {
  struct fixture *f = *state;
  refused(f, with_leaf(f, "ca", "URI:" FIXTURE_URI, "serverAuth", 10), "unsupported certificate",
          "unsuitable certificate purpose");
}

static void an_expired_certificate(void **state) {
  struct fixture *f = *state;
  refused(f, with_leaf(f, "ca", "URI:" FIXTURE_URI, "clientAuth", -1), "certificate expired",
          "certificate has expired");
}

static void a_certificate_without_a_uri(void **state) {
  struct fixture *f = *state;
  refused(f, with_leaf(f, "ca", "DNS:ann.example", "clientAuth", 10), "handshake failure",
          "no single URI name");
}

static void a_certificate_with_two_uris(void **state) {
  struct fixture *f = *state;
  refused(f, with_leaf(f, "ca", "URI:" FIXTURE_URI ",URI:migd://store/user/bob", "clientAuth", 10),
          "handshake failure", "no single URI name");
}

static void another_protocol(void **state) {
  struct h2_options o = fixture_options(*state);
  o.alpn = "http/1.1";
  refused(*state, o, "no application protocol", "ALPN h2");
}

static void no_protocol(void **state) {
  struct h2_options o = fixture_options(*state);
  o.alpn = "";
  refused(*state, o, "no application protocol", "ALPN h2");
}

static void an_old_tls(void **state) {
  struct h2_options o = fixture_options(*state);
  o.tls12 = true;
  refused(*state, o, "protocol version", "unsupported protocol");
}

/* No ticket, no session: the second connection is as full a handshake as the first. */
static void nothing_is_resumed(void **state) {
  struct fixture *f = *state;
  struct err e;
  SSL_CTX *ctx;
  assert_int_equal(tls_context(&ctx, fixture_file(f, "server.crt"), fixture_file(f, "server.key"),
                               fixture_file(f, "ca.crt"), &e),
                   0);
  assert_int_equal(SSL_CTX_get_num_tickets(ctx), 0);
  assert_int_equal(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
  assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_3_VERSION);
  SSL_CTX_free(ctx);
  for (int i = 0; i < 3; i++)
    assert_true(fixture_serves(f));
}

static void files_that_cannot_be_used_are_named(void **state) {
  struct fixture *f = *state;
  struct err e;
  SSL_CTX *ctx = NULL;
  assert_int_equal(tls_context(&ctx, fixture_file(f, "none.crt"), fixture_file(f, "server.key"),
                               fixture_file(f, "ca.crt"), &e),
                   -1);
  assert_non_null(strstr(e.text, "none.crt"));
  assert_int_equal(tls_context(&ctx, fixture_file(f, "server.crt"), fixture_file(f, "client.key"),
                               fixture_file(f, "ca.crt"), &e),
                   -1);
  assert_non_null(strstr(e.text, "client.key"));
  assert_int_equal(tls_context(&ctx, fixture_file(f, "server.crt"), fixture_file(f, "server.key"),
                               fixture_file(f, "server.key"), &e),
                   -1);
  assert_null(ctx);
}

/* --- what is no TLS at all --- */

static size_t read_all(int fd, char *out, size_t size) {
  size_t got = 0;
  ssize_t n;
  while (got < size - 1 && (n = recv(fd, out + got, size - 1 - got, 0)) > 0)
    got += (size_t)n;
  out[got] = '\0';
  return got;
}

static void plain_http_is_told_what_this_is(void **state) {
  struct fixture *f = *state;
  static const char *const requests[] = {
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /t.T/Echo HTTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n"};
  for (size_t i = 0; i < 4; i++) {
    char answer[1024];
    int fd = h2_tcp(net_address(f->net));
    assert_true(send(fd, requests[i], strlen(requests[i]), 0) > 0);
    assert_true(read_all(fd, answer, sizeof answer) > 0);
    close(fd);
    assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
    assert_non_null(strstr(answer, "TLS"));
    assert_non_null(strstr(answer, "gRPC"));
  }
  assert_true(fixture_logged(f, "plain HTTP on the TLS port"));
  assert_true(fixture_serves(f));
}

static void garbage_is_closed(void **state) {
  struct fixture *f = *state;
  char answer[64], garbage[4096];
  for (size_t i = 0; i < sizeof garbage; i++)
    garbage[i] = (char)(i * 7 + 1);
  int fd = h2_tcp(net_address(f->net));
  assert_true(send(fd, garbage, sizeof garbage, MSG_NOSIGNAL) > 0);
  assert_int_equal(read_all(fd, answer, sizeof answer), 0);
  close(fd);
  assert_true(fixture_logged(f, "not TLS"));
  /* Garbage that begins as TLS does. */
  fd = h2_tcp(net_address(f->net));
  garbage[0] = 0x16;
  assert_true(send(fd, garbage, sizeof garbage, MSG_NOSIGNAL) > 0);
  read_all(fd, answer, sizeof answer);
  close(fd);
  fd = h2_tcp(net_address(f->net)); /* not even a byte */
  close(fd);
  assert_true(fixture_serves(f));
}

/* --- new certificates --- */

static void a_signal_brings_new_certificates(void **state) {
  struct fixture *f = *state;
  struct h2 *old = fixture_client(f);
  assert_true(h2_ping(old));
  certs_make_ca(f->dir, "ca");
  certs_make_leaf(f->dir, "ca", "server", &(struct certs_leaf){"IP:127.0.0.1", "serverAuth", 10});
  certs_make_leaf(f->dir, "ca", "client",
                  &(struct certs_leaf){"URI:migd://store/user/new", "clientAuth", 10});
  kill(getpid(), SIGHUP);
  assert_true(fixture_wait(f, &f->reloads, 1));
  struct h2 *h = fixture_client(f);
  struct h2_stream *s = h2_call(h, "/t.T/Who", "", 0);
  assert_string_equal(s->body.s + 5, "migd://store/user/new");
  h2_close(h);
  s = h2_call(old, "/t.T/Who", "", 0); /* what is open goes on */
  assert_string_equal(s->body.s + 5, FIXTURE_URI);
  h2_close(old);
  /* Files that are broken change nothing. */
  FILE *broken = fopen(fixture_file(f, "server.key"), "w");
  fputs("no key\n", broken);
  fclose(broken);
  kill(getpid(), SIGHUP);
  assert_true(fixture_wait(f, &f->reloads, 2));
  assert_true(fixture_serves(f));
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, start, stop)
  const struct CMUnitTest tests[] = {
      WITH(no_certificate),
      WITH(a_foreign_certificate),
      WITH(a_forged_ca),
      WITH(the_wrong_purpose),
      WITH(an_expired_certificate),
      WITH(a_certificate_without_a_uri),
      WITH(a_certificate_with_two_uris),
      WITH(another_protocol),
      WITH(no_protocol),
      WITH(an_old_tls),
      WITH(nothing_is_resumed),
      WITH(files_that_cannot_be_used_are_named),
      WITH(plain_http_is_told_what_this_is),
      WITH(garbage_is_closed),
      WITH(a_signal_brings_new_certificates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
