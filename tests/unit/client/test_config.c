/* Settings: flags before variables before the file; what is wrong in the file is told with its
 * place. */
#include "client/config.h"
#include "proto/base/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct option options[] = {
    {"server", 0, OPTION_VALUE, "X", "x", NULL},
    {"profile", 0, OPTION_VALUE, "X", "x", NULL},
    {NULL},
};

struct fixture {
  struct arena arena;
  struct config c;
  struct err e;
  char folder[64], file[80];
};

static int setup(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  arena_init(&f.arena, 0);
  snprintf(f.folder, sizeof f.folder, "%s", "/tmp/migctl-config-" TEMPORARY);
  const char *tmp = getenv("TMPDIR");
  if (tmp && strlen(tmp) < 40)
    snprintf(f.folder, sizeof f.folder, "%s/migctl-config-" TEMPORARY, tmp);
  if (!mkdtemp(f.folder))
    return -1;
  snprintf(f.file, sizeof f.file, "%s/config", f.folder);
  for (size_t i = 0; i < SETTINGS; i++) {
    char name[40] = "MIGCTL_";
    for (const char *at = setting_names[i]; *at; at++)
      strncat(name, (char[]){(char)(*at - 'a' + 'A'), 0}, 2);
    unsetenv(name);
  }
  unsetenv("MIGCTL_PROFILE");
  setenv("MIGCTL_CONFIG", f.file, 1);
  setenv("HOME", f.folder, 1);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  unlink(f->file);
  rmdir(f->folder);
  arena_release(&f->arena);
  return 0;
}

static void put(const struct fixture *f, const char *text) {
  FILE *file = fopen(f->file, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int load(struct fixture *f, const char *option, const char *value) {
  struct options o;
  const char *words[] = {option, value};
  assert_int_equal(options_parse(&o, &f->arena, options, NULL, words, option ? 2 : 0, &f->e), 0);
  return config_load(&f->c, &f->arena, &o, &f->e);
}

static void flags_go_before_variables_before_the_file(void **state) {
  struct fixture *f = *state;
  put(f, "[default]\nserver = file:1\n");
  assert_int_equal(load(f, NULL, NULL), 0);
  assert_string_equal(f->c.value[SETTING_SERVER], "file:1");
  setenv("MIGCTL_SERVER", "variable:1", 1);
  assert_int_equal(load(f, NULL, NULL), 0);
  assert_string_equal(f->c.value[SETTING_SERVER], "variable:1");
  assert_int_equal(load(f, "--server", "flag:1"), 0);
  assert_string_equal(f->c.value[SETTING_SERVER], "flag:1");
  unsetenv("MIGCTL_SERVER");
}

static void paths_are_relative_to_the_file(void **state) {
  struct fixture *f = *state;
  char expected[200];
  put(f, "[default]\nca = pki/ca.crt\ncert = /abs/c.crt\nkey = ~/k.key\n");
  assert_int_equal(load(f, NULL, NULL), 0);
  snprintf(expected, sizeof expected, "%s/pki/ca.crt", f->folder);
  assert_string_equal(f->c.value[SETTING_CA], expected);
  assert_string_equal(f->c.value[SETTING_CERT], "/abs/c.crt");
  snprintf(expected, sizeof expected, "%s/k.key", f->folder);
  assert_string_equal(f->c.value[SETTING_KEY], expected);
}

static void profiles_are_sections(void **state) {
  struct fixture *f = *state;
  put(f, "; comment\n[default]\nserver = a\n[prod]\nserver = b\n");
  assert_int_equal(load(f, "--profile", "prod"), 0);
  assert_string_equal(f->c.value[SETTING_SERVER], "b");
  setenv("MIGCTL_PROFILE", "prod", 1);
  assert_int_equal(load(f, NULL, NULL), 0);
  assert_string_equal(f->c.value[SETTING_SERVER], "b");
  unsetenv("MIGCTL_PROFILE");
  assert_int_equal(load(f, "--profile", "nope"), -1);
  assert_non_null(strstr(f->e.text, "has no profile [nope]"));
}

static void what_is_wrong_in_the_file_is_told(void **state) {
  struct fixture *f = *state;
  put(f, "[default]\nsever = a\n");
  assert_int_equal(load(f, NULL, NULL), -1);
  assert_non_null(strstr(f->e.text, "unknown setting `sever`"));
  assert_string_equal(f->e.hint, "did you mean `server`?");
  put(f, "[default]\nserver\n");
  assert_int_equal(load(f, NULL, NULL), -1);
  assert_non_null(strstr(f->e.text, ":2:"));
  char line[400];
  memset(line, 'x', sizeof line);
  memcpy(line, "[default]\nca = ", 15);
  line[399] = 0;
  put(f, line);
  assert_int_equal(load(f, NULL, NULL), -1);
  assert_non_null(strstr(f->e.text, "longer than"));
}

static void a_named_file_must_be_there_the_usual_one_need_not(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load(f, NULL, NULL), -1);
  assert_int_equal(f->e.kind, ERR_INPUT);
  unsetenv("MIGCTL_CONFIG");
  unsetenv("XDG_CONFIG_HOME");
  assert_int_equal(load(f, NULL, NULL), 0);
  assert_null(f->c.value[SETTING_SERVER]);
  assert_null(config_need(&f->c, SETTING_SERVER, &f->e));
  assert_non_null(strstr(f->e.hint, "MIGCTL_SERVER"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(flags_go_before_variables_before_the_file, setup, teardown),
      cmocka_unit_test_setup_teardown(paths_are_relative_to_the_file, setup, teardown),
      cmocka_unit_test_setup_teardown(profiles_are_sections, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_wrong_in_the_file_is_told, setup, teardown),
      cmocka_unit_test_setup_teardown(a_named_file_must_be_there_the_usual_one_need_not, setup,
                                      teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
