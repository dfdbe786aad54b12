/* A catalog's folder: what is read of it, and what a server may write into it. */
#include "client/folder.h"
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
#include <fcntl.h>
#include <sys/stat.h>

struct fixture {
  struct arena arena;
  struct err e;
  char path[100];
};

static int setup(void **state) {
  static struct fixture f;
  const char *tmp = getenv("TMPDIR");
  memset(&f, 0, sizeof f);
  arena_init(&f.arena, 0);
  snprintf(f.path, sizeof f.path, "%.60s/migctl-folder-" TEMPORARY, tmp ? tmp : "/tmp");
  *state = &f;
  return mkdtemp(f.path) ? 0 : -1;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  char command[140];
  snprintf(command, sizeof command, "rm -r '%s'", f->path);
  arena_release(&f->arena);
  return system(command);
}

static char *at(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "%s/%s", f->path, name);
}

static void put(struct fixture *f, const char *name, const char *text) {
  FILE *file = fopen(at(f, name), "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void sql_files_are_listed_in_order(void **state) {
  struct fixture *f = *state;
  struct folder folder;
  put(f, "b.sql", "");
  put(f, "a.sql", "");
  put(f, "c.sql", "");
  put(f, ".hidden.sql", "");
  put(f, "README.md", "");
  assert_int_equal(folder_list(&folder, &f->arena, f->path, &f->e), 0);
  assert_int_equal(folder.file_count, 3);
  assert_string_equal(folder.files[0], "a.sql");
  assert_string_equal(folder.files[2], "c.sql");
  assert_int_equal(folder.ignored_count, 1);
  assert_int_equal(folder_list(&folder, &f->arena, "/no/such", &f->e), -1);
}

static void pipes_and_folders_are_no_revisions(void **state) {
  struct fixture *f = *state;
  struct folder folder = {.path = f->path};
  assert_int_equal(mkfifo(at(f, "p.sql"), 0600), 0);
  assert_int_equal(mkdir(at(f, "d.sql"), 0700), 0);
  assert_int_equal(folder_open(&folder, "p.sql", &f->e), -1);
  assert_int_equal(folder_open(&folder, "d.sql", &f->e), -1);
  assert_int_equal(folder_open(&folder, "none.sql", &f->e), -1);
}

static void a_server_cannot_name_what_it_likes(void **state) {
  struct fixture *f = *state;
  struct folder_file file = {0};
  static const char *const bad[] = {"../x.sql", "a/b.sql", ".x.sql", "x", ".sql", "", "x.sh"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(folder_create(&file, &f->arena, f->path, bad[i], &f->e), -1);
  assert_true(folder_name_ok("20260101_x.sql"));
}

static int receive(struct fixture *f, const char *text, bool force) {
  struct folder_file file = {0};
  assert_int_equal(folder_create(&file, &f->arena, f->path, "x.sql", &f->e), 0);
  assert_int_equal(folder_write(&file, (const uint8_t *)text, strlen(text), &f->e), 0);
  int rc = folder_keep(&file, force, &f->e);
  folder_drop(&file);
  return rc;
}

static void files_are_replaced_only_by_force(void **state) {
  struct fixture *f = *state;
  struct folder folder;
  assert_int_equal(receive(f, "one", false), 1);
  assert_int_equal(receive(f, "one", false), 0);
  assert_int_equal(receive(f, "two", false), -1);
  assert_int_equal(f->e.kind, ERR_EXISTS);
  assert_int_equal(receive(f, "two", true), 1);
  assert_int_equal(receive(f, "two", false), 0);
  assert_int_equal(folder_list(&folder, &f->arena, f->path, &f->e), 0);
  assert_int_equal(folder.file_count, 1); /* and no partial file is left */
  assert_int_equal(access(at(f, ".x.sql.part"), F_OK), -1);
}

static void a_link_is_not_followed(void **state) {
  struct fixture *f = *state;
  put(f, "victim", "precious");
  assert_int_equal(symlink(at(f, "victim"), at(f, "x.sql")), 0);
  assert_int_equal(receive(f, "evil", false), -1);
  assert_int_equal(receive(f, "evil", true), 1);
  FILE *file = fopen(at(f, "victim"), "r");
  char text[20] = "";
  assert_non_null(fgets(text, sizeof text, file));
  fclose(file);
  assert_string_equal(text, "precious");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(sql_files_are_listed_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(pipes_and_folders_are_no_revisions, setup, teardown),
      cmocka_unit_test_setup_teardown(a_server_cannot_name_what_it_likes, setup, teardown),
      cmocka_unit_test_setup_teardown(files_are_replaced_only_by_force, setup, teardown),
      cmocka_unit_test_setup_teardown(a_link_is_not_followed, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
