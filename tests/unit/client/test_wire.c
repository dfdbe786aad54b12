/* Server addresses, and the errors of a connection that cannot be made. */
#include "client/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void expect(const char *server, const char *host, const char *port) {
  struct err e;
  char h[64], p[8];
  assert_int_equal(wire_address(server, h, sizeof h, p, sizeof p, &e), 0);
  assert_string_equal(h, host);
  assert_string_equal(p, port);
}

static void addresses_are_read(void **state) {
  (void)state;
  expect("migd.example.org", "migd.example.org", "7433");
  expect("localhost:1", "localhost", "1");
  expect("10.0.0.1:65535", "10.0.0.1", "65535");
  expect("[::1]:99", "::1", "99");
  expect("[fe80::1]", "fe80::1", "7433");
  expect("::1", "::1", "7433");
}

static void what_is_no_address_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",     ":1",     "a:",      "a:b",  "a:0",           "[]",
                                    "[::1", "[::1]x", "a:65536", "a:-1", "a:999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct err e;
    char h[64], p[8];
    assert_int_equal(wire_address(bad[i], h, sizeof h, p, sizeof p, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
  }
}

static void missing_files_are_named(void **state) {
  (void)state;
  struct err e;
  struct interrupts i = {.fd = -1};
  struct wire_settings s = {"localhost:1", "/no/ca.crt", "/no/c.crt", "/no/c.key"};
  assert_null(wire_open(&s, 0, &i, &e));
  assert_int_equal(e.kind, ERR_INPUT);
  assert_non_null(strstr(e.text, "/no/ca.crt"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_are_read),
      cmocka_unit_test(what_is_no_address_is_refused),
      cmocka_unit_test(missing_files_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
