/* Services: what of a file becomes a URL, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/db/db.h"

struct fixture {
  char one[64], two[64];
  const char *folders[3];
  struct buf url, password;
  struct err e;
};

static struct fixture fix;

static void make_folder(char *path, size_t size) {
  static unsigned number;
  snprintf(path, size, "/tmp/migd-service-%ld-%u", (long)getpid(), number++);
  char command[160];
  snprintf(command, sizeof command, "mkdir '%s'", path);
  assert_int_equal(system(command), 0);
}

static int setup(void **state) {
  (void)state;
  memset(&fix, 0, sizeof fix);
  make_folder(fix.one, sizeof fix.one);
  make_folder(fix.two, sizeof fix.two);
  fix.folders[0] = fix.one;
  fix.folders[1] = fix.two;
  return 0;
}

static int teardown(void **state) {
  char command[256];
  (void)state;
  buf_release(&fix.url);
  buf_release(&fix.password);
  snprintf(command, sizeof command, "rm -r '%s' '%s'", fix.one, fix.two);
  return system(command);
}

static void put(const char *folder, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/pg_service.conf", folder);
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static int resolve(const char *text) {
  buf_clear(&fix.url);
  buf_clear(&fix.password);
  err_clear(&fix.e);
  return db_url_service(text, fix.folders, &fix.url, &fix.password, &fix.e);
}

static void assert_becomes(const char *text, const char *url) {
  struct db_url parsed;
  if (resolve(text) != 1)
    fail_msg("%s: %s", text, fix.e.text);
  assert_string_equal(buf_str(&fix.url), url);
  if (db_url_parse(url, &parsed, &fix.e) < 0)
    fail_msg("%s: %s", url, fix.e.text);
}

static void assert_refused(const char *text, const char *words) {
  if (resolve(text) != -1)
    fail_msg("%s: accepted", text);
  if (!strstr(fix.e.text, words))
    fail_msg("%s: says: %s", text, fix.e.text);
  assert_int_equal(fix.url.len, 0);
}

static void a_service_becomes_a_url(void **state) {
  (void)state;
  put(fix.one,
      "# comment\n[other]\nhost=other\n\n  [shop]  \n host=DB.example.com \nport=6432\n"
      "user=m@ria\ndbname=my db\npassword= s3cret&x\nsslmode=verify-ca\n[last]\nhost=last\n");
  assert_becomes("postgresql:///?service=shop",
                 "postgresql://m%40ria@DB.example.com:6432/my%20db?sslmode=verify-ca");
  assert_string_equal(buf_str(&fix.password), " s3cret&x");
  assert_becomes("postgresql://?service=shop",
                 "postgresql://m%40ria@DB.example.com:6432/my%20db?sslmode=verify-ca");
}

static void what_the_url_says_counts_first(void **state) {
  (void)state;
  put(fix.one, "[s]\nhost=::1\nuser=u\ndbname=d\nsslmode=require\n");
  assert_becomes("postgresql://me@/other%20one?connect_timeout=3&service=s&sslmode=disable",
                 "postgresql://me@[::1]/other%20one?connect_timeout=3&sslmode=disable");
  assert_string_equal(buf_str(&fix.password), "");
}

static void the_first_folder_that_has_it_counts(void **state) {
  (void)state;
  put(fix.one, "[a]\nhost=one\nuser=u\ndbname=d\n");
  put(fix.two, "[a]\nhost=two\nuser=u\ndbname=d\n[b]\nhost=/run/pg\nuser=u\ndbname=d\n");
  assert_becomes("postgresql:///?service=a", "postgresql://u@one/d");
  assert_becomes("postgres:///?service=b", "postgresql://u@%2Frun%2Fpg/d");
}

static void a_url_without_a_service_is_left_alone(void **state) {
  static const char *const urls[] = {
      "sqlite:/a.db",
      "postgresql://u@h/x",
      "postgresql://u@h/x?sslmode=disable",
      "",
      "postgresql://u@h/x?service=a", /* the parser refuses these two */
      "postgresql://u:p@/x?service=a"};
  struct db_url url;
  (void)state;
  put(fix.one, "[a]\nhost=one\nuser=u\ndbname=d\npassword=secret\n");
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    assert_int_equal(resolve(urls[i]), 0);
    assert_int_equal(fix.url.len + fix.password.len, 0);
  }
  assert_int_equal(db_url_parse(urls[4], &url, &fix.e), -1);
  assert_int_equal(db_url_parse(urls[5], &url, &fix.e), -1);
}

static void what_is_wrong_is_said(void **state) {
  (void)state;
  put(fix.one, "[a]\nuser=u\n[b]\nhost=h\nnonsense\n[c]\n");
  assert_refused("postgresql:///?service=missing", "names the service missing");
  assert_refused("postgresql:///?service=a", "does not say its host");
  assert_refused("postgresql:///?service=b", "pg_service.conf:5: a line is neither");
  assert_refused("postgresql:///?service=%zz", "hexadecimal");
  fix.folders[0] = NULL;
  assert_refused("postgresql:///?service=a", "does not allow");
  assert_non_null(strstr(fix.e.hint, "postgresql-files"));
}

static void lines_have_a_length(void **state) {
  char text[3000];
  (void)state;
  memset(text, 'x', sizeof text);
  memcpy(text, "[a]\nhost=", 9);
  strcpy(text + sizeof text - 2, "\n");
  put(fix.one, text);
  assert_refused("postgresql:///?service=a", "too long");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_service_becomes_a_url, setup, teardown),
      cmocka_unit_test_setup_teardown(what_the_url_says_counts_first, setup, teardown),
      cmocka_unit_test_setup_teardown(the_first_folder_that_has_it_counts, setup, teardown),
      cmocka_unit_test_setup_teardown(a_url_without_a_service_is_left_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_wrong_is_said, setup, teardown),
      cmocka_unit_test_setup_teardown(lines_have_a_length, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
