/* Findings as people and code hosts read them: place, carets, reasons; what was ignored; SARIF with
 * columns in characters.
 */
#include "client/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/words.h"

/* protobuf-c wants char *, and does not write to it. */
static char *text(const char *s) {
  union {
    const char *in;
    char *out;
  } u = {.in = s};
  return u.out;
}

static Migd__V1__Finding finding(void) {
  Migd__V1__Finding f = MIGD__V1__FINDING__INIT;
  f.rule = text("adding-index");
  f.severity = MIGD__V1__SEVERITY__SEVERITY_WARNING;
  f.revision = text("0002");
  f.file = text("0002_index.sql");
  f.line = 6;
  f.column = 14;
  f.length = 5;
  f.message = text("writes to t wait");
  f.help = text("CONCURRENTLY");
  f.source_line = text("CREATE INDEX t_a_i ON t (a);");
  f.rows = -1;
  return f;
}

static void expect(const Migd__V1__Finding *f, const char *folder, const char *expected) {
  struct buf b BUF_SCOPED = BUF_INIT;
  finding_add(&b, folder, f, false);
  assert_string_equal(buf_str(&b), expected);
}

static void place_line_and_carets(void **state) {
  (void)state;
  Migd__V1__Finding f = finding();
  expect(&f, "db",
         "db/0002_index.sql:6:14: warning: writes to t wait [adding-index]\n"
         "  6 | CREATE INDEX t_a_i ON t (a);\n"
         "    |              ^~~~~\n"
         "  instead: CONCURRENTLY\n");
}

static void a_plan_says_how_large_the_table_is(void **state) {
  (void)state;
  Migd__V1__Finding f = finding();
  f.table = text("t");
  f.rows = 40000000;
  f.source_line = text("");
  expect(&f, "",
         "0002_index.sql:6:14: warning: writes to t wait (t has about 40,000,000 rows here) "
         "[adding-index]\n  instead: CONCURRENTLY\n");
  f.severity = MIGD__V1__SEVERITY__SEVERITY_NOTE;
  f.rows = 1;
  expect(&f, "",
         "0002_index.sql:6:14: note: writes to t wait (t has about 1 row here: no danger) "
         "[adding-index]\n  instead: CONCURRENTLY\n");
}

static void what_is_ignored_says_why(void **state) {
  (void)state;
  Migd__V1__Finding f = finding();
  f.ignored = text("the table is empty");
  f.source_line = text("");
  expect(&f, "db/",
         "db/0002_index.sql:6:14: warning: writes to t wait [adding-index]\n"
         "  ignored: the table is empty\n");
}

static void nothing_steers_a_terminal(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  Migd__V1__Finding f = finding();
  f.message = f.file = f.rule = f.source_line = f.help = text("\033[2J");
  finding_add(&b, "db", &f, false);
  assert_null(strchr(buf_str(&b), '\033'));
}

static const char *text_at(json_t *root, const char *a, const char *b) {
  return json_string_value(json_object_get(json_object_get(root, a), b));
}

static void a_sarif_log_has_rules_and_regions(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  Migd__V1__Finding one = finding(), two = finding();
  Migd__V1__Finding *both[] = {&one, &two};
  Migd__V1__LintRule used = MIGD__V1__LINT_RULE__INIT, other = MIGD__V1__LINT_RULE__INIT;
  Migd__V1__LintRule *rules[] = {&other, &used};
  Migd__V1__ListLintRulesResponse all = MIGD__V1__LIST_LINT_RULES_RESPONSE__INIT;
  used.name = text("adding-index");
  other.name = text("another");
  all.rules = rules;
  all.n_rules = 2;
  one.source_line = text("SELECT 'äöü', x;"); /* two bytes each */
  one.column = 18;
  one.length = 1;
  two.ignored = text("because");
  findings_sarif(&b, "./my db", both, 2, &all);
  json_t *log = json_loads(buf_str(&b), 0, NULL);
  assert_non_null(log);
  assert_string_equal(json_string_value(json_object_get(log, "version")), "2.1.0");
  json_t *run = json_array_get(json_object_get(log, "runs"), 0);
  json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
  assert_int_equal(json_array_size(json_object_get(driver, "rules")), 1);
  json_t *results = json_object_get(run, "results");
  assert_int_equal(json_array_size(results), 2);
  json_t *first = json_array_get(results, 0);
  json_t *place =
      json_object_get(json_array_get(json_object_get(first, "locations"), 0), "physicalLocation");
  assert_string_equal(text_at(place, "artifactLocation", "uri"), "my%20db/0002_index.sql");
  json_t *region = json_object_get(place, "region");
  assert_int_equal(json_integer_value(json_object_get(region, "startLine")), 6);
  assert_int_equal(json_integer_value(json_object_get(region, "startColumn")), 15);
  assert_int_equal(json_integer_value(json_object_get(region, "endColumn")), 16);
  assert_null(json_object_get(first, "suppressions"));
  json_t *silenced = json_object_get(json_array_get(results, 1), "suppressions");
  assert_string_equal(
      json_string_value(json_object_get(json_array_get(silenced, 0), "justification")), "because");
  json_decref(log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(place_line_and_carets),
      cmocka_unit_test(a_plan_says_how_large_the_table_is),
      cmocka_unit_test(what_is_ignored_says_why),
      cmocka_unit_test(nothing_steers_a_terminal),
      cmocka_unit_test(a_sarif_log_has_rules_and_regions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
