/* Tables: aligned, cleaned, cut to a terminal, without columns that say nothing. */
#include "client/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const headings[] = {"NAME", ">N", "EMPTY", "NOTE", NULL};

static void fill(struct table *t, struct arena *a) {
  table_init(t, a, headings);
  table_add(t, PAINT_NONE, "%s", "a");
  table_add(t, PAINT_RED, "%d", 1);
  table_add(t, PAINT_NONE, "%s", "");
  table_add(t, PAINT_NONE, "%s", "");
  table_add(t, PAINT_NONE, "%s",
            "\xe6\x97\xa5\xe6\x9c\xac"
            "x");
  table_add(t, PAINT_NONE, "%d", 100);
  table_add(t, PAINT_NONE, "%s", "");
  table_add(t, PAINT_NONE, "%s", "a long note\033[2J");
}

static void check(bool color, size_t width, const char *text) {
  struct arena a;
  struct table t;
  struct buf b BUF_SCOPED = BUF_INIT;
  arena_init(&a, 0);
  fill(&t, &a);
  table_print(&t, &b, color, width);
  assert_string_equal(buf_str(&b), text);
  arena_release(&a);
}

static void columns_are_aligned(void **state) {
  (void)state;
  check(false, 0,
        "NAME     N  NOTE\n"
        "a        1\n"
        "\xe6\x97\xa5\xe6\x9c\xac"
        "x  100  a long note\\x1b[2J\n");
}

static void the_last_column_is_cut_to_the_terminal(void **state) {
  (void)state;
  check(false, 25,
        "NAME     N  NOTE\n"
        "a        1\n"
        "\xe6\x97\xa5\xe6\x9c\xac"
        "x  100  a long note\\\xe2\x80\xa6\n");
}

static void colours_do_not_shift_columns(void **state) {
  (void)state;
  check(true, 0,
        "\033[1mNAME\033[0m     \033[1mN\033[0m  \033[1mNOTE\033[0m\n"
        "a        \033[31m1\033[0m\n"
        "\xe6\x97\xa5\xe6\x9c\xac"
        "x  100  a long note\\x1b[2J\n");
}

static void without_rows_there_is_nothing(void **state) {
  (void)state;
  struct arena a;
  struct table t;
  struct buf b BUF_SCOPED = BUF_INIT;
  arena_init(&a, 0);
  table_init(&t, &a, headings);
  table_print(&t, &b, false, 0);
  assert_string_equal(buf_str(&b), "");
  arena_release(&a);
}

static void many_rows_keep_their_cells(void **state) {
  (void)state;
  static const char *const one[] = {"N", NULL};
  struct arena a;
  struct table t;
  struct buf b BUF_SCOPED = BUF_INIT;
  arena_init(&a, 0);
  table_init(&t, &a, one);
  for (int i = 0; i < 1000; i++)
    table_add(&t, PAINT_NONE, "%d", i);
  table_print(&t, &b, false, 0);
  assert_non_null(strstr(buf_str(&b), "N\n0\n1\n"));
  assert_non_null(strstr(buf_str(&b), "\n999\n"));
  arena_release(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_are_aligned),
      cmocka_unit_test(the_last_column_is_cut_to_the_terminal),
      cmocka_unit_test(colours_do_not_shift_columns),
      cmocka_unit_test(without_rows_there_is_nothing),
      cmocka_unit_test(many_rows_keep_their_cells),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
