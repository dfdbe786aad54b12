/* Statements that run batch by batch, over real databases: with the connection lost at every
 * statement in turn, cancelled between batches, with somebody else in the way. In the end every row
 * is changed once and the ledger has counted them. On a SQLite file, and on PostgreSQL where
 * MIGD_TEST_PG_HOST says that there is one.
 */
#include "server/engine/backfill.h"

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

static enum dialect dialect;

struct fixture {
  char dir[64];
  struct db_options options;
  struct db_url url;
  struct arena arena;
  struct catalog catalog;
  struct job job;
  int64_t epoch;
  struct walk_batch last; /* that was told */
  unsigned told;
  int64_t longest_ms;  /* of the pauses that were told */
  int64_t cancel_rows; /* the job is cancelled when so many are told */
  struct db *look;     /* for asking the database, past migd */
  struct db *other;    /* somebody else's session */
  unsigned waits;
};

#define HEAD(id, parent) "-- migd:revision " id "\n-- migd:parent " parent "\n\n"

/* Every row must be changed exactly once, or its number shows. */
#define BACKFILL                                                                                   \
  "UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE n = 0 ORDER BY id LIMIT "            \
  "${batch});\n"

static const char *const shop[] = {
    HEAD("r1", "base") "-- migd:up\nCREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\n"
                       "INSERT INTO t WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                       "FROM g WHERE i < 27) SELECT i, 0 FROM g;\n-- migd:down\nDROP TABLE t;\n",
    HEAD("r2",
         "r1") "-- migd:up\nCREATE TABLE u (id INTEGER);\n-- migd:up batch=10 pause=0\n" BACKFILL
               "-- migd:up\nCREATE TABLE v (id INTEGER);\n"
               "-- migd:down\nDROP TABLE v;\nDROP TABLE u;\n-- migd:down batch=16 pause=0\n"
               "UPDATE t SET n = 0 WHERE id IN (SELECT id FROM t WHERE n <> 0 LIMIT "
               "${batch});\n"};

static void build(struct fixture *f, const char *const *texts, size_t count) {
  struct catalog_file files[4];
  struct problems problems = {.arena = &f->arena};
  static const char *const names[] = {"r1_a.sql", "r2_b.sql"};
  for (size_t i = 0; i < count; i++)
    files[i] = (struct catalog_file){names[i], texts[i], strlen(texts[i])};
  if (catalog_build(&f->catalog, files, count, &f->arena, &problems))
    fail_msg("%u: %s", problems.items[0].line, problems.items[0].message);
}

static struct db *connect_to(struct fixture *f) {
  struct err e;
  struct db *db;
  struct db_options options = f->options;
  options.guard = false;
  if (db_open(&db, &options, NULL, &e))
    fail_msg("%s", e.text);
  return db;
}

static void must(struct db *db, const char *sql) {
  struct err e;
  if (db_exec(db, sql, NULL, 0, NULL, NULL, NULL, NULL, &e))
    fail_msg("%s: %s", sql, e.text);
}

static void begin(struct fixture *f) {
  struct err e;
  char url[320];
  memset(f, 0, sizeof *f);
  arena_init(&f->arena, 0);
  faulty_arm(0, FAULT_BEFORE);
  f->options = (struct db_options){.url = &f->url,
                                   .guard = true,
                                   .lock_timeout_ms = 50,
                                   .password = getenv("MIGD_TEST_PG_PASSWORD")};
  assert_int_equal(job_init(&f->job, 0, &e), 0);
  if (dialect == DIALECT_SQLITE) {
    snprintf(f->dir, sizeof f->dir, "%s/migd-backfill-" TEMPORARY,
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(f->dir));
    snprintf(url, sizeof url, "sqlite:%s/app.db", f->dir);
  } else {
    snprintf(url, sizeof url, "postgresql://%s@%s:%s/migd_backfill_%d", getenv("MIGD_TEST_PG_USER"),
             getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"), (int)getpid());
  }
  assert_int_equal(db_url_parse(url, &f->url, &e), 0);
  f->options.create = dialect == DIALECT_SQLITE;
  f->options.guard = false;
  f->look = connect_to(f);
  if (dialect == DIALECT_POSTGRESQL) {
    must(f->look, "DROP SCHEMA public CASCADE");
    must(f->look, "CREATE SCHEMA public");
  }
  f->options.create = false;
  f->options.guard = true;
  build(f, shop, 2);
}

static void end(struct fixture *f) {
  char command[160];
  db_close(f->look);
  db_close(f->other);
  job_release(&f->job);
  if (f->dir[0]) {
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
  }
  arena_release(&f->arena);
}

static void on_batch(void *ctx, const struct walk *w, const struct walk_batch *batch) {
  struct fixture *f = ctx;
  assert_true(batch->rows >= f->last.rows || batch->statement != f->last.statement);
  assert_string_equal(w->catalog->revisions[w->plan.steps[batch->index].revision].id, "r2");
  f->last = *batch;
  f->told++;
  if (batch->pause_ms > f->longest_ms)
    f->longest_ms = batch->pause_ms;
  if (f->cancel_rows && batch->rows >= f->cancel_rows)
    job_cancel(&f->job);
}

static struct walk walk(struct fixture *f, enum operation operation, const char **revision) {
  return (struct walk){
      .target = "app",
      .options = f->options,
      .open = faulty_open,
      .catalog = &f->catalog,
      .request = {.operation = operation,
                  .dialect = dialect,
                  .revisions = revision,
                  .revision_count = 1},
      .store_id = "0123456789abcdef",
      .principal = "tester",
      .run = 1,
      .epoch = ++f->epoch,
      .job = &f->job,
      .hooks = {.ctx = f, .batch_finished = on_batch},
      .arena = &f->arena,
  };
}

static int go(struct fixture *f, enum operation operation, const char *revision, struct err *e) {
  struct walk w = walk(f, operation, &revision);
  return walk_to(&w, WALK_APPLY, e);
}

static int on_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)e;
  char *out = ctx;
  for (int i = 0; i < count; i++)
    if (v[i].type == DB_INT)
      snprintf(out + strlen(out), 32, "%" PRId64 " ", v[i].i);
    else
      snprintf(out + strlen(out), 64, "%s ", v[i].s ? v[i].s : "NULL");
  return 0;
}

static const char *ask(struct fixture *f, const char *sql, char out[512]) {
  struct err e;
  out[0] = 0;
  if (db_exec(f->look, sql, NULL, 0, on_text, out, NULL, NULL, &e))
    snprintf(out, 512, "%.400s", e.text);
  return out;
}

static void check(struct fixture *f, const char *sql, const char *answer) {
  char out[512];
  if (strcmp(ask(f, sql, out), answer) != 0)
    fail_msg("%s: \"%s\", not \"%s\"", sql, out, answer);
}

#define ROWS "SELECT min(n), max(n), count(*) FROM t"
#define COUNTED "SELECT batches, changed FROM migd_backfill ORDER BY entry DESC LIMIT 1"
#define WRITTEN                                                                                    \
  "SELECT revision, direction, statement, state FROM migd_ledger WHERE statement > 0 ORDER BY seq"

static void test_up_and_down(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  if (go(&f, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&f, ROWS, "1 1 27 ");
  check(&f, COUNTED, "3 27 ");
  check(&f, WRITTEN, "r2 up 1 done r2 up 2 batch r2 up 2 done r2 up 3 done ");
  assert_int_equal(f.last.rows, 27);
  assert_int_equal(f.last.batches, 3);
  assert_int_equal(f.last.statement, 2);
  assert_int_equal(f.last.pause_ms, 0);
  f.last = (struct walk_batch){0};
  if (go(&f, OP_DOWNGRADE, "r1", &e))
    fail_msg("%s", e.text);
  check(&f, ROWS, "0 0 27 ");
  check(&f, COUNTED, "2 27 ");
  assert_int_equal(f.last.statement, 3);
  check(&f, "SELECT revision FROM migd_revision", "r1 ");
  end(&f);
}

/* Nothing to change: one look, and nothing is counted. */
static void test_no_rows(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", &e), 0);
  must(f.look, "UPDATE t SET n = 9");
  if (go(&f, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&f, ROWS, "9 9 27 ");
  check(&f, WRITTEN, "r2 up 1 done r2 up 2 done r2 up 3 done ");
  assert_int_equal(f.told, 0);
  end(&f);
}

static void test_refused_in_one_transaction(void **state) {
  (void)state;
  struct fixture f;
  begin(&f);
  assert_true(journal_needed(&f.catalog.revisions[1], DIR_UP, dialect));
  assert_false(journal_needed(&f.catalog.revisions[0], DIR_UP, dialect));
  end(&f);
}

/* The connection is lost at statement N, for every N there is: inside the statement's batches the
 * walk goes on by itself, elsewhere when it is asked again. */
static void sweep(enum operation operation, const char *to, const char *rows, enum fault fault) {
  unsigned stride = getenv("MIGD_TEST_SLOW") ? 7 : 1, by_itself = 0;
  for (unsigned at = 1;; at += stride) {
    struct fixture f;
    struct err e;
    begin(&f);
    if (go(&f, OP_UPGRADE, operation == OP_UPGRADE ? "r1" : "head", &e))
      fail_msg("%s", e.text);
    faulty_arm(at, fault);
    int rc = go(&f, operation, to, &e);
    bool met = faulty_count() >= at;
    faulty_arm(0, FAULT_BEFORE);
    by_itself += met && !rc;
    if (rc && e.kind != ERR_TARGET && e.kind != ERR_IN_DOUBT)
      fail_msg("statement %u: %s", at, e.text);
    if (rc && go(&f, operation, to, &e))
      fail_msg("statement %u, again: %s", at, e.text);
    check(&f, ROWS, rows);
    check(&f, COUNTED, operation == OP_UPGRADE ? "3 27 " : "2 27 ");
    check(&f, "SELECT count(*) FROM migd_ledger WHERE statement > 0 AND state = 'done'",
          operation == OP_UPGRADE ? "3 " : "5 ");
    end(&f);
    if (!met)
      break;
    assert_true(at < 500);
  }
  /* A batch is four statements on SQLite. */
  assert_true(by_itself >= (operation == OP_UPGRADE ? 16 : 12) / stride);
}

static void test_lost_before_each_statement(void **state) {
  (void)state;
  sweep(OP_UPGRADE, "head", "1 1 27 ", FAULT_BEFORE);
  sweep(OP_DOWNGRADE, "r1", "0 0 27 ", FAULT_BEFORE);
}

static void test_lost_after_each_statement(void **state) {
  (void)state;
  sweep(OP_UPGRADE, "head", "1 1 27 ", FAULT_AFTER);
  sweep(OP_DOWNGRADE, "r1", "0 0 27 ", FAULT_AFTER);
}

/* Cancelled between two batches: what is committed stays, counts go on. Three runs, each with an
 * entry of its own. */
static void test_cancelled_and_resumed(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", &e), 0);
  f.cancel_rows = 1;
  for (int run = 1; run <= 2; run++) {
    assert_int_equal(go(&f, OP_UPGRADE, "head", &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    check(&f, COUNTED, run == 1 ? "1 10 " : "2 20 ");
    check(&f, "SELECT sum(n) FROM t", run == 1 ? "10 " : "20 ");
    job_release(&f.job);
    assert_int_equal(job_init(&f.job, 0, &e), 0);
  }
  assert_int_equal(go(&f, OP_DOWNGRADE, "base", &e), -1); /* it must end first */
  assert_non_null(strstr(e.text, "in part"));
  f.cancel_rows = 0;
  if (go(&f, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&f, ROWS, "1 1 27 ");
  check(&f, COUNTED, "3 27 ");
  check(&f, WRITTEN,
        "r2 up 1 done r2 up 2 batch r2 up 2 batch r2 up 2 batch r2 up 2 done r2 up 3 done ");
  end(&f);
}

/* A failure has its place in the file though the number in front of it is shorter or longer. */
static void test_failure_names_its_place(void **state) {
  (void)state;
  static const char *const texts[] = {
      HEAD("r1", "base") "-- migd:up\nCREATE TABLE t (id INTEGER PRIMARY KEY);\n",
      HEAD("r2", "r1") "-- migd:up batch=7\nDELETE FROM t WHERE id < ${batch} AND nothing = 1;\n"};
  struct fixture f;
  struct err e;
  begin(&f);
  build(&f, texts, 2);
  assert_int_equal(go(&f, OP_UPGRADE, "head", &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_string_equal(e.file, "r2_b.sql");
  assert_int_equal(e.line, 5);
  assert_int_equal(e.column, strstr(texts[1], "nothing") - strstr(texts[1], "DELETE") + 1);
  check(&f, "SELECT count(*) FROM migd_ledger WHERE statement > 0", "0 ");
  end(&f);
}

/* Rows that match again when they are changed: it ends all the same, and says why. */
static void test_no_end(void **state) {
  (void)state;
  static const char *const texts[] = {
      HEAD("r1",
           "base") "-- migd:up\nCREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\n"
                   "INSERT INTO t WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                   "FROM g WHERE i < 5000) SELECT i, 0 FROM g;\n",
      HEAD("r2", "r1") "-- migd:up batch=5000 pause=0\nUPDATE t SET n = n + 1 WHERE id IN (SELECT "
                       "id FROM t LIMIT ${batch});\n"};
  struct fixture f;
  struct err e;
  begin(&f);
  build(&f, texts, 2);
  assert_int_equal(go(&f, OP_UPGRADE, "head", &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_non_null(strstr(e.text, "r2_b.sql:5:1: "));
  assert_non_null(strstr(e.text, "changes rows that it has changed before"));
  end(&f);
}

static void on_waiting(void *ctx, unsigned attempt, const struct err *why,
                       const struct db_blockers *blockers) {
  struct fixture *f = ctx;
  (void)attempt, (void)why, (void)blockers;
  f->waits++;
  db_close(f->other); /* which rolls back */
  f->other = NULL;
}

static void hold(struct fixture *f) {
  f->other = connect_to(f);
  must(f->other, dialect == DIALECT_SQLITE ? "BEGIN IMMEDIATE" : "BEGIN");
  if (dialect == DIALECT_POSTGRESQL)
    must(f->other, "UPDATE t SET n = n WHERE n = 0");
}

static void on_batch_hold(void *ctx, const struct walk *w, const struct walk_batch *batch) {
  struct fixture *f = ctx;
  if (!f->told && !f->other)
    hold(f);
  on_batch(ctx, w, batch);
}

/* Up to the head, with other hooks. */
static int go_with(struct fixture *f,
                   void (*batch_finished)(void *, const struct walk *, const struct walk_batch *),
                   void (*waiting)(void *, unsigned, const struct err *,
                                   const struct db_blockers *),
                   struct err *e) {
  const char *head = "head";
  struct walk w = walk(f, OP_UPGRADE, &head);
  w.hooks.batch_finished = batch_finished;
  w.hooks.waiting = waiting;
  w.lock_retry_ms = 1000;
  return walk_to(&w, WALK_APPLY, e);
}

static void on_waiting_long(void *ctx, unsigned attempt, const struct err *why,
                            const struct db_blockers *blockers) {
  struct fixture *f = ctx;
  (void)attempt, (void)why, (void)blockers;
  f->waits++;
}

/* One that never goes: the batch is tried as often as any step, not the step's tries times that. */
static void test_a_lock_that_stays(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", &e), 0);
  assert_int_equal(go_with(&f, on_batch_hold, on_waiting_long, &e), -1);
  assert_int_equal(e.kind, ERR_LOCKED);
  assert_in_range(f.waits, 1, 12);
  check(&f, COUNTED, "1 10 ");
  db_close(f.other);
  f.other = NULL;
  if (go(&f, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&f, ROWS, "1 1 27 ");
  end(&f);
}

/* Somebody takes a lock after the first batch: a batch waits for it and is tried again, smaller. */
static void test_a_batch_waits_for_a_lock(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", &e), 0);
  if (go_with(&f, on_batch_hold, on_waiting, &e))
    fail_msg("%s", e.text);
  assert_int_equal(f.waits, 1);
  check(&f, ROWS, "1 1 27 ");
  assert_true(f.last.batches > 3);
  assert_int_equal(f.last.rows, 27);
  end(&f);
}

/* --- SQLite only --- */

static void test_orphans(void **state) {
  (void)state;
  static const char *const texts[] = {
      HEAD("r1", "base") "-- migd:up\nCREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (id "
                         "INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id));\nINSERT INTO p VALUES "
                         "(1), (2), (3);\nINSERT INTO c VALUES (1, 1), (2, 2), (3, 3);\n",
      HEAD("r2", "r1") "-- migd:up batch=1\nDELETE FROM p WHERE id IN (SELECT id FROM p WHERE id > "
                       "1 LIMIT ${batch});\n"};
  struct fixture f;
  struct err e;
  begin(&f);
  build(&f, texts, 2);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", &e), 0);
  must(f.look, "PRAGMA foreign_keys = OFF");
  must(f.look, "INSERT INTO c VALUES (4, 99)"); /* no fault of the revision */
  /* The second time too: what earlier batches made is no excuse. */
  for (int i = 0; i < 2; i++) {
    assert_int_equal(go(&f, OP_UPGRADE, "head", &e), -1);
    assert_non_null(strstr(e.text, "a foreign key is violated"));
    assert_non_null(strstr(e.hint, "3 rows are without their parent, 1 were before"));
    check(&f, "SELECT count(*) FROM p", "1 ");
  }
  must(f.look, "DELETE FROM c WHERE p IN (2, 3)");
  if (go(&f, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&f, COUNTED, "2 2 ");
  end(&f);
}

/* --- running --- */

static const struct CMUnitTest common_tests[] = {
    cmocka_unit_test(test_up_and_down),
    cmocka_unit_test(test_no_rows),
    cmocka_unit_test(test_refused_in_one_transaction),
    cmocka_unit_test(test_lost_before_each_statement),
    cmocka_unit_test(test_lost_after_each_statement),
    cmocka_unit_test(test_cancelled_and_resumed),
    cmocka_unit_test(test_a_batch_waits_for_a_lock),
    cmocka_unit_test(test_a_lock_that_stays),
    cmocka_unit_test(test_no_end),
};

static int run_sqlite(void) {
  static const struct CMUnitTest own[] = {cmocka_unit_test(test_orphans)};
  dialect = DIALECT_SQLITE;
  return cmocka_run_group_tests_name("backfill on SQLite", common_tests, NULL, NULL) +
         cmocka_run_group_tests_name("backfill on SQLite only", own, NULL, NULL);
}

static void on_server(const char *what) {
  struct err e;
  struct db_url url;
  char text[320], sql[80];
  snprintf(text, sizeof text, "postgresql://%s@%s:%s/migd", getenv("MIGD_TEST_PG_USER"),
           getenv("MIGD_TEST_PG_HOST"), getenv("MIGD_TEST_PG_PORT"));
  snprintf(sql, sizeof sql, "%s DATABASE migd_backfill_%d", what, (int)getpid());
  struct db_options options = {.url = &url, .password = getenv("MIGD_TEST_PG_PASSWORD")};
  struct db *db DB_SCOPED = NULL;
  if (db_url_parse(text, &url, &e) || db_open(&db, &options, NULL, &e) ||
      db_exec(db, sql, NULL, 0, NULL, NULL, NULL, NULL, &e)) {
    fprintf(stderr, "%s: %s\n", sql, e.text);
    exit(1);
  }
}

static int run_postgres(void) {
  static const struct CMUnitTest own[] = {cmocka_unit_test(test_failure_names_its_place)};
  if (!getenv("MIGD_TEST_PG_HOST")) {
    fprintf(stderr, "no PostgreSQL here (MIGD_TEST_PG_HOST): those backfills are skipped\n");
    return 0;
  }
  dialect = DIALECT_POSTGRESQL;
  on_server("CREATE");
  int failed = cmocka_run_group_tests_name("backfill on PostgreSQL", common_tests, NULL, NULL) +
               cmocka_run_group_tests_name("backfill on PostgreSQL only", own, NULL, NULL);
  on_server("DROP");
  return failed;
}

int main(void) {
  return run_sqlite() + run_postgres();
}
