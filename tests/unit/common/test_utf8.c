/* Tests the recogniser of UTF-8 at the edges of every range of RFC 3629. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/base/utf8.h"

static void test_lengths(void **state) {
  (void)state;
  static const char *const good[] = {"a",
                                     "\x7f",
                                     "\xc2\x80",
                                     "\xdf\xbf",
                                     "\xe0\xa0\x80",
                                     "\xed\x9f\xbf",
                                     "\xee\x80\x80",
                                     "\xef\xbf\xbf",
                                     "\xf0\x90\x80\x80",
                                     "\xf4\x8f\xbf\xbf"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    size_t len = strlen(good[i]);
    assert_int_equal(utf8_char(good[i], len), len);
    assert_int_equal(utf8_char(good[i], len - 1), 0);
    assert_true(utf8_valid(good[i], len));
  }
  assert_int_equal(utf8_char("\0", 1), 1);
}

static void test_refusals(void **state) {
  (void)state;
  static const char *const bad[] = {"\x80",
                                    "\xbf",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xc2\x7f",
                                    "\xc2\xc0",
                                    "\xe0\x9f\xbf",
                                    "\xed\xa0\x80",
                                    "\xe1\x80\x7f",
                                    "\xe1\x80\xc0",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xf1\x80\x80\x7f",
                                    "\xff"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(utf8_char(bad[i], strlen(bad[i])), 0);
  assert_true(utf8_valid("", 0));
  assert_true(utf8_valid("a\0b", 3));
  assert_false(utf8_valid("a\xff"
                          "b",
                          3));
  assert_false(utf8_valid("a\xe1\x80", 3));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths),
                                     cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
