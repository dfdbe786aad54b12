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
  expect("{\"a\": \"b\"}", "{\"x\": \"{\\\"a\\\": \\\"b\\\"}\"}", "{\"x\": \"(secret)\"}");
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

/* The first byte of a character is taken with the rest: "\xc3\xa9" is not "\xc5\xa9". */
static void test_characters_stay_whole(void **state) {
  (void)state;
  expect("\xc3\xa9"
         "abcdefgh",
         "x\xc5\xa9"
         "abcdefgh",
         "x(secret)");
  expect("abcdefg\xc3\xa9", "abcdefg\xc3\xa8!", "(secret)!");
}

static unsigned long next_random(unsigned long *seed) {
  *seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
  return *seed >> 33;
}

/* Of any secret, any part of eight bytes, however the rest looks. */
static void test_no_run_is_left(void **state) {
  (void)state;
  static const char letters[] = "ab'\"\\ \nX";
  unsigned long seed = 1;
  for (int round = 0; round < 20000; round++) {
    char value[40] = "", text[200] = "";
    const char *p = value;
    size_t len = 8 + next_random(&seed) % 30, from = next_random(&seed) % (len - 7);
    for (size_t i = 0; i < len; i++)
      value[i] = letters[next_random(&seed) % 8];
    size_t n = next_random(&seed) % 60;
    for (size_t i = 0; i < n; i++)
      text[i] = letters[next_random(&seed) % 8];
    memcpy(text + n, value + from, len - from);
    scrub(&(struct secrets){&p, 1}, text, sizeof text);
    for (size_t i = 0; i + 8 <= len; i++)
      assert_null(memmem(text, strlen(text), value + i, 8));
  }
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
      cmocka_unit_test(test_characters_stay_whole),
      cmocka_unit_test(test_no_run_is_left),
      cmocka_unit_test(test_what_was_cut),
      cmocka_unit_test(test_long_texts_are_cut),
      cmocka_unit_test(test_an_error_is_cleaned_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
