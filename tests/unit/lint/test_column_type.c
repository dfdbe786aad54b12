/* What a column was before its type is changed: read from the revision and from those before it. */
#include "probe.h"

#include "server/lint/column_type.h"

static bool keeps(const char *from, const char *to, bool utc) {
  struct arena a;
  struct words w;
  struct column_type was, is;
  size_t i = 0, k = 0;
  arena_init(&a, 0);
  words_read(DIALECT_POSTGRESQL, from, strlen(from), 0, &a, &w);
  assert_true(column_type_read(&w, &i, &a, &was));
  assert_int_equal(i, w.count);
  words_read(DIALECT_POSTGRESQL, to, strlen(to), 0, &a, &w);
  assert_true(column_type_read(&w, &k, &a, &is));
  bool answer = column_type_keeps_bytes(&was, &is, utc);
  arena_release(&a);
  return answer;
}

static void test_bytes(void **state) {
  (void)state;
  static const char *const same[][2] = {
      {"varchar(10)", "character varying(20)"},
      {"varchar(10)", "text"},
      {"pg_catalog.varchar", "text"},
      {"text", "varchar"},
      {"decimal(8, 2)", "numeric(10, 2)"},
      {"numeric(8)", "numeric(9, 0)"},
      {"numeric(8, 2)", "numeric"},
      {"timestamp(3)", "timestamp"},
      {"timestamp(3) with time zone", "timestamptz(6)"},
      {"cidr", "inet"},
      {"bigint", "bigint"},
      {"bit varying(3)", "varbit"},
  };
  static const char *const written[][2] = {
      {"varchar(20)", "varchar(10)"},
      {"text", "varchar(10)"},
      {"numeric(8, 2)", "numeric(8, 3)"},
      {"numeric", "numeric(8, 2)"},
      {"int", "bigint"},
      {"char(3)", "text"},
      {"int", "text"},
      {"timestamp", "timestamptz"},
      {"inet", "cidr"},
      {"timestamp(6)", "timestamp(3)"},
  };
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    if (!keeps(same[i][0], same[i][1], false))
      fail_msg("%s to %s", same[i][0], same[i][1]);
  for (size_t i = 0; i < sizeof written / sizeof *written; i++)
    if (keeps(written[i][0], written[i][1], false))
      fail_msg("%s to %s", written[i][0], written[i][1]);
  assert_true(keeps("timestamp", "timestamp with time zone", true));
  assert_true(keeps("timestamptz", "timestamp without time zone", true));
}

/* What the last of some revisions makes changing-column-type say; SEVERITY 0: nothing. */
static unsigned said(const char *const *bodies, size_t count) {
  struct probe p = {0};
  unsigned severity = 0;
  probe_catalog(&p, bodies, count);
  probe_run(&p, &probe_options);
  for (size_t i = 0; i < p.result.count; i++)
    if (strcmp(p.result.items[i].rule->name, "changing-column-type") == 0)
      severity = p.result.items[i].severity;
  probe_end(&p);
  return severity;
}

#define UP "-- migd:up on=postgresql\n"
#define SAID(...)                                                                                  \
  said((const char *const[]){__VA_ARGS__},                                                         \
       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_history(void **state) {
  (void)state;
  const char *const made =
      UP "CREATE TABLE s.a (id bigint, CONSTRAINT c CHECK (x(id, 1)), n varchar(9))";
  const char *const to_text = UP "ALTER TABLE s.a ALTER n TYPE text";
  assert_int_equal(SAID(to_text), SEVERITY_NOTE);
  assert_int_equal(SAID(made, to_text), 0);
  assert_int_equal(SAID(made, UP "ALTER TABLE s.a ALTER id SET DATA TYPE text"), SEVERITY_WARNING);
  assert_int_equal(SAID(made, UP "ALTER TABLE a ALTER COLUMN n TYPE text USING n::text"), 0);
  assert_int_equal(SAID(made, UP "ALTER TABLE a ALTER COLUMN n TYPE text USING lower(n)"),
                   SEVERITY_WARNING);
  assert_int_equal(SAID(made, UP "ALTER TABLE t.a ALTER n TYPE text"), SEVERITY_NOTE);
  assert_int_equal(SAID(made, UP "ALTER TABLE s.a ADD m int, ALTER n TYPE int USING 1", to_text),
                   SEVERITY_WARNING);
  assert_int_equal(
      SAID(made, UP "ALTER TABLE s.a RENAME n TO m; ALTER TABLE s.a RENAME id TO n", to_text),
      SEVERITY_WARNING);
  assert_int_equal(
      SAID(made, UP "ALTER TABLE s.a RENAME TO b", UP "ALTER TABLE s.b ALTER n TYPE text"), 0);
  assert_int_equal(SAID(made, UP "ALTER TABLE s.b RENAME TO a", to_text), SEVERITY_NOTE);
  assert_int_equal(SAID(UP "ALTER TABLE s.a ADD COLUMN IF NOT EXISTS n int[]", to_text),
                   SEVERITY_NOTE);
  assert_int_equal(SAID(UP "ALTER TABLE s.a ADD n varchar(9); ALTER TABLE s.a ALTER n TYPE text"),
                   0);
}

static void test_time_zone(void **state) {
  (void)state;
  const char *const made = UP "CREATE TABLE a (x timestamp)";
  assert_int_equal(SAID(made, UP "ALTER TABLE a ALTER x TYPE timestamptz"), SEVERITY_WARNING);
  assert_int_equal(
      SAID(made, UP "SET LOCAL timezone = 'UTC'; ALTER TABLE a ALTER x TYPE timestamptz USING x"),
      0);
  assert_int_equal(SAID(made, UP "SET TIME ZONE 'UTC'; ALTER TABLE a ALTER x TYPE timestamptz"), 0);
  assert_int_equal(
      SAID(made, UP "SET timezone = 'Europe/Rome'; ALTER TABLE a ALTER x TYPE timestamptz"),
      SEVERITY_WARNING);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bytes),
      cmocka_unit_test(test_history),
      cmocka_unit_test(test_time_zone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
