/* The contract on one schema of a PostgreSQL database, and what only that has: a search path that
 * is the URL's list, a lock of its own; then the files of the host that a connection may use. Its
 * server comes from tests/support/pg_cluster.sh through the environment.
 */
#include "contract.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct subject subject = {.driver = &db_postgres, .blob_type = "BYTEA"};

#define OWN "a \"b\", 'c' \303\244" /* the schema that the contract runs in */
#define OWN_ENCODED "a%20%22b%22%2C%20%27c%27%20%C3%A4"

static const char *host, *port, *user, *admin;

static int open_as(struct db **db, const char *role, const char *query, struct db_options options,
                   struct err *e) {
  char text_of[1024];
  struct db_url url;
  snprintf(text_of, sizeof text_of, "postgresql://%s@%s:%s/migd?%s", role, host, port, query);
  err_clear(e);
  if (db_url_parse(text_of, &url, e) < 0)
    return -1;
  options.url = &url;
  options.password = options.password ? options.password : subject.password;
  return db_open(db, &options, NULL, e);
}

static struct db *opened(const char *query, struct db_options options) {
  struct db *db = NULL;
  struct err e;
  if (open_as(&db, user, query, options, &e) < 0)
    fail_msg("%s: %s (%s)", query, e.text, e.detail);
  return db;
}

static struct db *open_admin(void) {
  struct db_options options = {.allow_superuser = true};
  struct db *db = NULL;
  struct err e;
  if (open_as(&db, admin, "", options, &e) < 0)
    fail_msg("admin: %s (%s)", e.text, e.detail);
  return db;
}

/* A schema that is made anew. */
static struct db *fresh(const char *schema, const char *more) {
  struct db *db = open_admin();
  char sql[200];
  snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE", schema);
  must(db, sql);
  db_close(db);
  snprintf(sql, sizeof sql, "schema=%s%s", schema, more);
  return opened(sql, (struct db_options){.create = true});
}

/* ---- the search path ---- */

static void the_search_path_is_the_list(void **state) {
  struct db *db = subject_open();
  (void)state;
  assert_string_equal(db->schema, OWN);
  assert_string_equal(text(db, "SELECT current_schema()::text"), OWN);
  assert_int_equal(number(db, "SELECT cardinality(current_schemas(false))"), 1);
  db_close(db);
  db_close(fresh("first", ""));
  db = fresh("second", ",first,public");
  assert_string_equal(text(db, "SELECT current_schemas(false)::text"), "{second,first,public}");
  must(db, "CREATE TABLE first.only_there (a int)");
  must(db, "CREATE TABLE here (a int)");
  assert_int_equal(number(db, "SELECT count(*) FROM only_there"), 0);
  assert_int_equal(number(db, "SELECT (to_regclass('second.here') IS NOT NULL)::int"), 1);
  db_close(db);
}

static void a_roles_own_search_path_changes_nothing(void **state) {
  struct db *root = open_admin(), *db;
  char sql[100];
  (void)state;
  db_close(fresh("first", ""));
  snprintf(sql, sizeof sql, "ALTER ROLE %s SET search_path = public", user);
  must(root, sql);
  db = opened("schema=first", (struct db_options){0});
  assert_string_equal(text(db, "SHOW search_path"), "\"first\"");
  snprintf(sql, sizeof sql, "ALTER ROLE %s RESET search_path", user);
  must(root, sql);
  db_close(db);
  db_close(root);
}

static void a_schema_that_is_missing_is_told(void **state) {
  struct db_options create = {.create = true};
  struct db *db = NULL;
  struct err e;
  (void)state;
  assert_int_equal(open_as(&db, user, "schema=nowhere", (struct db_options){0}, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_string_equal(e.text, "the database has no schema nowhere");
  assert_non_null(strstr(e.hint, "--create"));
  /* What is only searched is never made. */
  db_close(fresh("first", ""));
  assert_int_equal(open_as(&db, user, "schema=first,nowhere", create, &e), -1);
  assert_string_equal(e.text, "the database has no schema nowhere");
}

static void rights_that_are_missing_are_told(void **state) {
  struct db_options create = {.create = true};
  struct db *root = open_admin(), *db = NULL;
  struct err e;
  (void)state;
  must(root, "DROP SCHEMA IF EXISTS closed");
  must(root, "CREATE SCHEMA closed");
  assert_int_equal(open_as(&db, user, "schema=closed", create, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "may not use the schema closed");
  must(root, "DROP ROLE IF EXISTS modest");
  must(root, "CREATE ROLE modest LOGIN PASSWORD 'modest'");
  create.password = "modest";
  assert_int_equal(open_as(&db, "modest", "schema=modest_one", create, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "make the schema modest_one: permission denied");
  must(root, "DROP ROLE modest");
  must(root, "DROP SCHEMA closed");
  db_close(root);
}

/* ---- the lock ---- */

static void each_schema_has_a_lock_of_its_own(void **state) {
  struct db *a = fresh("first", ""), *b = fresh("second", ""), *whole = NULL;
  struct db *again = opened("schema=first,second", (struct db_options){0});
  struct err e;
  (void)state;
  whole = opened("", (struct db_options){0});
  assert_int_equal(a->driver->lock(a, NULL, &e), 1);
  assert_int_equal(b->driver->lock(b, NULL, &e), 1);
  assert_int_equal(whole->driver->lock(whole, NULL, &e), 1);
  assert_int_equal(again->driver->lock(again, NULL, &e), 0);
  assert_int_equal(e.kind, ERR_LOCKED);
  char pid[40];
  snprintf(pid, sizeof pid, "process %lld (migd)", (long long)number(a, "SELECT pg_backend_pid()"));
  assert_says(&e, pid);
  assert_int_equal(a->driver->lock_check(a, &e), 0);
  assert_int_equal(again->driver->lock_check(again, &e), -1);
  a->driver->unlock(a);
  assert_int_equal(a->driver->lock_check(a, &e), -1);
  assert_int_equal(b->driver->lock_check(b, &e), 0);
  assert_int_equal(again->driver->lock(again, NULL, &e), 1);
  db_close(a);
  db_close(b);
  db_close(again);
  db_close(whole);
}

static void the_locks_key_is_what_is_written(void **state) {
  struct db *db = subject_open();
  (void)state;
  assert_true(db_postgres_lock(NULL) == DB_POSTGRES_LOCK);
  assert_true(number(db, "SELECT ('x' || left(encode(sha256(convert_to('migd schema ' || "
                         "current_schema(), 'UTF8')), 'hex'), 16))::bit(64)::bigint") ==
              db_postgres_lock(OWN));
  db_close(db);
}

/* ---- files of the host ---- */

static char folder[64];
static const char *folders[] = {folder, NULL};

static void put(const char *name, const char *contents, mode_t mode) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  fputs(contents, f);
  fclose(f);
  assert_int_equal(chmod(path, mode), 0);
}

static struct err refused(const char *query, struct db_options options) {
  struct db *db = NULL;
  struct err e;
  if (open_as(&db, user, query, options, &e) == 0)
    fail_msg("%s: accepted", query);
  return e;
}

static void no_file_is_reached_unless_allowed(void **state) {
  static const char *const names[] = {"sslrootcert", "sslcrl", "passfile"};
  struct db_options options = {0};
  char query[200];
  (void)state;
  put("file", "x", 0600);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct err e;
    snprintf(query, sizeof query, "sslmode=verify-full&%s=%s/file", names[i], folder);
    options.postgres_files = NULL;
    e = refused(query, options);
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_says(&e, names[i]);
    assert_null(strstr(e.text, folder));
    snprintf(query, sizeof query, "sslmode=verify-full&%s=%s-2/file", names[i], folder);
    options.postgres_files = folders;
    e = refused(query, options);
    assert_int_equal(e.kind, ERR_REFUSED);
    snprintf(query, sizeof query, "sslmode=verify-full&%s=%s/missing", names[i], folder);
    e = refused(query, options);
    assert_int_equal(e.kind, ERR_TARGET);
    assert_says(&e, "cannot be read");
  }
}

static void a_passfile_gives_the_password(void **state) {
  struct db_options options = {.postgres_files = folders, .password = ""};
  char line[256], query[200];
  struct err e;
  (void)state;
  snprintf(line, sizeof line, "other:*:*:*:wrong\n%s:%s:migd:%s:%s\n", host, port, user,
           subject.password);
  put("passfile", line, 0600);
  snprintf(query, sizeof query, "passfile=%s/passfile", folder);
  db_close(opened(query, options));
  put("passfile", line, 0640);
  e = refused(query, options);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "others than its owner can read");
}

static unsigned open_files(void) {
  DIR *dir = opendir("/proc/self/fd");
  unsigned count = 0;
  assert_non_null(dir);
  while (readdir(dir))
    count++;
  closedir(dir);
  return count;
}

static char *read_text(const char *path) {
  static char buf[16384];
  FILE *f = fopen(path, "re");
  assert_non_null(f);
  buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
  fclose(f);
  return buf;
}

static void a_ca_of_its_own_leaves_nothing_behind(void **state) {
  const char *ca = getenv("MIGD_TEST_PG_CA");
  struct db_options options = {0};
  struct db *db;
  struct err e;
  (void)state;
  if (!ca || !*ca)
    skip();
  options.ca_certificate = read_text(ca);
  unsigned before = open_files();
  db = opened("sslmode=verify-full", options);
  assert_int_equal(number(db, "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), 1);
  db_close(db);
  assert_int_equal(open_files(), before);
  options.ca_certificate = "not a certificate";
  e = refused("sslmode=verify-full", options);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "TLS: ");
  assert_int_equal(open_files(), before);
}

/* The second connection, which cancels, is checked as the first. */
static void what_runs_with_a_ca_can_be_cancelled(void **state) {
  const char *ca = getenv("MIGD_TEST_PG_CA");
  struct db_options options = {0};
  struct canceller c;
  struct err e;
  (void)state;
  if (!ca || !*ca)
    skip();
  options.ca_certificate = read_text(ca);
  struct db *db = opened("sslmode=verify-full", options);
  canceller_start(&c);
  canceller_tell(&c);
  assert_int_equal(db_exec(db, "SELECT pg_sleep(60)", NULL, 0, NULL, NULL, NULL, &c.job, &e), -1);
  assert_int_equal(e.kind, ERR_CANCELLED);
  canceller_stop(&c);
  assert_int_equal(number(db, "SELECT 1"), 1); /* the session lives */
  db_close(db);
}

static int read_environment(void) {
  host = getenv("MIGD_TEST_PG_HOST");
  port = getenv("MIGD_TEST_PG_PORT");
  user = getenv("MIGD_TEST_PG_USER");
  admin = getenv("MIGD_TEST_PG_ADMIN");
  subject.password = getenv("MIGD_TEST_PG_PASSWORD");
  return host && port && user && admin && subject.password ? 0 : -1;
}

/* The schema of the contract, and URLs of it. */
static int prepare(struct err *e) {
  static char missing[512];
  char url[512];
  struct db_options options = {.url = &subject.url, .create = true, .password = subject.password};
  struct db *db = NULL;
  snprintf(url, sizeof url, "postgresql://%s@%s:%s/migd?schema=%s", user, host, port, OWN_ENCODED);
  snprintf(missing, sizeof missing, "postgresql://%s@%s:%s/migd?schema=nowhere", user, host, port);
  subject.missing = missing;
  if (db_url_parse(url, &subject.url, e) < 0 || db_open(&db, &options, NULL, e) < 0)
    return -1;
  db_close(db);
  return 0;
}

int main(void) {
  const struct CMUnitTest own[] = {
      cmocka_unit_test(the_search_path_is_the_list),
      cmocka_unit_test(a_roles_own_search_path_changes_nothing),
      cmocka_unit_test(a_schema_that_is_missing_is_told),
      cmocka_unit_test(rights_that_are_missing_are_told),
      cmocka_unit_test(each_schema_has_a_lock_of_its_own),
      cmocka_unit_test(the_locks_key_is_what_is_written),
      cmocka_unit_test(no_file_is_reached_unless_allowed),
      cmocka_unit_test(a_passfile_gives_the_password),
      cmocka_unit_test(a_ca_of_its_own_leaves_nothing_behind),
      cmocka_unit_test(what_runs_with_a_ca_can_be_cancelled),
  };
  struct err e;
  if (read_environment() < 0) {
    fprintf(stderr, "no PostgreSQL server: run under tests/support/pg_cluster.sh; skipped\n");
    return 77;
  }
  signal(SIGPIPE, SIG_IGN);
  db_process_init();
  snprintf(folder, sizeof folder, "/tmp/migd-schemas-%ld", (long)getpid());
  if (mkdir(folder, 0700) < 0 || prepare(&e) < 0) {
    fprintf(stderr, "%s\n", e.text);
    return 1;
  }
  int rc = contract_run(own, sizeof own / sizeof *own);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command) == 0 ? rc : 1;
}
