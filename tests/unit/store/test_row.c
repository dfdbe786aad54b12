/* Values of rows, lists as text, names. */
#include "fixture.h"

static void list_round_trip(void **state) {
  struct fixture *f = *state;
  const char *items[] = {"a", "", "two\nlines", "back\\slash", "\\n", "last\n"};
  const char **back;
  size_t count = sizeof items / sizeof *items, back_count;
  struct buf text BUF_SCOPED = BUF_INIT;
  list_write(&text, items, count);
  struct db_value v = db_textn(buf_str(&text), text.len);
  list_read(&f->arena, &v, &back, &back_count);
  assert_int_equal(back_count, count);
  for (size_t i = 0; i < count; i++)
    assert_string_equal(back[i], items[i]);
}

static void an_empty_list_is_not_a_missing_one(void **state) {
  struct fixture *f = *state;
  const char **items;
  size_t count = 9;
  struct db_value v = db_text("");
  list_read(&f->arena, &v, &items, &count);
  assert_non_null(items);
  assert_int_equal(count, 0);
  v = db_null();
  list_read(&f->arena, &v, &items, &count);
  assert_null(items);
}

static void counters_never_repeat(void **state) {
  struct fixture *f = *state;
  int64_t a = 0, b = 0;
  assert_ok(counter_next(f->db, "target", &a, &f->e));
  assert_ok(counter_next(f->db, "target", &b, &f->e));
  assert_int_equal(a, 1);
  assert_int_equal(b, 2);
  assert_err(counter_next(f->db, "nonsense", &a, &f->e), ERR_STORAGE);
  assert_int_equal(a, 1);
}

static void a_failing_statement_is_the_stores_trouble(void **state) {
  struct fixture *f = *state;
  int64_t out = 7;
  bool found = true;
  assert_err(row_int(f->db, "SELECT absent FROM nowhere", NO_PARAMS, &out, &found, &f->e),
             ERR_STORAGE);
  assert_int_equal(out, 7);
  assert_in(f->e.text, "nowhere");
  assert_ok(
      row_int(f->db, "SELECT value FROM counter WHERE name = 'x'", NO_PARAMS, &out, &found, &f->e));
  assert_false(found);
  assert_int_equal(out, 7);
}

static void slugs(void **state) {
  (void)state;
  char long_name[65];
  memset(long_name, 'a', 64);
  long_name[64] = '\0';
  assert_false(slug_valid(long_name));
  assert_true(slug_valid(long_name + 1));
  assert_true(slug_valid("a.b-c_9"));
  assert_true(slug_valid("9"));
  static const char *const bad[] = {"", ".a", "-a", "_a", "A", "a/b", "a b", "a\n", "\xc3\xa4"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(slug_valid(bad[i]));
}

static void times_are_utc(void **state) {
  (void)state;
  char text[TIME_TEXT];
  assert_string_equal(time_text(INT64_C(1700000000123456), text), "2023-11-14 22:13:20 UTC");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(list_round_trip),
      TEST(an_empty_list_is_not_a_missing_one),
      TEST(counters_never_repeat),
      TEST(a_failing_statement_is_the_stores_trouble),
      TEST(slugs),
      TEST(times_are_utc),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
