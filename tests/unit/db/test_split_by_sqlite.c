/* Compares the splitter with SQLite itself: sqlite3_prepare_v2's tail says where SQLite ends a
 * statement. Here and not in the room sql, which knows no foreign library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

#include "server/sql/split.h"

/* Each must be prepared by SQLite with nothing but this schema. */
static const char schema[] =
    "CREATE TABLE a (b, c, \"end\", \"begin\", \"x;y\"); CREATE VIEW v AS SELECT * FROM a;";

static const char *const texts[] = {
    "SELECT 1; SELECT 2",
    ";;; SELECT 1;;; -- only this\n;",
    "/* a; */ SELECT 1 /* b; */; -- c;\n SELECT 2",
    "SELECT 'a;''b', \"x;y\", [x;y], `x;y`, x'3b', X'' FROM a; SELECT 2",
    "SELECT 1 /* no end; SELECT 2",
    "SELECT 1; /**/ SELECT 2; /***/ SELECT 3 /* /* */; SELECT 4",
    "SELECT 1 --\r;\n; SELECT 2",
    "SELECT $a::b(;'), @c, :d, #e, ?, ?7; SELECT 2",
    "SELECT 1e5, 0x1f, .5, 1.e-3; SELECT 2",
    "SELECT b->'c;', b->>'$.d' FROM a; SELECT 2",
    "\xef\xbb\xbfSELECT 1;\xef\xbb\xbf SELECT 2",
    "BEGIN; COMMIT; END; SAVEPOINT s; RELEASE s; ROLLBACK",
    "SELECT end, begin FROM a; SELECT CASE WHEN 1 THEN 2 END; SELECT 3",
    "CREATE TRIGGER t1 AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; SELECT 3",
    "CREATE TEMP TRIGGER IF NOT EXISTS t2 AFTER UPDATE OF begin ON main.a FOR EACH ROW WHEN "
    "new.begin BEGIN UPDATE a SET end = CASE new.b WHEN 1 THEN 2 END; END; SELECT 3",
    "create temporary trigger begin instead of insert on v begin insert into a(b) values (';'); "
    "delete from a where end; end; SELECT 3",
    "EXPLAIN CREATE TRIGGER t3 AFTER INSERT ON a BEGIN SELECT 1; END; SELECT 2",
    "EXPLAIN QUERY PLAN CREATE TRIGGER t4 AFTER INSERT ON a BEGIN SELECT 1;END; SELECT 2",
    "CREATE TRIGGER \"end\" AFTER INSERT ON a BEGIN SELECT 1; /* ; */ END -- x\n; SELECT 2",
    "CREATE TABLE trigger_log (x); CREATE VIEW begin AS SELECT 1; SELECT 2",
    "CREATE VIEW w AS WITH r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM "
    "r; "
    "EXPLAIN SELECT 1",
};

/* The statement's text from its first token on: what is before it, SQLite leaves to the statement.
 */
static void check(sqlite3 *db, const char *text) {
  struct arena arena;
  arena_init(&arena, 0);
  struct sql_statements ours = {0};
  struct err e;
  if (sql_split(DIALECT_SQLITE, text, strlen(text), &arena, &ours, &e) != 0)
    fail_msg("%s: %s", text, e.text);
  size_t count = 0;
  for (const char *at = text; *at != '\0';) {
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;
    if (sqlite3_prepare_v2(db, at, -1, &statement, &tail) != SQLITE_OK)
      fail_msg("%s: %s", at, sqlite3_errmsg(db));
    if (statement != NULL) {
      assert_true(count < ours.count);
      const struct sql_statement *s = &ours.items[count++];
      const char *start = text + s->start, *end = start + s->len;
      if (start < at || end > tail)
        fail_msg("%s: SQLite took `%.*s`", text, (int)(tail - at), at);
      struct sql_statements rest;
      assert_int_equal(sql_split(DIALECT_SQLITE, end, (size_t)(tail - end), &arena, &rest, &e), 0);
      assert_int_equal(rest.count, 0);
    }
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    at = tail;
  }
  assert_int_equal(count, ours.count);
  arena_release(&arena);
}

static void test_pieces_are_those_of_sqlite(void **state) {
  (void)state;
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, schema, NULL, NULL, NULL), SQLITE_OK);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    check(db, texts[i]);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces_are_those_of_sqlite)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
