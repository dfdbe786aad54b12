/* Walks that wait for locks inside a target: they try again in turns, with no transaction open in
 * between; what a statement outside a transaction left behind is cleared away first. The holder
 * leaves when the walk says that it waits, so nothing here depends on time.
 */
#include "tests/unit/engine/walk_fixture.h"

/* Somebody else's session, and what is seen of the walk whenever it waits. */
struct holder {
  struct db *db;
  struct walk *w;
  struct job *job;                 /* cancelled at attempt `cancel_at` */
  unsigned leave_at, cancel_at;    /* attempts; 0: never */
  unsigned attempts;               /* the last one */
  bool in_order, open_transaction; /* attempts came 1, 2, …; any with a transaction open */
  char first_wait[64];             /* PostgreSQL: lock_timeout of the first try */
};

static int on_waiting_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  snprintf(ctx, 64, "%s", v[0].s);
  return 0;
}

static void on_waiting(void *ctx, unsigned attempt, const struct err *why,
                       const struct db_blockers *blockers) {
  struct holder *h = ctx;
  struct err e;
  assert_int_equal(why->kind, ERR_LOCKED);
  assert_true((blockers != NULL) == (backend->dialect == DIALECT_POSTGRESQL));
  h->in_order = (attempt == 1 || h->in_order) && attempt == h->attempts + 1;
  h->attempts = attempt;
  h->open_transaction |= h->w->db->driver->in_transaction(h->w->db);
  if (attempt == 1 && backend->dialect == DIALECT_POSTGRESQL)
    assert_int_equal(db_exec(h->w->db, "SELECT current_setting('lock_timeout')", NULL, 0,
                             on_waiting_text, h->first_wait, NULL, NULL, &e),
                     0);
  if (attempt == h->leave_at)
    must(h->db, "ROLLBACK");
  if (attempt == h->cancel_at)
    job_cancel(h->job);
}

/* Keeps what a revision on table a wants: the file, or the table. */
static void hold(struct fixture *f, struct holder *h, const char *sql) {
  h->db = connect_past(f);
  must(h->db, h->db->driver->begin);
  if (backend->dialect == DIALECT_POSTGRESQL)
    must(h->db, sql);
}

static int go_waiting(struct fixture *f, struct holder *h, const char *revision, struct err *e) {
  const char *revisions[] = {revision};
  struct walk w = walk(f, OP_UPGRADE, revisions);
  w.lock_retry_ms = 600000;
  if (!h->leave_at && !h->cancel_at)
    w.lock_retry_ms = 300;
  w.job = h->job;
  w.hooks.ctx = h;
  w.hooks.waiting = on_waiting;
  h->w = &w;
  int rc = walk_to(&w, WALK_APPLY, e);
  h->w = NULL;
  assert_true(h->in_order);
  assert_false(h->open_transaction);
  return rc;
}

#define EXCLUSIVE "LOCK TABLE a IN EXCLUSIVE MODE"

static void begin_at_r1(struct fixture *f) {
  struct err e;
  begin(f);
  faulty_arm(0, FAULT_BEFORE);
  if (go(f, OP_UPGRADE, "r1", NULL, &e))
    fail_msg("%s", e.text);
}

static void test_gives_up_when_the_time_is_over(void **state) {
  (void)state;
  struct fixture f;
  struct holder h = {0};
  struct err e;
  char out[512];
  begin_at_r1(&f);
  hold(&f, &h, EXCLUSIVE);
  assert_int_equal(go_waiting(&f, &h, "r2", &e), -1);
  assert_int_equal(e.kind, ERR_LOCKED);
  assert_string_equal(e.sqlstate, "55P03");
  assert_non_null(strstr(e.hint, "given up after"));
  assert_in_range(h.attempts, 2, 20);
  db_close(h.db);
  assert_string_equal(rows(&f, out), "r1 ");
  assert_string_equal(tables(&f, out), "a ");
  end(&f);
}

static void test_gets_it_when_the_holder_leaves(void **state) {
  (void)state;
  struct fixture f;
  struct holder h = {.leave_at = 3};
  struct err e;
  char out[512];
  begin_at_r1(&f);
  hold(&f, &h, EXCLUSIVE);
  if (go_waiting(&f, &h, "r2", &e))
    fail_msg("%s", e.text);
  assert_int_equal(h.attempts, 3);
  if (backend->dialect == DIALECT_POSTGRESQL)
    assert_string_equal(h.first_wait, "10ms"); /* of 50 ms */
  db_close(h.db);
  assert_string_equal(rows(&f, out), "r2 ");
  end(&f);
}

static void test_a_pause_can_be_cancelled(void **state) {
  (void)state;
  struct fixture f;
  struct job job;
  struct holder h = {.cancel_at = 2, .job = &job};
  struct err e;
  char out[512];
  begin_at_r1(&f);
  assert_int_equal(job_init(&job, 0, &e), 0);
  hold(&f, &h, EXCLUSIVE);
  assert_int_equal(go_waiting(&f, &h, "r2", &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  assert_int_equal(h.attempts, 2);
  db_close(h.db);
  job_release(&job);
  assert_string_equal(tables(&f, out), "a ");
  end(&f);
}

/* --- PostgreSQL only --- */

#define INVALID "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
#define INDEXES                                                                                    \
  "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = to_regclass('a') ORDER BY 1"

/* Two revisions: a table with an index a_old, and `sql` outside a transaction. */
static void begin_outside(struct fixture *f, const char *sql) {
  char text[512];
  struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1), (2);\n"
                   "CREATE INDEX a_old ON a (id);\n"},
      {"r2_b.sql", text},
  };
  snprintf(text, sizeof text,
           "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up transaction=off\n%s;\n", sql);
  begin(f);
  faulty_arm(0, FAULT_BEFORE);
  build(f, files, COUNT(files));
  struct err e;
  if (go(f, OP_UPGRADE, "r1", NULL, &e))
    fail_msg("%s", e.text);
}

/* A writer's open transaction stops each of them in the middle, and an INVALID index stays: until
 * it is cleared away by the next try. */
static void test_concurrent_statements_are_tried_again(void **state) {
  (void)state;
  static const struct {
    const char *sql, *indexes;
  } all[] = {
      {"CREATE INDEX CONCURRENTLY a_id ON a (id)", "a_id a_old "},
      {"CREATE INDEX CONCURRENTLY IF NOT EXISTS a_id ON public.a (id)", "a_id a_old "},
      {"CREATE UNIQUE INDEX CONCURRENTLY \"a_id\" ON ONLY a (id)", "a_id a_old "},
      {"REINDEX INDEX CONCURRENTLY a_old", "a_old "},
      {"REINDEX TABLE CONCURRENTLY public.a", "a_old "},
      {"REINDEX (CONCURRENTLY) TABLE a", "a_old "},
      {"REINDEX SCHEMA CONCURRENTLY public", "a_old "},
      {"DROP INDEX CONCURRENTLY a_old", ""},
      {"DROP INDEX CONCURRENTLY IF EXISTS public.a_old", ""},
  };
  for (size_t i = 0; i < COUNT(all); i++) {
    struct fixture f;
    struct holder h = {.leave_at = 2};
    struct err e;
    char out[512];
    begin_outside(&f, all[i].sql);
    hold(&f, &h, "INSERT INTO a VALUES (3)");
    if (go_waiting(&f, &h, "r2", &e))
      fail_msg("%s: %s", all[i].sql, e.text);
    assert_int_equal(h.attempts, 2);
    assert_string_equal(h.first_wait, "50ms"); /* what is lost with a try gets the whole time */
    db_close(h.db);
    assert_string_equal(rows(&f, out), "r2 ");
    assert_string_equal(ask(&f, INVALID, out), "");
    assert_string_equal(ask(&f, INDEXES, out), all[i].indexes);
    end(&f);
  }
}

/* Given up in the middle, and gone on with by another run. */
static void test_what_a_try_left_is_cleared_by_the_next_run(void **state) {
  (void)state;
  struct fixture f;
  struct holder h = {0};
  struct err e;
  char out[512];
  begin_outside(&f, "REINDEX TABLE CONCURRENTLY a");
  hold(&f, &h, "INSERT INTO a VALUES (3)");
  assert_int_equal(go_waiting(&f, &h, "r2", &e), -1);
  assert_int_equal(e.kind, ERR_LOCKED);
  db_close(h.db);
  assert_string_equal(ask(&f, INVALID, out), "a_old_ccnew ");
  if (go(&f, OP_UPGRADE, "r2", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(ask(&f, INDEXES, out), "a_old ");
  assert_string_equal(ask(&f, INVALID, out), "");
  end(&f);
}

/* IF NOT EXISTS would take somebody's INVALID index for the index. */
static void test_an_invalid_index_is_none(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  char out[512];
  begin_outside(&f, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id)");
  ask(&f, "INSERT INTO a VALUES (1)", out);
  assert_non_null(strstr(ask(&f, "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)", out),
                         "could not create unique index"));
  assert_string_equal(ask(&f, INVALID, out), "a_id ");
  assert_int_equal(go(&f, OP_UPGRADE, "r2", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_string_equal(e.sqlstate, "23505");
  ask(&f, "DELETE FROM a WHERE ctid = (SELECT max(ctid) FROM a)", out);
  if (go(&f, OP_UPGRADE, "r2", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(ask(&f, INVALID, out), "");
  assert_string_equal(ask(&f, INDEXES, out), "a_id a_old ");
  end(&f);
}

static const struct CMUnitTest common_tests[] = {
    cmocka_unit_test(test_gives_up_when_the_time_is_over),
    cmocka_unit_test(test_gets_it_when_the_holder_leaves),
    cmocka_unit_test(test_a_pause_can_be_cancelled),
};

static int run_postgres(void) {
  static const struct CMUnitTest own[] = {
      cmocka_unit_test(test_concurrent_statements_are_tried_again),
      cmocka_unit_test(test_what_a_try_left_is_cleared_by_the_next_run),
      cmocka_unit_test(test_an_invalid_index_is_none),
  };
  return cmocka_run_group_tests_name("locks on PostgreSQL", common_tests, NULL, NULL) +
         cmocka_run_group_tests_name("locks on PostgreSQL only", own, NULL, NULL);
}

int main(void) {
  backend = &sqlite;
  return cmocka_run_group_tests_name("locks on SQLite", common_tests, NULL, NULL) +
         on_postgres(run_postgres);
}
