/* Keys, from the defaults, the file and flags; and command lines. */
#include "proto/base/temporary.h"
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
  char dir[256], path[300];
  struct args flags;
  struct config config;
  bool loaded;
  struct err e;
};

static int setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  snprintf(f->dir, sizeof f->dir, "%s/migd-config-" TEMPORARY, tmp && *tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->path, sizeof f->path, "%s/migd.conf", f->dir);
  unsetenv("CREDENTIALS_DIRECTORY");
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  if (f->loaded)
    config_release(&f->config);
  unlink(f->path);
  rmdir(f->dir);
  free(f);
  return 0;
}

static int load(struct fixture *f, const char *file) {
  if (file != NULL) {
    FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    fputs(file, out);
    fclose(out);
  }
  if (f->loaded)
    config_release(&f->config);
  f->loaded = true;
  err_clear(&f->e);
  return config_load(&f->config, f->dir, &f->flags, &f->e);
}

static void flag(struct fixture *f, const char *name, const char *value) {
  f->flags.options[f->flags.option_count].name = name;
  f->flags.options[f->flags.option_count++].value = value;
}

#define assert_loads(file)                                                                         \
  do {                                                                                             \
    if (load(f, file) != 0)                                                                        \
      fail_msg("%s", f->e.text);                                                                   \
  } while (0)

static bool ends_with(const char *text, const char *end) {
  size_t len = strlen(text), n = strlen(end);
  return len >= n && strcmp(text + len - n, end) == 0;
}

static const char *shown(struct fixture *f, const char *key) {
  static char text[8192], line[600];
  FILE *out = fmemopen(text, sizeof text, "w");
  config_show(&f->config, out);
  fclose(out);
  for (char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
    if (strncmp(at, key, strlen(key)) == 0 && at[strlen(key)] == ' ') {
      snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
      return line;
    }
  fail_msg("%s is not shown", key);
  return "";
}

static void without_anything_there_are_defaults(void **state) {
  struct fixture *f = *state;
  assert_loads(NULL);
  assert_string_equal(f->config.listen, "127.0.0.1:7433");
  assert_int_equal(f->config.parallel, 8);
  assert_int_equal(f->config.workers, 4);
  assert_int_equal(f->config.catalog_max, 256 << 20);
  assert_int_equal(f->config.shutdown_grace_ms, 30000);
  assert_false(f->config.allow_socket);
  assert_null(f->config.key_file_2);
  assert_int_equal(f->config.postgres_files.count, 0);
  assert_null(f->config.postgres_files.items);
  assert_true(ends_with(shown(f, "postgresql-files"), "# not set"));
  assert_int_equal(f->config.sqlite_roots.count, 1);
  assert_null(f->config.sqlite_roots.items[1]);
  assert_int_equal(f->config.tls_cert[0], '/');
  assert_true(ends_with(f->config.tls_cert, "/pki/server.crt"));
  assert_true(ends_with(shown(f, "parallel"), "# default"));
  assert_true(ends_with(shown(f, "address-file"), "# not set"));
}

static void flags_go_over_the_file_and_the_file_over_defaults(void **state) {
  struct fixture *f = *state;
  flag(f, "parallel", "3");
  assert_loads("# comment\nparallel = 5\nworkers = 6\n");
  assert_int_equal(f->config.parallel, 3);
  assert_int_equal(f->config.workers, 6);
  assert_true(ends_with(shown(f, "parallel"), "# --parallel"));
  assert_true(ends_with(shown(f, "workers"), "migd.conf:3"));
}

static void a_list_of_one_place_replaces_that_of_another(void **state) {
  struct fixture *f = *state;
  assert_loads("sqlite-root = one\nsqlite-root = /two\n");
  assert_int_equal(f->config.sqlite_roots.count, 2);
  assert_true(ends_with(f->config.sqlite_roots.items[0], "/one"));
  assert_int_equal(strncmp(f->config.sqlite_roots.items[0], f->dir, strlen(f->dir)), 0);
  assert_string_equal(f->config.sqlite_roots.items[1], "/two");
  flag(f, "sqlite-root", "/three");
  assert_loads(NULL);
  assert_int_equal(f->config.sqlite_roots.count, 1);
  assert_string_equal(f->config.sqlite_roots.items[0], "/three");
  assert_null(f->config.sqlite_roots.items[1]);
}

static void sizes_and_times_have_units(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *text;
    uint64_t size, ms;
  } cases[] = {
      {"catalog-max = 4096\nshutdown-grace = 2\n", 4096, 2000},
      {"catalog-max = 4K\nshutdown-grace = 250ms\n", 4096, 250},
      {"catalog-max = 2 MiB\nshutdown-grace = 3s\n", 2 << 20, 3000},
      {"catalog-max = 1G\nshutdown-grace = 5m\n", 1 << 30, 300000},
      {"catalog-max = 1024 B\nshutdown-grace = 0\n", 1024, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_loads(cases[i].text);
    assert_int_equal(f->config.catalog_max, cases[i].size);
    assert_int_equal(f->config.shutdown_grace_ms, cases[i].ms);
  }
}

static void what_is_wrong_is_told_with_its_line(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *text, *line, *words;
  } bad[] = {
      {"colour = blue\n", ":1", "colour"},
      {"\n\nparalel = 3\n", ":3", "did you mean parallel?"},
      {"[server]\nlisten = 127.0.0.1:1\n", ":2", "[server]"},
      {"parallel = 0\n", ":1", "between 1 and 256"},
      {"parallel = many\n", ":1", "no number"},
      {"parallel = -1\n", ":1", "no number"},
      {"parallel = 99999999999999999999\n", ":1", "no number"},
      {"parallel = 3 apples\n", ":1", "no number"},
      {"parallel =\n", ":1", "no value"},
      {"catalog-max = 3 parsecs\n", ":1", "size"},
      {"catalog-max = 18446744073709551615G\n", ":1", "size"},
      {"shutdown-grace = soon\n", ":1", "time"},
      {"allow-socket = perhaps\n", ":1", "neither yes nor no"},
      {"log-level = loud\n", ":1", "debug info warn error"},
      {"log-level = inf\n", ":1", "debug info warn error"},
      {"listen = localhost\n", ":1", "ADDR:PORT"},
      {"listen = 127.0.0.1:99999\n", ":1", "ADDR:PORT"},
      {"listen = :7433\n", ":1", "ADDR:PORT"},
      {"workers = 2\nno value at all\n", ":2", "KEY = VALUE"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(load(f, bad[i].text), -1);
    assert_int_equal(f->e.kind, ERR_INPUT);
    if (strstr(f->e.text, bad[i].line) == NULL || strstr(f->e.text, bad[i].words) == NULL ||
        strstr(f->e.text, "migd.conf") == NULL)
      fail_msg("%s says: %s", bad[i].text, f->e.text);
  }
}

static void a_line_that_is_too_long_is_no_other_line(void **state) {
  struct fixture *f = *state;
  char text[1200] = "sqlite-root = /";
  memset(text + strlen(text), 'x', 1000);
  strcat(text, "\n");
  assert_int_equal(load(f, text), -1);
  assert_non_null(strstr(f->e.text, ":1"));
}

static void a_wrong_flag_is_named(void **state) {
  struct fixture *f = *state;
  flag(f, "parallel", "none");
  assert_int_equal(load(f, NULL), -1);
  assert_non_null(strstr(f->e.text, "--parallel"));
}

static void systemd_hands_over_the_key(void **state) {
  struct fixture *f = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/store.key", f->dir);
  setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
  assert_loads(NULL);
  assert_true(ends_with(shown(f, "key-file"), "# default"));
  fclose(fopen(path, "w"));
  assert_loads(NULL);
  assert_string_equal(f->config.key_file, path);
  assert_true(ends_with(shown(f, "key-file"), "# systemd credential"));
  assert_loads("key-file = /other.key\n");
  assert_string_equal(f->config.key_file, "/other.key");
  unlink(path);
  unsetenv("CREDENTIALS_DIRECTORY");
}

/* What init writes says the defaults and can be read; so can each of its keys once it is
 * uncommented. */
static void the_template_is_a_configuration(void **state) {
  struct fixture *f = *state;
  char text[16384];
  FILE *out = fmemopen(text, sizeof text, "w");
  config_template(out, "0.0.0.0:1234");
  fclose(out);
  assert_loads(text);
  assert_string_equal(f->config.listen, "0.0.0.0:1234");
  assert_true(ends_with(shown(f, "workers"), "# default"));
  unsigned keys = 0;
  for (char *at = text; (at = strchr(at, '\n')) != NULL; at++)
    if (at[1] == '#' && at[2] != ' ' && at[2] != '\n' && strstr(at, " = \n") != strchr(at, ' ')) {
      at[1] = ' ';
      keys++;
    }
  assert_true(keys >= 10);
  assert_loads(text);
  assert_int_equal(f->config.parallel, 8);
}

static void a_value_of_another_file_can_be_asked_for(void **state) {
  struct fixture *f = *state;
  struct arena arena;
  arena_init(&arena, 0);
  FILE *out = fopen(f->path, "w");
  fputs("[default]\nserver = here:1\n[other]\nserver = there:2\n", out);
  fclose(out);
  assert_string_equal(ini_value(f->path, "default", "server", &arena), "here:1");
  assert_string_equal(ini_value(f->path, "other", "server", &arena), "there:2");
  assert_null(ini_value(f->path, "other", "key", &arena));
  assert_null(ini_value("/nonexistent", "default", "server", &arena));
  arena_release(&arena);
}

/* --- command lines */

static const struct option_row rows[] = {
    {"dir", "DIR", "The folder."},
    {"show", NULL, "Show it."},
    {0},
};

static int parse(struct args *args, bool keys, struct err *e, int argc, const char *const *argv) {
  static char texts[16][32]; /* args points into them */
  char *words[17];
  for (int i = 0; i < argc; i++)
    words[i] = strcpy(texts[i], argv[i]);
  words[argc] = NULL;
  return args_parse(args, argc, words, rows, keys, e);
}
#define PARSE(args, keys, ...)                                                                     \
  parse((args), (keys), &e, (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)),    \
        (const char *const[]){__VA_ARGS__})

static void options_and_words_are_told_apart(void **state) {
  (void)state;
  struct args a;
  struct err e;
  assert_int_equal(PARSE(&a, true, "add", "--dir", "x", "name", "--show", "--parallel=7",
                         "--allow-socket", "--dir=y", "--", "--word"),
                   0);
  assert_int_equal(a.word_count, 3);
  assert_string_equal(a.words[0], "add");
  assert_string_equal(a.words[1], "name");
  assert_string_equal(a.words[2], "--word");
  assert_string_equal(args_get(&a, "dir"), "y");
  assert_string_equal(args_get(&a, "show"), "yes");
  assert_string_equal(args_get(&a, "parallel"), "7");
  assert_string_equal(args_get(&a, "allow-socket"), "yes");
  assert_null(args_get(&a, "workers"));
}

static void wrong_options_are_told(void **state) {
  (void)state;
  struct args a;
  struct err e;
  assert_int_equal(PARSE(&a, false, "--dri", "x"), -1);
  assert_non_null(strstr(e.text, "did you mean --dir?"));
  assert_int_equal(PARSE(&a, true, "--paralel=3"), -1);
  assert_non_null(strstr(e.text, "did you mean --parallel?"));
  assert_int_equal(PARSE(&a, false, "--parallel", "3"), -1);
  assert_int_equal(PARSE(&a, false, "--dir"), -1);
  assert_non_null(strstr(e.text, "needs a value"));
  assert_int_equal(PARSE(&a, false, "-d", "x"), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(without_anything_there_are_defaults),
      TEST(flags_go_over_the_file_and_the_file_over_defaults),
      TEST(a_list_of_one_place_replaces_that_of_another),
      TEST(sizes_and_times_have_units),
      TEST(what_is_wrong_is_told_with_its_line),
      TEST(a_line_that_is_too_long_is_no_other_line),
      TEST(a_wrong_flag_is_named),
      TEST(systemd_hands_over_the_key),
      TEST(the_template_is_a_configuration),
      TEST(a_value_of_another_file_can_be_asked_for),
      cmocka_unit_test(options_and_words_are_told_apart),
      cmocka_unit_test(wrong_options_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
