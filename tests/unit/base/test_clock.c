/* Tests that the clocks are the right ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "server/base/clock.h"

static void test_clocks(void **state) {
  (void)state;
  int64_t before = clock_mono_ns();
  assert_true(clock_mono_ns() >= before);
  int64_t seconds = clock_wall_us() / 1000000;
  assert_in_range(seconds, time(NULL) - 2, time(NULL) + 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_clocks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
