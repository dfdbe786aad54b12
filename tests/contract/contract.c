/* What every driver must do, and the helpers with which it is asked. See contract.h. */
#include "contract.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/log.h"

/* Endless in both dialects. */
static const char endless[] = "WITH RECURSIVE c(x) AS (SELECT CAST(1 AS BIGINT) UNION ALL"
                              " SELECT x + 1 FROM c) SELECT x FROM c";

/* ---- helpers ---- */

struct db_options subject_options(void) {
  return (struct db_options){
      .url = &subject.url, .password = subject.password, .guard = true, .lock_timeout_ms = 200};
}

struct db *subject_open(void) {
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  if (db_open(&db, &options, NULL, &e) < 0)
    fail_msg("open: %s (%s)", e.text, e.detail);
  return db;
}

static int exec_flags(struct db *db, const char *sql, unsigned flags, db_row_fn *row, void *ctx,
                      int64_t *changed, const struct job *job, struct err *e) {
  struct db_statement st = {sql, strlen(sql), NULL, 0, flags};
  err_clear(e);
  return db->driver->exec(db, &st, row, ctx, changed, job, e);
}

int try_sql(struct db *db, const char *sql, struct err *e) {
  return exec_flags(db, sql, 0, NULL, NULL, NULL, NULL, e);
}

static int64_t must_flags(struct db *db, const char *sql, unsigned flags) {
  int64_t changed = -1;
  struct err e;
  if (exec_flags(db, sql, flags, NULL, NULL, &changed, NULL, &e) < 0)
    fail_msg("%s: %s (%s)", sql, e.text, e.detail);
  return changed;
}

int64_t must(struct db *db, const char *sql) {
  return must_flags(db, sql, 0);
}
int64_t must_ours(struct db *db, const char *sql) {
  return must_flags(db, sql, DB_OURS);
}

const struct err *must_fail(struct db *db, const char *sql, enum err_kind kind) {
  static struct err e;
  if (try_sql(db, sql, &e) == 0)
    fail_msg("%s: succeeded", sql);
  if (e.kind != kind)
    fail_msg("%s: kind %d instead of %d: %s (%s)", sql, e.kind, kind, e.text, e.detail);
  return &e;
}

static int keep_number(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count;
  (void)e;
  *(int64_t *)ctx = v[0].type == DB_TEXT ? strtoll(v[0].s, NULL, 10) : v[0].i;
  return 0;
}

int64_t number(struct db *db, const char *sql) {
  int64_t n = -1;
  struct err e;
  if (exec_flags(db, sql, DB_OURS, keep_number, &n, NULL, NULL, &e) < 0)
    fail_msg("%s: %s", sql, e.text);
  return n;
}

static int keep_text(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count;
  (void)e;
  snprintf(ctx, 256, "%s", v[0].s);
  return 0;
}

const char *text(struct db *db, const char *sql) {
  static char kept[256];
  struct err e;
  kept[0] = '\0';
  if (exec_flags(db, sql, DB_OURS, keep_text, kept, NULL, NULL, &e) < 0)
    fail_msg("%s: %s", sql, e.text);
  return kept;
}

void assert_says(const struct err *e, const char *words) {
  if (!strstr(e->text, words))
    fail_msg("says `%s`, not `%s`", e->text, words);
}

static void *cancel_when_told(void *arg) {
  struct canceller *c = arg;
  char byte;
  if (read(c->told[0], &byte, 1) == 1)
    job_cancel(&c->job);
  return NULL;
}

void canceller_start(struct canceller *c) {
  struct err e;
  pthread_t *thread = xcalloc(1, sizeof *thread);
  assert_int_equal(job_init(&c->job, 0, &e), 0);
  assert_int_equal(pipe(c->told), 0);
  assert_int_equal(pthread_create(thread, NULL, cancel_when_told, c), 0);
  c->thread = thread;
}

void canceller_tell(struct canceller *c) {
  assert_int_equal(write(c->told[1], "x", 1), 1);
}

void canceller_stop(struct canceller *c) {
  close(c->told[1]);
  pthread_join(*(pthread_t *)c->thread, NULL);
  close(c->told[0]);
  free(c->thread);
  job_release(&c->job);
}

/* Each test has the table `item`, empty, and nothing else of its own. */
static struct db *open_with_item(void) {
  struct db *db = subject_open();
  must(db, "DROP TABLE IF EXISTS item");
  must(db, "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT)");
  return db;
}

/* ---- the table ---- */

static void opens_and_closes(void **state) {
  (void)state;
  struct db *db = subject_open();
  assert_ptr_equal(db->driver, subject.driver);
  assert_ptr_equal(db_driver_of(subject.driver->dialect), subject.driver);
  assert_false(db->driver->in_transaction(db));
  db_close(db);
  db_close(NULL);
}

struct kept_row {
  int rows, count;
  struct db_value v[8];
  char bytes[8][64];
};

static int keep_row(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct kept_row *k = ctx;
  (void)e;
  k->rows++;
  k->count = count;
  for (int i = 0; i < count && i < 8; i++) {
    k->v[i] = v[i];
    assert_true(v[i].len < sizeof k->bytes[i]);
    if (v[i].len)
      memcpy(k->bytes[i], v[i].s, v[i].len);
    if (v[i].type == DB_TEXT)
      assert_int_equal(v[i].s[v[i].len], '\0');
  }
  return 0;
}

static void all_types_go_in_and_come_out(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct kept_row k = {0};
  struct err e;
  char sql[200];
  must(db, "DROP TABLE IF EXISTS every");
  snprintf(sql, sizeof sql,
           "CREATE TABLE every (a BIGINT, b TEXT, c %s, d TEXT, e %s, f BIGINT, g TEXT)",
           subject.blob_type, subject.blob_type);
  must(db, sql);
  const char part[] = {'a', 'b', 'c'};
  const struct db_value in[] = {db_int(INT64_MIN),      db_text("gr\303\274n '; --"),
                                db_blob("\0\1\377", 3), db_null(),
                                db_blob("", 0),         db_int(INT64_MAX),
                                db_textn(part, 3)};
  int64_t changed = -1;
  assert_int_equal(db_exec(db, "INSERT INTO every VALUES ($1, $2, $3, $4, $5, $6, $7)", in, 7, NULL,
                           NULL, &changed, NULL, &e),
                   0);
  assert_int_equal(changed, 1);
  assert_int_equal(db_exec(db, "SELECT * FROM every", NULL, 0, keep_row, &k, NULL, NULL, &e), 0);
  assert_int_equal(k.rows, 1);
  assert_int_equal(k.count, 7);
  for (int i = 0; i < 7; i++) {
    assert_int_equal(k.v[i].type, in[i].type);
    if (in[i].type == DB_INT)
      assert_true(k.v[i].i == in[i].i);
    assert_int_equal(k.v[i].len, in[i].len);
    if (in[i].len)
      assert_memory_equal(k.bytes[i], in[i].s, in[i].len);
  }
  must(db, "DROP TABLE every");
  db_close(db);
}

static void parameters_may_repeat_and_come_in_any_order(void **state) {
  (void)state;
  struct db *db = subject_open();
  const struct db_value in[] = {db_int(7), db_text("x")};
  struct kept_row k = {0};
  struct err e;
  assert_int_equal(
      db_exec(db, "SELECT CAST($2 AS TEXT), $1, $1 + 1", in, 2, keep_row, &k, NULL, NULL, &e), 0);
  assert_string_equal(k.bytes[0], "x");
  assert_int_equal(k.v[1].i, 7);
  assert_int_equal(k.v[2].i, 8);
  db_close(db);
}

static void a_missing_parameter_is_an_error(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct err e;
  assert_int_equal(db_exec(db, "SELECT $1 + 1", NULL, 0, NULL, NULL, NULL, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_int_equal(number(db, "SELECT 1"), 1);
  db_close(db);
}

static int stop_at_three(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)v;
  (void)count;
  return ++*(int *)ctx < 3 ? 0 : err_set(e, ERR_CONFLICT, "enough");
}

static void a_row_callback_stops_the_statement(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct err e;
  int rows = 0;
  assert_int_equal(db_exec(db,
                           "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE"
                           " x < 1000) SELECT x FROM c",
                           NULL, 0, stop_at_three, &rows, NULL, NULL, &e),
                   -1);
  assert_int_equal(rows, 3);
  assert_int_equal(e.kind, ERR_CONFLICT);
  assert_string_equal(e.text, "enough");
  assert_int_equal(number(db, "SELECT 5"), 5);
  db_close(db);
}

static int run_another(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)v;
  (void)count;
  return db_exec(ctx, "SELECT 1", NULL, 0, NULL, NULL, NULL, NULL, e);
}

static void a_row_callback_runs_no_statement(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct err e;
  assert_int_equal(db_exec(db, "SELECT 1", NULL, 0, run_another, db, NULL, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_INTERNAL);
  assert_int_equal(number(db, "SELECT 5"), 5);
  db_close(db);
}

static void kept_statements_work_again(void **state) {
  (void)state;
  struct db *db = open_with_item();
  static const char sql[] = "INSERT INTO item VALUES ($1, $2)";
  struct err e;
  for (int i = 0; i < 3; i++) {
    const struct db_value in[] = {db_int(i), i == 1 ? db_null() : db_text("n")};
    struct db_statement st = {sql, strlen(sql), in, 2, DB_OURS | DB_REUSE};
    assert_int_equal(db->driver->exec(db, &st, NULL, NULL, NULL, NULL, &e), 0);
  }
  const struct db_value again[] = {db_int(1), db_null()};
  struct db_statement st = {sql, strlen(sql), again, 2, DB_OURS | DB_REUSE};
  assert_int_equal(db->driver->exec(db, &st, NULL, NULL, NULL, NULL, &e), -1);
  assert_string_equal(e.sqlstate, "23505");
  must(db, "ALTER TABLE item ADD COLUMN more TEXT");
  const struct db_value after[] = {db_int(9), db_text("n")};
  static const char named[] = "INSERT INTO item (id, name) VALUES ($1, $2)";
  struct db_statement st2 = {named, strlen(named), after, 2, DB_OURS | DB_REUSE};
  assert_int_equal(db->driver->exec(db, &st2, NULL, NULL, NULL, NULL, &e), 0);
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 4);
  assert_int_equal(number(db, "SELECT count(*) FROM item WHERE name IS NULL"), 1);
  db_close(db);
}

static void errors_say_where(void **state) {
  (void)state;
  struct db *db = open_with_item();
  /* Two bytes of UTF-8 before it: the offset counts bytes. */
  const char *sql = "SELECT '\303\244', no_such_function_of_ours(1)";
  const struct err *e = must_fail(db, sql, ERR_MIGRATION);
  assert_says(e, "no_such_function_of_ours");
  assert_int_equal(e->offset, strstr(sql, "no_such") - sql);
  sql = "UPDATE item SET id = no_such_function_of_ours(id)";
  e = must_fail(db, sql, ERR_MIGRATION);
  assert_int_equal(e->offset, strstr(sql, "no_such") - sql);
  sql = "SELECT id,\n  nonesuch FROM item";
  e = must_fail(db, sql, ERR_MIGRATION);
  assert_int_equal(e->offset, strstr(sql, "nonesuch") - sql);
  sql = "SELECT * FROM nonesuch";
  e = must_fail(db, sql, ERR_MIGRATION);
  assert_int_equal(e->offset, strstr(sql, "nonesuch") - sql);
  sql = "CREATE TABEL x (a)";
  e = must_fail(db, sql, ERR_MIGRATION);
  assert_int_equal(e->offset, strstr(sql, "TABEL") - sql);
  db_close(db);
}

static void an_error_while_running_has_no_place_but_a_state(void **state) {
  (void)state;
  struct db *db = open_with_item();
  must(db, "INSERT INTO item VALUES (1, 'a')");
  const struct err *e = must_fail(db, "INSERT INTO item VALUES (1, 'b')", ERR_MIGRATION);
  assert_string_equal(e->sqlstate, "23505");
  assert_int_equal(e->offset, -1);
  must(db, "DROP TABLE IF EXISTS strict");
  must(db, "CREATE TABLE strict (a INTEGER NOT NULL CHECK (a > 0))");
  assert_string_equal(must_fail(db, "INSERT INTO strict VALUES (NULL)", ERR_MIGRATION)->sqlstate,
                      "23502");
  assert_string_equal(must_fail(db, "INSERT INTO strict VALUES (0)", ERR_MIGRATION)->sqlstate,
                      "23514");
  db_close(db);
}

static void exactly_one_statement_runs(void **state) {
  (void)state;
  struct db *db = open_with_item();
  must_fail(db, "INSERT INTO item VALUES (1, 'a'); INSERT INTO item VALUES (2, 'b')", ERR_INPUT);
  must_fail(db, "", ERR_INPUT);
  must_fail(db, " -- nothing\n /* at all */ ", ERR_INPUT);
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 0);
  must(db, "-- before\nINSERT INTO item VALUES (1, ';') ; -- behind\n /* ; */ ");
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 1);
  db_close(db);
}

static void a_nul_byte_is_refused(void **state) {
  (void)state;
  struct db *db = open_with_item();
  static const char sql[] = "INSERT INTO item VALUES (1, 'a')\0; DROP TABLE item";
  struct db_statement st = {sql, sizeof sql - 1, NULL, 0, 0};
  struct err e;
  assert_int_equal(db->driver->exec(db, &st, NULL, NULL, NULL, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_INPUT);
  assert_says(&e, "NUL");
  assert_int_equal(e.offset, (long)strlen(sql));
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 0);
  db_close(db);
}

static void a_statement_needs_no_nul_behind(void **state) {
  (void)state;
  struct db *db = open_with_item();
  static const char sql[] = "INSERT INTO item VALUES (1, 'a') garbage";
  struct db_statement st = {sql, strlen(sql) - 8, NULL, 0, 0};
  struct err e;
  assert_int_equal(db->driver->exec(db, &st, NULL, NULL, NULL, NULL, &e), 0);
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 1);
  db_close(db);
}

static void a_long_statement_goes_through(void **state) {
  (void)state;
  struct db *db = open_with_item();
  size_t len = 5 * 1000 * 1000;
  char *sql = xmalloc(len + 100);
  int at = sprintf(sql, "INSERT INTO item VALUES (1, '");
  memset(sql + at, 'x', len);
  strcpy(sql + at + len, "')");
  assert_int_equal(must(db, sql), 1);
  assert_int_equal(number(db, "SELECT length(name) FROM item"), len);
  free(sql);
  db_close(db);
}

static void changed_rows_are_counted(void **state) {
  (void)state;
  struct db *db = open_with_item();
  assert_int_equal(must(db, "INSERT INTO item VALUES (1,'a'),(2,'b'),(3,'c')"), 3);
  assert_int_equal(must(db, "CREATE INDEX item_name ON item (name)"), 0);
  assert_int_equal(must(db, "UPDATE item SET name = 'x' WHERE id > 1"), 2);
  assert_int_equal(must(db, "SELECT * FROM item"), 0);
  assert_int_equal(must(db, "UPDATE item SET name = 'x' WHERE id > 9"), 0);
  assert_int_equal(must(db, "DELETE FROM item"), 3);
  assert_int_equal(must(db, "DROP INDEX item_name"), 0);
  db_close(db);
}

static void a_transaction_is_seen_when_committed(void **state) {
  (void)state;
  struct db *db = open_with_item(), *other = subject_open();
  must_ours(db, db->driver->begin);
  assert_true(db->driver->in_transaction(db));
  must(db, "INSERT INTO item VALUES (1, 'a')");
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 1);
  assert_int_equal(number(other, "SELECT count(*) FROM item"), 0);
  must_ours(db, "COMMIT");
  assert_false(db->driver->in_transaction(db));
  assert_int_equal(number(other, "SELECT count(*) FROM item"), 1);
  db_close(other);
  db_close(db);
}

static void closing_rolls_back(void **state) {
  (void)state;
  struct db *db = open_with_item();
  must_ours(db, db->driver->begin);
  must(db, "INSERT INTO item VALUES (1, 'a')");
  must(db, "CREATE TABLE left_behind (a INTEGER)");
  db_close(db);
  db = subject_open();
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 0);
  must_fail(db, "SELECT * FROM left_behind", ERR_MIGRATION);
  db_close(db);
}

static void a_transaction_can_be_rolled_back_after_an_error(void **state) {
  (void)state;
  struct db *db = open_with_item();
  must_ours(db, db->driver->begin);
  must(db, "INSERT INTO item VALUES (1, 'a')");
  must_fail(db, "INSERT INTO item VALUES (1, 'a')", ERR_MIGRATION);
  assert_true(db->driver->in_transaction(db));
  must_ours(db, "ROLLBACK");
  assert_false(db->driver->in_transaction(db));
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 0);
  db_close(db);
}

static int tell_first(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count;
  (void)e;
  if (v[0].i == 1)
    canceller_tell(ctx);
  return 0;
}

static void a_running_statement_can_be_cancelled(void **state) {
  (void)state;
  struct db *db = open_with_item();
  struct canceller c;
  struct err e;
  canceller_start(&c);
  assert_int_equal(db_exec(db, endless, NULL, 0, tell_first, &c, NULL, &c.job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  /* Sticky: nothing is begun under it any more, and without it the connection works. */
  assert_int_equal(
      db_exec(db, "INSERT INTO item VALUES (1, 'a')", NULL, 0, NULL, NULL, NULL, &c.job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 0);
  canceller_stop(&c);
  db_close(db);
}

static void a_cancelled_write_leaves_nothing(void **state) {
  (void)state;
  struct db *db = open_with_item();
  struct canceller c;
  struct err e;
  canceller_start(&c);
  must_ours(db, db->driver->begin);
  must(db, "INSERT INTO item VALUES (-1, 'a')");
  canceller_tell(&c); /* at any moment from here on */
  assert_int_equal(db_exec(db,
                           "INSERT INTO item WITH RECURSIVE c(x) AS (SELECT CAST(1 AS BIGINT) UNION"
                           " ALL SELECT x + 1 FROM c) SELECT x, 'b' FROM c",
                           NULL, 0, NULL, NULL, NULL, &c.job, &e),
                   -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  if (db->driver->in_transaction(db))
    must_ours(db, "ROLLBACK");
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 0);
  canceller_stop(&c);
  db_close(db);
}

static void a_deadline_ends_a_statement(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct job job;
  struct err e;
  assert_int_equal(job_init(&job, clock_mono_ns() + 150 * NS_PER_MS, &e), 0);
  assert_int_equal(db_exec(db, endless, NULL, 0, NULL, NULL, NULL, &job, &e), -1);
  assert_int_equal(e.kind, ERR_DEADLINE);
  assert_int_equal(number(db, "SELECT 1"), 1);
  job_release(&job);
  db_close(db);
}

static void a_statement_timeout_ends_a_statement(void **state) {
  (void)state;
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  options.statement_timeout_ms = 100;
  assert_int_equal(db_open(&db, &options, NULL, &e), 0);
  const struct err *failed = must_fail(db, endless, ERR_MIGRATION);
  assert_says(failed, "timeout");
  assert_string_equal(failed->sqlstate, "57014");
  assert_int_equal(number(db, "SELECT 1"), 1);
  db_close(db);
}

static void opening_can_be_cancelled(void **state) {
  (void)state;
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct job job;
  struct err e;
  assert_int_equal(job_init(&job, 0, &e), 0);
  job_cancel(&job);
  assert_int_equal(db_open(&db, &options, &job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  assert_null(db);
  job_release(&job);
}

static void somebody_elses_lock_is_not_waited_for_long(void **state) {
  (void)state;
  struct db *db = open_with_item(), *other = subject_open();
  must_ours(other, other->driver->begin);
  must(other, "INSERT INTO item VALUES (1, 'a')");
  int64_t began = clock_mono_ns();
  const struct err *e = must_fail(db, "DROP TABLE item", ERR_LOCKED);
  assert_string_equal(e->sqlstate, "55P03");
  int64_t took = clock_mono_ns() - began;
  assert_true(took >= 150 * NS_PER_MS);
  must_ours(other, "ROLLBACK");
  must(db, "DROP TABLE item");
  db_close(other);
  db_close(db);
}

static void waiting_for_a_lock_can_be_cancelled(void **state) {
  (void)state;
  struct db *other = open_with_item(), *db = NULL;
  struct db_options options = subject_options();
  struct canceller c;
  struct err e;
  options.lock_timeout_ms = 60000;
  assert_int_equal(db_open(&db, &options, NULL, &e), 0);
  must_ours(other, other->driver->begin);
  must(other, "INSERT INTO item VALUES (1, 'a')");
  canceller_start(&c);
  canceller_tell(&c);
  assert_int_equal(db_exec(db, "DROP TABLE item", NULL, 0, NULL, NULL, NULL, &c.job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED); /* not that it is locked, in the end */
  canceller_stop(&c);
  db_close(db);
  db_close(other);
}

static void the_lock_is_taken_and_held(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct err e;
  assert_int_equal(db->driver->lock(db, NULL, &e), 1);
  assert_int_equal(db->driver->lock_check(db, &e), 0);
  db->driver->unlock(db);
  db_close(db);
}

static void a_missing_database_is_the_targets_fault(void **state) {
  (void)state;
  struct db_options options = subject_options();
  struct db_url url;
  struct db *db = NULL;
  struct err e;
  assert_int_equal(db_url_parse(subject.missing, &url, &e), 0);
  options.url = &url;
  assert_int_equal(db_open(&db, &options, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_null(db);
}

static void a_traced_connection_is_the_same(void **state) {
  (void)state;
  struct log *log = log_new(LOG_ERROR, LOG_TEXT);
  struct db *db = db_traced(open_with_item(), log, "t");
  struct err e;
  assert_int_equal(db->driver->dialect, subject.driver->dialect);
  assert_int_equal(db->driver->lock(db, NULL, &e), 1);
  must_ours(db, db->driver->begin);
  assert_true(db->driver->in_transaction(db));
  assert_int_equal(must(db, "INSERT INTO item VALUES (1, 'a')"), 1);
  must_ours(db, "COMMIT");
  must_fail(db, "SELECT * FROM nonesuch", ERR_MIGRATION);
  assert_int_equal(db->driver->lock_check(db, &e), 0);
  db->driver->unlock(db);
  assert_int_equal(number(db, "SELECT count(*) FROM item"), 1);
  db_close(db);
  log_free(log);
}

const struct CMUnitTest contract_tests[] = {
    cmocka_unit_test(opens_and_closes),
    cmocka_unit_test(all_types_go_in_and_come_out),
    cmocka_unit_test(parameters_may_repeat_and_come_in_any_order),
    cmocka_unit_test(a_missing_parameter_is_an_error),
    cmocka_unit_test(a_row_callback_stops_the_statement),
    cmocka_unit_test(a_row_callback_runs_no_statement),
    cmocka_unit_test(kept_statements_work_again),
    cmocka_unit_test(errors_say_where),
    cmocka_unit_test(an_error_while_running_has_no_place_but_a_state),
    cmocka_unit_test(exactly_one_statement_runs),
    cmocka_unit_test(a_nul_byte_is_refused),
    cmocka_unit_test(a_statement_needs_no_nul_behind),
    cmocka_unit_test(a_long_statement_goes_through),
    cmocka_unit_test(changed_rows_are_counted),
    cmocka_unit_test(a_transaction_is_seen_when_committed),
    cmocka_unit_test(closing_rolls_back),
    cmocka_unit_test(a_transaction_can_be_rolled_back_after_an_error),
    cmocka_unit_test(a_running_statement_can_be_cancelled),
    cmocka_unit_test(a_cancelled_write_leaves_nothing),
    cmocka_unit_test(a_deadline_ends_a_statement),
    cmocka_unit_test(a_statement_timeout_ends_a_statement),
    cmocka_unit_test(opening_can_be_cancelled),
    cmocka_unit_test(somebody_elses_lock_is_not_waited_for_long),
    cmocka_unit_test(waiting_for_a_lock_can_be_cancelled),
    cmocka_unit_test(the_lock_is_taken_and_held),
    cmocka_unit_test(a_missing_database_is_the_targets_fault),
    cmocka_unit_test(a_traced_connection_is_the_same),
};
const size_t contract_test_count = sizeof contract_tests / sizeof *contract_tests;

int contract_run(const struct CMUnitTest *own, size_t count) {
  struct CMUnitTest *all = xcalloc(contract_test_count + count, sizeof *all);
  memcpy(all, contract_tests, sizeof contract_tests);
  memcpy(all + contract_test_count, own, count * sizeof *own);
  int failed =
      _cmocka_run_group_tests(subject.driver->name, all, contract_test_count + count, NULL, NULL);
  free(all);
  return failed;
}
