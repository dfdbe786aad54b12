/* Values of batch= and pause=, which statements run batch by batch, and the number put into them.
 */
#include "server/catalog/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void sizes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned n; /* 0: refused */
  } cases[] = {{"1", 1},  {"5000", 5000}, {"1000000", 1000000},        {"1000001", 0}, {"0", 0},
               {"", 0},   {"-1", 0},      {"99999999999999999999", 0}, {"5k", 0},      {"+5", 0},
               {"007", 7}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    unsigned n = 42;
    assert_int_equal(batch_read_size(cases[i].text, strlen(cases[i].text), &n), cases[i].n > 0);
    assert_int_equal(n, cases[i].n ? cases[i].n : 42);
  }
}

static void pauses(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int ms; /* -1: refused */
  } cases[] = {{"0", 0},        {"0ms", 0},
               {"50ms", 50},    {"1s", 1000},
               {"1.5s", 1500},  {"60s", 60000},
               {"0.25s", 250},  {"60000ms", 60000},
               {"61s", -1},     {"60001ms", -1},
               {"50", -1},      {"ms", -1},
               {"s", -1},       {"", -1},
               {"1.5ms", -1},   {".5s", -1},
               {"1.s", -1},     {"1..5s", -1},
               {"1.0005s", -1}, {"-1s", -1},
               {"1m", -1},      {"99999999999999999999s", -1}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    unsigned ms = 42;
    if (batch_read_pause(cases[i].text, strlen(cases[i].text), &ms) != (cases[i].ms >= 0))
      fail_msg("%s", cases[i].text);
    assert_int_equal(ms, cases[i].ms >= 0 ? cases[i].ms : 42);
  }
}

static void which_statements(void **state) {
  (void)state;
  static const struct {
    const char *sql, *wrong;
  } cases[] = {
      {"UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT ${batch})", NULL},
      {"delete from t where id in (select id from t limit ${batch})", NULL},
      {"INSERT INTO u SELECT * FROM t WHERE NOT EXISTS (SELECT 1) LIMIT ${batch}", NULL},
      {"WITH x AS (SELECT id FROM t LIMIT ${batch}) UPDATE t SET a = 1 WHERE id IN (TABLE x)",
       NULL},
      {"WITH RECURSIVE x (a, b) AS (SELECT 1, 2), y AS MATERIALIZED (SELECT 3) DELETE FROM t "
       "WHERE a < ${batch}",
       NULL},
      {"WITH delete AS (SELECT 1 LIMIT ${batch}) SELECT 1", "cannot run batch by batch"},
      {"WITH x AS (DELETE FROM t WHERE a < ${batch} RETURNING *) SELECT 1", "cannot run"},
      {"SELECT ${batch}", "cannot run batch by batch"},
      {"CREATE TABLE t (a int)", "cannot run batch by batch"},
      {"WITH x AS (SELECT 1)", "cannot run batch by batch"},
      {"UPDATE t SET a = 1", "does not say ${batch}"},
      {"UPDATE t SET a = '${batch}' /* ${batch} */ -- ${batch}", "does not say ${batch}"},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    for (enum dialect d = DIALECT_SQLITE; d <= DIALECT_POSTGRESQL; d++) {
      const char *wrong = batch_problem(d, cases[i].sql, strlen(cases[i].sql));
      if (!wrong != !cases[i].wrong || (wrong && !strstr(wrong, cases[i].wrong)))
        fail_msg("%s: %s", cases[i].sql, wrong ? wrong : "no problem");
    }
}

static void which_update(void **state) {
  (void)state;
  static const char with[] = "WITH x (a, b) AS (DELETE FROM t RETURNING 1) UPDATE t SET a = 1";
  static const char insert[] = "WITH update AS (SELECT 1) INSERT INTO t TABLE update";
  assert_true(batch_updates(DIALECT_POSTGRESQL, with, sizeof with - 1));
  assert_true(batch_updates(DIALECT_SQLITE, "update t SET a = 1", 18));
  assert_false(batch_updates(DIALECT_POSTGRESQL, insert, sizeof insert - 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(which_update), cmocka_unit_test(sizes),
                                     cmocka_unit_test(pauses), cmocka_unit_test(which_statements)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
