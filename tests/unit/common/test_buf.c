/* Tests the growing string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"

static void test_adding(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  assert_string_equal(buf_str(&b), "");
  buf_add(&b, NULL, 0);
  assert_string_equal(buf_str(&b), "");
  buf_adds(&b, "ab");
  buf_addc(&b, '\0');
  buf_add(&b, "cd", 2);
  buf_addf(&b, "%03d", 7);
  assert_int_equal(b.len, 8);
  assert_memory_equal(b.s, "ab\0cd007", 9);
  buf_clear(&b);
  assert_int_equal(b.len, 0);
  assert_string_equal(buf_str(&b), "");
  assert_true(b.cap > 0);
}

static void test_growing(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < 100000; i++) {
    buf_addc(&b, (char)('a' + i % 26));
    assert_int_equal(b.s[b.len], '\0');
    assert_true(b.len < b.cap);
  }
  for (int i = 0; i < 100000; i++)
    assert_int_equal(b.s[i], 'a' + i % 26);
  buf_addf(&b, "%70000s", "x");
  assert_int_equal(b.len, 170000);
}

static void test_reserving(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_reserve(&b, 100);
  assert_true(b.cap > 100);
  assert_string_equal(b.s, "");
  char *before = b.s;
  buf_addf(&b, "%100s", "x");
  assert_ptr_equal(b.s, before);
}

static void test_stealing(void **state) {
  (void)state;
  struct buf b = BUF_INIT;
  char *s = buf_steal(&b);
  assert_string_equal(s, "");
  free(s);
  buf_adds(&b, "abc");
  s = buf_steal(&b);
  assert_string_equal(s, "abc");
  assert_null(b.s);
  free(s);
  buf_release(&b);
  buf_release(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adding),
      cmocka_unit_test(test_growing),
      cmocka_unit_test(test_reserving),
      cmocka_unit_test(test_stealing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
