/* The policy of batches and pauses: a line is what was seen, and what follows. */
#include "server/engine/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct line {
  unsigned times; /* it was seen so often */
  struct pace_seen seen;
  unsigned batch;
  int64_t pause_ms;
};

static void check(unsigned batch, int64_t pause_ms, const struct line *lines, size_t count) {
  struct pace p;
  pace_init(&p, batch, pause_ms);
  assert_int_equal(p.batch, batch);
  assert_int_equal(p.pause_ms, pause_ms);
  for (size_t i = 0; i < count; i++) {
    for (unsigned n = 0; n < lines[i].times; n++)
      pace_after(&p, &lines[i].seen);
    if (p.batch != lines[i].batch || p.pause_ms != lines[i].pause_ms)
      fail_msg("line %zu: batch %u, pause %d", i, p.batch, (int)p.pause_ms);
  }
}

#define CALM                                                                                       \
  { 0 }
#define OTHERS                                                                                     \
  { .others_wait = true }
#define SLOW(ms)                                                                                   \
  { .keeps_all = true, .took_ms = ms }

static void gives_way_and_comes_back(void **state) {
  (void)state;
  static const struct line lines[] = {
      {3, CALM, 1600, 50}, {1, OTHERS, 800, 100}, {1, OTHERS, 400, 200}, {3, CALM, 400, 200},
      {1, CALM, 800, 100}, {3, CALM, 800, 100},   {1, OTHERS, 400, 200}, {4, CALM, 800, 100},
      {4, CALM, 1600, 50}, {40, CALM, 1600, 50},
  };
  check(1600, 50, lines, COUNT(lines));
}

static void has_limits(void **state) {
  (void)state;
  static const struct line at_50[] = {{20, OTHERS, 100, 5000}, {4, CALM, 200, 2500}};
  check(1600, 50, at_50, COUNT(at_50));
  static const struct line at_0[] = {
      {1, OTHERS, 8, 10}, {30, OTHERS, 1, 10000}, {4, CALM, 2, 5000}};
  check(16, 0, at_0, COUNT(at_0));
  static const struct line at_1s[] = {{30, OTHERS, 1, 10000}, {4, CALM, 1, 5000}};
  check(1, 1000, at_1s, COUNT(at_1s));
  static const struct line at_60s[] = {{5, OTHERS, 313, 60000}, {4, CALM, 626, 60000}};
  check(5000, 60000, at_60s, COUNT(at_60s));
}

/* Halves are rounded up, and the last step is not a doubling. */
static void comes_back_to_what_was_asked(void **state) {
  (void)state;
  static const struct line lines[] = {{4, OTHERS, 313, 160},
                                      {4, CALM, 626, 80},
                                      {4, CALM, 1252, 40},
                                      {4, CALM, 2504, 20},
                                      {4, CALM, 5000, 10}};
  check(5000, 10, lines, COUNT(lines));
}

static void long_batches_are_shortened(void **state) {
  (void)state;
  static const struct line helps[] = {{1, SLOW(4000), 800, 10},
                                      {1, SLOW(2000), 400, 10},
                                      {4, SLOW(900), 400, 10},
                                      {4, SLOW(400), 800, 10}};
  check(1600, 10, helps, COUNT(helps));
  /* It looks for its rows as long, however many: smaller ones would only be more of them. */
  static const struct line no_help[] = {
      {1, SLOW(4000), 800, 10}, {1, SLOW(3900), 1600, 10}, {9, SLOW(3900), 1600, 10}};
  check(1600, 10, no_help, COUNT(no_help));
  /* Where others write beside it, its time is nobody's loss. */
  static const struct line beside[] = {{9, {.took_ms = 9000}, 1600, 10}};
  check(1600, 10, beside, COUNT(beside));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_way_and_comes_back), cmocka_unit_test(has_limits),
      cmocka_unit_test(comes_back_to_what_was_asked), cmocka_unit_test(long_batches_are_shortened)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
