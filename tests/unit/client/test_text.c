/* Foreign text on a terminal: nothing of it steers, and its width is known. */
#include "client/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *from, size_t len, bool lines, const char *to) {
  struct buf b BUF_SCOPED = BUF_INIT;
  text_clean(&b, from, len, lines);
  assert_string_equal(buf_str(&b), to);
}
#define CLEAN(from, lines, to) expect(from, sizeof(from) - 1, lines, to)

static void controls_are_written_out(void **state) {
  (void)state;
  CLEAN("\033]0;owned\007", false, "\\x1b]0;owned\\x07");
  CLEAN("a\0b", false, "a\\x00b");
  CLEAN("a\rb\x7f", false, "a\\x0db\\x7f");
  CLEAN("\xc2\x9b"
        "31m",
        false, "\\x9b31m"); /* CSI as one character */
  CLEAN("\xe2\x80\xae"
        "txt",
        false, "\\u202etxt"); /* right-to-left override */
  CLEAN("\xe2\x81\xa6"
        "x\xe2\x80\x8b",
        false, "\\u2066x\\u200b");
}

static void bytes_that_are_no_utf8_are_written_out(void **state) {
  (void)state;
  CLEAN("\xff\xc3", false, "\\xff\\xc3");
  CLEAN("\xc0\xaf", false, "\\xc0\\xaf"); /* overlong */
  CLEAN("\xed\xa0\x80", false, "\\xed\\xa0\\x80");
}

static void good_text_stays(void **state) {
  (void)state;
  CLEAN("gr\xc3\xbc\xc3\x9f dich \xe6\x97\xa5", false, "gr\xc3\xbc\xc3\x9f dich \xe6\x97\xa5");
}

static void lines_stay_where_they_are_wanted(void **state) {
  (void)state;
  CLEAN("a\n\tb", true, "a\n\tb");
  CLEAN("a\r\nb\r", true, "a\nb\\x0d");
  CLEAN("a\n\tb", false, "a\\x0a b");
}

static void width_counts_columns(void **state) {
  (void)state;
  assert_int_equal(text_width("abc", 3), 3);
  assert_int_equal(text_width("\xc3\xa4", 2), 1);
  assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac", 6), 4);
  assert_int_equal(text_width("e\xcc\x81", 3), 1); /* e and a combining acute */
}

static void fitting_never_cuts_a_character(void **state) {
  (void)state;
  assert_int_equal(text_fit("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3);
  assert_int_equal(text_fit("\xc3\xa4\xc3\xa4", 4, 1), 2);
  assert_int_equal(text_fit("abc", 3, 99), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(controls_are_written_out),
      cmocka_unit_test(bytes_that_are_no_utf8_are_written_out),
      cmocka_unit_test(good_text_stays),
      cmocka_unit_test(lines_stay_where_they_are_wanted),
      cmocka_unit_test(width_counts_columns),
      cmocka_unit_test(fitting_never_cuts_a_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
