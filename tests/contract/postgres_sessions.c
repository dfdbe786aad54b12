/* Who is in the way of a lock, sessions that idle too long, and that none of ours stays behind. See
 * postgres_sessions.h. Waits for what the server shows, never for time.
 */
#include "postgres_sessions.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"
#include "server/base/clock.h"

#define BOUND_NS (60 * NS_PER_S)

/* ---- helpers ---- */

static struct db *open_at(int port, const char *who, struct db_options options, struct err *e) {
  char url_text[256];
  struct db_url url;
  struct db *db = NULL;
  snprintf(url_text, sizeof url_text, "postgresql://%s@127.0.0.1:%d/migd?sslmode=disable", who,
           port);
  assert_int_equal(db_url_parse(url_text, &url, e), 0);
  options.url = &url;
  return db_open(&db, &options, NULL, e) < 0 ? NULL : db;
}

static struct db *open_patient(int64_t lock_timeout_ms) {
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  options.lock_timeout_ms = lock_timeout_ms;
  if (db_open(&db, &options, NULL, &e) < 0)
    fail_msg("open: %s (%s)", e.text, e.detail);
  return db;
}

static struct db *open_with_table(void) {
  struct db *db = subject_open();
  must(db, "DROP TABLE IF EXISTS kept");
  must(db, "CREATE TABLE kept (id int)");
  must(db, "INSERT INTO kept VALUES (1)");
  return db;
}

static int64_t pid_of(struct db *db) {
  return number(db, "SELECT pg_backend_pid()");
}

/* Waits until `sql`, asked over `db`, answers `value`. */
static void until_number(struct db *db, const char *sql, int64_t value) {
  int64_t end = clock_mono_ns() + BOUND_NS;
  while (number(db, sql) != value)
    if (clock_mono_ns() > end)
      fail_msg("it never comes to %lld: %s", (long long)value, sql);
}

static void until_gone(struct db *db, int64_t pid) {
  char sql[120];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid = %lld",
           (long long)pid);
  until_number(db, sql, 0);
}

static size_t lines(const char *s) {
  size_t n = 1;
  for (; *s; s++)
    n += *s == '\n';
  return n;
}

/* ---- who is in the way ---- */

static void who_holds_a_table_is_named(void **state) {
  (void)state;
  struct db *other = open_with_table(), *db = open_patient(1000);
  must(other, "SET application_name = 'reports'");
  must_ours(other, "BEGIN");
  must(other, "SELECT id FROM kept");
  int64_t pid = pid_of(other);
  const struct err *e = must_fail(db, "ALTER TABLE kept ADD COLUMN more int", ERR_LOCKED);
  char words[400];
  snprintf(words, sizeof words,
           "process %lld (reports, role %s): idle in transaction, holds AccessShareLock on "
           "public.kept; since 2",
           (long long)pid, subject.url.user);
  assert_int_equal(strncmp(e->detail, words, strlen(words)), 0);
  assert_non_null(strstr(e->detail, " UTC: SELECT pg_backend_pid()"));
  const struct db_blockers *b = db->driver->blockers(db);
  assert_int_equal(b->count, 1);
  assert_int_equal(b->total, 1);
  assert_int_equal(b->items[0].pid, pid);
  assert_string_equal(b->items[0].application, "reports");
  assert_string_equal(b->items[0].user, subject.url.user);
  assert_string_equal(b->items[0].state, "idle in transaction");
  assert_string_equal(b->items[0].lock_mode, "AccessShareLock");
  assert_string_equal(b->items[0].relation, "public.kept");
  assert_true(llabs(b->items[0].query_start - clock_wall_us()) < 60 * 1000000);
  must_ours(other, "ROLLBACK");
  must(db, "ALTER TABLE kept ADD COLUMN more int");
  db_close(other);
  db_close(db);
}

static void who_holds_a_row_is_named(void **state) {
  (void)state;
  struct db *other = open_with_table(), *db = open_patient(1000);
  must(other, "SET application_name = 'reports'");
  must_ours(other, "BEGIN");
  must(other, "UPDATE kept SET id = 2");
  must_fail(db, "UPDATE kept SET id = 3", ERR_LOCKED);
  const struct db_blockers *b = db->driver->blockers(db);
  assert_int_equal(b->count, 1);
  assert_int_equal(b->items[0].pid, pid_of(other));
  assert_string_equal(b->items[0].lock_mode, "a row lock");
  assert_string_equal(b->items[0].relation, "public.kept");
  assert_string_equal(b->items[0].query, "UPDATE kept SET id = 2");
  db_close(other);
  db_close(db);
}

static void what_another_migd_runs_is_not_shown(void **state) {
  (void)state;
  struct db *other = open_with_table(), *db = open_patient(1000);
  must_ours(other, "BEGIN");
  must(other, "UPDATE kept SET id = 2 WHERE 'secret' <> ''");
  const struct err *e = must_fail(db, "UPDATE kept SET id = 3", ERR_LOCKED);
  assert_non_null(strstr(e->detail, "(migd, role "));
  assert_null(strstr(e->detail, "secret"));
  assert_string_equal(db->driver->blockers(db)->items[0].query, "");
  db_close(other);
  db_close(db);
}

/* The wait begins long after the statement. */
static void a_late_wait_is_seen(void **state) {
  (void)state;
  struct db *other = open_with_table(), *db = open_patient(600);
  must_ours(other, "BEGIN");
  must(other, "SELECT id FROM kept");
  const struct err *e =
      must_fail(db, "DO $$ BEGIN PERFORM pg_sleep(0.8); LOCK TABLE kept; END $$", ERR_LOCKED);
  assert_non_null(strstr(e->detail, "AccessShareLock on public.kept"));
  db_close(other);
  db_close(db);
}

static void five_of_many_are_told(void **state) {
  (void)state;
  struct db *setup = open_with_table(), *db = open_patient(1000), *others[20];
  for (size_t i = 0; i < 20; i++) {
    others[i] = subject_open();
    must_ours(others[i], "BEGIN");
    must(others[i], "SELECT id FROM kept");
  }
  const struct err *e = must_fail(db, "DROP TABLE kept", ERR_LOCKED);
  assert_int_equal(lines(e->detail), 6);
  assert_non_null(strstr(e->detail, "\nand 15 more"));
  assert_int_equal(db->driver->blockers(db)->count, DB_BLOCKERS_MAX);
  assert_int_equal(db->driver->blockers(db)->total, 20);
  for (size_t i = 0; i < 20; i++)
    db_close(others[i]);
  db_close(setup);
  db_close(db);
}

static void what_may_not_be_seen_is_said(void **state) {
  struct db_options options = subject_options();
  struct err e;
  (void)state;
  struct db *db = open_patient(1000), *setup = open_with_table();
  options.allow_superuser = true;
  struct db *root =
      open_at(atoi(getenv("MIGD_TEST_PG_PORT")), getenv("MIGD_TEST_PG_ADMIN"), options, &e);
  assert_non_null(root);
  must_ours(root, "BEGIN");
  must(root, "SELECT 'secret' FROM kept");
  const struct err *failed = must_fail(db, "DROP TABLE kept", ERR_LOCKED);
  assert_non_null(strstr(failed->detail,
                         "holds AccessShareLock on public.kept; its state and query "
                         "are hidden from this role"));
  assert_null(strstr(failed->detail, "secret"));
  const struct db_blockers *b = db->driver->blockers(db);
  assert_int_equal(b->items[0].pid, pid_of(root));
  assert_string_equal(b->items[0].user, getenv("MIGD_TEST_PG_ADMIN"));
  assert_string_equal(b->items[0].state, "");
  assert_string_equal(b->items[0].query, "");
  db_close(root);
  db_close(setup);
  db_close(db);
}

/* One connection more, at most, whatever is looked at and cancelled. */
static void one_connection_looks_and_cancels(void **state) {
  static const char ours[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'migd'"
                             " AND backend_type = 'client backend'";
  (void)state;
  struct db *other = open_with_table(), *db = open_patient(300);
  struct job job;
  struct err e;
  until_number(other, ours, 2);
  must_ours(other, "BEGIN");
  must(other, "SELECT id FROM kept");
  for (int i = 0; i < 3; i++)
    must_fail(db, "DROP TABLE kept", ERR_LOCKED);
  assert_int_equal(job_init(&job, clock_mono_ns() + 400 * NS_PER_MS, &e), 0);
  assert_int_equal(db_exec(db, "SELECT pg_sleep(600)", NULL, 0, NULL, NULL, NULL, &job, &e), -1);
  assert_int_equal(e.kind, ERR_DEADLINE);
  must_ours(other,
            "ROLLBACK"); /* a transaction sees the sessions as they were when it first asked */
  assert_int_equal(number(other, ours), 3);
  db_close(db);
  until_number(other, ours, 1);
  job_release(&job);
  db_close(other);
}

static void the_time_to_wait_can_change(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct err e;
  must(db, "SET lock_timeout = 0");
  assert_int_equal(db->driver->lock_wait(db, 625, NULL, &e), 0);
  assert_string_equal(text(db, "SHOW lock_timeout"), "625ms");
  assert_int_equal(db->driver->lock_wait(db, 0, NULL, &e), 0);
  assert_string_equal(text(db, "SHOW lock_timeout"), "1ms"); /* 0 would be for ever */
  db_close(db);
}

/* ---- sessions that end ---- */

static void an_idle_transaction_is_ended_by_the_server(void **state) {
  (void)state;
  struct db_options options = subject_options();
  struct db *db = NULL, *other = open_with_table();
  struct err e;
  options.idle_timeout_ms = 100;
  assert_int_equal(db_open(&db, &options, NULL, &e), 0);
  assert_string_equal(text(db, "SHOW idle_in_transaction_session_timeout"), "100ms");
  int64_t pid = pid_of(db);
  must_ours(db, "BEGIN");
  must(db, "DELETE FROM kept");
  until_gone(other, pid);
  const struct err *failed = must_fail(db, "SELECT 1", ERR_TARGET);
  assert_string_equal(failed->sqlstate, "25P03");
  assert_says(failed, "idle-in-transaction timeout");
  assert_false(db->driver->in_transaction(db));
  must_fail(db, "SELECT 1", ERR_TARGET);
  assert_int_equal(number(other, "SELECT count(*) FROM kept"), 1);
  db_close(db);
  db_close(other);
}

/* The server's process is stopped: it ends as soon as it can do anything at all. */
static void a_frozen_session_is_ended_when_it_wakes(void **state) {
  (void)state;
  struct db *db = subject_open(), *other = subject_open();
  struct job job;
  struct err e;
  pid_t pid = (pid_t)pid_of(db);
  if (kill(pid, SIGSTOP) < 0) {
    db_close(db);
    db_close(other);
    skip();
  }
  assert_int_equal(job_init(&job, clock_mono_ns() + 100 * NS_PER_MS, &e), 0);
  int rc = db_exec(db, "SELECT pg_sleep(600)", NULL, 0, NULL, NULL, NULL, &job, &e);
  kill(pid, SIGCONT);
  assert_int_equal(rc, -1);
  assert_int_equal(e.kind, ERR_TARGET);
  until_gone(other, pid);
  job_release(&job);
  db_close(db);
  db_close(other);
}

/* The network swallows what the server says; a second connection gets through and ends it. */
static void a_session_behind_a_frozen_network_is_ended(void **state) {
  (void)state;
  struct proxy p = {.mode = PROXY_FREEZE,
                    .marker = "freeze_here",
                    .server_port = atoi(getenv("MIGD_TEST_PG_PORT"))};
  struct db *other = open_with_table();
  struct job job;
  struct err e;
  proxy_start(&p);
  struct db *db = open_at(p.port, subject.url.user, subject_options(), &e);
  if (!db)
    fail_msg("open: %s (%s)", e.text, e.detail);
  int64_t pid = pid_of(db);
  must_ours(db, "BEGIN");
  must(db, "DELETE FROM kept");
  assert_int_equal(job_init(&job, clock_mono_ns() + 100 * NS_PER_MS, &e), 0);
  assert_int_equal(
      db_exec(db, "SELECT 'freeze_here', pg_sleep(3600)", NULL, 0, NULL, NULL, NULL, &job, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  until_gone(other, pid);
  assert_int_equal(number(other, "SELECT count(*) FROM kept"), 1);
  job_release(&job);
  db_close(db);
  db_close(other);
  proxy_stop(&p);
}

/* The key is the server's own, so nothing is noticed when it is opened: but the lock is on a
 * session that does not answer any more. */
static void a_pooler_with_the_servers_key_is_refused(void **state) {
  static const char *const markers[] = {"pg_try_advisory_lock", "pooled_here"};
  (void)state;
  struct db *other = subject_open();
  for (size_t i = 0; i < 2; i++) {
    struct proxy p = {.mode = PROXY_SWITCH,
                      .marker = markers[i],
                      .folder = getenv("MIGD_TEST_PG_SOCKET"),
                      .user = subject.url.user,
                      .database = "migd",
                      .server_port = atoi(getenv("MIGD_TEST_PG_PORT"))};
    struct err e;
    proxy_start(&p);
    struct db *db = open_at(p.port, subject.url.user, subject_options(), &e);
    if (!db)
      fail_msg("open: %s (%s)", e.text, e.detail);
    if (i == 0) {
      assert_int_equal(db->driver->lock(db, NULL, &e), -1);
    } else {
      assert_int_equal(db->driver->lock(db, NULL, &e), 1);
      assert_int_equal(db->driver->lock_check(db, &e), 0);
      must(db, "SELECT 'pooled_here'");
      assert_int_equal(db->driver->lock_check(db, &e), -1);
    }
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_says(&e, "pooler");
    db_close(db);
    proxy_stop(&p);
    until_number(other,
                 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                 "(SELECT oid FROM pg_database WHERE datname = current_database())",
                 0);
  }
  db_close(other);
}

const struct CMUnitTest postgres_session_tests[] = {
    cmocka_unit_test(who_holds_a_table_is_named),
    cmocka_unit_test(who_holds_a_row_is_named),
    cmocka_unit_test(what_another_migd_runs_is_not_shown),
    cmocka_unit_test(a_late_wait_is_seen),
    cmocka_unit_test(five_of_many_are_told),
    cmocka_unit_test(what_may_not_be_seen_is_said),
    cmocka_unit_test(one_connection_looks_and_cancels),
    cmocka_unit_test(the_time_to_wait_can_change),
    cmocka_unit_test(an_idle_transaction_is_ended_by_the_server),
    cmocka_unit_test(a_frozen_session_is_ended_when_it_wakes),
    cmocka_unit_test(a_session_behind_a_frozen_network_is_ended),
    cmocka_unit_test(a_pooler_with_the_servers_key_is_refused),
};
const size_t postgres_session_test_count =
    sizeof postgres_session_tests / sizeof *postgres_session_tests;
