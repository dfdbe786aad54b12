/* Tests what is taken out of texts: secrets as a database may write them, and nothing else. */
#include "server/base/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void expect(const char *value, const char *text, const char *clean) {
  char field[320];
  snprintf(field, sizeof field, "%s", text);
  scrub(&(struct secrets){&value, 1}, field, sizeof field);
  if (strcmp(field, clean))
    fail_msg("of \"%s\" in \"%s\" came \"%s\", not \"%s\"", value, text, field, clean);
}

static void test_wherever_it_stands(void **state) {
  (void)state;
  expect("correct horse", "correct horse", "(secret)");
  expect("correct horse", "a \"correct horse\" b: correct horse", "a \"(secret)\" b: (secret)");
  expect("correct horse", "nothing of it", "nothing of it");
  expect("correct horse", "", "");
  expect("hunter", "ahunterb", "a(secret)b");
  expect("hunter", "hunte r", "hunte r");
}

static void test_however_it_is_written(void **state) {
  (void)state;
  expect("it's a key", "near 'it''s a key'", "near '(secret)'");
  expect("a\"b\"c\"d\"e", "relation \"a\"\"b\"\"c\"\"d\"\"e\" is not",
         "relation \"(secret)\" is not");
  expect("a\\b'c\\d", "E'a\\\\b''c\\\\d'", "E'(secret)'");
  expect("CorrectHorse", "column correcthorse is not", "column (secret) is not");
  expect("one\ntwo\tthree", "(one two three)", "((secret))");
  expect("hunter2!", "\\x68756e7465723221", "\\x(secret)");
}

static void test_a_part_of_it(void **state) {
  (void)state;
  expect("abcdefghijklmnop", "value abcdefghij...", "value (secret)...");
  expect("abcdefghijklmnop", "value ...cdefghijkl...", "value ...(secret)...");
  expect("abcdefghijklmnop", "abcdefg", "abcdefg");
}

static void test_short_ones(void **state) {
  (void)state;
  expect("12", "line 12 of 120", "line (secret) of 120");
  expect("abc", "abcd abc", "abcd (secret)");
  expect("abcd", "xabcdx", "x(secret)x");
  expect("", "line 12", "line 12");
}

/* A field that is full was cut: a secret may go on behind its end. */
static void test_what_was_cut(void **state) {
  (void)state;
  const char *value = "correct horse";
  char field[32];
  strcpy(field, "invalid input syntax \"correct h");
  scrub(&(struct secrets){&value, 1}, field, sizeof field);
  assert_null(strstr(field, "corr"));
  strcpy(field, "invalid input of syntax: \"corre");
  assert_int_equal(strlen(field), 31);
  scrub(&(struct secrets){&value, 1}, field, sizeof field);
  assert_null(strstr(field, "corr"));
  strcpy(field, "short: corr");
  scrub(&(struct secrets){&value, 1}, field, sizeof field);
  assert_string_equal(field, "short: corr");
}

static void test_long_texts_are_cut(void **state) {
  (void)state;
  const char *value = "0123456789";
  char text[3 * SCRUB_MAX];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  memcpy(text + SCRUB_MAX - 5, value, 10);
  scrub(&(struct secrets){&value, 1}, text, sizeof text);
  assert_int_equal(strlen(text), SCRUB_MAX - 5 + strlen("(secret)"));
  assert_null(strstr(text, "01234"));
}

static void test_an_error_is_cleaned_whole(void **state) {
  (void)state;
  static const char *const values[] = {"first secret", "second secret"};
  const struct secrets s = {values, 2};
  struct err e;
  err_set(&e, ERR_MIGRATION, "bad: first secret");
  err_hint(&e, "not second secret");
  snprintf(e.detail, sizeof e.detail, "first secret, second secret");
  scrub_err(&s, &e);
  assert_string_equal(e.text, "bad: (secret)");
  assert_string_equal(e.hint, "not (secret)");
  assert_string_equal(e.detail, "(secret), (secret)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wherever_it_stands),
      cmocka_unit_test(test_however_it_is_written),
      cmocka_unit_test(test_a_part_of_it),
      cmocka_unit_test(test_short_ones),
      cmocka_unit_test(test_what_was_cut),
      cmocka_unit_test(test_long_texts_are_cut),
      cmocka_unit_test(test_an_error_is_cleaned_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
