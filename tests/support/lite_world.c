#include "tests/support/lite_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "proto/base/buf.h"
#include "proto/base/temporary.h"

void world_begin(struct world *x) {
  char url[160];
  struct err e;
  memset(x, 0, sizeof *x);
  arena_init(&x->arena, 0);
  /* Memory, where there is some: thousands of files are made, and no power is lost here. */
  snprintf(x->dir, sizeof x->dir, "%s/migd-world-" TEMPORARY,
           access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
  assert_non_null(mkdtemp(x->dir));
  snprintf(x->file, sizeof x->file, "%s/app.db", x->dir);
  snprintf(url, sizeof url, "sqlite:%s", x->file);
  assert_int_equal(db_url_parse(url, &x->url, &e), 0);
  x->options = (struct db_options){.url = &x->url, .guard = true, .lock_timeout_ms = 50};
  world_run(x, "VACUUM");
}

void world_end(struct world *x) {
  static const char *const files[] = {"", "-journal", "-wal", "-shm"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s%s", x->file, files[i]);
    unlink(path);
  }
  assert_int_equal(rmdir(x->dir), 0);
  arena_release(&x->arena);
}

void world_catalog(struct world *x, const char *const *sql, size_t count) {
  struct catalog_file *files = ARENA_ARRAY(&x->arena, struct catalog_file, count);
  struct problems problems = {.arena = &x->arena};
  for (size_t i = 0; i < count; i++) {
    char parent[16] = "base";
    if (i)
      snprintf(parent, sizeof parent, "r%zu", i);
    const char *text =
        arena_printf(&x->arena, "-- migd:revision r%zu\n-- migd:parent %s\n\n%s%s\n", i + 1, parent,
                     strncmp(sql[i], "--", 2) ? "-- migd:up\n" : "", sql[i]);
    files[i] =
        (struct catalog_file){arena_printf(&x->arena, "r%zu_step.sql", i + 1), text, strlen(text)};
  }
  if (catalog_build(&x->catalog, files, count, &x->arena, &problems))
    fail_msg("%s:%u: %s", problems.items[0].file, problems.items[0].line,
             problems.items[0].message);
}

int world_walk(struct world *x, enum operation operation, const char *revision,
               enum walk_stage last, struct walk *out, struct err *e) {
  struct walk w = {
      .target = "app",
      .options = x->options,
      .catalog = &x->catalog,
      .variables = x->variables,
      .secrets = x->secrets,
      .request = {.operation = operation,
                  .dialect = DIALECT_SQLITE,
                  .revisions = &revision,
                  .revision_count = 1},
      .store_id = "0123456789abcdef",
      .principal = "tester",
      .run = 1,
      .epoch = ++x->epoch,
      .arena = &x->arena,
  };
  int rc = walk_to(&w, last, e);
  w.request.revisions = NULL;
  if (out)
    *out = w;
  return rc;
}

int world_go(struct world *x, const char *revision, struct err *e) {
  return world_walk(x, OP_UPGRADE, revision, WALK_APPLY, NULL, e);
}

static int on_row(void *ctx, int count, char **values, char **names) {
  struct buf *out = ctx;
  (void)names;
  for (int i = 0; i < count; i++)
    buf_addf(out, "%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
  buf_addc(out, '\n');
  return 0;
}

static void run(struct world *x, const char *sql, struct buf *out) {
  sqlite3 *db;
  char *why = NULL;
  assert_int_equal(sqlite3_open(x->file, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, on_row, out, &why) != SQLITE_OK)
    fail_msg("%.200s: %s", sql, why);
  sqlite3_close(db);
}

void world_run(struct world *x, const char *sql) {
  struct buf out BUF_SCOPED = BUF_INIT;
  run(x, sql, &out);
}

const char *world_ask(struct world *x, const char *sql) {
  struct buf out BUF_SCOPED = BUF_INIT;
  run(x, sql, &out);
  return arena_strndup(&x->arena, buf_str(&out), out.len);
}
