/* init, identity and check on a real folder: made once, completed after a crash, never overwritten.
 * What the commands print is not looked at here but goes nowhere.
 */
#include "proto/base/temporary.h"
#include "server/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
  char root[PATH_MAX], dir[PATH_MAX + 8];
  struct arena arena;
  struct err e;
  int stdout_fd;
};

static int setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  char template[PATH_MAX];
  snprintf(template, sizeof template, "%s/migd-admin-" TEMPORARY, tmp && *tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(template));
  assert_non_null(realpath(template, f->root));
  snprintf(f->dir, sizeof f->dir, "%s/data", f->root);
  arena_init(&f->arena, 0);
  fflush(stdout);
  f->stdout_fd = dup(1);
  int null = open("/dev/null", O_WRONLY);
  dup2(null, 1);
  close(null);
  *state = f;
  return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
  (void)st, (void)kind, (void)ftw;
  return remove(path);
}

static int teardown(void **state) {
  struct fixture *f = *state;
  fflush(stdout);
  dup2(f->stdout_fd, 1);
  close(f->stdout_fd);
  nftw(f->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  arena_release(&f->arena);
  free(f);
  return 0;
}

static int run(struct fixture *f, const struct command *c, const char *const *words) {
  char *argv[16];
  struct args args;
  int argc = 0;
  for (; words[argc] != NULL; argc++)
    argv[argc] = arena_strdup(&f->arena, words[argc]);
  argv[argc] = NULL;
  err_clear(&f->e);
  if (args_parse(&args, argc, argv, c->options, c->keys, &f->e) != 0)
    fail_msg("%s", f->e.text);
  return c->run(&args, &f->e);
}
#define RUN(command, ...) run(f, &(command), (const char *const[]){__VA_ARGS__, NULL})

#define assert_ok(call)                                                                            \
  do {                                                                                             \
    int rc_ = (call);                                                                              \
    if (rc_ != 0)                                                                                  \
      fail_msg("%s: %d: %s", #call, rc_, f->e.text);                                               \
  } while (0)
#define assert_err(call, expected)                                                                 \
  do {                                                                                             \
    assert_int_equal(call, -1);                                                                    \
    if (f->e.kind != (expected))                                                                   \
      fail_msg("%s: kind %d, not %d: %s", #call, (int)f->e.kind, (int)(expected), f->e.text);      \
  } while (0)

static char *in(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

static char *bytes_of(struct fixture *f, const char *name) {
  char *text = arena_alloc(&f->arena, 20000);
  FILE *file = fopen(in(f, name), "r");
  if (file == NULL)
    fail_msg("there is no %s", name);
  assert_true(fread(text, 1, 19999, file) > 0);
  fclose(file);
  return text;
}

/* In the order in which they come to be. */
static const char *const made[] = {
    "store.key",      "pki/ca.key",           "pki/ca.crt",           "pki/server.key",
    "pki/server.crt", "identities/admin.key", "identities/admin.crt", "migd.conf",
    "admin.conf",
};
#define MADE (sizeof made / sizeof made[0])

static void init_makes_what_a_server_needs(void **state) {
  struct fixture *f = *state;
  assert_ok(RUN(command_init, f->dir));
  static const struct {
    const char *name;
    unsigned mode;
  } modes[] = {
      {"", 0700},           {"pki", 0700},
      {"identities", 0700}, {"databases", 0700},
      {"tmp", 0700},        {"pki/ca.key", 0600},
      {"store.key", 0400},  {"pki/server.key", 0600},
      {"admin.conf", 0600}, {"identities/admin.key", 0600},
  };
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    struct stat st;
    assert_int_equal(stat(in(f, modes[i].name), &st), 0);
    assert_int_equal(st.st_mode & 07777, modes[i].mode);
  }
  for (size_t i = 0; i < MADE; i++)
    bytes_of(f, made[i]);
  assert_string_equal(ini_value(in(f, "admin.conf"), "default", "server", &f->arena),
                      "localhost:7433");
  assert_string_equal(ini_value(in(f, "admin.conf"), "default", "ca", &f->arena),
                      in(f, "pki/ca.crt"));
  assert_string_equal(ini_value(in(f, "admin.conf"), "default", "key", &f->arena),
                      in(f, "identities/admin.key"));
  assert_ok(RUN(command_check, "--dir", f->dir));
}

static void a_second_init_changes_nothing(void **state) {
  struct fixture *f = *state;
  const char *before[MADE];
  assert_ok(RUN(command_init, f->dir));
  for (size_t i = 0; i < MADE; i++)
    before[i] = bytes_of(f, made[i]);
  assert_err(RUN(command_init, f->dir, "--name", "other"), ERR_EXISTS);
  assert_int_equal(err_row(f->e.kind)->exit_code, 7);
  for (size_t i = 0; i < MADE; i++)
    assert_string_equal(before[i], bytes_of(f, made[i]));
}

/* Whatever a crash left: every state is one in which the last principal is not written yet. */
static void an_init_that_was_cut_short_is_completed(void **state) {
  struct fixture *f = *state;
  for (size_t gone = 0; gone <= MADE; gone++) {
    const char *kept[MADE];
    assert_ok(RUN(command_init, f->dir));
    assert_ok(RUN(command_identity, "remove", "admin", "--dir", f->dir));
    for (size_t i = MADE - gone; i < MADE; i++)
      unlink(in(f, made[i]));
    for (size_t i = 0; i < MADE; i++)
      kept[i] = access(in(f, made[i]), F_OK) == 0 ? bytes_of(f, made[i]) : NULL;
    assert_ok(RUN(command_init, f->dir));
    for (size_t i = 0; i < MADE; i++)
      if (kept[i] != NULL)
        assert_string_equal(kept[i], bytes_of(f, made[i]));
    assert_ok(RUN(command_check, "--dir", f->dir));
    assert_err(RUN(command_init, f->dir), ERR_EXISTS);
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  }
}

static void a_key_without_its_certificate_is_completed(void **state) {
  struct fixture *f = *state;
  static const char *const certificates[] = {"pki/server.crt", "identities/admin.crt"};
  for (size_t i = 0; i < 2; i++) {
    assert_ok(RUN(command_init, f->dir));
    const char *key = bytes_of(f, "identities/admin.key");
    assert_ok(RUN(command_identity, "remove", "admin", "--dir", f->dir));
    FILE *out = fopen(in(f, "identities/admin.key"), "w");
    fputs(key, out);
    fclose(out);
    unlink(in(f, certificates[i]));
    assert_ok(RUN(command_init, f->dir));
    assert_string_equal(key, bytes_of(f, "identities/admin.key"));
    assert_ok(RUN(command_check, "--dir", f->dir));
    nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  }
}

static void a_folder_with_other_files_is_left_alone(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir(f->dir, 0755), 0);
  fclose(fopen(in(f, "thesis.txt"), "w"));
  assert_err(RUN(command_init, f->dir), ERR_REFUSED);
  assert_int_equal(unlink(in(f, "thesis.txt")), 0);
  assert_int_equal(rmdir(f->dir), 0);
}

static void a_configuration_that_waits_there_is_kept(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir(f->dir, 0700), 0);
  FILE *out = fopen(in(f, "migd.conf"), "w");
  fputs("parallel = 3\n", out);
  fclose(out);
  assert_ok(RUN(command_init, f->dir));
  assert_string_equal(bytes_of(f, "migd.conf"), "parallel = 3\n");
}

static void wrong_words_make_nothing(void **state) {
  struct fixture *f = *state;
  assert_err(RUN(command_init, f->dir, "second"), ERR_INPUT);
  assert_err(RUN(command_init, f->dir, "--name", "a b"), ERR_INPUT);
  assert_err(RUN(command_init, f->dir, "--listen", "7433"), ERR_INPUT);
  assert_int_equal(access(f->dir, F_OK), -1);
  assert_err(RUN(command_init, in(f, "no/where")), ERR_STORAGE);
}

static void the_address_is_written_for_both_sides(void **state) {
  struct fixture *f = *state;
  struct args none = {0};
  struct config config;
  assert_ok(RUN(command_init, f->dir, "--listen", "0.0.0.0:9000", "--name", "migd.example.org"));
  assert_string_equal(ini_value(in(f, "admin.conf"), "default", "server", &f->arena),
                      "migd.example.org:9000");
  assert_ok(config_load(&config, f->dir, &none, &f->e));
  assert_string_equal(config.listen, "0.0.0.0:9000");
  config_release(&config);
}

static void one_at_a_time(void **state) {
  struct fixture *f = *state;
  assert_ok(RUN(command_init, f->dir));
  int fd = data_lock(f->dir, &f->e);
  assert_true(fd >= 0);
  assert_int_equal(data_lock(f->dir, &f->e), -1);
  assert_int_equal(f->e.kind, ERR_REFUSED);
  assert_non_null(strstr(f->e.text, f->dir));
  assert_err(RUN(command_init, f->dir), ERR_REFUSED);
  close(fd);
}

static void identities_come_and_go(void **state) {
  struct fixture *f = *state;
  struct stat st;
  assert_ok(RUN(command_init, f->dir));
  assert_ok(RUN(command_identity, "add", "ann", "--role", "viewer", "--dir", f->dir));
  assert_int_equal(stat(in(f, "identities/ann.key"), &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  assert_string_equal(ini_value(in(f, "identities/ann.conf"), "default", "cert", &f->arena),
                      in(f, "identities/ann.crt"));
  assert_err(RUN(command_identity, "add", "ann", "--role", "admin", "--dir", f->dir), ERR_EXISTS);
  assert_ok(RUN(command_identity, "list", "--dir", f->dir));
  assert_ok(RUN(command_identity, "remove", "ann", "--dir", f->dir));
  assert_int_equal(access(in(f, "identities/ann.key"), F_OK), -1);
  assert_err(RUN(command_identity, "remove", "ann", "--dir", f->dir), ERR_NOT_FOUND);
  assert_ok(RUN(command_identity, "add", "ann", "--role", "admin", "--dir", f->dir));
}

static void wrong_identities_make_no_certificate(void **state) {
  struct fixture *f = *state;
  assert_ok(RUN(command_init, f->dir));
  assert_err(RUN(command_identity, "add", "../ann", "--role", "viewer", "--dir", f->dir),
             ERR_INPUT);
  assert_err(RUN(command_identity, "add", "Ann", "--role", "viewer", "--dir", f->dir), ERR_INPUT);
  assert_err(RUN(command_identity, "add", "ann", "--role", "emperor", "--dir", f->dir), ERR_INPUT);
  assert_err(RUN(command_identity, "add", "ann", "--dir", f->dir), ERR_INPUT);
  assert_err(
      RUN(command_identity, "add", "ann", "--role", "viewer", "--days", "0", "--dir", f->dir),
      ERR_INPUT);
  assert_err(RUN(command_identity, "burn", "ann", "--dir", f->dir), ERR_INPUT);
  assert_int_equal(access(in(f, "identities/ann.crt"), F_OK), -1);
  assert_int_equal(unlink(in(f, "pki/ca.key")), 0);
  assert_err(RUN(command_identity, "add", "ann", "--role", "viewer", "--dir", f->dir),
             ERR_NOT_FOUND);
  assert_ok(
      RUN(command_identity, "add", "ann", "--role", "viewer", "--no-certificate", "--dir", f->dir));
  assert_int_equal(access(in(f, "identities/ann.crt"), F_OK), -1);
}

static void a_check_finds_what_is_wrong(void **state) {
  struct fixture *f = *state;
  assert_ok(RUN(command_init, f->dir));
  assert_int_equal(rename(in(f, "pki/server.key"), in(f, "moved")), 0);
  assert_int_equal(RUN(command_check, "--dir", f->dir), err_row(ERR_NOT_FOUND)->exit_code);
  assert_int_equal(rename(in(f, "moved"), in(f, "pki/server.key")), 0);
  assert_ok(RUN(command_check, "--dir", f->dir));
  assert_int_equal(chmod(in(f, "store.key"), 0444), 0);
  assert_true(RUN(command_check, "--dir", f->dir) > 0);
  assert_int_equal(chmod(in(f, "store.key"), 0400), 0);
  FILE *out = fopen(in(f, "store.db"), "r+");
  fseek(out, 4096, SEEK_SET);
  for (int i = 0; i < 8192; i++)
    fputc('x', out);
  fclose(out);
  assert_true(RUN(command_check, "--dir", f->dir) > 0);
  assert_err(RUN(command_check, "--dir", f->root), ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(init_makes_what_a_server_needs),
      TEST(a_second_init_changes_nothing),
      TEST(an_init_that_was_cut_short_is_completed),
      TEST(a_key_without_its_certificate_is_completed),
      TEST(a_folder_with_other_files_is_left_alone),
      TEST(a_configuration_that_waits_there_is_kept),
      TEST(wrong_words_make_nothing),
      TEST(the_address_is_written_for_both_sides),
      TEST(one_at_a_time),
      TEST(identities_come_and_go),
      TEST(wrong_identities_make_no_certificate),
      TEST(a_check_finds_what_is_wrong),
  };
  umask(077);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
