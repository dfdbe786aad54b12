/* About how many rows a SQLite table has, and for how little. PostgreSQL's are in the scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/engine/size.h"

static void run(struct db *db, const char *sql) {
  struct err e;
  if (db_exec(db, sql, NULL, 0, NULL, NULL, NULL, NULL, &e))
    fail_msg("%s", e.text);
}

static void setup_tables(struct db **db) {
  struct err e;
  assert_int_equal(db_open_memory(db, 0, &e), 0);
  run(*db, "CREATE TABLE \"a \"\"b\" (id INTEGER PRIMARY KEY)");
  run(*db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
           "INSERT INTO \"a \"\"b\" SELECT 10 * i FROM n");
  run(*db, "CREATE TABLE w (id INTEGER PRIMARY KEY) WITHOUT ROWID");
  run(*db, "INSERT INTO w SELECT id FROM \"a \"\"b\"");
  run(*db, "CREATE TABLE far (id INTEGER PRIMARY KEY)");
  run(*db, "INSERT INTO far VALUES (-9223372036854775808), (9223372036854775807)");
}

static void rows_are_counted_to_what_is_enough(void **state) {
  (void)state;
  struct db *db;
  setup_tables(&db);
  assert_int_equal(table_rows(db, "main.\"a \"\"b\"", 1000, NULL), 500);
  assert_int_equal(table_rows(db, "[a \"b]", 100, NULL), 4991); /* beyond it by the rowids */
  assert_int_equal(table_rows(db, "w", 100, NULL), 100);
  assert_int_equal(table_rows(db, "far", 2, NULL), 2);
  assert_int_equal(table_rows(db, "nothing", 100, NULL), -1);
  assert_int_equal(table_rows(db, "", 100, NULL), -1);
  db_close(db);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_counted_to_what_is_enough)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
