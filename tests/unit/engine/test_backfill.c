/* Statements that run batch by batch, over real databases: with the connection lost at every
 * statement in turn, cancelled between batches, with somebody else in the way. In the end every row
 * is changed once and the ledger has counted them. On a SQLite file, and on PostgreSQL where
 * MIGD_TEST_PG_HOST says that there is one.
 */
#include "server/engine/backfill.h"

#include "tests/unit/engine/walk_fixture.h"

struct story {
  struct fixture f;
  struct job job;
  struct walk_batch last; /* that was told */
  unsigned told;
  int64_t cancel_rows; /* the job is cancelled when so many are told */
  struct db *other;    /* somebody else's session */
  unsigned waits;
};

#define HEAD(id, parent) "-- migd:revision " id "\n-- migd:parent " parent "\n\n"

/* Every row must be changed exactly once, or its number shows. */
#define BACKFILL                                                                                   \
  "UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE n = 0 ORDER BY id LIMIT "            \
  "${batch});\n"

static const struct source filled[] = {
    {"r1_a.sql",
     HEAD("r1", "base") "-- migd:up\nCREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\n"
                        "INSERT INTO t WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                        "FROM g WHERE i < 27) SELECT i, 0 FROM g;\n-- migd:down\nDROP TABLE t;\n"},
    {"r2_b.sql",
     HEAD("r2",
          "r1") "-- migd:up\nCREATE TABLE u (id INTEGER);\n-- migd:up batch=10 pause=0\n" BACKFILL
                "-- migd:up\nCREATE TABLE v (id INTEGER);\n"
                "-- migd:down\nDROP TABLE v;\nDROP TABLE u;\n-- migd:down batch=16 pause=0\n"
                "UPDATE t SET n = 0 WHERE id IN (SELECT id FROM t WHERE n <> 0 LIMIT "
                "${batch});\n"}};

static void start(struct story *s) {
  struct err e;
  memset(s, 0, sizeof *s);
  faulty_arm(0, FAULT_BEFORE);
  assert_int_equal(job_init(&s->job, 0, &e), 0);
  begin(&s->f);
  build(&s->f, filled, COUNT(filled));
}

static void finish(struct story *s) {
  db_close(s->other);
  job_release(&s->job);
  end(&s->f);
}

static void on_batch(void *ctx, const struct walk *w, const struct walk_batch *batch) {
  struct story *s = ctx;
  assert_true(batch->rows >= s->last.rows || batch->statement != s->last.statement);
  assert_string_equal(w->catalog->revisions[w->plan.steps[batch->index].revision].id, "r2");
  s->last = *batch;
  s->told++;
  if (s->cancel_rows && batch->rows >= s->cancel_rows)
    job_cancel(&s->job);
}

static struct walk told_walk(struct story *s, enum operation operation, const char **revision) {
  struct walk w = walk(&s->f, operation, revision);
  w.job = &s->job;
  w.hooks = (struct walk_hooks){.ctx = s, .batch_finished = on_batch};
  return w;
}

static int go_told(struct story *s, enum operation operation, const char *revision, struct err *e) {
  struct walk w = told_walk(s, operation, &revision);
  return walk_to(&w, WALK_APPLY, e);
}

/* Past migd. */
static void change(struct story *s, const char *sql) {
  struct db *db DB_SCOPED = connect_past(&s->f);
  must(db, sql);
}

static void check(struct story *s, const char *sql, const char *answer) {
  char out[512];
  if (strcmp(ask(&s->f, sql, out), answer) != 0)
    fail_msg("%s: \"%s\", not \"%s\"", sql, out, answer);
}

#define ROWS "SELECT min(n), max(n), count(*) FROM t"
#define COUNTED "SELECT batches, changed FROM migd_backfill ORDER BY entry DESC LIMIT 1"
#define WRITTEN                                                                                    \
  "SELECT revision, direction, statement, state FROM migd_ledger WHERE statement > 0 ORDER BY seq"

static void test_up_and_down(void **state) {
  (void)state;
  struct story s;
  struct err e;
  start(&s);
  if (go_told(&s, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&s, ROWS, "1 1 27 ");
  check(&s, COUNTED, "3 27 ");
  check(&s, WRITTEN, "r2 up 1 done r2 up 2 batch r2 up 2 done r2 up 3 done ");
  assert_int_equal(s.last.rows, 27);
  assert_int_equal(s.last.batches, 3);
  assert_int_equal(s.last.statement, 2);
  assert_int_equal(s.last.pause_ms, 0);
  s.last = (struct walk_batch){0};
  if (go_told(&s, OP_DOWNGRADE, "r1", &e))
    fail_msg("%s", e.text);
  check(&s, ROWS, "0 0 27 ");
  check(&s, COUNTED, "2 27 ");
  assert_int_equal(s.last.statement, 3);
  check(&s, "SELECT revision FROM migd_revision", "r1 ");
  finish(&s);
}

/* Nothing to change: one look, and nothing is counted. */
static void test_no_rows(void **state) {
  (void)state;
  struct story s;
  struct err e;
  start(&s);
  assert_int_equal(go_told(&s, OP_UPGRADE, "r1", &e), 0);
  change(&s, "UPDATE t SET n = 9");
  if (go_told(&s, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&s, ROWS, "9 9 27 ");
  check(&s, WRITTEN, "r2 up 1 done r2 up 2 done r2 up 3 done ");
  assert_int_equal(s.told, 0);
  finish(&s);
}

static void test_refused_in_one_transaction(void **state) {
  (void)state;
  struct story s;
  start(&s);
  assert_true(journal_needed(&s.f.catalog.revisions[1], DIR_UP, backend->dialect));
  assert_false(journal_needed(&s.f.catalog.revisions[0], DIR_UP, backend->dialect));
  finish(&s);
}

/* The connection is lost at statement N, for every N there is: inside the statement's batches the
 * walk goes on by itself, elsewhere when it is asked again. */
static void sweep(enum operation operation, const char *to, const char *wanted, enum fault fault) {
  unsigned stride = getenv("MIGD_TEST_SLOW") ? 7 : 1, by_itself = 0;
  for (unsigned at = 1;; at += stride) {
    struct story s;
    struct err e;
    start(&s);
    if (go_told(&s, OP_UPGRADE, operation == OP_UPGRADE ? "r1" : "head", &e))
      fail_msg("%s", e.text);
    faulty_arm(at, fault);
    int rc = go_told(&s, operation, to, &e);
    bool met = faulty_count() >= at;
    faulty_arm(0, FAULT_BEFORE);
    by_itself += met && !rc;
    if (rc && e.kind != ERR_TARGET && e.kind != ERR_IN_DOUBT)
      fail_msg("statement %u: %s", at, e.text);
    if (rc && go_told(&s, operation, to, &e))
      fail_msg("statement %u, again: %s", at, e.text);
    check(&s, ROWS, wanted);
    check(&s, COUNTED, operation == OP_UPGRADE ? "3 27 " : "2 27 ");
    check(&s, "SELECT count(*) FROM migd_ledger WHERE statement > 0 AND state = 'done'",
          operation == OP_UPGRADE ? "3 " : "5 ");
    finish(&s);
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
  struct story s;
  struct err e;
  start(&s);
  assert_int_equal(go_told(&s, OP_UPGRADE, "r1", &e), 0);
  s.cancel_rows = 1;
  for (int run = 1; run <= 2; run++) {
    assert_int_equal(go_told(&s, OP_UPGRADE, "head", &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    check(&s, COUNTED, run == 1 ? "1 10 " : "2 20 ");
    check(&s, "SELECT sum(n) FROM t", run == 1 ? "10 " : "20 ");
    job_release(&s.job);
    assert_int_equal(job_init(&s.job, 0, &e), 0);
  }
  assert_int_equal(go_told(&s, OP_DOWNGRADE, "base", &e), -1); /* it must end first */
  assert_non_null(strstr(e.text, "in part"));
  s.cancel_rows = 0;
  if (go_told(&s, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&s, ROWS, "1 1 27 ");
  check(&s, COUNTED, "3 27 ");
  check(&s, WRITTEN,
        "r2 up 1 done r2 up 2 batch r2 up 2 batch r2 up 2 batch r2 up 2 done r2 up 3 done ");
  finish(&s);
}

/* A failure has its place in the file though the number in front of it is shorter or longer. */
static void test_failure_names_its_place(void **state) {
  (void)state;
  static const struct source sources[] = {
      {"r1_a.sql", HEAD("r1", "base") "-- migd:up\nCREATE TABLE t (id INTEGER PRIMARY KEY);\n"},
      {"r2_b.sql",
       HEAD("r2",
            "r1") "-- migd:up batch=7\nDELETE FROM t WHERE id < ${batch} AND nothing = 1;\n"}};
  struct story s;
  struct err e;
  start(&s);
  build(&s.f, sources, COUNT(sources));
  assert_int_equal(go_told(&s, OP_UPGRADE, "head", &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_string_equal(e.file, "r2_b.sql");
  assert_int_equal(e.line, 5);
  assert_int_equal(e.column,
                   strstr(sources[1].text, "nothing") - strstr(sources[1].text, "DELETE") + 1);
  check(&s, "SELECT count(*) FROM migd_ledger WHERE statement > 0", "0 ");
  finish(&s);
}

/* Rows that match again when they are changed: it ends all the same, and says why. */
static void test_no_end(void **state) {
  (void)state;
  static const struct source sources[] = {
      {"r1_a.sql",
       HEAD("r1",
            "base") "-- migd:up\nCREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\n"
                    "INSERT INTO t WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                    "FROM g WHERE i < 5000) SELECT i, 0 FROM g;\n"},
      {"r2_b.sql",
       HEAD("r2", "r1") "-- migd:up batch=5000 pause=0\nUPDATE t SET n = n + 1 WHERE id IN (SELECT "
                        "id FROM t LIMIT ${batch});\n"}};
  struct story s;
  struct err e;
  start(&s);
  build(&s.f, sources, COUNT(sources));
  assert_int_equal(go_told(&s, OP_UPGRADE, "head", &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_non_null(strstr(e.text, "r2_b.sql:5:1: "));
  assert_non_null(strstr(e.text, "changes rows that it has changed before"));
  finish(&s);
}

static void on_waiting(void *ctx, unsigned attempt, const struct err *why,
                       const struct db_blockers *blockers) {
  struct story *s = ctx;
  (void)attempt, (void)why, (void)blockers;
  s->waits++;
  db_close(s->other); /* which rolls back */
  s->other = NULL;
}

static void hold(struct story *s) {
  s->other = connect_past(&s->f);
  must(s->other, backend->dialect == DIALECT_SQLITE ? "BEGIN IMMEDIATE" : "BEGIN");
  if (backend->dialect == DIALECT_POSTGRESQL)
    must(s->other, "UPDATE t SET n = n WHERE n = 0");
}

static void on_batch_hold(void *ctx, const struct walk *w, const struct walk_batch *batch) {
  struct story *s = ctx;
  if (!s->told && !s->other)
    hold(s);
  on_batch(ctx, w, batch);
}

/* Up to the head, with other hooks. */
static int go_with(struct story *s,
                   void (*batch_finished)(void *, const struct walk *, const struct walk_batch *),
                   void (*waiting)(void *, unsigned, const struct err *,
                                   const struct db_blockers *),
                   struct err *e) {
  const char *head = "head";
  struct walk w = told_walk(s, OP_UPGRADE, &head);
  w.hooks.batch_finished = batch_finished;
  w.hooks.waiting = waiting;
  w.lock_retry_ms = 1000;
  return walk_to(&w, WALK_APPLY, e);
}

static void on_waiting_long(void *ctx, unsigned attempt, const struct err *why,
                            const struct db_blockers *blockers) {
  struct story *s = ctx;
  (void)attempt, (void)why, (void)blockers;
  s->waits++;
}

/* One that never goes: the batch is tried as often as any step, not the step's tries times that. */
static void test_a_lock_that_stays(void **state) {
  (void)state;
  struct story s;
  struct err e;
  start(&s);
  assert_int_equal(go_told(&s, OP_UPGRADE, "r1", &e), 0);
  assert_int_equal(go_with(&s, on_batch_hold, on_waiting_long, &e), -1);
  assert_int_equal(e.kind, ERR_LOCKED);
  assert_in_range(s.waits, 1, 12);
  check(&s, COUNTED, "1 10 ");
  db_close(s.other);
  s.other = NULL;
  if (go_told(&s, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&s, ROWS, "1 1 27 ");
  finish(&s);
}

/* Somebody takes a lock after the first batch: a batch waits for it and is tried again, smaller. */
static void test_a_batch_waits_for_a_lock(void **state) {
  (void)state;
  struct story s;
  struct err e;
  start(&s);
  assert_int_equal(go_told(&s, OP_UPGRADE, "r1", &e), 0);
  if (go_with(&s, on_batch_hold, on_waiting, &e))
    fail_msg("%s", e.text);
  assert_int_equal(s.waits, 1);
  check(&s, ROWS, "1 1 27 ");
  assert_true(s.last.batches > 3);
  assert_int_equal(s.last.rows, 27);
  finish(&s);
}

/* --- SQLite only --- */

static void test_orphans(void **state) {
  (void)state;
  static const struct source sources[] = {
      {"r1_a.sql",
       HEAD("r1",
            "base") "-- migd:up\nCREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (id "
                    "INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id));\nINSERT INTO p VALUES "
                    "(1), (2), (3);\nINSERT INTO c VALUES (1, 1), (2, 2), (3, 3);\n"},
      {"r2_b.sql",
       HEAD("r2",
            "r1") "-- migd:up batch=1\nDELETE FROM p WHERE id IN (SELECT id FROM p WHERE id > "
                  "1 LIMIT ${batch});\n"}};
  struct story s;
  struct err e;
  start(&s);
  build(&s.f, sources, COUNT(sources));
  assert_int_equal(go_told(&s, OP_UPGRADE, "r1", &e), 0);
  change(&s, "PRAGMA foreign_keys = OFF");
  change(&s, "INSERT INTO c VALUES (4, 99)"); /* no fault of the revision */
  /* The second time too: what earlier batches made is no excuse. */
  for (int i = 0; i < 2; i++) {
    assert_int_equal(go_told(&s, OP_UPGRADE, "head", &e), -1);
    assert_non_null(strstr(e.text, "a foreign key is violated"));
    assert_non_null(strstr(e.hint, "3 rows are without their parent, 1 were before"));
    check(&s, "SELECT count(*) FROM p", "1 ");
  }
  change(&s, "DELETE FROM c WHERE p IN (2, 3)");
  if (go_told(&s, OP_UPGRADE, "head", &e))
    fail_msg("%s", e.text);
  check(&s, COUNTED, "2 2 ");
  finish(&s);
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
  backend = &sqlite;
  return cmocka_run_group_tests_name("backfill on SQLite", common_tests, NULL, NULL) +
         cmocka_run_group_tests_name("backfill on SQLite only", own, NULL, NULL);
}

static int run_postgres(void) {
  static const struct CMUnitTest own[] = {cmocka_unit_test(test_failure_names_its_place)};
  return cmocka_run_group_tests_name("backfill on PostgreSQL", common_tests, NULL, NULL) +
         cmocka_run_group_tests_name("backfill on PostgreSQL only", own, NULL, NULL);
}

int main(void) {
  return run_sqlite() + on_postgres(run_postgres);
}
