/* Tests variables in SQL: what they become, what a value can not do, and where places lead back. */
#include "server/sql/variable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/base/buf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* By name. */
static const struct variable items[] = {
    {"back", "a\\'b", false},
    {"comment", "1 -- x", false},
    {"empty", "", false},
    {"end", "COMMIT", false},
    {"long_", "0123456789012345678901234567890123456789012345678901234567890123", false},
    {"name", "we\"ird", false},
    {"nested", "${name}", false},
    {"open", "'x", false},
    {"plain", "abc", false},
    {"quote", "it's", false},
    {"secret", "hush", true},
    {"semi", "1; 2", false},
    {"type", "numeric (10, 2)", false},
};

static const struct variables all = {.items = items, .count = COUNT(items)};

struct made {
  struct arena arena;
  struct sql_text text;
  struct err e;
  int rc;
};

static void make(struct made *m, enum dialect dialect, const char *sql, const struct variables *v) {
  arena_init(&m->arena, 0);
  m->text = (struct sql_text){.s = "untouched"};
  m->rc = variable_replace(dialect, sql, strlen(sql), v, &m->arena, &m->text, &m->e);
}

static void expect(enum dialect dialect, const char *sql, const char *sent) {
  struct made m;
  make(&m, dialect, sql, &all);
  if (m.rc)
    fail_msg("%s: %s", sql, m.e.text);
  if (m.text.len != strlen(sent) || memcmp(m.text.s, sent, m.text.len))
    fail_msg("%s\nbecame %.*s\nnot    %s", sql, (int)m.text.len, m.text.s, sent);
  arena_release(&m.arena);
}

static void expect_both(const char *sql, const char *sent) {
  expect(DIALECT_SQLITE, sql, sent);
  expect(DIALECT_POSTGRESQL, sql, sent);
}

static void refused(enum dialect dialect, const char *sql, enum err_kind kind, long offset,
                    const char *part) {
  struct made m;
  make(&m, dialect, sql, &all);
  assert_int_equal(m.rc, -1);
  if (!strstr(m.e.text, part))
    fail_msg("%s: %s", sql, m.e.text);
  assert_int_equal(m.e.kind, kind);
  assert_int_equal(m.e.offset, offset);
  assert_string_equal(m.text.s, "untouched");
  arena_release(&m.arena);
}

static void test_forms(void **state) {
  (void)state;
  expect_both("SELECT 1", "SELECT 1");
  expect_both("SELECT ${plain}", "SELECT 'abc'");
  expect_both("SELECT ${plain:literal};", "SELECT 'abc';");
  expect_both("SELECT ${quote} FROM ${name:identifier}", "SELECT 'it''s' FROM \"we\"\"ird\"");
  expect_both("SELECT ${empty}", "SELECT ''");
  expect_both("a(${plain},${plain})", "a('abc','abc')");
  expect_both("${plain:identifier}.${name:identifier}", "\"abc\".\"we\"\"ird\"");
  expect_both("CAST(x AS ${type:raw})", "CAST(x AS  numeric (10, 2) )");
  expect_both("a ${empty:raw} b", "a    b");
  expect(DIALECT_POSTGRESQL, "${plain}::text", "'abc'::text");
}

static void test_a_backslash_means_the_same_in_every_setting(void **state) {
  (void)state;
  expect(DIALECT_POSTGRESQL, "SELECT ${back}", "SELECT E'a\\\\''b'");
  expect(DIALECT_SQLITE, "SELECT ${back}", "SELECT 'a\\''b'");
  expect_both("SELECT ${back:identifier}", "SELECT \"a\\'b\"");
}

static void test_text_stays_text(void **state) {
  (void)state;
  expect_both("SELECT '${plain}', \"${plain}\" -- ${plain}\n/* ${none} */",
              "SELECT '${plain}', \"${plain}\" -- ${plain}\n/* ${none} */");
  expect(DIALECT_POSTGRESQL, "DO $$ ${plain} $$", "DO $$ ${plain} $$");
  expect(DIALECT_POSTGRESQL, "DO $a${plain}$a$", "DO $a${plain}$a$");
  expect(DIALECT_POSTGRESQL, "SELECT E'\\'${plain}'", "SELECT E'\\'${plain}'");
  expect(DIALECT_SQLITE, "SELECT [${plain}], `${plain}`", "SELECT [${plain}], `${plain}`");
}

static void test_values_cannot_break_out(void **state) {
  (void)state;
  static const enum dialect both[] = {DIALECT_SQLITE, DIALECT_POSTGRESQL};
  for (size_t i = 0; i < COUNT(both); i++) {
    refused(both[i], "SELECT ${none}", ERR_NOT_FOUND, 7, "the variable none has no value");
    refused(both[i], "SELECT ${semi:raw}", ERR_REFUSED, 7, "`;`");
    refused(both[i], "SELECT ${comment:raw}", ERR_REFUSED, 7, "comment");
    refused(both[i], "SELECT ${open:raw}", ERR_REFUSED, 7, "without end");
    refused(both[i], "SELECT ${nested:raw}", ERR_REFUSED, 7, "${");
    refused(both[i], "${end:raw}", ERR_REFUSED, -1, "another kind of statement");
    refused(both[i], "${empty:raw}", ERR_REFUSED, -1, "another kind of statement");
    refused(both[i], "SELECT ${empty:identifier}", ERR_REFUSED, 7, "empty");
    refused(both[i], "SELECT 'a'\n${back}", ERR_INPUT, 11, "beside a string");
    refused(both[i], "SELECT ${back} 'a'", ERR_INPUT, 15, "beside a string");
    refused(both[i], "SELECT ${back} ${plain}", ERR_INPUT, 15, "beside a string");
    expect(both[i], "SELECT ${nested}", "SELECT '${name}'");
    expect(both[i], "SELECT 'a' ${plain:identifier}", "SELECT 'a' \"abc\"");
  }
  refused(DIALECT_POSTGRESQL, "SELECT ${long_:identifier}", ERR_REFUSED, 7, "63 bytes");
  expect_both("-${plain}", "-'abc'");
}

static void test_places_lead_back(void **state) {
  (void)state;
  static const char sql[] = "SELECT ${quote}, ${type:raw}, no_such(${name:identifier}) x";
  struct made m;
  make(&m, DIALECT_POSTGRESQL, sql, &all);
  assert_int_equal(m.rc, 0);
  assert_int_equal(m.text.count, 3);
  for (size_t i = 0; i < strlen(sql); i++) {
    const char *token = (const char *[]){"SELECT", "no_such", " x"}[i % 3];
    size_t sent = (size_t)(strstr(m.text.s, token) - m.text.s);
    assert_int_equal(sql_text_source(&m.text, sent), strstr(sql, token) - sql);
  }
  assert_int_equal(sql_text_source(&m.text, m.text.len), strlen(sql));
  size_t inside = (size_t)(strstr(m.text.s, "numeric") - m.text.s);
  assert_int_equal(sql_text_source(&m.text, inside), strstr(sql, "${type") - sql);
  assert_int_equal(sql_text_source(&m.text, inside + 3), strstr(sql, "${type") - sql);
  arena_release(&m.arena);
}

static void test_secrets(void **state) {
  (void)state;
  struct made m;
  make(&m, DIALECT_SQLITE, "SELECT ${plain}", &all);
  assert_false(m.text.secret);
  arena_release(&m.arena);
  make(&m, DIALECT_SQLITE, "SELECT ${secret}", &all);
  assert_true(m.text.secret);
  assert_non_null(strstr(m.text.s, "hush"));
  sql_text_wipe(&m.text);
  for (size_t i = 0; i < m.text.len; i++)
    assert_int_equal(m.text.s[i], 0);
  arena_release(&m.arena);
  struct variables shown = all;
  shown.hide_secrets = true;
  make(&m, DIALECT_SQLITE, "SELECT ${secret}, ${plain}", &shown);
  assert_string_equal(m.text.s, "SELECT ${secret}, 'abc'");
  assert_false(m.text.secret);
  arena_release(&m.arena);
}

/* What is known of a secret here is that there is one. */
static void test_a_secret_that_is_not_for_this_text(void **state) {
  (void)state;
  static const struct variable closed[] = {{"a", NULL, true}};
  struct variables v = {.items = closed, .count = 1};
  struct made m;
  make(&m, DIALECT_SQLITE, "SELECT ${a}", &v);
  assert_int_equal(m.rc, -1);
  assert_int_equal(m.e.kind, ERR_NOT_FOUND);
  assert_int_equal(m.e.offset, 7);
  arena_release(&m.arena);
  v.hide_secrets = true;
  make(&m, DIALECT_SQLITE, "SELECT ${a}, ${batch}", &v);
  assert_int_equal(m.rc, 0);
  assert_string_equal(m.text.s, "SELECT ${a}, ${batch}");
  arena_release(&m.arena);
}

/* `@OFFSET message` in a line each; of `wanted` their beginnings. The statement is in the midst of
 * a text. */
static void expect_faults(const char *sql, bool batch, const char *wanted) {
  struct buf text BUF_SCOPED = BUF_INIT;
  struct arena arena;
  arena_init(&arena, 0);
  buf_addf(&text, "0123456789%s", sql);
  for (enum dialect d = DIALECT_SQLITE; d <= DIALECT_POSTGRESQL; d++) {
    struct sql_faults found = {.arena = &arena};
    struct buf got BUF_SCOPED = BUF_INIT;
    variable_check(d, text.s, 10, text.len - 10, batch, &found);
    const char *at = wanted;
    for (size_t i = 0; i < found.count; i++) {
      size_t len = strcspn(at, "\n");
      buf_addf(&got, "@%zu %s", found.items[i].offset - 10, found.items[i].message);
      if (strncmp(got.s, at, len) != 0 || len == 0)
        fail_msg("%s: %s", sql, got.s);
      buf_clear(&got);
      at += len + (at[len] == '\n');
    }
    assert_string_equal(at, "");
  }
  arena_release(&arena);
}

static void test_batch(void **state) {
  (void)state;
  struct made m;
  struct variables v = all;
  static const char sql[] = "DELETE FROM a LIMIT ${batch}";
  v.batch = "5000";
  make(&m, DIALECT_POSTGRESQL, sql, &v);
  assert_int_equal(m.rc, 0);
  assert_string_equal(m.text.s, "DELETE FROM a LIMIT  5000 ");
  arena_release(&m.arena);
  expect_faults(sql, true, "");
  expect_faults(sql, false, "@20 ${batch} is the number");
  expect_faults("DELETE FROM a LIMIT ${batch:raw}", true, "@20 ${batch} is a number");
}

/* All of them, behind each other. */
static void test_what_is_wrong_without_values(void **state) {
  (void)state;
  expect_faults("SELECT ${none}, 'x'", false, "");
  expect_faults("SELECT ${None}, ${a:text}, t_${a}, 'x' ${a}, ${batch}", false,
                "@7 `${None}` is no\n@16 `${a:text}` has no form\n@29 a variable is a token\n"
                "@39 a variable beside\n@45 ${batch} is the number");
}

/* `name@OFFSET ` of each; the text that is sent is refused exactly when there is one. */
static void expect_missing(const char *sql, const struct variables *v, const char *wanted) {
  struct buf got BUF_SCOPED = BUF_INIT;
  struct sql_variable use;
  struct made m;
  for (size_t at = 0; variable_missing(DIALECT_SQLITE, sql, strlen(sql), v, &at, &use);)
    buf_addf(&got, "%s@%zu ", use.name, at - use.len);
  assert_string_equal(buf_str(&got), wanted);
  make(&m, DIALECT_SQLITE, sql, v);
  assert_int_equal(m.rc, wanted[0] ? -1 : 0);
  if (m.rc)
    assert_int_equal(m.e.kind, ERR_NOT_FOUND);
  arena_release(&m.arena);
}

static void test_what_has_no_value(void **state) {
  (void)state;
  static const struct variable items_here[] = {{"a", "1", false}, {"closed", NULL, true}};
  struct variables v = {.items = items_here, .count = 2};
  expect_missing("SELECT 1", &v, "");
  expect_missing("SELECT ${a}, '${b}' -- ${b}", &v, "");
  expect_missing("SELECT ${b}, ${a}, ${c:raw}, ${b}", &v, "b@7 c@19 b@29 ");
  expect_missing("SELECT ${closed}, ${batch}", &v, "closed@7 batch@18 ");
  v.batch = "5";
  expect_missing("SELECT ${batch}", &v, "");
  v = (struct variables){.items = items_here, .count = 2, .hide_secrets = true};
  expect_missing("SELECT ${closed}, ${batch}", &v, "");
  expect_missing("SELECT ${closed}, ${b}", &v, "b@18 ");
}

static void test_a_statement_has_a_limit(void **state) {
  (void)state;
  static char value[VARIABLE_VALUE_MAX + 1];
  memset(value, 'x', VARIABLE_VALUE_MAX);
  const struct variable big[] = {{"a", value, false}};
  const struct variables v = {.items = big, .count = 1};
  size_t uses = VARIABLE_TEXT_MAX / VARIABLE_VALUE_MAX + 1;
  char *sql = test_malloc(5 * uses + 1);
  for (size_t i = 0; i < uses; i++)
    memcpy(sql + 5 * i, "${a},", 6);
  struct made m;
  make(&m, DIALECT_SQLITE, sql, &v);
  assert_int_equal(m.rc, -1);
  assert_int_equal(m.e.kind, ERR_REFUSED);
  assert_non_null(strstr(m.e.text, "64 MiB"));
  arena_release(&m.arena);
  test_free(sql);
}

static void test_names(void **state) {
  (void)state;
  static const char max[] = "a23456789012345678901234567890123456789012345678901234567890123";
  assert_true(variable_name_valid("a", 1));
  assert_true(variable_name_valid("_1", 2));
  assert_true(variable_name_valid(max, 63));
  assert_false(variable_name_valid("", 0));
  assert_false(variable_name_valid("1a", 2));
  assert_false(variable_name_valid("A", 1));
  assert_false(variable_name_valid("a-b", 3));
  assert_false(variable_name_valid("a2345678901234567890123456789012345678901234567890123456789012"
                                   "34",
                                   64));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms),
      cmocka_unit_test(test_a_backslash_means_the_same_in_every_setting),
      cmocka_unit_test(test_text_stays_text),
      cmocka_unit_test(test_values_cannot_break_out),
      cmocka_unit_test(test_places_lead_back),
      cmocka_unit_test(test_secrets),
      cmocka_unit_test(test_a_secret_that_is_not_for_this_text),
      cmocka_unit_test(test_batch),
      cmocka_unit_test(test_what_is_wrong_without_values),
      cmocka_unit_test(test_what_has_no_value),
      cmocka_unit_test(test_a_statement_has_a_limit),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
