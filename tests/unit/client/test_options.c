/* The command line's parser: every form of an option, and what is wrong said with what was meant.
 */
#include "client/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct option own[] = {
    {"target", 't', OPTION_LIST, "NAME", "a target", NULL},
    {"wait", 0, OPTION_VALUE, "DURATION", "how long", NULL},
    {"dry-run", 'n', OPTION_FLAG, NULL, "do nothing", NULL},
    {NULL},
};
static const struct option common[] = {
    {"output", 'o', OPTION_VALUE, "FORMAT", "format", "table|json"},
    {"verbose", 'v', OPTION_FLAG, NULL, "more", NULL},
    {NULL},
};

struct fixture {
  struct arena arena;
  struct options o;
  struct err e;
};

static int setup(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  arena_init(&f.arena, 0);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  arena_release(&((struct fixture *)*state)->arena);
  return 0;
}

#define PARSE(f, ...)                                                                              \
  options_parse(&(f)->o, &(f)->arena, own, common, (const char *const[]){__VA_ARGS__},             \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), &(f)->e)

static void options_come_in_every_form(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-ta", "head", "--target", "b", "--target=c", "-nv", "-ojson"), 0);
  assert_int_equal(options_count(&f->o, "target"), 3);
  assert_string_equal(options_nth(&f->o, "target", 0), "a");
  assert_string_equal(options_nth(&f->o, "target", 1), "b");
  assert_string_equal(options_value(&f->o, "target"), "c");
  assert_null(options_nth(&f->o, "target", 3));
  assert_true(options_has(&f->o, "dry-run"));
  assert_true(options_has(&f->o, "verbose"));
  assert_string_equal(options_value(&f->o, "output"), "json");
  assert_int_equal(f->o.argument_count, 1);
  assert_string_equal(f->o.arguments[0], "head");
  assert_null(f->o.arguments[1]);
}

static void relative_revisions_are_arguments(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-1", "+2", "-"), 0);
  assert_int_equal(f->o.argument_count, 3);
  assert_string_equal(f->o.arguments[0], "-1");
}

static void two_dashes_end_the_options(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--", "-t", "--dry-run"), 0);
  assert_int_equal(f->o.given_count, 0);
  assert_int_equal(f->o.argument_count, 2);
}

static void a_value_may_look_like_an_option(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-t", "-n", "--wait="), 0);
  assert_string_equal(options_value(&f->o, "target"), "-n");
  assert_string_equal(options_value(&f->o, "wait"), "");
  assert_false(options_has(&f->o, "dry-run"));
}

static void unknown_options_get_the_nearest(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--dry-rnu"), -1);
  assert_int_equal(f->e.kind, ERR_INPUT);
  assert_string_equal(f->e.text, "unknown option --dry-rnu");
  assert_string_equal(f->e.hint, "did you mean --dry-run?");
  assert_int_equal(PARSE(f, "--verb=1"), -1);
  assert_string_equal(f->e.text, "unknown option --verb");
  assert_string_equal(f->e.hint, "did you mean --verbose?");
  assert_int_equal(PARSE(f, "-x"), -1);
  assert_string_equal(f->e.text, "unknown option -x");
  assert_int_equal(PARSE(f, "--=x"), -1);
}

static void missing_and_bad_values_are_told(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--wait"), -1);
  assert_non_null(strstr(f->e.text, "--wait needs a value"));
  assert_int_equal(PARSE(f, "-t"), -1);
  assert_int_equal(PARSE(f, "--dry-run=yes"), -1);
  assert_non_null(strstr(f->e.text, "takes no value"));
  assert_int_equal(PARSE(f, "-o", "js"), -1);
  assert_string_equal(f->e.text, "--output is one of table|json, not `js`");
}

static void a_word_finds_its_row(void **state) {
  (void)state;
  assert_ptr_equal(options_find(own, common, "--wait=3"), &own[1]);
  assert_ptr_equal(options_find(NULL, common, "-ojson"), &common[0]);
  assert_null(options_find(NULL, common, "--wait"));
  assert_null(options_find(own, common, "wait"));
  assert_null(options_find(own, common, "-"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(options_come_in_every_form, setup, teardown),
      cmocka_unit_test_setup_teardown(relative_revisions_are_arguments, setup, teardown),
      cmocka_unit_test_setup_teardown(two_dashes_end_the_options, setup, teardown),
      cmocka_unit_test_setup_teardown(a_value_may_look_like_an_option, setup, teardown),
      cmocka_unit_test_setup_teardown(unknown_options_get_the_nearest, setup, teardown),
      cmocka_unit_test_setup_teardown(missing_and_bad_values_are_told, setup, teardown),
      cmocka_unit_test_setup_teardown(a_word_finds_its_row, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
