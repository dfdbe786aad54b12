/* The schedule of tries for a lock: short first, whole at the end, never in step, never beyond. */
#include "server/engine/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_first_tries_are_short_and_the_last_is_whole(void **state) {
  (void)state;
  static const int64_t waits[] = {625, 1250, 2500, 5000, 5000};
  struct retry r = retry_begin(5000, 1000000, false, 1);
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    int64_t pause;
    assert_int_equal(retry_wait_ms(&r), waits[i]);
    assert_true(retry_again(&r, 0, &pause));
  }
  r = retry_begin(5000, 1, false, 1);
  int64_t pause;
  assert_int_equal(retry_wait_ms(&r), 625);
  assert_true(retry_again(&r, 0, &pause));
  assert_int_equal(pause, 1);
  assert_int_equal(retry_wait_ms(&r), 5000);
  assert_false(retry_again(&r, 1, &pause));
}

static void no_try_waits_longer_than_it_may(void **state) {
  (void)state;
  for (int64_t timeout = 1; timeout < 200; timeout++) {
    struct retry r = retry_begin(timeout, 1000000, false, 1);
    for (int i = 0; i < 10; i++) {
      int64_t pause;
      assert_in_range(retry_wait_ms(&r), 1, timeout);
      assert_true(retry_again(&r, 0, &pause));
    }
    assert_int_equal(retry_wait_ms(&r), timeout);
  }
}

static void what_is_lost_with_a_try_gets_the_whole_time(void **state) {
  (void)state;
  struct retry r = retry_begin(5000, 30000, true, 1);
  assert_int_equal(retry_wait_ms(&r), 5000);
}

static void without_a_budget_there_is_one_try(void **state) {
  (void)state;
  int64_t pause = 7;
  struct retry r = retry_begin(5000, 0, false, 1);
  assert_int_equal(retry_wait_ms(&r), 5000);
  assert_false(retry_again(&r, 0, &pause));
  assert_int_equal(pause, 7);
}

static void pauses_grow_and_differ(void **state) {
  (void)state;
  static const int64_t most[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
  unsigned equal = 0;
  for (uint64_t seed = 0; seed < 1000; seed++) {
    struct retry a = retry_begin(5000, 1000000, false, seed);
    struct retry b = retry_begin(5000, 1000000, false, seed + 1);
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
      int64_t one = 0, other = 0;
      assert_true(retry_again(&a, 0, &one) && retry_again(&b, 0, &other));
      assert_in_range(one, most[i] / 2, most[i]);
      equal += one == other;
    }
  }
  assert_in_range(equal, 0, 250); /* of 9000; by chance about 80 */
}

static void every_pause_in_its_range_comes(void **state) {
  (void)state;
  bool came[101] = {0};
  for (uint64_t seed = 0; seed < 5000; seed++) {
    struct retry r = retry_begin(5000, 1000000, false, seed);
    int64_t pause;
    assert_true(retry_again(&r, 0, &pause));
    came[pause] = true;
  }
  for (int ms = 50; ms <= 100; ms++)
    assert_true(came[ms]);
}

/* Tries of 5 s for 30 s: the last begins when the budget ends, not after it. */
static void the_budget_is_used_up_and_not_more(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 1000; seed++) {
    struct retry r = retry_begin(5000, 30000, false, seed);
    int64_t spent = 0, pause;
    unsigned tries = 1;
    while (retry_again(&r, spent, &pause)) {
      spent += pause;
      assert_in_range(spent, 0, 34999);
      if (!r.last)
        assert_in_range(spent, 0, 29999);
      spent += retry_wait_ms(&r);
      tries++;
    }
    assert_in_range(spent, 30000, 40000);
    assert_in_range(tries, 6, 12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_tries_are_short_and_the_last_is_whole),
      cmocka_unit_test(no_try_waits_longer_than_it_may),
      cmocka_unit_test(what_is_lost_with_a_try_gets_the_whole_time),
      cmocka_unit_test(without_a_budget_there_is_one_try),
      cmocka_unit_test(pauses_grow_and_differ),
      cmocka_unit_test(every_pause_in_its_range_comes),
      cmocka_unit_test(the_budget_is_used_up_and_not_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
