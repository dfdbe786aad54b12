/* A store of an older program, with what is in it, is brought to this one's schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/temporary.h"
#include "server/db/db.h"
#include "server/engine/selfstore.h"

static char dir[64], path[80];

static struct db *open_store(void) {
  struct db_url url = {.dialect = DIALECT_SQLITE};
  struct db_options options = {.url = &url};
  struct db *db;
  struct err e;
  snprintf(url.path, sizeof url.path, "%s", path);
  if (db_open(&db, &options, NULL, &e))
    fail_msg("%s", e.text);
  return db;
}

static void run(struct db *db, const char *const *statements) {
  struct err e;
  for (; *statements; statements++)
    if (db_exec(db, *statements, NULL, 0, NULL, NULL, NULL, NULL, &e))
      fail_msg("%s: %s", *statements, e.text);
}

static int on_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  snprintf(ctx, 200, "%s", v[0].s ? v[0].s : "");
  return 0;
}

static void is(struct db *db, const char *sql, const char *expected) {
  char text[200] = "";
  struct err e;
  if (db_exec(db, sql, NULL, 0, on_text, text, NULL, NULL, &e))
    fail_msg("%s: %s", sql, e.text);
  assert_string_equal(text, expected);
}

static int begin(void **state) {
  struct err e;
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/migd-selfstore-" TEMPORARY);
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/store.db", dir);
  if (selfstore_migrate(path, 1, NULL, NULL, &e))
    fail_msg("%s", e.text);
  return 0;
}

static int end(void **state) {
  static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm"};
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char file[100];
    snprintf(file, sizeof file, "%s/%s", dir, files[i]);
    (void)unlink(file);
  }
  return rmdir(dir);
}

static void what_is_in_an_older_store_stays(void **state) {
  static const char *const back[] = {
      "DROP INDEX event_latest",
      "ALTER TABLE event DROP COLUMN latest",
      "DROP TABLE variable",
      "ALTER TABLE target DROP COLUMN idle_timeout_ms",
      "ALTER TABLE target DROP COLUMN lock_retry_ms",
      "ALTER TABLE target DROP COLUMN ca_certificate",
      "ALTER TABLE catalog DROP COLUMN lint_policy",
      "DELETE FROM migd_ledger WHERE revision IN ('0003', '0004')",
      "UPDATE migd_revision SET revision = '0002'",
      "INSERT INTO bundle VALUES ('d', 'r1', 1)",
      "INSERT INTO catalog (name, digest, pushed_at, pushed_by, adopt_table) "
      "VALUES ('shop', 'd', 1, 'ann', 't')",
      "INSERT INTO target (id, name, url, place, catalog, dialect, added_at, password) "
      "VALUES (7, 'eu', 'sqlite:/a', '/a', 'shop', 1, 5, x'00ff')",
      "INSERT INTO run (id, request_id, principal, request, state, created_at, next_seq) "
      "VALUES (3, '', 'ann', x'', 1, 1, 2)",
      "INSERT INTO event VALUES (3, 1, x'01')",
      "INSERT INTO target_label (target_id, label_key, label_value) VALUES (7, 'env', 'prod')",
      NULL};
  char revision[65];
  struct err e;
  (void)state;
  struct db *db = open_store();
  run(db, back);
  db_close(db);
  for (int i = 0; i < 2; i++) {
    if (selfstore_migrate(path, 0, revision, NULL, &e))
      fail_msg("%s", e.text);
    assert_string_equal(revision, "0004");
  }
  db = open_store();
  is(db,
     "SELECT id || name || place || added_at || hex(password) || idle_timeout_ms || lock_retry_ms "
     "|| '<' || ca_certificate || '>' FROM target",
     "7eu/a500FF00<>");
  is(db, "SELECT name || adopt_table || coalesce(lint_policy, '-') FROM catalog", "shopt-");
  is(db, "SELECT label_value FROM target_label WHERE target_id = 7", "prod");
  is(db,
     "SELECT name FROM sqlite_schema WHERE tbl_name = 'target' AND type = 'index' AND sql "
     "IS NOT NULL",
     "target_catalog");
  is(db, "SELECT seq || hex(packed) || coalesce(latest, '-') FROM event", "101-");
  is(db, "SELECT CAST(count(*) AS TEXT) FROM variable", "0");
  db_close(db);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_in_an_older_store_stays, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
