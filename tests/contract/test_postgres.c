/* The contract on PostgreSQL, and what only it has: a network, roles, sessions, locks, notices,
 * COPY. Its server comes from tests/support/pg_cluster.sh through the environment.
 */
#include "contract.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "postgres_sessions.h"
#include "proxy.h"
#include "server/base/clock.h"

struct subject subject = {.driver = &db_postgres, .blob_type = "BYTEA"};

static const char *host, *port, *user, *admin, *folder;

/* ---- helpers ---- */

static int open_url(struct db **db, struct db_options options, struct err *e, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

static int open_url(struct db **db, struct db_options options, struct err *e, const char *format,
                    ...) {
  char text_of[512];
  struct db_url url;
  va_list args;
  va_start(args, format);
  vsnprintf(text_of, sizeof text_of, format, args);
  va_end(args);
  if (db_url_parse(text_of, &url, e) < 0)
    fail_msg("%s: %s", text_of, e->text);
  options.url = &url;
  err_clear(e);
  return db_open(db, &options, NULL, e);
}

static struct db *open_admin(void) {
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  options.allow_superuser = true;
  if (open_url(&db, options, &e, "postgresql://%s@%s:%s/migd", admin, host, port) < 0)
    fail_msg("admin: %s (%s)", e.text, e.detail);
  return db;
}

static int port_of_nobody(void) {
  struct sockaddr_in a = {.sin_family = AF_INET};
  socklen_t len = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
  close(fd);
  return ntohs(a.sin_port);
}

/* ---- connecting ---- */

static void a_wrong_password_is_told(void **state) {
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  (void)state;
  options.password = "wrong";
  assert_int_equal(open_url(&db, options, &e, "postgresql://%s@%s:%s/migd", user, host, port), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_string_equal(e.text, "password authentication failed");
  options.password = NULL;
  assert_int_equal(open_url(&db, options, &e, "postgresql://%s@%s:%s/migd", user, host, port), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "asks for a password");
  assert_null(strstr(e.detail, subject.password));
}

static void a_missing_database_is_named(void **state) {
  struct db *db = NULL;
  struct err e;
  (void)state;
  assert_int_equal(open_url(&db, subject_options(), &e, "postgresql://%s@%s:%s/no%%20pg_hba.conf",
                            user, host, port),
                   -1);
  assert_string_equal(e.text, "the database does not exist");
  assert_non_null(strstr(e.detail, "no pg_hba.conf"));
}

static void a_database_name_is_only_a_name(void **state) {
  struct db *db = NULL;
  struct err e;
  (void)state;
  assert_int_equal(open_url(&db, subject_options(), &e,
                            "postgresql://%s@%s:%s/dbname=migd%%20host=%s", user, host, port, host),
                   -1);
  assert_string_equal(e.text, "the database does not exist");
}

static void nobody_at_the_port_is_told(void **state) {
  struct db *db = NULL;
  struct err e;
  (void)state;
  assert_int_equal(open_url(&db, subject_options(), &e, "postgresql://%s@127.0.0.1:%d/migd", user,
                            port_of_nobody()),
                   -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_string_equal(e.text, "the server refused the connection");
}

static void an_unknown_host_is_told(void **state) {
  struct db *db = NULL;
  struct err e;
  (void)state;
  assert_int_equal(
      open_url(&db, subject_options(), &e, "postgresql://%s@no-such-host.invalid:5432/migd", user),
      -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_string_equal(e.text, "the host's name is not known");
}

static void a_silent_server_is_not_waited_for(void **state) {
  struct proxy p = {.mode = PROXY_SILENT};
  struct db *db = NULL;
  struct err e;
  (void)state;
  proxy_start(&p);
  int64_t began = clock_mono_ns();
  assert_int_equal(open_url(&db, subject_options(), &e,
                            "postgresql://%s@127.0.0.1:%d/migd?connect_timeout=1", user, p.port),
                   -1);
  int64_t took = clock_mono_ns() - began;
  assert_string_equal(e.text, "the server does not answer");
  assert_true(took >= 900 * NS_PER_MS);
  proxy_stop(&p);
}

static void connecting_can_be_cancelled(void **state) {
  struct proxy p = {.mode = PROXY_SILENT};
  struct db_options options = subject_options();
  struct canceller c;
  struct db_url url;
  struct db *db = NULL;
  struct err e;
  char text_of[128];
  (void)state;
  proxy_start(&p);
  snprintf(text_of, sizeof text_of, "postgresql://u@127.0.0.1:%d/x?connect_timeout=60", p.port);
  assert_int_equal(db_url_parse(text_of, &url, &e), 0);
  options.url = &url;
  canceller_start(&c);
  canceller_tell(&c);
  assert_int_equal(db_open(&db, &options, &c.job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED); /* not that the server does not answer, in the end */
  canceller_stop(&c);
  proxy_stop(&p);
}

static void something_else_at_the_port_is_told(void **state) {
  struct proxy p = {.mode = PROXY_STRANGER};
  struct db *db = NULL;
  struct err e;
  (void)state;
  proxy_start(&p);
  assert_int_equal(open_url(&db, subject_options(), &e,
                            "postgresql://%s@127.0.0.1:%d/migd?sslmode=disable", user, p.port),
                   -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_string_equal(e.text, "what listens there is not PostgreSQL");
  proxy_stop(&p);
}

static void tls_is_required_where_it_is_said(void **state) {
  struct proxy p = {.mode = PROXY_NO_TLS};
  struct db *db = NULL;
  struct err e;
  (void)state;
  proxy_start(&p);
  assert_int_equal(open_url(&db, subject_options(), &e,
                            "postgresql://%s@127.0.0.1:%d/migd?sslmode=require", user, p.port),
                   -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "does not offer TLS");
  proxy_stop(&p);
}

static void a_certificate_must_be_trusted(void **state) {
  const char *ca = getenv("MIGD_TEST_PG_CA"), *mode = "sslmode=verify-full";
  struct db *db = NULL;
  struct err e;
  (void)state;
  if (!ca || !*ca)
    skip();
  setenv("SSL_CERT_FILE", "/nonexistent/ca.crt", 1);
  assert_int_equal(
      open_url(&db, subject_options(), &e, "postgresql://%s@%s:%s/migd?%s", user, host, port, mode),
      -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "no trusted certificates");
  unsetenv("SSL_CERT_FILE");
  assert_int_equal(
      open_url(&db, subject_options(), &e, "postgresql://%s@%s:%s/migd?%s", user, host, port, mode),
      -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "TLS: ");
  setenv("SSL_CERT_FILE", ca, 1);
  assert_int_equal(
      open_url(&db, subject_options(), &e, "postgresql://%s@%s:%s/migd?%s", user, host, port, mode),
      0);
  assert_int_equal(number(db, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), 1);
  db_close(db);
  /* The certificate names the address, not this name of the same machine. */
  assert_int_equal(open_url(&db, subject_options(), &e, "postgresql://%s@localhost:%s/migd?%s",
                            user, port, mode),
                   -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "another host's");
  unsetenv("SSL_CERT_FILE");
}

static void a_pooler_is_refused(void **state) {
  struct proxy p = {.mode = PROXY_POOLER, .server_port = atoi(port)};
  struct db *db = NULL;
  struct err e;
  (void)state;
  proxy_start(&p);
  assert_int_equal(open_url(&db, subject_options(), &e,
                            "postgresql://%s@127.0.0.1:%d/migd?sslmode=disable", user, p.port),
                   -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_says(&e, "pooler");
  proxy_stop(&p);
}

static void powerful_roles_are_refused_unless_allowed(void **state) {
  static const char *const powers[] = {"pg_execute_server_program", "pg_read_server_files",
                                       "pg_write_server_files"};
  struct db_options options = subject_options();
  struct db *db = NULL, *root = open_admin();
  struct err e;
  (void)state;
  assert_int_equal(open_url(&db, options, &e, "postgresql://%s@%s:%s/migd", admin, host, port), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_says(&e, "superuser");
  assert_non_null(strstr(e.hint, "--allow-superuser"));
  for (size_t i = 0; i < 3; i++) {
    char sql[128];
    snprintf(sql, sizeof sql, "GRANT %s TO %s", powers[i], user);
    must(root, sql);
    assert_int_equal(open_url(&db, options, &e, "postgresql://%s@%s:%s/migd", user, host, port),
                     -1);
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_says(&e, powers[i]);
    options.allow_superuser = true;
    assert_int_equal(open_url(&db, options, &e, "postgresql://%s@%s:%s/migd", user, host, port), 0);
    db_close(db);
    options.allow_superuser = false;
    snprintf(sql, sizeof sql, "REVOKE %s FROM %s", powers[i], user);
    must(root, sql);
  }
  db_close(root);
}

static void a_read_only_server_is_refused_unless_wanted(void **state) {
  struct db *db = NULL, *root = open_admin();
  struct err e;
  (void)state;
  must(root, "DROP ROLE IF EXISTS reader");
  must(root, "CREATE ROLE reader LOGIN");
  must(root, "ALTER ROLE reader SET default_transaction_read_only = on");
  struct db_options options = subject_options();
  options.allow_socket = true;
  char encoded[512] = "";
  for (const char *s = folder; *s; s++)
    strcat(encoded, *s == '/' ? "%2F" : (char[]){*s, '\0'});
  assert_int_equal(open_url(&db, options, &e, "postgresql://reader@%s:%s/migd", encoded, port), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "read-only");
  assert_int_equal(open_url(&db, options, &e,
                            "postgresql://reader@%s:%s/migd?target_session_attrs=any", encoded,
                            port),
                   0);
  assert_string_equal(must_fail(db, "CREATE TABLE x (a int)", ERR_TARGET)->sqlstate, "25006");
  db_close(db);
  options.allow_socket = false;
  assert_int_equal(open_url(&db, options, &e, "postgresql://reader@%s:%s/migd", encoded, port), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_says(&e, "socket");
  must(root, "DROP ROLE reader");
  db_close(root);
}

static void the_environment_changes_nothing(void **state) {
  (void)state;
  setenv("PGHOST", "192.0.2.1", 1);
  setenv("PGOPTIONS", "-c search_path=evil", 1);
  setenv("PGSERVICEFILE", "/tmp/x", 1);
  setenv("PG", "x", 1);
  setenv("HOME", "/root", 1);
  db_process_init();
  assert_null(getenv("PGHOST"));
  assert_null(getenv("PGOPTIONS"));
  assert_null(getenv("PGSERVICEFILE"));
  assert_null(getenv("PG"));
  assert_string_equal(getenv("HOME"), "/nonexistent");
  assert_non_null(getenv("PATH"));
}

static void the_session_is_as_we_want_it(void **state) {
  (void)state;
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  options.statement_timeout_ms = 12345;
  assert_int_equal(db_open(&db, &options, NULL, &e), 0);
  assert_string_equal(text(db, "SHOW application_name"), "migd");
  assert_string_equal(text(db, "SHOW lock_timeout"), "200ms");
  assert_string_equal(text(db, "SHOW statement_timeout"), "12345ms");
  assert_string_equal(text(db, "SHOW client_encoding"), "UTF8");
  if (number(db, "SELECT current_setting('server_version_num')::int") >= 140000)
    assert_string_equal(text(db, "SHOW client_connection_check_interval"), "2s");
  db_close(db);
}

/* ---- losing the connection ---- */

static void a_terminated_session_is_the_targets_fault(void **state) {
  (void)state;
  struct db *db = subject_open(), *root = open_admin();
  char sql[100];
  struct err e;
  must_ours(db, "BEGIN");
  snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld, 5000)",
           (long long)number(db, "SELECT pg_backend_pid()"));
  must(root, sql);
  must_fail(db, "SELECT 1", ERR_TARGET);
  assert_false(db->driver->in_transaction(db));
  must_fail(db, "SELECT 1", ERR_TARGET);
  assert_int_equal(db->driver->lock_check(db, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_int_equal(db->driver->lock(db, NULL, &e), -1);
  db->driver->unlock(db);
  db_close(db);
  db_close(root);
}

static void terminating_itself_is_the_same(void **state) {
  (void)state;
  struct db *db = subject_open();
  const struct err *e = must_fail(db, "SELECT pg_terminate_backend(pg_backend_pid())", ERR_TARGET);
  assert_string_equal(e->sqlstate, "57P01");
  assert_false(db->driver->in_transaction(db));
  must_fail(db, "SELECT 1", ERR_TARGET);
  db_close(db);
}

static void a_cut_connection_is_the_targets_fault(void **state) {
  struct proxy p = {.mode = PROXY_CUT, .marker = "cut_here", .server_port = atoi(port)};
  struct db *db = NULL, *other;
  struct err e;
  (void)state;
  proxy_start(&p);
  assert_int_equal(open_url(&db, subject_options(), &e,
                            "postgresql://%s@127.0.0.1:%d/migd?sslmode=disable", user, p.port),
                   0);
  other = subject_open();
  must(other, "DROP TABLE IF EXISTS cut_test");
  must(other, "CREATE TABLE cut_test (a int)");
  must_ours(db, "BEGIN");
  must(db, "INSERT INTO cut_test VALUES (1)");
  must_fail(db, "SELECT 'cut_here'", ERR_TARGET);
  assert_false(db->driver->in_transaction(db));
  db_close(db);
  assert_int_equal(number(other, "SELECT count(*) FROM cut_test"), 0);
  db_close(other);
  proxy_stop(&p);
}

/* The server's process is stopped as by a debugger: neither an answer nor an end. */
static void a_frozen_server_does_not_hold_a_run(void **state) {
  struct db *db = subject_open();
  struct job job;
  struct err e;
  (void)state;
  pid_t pid = (pid_t)number(db, "SELECT pg_backend_pid()");
  if (kill(pid, SIGSTOP) < 0) {
    db_close(db);
    skip();
  }
  assert_int_equal(job_init(&job, clock_mono_ns() + 100 * NS_PER_MS, &e), 0);
  int rc = db_exec(db, "SELECT 1", NULL, 0, NULL, NULL, NULL, &job, &e);
  kill(pid, SIGCONT);
  assert_int_equal(rc, -1);
  assert_int_equal(e.kind, ERR_TARGET); /* what became of it is not known */
  assert_says(&e, "dropped");
  must_fail(db, "SELECT 1", ERR_TARGET);
  job_release(&job);
  db_close(db);
}

/* ---- the lock ---- */

static void the_lock_keeps_others_out(void **state) {
  (void)state;
  struct db *db = subject_open(), *other = subject_open();
  struct err e;
  char pid[32];
  assert_int_equal(db->driver->lock(db, NULL, &e), 1);
  assert_int_equal(other->driver->lock(other, NULL, &e), 0);
  assert_int_equal(e.kind, ERR_LOCKED);
  snprintf(pid, sizeof pid, "process %lld (migd)",
           (long long)number(db, "SELECT pg_backend_pid()"));
  assert_says(&e, pid);
  assert_int_equal(other->driver->lock_check(other, &e), -1);
  db->driver->unlock(db);
  assert_int_equal(other->driver->lock(other, NULL, &e), 1);
  assert_int_equal(db->driver->lock(db, NULL, &e), 0);
  assert_int_equal(other->driver->lock_check(other, &e), 0);
  db_close(db);
  db_close(other);
}

static void the_lock_ends_with_its_session(void **state) {
  (void)state;
  struct db *db = subject_open(), *other = subject_open();
  struct err e;
  char sql[100];
  assert_int_equal(db->driver->lock(db, NULL, &e), 1);
  snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld, 5000)",
           (long long)number(db, "SELECT pg_backend_pid()"));
  must(other, sql);
  assert_int_equal(other->driver->lock(other, NULL, &e), 1);
  assert_int_equal(db->driver->lock_check(db, &e), -1);
  db_close(db);
  db_close(other);
}

static void a_dropped_lock_is_noticed(void **state) {
  (void)state;
  struct db *db = subject_open();
  struct err e;
  static const char *const ways[] = {"SELECT pg_advisory_unlock_all()", "DISCARD ALL"};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(db->driver->lock(db, NULL, &e), 1);
    assert_int_equal(db->driver->lock_check(db, &e), 0);
    must(db, ways[i]);
    assert_int_equal(db->driver->lock_check(db, &e), -1);
    assert_int_equal(e.kind, ERR_TARGET);
    assert_says(&e, "no longer held");
  }
  db_close(db);
}

/* ---- statements ---- */

static void a_failed_transaction_cannot_be_committed(void **state) {
  (void)state;
  struct db *db = subject_open();
  must_ours(db, "BEGIN");
  must_fail(db, "SELECT 1/0", ERR_MIGRATION);
  assert_true(db->driver->in_transaction(db));
  assert_string_equal(must_fail(db, "SELECT 1", ERR_MIGRATION)->sqlstate, "25P02");
  assert_says(must_fail(db, "COMMIT", ERR_MIGRATION), "rolled back");
  assert_false(db->driver->in_transaction(db));
  db_close(db);
}

static void leaving_our_transaction_shows(void **state) {
  (void)state;
  struct db *db = subject_open();
  must_ours(db, "BEGIN");
  must(db, "COMMIT");
  assert_false(db->driver->in_transaction(db));
  db_close(db);
}

static void copy_brings_and_takes_no_data(void **state) {
  (void)state;
  struct db *db = subject_open();
  must(db, "DROP TABLE IF EXISTS copied");
  must(db, "CREATE TABLE copied (a int)");
  assert_says(must_fail(db, "COPY copied FROM STDIN", ERR_MIGRATION), "COPY FROM STDIN");
  assert_int_equal(must(db, "INSERT INTO copied SELECT generate_series(1, 100000)"), 100000);
  must(db, "COPY copied TO STDOUT");
  must_ours(db, "BEGIN");
  must_fail(db, "COPY copied FROM STDIN", ERR_MIGRATION);
  assert_true(db->driver->in_transaction(db));
  must_ours(db, "ROLLBACK");
  assert_string_equal(must_fail(db, "COPY copied TO PROGRAM 'true'", ERR_MIGRATION)->sqlstate,
                      "42501");
  assert_int_equal(number(db, "SELECT count(*) FROM copied"), 100000);
  db_close(db);
}

static void values_have_their_types(void **state) {
  (void)state;
  struct db *db = subject_open();
  assert_int_equal(number(db, "SELECT true"), 1);
  assert_int_equal(number(db, "SELECT false"), 0);
  assert_int_equal(number(db, "SELECT (-7)::int2"), -7);
  assert_int_equal(number(db, "SELECT 70000::int4"), 70000);
  assert_string_equal(text(db, "SELECT 1.50::numeric"), "1.50");
  assert_string_equal(text(db, "SELECT ARRAY[1,2]"), "{1,2}");
  db_close(db);
}

static void errors_carry_what_the_server_said(void **state) {
  (void)state;
  struct db *db = subject_open();
  const struct err *e = must_fail(
      db,
      "DO $$ BEGIN RAISE EXCEPTION 'm' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'ZZ001'; END $$",
      ERR_MIGRATION);
  assert_string_equal(e->text, "m");
  assert_string_equal(e->detail, "d");
  assert_string_equal(e->hint, "h");
  assert_string_equal(e->sqlstate, "ZZ001");
  assert_int_equal(e->offset, -1);
  db_close(db);
}

static void statements_outside_transactions_run(void **state) {
  (void)state;
  struct db *db = subject_open();
  must(db, "DROP TABLE IF EXISTS outside");
  must(db, "CREATE TABLE outside (a int)");
  must(db, "CREATE INDEX CONCURRENTLY outside_a ON outside (a)");
  must(db, "VACUUM outside");
  must_ours(db, "BEGIN");
  assert_string_equal(must_fail(db, "VACUUM outside", ERR_MIGRATION)->sqlstate, "25001");
  db_close(db);
}

struct notices {
  int count;
  size_t bytes;
  char first[200], last[200], severity[20];
  struct canceller *canceller;
};

static void on_notice(void *ctx, const char *severity, const char *words) {
  struct notices *n = ctx;
  if (n->count++ == 0)
    snprintf(n->first, sizeof n->first, "%s", words);
  snprintf(n->last, sizeof n->last, "%s", words);
  snprintf(n->severity, sizeof n->severity, "%s", severity);
  n->bytes += strlen(words);
  if (n->canceller)
    canceller_tell(n->canceller);
}

static struct db *open_noticing(struct notices *n) {
  struct db_options options = subject_options();
  struct db *db = NULL;
  struct err e;
  options.notice = on_notice;
  options.notice_ctx = n;
  assert_int_equal(db_open(&db, &options, NULL, &e), 0);
  return db;
}

static void notices_are_handed_on_and_capped(void **state) {
  (void)state;
  struct notices n = {0};
  struct db *db = open_noticing(&n);
  assert_int_equal(n.count, 0);
  must(db, "DO $$ BEGIN RAISE WARNING 'look: %', 1; END $$");
  assert_int_equal(n.count, 1);
  assert_string_equal(n.first, "look: 1");
  assert_string_equal(n.severity, "WARNING");
  must(db,
       "DO $$ BEGIN FOR i IN 1..1000 LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP; END $$");
  assert_in_range(n.bytes, 60000, 66000);
  assert_non_null(strstr(n.last, "left out"));
  must(db, "DO $$ BEGIN RAISE NOTICE 'again'; END $$");
  assert_string_equal(n.last, "again");
  db_close(db);
}

static void a_sleeping_statement_can_be_cancelled(void **state) {
  struct canceller c;
  struct notices n = {.canceller = &c};
  struct err e;
  (void)state;
  struct db *db = open_noticing(&n);
  canceller_start(&c);
  must_ours(db, "BEGIN");
  assert_int_equal(db_exec(db, "DO $$ BEGIN RAISE NOTICE 'asleep'; PERFORM pg_sleep(3600); END $$",
                           NULL, 0, NULL, NULL, NULL, &c.job, &e),
                   -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  assert_true(db->driver->in_transaction(db));
  must_ours(db, "ROLLBACK");
  canceller_stop(&c);
  db_close(db);
}

static void a_copy_out_can_be_cancelled(void **state) {
  struct canceller c;
  struct err e;
  (void)state;
  struct db *db = subject_open();
  canceller_start(&c);
  canceller_tell(&c);
  assert_int_equal(db_exec(db, "COPY (SELECT generate_series(1, 9000000000)) TO STDOUT", NULL, 0,
                           NULL, NULL, NULL, &c.job, &e),
                   -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  assert_int_equal(number(db, "SELECT 1"), 1);
  canceller_stop(&c);
  db_close(db);
}

static void somebody_elses_cancel_is_a_failed_statement(void **state) {
  (void)state;
  struct db *db = subject_open();
  const struct err *e = must_fail(
      db, "DO $$ BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(60); END $$",
      ERR_MIGRATION);
  assert_string_equal(e->sqlstate, "57014");
  db_close(db);
}

int main(void) {
  const struct CMUnitTest own[] = {
      cmocka_unit_test(a_wrong_password_is_told),
      cmocka_unit_test(a_missing_database_is_named),
      cmocka_unit_test(a_database_name_is_only_a_name),
      cmocka_unit_test(nobody_at_the_port_is_told),
      cmocka_unit_test(an_unknown_host_is_told),
      cmocka_unit_test(a_silent_server_is_not_waited_for),
      cmocka_unit_test(connecting_can_be_cancelled),
      cmocka_unit_test(something_else_at_the_port_is_told),
      cmocka_unit_test(tls_is_required_where_it_is_said),
      cmocka_unit_test(a_certificate_must_be_trusted),
      cmocka_unit_test(a_pooler_is_refused),
      cmocka_unit_test(powerful_roles_are_refused_unless_allowed),
      cmocka_unit_test(a_read_only_server_is_refused_unless_wanted),
      cmocka_unit_test(the_environment_changes_nothing),
      cmocka_unit_test(the_session_is_as_we_want_it),
      cmocka_unit_test(a_terminated_session_is_the_targets_fault),
      cmocka_unit_test(terminating_itself_is_the_same),
      cmocka_unit_test(a_cut_connection_is_the_targets_fault),
      cmocka_unit_test(a_frozen_server_does_not_hold_a_run),
      cmocka_unit_test(the_lock_keeps_others_out),
      cmocka_unit_test(the_lock_ends_with_its_session),
      cmocka_unit_test(a_dropped_lock_is_noticed),
      cmocka_unit_test(a_failed_transaction_cannot_be_committed),
      cmocka_unit_test(leaving_our_transaction_shows),
      cmocka_unit_test(copy_brings_and_takes_no_data),
      cmocka_unit_test(values_have_their_types),
      cmocka_unit_test(errors_carry_what_the_server_said),
      cmocka_unit_test(statements_outside_transactions_run),
      cmocka_unit_test(notices_are_handed_on_and_capped),
      cmocka_unit_test(a_sleeping_statement_can_be_cancelled),
      cmocka_unit_test(a_copy_out_can_be_cancelled),
      cmocka_unit_test(somebody_elses_cancel_is_a_failed_statement),
  };
  char url[512], missing[512];
  struct err e;
  host = getenv("MIGD_TEST_PG_HOST");
  port = getenv("MIGD_TEST_PG_PORT");
  user = getenv("MIGD_TEST_PG_USER");
  admin = getenv("MIGD_TEST_PG_ADMIN");
  folder = getenv("MIGD_TEST_PG_SOCKET");
  subject.password = getenv("MIGD_TEST_PG_PASSWORD");
  if (!host || !port || !user || !admin || !folder || !subject.password) {
    fprintf(stderr, "no PostgreSQL server: run under tests/support/pg_cluster.sh; skipped\n");
    return 77;
  }
  signal(SIGPIPE, SIG_IGN);
  db_process_init();
  snprintf(url, sizeof url, "postgresql://%s@%s:%s/migd", user, host, port);
  snprintf(missing, sizeof missing, "postgresql://%s@%s:%s/nowhere", user, host, port);
  subject.missing = missing;
  if (db_url_parse(url, &subject.url, &e) < 0) {
    fprintf(stderr, "%s: %s\n", url, e.text);
    return 1;
  }
  size_t count = sizeof own / sizeof *own;
  struct CMUnitTest *all = calloc(count + postgres_session_test_count, sizeof *all);
  memcpy(all, own, sizeof own);
  memcpy(all + count, postgres_session_tests, postgres_session_test_count * sizeof *all);
  int failed = contract_run(all, count + postgres_session_test_count);
  free(all);
  return failed;
}
