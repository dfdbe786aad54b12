/* What the tests of walks share: a database of either kind with a catalog for it, walks over it,
 * and questions past migd. PostgreSQL where MIGD_TEST_PG_HOST says there is one.
 */
#ifndef MIGD_TESTS_WALK_FIXTURE_H
#define MIGD_TESTS_WALK_FIXTURE_H

#include "server/engine/walk.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/temporary.h"
#include "tests/support/faulty_db.h"

#define MAYBE_UNUSED __attribute__((unused))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct fixture;

struct source {
  const char *name, *text;
};

/* A line of three with a merge at the end; the third is part outside a transaction. */
MAYBE_UNUSED static const struct source shop[] = {
    {"r1_first.sql",
     "-- migd:revision r1\n-- migd:parent base\n-- migd:message first\n\n-- migd:up\n"
     "CREATE TABLE a (id INTEGER PRIMARY KEY);\nINSERT INTO a VALUES (1);\n"
     "-- migd:down\nDROP TABLE a;\n"},
    {"r2_left.sql", "-- migd:revision r2\n-- migd:parent r1\n-- migd:message left\n\n-- migd:up\n"
                    "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));\n"
                    "INSERT INTO b VALUES (1, 1);\n-- migd:down\nDROP TABLE b;\n"},
    {"r3_right.sql", "-- migd:revision r3\n-- migd:parent r1\n-- migd:message right\n\n-- migd:up\n"
                     "CREATE TABLE c (id INTEGER PRIMARY KEY);\n-- migd:up transaction=off\n"
                     "CREATE INDEX c_id ON c (id);\n-- migd:down\nDROP TABLE c;\n"},
    {"r4_merge.sql", "-- migd:revision r4\n-- migd:parent r2, r3\n-- migd:message merge\n\n"
                     "-- migd:up\nCREATE TABLE d (id INTEGER PRIMARY KEY);\n-- migd:down\n"
                     "DROP TABLE d;\n"},
};

/* What the two dialects need differently. */
struct backend {
  enum dialect dialect;
  const char *tables, *index; /* what is there; whether c_id is, as text */
  void (*make)(struct fixture *f);
  void (*drop)(struct fixture *f);
};

static const struct backend *backend;

struct fixture {
  char dir[64];
  struct db_options options;
  struct arena arena;
  struct db_url url;
  struct catalog catalog;
  int64_t epoch;
  struct db *look; /* what ask() asks; made by the first question */
};

MAYBE_UNUSED static void build(struct fixture *f, const struct source *sources, size_t count) {
  struct catalog_file files[8];
  struct problems problems = {.arena = &f->arena};
  for (size_t i = 0; i < count; i++)
    files[i] = (struct catalog_file){sources[i].name, sources[i].text, strlen(sources[i].text)};
  if (catalog_build(&f->catalog, files, count, &f->arena, &problems))
    fail_msg("%s:%u: %s", problems.items[0].file, problems.items[0].line,
             problems.items[0].message);
}

MAYBE_UNUSED static void make_sqlite(struct fixture *f) {
  struct err e;
  char url[160];
  /* Memory, where there is some: thousands of files are made, and no power is lost here. */
  snprintf(f->dir, sizeof f->dir, "%s/migd-walk-" TEMPORARY,
           access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
  assert_non_null(mkdtemp(f->dir));
  snprintf(url, sizeof url, "sqlite:%s/app.db", f->dir);
  assert_int_equal(db_url_parse(url, &f->url, &e), 0);
  struct db_options options = {.url = &f->url, .create = true};
  struct db *db;
  if (db_open(&db, &options, NULL, &e))
    fail_msg("%s", e.text);
  db_close(db);
}

MAYBE_UNUSED static void drop_sqlite(struct fixture *f) {
  char command[160];
  snprintf(command, sizeof command, "rm -rf %s", f->dir);
  assert_int_equal(system(command), 0);
}

/* Each process has a database of its own; each test begins with an empty schema in it. */
MAYBE_UNUSED static void make_postgres(struct fixture *f) {
  struct err e;
  char url[320];
  snprintf(url, sizeof url, "postgresql://%s@%s:%s/migd_walk_%d", getenv("MIGD_TEST_PG_USER"),
           getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"), (int)getpid());
  assert_int_equal(db_url_parse(url, &f->url, &e), 0);
  f->options.password = getenv("MIGD_TEST_PG_PASSWORD");
  struct db *db DB_SCOPED = NULL;
  if (db_open(&db, &f->options, NULL, &e) ||
      db_exec(db, "DROP SCHEMA public CASCADE", NULL, 0, NULL, NULL, NULL, NULL, &e) ||
      db_exec(db, "CREATE SCHEMA public", NULL, 0, NULL, NULL, NULL, NULL, &e))
    fail_msg("%s", e.text);
}

MAYBE_UNUSED static void drop_postgres(struct fixture *f) {
  (void)f;
}

static const char *ask(struct fixture *f, const char *sql, char out[512]);

/* One schema is the target. Another one is searched behind it, with a ledger and tables of the same
 * names: whoever takes those for the target's shows it. */
MAYBE_UNUSED static void make_schema(struct fixture *f) {
  static const char *const sql[] = {
      "DROP SCHEMA IF EXISTS tenant CASCADE",
      "CREATE SCHEMA tenant",
      "CREATE TABLE migd_revision (revision VARCHAR(64) NOT NULL PRIMARY KEY)",
      "INSERT INTO migd_revision VALUES ('r9')",
      "CREATE TABLE a (decoy int)",
      "CREATE TABLE b (decoy int)",
      "CREATE TABLE c (decoy int)"};
  struct err e;
  char url[320];
  make_postgres(f);
  struct db *db DB_SCOPED = NULL;
  assert_int_equal(db_open(&db, &f->options, NULL, &e), 0);
  for (size_t i = 0; i < COUNT(sql); i++)
    if (db_exec(db, sql[i], NULL, 0, NULL, NULL, NULL, NULL, &e))
      fail_msg("%s: %s", sql[i], e.text);
  snprintf(url, sizeof url, "postgresql://%s@%s:%s/migd_walk_%d?schema=tenant,public",
           getenv("MIGD_TEST_PG_USER"), getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"),
           (int)getpid());
  assert_int_equal(db_url_parse(url, &f->url, &e), 0);
}

MAYBE_UNUSED static void drop_schema(struct fixture *f) {
  char out[512];
  assert_string_equal(ask(f,
                          "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE "
                          "relkind = 'r' AND relnamespace = 'public'::regnamespace",
                          out),
                      "a,b,c,migd_revision ");
  assert_string_equal(ask(f, "SELECT revision FROM public.migd_revision", out), "r9 ");
}

static const struct backend sqlite = {
    .dialect = DIALECT_SQLITE,
    .tables =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'migd%' ORDER BY 1",
    .index = "SELECT CAST(count(*) AS TEXT) FROM sqlite_schema WHERE name = 'c_id'",
    .make = make_sqlite,
    .drop = drop_sqlite,
};

static const struct backend postgres = {
    .dialect = DIALECT_POSTGRESQL,
    .tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = "
              "'public'::regnamespace AND relname NOT LIKE 'migd%' ORDER BY 1",
    .index = "SELECT count(*)::text FROM pg_class WHERE relname = 'c_id'",
    .make = make_postgres,
    .drop = drop_postgres,
};

MAYBE_UNUSED static const struct backend schema = {
    .dialect = DIALECT_POSTGRESQL,
    .tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = "
              "'tenant'::regnamespace AND relname NOT LIKE 'migd%' ORDER BY 1",
    .index = "SELECT count(*)::text FROM pg_class WHERE relname = 'c_id'",
    .make = make_schema,
    .drop = drop_schema,
};

MAYBE_UNUSED static void begin(struct fixture *f) {
  memset(f, 0, sizeof *f);
  arena_init(&f->arena, 0);
  f->options.guard = true;
  f->options.lock_timeout_ms = 50;
  f->options.url = &f->url;
  backend->make(f);
  build(f, shop, COUNT(shop));
}

MAYBE_UNUSED static void end(struct fixture *f) {
  backend->drop(f);
  db_close(f->look);
  arena_release(&f->arena);
}

MAYBE_UNUSED static struct walk walk(struct fixture *f, enum operation operation,
                                     const char **revision) {
  return (struct walk){
      .target = "app",
      .options = f->options,
      .open = faulty_open,
      .catalog = &f->catalog,
      .request = {.operation = operation,
                  .dialect = backend->dialect,
                  .revisions = revision,
                  .revision_count = 1},
      .store_id = "0123456789abcdef",
      .principal = "tester",
      .run = 1,
      .epoch = ++f->epoch,
      .arena = &f->arena,
  };
}

MAYBE_UNUSED static int go(struct fixture *f, enum operation operation, const char *revision,
                           struct walk *out, struct err *e) {
  const char *revisions[] = {revision};
  struct walk w = walk(f, operation, revisions);
  int rc = walk_to(&w, WALK_APPLY, e);
  w.request.revisions = NULL;
  if (out)
    *out = w;
  return rc;
}

MAYBE_UNUSED static int on_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  char *out = ctx;
  (void)e;
  for (int i = 0; i < count; i++) {
    size_t used = strlen(out);
    if (v[i].type == DB_INT)
      snprintf(out + used, 512 - used, "%" PRId64 " ", v[i].i);
    else
      snprintf(out + used, 512 - used, "%s ", v[i].s ? v[i].s : "");
  }
  return 0;
}

/* A session past migd: without its guard. */
static struct db *connect_past(struct fixture *f) {
  struct err e;
  struct db *db;
  struct db_options options = f->options;
  options.guard = false;
  if (db_open(&db, &options, NULL, &e))
    fail_msg("%s", e.text);
  return db;
}

MAYBE_UNUSED static void must(struct db *db, const char *sql) {
  struct err e;
  if (db_exec(db, sql, NULL, 0, NULL, NULL, NULL, NULL, &e))
    fail_msg("%s: %s", sql, e.text);
}

/* All columns of all rows, a space behind each; or the error. */
static const char *ask(struct fixture *f, const char *sql, char out[512]) {
  struct err e;
  if (!f->look)
    f->look = connect_past(f);
  out[0] = 0;
  if (db_exec(f->look, sql, NULL, 0, on_text, out, NULL, NULL, &e))
    snprintf(out, 512, "%.400s", e.text);
  return out;
}

MAYBE_UNUSED static const char *tables(struct fixture *f, char out[512]) {
  return ask(f, backend->tables, out);
}

MAYBE_UNUSED static const char *rows(struct fixture *f, char out[512]) {
  return ask(f,
             f->url.schema_count ? "SELECT revision FROM tenant.migd_revision ORDER BY 1"
                                 : "SELECT revision FROM migd_revision ORDER BY 1",
             out);
}

static void on_server(const char *what) {
  struct err e;
  struct db_url url;
  char text[320], sql[80];
  snprintf(text, sizeof text, "postgresql://%s@%s:%s/migd", getenv("MIGD_TEST_PG_USER"),
           getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"));
  snprintf(sql, sizeof sql, "%s DATABASE migd_walk_%d", what, (int)getpid());
  struct db_options options = {.url = &url, .password = getenv("MIGD_TEST_PG_PASSWORD")};
  struct db *db DB_SCOPED = NULL;
  if (db_url_parse(text, &url, &e) || db_open(&db, &options, NULL, &e) ||
      db_exec(db, sql, NULL, 0, NULL, NULL, NULL, NULL, &e)) {
    fprintf(stderr, "%s: %s\n", sql, e.text);
    exit(1);
  }
}

/* Runs tests on PostgreSQL, where there is one, in a database that is made for them. Answers how
 * many failed. */
MAYBE_UNUSED static int on_postgres(int (*run)(void)) {
  if (!getenv("MIGD_TEST_PG_HOST")) {
    fprintf(stderr, "no PostgreSQL here (MIGD_TEST_PG_HOST): its tests are skipped\n");
    return 0;
  }
  backend = &postgres;
  on_server("CREATE");
  int failed = run();
  on_server("DROP");
  return failed;
}

#endif
