/* Where a target is: what becomes of a URL, a schema and a CA. */
#include "server/rpc/where.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define U "postgresql://u@h/x"

static struct arena arena;

static int setup(void **state) {
  (void)state;
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

static struct db_url parse(const char *text) {
  struct db_url url;
  struct err e;
  if (db_url_parse(text, &url, &e) < 0)
    fail_msg("%s: %s", text, e.text);
  return url;
}

static void a_schema_goes_into_the_url(void **state) {
  const char *url = "before";
  struct err e;
  (void)state;
  assert_int_equal(where_schema(&url, U, "", &arena, &e), 0);
  assert_string_equal(url, U);
  assert_int_equal(where_schema(&url, U "?sslmode=disable", "tenant 42,public", &arena, &e), 0);
  assert_string_equal(url, U "?sslmode=disable&schema=tenant%2042,public");
  assert_int_equal(where_schema(&url, U "?schema=a", "b", &arena, &e), -1);
  assert_non_null(strstr(e.text, "twice"));
  assert_int_equal(where_schema(&url, "sqlite:/a.db", "b", &arena, &e), -1);
  assert_non_null(strstr(e.text, "SQLite"));
}

static void a_target_moves(void **state) {
  static const struct {
    const char *url, *new_url, *schema, *then;
  } rows[] = {
      {U, "", "", U},
      {U "?schema=a", "", "", U "?schema=a"},
      {U "?schema=a", "", "b", U "?schema=b"},
      {U, "", "b", U "?schema=b"},
      {U "?schema=a,public", U "?sslmode=disable", "", U "?sslmode=disable&schema=a,public"},
      {U "?schema=a%2Cb,c", U "?sslmode=disable", "", U "?sslmode=disable&schema=a%2Cb,c"},
      {U "?sslmode=disable&schema=a%2Cb&connect_timeout=3", U, "", U "?schema=a%2Cb"},
      {U "?schema=a", U "?schema=b", "", U "?schema=b"},
      {U "?schema=a", U "?sslmode=disable", "b", U "?sslmode=disable&schema=b"},
      {U "?schema=a", U "?schema=b", "c", NULL},
      {U "?schema=a", "nonsense", "", NULL},
      {"sqlite:/a.db", "", "b", NULL},
      {"sqlite:/a.db", "sqlite:/b.db", "b", NULL},
      {"sqlite:/a.db", "sqlite:/b.db", "", "sqlite:/b.db"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *url = rows[i].url;
    struct err e;
    int rc = where_move(&url, rows[i].new_url, rows[i].schema, &arena, &e);
    assert_int_equal(rc, rows[i].then ? 0 : -1);
    assert_string_equal(url, rows[i].then ? rows[i].then : rows[i].url);
  }
}

static void a_password_is_a_databases(void **state) {
  (void)state;
  struct db_url a = parse(U "?schema=a"), b = parse(U "?schema=b"), whole = parse(U);
  struct db_url other = parse(U "y?schema=a"), longer = parse("postgresql://u@h/xx");
  assert_true(where_same_database(&a, &b));
  assert_true(where_same_database(&a, &whole));
  assert_false(where_same_database(&a, &other));
  assert_false(where_same_database(&whole, &longer));
}

static void a_ca_must_be_of_use(void **state) {
  struct err e;
  (void)state;
  struct db_url full = parse(U), some = parse(U "?sslmode=require");
  struct db_url lite = parse("sqlite:/a.db"), twice = parse(U "?sslrootcert=/a");
  assert_int_equal(where_check_ca("", &lite, &e), 0);
  assert_int_equal(where_check_ca("x", &lite, &e), -1);
  assert_int_equal(where_check_ca("x", &some, &e), -1);
  assert_non_null(strstr(e.text, "sslmode=require"));
  assert_int_equal(where_check_ca("x", &twice, &e), -1);
  assert_non_null(strstr(e.text, "twice"));
  assert_int_equal(where_check_ca("x", &full, &e), -1);
  assert_non_null(strstr(e.text, "no certificate"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_schema_goes_into_the_url),
      cmocka_unit_test(a_target_moves),
      cmocka_unit_test(a_password_is_a_databases),
      cmocka_unit_test(a_ca_must_be_of_use),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
