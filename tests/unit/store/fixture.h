/* What the tests of the store share: a fresh folder with a store in it whose schema is that of
 * migrations/store/, and small ways to fill it.
 */
#ifndef MIGD_TESTS_STORE_FIXTURE_H
#define MIGD_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/temporary.h"
#include "server/catalog/catalog.h"
#include "server/sql/split.h"
#include "server/store/bundle.h"
#include "server/store/row.h"
#include "server/store/run.h"
#include "server/store/target.h"

#define MAYBE_UNUSED __attribute__((unused))

struct fixture {
  char dir[PATH_MAX], path[PATH_MAX + 16];
  struct db *db; /* on the store's file; a test may close it and set it NULL */
  struct arena arena;
  struct err e;
};

/* Fails the test with the error's words. */
#define assert_ok(call)                                                                            \
  do {                                                                                             \
    err_clear(&f->e);                                                                              \
    if (call)                                                                                      \
      fail_msg("%s: kind %d: %s", #call, (int)f->e.kind, f->e.text);                               \
  } while (0)
#define assert_err(call, expected)                                                                 \
  do {                                                                                             \
    err_clear(&f->e);                                                                              \
    assert_true(call);                                                                             \
    if (f->e.kind != (expected))                                                                   \
      fail_msg("%s: kind %d, not %d: %s", #call, (int)f->e.kind, (int)(expected), f->e.text);      \
  } while (0)
#define assert_in(text, part)                                                                      \
  do {                                                                                             \
    if (!strstr((text), (part)))                                                                   \
      fail_msg("\"%s\" does not contain \"%s\"", (text), (part));                                  \
  } while (0)

static int MAYBE_UNUSED remove_entry(const char *path, const struct stat *st, int kind,
                                     struct FTW *ftw) {
  (void)st, (void)kind, (void)ftw;
  return remove(path);
}

static struct db *MAYBE_UNUSED fixture_open(struct fixture *f, bool create) {
  struct db_url url = {.dialect = DIALECT_SQLITE};
  struct db_options options = {.url = &url, .create = create, .wal = true, .lock_timeout_ms = 5000};
  struct db *db = NULL;
  err_copy(url.path, sizeof url.path, f->path, strlen(f->path));
  assert_ok(db_open(&db, &options, NULL, &f->e));
  return db;
}

static char *read_file(struct fixture *f, const char *path, size_t *len) {
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  char *text = arena_alloc(&f->arena, 1 << 20);
  *len = fread(text, 1, (1 << 20) - 1, file);
  fclose(file);
  return text;
}

static void apply_file(struct fixture *f, const char *path) {
  struct sql_statements cut = {0};
  size_t len;
  char *text = read_file(f, path, &len);
  char *up = strstr(text, "\n-- migd:up"), *down = strstr(text, "\n-- migd:down");
  assert_non_null(up);
  if (down)
    *down = '\0';
  assert_ok(sql_split(DIALECT_SQLITE, up, strlen(up), &f->arena, &cut, &f->e));
  assert_true(cut.count > 0);
  for (size_t i = 0; i < cut.count; i++) {
    struct db_statement s = {up + cut.items[i].start, cut.items[i].len, NULL, 0, DB_OURS};
    assert_ok(f->db->driver->exec(f->db, &s, NULL, NULL, NULL, NULL, &f->e));
  }
}

/* The up sections of the store's catalog, by file name. */
static void apply_schema(struct fixture *f) {
  char pattern[PATH_MAX] = __FILE__;
  glob_t found;
  char *end = strstr(pattern, "tests/unit/store/");
  assert_non_null(end);
  strcpy(end, "migrations/store/*.sql");
  assert_int_equal(glob(pattern, 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++)
    apply_file(f, found.gl_pathv[i]);
  globfree(&found);
}

static int MAYBE_UNUSED setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof *f);
  char template[PATH_MAX];
  const char *tmp = getenv("TMPDIR");
  snprintf(template, sizeof template, "%s/migd-store-" TEMPORARY, tmp && *tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(template));
  assert_non_null(realpath(template, f->dir));
  snprintf(f->path, sizeof f->path, "%s/store.db", f->dir);
  arena_init(&f->arena, 0);
  f->db = fixture_open(f, true);
  apply_schema(f);
  *state = f;
  return 0;
}

static int MAYBE_UNUSED teardown(void **state) {
  struct fixture *f = *state;
  db_close(f->db);
  arena_release(&f->arena);
  nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  free(f);
  return 0;
}

/* A number that a statement answers. */
static int64_t MAYBE_UNUSED number(struct fixture *f, struct db *db, const char *sql) {
  int64_t out = -1;
  assert_ok(row_int(db, sql, NO_PARAMS, &out, NULL, &f->e));
  return out;
}

static void MAYBE_UNUSED change(struct fixture *f, const char *sql) {
  struct db_statement s = {sql, strlen(sql), NULL, 0, DB_OURS};
  assert_ok(f->db->driver->exec(f->db, &s, NULL, NULL, NULL, NULL, &f->e));
}

/* A line of revisions r1 … rn as a catalog; `text` makes its content differ. */
struct made_catalog {
  struct catalog catalog;
  struct catalog_file files[16];
  size_t count;
};

static void MAYBE_UNUSED make_catalog(struct fixture *f, struct made_catalog *made, size_t count,
                                      const char *text) {
  struct problems problems = {.arena = &f->arena};
  memset(made, 0, sizeof *made);
  for (size_t i = 1; i <= count; i++) {
    const char *parent = i == 1 ? "base" : arena_printf(&f->arena, "r%zu", i - 1);
    const char *bytes =
        arena_printf(&f->arena,
                     "-- migd:revision r%zu\n-- migd:parent %s\n-- migd:message m%zu\n\n"
                     "-- migd:up\nCREATE TABLE t%zu (%s INTEGER);\n",
                     i, parent, i, i, text);
    made->files[made->count++] =
        (struct catalog_file){arena_printf(&f->arena, "r%zu_made.sql", i), bytes, strlen(bytes)};
  }
  if (catalog_build(&made->catalog, made->files, made->count, &f->arena, &problems))
    fail_msg("%s: %s", problems.items[0].file, problems.items[0].message);
}

static void MAYBE_UNUSED put_catalog(struct fixture *f, const char *name, const char *text) {
  struct made_catalog made;
  make_catalog(f, &made, 3, text);
  assert_ok(bundle_put(f->db, name, NULL, &made.catalog, made.files, made.count, "ann", &f->e));
}

/* A target of the catalog `app` at a place of its own; `labels` as k=v,k=v. */
static int64_t MAYBE_UNUSED add_target(struct fixture *f, const char *name, const char *labels) {
  struct label items[8];
  struct target t = {.name = name, .catalog = "app", .dialect = DIALECT_SQLITE, .labels = items};
  int64_t id = 0;
  char *save = NULL, *text = arena_strdup(&f->arena, labels);
  t.url = arena_printf(&f->arena, "sqlite:/x/%s.db", name);
  for (char *pair = strtok_r(text, ",", &save); pair; pair = strtok_r(NULL, ",", &save)) {
    char *value = strchr(pair, '=');
    *value = '\0';
    items[t.label_count++] = (struct label){pair, value + 1};
  }
  assert_ok(target_add(f->db, &t, t.url, &id, &f->e));
  return id;
}

static int64_t MAYBE_UNUSED add_run(struct fixture *f, const int64_t *targets, size_t count) {
  struct run run = {
      .request_id = "", .principal = "ann", .packed_request = "q", .packed_request_len = 1};
  int64_t id = 0;
  bool existed = true;
  assert_ok(run_insert(f->db, &run, targets, count, &id, &existed, &f->e));
  assert_false(existed);
  return id;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
