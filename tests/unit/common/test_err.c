/* Tests errors: the table of kinds, and that texts always are one clean line that fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "proto/base/err.h"
#include "proto/base/utf8.h"

struct expected {
  enum err_kind kind;
  int grpc, exit_code;
  bool retryable;
};

static void test_rows(void **state) {
  (void)state;
  static const struct expected all[] = {
      {ERR_NONE, 0, 0, false},
      {ERR_INPUT, 3, 7, false},
      {ERR_NOT_FOUND, 5, 7, false},
      {ERR_EXISTS, 6, 7, false},
      {ERR_CONFLICT, 10, 7, false},
      {ERR_REFUSED, 9, 7, false},
      {ERR_LOCKED, 10, 4, true},
      {ERR_DENIED, 7, 5, false},
      {ERR_UNAUTHENTICATED, 16, 5, false},
      {ERR_UNREACHABLE, 14, 6, true},
      {ERR_TARGET, 14, 1, true},
      {ERR_MIGRATION, 9, 1, false},
      {ERR_IN_DOUBT, 2, 1, false},
      {ERR_CANCELLED, 1, 8, false},
      {ERR_DEADLINE, 4, 8, false},
      {ERR_BUSY, 8, 9, true},
      {ERR_STORAGE, 8, 9, true},
      {ERR_UNIMPLEMENTED, 12, 9, false},
      {ERR_INTERNAL, 13, 9, false},
  };
  assert_int_equal(sizeof all / sizeof all[0], ERR_KINDS);
  for (size_t i = 0; i < ERR_KINDS; i++) {
    const struct err_row *row = err_row(all[i].kind);
    assert_int_equal(row->grpc_status, all[i].grpc);
    assert_int_equal(row->exit_code, all[i].exit_code);
    assert_int_equal(row->retryable, all[i].retryable);
    assert_true(strlen(row->name) > 0);
  }
  assert_ptr_equal(err_row(ERR_KINDS), err_row(ERR_INTERNAL));
  assert_ptr_equal(err_row((enum err_kind) - 1), err_row(ERR_INTERNAL));
}

/* A status without details becomes a kind that has this status, wherever there is one. */
static void test_kinds_of_statuses(void **state) {
  (void)state;
  for (int status = 0; status <= 16; status++) {
    enum err_kind kind = err_kind_of_grpc(status);
    if (status == 2 || status == 11 || status == 15)
      assert_true(kind == ERR_INTERNAL || kind == ERR_INPUT);
    else
      assert_int_equal(err_row(kind)->grpc_status, status);
  }
  assert_int_equal(err_kind_of_grpc(14), ERR_UNREACHABLE);
  assert_int_equal(err_kind_of_grpc(10), ERR_CONFLICT);
  assert_int_equal(err_kind_of_grpc(-1), ERR_INTERNAL);
  assert_int_equal(err_kind_of_grpc(17), ERR_INTERNAL);
}

static void test_setting(void **state) {
  (void)state;
  struct err e;
  memset(&e, 'x', sizeof e);
  assert_int_equal(err_set(&e, ERR_NOT_FOUND, "target %s", "a"), -1);
  assert_int_equal(e.kind, ERR_NOT_FOUND);
  assert_string_equal(e.text, "target a");
  assert_int_equal(e.offset, -1);
  assert_int_equal(e.line, 0);
  assert_string_equal(e.hint, "");
  assert_string_equal(e.source, "");
  assert_int_equal(err_hint(&e, "try %d", 1), -1);
  assert_string_equal(e.hint, "try 1");
  assert_int_equal(err_in(&e, "in %s", "b"), -1);
  assert_string_equal(e.text, "in b: target a");
  assert_string_equal(e.hint, "try 1");
  assert_int_equal(err_errno(&e, ERR_STORAGE, ENOSPC, "writing"), -1);
  assert_int_equal(e.kind, ERR_STORAGE);
  assert_string_equal(e.text, "writing: No space left on device");
  assert_string_equal(e.hint, "");
  err_clear(&e);
  assert_int_equal(e.kind, ERR_NONE);
  assert_string_equal(e.text, "");
}

static void test_arguments_may_point_into_it(void **state) {
  (void)state;
  struct err e;
  (void)err_set(&e, ERR_INPUT, "a");
  (void)err_set(&e, ERR_REFUSED, "%s b", e.text);
  assert_string_equal(e.text, "a b");
  (void)err_in(&e, "%s", e.text);
  assert_string_equal(e.text, "a b: a b");
  (void)err_hint(&e, "%s", e.text);
  (void)err_errno(&e, ERR_REFUSED, 0, "%s", e.hint);
  assert_string_equal(e.text, "a b: a b: Success");
}

static void test_long_texts_are_cut(void **state) {
  (void)state;
  char text[4000];
  memset(text, 'y', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  struct err e;
  (void)err_set(&e, ERR_INPUT, "%s", text);
  assert_int_equal(strlen(e.text), sizeof e.text - 1);
  (void)err_in(&e, "context");
  assert_int_equal(strlen(e.text), sizeof e.text - 1);
  assert_memory_equal(e.text, "context: yyy", 12);
  (void)err_in(&e, "%s", text);
  assert_int_equal(strlen(e.text), sizeof e.text - 1);
  (void)err_errno(&e, ERR_INPUT, ENOENT, "%s", text);
  assert_int_equal(strlen(e.text), sizeof e.text - 1);
  (void)err_hint(&e, "%s", text);
  assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
}

static void test_cut_between_characters(void **state) {
  (void)state;
  for (size_t size = 1; size < 12; size++) {
    char field[16];
    err_copy(field, size,
             "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"
             "b",
             11);
    assert_true(strlen(field) < size);
    assert_true(utf8_valid(field, strlen(field)));
  }
  char field[5];
  err_copy(field, sizeof field, "a\xc3\xa4\xe2\x82\xac", 6);
  assert_string_equal(field, "a\xc3\xa4");
}

static void test_texts_are_clean(void **state) {
  (void)state;
  char field[64];
  static const char dirty[] = "a\nb\tc\x1b[1m\x7f\0d\xff\xc2\x9b"
                              "e\xc3";
  err_copy(field, sizeof field, dirty, sizeof dirty - 1);
  assert_string_equal(field, "a b c [1m  d?  e?");
  err_copy(field, sizeof field, "\xe2\x82", 2);
  assert_string_equal(field, "??");
  struct err e;
  (void)err_set(&e, ERR_INPUT, "a\n%s", "\x1b");
  assert_string_equal(e.text, "a  ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_kinds_of_statuses),
      cmocka_unit_test(test_setting),
      cmocka_unit_test(test_arguments_may_point_into_it),
      cmocka_unit_test(test_long_texts_are_cut),
      cmocka_unit_test(test_cut_between_characters),
      cmocka_unit_test(test_texts_are_clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
