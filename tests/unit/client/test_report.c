/* Errors as people read them: place, line, caret; nothing twice; nothing that steers a terminal. */
#include "client/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "migd/v1/catalogs.pb-c.h"

static void expect(const struct err *e, const char *text) {
  struct buf b BUF_SCOPED = BUF_INIT;
  report_error(&b, e, false);
  assert_string_equal(buf_str(&b), text);
}

static struct err failure(const char *text) {
  struct err e;
  err_set(&e, ERR_MIGRATION, "%s", text);
  strcpy(e.target, "shop-eu");
  strcpy(e.file, "2026_invoices.sql");
  strcpy(e.source, "INSERT INTO ordr VALUES (1);");
  strcpy(e.sqlstate, "42P01");
  e.line = 14;
  e.column = 13;
  return e;
}

static void everything_that_is_known_is_said(void **state) {
  (void)state;
  struct err e = failure("relation \"ordr\" does not exist");
  err_hint(&e, "perhaps order");
  strcpy(e.detail, "more");
  expect(&e, "shop-eu: 2026_invoices.sql:14:13: ERROR 42P01: relation \"ordr\" does not exist\n"
             "  14 | INSERT INTO ordr VALUES (1);\n"
             "     |             ^\n"
             "DETAIL: more\nHINT: perhaps order\n");
}

static void a_detail_may_have_lines(void **state) {
  (void)state;
  struct err e = failure("x");
  e.target[0] = e.file[0] = e.source[0] = e.sqlstate[0] = 0;
  e.line = 0;
  strcpy(e.detail, "process 1\033[2J\nprocess 2\nand 3 more");
  expect(&e, "x\nDETAIL: process 1\\x1b[2J\n        process 2\n        and 3 more\n");
}

static void nothing_is_said_twice(void **state) {
  (void)state;
  struct err e = failure("shop-eu: 2026_invoices.sql:14:13: ERROR 42P01: no such relation");
  e.source[0] = 0;
  expect(&e, "shop-eu: 2026_invoices.sql:14:13: ERROR 42P01: no such relation\n");
  e = failure("shop-eu: locked by another program");
  e.source[0] = e.file[0] = 0;
  expect(&e, "shop-eu: ERROR 42P01: locked by another program\n");
  e = failure("shop-eu is locked");
  e.source[0] = e.file[0] = e.sqlstate[0] = 0;
  expect(&e, "shop-eu is locked\n");
}

static void the_caret_stands_under_wide_and_odd_characters(void **state) {
  (void)state;
  struct err e = failure("x");
  e.target[0] = e.file[0] = e.sqlstate[0] = 0;
  e.line = 1;
  strcpy(e.source, "\t\xe6\x97\xa5\033 ordr");
  e.column = 7; /* byte of "ordr" */
  expect(&e, "x\n  1 | \xe6\x97\xa5\\x1b ordr\n    |        ^\n");
  e.column = 500;
  expect(&e, "x\n  1 | \xe6\x97\xa5\\x1b ordr\n");
}

static void a_server_cannot_steer_the_terminal(void **state) {
  (void)state;
  struct err e;
  err_clear(&e);
  e.kind = ERR_INTERNAL;
  strcpy(e.text, "a\033[2Jb\nmigctl: all is well");
  expect(&e, "a\\x1b[2Jb\\x0amigctl: all is well\n");
}

static void problems_name_the_file_to_open(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  Migd__V1__Problem p = MIGD__V1__PROBLEM__INIT;
  char file[] = "a.sql", message[] = "bad", line[] = "  COMMIT;";
  p.file = file;
  p.message = message;
  p.source_line = line;
  p.line = 3;
  p.column = 3;
  report_problem(&b, "dir/", &p, false);
  assert_string_equal(buf_str(&b), "dir/a.sql:3:3: bad\n  3 | COMMIT;\n    | ^\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_that_is_known_is_said),
      cmocka_unit_test(a_detail_may_have_lines),
      cmocka_unit_test(nothing_is_said_twice),
      cmocka_unit_test(the_caret_stands_under_wide_and_odd_characters),
      cmocka_unit_test(a_server_cannot_steer_the_terminal),
      cmocka_unit_test(problems_name_the_file_to_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
