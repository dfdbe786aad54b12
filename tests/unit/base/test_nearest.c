/* The nearest name: what counts as near, and what does not. */
#include "server/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"shop-eu", "shop-us", NULL, "billing", "upgrade", "status"};
#define NEAREST(text) nearest((text), names, sizeof names / sizeof *names)

static void test_slips(void **state) {
  (void)state;
  assert_string_equal(NEAREST("shop-eu"), "shop-eu");
  assert_string_equal(NEAREST("shp-us"), "shop-us");
  assert_string_equal(NEAREST("biling"), "billing");
  assert_string_equal(NEAREST("upgarde"), "upgrade");
  assert_string_equal(NEAREST("STATSU"), "status");
  assert_string_equal(NEAREST("billling"), "billing");
}

static void test_cut_off(void **state) {
  (void)state;
  assert_string_equal(NEAREST("bil"), "billing");
  assert_string_equal(NEAREST("stat"), "status");
}

static void test_nothing_near(void **state) {
  (void)state;
  assert_null(NEAREST(""));
  assert_null(NEAREST("x"));
  assert_null(NEAREST("warehouse"));
  assert_null(NEAREST("gnillib"));
  assert_null(nearest("status", NULL, 0));
}

static void test_first_of_equally_near(void **state) {
  (void)state;
  assert_string_equal(NEAREST("shop-xx"), "shop-eu");
}

static void test_long_texts_are_no_names(void **state) {
  (void)state;
  char text[400];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  const char *const longs[] = {text};
  assert_null(nearest(text, longs, 1));
  text[128] = '\0';
  assert_ptr_equal(nearest(text, longs, 1), text);
  assert_null(nearest("aaa", (const char *const[]){"baaaaaaaaaaaaaaaaa"}, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_slips),
      cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_nothing_near),
      cmocka_unit_test(test_first_of_equally_near),
      cmocka_unit_test(test_long_texts_are_no_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
