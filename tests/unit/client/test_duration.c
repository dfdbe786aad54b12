/* Durations and times as people write and read them. */
#include "client/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void durations_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ns;
  } good[] = {
      {"0", 0},
      {"500ms", 500 * NS_PER_MS},
      {"30s", 30 * NS_PER_S},
      {"1.5s", 1500 * NS_PER_MS},
      {"5m", 300 * NS_PER_S},
      {"5min", 300 * NS_PER_S},
      {"1h30m", 5400 * NS_PER_S},
      {"2d", 2 * 86400 * NS_PER_S},
      {"10000d", 10000 * 86400 * NS_PER_S},
  };
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    struct err e;
    int64_t ns = -1;
    assert_int_equal(duration_parse(good[i].text, &ns, &e), 0);
    assert_int_equal(ns, good[i].ns);
  }
}

static void what_is_no_duration_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",    "5",    "s",      "-5s",
                                    "5x",  "5 s",  "1h30",   ".5s",
                                    "5sm", "5mss", "10001d", "99999999999999999999s"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct err e;
    int64_t ns = 42;
    assert_int_equal(duration_parse(bad[i], &ns, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(ns, 42);
  }
}

static void expect_format(int64_t ns, const char *text) {
  struct buf b BUF_SCOPED = BUF_INIT;
  duration_format(&b, ns);
  assert_string_equal(buf_str(&b), text);
}

static void durations_are_written(void **state) {
  (void)state;
  expect_format(-5, "0.0 ms");
  expect_format(12 * NS_PER_MS, "12 ms");
  expect_format(1990 * NS_PER_MS, "1.9 s");
  expect_format(59 * NS_PER_S, "59 s");
  expect_format(185 * NS_PER_S, "3 min 05 s");
  expect_format(7800 * NS_PER_S, "2 h 10 min");
  expect_format(4 * 86400 * NS_PER_S, "4 days");
}

static void expect_relative(int64_t at, int64_t now, const char *text) {
  struct arena a;
  Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
  arena_init(&a, 0);
  t.seconds = at;
  assert_string_equal(time_relative(&a, &t, now * NS_PER_S), text);
  arena_release(&a);
}

static void times_are_told_from_now(void **state) {
  (void)state;
  struct arena a;
  arena_init(&a, 0);
  assert_string_equal(time_relative(&a, NULL, 0), "-");
  arena_release(&a);
  expect_relative(1000, 1000, "just now");
  expect_relative(1000, 1030, "30 s ago");
  expect_relative(1000, 1000 + 185, "3 min ago");
  expect_relative(1000, 1000 + 86400 + 5, "1 day ago");
  expect_relative(1000 + 7199, 1000, "in 2 h");
  expect_relative(INT64_MAX, 0, "in 53376 days");
}

static void clocks_count_up(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  duration_clock(&b, 7 * NS_PER_S);
  buf_addc(&b, ' ');
  duration_clock(&b, 754 * NS_PER_S);
  buf_addc(&b, ' ');
  duration_clock(&b, 3723 * NS_PER_S);
  assert_string_equal(buf_str(&b), "0:07 12:34 1:02:03");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(durations_are_read),    cmocka_unit_test(what_is_no_duration_is_refused),
      cmocka_unit_test(durations_are_written), cmocka_unit_test(times_are_told_from_now),
      cmocka_unit_test(clocks_count_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
