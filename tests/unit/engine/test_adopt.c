/* What other tools write down, as they write it, and what it is here: a row a case. Once on a
 * SQLite file, once on PostgreSQL where MIGD_TEST_PG_HOST says there is one.
 */
#include "server/engine/adopt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/temporary.h"
#include "server/engine/walk.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FILE_OF(id, parent, on)                                                                    \
  {                                                                                                \
    id "_x.sql", "-- migd:revision " id "\n-- migd:parent " parent "\n\n-- migd:up" on             \
                 "\nSELECT 1;\n-- migd:down" on "\n"                                               \
  }

struct source {
  const char *name, *text;
};

/* The third does nothing on either of the dialects in turn; the last is in no tool's table. */
static const struct source numbers[] = {
    FILE_OF("0001", "base", ""), FILE_OF("0002", "0001", ""),   FILE_OF("0003", "0002", " on=%s"),
    FILE_OF("0010", "0003", ""), FILE_OF("0011.2", "0010", ""), FILE_OF("R_views", "0011.2", ""),
};
static const struct source names[] = {
    FILE_OF("ae_1027", "base", ""),     FILE_OF("ann_1", "ae_1027", ""),
    FILE_OF("app_schema", "ann_1", ""), FILE_OF("users_v1", "app_schema", ""),
    FILE_OF("users", "users_v1", ""),   FILE_OF("more.bob_7", "users", ""),
};

#define MIGRATE "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, dirty BOOLEAN);"
#define DBMATE "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);"
#define GOOSE                                                                                      \
  "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id BIGINT, is_applied BOOLEAN);" \
  "INSERT INTO goose_db_version VALUES (1, 0, TRUE), (2, 1, TRUE), (3, 2, TRUE), (4, 10, TRUE),"   \
  "(5, 10, FALSE);"
#define FLYWAY                                                                                     \
  "CREATE TABLE flyway_schema_history (installed_rank INTEGER PRIMARY KEY, version VARCHAR(50), "  \
  "description VARCHAR(200), type VARCHAR(20), script VARCHAR(1000), checksum INTEGER, success "   \
  "BOOLEAN);"
#define FLYWAY_ROW(rank, version, type, script, ok)                                                \
  "INSERT INTO flyway_schema_history VALUES (" rank ", " version ", 'x', '" type "', '" script     \
  "', -77, " ok ");"
#define LIQUIBASE                                                                                  \
  "CREATE TABLE databasechangelog (id VARCHAR(255), author VARCHAR(255), filename VARCHAR(255), "  \
  "dateexecuted VARCHAR(9), orderexecuted INTEGER, exectype VARCHAR(10), md5sum VARCHAR(35));"     \
  "INSERT INTO databasechangelog VALUES ('1027', 'ae', 'x.sql', '', 1, 'EXECUTED', NULL);"
#define ATLAS                                                                                      \
  "CREATE TABLE atlas_schema_revisions (version VARCHAR(255), type INTEGER, applied INTEGER, "     \
  "total INTEGER, error TEXT, hash TEXT);"
#define ALEMBIC "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);"
#define SQLX                                                                                       \
  "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT, success BOOLEAN);" \
  "INSERT INTO _sqlx_migrations VALUES (1, 'x', TRUE);"

enum { NUMBERS, NAMES };

/* `finds`: the ledger's rows, with a blank behind each; or a part of the refusal. */
static const struct shape {
  const char *tool;
  int catalog;
  const char *sql, *finds;
  enum err_kind kind;
} shapes[] = {
    {"golang-migrate", NUMBERS, MIGRATE "INSERT INTO schema_migrations VALUES (10, FALSE);",
     "0010 ", ERR_NONE},
    {"golang-migrate", NUMBERS, MIGRATE "INSERT INTO schema_migrations VALUES (10, TRUE);",
     "10 failed or is not whole", ERR_REFUSED},
    {"golang-migrate", NUMBERS, MIGRATE, "", ERR_NONE},
    {"golang-migrate", NUMBERS, MIGRATE "INSERT INTO schema_migrations VALUES (12, FALSE);",
     "names 12, which is no revision", ERR_REFUSED},
    {"dbmate", NUMBERS, DBMATE "INSERT INTO schema_migrations VALUES ('0001'), ('0002'), ('0010');",
     "0010 ", ERR_NONE},
    {"dbmate", NUMBERS, DBMATE "INSERT INTO schema_migrations VALUES ('0001'), ('0010');",
     "0010 but not 0002", ERR_REFUSED},
    {"goose", NUMBERS, GOOSE, "0002 ", ERR_NONE},
    {"flyway", NUMBERS,
     FLYWAY FLYWAY_ROW("1", "'1'", "SQL", "V1__x.sql", "TRUE")
         FLYWAY_ROW("2", "'2'", "SQL", "V2__x.sql", "TRUE")
             FLYWAY_ROW("3", "NULL", "SQL", "a/R__views.sql", "TRUE"),
     "0002 ", ERR_NONE},
    {"flyway", NUMBERS,
     FLYWAY FLYWAY_ROW("1", "'10'", "BASELINE", "<< Flyway Baseline >>", "TRUE")
         FLYWAY_ROW("2", "'11.02'", "SQL", "V11.02__x.sql", "TRUE")
             FLYWAY_ROW("3", "NULL", "SQL", "R__views.sql", "TRUE"),
     "R_views ", ERR_NONE},
    {"flyway", NUMBERS,
     FLYWAY FLYWAY_ROW("1", "'1'", "SQL", "V1__x.sql", "TRUE")
         FLYWAY_ROW("2", "'2'", "SQL", "V2__x.sql", "TRUE")
             FLYWAY_ROW("3", "'2'", "UNDO_SQL", "U2__x.sql", "TRUE"),
     "0001 ", ERR_NONE},
    {"flyway", NUMBERS, FLYWAY FLYWAY_ROW("1", "'1'", "SQL", "V1__x.sql", "FALSE"), "1 failed",
     ERR_REFUSED},
    {"liquibase", NAMES, LIQUIBASE, "ae_1027 ", ERR_NONE},
    {"liquibase", NAMES, LIQUIBASE "UPDATE databasechangelog SET id = '9';", "names ae:9",
     ERR_REFUSED},
    {"liquibase", NAMES,
     LIQUIBASE
     "UPDATE databasechangelog SET id = '1', author = 'ann';"
     "INSERT INTO databasechangelog VALUES ('7', 'bob', 'db/more.sql', '', 2, 'RERAN', '9:x');",
     "more.bob_7 but not users", ERR_REFUSED},
    {"liquibase", NAMES, LIQUIBASE "UPDATE databasechangelog SET exectype = 'FAILED';", "failed",
     ERR_REFUSED},
    {"atlas", NUMBERS,
     ATLAS "INSERT INTO atlas_schema_revisions VALUES ('.atlas_cloud_identifier', 2, 0, 0, NULL, "
           "''), ('1', 2, 1, 1, '', 'h'), ('2', 2, 3, 3, NULL, 'h');",
     "0002 ", ERR_NONE},
    {"atlas", NUMBERS,
     ATLAS "INSERT INTO atlas_schema_revisions VALUES ('0010', 1, 0, 0, NULL, '');", "0010 ",
     ERR_NONE},
    {"atlas", NUMBERS,
     ATLAS "INSERT INTO atlas_schema_revisions VALUES ('0001', 2, 1, 2, 'boom', '');",
     "0001 failed", ERR_REFUSED},
    {"alembic", NAMES, ALEMBIC "INSERT INTO alembic_version VALUES ('app_schema');", "app_schema ",
     ERR_NONE},
    {"alembic", NAMES, ALEMBIC, "", ERR_NONE},
    {"sqlx", NUMBERS, SQLX, "0001 ", ERR_NONE},
    {"sqlx", NUMBERS, SQLX "UPDATE _sqlx_migrations SET success = FALSE;", "1 failed", ERR_REFUSED},
    {"diesel", NUMBERS,
     "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on TIMESTAMP);"
     "INSERT INTO __diesel_schema_migrations VALUES ('0001', NULL), ('0002', NULL);",
     "0002 ", ERR_NONE},
    {"refinery", NUMBERS,
     "CREATE TABLE refinery_schema_history (version INTEGER PRIMARY KEY, name VARCHAR(255), "
     "applied_on VARCHAR(255), checksum VARCHAR(255));"
     "INSERT INTO refinery_schema_history VALUES (1, 'x', '', '42'), (2, 'y', '', '43');",
     "0002 ", ERR_NONE},
};

struct fixture {
  enum dialect dialect;
  char dir[64];
  struct arena arena;
  struct db_url url;
  struct db_options options;
  struct catalog catalogs[2];
  int64_t epoch;
};

static struct fixture fix;

static void build(struct fixture *f, struct catalog *out, const struct source *sources,
                  size_t count) {
  struct catalog_file files[8];
  struct problems problems = {.arena = &f->arena};
  const char *other =
      dialect_name(f->dialect == DIALECT_SQLITE ? DIALECT_POSTGRESQL : DIALECT_SQLITE);
  for (size_t i = 0; i < count; i++) {
    struct buf b BUF_SCOPED = BUF_INIT;
    for (const char *s = sources[i].text; *s; s++)
      if (s[0] == '%' && s[1] == 's')
        buf_adds(&b, other), s++;
      else
        buf_addc(&b, *s);
    files[i] = (struct catalog_file){sources[i].name, arena_strdup(&f->arena, buf_str(&b)), b.len};
  }
  if (catalog_build(out, files, count, &f->arena, &problems))
    fail_msg("%s: %s", problems.items[0].file, problems.items[0].message);
}

static void run_on(const struct db_url *url, const char *sql, bool create) {
  struct err e;
  struct db_options options = fix.options;
  struct db *db DB_SCOPED = NULL;
  options.url = url;
  options.create = create;
  options.guard = false;
  if (db_open(&db, &options, NULL, &e))
    fail_msg("%s", e.text);
  while (*sql) {
    size_t len = strcspn(sql, ";");
    struct db_statement statement = {.sql = sql, .len = len};
    if (db->driver->exec(db, &statement, NULL, NULL, NULL, NULL, &e))
      fail_msg("%.*s: %s", (int)len, sql, e.text);
    sql += len + (sql[len] == ';');
  }
}

static void empty(struct fixture *f) {
  if (f->dialect == DIALECT_POSTGRESQL) {
    run_on(&f->url,
           "DROP SCHEMA public CASCADE;CREATE SCHEMA public;DROP SCHEMA IF EXISTS sqitch CASCADE;"
           "DROP SCHEMA IF EXISTS atlas_schema_revisions CASCADE",
           false);
    return;
  }
  unlink(f->url.path);
  run_on(&f->url, "VACUUM", true);
}

static int on_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  strcat(strcat(ctx, v[0].s), " ");
  return 0;
}

static const char *ask(const char *sql, char out[512]) {
  struct err e;
  struct db *db DB_SCOPED = NULL;
  out[0] = 0;
  if (db_open(&db, &fix.options, NULL, &e) ||
      db_exec(db, sql, NULL, 0, on_text, out, NULL, NULL, &e))
    snprintf(out, 512, "%.400s", e.text);
  return out;
}

static int adopt(int catalog, const char *tool, struct adoption *a, struct err *e) {
  *a = (struct adoption){.asked = tool};
  struct walk w = {.target = "app",
                   .options = fix.options,
                   .catalog = &fix.catalogs[catalog],
                   .request = {.operation = OP_STAMP, .dialect = fix.dialect},
                   .adopt = a,
                   .store_id = "0123456789abcdef",
                   .principal = "tester",
                   .run = 1,
                   .epoch = ++fix.epoch,
                   .arena = &fix.arena};
  return walk_to(&w, WALK_APPLY, e);
}

static void check(const struct shape *s, const char *asked) {
  struct err e;
  struct adoption a;
  char out[512];
  empty(&fix);
  run_on(&fix.url, s->sql, false);
  int rc = adopt(s->catalog, asked, &a, &e);
  if (s->kind == ERR_NONE) {
    if (rc)
      fail_msg("%s: %s\n%s", s->tool, e.text, s->sql);
    assert_string_equal(a.tool, s->tool);
    if (strcmp(ask("SELECT revision FROM migd_revision ORDER BY 1", out), s->finds))
      fail_msg("%s: at \"%s\", not at \"%s\"\n%s", s->tool, out, s->finds, s->sql);
    assert_int_equal(adopt(s->catalog, asked, &a, &e), 0);
    assert_true(a.known);
    return;
  }
  if (!rc || e.kind != s->kind || !strstr(e.text, s->finds))
    fail_msg("%s: \"%s\", not \"%s\"\n%s", s->tool, rc ? e.text : "adopted", s->finds, s->sql);
  assert_non_null(strstr(ask("SELECT revision FROM migd_revision", out), "migd_revision"));
}

static void each_tool_as_it_writes(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(shapes); i++) {
    check(&shapes[i], "");
    check(&shapes[i], shapes[i].tool);
  }
}

static void what_it_found_is_told(void **state) {
  (void)state;
  struct err e;
  struct adoption a;
  empty(&fix);
  run_on(&fix.url,
         FLYWAY FLYWAY_ROW("1", "'1'", "SQL", "V1__x.sql", "TRUE")
             FLYWAY_ROW("2", "NULL", "SQL", "R__views.sql", "TRUE"),
         false);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), 0);
  assert_string_equal(a.table, "flyway_schema_history");
  assert_int_equal(a.count, 2);
  for (size_t i = 0; i < 2; i++) {
    bool first = a.items[i].version[0] == '1';
    assert_string_equal(a.items[i].note, "-77");
    if (first)
      assert_string_equal(a.items[i].revision, "0001");
    else
      assert_null(a.items[i].revision);
  }
}

static void nothing_and_too_much_are_refused(void **state) {
  (void)state;
  struct err e;
  struct adoption a;
  char out[512];
  empty(&fix);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  run_on(&fix.url, SQLX ALEMBIC, false);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), -1);
  assert_non_null(strstr(e.text, "both alembic (alembic_version) and sqlx (_sqlx_migrations)"));
  assert_int_equal(adopt(NUMBERS, "goose", &a, &e), -1);
  assert_non_null(strstr(e.text, "no version table of goose"));
  assert_int_equal(adopt(NUMBERS, "sqlx", &a, &e), 0);
  assert_string_equal(ask("SELECT revision FROM migd_revision", out), "0001 ");
}

static void a_ledger_that_knows_less_is_not_touched(void **state) {
  (void)state;
  struct err e;
  struct adoption a;
  char out[512];
  empty(&fix);
  run_on(&fix.url, SQLX, false);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), 0);
  run_on(&fix.url, "INSERT INTO _sqlx_migrations VALUES (2, 'x', TRUE)", false);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_non_null(strstr(e.text, "0002, which _sqlx_migrations has, is not in it"));
  assert_string_equal(ask("SELECT revision FROM migd_revision", out), "0001 ");
}

static void a_number_that_may_be_two_is_refused(void **state) {
  (void)state;
  static const struct source twins[] = {FILE_OF("1", "base", ""), FILE_OF("V01", "1", "")};
  struct err e;
  struct adoption a;
  struct catalog kept = fix.catalogs[NUMBERS];
  build(&fix, &fix.catalogs[NUMBERS], twins, 2);
  empty(&fix);
  run_on(&fix.url, DBMATE "INSERT INTO schema_migrations VALUES ('001')", false);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), -1);
  assert_non_null(strstr(e.text, "may be more than one"));
  empty(&fix);
  run_on(&fix.url, DBMATE "INSERT INTO schema_migrations VALUES ('1')", false);
  assert_int_equal(adopt(NUMBERS, "", &a, &e), 0);
  fix.catalogs[NUMBERS] = kept;
}

#define SQITCH_ROWS(schema)                                                                        \
  "CREATE TABLE " schema "changes (change_id TEXT PRIMARY KEY, change TEXT, project TEXT, "        \
  "committed_at TIMESTAMP);CREATE TABLE " schema                                                   \
  "tags (tag TEXT, change_id TEXT, planned_at TIMESTAMP);INSERT INTO " schema                      \
  "changes VALUES ('a', 'ae_1027', 'p', '2024-01-01 00:00:01'), ('b', 'ann/1', 'p', "              \
  "'2024-01-01 00:00:02'), ('c', 'app schema', 'p', '2024-01-01 00:00:03'), ('d', 'users', 'p', "  \
  "'2024-01-01 00:00:04'), ('e', 'users', 'p', '2024-01-01 00:00:05');INSERT INTO " schema         \
  "tags VALUES ('@v1', 'd', '2024-01-01 00:00:01')"

/* In PostgreSQL a schema of its own, with SQLite a file beside; a change that was reworked has its
 * tag in its id. */
static void sqitch_keeps_a_place_of_its_own(void **state) {
  (void)state;
  struct err e;
  struct adoption a;
  char out[512];
  empty(&fix);
  if (fix.dialect == DIALECT_POSTGRESQL) {
    run_on(&fix.url, "CREATE SCHEMA sqitch;" SQITCH_ROWS("sqitch."), false);
  } else {
    struct db_url beside = fix.url;
    strcpy(strrchr(beside.path, '/'), "/sqitch.db");
    run_on(&beside, SQITCH_ROWS(""), true);
  }
  int rc = adopt(NAMES, "", &a, &e);
  if (rc)
    fail_msg("%s", e.text);
  assert_string_equal(a.tool, "sqitch");
  assert_string_equal(ask("SELECT revision FROM migd_revision", out), "users ");
  if (fix.dialect == DIALECT_SQLITE) { /* a neighbour that another tool keeps is not Sqitch's */
    char path[80];
    empty(&fix);
    run_on(&fix.url, GOOSE, false);
    assert_int_equal(adopt(NUMBERS, "", &a, &e), 0);
    assert_string_equal(a.tool, "goose");
    snprintf(path, sizeof path, "%s/sqitch.db", fix.dir);
    unlink(path);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_tool_as_it_writes),
    cmocka_unit_test(what_it_found_is_told),
    cmocka_unit_test(nothing_and_too_much_are_refused),
    cmocka_unit_test(a_ledger_that_knows_less_is_not_touched),
    cmocka_unit_test(a_number_that_may_be_two_is_refused),
    cmocka_unit_test(sqitch_keeps_a_place_of_its_own),
};

static int run_all(const char *name, enum dialect dialect, const char *url) {
  struct err e;
  fix.dialect = dialect;
  arena_init(&fix.arena, 0);
  if (db_url_parse(url, &fix.url, &e)) {
    fprintf(stderr, "%s\n", e.text);
    return 1;
  }
  fix.options = (struct db_options){.url = &fix.url, .lock_timeout_ms = 50};
  if (dialect == DIALECT_POSTGRESQL)
    fix.options.password = getenv("MIGD_TEST_PG_PASSWORD");
  build(&fix, &fix.catalogs[NUMBERS], numbers, COUNT(numbers));
  build(&fix, &fix.catalogs[NAMES], names, COUNT(names));
  int failed = cmocka_run_group_tests_name(name, tests, NULL, NULL);
  arena_release(&fix.arena);
  return failed;
}

static int run_sqlite(void) {
  char url[160];
  snprintf(fix.dir, sizeof fix.dir, "%s", "/tmp/migd-adopt-" TEMPORARY);
  if (!mkdtemp(fix.dir))
    return 1;
  snprintf(url, sizeof url, "sqlite:%s/app.db", fix.dir);
  int failed = run_all("adoption on SQLite", DIALECT_SQLITE, url);
  unlink(fix.url.path);
  return failed + (rmdir(fix.dir) != 0);
}

static void on_server(const char *what) {
  char text[320], sql[80];
  struct err e;
  struct db_url url;
  snprintf(text, sizeof text, "postgresql://%s@%s:%s/migd", getenv("MIGD_TEST_PG_USER"),
           getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"));
  snprintf(sql, sizeof sql, "%s DATABASE migd_adopt_%d", what, (int)getpid());
  struct db_options options = {.url = &url, .password = getenv("MIGD_TEST_PG_PASSWORD")};
  struct db *db DB_SCOPED = NULL;
  if (db_url_parse(text, &url, &e) || db_open(&db, &options, NULL, &e) ||
      db_exec(db, sql, NULL, 0, NULL, NULL, NULL, NULL, &e)) {
    fprintf(stderr, "%s: %s\n", sql, e.text);
    exit(1);
  }
}

static int run_postgres(void) {
  char url[320];
  if (!getenv("MIGD_TEST_PG_HOST")) {
    fprintf(stderr, "no PostgreSQL here (MIGD_TEST_PG_HOST): skipped there\n");
    return 0;
  }
  on_server("CREATE");
  snprintf(url, sizeof url, "postgresql://%s@%s:%s/migd_adopt_%d", getenv("MIGD_TEST_PG_USER"),
           getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"), (int)getpid());
  int failed = run_all("adoption on PostgreSQL", DIALECT_POSTGRESQL, url);
  on_server("DROP");
  return failed;
}

int main(void) {
  return run_sqlite() + run_postgres();
}
