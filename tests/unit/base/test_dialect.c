/* Tests the names of the dialects, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/base/dialect.h"

static void test_names(void **state) {
  (void)state;
  assert_string_equal(dialect_name(DIALECT_SQLITE), "sqlite");
  assert_string_equal(dialect_name(DIALECT_POSTGRESQL), "postgresql");
  assert_int_equal(dialect_parse("sqlite", 6), DIALECT_SQLITE);
  assert_int_equal(dialect_parse("postgresql: and more", 10), DIALECT_POSTGRESQL);
  static const char *const none[] = {"", "sqlit", "sqlite3", "SQLite", "postgres", "mysql"};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    assert_int_equal(dialect_parse(none[i], strlen(none[i])), 0);
  assert_string_equal(dialect_name((enum dialect)DIALECT_ANY), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
