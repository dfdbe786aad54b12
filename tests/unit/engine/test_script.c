/* The database that writes down what it is told. */
#include "server/engine/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/engine/ledger.h"

static int tell(struct db *db, const char *sql, const struct db_value *params, int count,
                int64_t *changed, struct err *e) {
  return db_exec(db, sql, params, count, NULL, NULL, changed, NULL, e);
}

static void values_are_written_so_that_they_stay_values(void **state) {
  (void)state;
  struct err e;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_SQLITE, &b);
  struct db_value params[] = {db_text("it's; $2 \\"),
                              db_int(-7),
                              db_null(),
                              db_int(4),
                              db_int(5),
                              db_int(6),
                              db_int(7),
                              db_int(8),
                              db_int(9),
                              db_text("ten")};
  assert_int_equal(tell(db, "INSERT INTO t VALUES ($1, $2, $3, $10)", params, 10, NULL, &e), 0);
  assert_string_equal(buf_str(&b), "INSERT INTO t VALUES ('it''s; $2 \\', -7, NULL, 'ten');\n");
}

static void a_revisions_statement_is_left_as_it_is(void **state) {
  (void)state;
  struct err e;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_POSTGRESQL, &b);
  const char sql[] = "CREATE FUNCTION f() RETURNS int AS $1$ SELECT 1; $1$ LANGUAGE sql";
  struct db_statement statement = {.sql = sql, .len = sizeof sql - 1};
  assert_int_equal(db->driver->exec(db, &statement, NULL, NULL, NULL, NULL, &e), 0);
  assert_memory_equal(buf_str(&b), sql, sizeof sql - 1);
  assert_string_equal(b.s + sizeof sql - 1, ";\n");
}

static void a_targets_schema_comes_first(void **state) {
  (void)state;
  struct err e;
  struct db_url url;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_POSTGRESQL, &b);
  char lock[64];
  assert_int_equal(db_url_parse("postgresql://u@h/x?schema=t%22%2742,public", &url, &e), 0);
  script_target(db, &url);
  assert_string_equal(db->schema, "t\"'42");
  script_begin(db, 1, 2, 3);
  const char *path = strstr(buf_str(&b), "SET search_path = \"t\"\"'42\", \"public\";\n");
  snprintf(lock, sizeof lock, "pg_try_advisory_lock(%lld)",
           (long long)db_postgres_lock(db->schema));
  assert_non_null(path);
  assert_non_null(strstr(path, "cardinality(current_schemas(false)) <> 2"));
  assert_non_null(strstr(path, lock));
  struct buf fresh BUF_SCOPED = BUF_INIT;
  ledger_add_fresh(&fresh, DIALECT_POSTGRESQL, db->schema);
  assert_non_null(strstr(buf_str(&fresh), "quote_ident('t\"''42'::text)"));
  assert_null(strchr(buf_str(&fresh), '$'));
}

static void a_whole_database_keeps_its_search_path(void **state) {
  (void)state;
  struct err e;
  struct db_url url;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_POSTGRESQL, &b);
  assert_int_equal(db_url_parse("postgresql://u@h/x", &url, &e), 0);
  script_target(db, &url);
  assert_null(db->schema);
  script_begin(db, 1, 2, 3);
  assert_null(strstr(buf_str(&b), "search_path"));
  assert_non_null(strstr(buf_str(&b), "pg_try_advisory_lock(7883946301883154433)"));
}

static void transactions_are_its_own(void **state) {
  (void)state;
  struct err e;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_SQLITE, &b);
  struct db_statement statement = {.sql = "BEGIN", .len = 5};
  assert_int_equal(db->driver->exec(db, &statement, NULL, NULL, NULL, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_int_equal(tell(db, db->driver->begin, NULL, 0, NULL, &e), 0);
  assert_true(db->driver->in_transaction(db));
  assert_int_equal(tell(db, "COMMIT", NULL, 0, NULL, &e), 0);
  assert_false(db->driver->in_transaction(db));
  assert_string_equal(buf_str(&b), "BEGIN IMMEDIATE;\nCOMMIT;\n");
}

static void who_counts_rows_gets_one_or_an_end(void **state) {
  (void)state;
  struct err e;
  int64_t changed = 0;
  struct buf lite BUF_SCOPED = BUF_INIT, post BUF_SCOPED = BUF_INIT;
  struct db *one DB_SCOPED = script_db(DIALECT_SQLITE, &lite);
  struct db *two DB_SCOPED = script_db(DIALECT_POSTGRESQL, &post);
  assert_int_equal(tell(one, "DELETE FROM t", NULL, 0, &changed, &e), 0);
  assert_int_equal(changed, 1);
  assert_string_equal(buf_str(&lite),
                      "DELETE FROM t;\nINSERT INTO temp.migd_guard (swap) SELECT changes() = 1;\n");
  assert_int_equal(tell(two, "DELETE FROM t", NULL, 0, &changed, &e), 0);
  assert_non_null(strstr(buf_str(&post), "DELETE FROM t; IF NOT FOUND THEN RAISE"));
}

static int on_row(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)ctx, (void)v, (void)count, (void)e;
  return 0;
}

static void it_answers_nothing(void **state) {
  (void)state;
  struct err e;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_SQLITE, &b);
  assert_int_equal(db_exec(db, "SELECT 1", NULL, 0, on_row, NULL, NULL, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_INTERNAL);
  assert_int_equal(b.len, 0);
}

static void a_comment_stays_on_its_line(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_SQLITE, &b);
  script_comment(db, "one\nDROP TABLE two");
  assert_string_equal(buf_str(&b), "\n-- one DROP TABLE two\n");
}

static void a_loop_keeps_its_statement_whole(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db *db DB_SCOPED = script_db(DIALECT_POSTGRESQL, &b);
  const char sql[] = "UPDATE t SET a = $migd0$ it's $migd0$";
  script_loop(db, sql, sizeof sql - 1, "UPDATE counts SET n = n + migd_rows", 1050);
  assert_string_equal(buf_str(&b),
                      "DO $migd2$\nDECLARE migd_rows bigint;\nBEGIN\n  LOOP\n"
                      "    EXECUTE $migd1$UPDATE t SET a = $migd0$ it's $migd0$$migd1$;\n"
                      "    GET DIAGNOSTICS migd_rows = ROW_COUNT;\n"
                      "    EXIT WHEN migd_rows = 0;\n"
                      "    UPDATE counts SET n = n + migd_rows;\n    COMMIT;\n"
                      "    PERFORM pg_sleep(1.050);\n  END LOOP;\nEND $migd2$;\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_written_so_that_they_stay_values),
      cmocka_unit_test(a_revisions_statement_is_left_as_it_is),
      cmocka_unit_test(a_targets_schema_comes_first),
      cmocka_unit_test(a_whole_database_keeps_its_search_path),
      cmocka_unit_test(transactions_are_its_own),
      cmocka_unit_test(who_counts_rows_gets_one_or_an_end),
      cmocka_unit_test(it_answers_nothing),
      cmocka_unit_test(a_comment_stays_on_its_line),
      cmocka_unit_test(a_loop_keeps_its_statement_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
