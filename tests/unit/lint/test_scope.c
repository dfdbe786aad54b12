/* What a scope knows of a revision: things made, dropped and renamed, timeouts set and lost. */
#include "probe.h"

#include "server/lint/scope.h"

static struct arena arena;
static struct scope scope;

static int setup(void **state) {
  (void)state;
  arena_init(&arena, 0);
  scope_begin(&scope, DIALECT_POSTGRESQL, &arena);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

static void run_in(unsigned transaction, const char *sql) {
  struct arena scratch;
  struct step step = {.transaction = transaction < 1000, .transaction_number = transaction};
  arena_init(&scratch, 0);
  scope_enter(&scope, &step);
  scope_leave(&scope, sql, strlen(sql), &scratch);
  arena_release(&scratch);
}

static void run(const char *sql) {
  run_in(0, sql);
}

static bool made(const char *name) {
  return scope.seen.made(&scope.seen, name);
}

static void test_made(void **state) {
  (void)state;
  assert_false(made("t"));
  run("CREATE TABLE T (a int)");
  run("create unlogged table if not exists s.\"U\" ()");
  run("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)");
  run("CREATE OR REPLACE TEMP RECURSIVE VIEW v AS SELECT 1");
  run("CREATE MATERIALIZED VIEW m AS SELECT 1");
  run("CREATE INDEX ON t (a)");
  run("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  const char *all[] = {"t", "s.U", "i", "v", "m"};
  for (size_t n = 0; n < sizeof all / sizeof *all; n++)
    assert_true(made(all[n]));
  const char *none[] = {"T", "U", "s.u", "f", "on", "a"};
  for (size_t n = 0; n < sizeof none / sizeof *none; n++)
    assert_false(made(none[n]));
  assert_int_equal(scope.seen.statement, 7);
}

static void test_dropped_and_renamed(void **state) {
  (void)state;
  run("CREATE TABLE a (x int)");
  run("CREATE TABLE s.b (x int)");
  run("DROP TABLE IF EXISTS c, a CASCADE");
  assert_false(made("a"));
  run("ALTER TABLE ONLY s.b RENAME TO \"B2\"");
  assert_false(made("s.b"));
  assert_true(made("s.B2"));
  run("ALTER TABLE other RENAME TO another");
  assert_false(made("another"));
}

static void test_timeouts(void **state) {
  (void)state;
  static const struct {
    const char *sql;
    bool lock, statement;
  } steps[] = {
      {"SET lock_timeout = '5s'", true, false},
      {"SET SESSION statement_timeout TO 1000", true, true},
      {"SET lock_timeout = 0", false, true},
      {"SELECT set_config('lock_timeout', '2s', false)", true, true},
      {"SET lock_timeout TO DEFAULT", false, true},
      {"SELECT pg_catalog.set_config('LOCK_TIMEOUT', '2s', true)", true, true},
      {"RESET lock_timeout", false, true},
      {"SET LOCAL lock_timeout = '0ms'", false, true},
      {"SET LOCAL lock_timeout = '00100ms'", true, true},
      {"RESET ALL", false, false},
      {"SET other = 1", false, false},
      {"SELECT set_config('lock_timeout'", false, false},
      {"SET", false, false},
      {"RESET", false, false},
  };
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    run(steps[i].sql);
    if (scope.seen.lock_timeout_set != steps[i].lock ||
        scope.seen.statement_timeout_set != steps[i].statement)
      fail_msg("%s", steps[i].sql);
  }
}

/* SET LOCAL ends with its transaction, SET does not. */
static void test_local(void **state) {
  (void)state;
  run_in(1, "SET LOCAL lock_timeout = '5s'");
  run_in(1, "SET statement_timeout = '5s'");
  assert_true(scope.seen.lock_timeout_set);
  run_in(2, "SELECT 1");
  assert_false(scope.seen.lock_timeout_set);
  assert_true(scope.seen.statement_timeout_set);
  run_in(1000, "SET LOCAL lock_timeout = '5s'");
  assert_false(scope.seen.lock_timeout_set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_made, setup, teardown),
      cmocka_unit_test_setup_teardown(test_dropped_and_renamed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_timeouts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_local, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
