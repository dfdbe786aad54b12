/* The list of commands: every row is complete, every name finds its row, and what is generated from
 * the rows names them all.
 */
#include "client/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/help.h"

static void check_options(const struct command *c, const struct option *rows) {
  for (; rows && rows->name; rows++) {
    assert_non_null(rows->help);
    assert_true((rows->kind == OPTION_FLAG) == (rows->value == NULL));
    assert_null(strchr(rows->name, '='));
    const struct option *common = command_common(c);
    for (; rows != common && common->name; common++) {
      assert_string_not_equal(common->name, rows->name);
      assert_true(rows->letter == 0 || rows->letter != common->letter);
    }
  }
}

static void rows_are_complete(void **state) {
  (void)state;
  for (const struct command *const *c = commands; *c; c++) {
    assert_non_null((*c)->run);
    assert_non_null((*c)->arguments);
    assert_non_null((*c)->example);
    assert_true((*c)->min_arguments <= (*c)->max_arguments);
    assert_true(((*c)->max_arguments == 0) == ((*c)->arguments[0] == 0));
    assert_int_not_equal((*c)->summary[strlen((*c)->summary) - 1], '.');
    assert_non_null(strstr((*c)->example, (*c)->name));
    check_options(*c, (*c)->options);
  }
}

static void every_name_finds_its_row(void **state) {
  (void)state;
  for (const struct command *const *c = commands; *c; c++) {
    char name[64];
    const char *words[3];
    size_t count = 0, used;
    struct err e;
    snprintf(name, sizeof name, "%s", (*c)->name);
    for (char *w = strtok(name, " "); w; w = strtok(NULL, " "))
      words[count++] = w;
    words[count] = "more";
    assert_ptr_equal(command_find(words, count + 1, &used, &e), *c);
    assert_int_equal(used, count);
  }
}

static void expect_unknown(const char *first, const char *second, const char *text,
                           const char *hint) {
  const char *words[] = {first, second};
  struct err e;
  size_t used;
  err_clear(&e);
  assert_null(command_find(words, second ? 2 : 1, &used, &e));
  assert_int_equal(e.kind, ERR_INPUT);
  assert_string_equal(e.text, text);
  assert_string_equal(e.hint, hint);
}

static void slips_are_answered_with_what_was_meant(void **state) {
  (void)state;
  expect_unknown("stauts", NULL, "unknown command `stauts`", "did you mean `migctl status`?");
  expect_unknown("run", "wach", "unknown command `run wach`", "did you mean `migctl run watch`?");
  expect_unknown("run", NULL, "`migctl run` needs one of: list, show, watch, cancel, resume", "");
  expect_unknown("targets", NULL, "unknown command `targets`",
                 "`migctl target` has: add, set, list, show, remove");
  expect_unknown("xyzzy", NULL, "unknown command `xyzzy`", "`migctl help` lists the commands");
}

static void help_man_and_completion_name_every_command(void **state) {
  (void)state;
  struct buf help BUF_SCOPED = BUF_INIT, man BUF_SCOPED = BUF_INIT, fish BUF_SCOPED = BUF_INIT;
  help_overview(&help, false);
  man_page(&man, NULL);
  assert_int_equal(completion_script(&fish, "fish"), 0);
  assert_int_equal(completion_script(&fish, "tcsh"), -1);
  for (const struct command *const *c = commands; *c; c++) {
    struct buf page BUF_SCOPED = BUF_INIT;
    help_command(&page, *c, false);
    char first[160];
    snprintf(first, sizeof first, "  %.*s\n", (int)strcspn((*c)->example, "\n"), (*c)->example);
    assert_non_null(strstr(buf_str(&page), first));
    assert_int_equal(strstr(buf_str(&help), (*c)->summary) == NULL && strlen((*c)->summary) < 58 &&
                         !(*c)->hidden,
                     0);
    if (!(*c)->hidden)
      assert_non_null(strstr(buf_str(&man), (*c)->name));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_complete),
      cmocka_unit_test(every_name_finds_its_row),
      cmocka_unit_test(slips_are_answered_with_what_was_meant),
      cmocka_unit_test(help_man_and_completion_name_every_command),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
