/* The import of other tools' migrations: what the files say, what is refused, and that nothing is
 * lost. */
#include "client/import.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/buf.h"

struct fixture {
  char root[200];
  struct arena arena;
  struct import im;
  struct err e;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  snprintf(f->root, sizeof f->root, "%s/migd-import.XXXXXX", tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(f->root));
  arena_init(&f->arena, 0);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  char command[300];
  snprintf(command, sizeof command, "rm -rf -- '%s'", f->root);
  int rc = system(command);
  arena_release(&f->arena);
  free(f);
  return rc;
}

static const char *path(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "%s/%s", f->root, name);
}

/* Makes a file and the folders above it. */
static void put_bytes(struct fixture *f, const char *name, const void *bytes, size_t len) {
  const char *whole = path(f, name);
  for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/'))
    mkdir(arena_strndup(&f->arena, whole, strlen(f->root) + 1 + (size_t)(p - name)), 0700);
  FILE *out = fopen(whole, "w");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, len, out), len);
  assert_int_equal(fclose(out), 0);
}

static void put(struct fixture *f, const char *name, const char *text) {
  put_bytes(f, name, text, strlen(text));
}

static const char *get(struct fixture *f, const char *name) {
  size_t len = 0;
  struct import im = {.arena = &f->arena};
  const char *text = import_read_file(&im, path(f, name), &len);
  return text ? text : "(none)";
}

static int make(struct fixture *f, const struct import_layout *layout, const char *first,
                const char *second) {
  memset(&f->im, 0, sizeof f->im);
  f->im = (struct import){.arena = &f->arena, .layout = layout, .source_count = second ? 2 : 1};
  f->im.sources[0] = (struct import_source){second ? "sqlite" : "", path(f, first)};
  if (second)
    f->im.sources[1] = (struct import_source){"postgresql", path(f, second)};
  return import_make(&f->im, &f->e);
}

static void assert_file(const struct fixture *f, size_t i, const char *name, const char *text) {
  assert_true(i < f->im.file_count);
  assert_string_equal(f->im.files[i].name, name);
  assert_string_equal(f->im.files[i].text, text);
  assert_int_equal(f->im.files[i].len, strlen(text));
}

static void assert_problem(const struct fixture *f, const char *file, unsigned line,
                           const char *part) {
  for (size_t i = 0; i < f->im.problem_count; i++) {
    const struct err *p = &f->im.problems[i];
    if (strstr(p->file, file) && p->line == line && strstr(p->text, part))
      return;
  }
  for (size_t i = 0; i < f->im.problem_count; i++)
    print_message("%s:%u: %s\n", f->im.problems[i].file, f->im.problems[i].line,
                  f->im.problems[i].text);
  fail_msg("no problem of %s:%u that says '%s'", file, line, part);
}

static void test_diesel(void **state) {
  struct fixture *f = *state;
  put(f, "m/2018-01-14-171611_create_tables/up.sql", "CREATE TABLE a (x int);\n");
  put(f, "m/2018-01-14-171611_create_tables/down.sql", "");
  put(f, "m/2018-01-15-000000_no-transaction/up.sql", "VACUUM;");
  put(f, "m/2018-01-15-000000_no-transaction/metadata.toml", "# x\n run_in_transaction = false\n");
  put(f, "m/.gitkeep", "");
  put(f, "m/README.md", "read me");
  assert_int_equal(make(f, &import_diesel, "m", NULL), 0);
  assert_int_equal(f->im.file_count, 2);
  assert_file(f, 0, "20180114171611_create_tables.sql",
              "-- migd:revision 20180114171611\n-- migd:parent base\n"
              "-- migd:message create tables\n\n"
              "-- migd:up\nCREATE TABLE a (x int);\n-- migd:down\n");
  assert_file(f, 1, "20180115000000_no-transaction.sql",
              "-- migd:revision 20180115000000\n-- migd:parent 20180114171611\n"
              "-- migd:message no transaction\n\n"
              "-- migd:up transaction=off\nVACUUM;\n");
  assert_int_equal(f->im.without_down, 1);
}

static void test_two_dialects(void **state) {
  struct fixture *f = *state;
  put(f, "s/01_one/up.sql", "SAME;\n");
  put(f, "s/01_one/down.sql", "A;\n");
  put(f, "p/01_one/up.sql", "SAME;\n");
  put(f, "p/01_one/down.sql", "B;\n");
  put(f, "s/03_three/up.sql", "ONLY SQLITE;\n");
  put(f, "p/02_two/up.sql", "ONLY POSTGRESQL;\n");
  put(f, "p/02_two/down.sql", "");
  assert_int_equal(make(f, &import_diesel, "s", "p"), 0);
  assert_file(f, 0, "01_one.sql",
              "-- migd:revision 01\n-- migd:parent base\n-- migd:message one\n\n"
              "-- migd:up\nSAME;\n-- migd:down on=sqlite\nA;\n-- migd:down on=postgresql\nB;\n");
  assert_file(f, 1, "02_two.sql",
              "-- migd:revision 02\n-- migd:parent 01\n-- migd:message two\n\n"
              "-- migd:up on=postgresql\nONLY POSTGRESQL;\n-- migd:down on=postgresql\n");
  assert_file(f, 2, "03_three.sql",
              "-- migd:revision 03\n-- migd:parent 02\n-- migd:message three\n\n"
              "-- migd:up on=sqlite\nONLY SQLITE;\n");
  assert_int_equal(f->im.shared, 1);
  assert_int_equal(f->im.own[0], 1);
  assert_int_equal(f->im.own[1], 1);
  assert_int_equal(f->im.without_down, 1);
}

/* Equal texts are one section only when both run alike. */
static void test_equal_but_for_the_transaction(void **state) {
  struct fixture *f = *state;
  put(f, "s/01_one/up.sql", "SAME;\n");
  put(f, "p/01_one/up.sql", "SAME;\n");
  put(f, "p/01_one/metadata.toml", "run_in_transaction=false");
  assert_int_equal(make(f, &import_diesel, "s", "p"), 0);
  assert_non_null(strstr(f->im.files[0].text, "-- migd:up on=sqlite\nSAME;\n"
                                              "-- migd:up on=postgresql transaction=off\nSAME;\n"));
}

static void test_updown(void **state) {
  struct fixture *f = *state;
  put(f, "m/V0002.Second_Thing.up.sql", "B;");
  put(f, "m/V0001.First.up.sql",
      "\xEF\xBB\xBF"
      "A;\n");
  put(f, "m/V0001.First.down.sql", "-A;\n");
  put(f, "m/V0010.Tenth.up.sql", "J;\n");
  assert_int_equal(make(f, &import_updown, "m", NULL), 0);
  assert_file(f, 0, "V0001_First.sql",
              "-- migd:revision V0001\n-- migd:parent base\n-- migd:message First\n\n"
              "-- migd:up\nA;\n-- migd:down\n-A;\n");
  assert_file(f, 1, "V0002_Second_Thing.sql",
              "-- migd:revision V0002\n-- migd:parent V0001\n-- migd:message Second Thing\n\n"
              "-- migd:up\nB;\n");
  assert_file(f, 2, "V0010_Tenth.sql",
              "-- migd:revision V0010\n-- migd:parent V0002\n-- migd:message Tenth\n\n"
              "-- migd:up\nJ;\n");
}

static void test_updown_order_is_by_number(void **state) {
  struct fixture *f = *state;
  put(f, "m/10_ten.up.sql", "");
  put(f, "m/9_nine.up.sql", "");
  put(f, "m/1_one \xC3\xBC.up.sql", "");
  assert_int_equal(make(f, &import_updown, "m", NULL), 0);
  assert_string_equal(f->im.files[0].name, "1_one___.sql");
  assert_string_equal(f->im.files[1].name, "9_nine.sql");
  assert_string_equal(f->im.files[2].name, "10_ten.sql");
}

static void test_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql", "SELECT 1;\n  --  migd: up\n-- MIGD:down\n");
  put(f, "m/2_b.up.sql", "caf\xE9");
  put_bytes(f, "m/3_c.up.sql", "a\0b", 3);
  put(f, "m/4_d.down.sql", "");
  put(f, "m/5e.up.sql", "");
  put(f, "m/x_f.up.sql", "");
  put(f, "m/6_g.sql", "");
  put(f, "m/01_again.up.sql", "");
  put(f, "m/7_.up.sql", "");
  assert_int_equal(mkdir(path(f, "m/8_h.up.sql"), 0700), 0);
  assert_int_equal(make(f, &import_updown, "m", NULL), -1);
  assert_problem(f, "1_a.up.sql", 2, "reads like a directive");
  assert_problem(f, "1_a.up.sql", 3, "reads like a directive");
  assert_problem(f, "2_b.up.sql", 0, "not UTF-8");
  assert_problem(f, "3_c.up.sql", 0, "NUL");
  assert_problem(f, "4_d.down.sql", 0, "no script up");
  assert_problem(f, "5e.up.sql", 0, "its name");
  assert_problem(f, "x_f.up.sql", 0, "its name");
  assert_problem(f, "6_g.sql", 0, "neither");
  assert_problem(f, "1_a.up.sql", 0, "one version");
  assert_problem(f, "7_.up.sql", 0, "its name");
  assert_problem(f, "8_h.up.sql", 0, "cannot be read");
  assert_int_equal(f->im.problem_count, 11);
  assert_string_equal(f->e.text, "11 problems in the sources: nothing is written");
}

static void test_diesel_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/2018-01-01_a/up.sql", "");
  put(f, "m/20180101_b/up.sql", "");
  put(f, "m/2018-01-02_c/down.sql", "");
  put(f, "m/nothing/up.sql", "");
  assert_int_equal(make(f, &import_diesel, "m", NULL), -1);
  assert_problem(f, "20180101_b/up.sql", 0, "has this script already");
  assert_problem(f, "2018-01-02_c", 0, "has no up.sql");
  assert_problem(f, "nothing/up.sql", 0, "no id and name");
  assert_int_equal(f->im.problem_count, 3);
}

static void test_sources_that_are_none(void **state) {
  struct fixture *f = *state;
  assert_int_equal(make(f, &import_diesel, "absent", NULL), -1);
  assert_int_equal(f->e.kind, ERR_NOT_FOUND);
  put(f, "m/0001_x.up.sql", "");
  assert_int_equal(make(f, &import_diesel, "m", NULL), -1);
  assert_non_null(strstr(f->e.text, "no migrations in"));
  assert_int_equal(make(f, &import_diesel, "m/0001_x.up.sql", NULL), -1);
  assert_int_equal(f->e.kind, ERR_INPUT);
}

static void test_remarks(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql",
      "begin;\nSELECT 1;\n  COMMIT ;\n\\d x\nCREATE INDEX CONCURRENTLY i ON x (y);\n"
      "CREATE FUNCTION f() AS $body$\nBEGIN\n  COMMIT;\n-- $$ BEGIN;\nEND; $body$ ;\n"
      "BEGINNING;\nROLLBACK;\nREFRESH MATERIALIZED VIEW CONCURRENTLY v;\n");
  assert_int_equal(make(f, &import_updown, "m", NULL), 0);
  assert_int_equal(f->im.remark_count, 5);
  static const char *const parts[] = {":1: `begin;`", ":3: `  COMMIT ;`", ":4: `\\d x`",
                                      ":5: ", ":12: `ROLLBACK;`"};
  for (size_t i = 0; i < 5; i++)
    assert_non_null(strstr(f->im.remarks[i], parts[i]));
}

static void test_writing(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql", "A;\n");
  put(f, "m/2_b.up.sql", "B;\n");
  put(f, "m/3_c.up.sql", "C;\n");
  assert_int_equal(make(f, &import_updown, "m", NULL), 0);
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), 0);
  for (size_t i = 0; i < 3; i++)
    assert_string_equal(get(f, arena_printf(&f->arena, "out/%s", f->im.files[i].name)),
                        f->im.files[i].text);
  assert_int_equal(unlink(path(f, "out/1_a.sql")), 0);
  put(f, "out/2_b.sql", "precious");
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), -1);
  assert_int_equal(f->e.kind, ERR_EXISTS);
  assert_non_null(strstr(f->e.text, "2 of the files already: 2_b.sql, 3_c.sql"));
  assert_string_equal(get(f, "out/2_b.sql"), "precious");
  assert_string_equal(get(f, "out/1_a.sql"), "(none)");
}

/* What cannot be finished leaves nothing behind. */
static void test_writing_fails(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql", "A;\n");
  put(f, "m/2_b.up.sql", "B;\n");
  assert_int_equal(make(f, &import_updown, "m", NULL), 0);
  assert_int_equal(import_write(&f->im, path(f, "no/such/folder"), &f->e), -1);
  assert_int_equal(import_write(&f->im, path(f, "m/1_a.up.sql"), &f->e), -1);
  assert_string_equal(get(f, "m/1_a.up.sql"), "A;\n");
  char *slug = arena_alloc(&f->arena, 300); /* a name that the file system refuses */
  memset(slug, 'n', 299);
  f->im.files[1].name = slug;
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), -1);
  assert_int_equal(access(path(f, "out"), F_OK), -1);
  assert_int_equal(mkdir(path(f, "out"), 0700), 0);
  put(f, "out/mine.txt", "mine");
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), -1);
  assert_int_equal(access(path(f, "out/1_a.sql"), F_OK), -1);
  assert_string_equal(get(f, "out/mine.txt"), "mine");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_diesel),
      TEST(test_two_dialects),
      TEST(test_equal_but_for_the_transaction),
      TEST(test_updown),
      TEST(test_updown_order_is_by_number),
      TEST(test_problems),
      TEST(test_diesel_problems),
      TEST(test_sources_that_are_none),
      TEST(test_remarks),
      TEST(test_writing),
      TEST(test_writing_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
