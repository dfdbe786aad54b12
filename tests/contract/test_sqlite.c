/* The contract on SQLite, and what only SQLite has: files, their names and links, the guard. */
#include "proto/base/temporary.h"

#include "contract.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct subject subject = {.driver = &db_sqlite, .blob_type = "BLOB"};

static char folder[PATH_MAX]; /* real path of a fresh one */

/* ---- files ---- */

static const char *in_folder(const char *name) {
  static char paths[4][PATH_MAX + 64];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void write_file(const char *path, const void *bytes, size_t len) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, len, f), len);
  fclose(f);
}

static int open_path(struct db **db, const char *path, struct db_options options, struct err *e) {
  struct db_url url = {.dialect = DIALECT_SQLITE};
  snprintf(url.path, sizeof url.path, "%s", path);
  options.url = &url;
  err_clear(e);
  return db_open(db, &options, NULL, e);
}

static struct db *make(const char *name) {
  struct db *db = NULL;
  struct err e;
  if (open_path(&db, in_folder(name), (struct db_options){.create = true}, &e) < 0)
    fail_msg("%s: %s", name, e.text);
  return db;
}

static void refuses_to_open(const char *path, struct db_options options, enum err_kind kind,
                            const char *words) {
  struct db *db = NULL;
  struct err e;
  if (open_path(&db, path, options, &e) == 0)
    fail_msg("%s: opened", path);
  if (e.kind != kind)
    fail_msg("%s: kind %d: %s", path, e.kind, e.text);
  assert_says(&e, words);
  assert_null(db);
}

static void links_are_refused(void **state) {
  struct db_options guard = subject_options();
  (void)state;
  db_close(make("one.db"));
  assert_int_equal(symlink(in_folder("one.db"), in_folder("soft.db")), 0);
  refuses_to_open(in_folder("soft.db"), guard, ERR_REFUSED, "symbolic link");
  assert_int_equal(symlink(folder, in_folder("way")), 0);
  refuses_to_open(in_folder("way/one.db"), guard, ERR_REFUSED, "symbolic link");
  assert_int_equal(symlink("nowhere", in_folder("dangling.db")), 0);
  refuses_to_open(in_folder("dangling.db"), (struct db_options){.create = true}, ERR_REFUSED,
                  "symbolic link");
  assert_int_equal(access(in_folder("nowhere"), F_OK), -1);
  assert_int_equal(link(in_folder("one.db"), in_folder("hard.db")), 0);
  refuses_to_open(in_folder("one.db"), guard, ERR_REFUSED, "hard link");
  refuses_to_open(in_folder("hard.db"), guard, ERR_REFUSED, "hard link");
}

static void only_files_are_opened(void **state) {
  struct db_options guard = subject_options();
  (void)state;
  assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
  refuses_to_open(in_folder("sub"), guard, ERR_TARGET, "not a regular file");
  assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
  refuses_to_open(in_folder("fifo"), guard, ERR_TARGET, "not a regular file");
  refuses_to_open(in_folder("none.db"), guard, ERR_TARGET, "no such file");
  refuses_to_open(in_folder("none/x.db"), guard, ERR_TARGET, "No such file");
  refuses_to_open("relative.db", guard, ERR_INPUT, "absolute");
  refuses_to_open("file:/tmp/x?mode=memory", guard, ERR_INPUT, "absolute");
  refuses_to_open(":memory:", guard, ERR_INPUT, "absolute");
  refuses_to_open("", guard, ERR_INPUT, "absolute");
}

static void only_databases_are_opened(void **state) {
  struct db_options guard = subject_options();
  struct db *db = NULL;
  struct err e;
  char junk[8192];
  (void)state;
  memset(junk, 'j', sizeof junk);
  write_file(in_folder("junk.db"), junk, sizeof junk);
  refuses_to_open(in_folder("junk.db"), guard, ERR_TARGET, "not an SQLite database");
  write_file(in_folder("short.db"), "hello", 5);
  refuses_to_open(in_folder("short.db"), guard, ERR_TARGET, "not an SQLite database");
  write_file(in_folder("empty.db"), "", 0);
  assert_int_equal(open_path(&db, in_folder("empty.db"), guard, &e), 0);
  must(db, "CREATE TABLE t (a)");
  db_close(db);
}

static void a_damaged_database_is_the_targets_fault(void **state) {
  (void)state;
  struct db *db = make("damaged.db");
  struct err e;
  must(db, "CREATE TABLE t (a)");
  must(db, "INSERT INTO t VALUES (zeroblob(20000))");
  db_close(db);
  int fd = open(in_folder("damaged.db"), O_WRONLY);
  char junk[4096];
  memset(junk, 0xff, sizeof junk);
  assert_int_equal(pwrite(fd, junk, sizeof junk, 4096), sizeof junk);
  close(fd);
  assert_int_equal(open_path(&db, in_folder("damaged.db"), subject_options(), &e), 0);
  assert_says(must_fail(db, "INSERT INTO t VALUES (1)", ERR_TARGET), "damaged");
  db_close(db);
}

static void a_file_is_made_only_when_asked(void **state) {
  struct db_options create = {.create = true};
  (void)state;
  db_close(make("made.db"));
  assert_int_equal(access(in_folder("made.db"), F_OK), 0);
  create.guard = true;
  refuses_to_open(in_folder("not.db"), create, ERR_TARGET, "no such file");
  create = (struct db_options){.create = true, .read_only = true};
  refuses_to_open(in_folder("not.db"), create, ERR_TARGET, "no such file");
  assert_int_equal(access(in_folder("not.db"), F_OK), -1);
}

static void files_lie_under_a_root(void **state) {
  (void)state;
  assert_int_equal(mkdir(in_folder("root"), 0700), 0);
  assert_int_equal(mkdir(in_folder("rootless"), 0700), 0);
  assert_int_equal(symlink(in_folder("root"), in_folder("root_by_link")), 0);
  const char *root = in_folder("root_by_link"), *const roots[] = {"/nonexistent", root, NULL};
  const char *const none[] = {NULL};
  struct db_options options = {.create = true, .sqlite_roots = roots};
  struct db *db = NULL;
  struct err e;
  assert_int_equal(open_path(&db, in_folder("root/a.db"), options, &e), 0);
  db_close(db);
  refuses_to_open(in_folder("rootless/a.db"), options, ERR_REFUSED, "not under a folder");
  refuses_to_open(in_folder("a.db"), options, ERR_REFUSED, "not under a folder");
  refuses_to_open(in_folder("root/../a.db"), options, ERR_REFUSED, "");
  options.sqlite_roots = none;
  refuses_to_open(in_folder("root/a.db"), options, ERR_REFUSED, "not under a folder");
}

/* Runs `body` in a child that is not root; its answer is the child's. */
static int as_nobody(int (*body)(void)) {
  int status = 0;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (geteuid() == 0 &&
        (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
      _exit(99);
    _exit(body());
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static int open_read_only_file(void) {
  struct db *db = NULL;
  struct err e;
  if (open_path(&db, in_folder("ro/file.db"), (struct db_options){.guard = true}, &e) == 0)
    return 1;
  if (e.kind != ERR_TARGET || !strstr(e.text, "read-only"))
    return 2;
  if (open_path(&db, in_folder("ro/file.db"), (struct db_options){.read_only = true}, &e) < 0)
    return 3;
  db_close(db);
  if (open_path(&db, in_folder("ro/secret.db"), (struct db_options){.guard = true}, &e) == 0)
    return 4;
  return e.kind == ERR_TARGET ? 0 : 5;
}

static void a_read_only_file_is_told(void **state) {
  (void)state;
  assert_int_equal(mkdir(in_folder("ro"), 0755), 0);
  struct db *db = make("ro/file.db");
  must(db, "CREATE TABLE t (a)");
  db_close(db);
  db_close(make("ro/secret.db"));
  assert_int_equal(chmod(in_folder("ro/file.db"), 0444), 0);
  assert_int_equal(chmod(in_folder("ro/secret.db"), 0000), 0);
  assert_int_equal(as_nobody(open_read_only_file), 0);
}

static int write_in_read_only_folder(void) {
  struct db *db = NULL;
  struct err e;
  if (open_path(&db, in_folder("rof/file.db"), (struct db_options){.guard = true}, &e) < 0)
    return 1;
  if (try_sql(db, "INSERT INTO t VALUES (1)", &e) == 0)
    return 2;
  db_close(db);
  return e.kind == ERR_TARGET ? 0 : 3;
}

static void a_read_only_folder_is_the_targets_fault(void **state) {
  (void)state;
  assert_int_equal(mkdir(in_folder("rof"), 0755), 0);
  struct db *db = make("rof/file.db");
  must(db, "CREATE TABLE t (a)");
  db_close(db);
  assert_int_equal(chmod(in_folder("rof/file.db"), 0666), 0);
  assert_int_equal(chmod(in_folder("rof"), 0555), 0);
  int rc = as_nobody(write_in_read_only_folder);
  assert_int_equal(chmod(in_folder("rof"), 0755), 0);
  assert_int_equal(rc, 0);
}

static void a_replaced_file_is_noticed(void **state) {
  (void)state;
  struct db *db = make("first.db");
  struct err e;
  must(db, "CREATE TABLE t (a)");
  assert_int_equal(db->driver->lock_check(db, &e), 0);
  db_close(make("second.db"));
  assert_int_equal(rename(in_folder("second.db"), in_folder("first.db")), 0);
  assert_int_equal(db->driver->lock_check(db, &e), -1);
  assert_int_equal(e.kind, ERR_TARGET);
  assert_says(&e, "replaced");
  must_fail(db, "INSERT INTO t VALUES (1)", ERR_TARGET);
  assert_int_equal(unlink(in_folder("first.db")), 0);
  assert_int_equal(db->driver->lock_check(db, &e), -1);
  db_close(db);
}

static void a_full_disk_fails_the_migration(void **state) {
  (void)state;
  struct db *db = make("full.db");
  must(db, "CREATE TABLE t (a)");
  must_ours(db, "PRAGMA max_page_count = 4");
  const struct err *e = must_fail(db, "INSERT INTO t VALUES (zeroblob(100000))", ERR_MIGRATION);
  assert_string_equal(e->sqlstate, "53100");
  assert_says(e, "disk is full");
  db_close(db);
}

static void reading_changes_nothing(void **state) {
  (void)state;
  struct db *db = make("read.db");
  struct err e;
  must(db, "CREATE TABLE t (a)");
  db_close(db);
  assert_int_equal(open_path(&db, in_folder("read.db"), (struct db_options){.read_only = true}, &e),
                   0);
  assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
  assert_string_equal(must_fail(db, "INSERT INTO t VALUES (1)", ERR_TARGET)->sqlstate, "25006");
  db_close(db);
}

static void reading_recovers_what_a_crash_left(void **state) {
  (void)state;
  struct db *db = make("crash.db");
  struct err e;
  int status;
  must(db, "CREATE TABLE t (a)");
  must(db, "INSERT INTO t VALUES (1)");
  db_close(db);
  pid_t pid = fork();
  if (pid == 0) {
    db = make("crash.db");
    must_ours(db, "PRAGMA cache_size = 1");
    must_ours(db, "BEGIN IMMEDIATE");
    must(db, "INSERT INTO t VALUES (zeroblob(1000000))");
    _exit(0);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(access(in_folder("crash.db-journal"), F_OK), 0);
  assert_int_equal(
      open_path(&db, in_folder("crash.db"), (struct db_options){.read_only = true}, &e), 0);
  assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
  db_close(db);
}

static void opening_a_locked_file_ends(void **state) {
  (void)state;
  struct db *other = make("locked.db"), *db = NULL;
  struct err e;
  must(other, "CREATE TABLE t (a)");
  must_ours(other, "BEGIN EXCLUSIVE");
  assert_int_equal(open_path(&db, in_folder("locked.db"), subject_options(), &e), -1);
  assert_int_equal(e.kind, ERR_LOCKED);
  db_close(other);
  assert_int_equal(open_path(&db, in_folder("locked.db"), subject_options(), &e), 0);
  db_close(db);
}

static void durability_is_as_promised(void **state) {
  (void)state;
  struct db *db = make("kept.db");
  struct err e;
  must(db, "CREATE TABLE t (a)");
  db_close(db);
  assert_int_equal(open_path(&db, in_folder("kept.db"), subject_options(), &e), 0);
  assert_string_equal(text(db, "PRAGMA journal_mode"), "delete");
  assert_int_equal(number(db, "PRAGMA synchronous"), 3);
  assert_int_equal(number(db, "PRAGMA foreign_keys"), 0);
  db_close(db);
  assert_int_equal(open_path(&db, in_folder("kept.db"), (struct db_options){.wal = true}, &e), 0);
  assert_string_equal(text(db, "PRAGMA journal_mode"), "wal");
  assert_int_equal(number(db, "PRAGMA synchronous"), 2);
  db_close(db);
  assert_int_equal(open_path(&db, in_folder("kept.db"), subject_options(), &e), 0);
  assert_string_equal(text(db, "PRAGMA journal_mode"), "wal");
  db_close(db);
}

/* ---- the guard ---- */

static struct db *guarded(void) {
  struct db *db = subject_open();
  must_ours(db, "DROP TABLE IF EXISTS migd_revision");
  must_ours(db, "DROP TABLE IF EXISTS t");
  must_ours(db, "DROP TABLE IF EXISTS u");
  must_ours(db, "DROP TABLE IF EXISTS v");
  must_ours(db, "CREATE TABLE migd_revision (id TEXT)");
  must_ours(db, "INSERT INTO migd_revision VALUES ('r1')");
  must(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
  must(db, "CREATE TABLE u (a)");
  return db;
}

static void what_leaves_the_database_is_refused(void **state) {
  static const char *const rows[][2] = {
      {"ATTACH '/tmp/x.db' AS x", "ATTACH"},
      {"ATTACH '' AS x", "ATTACH"},
      {"ATTACH ':memory:' AS x", "ATTACH"},
      {"ATTACH '/tmp/' || 'x.db' AS x", "ATTACH"},
      {"DETACH main", "DETACH"},
      {"VACUUM INTO 'never.db'", "VACUUM INTO"},
      {"VACUUM INTO 'nev' || 'er.db'", "VACUUM INTO"},
      {"BEGIN", "BEGIN"},
      {"COMMIT", "COMMIT"},
      {"END", "COMMIT"},
      {"ROLLBACK", "ROLLBACK"},
      {"SAVEPOINT fts3", "SAVEPOINT"},
      {"RELEASE x", "SAVEPOINT"},
      {"PRAGMA journal_mode = OFF", "PRAGMA journal_mode"},
      {"PRAGMA main.journal_mode = WAL", "PRAGMA journal_mode"},
      {"PRAGMA synchronous = OFF", "PRAGMA synchronous"},
      {"PRAGMA writable_schema = 1", "PRAGMA writable_schema"},
      {"PRAGMA temp_store_directory = '/tmp'", "PRAGMA temp_store_directory"},
      {"PRAGMA data_store_directory = '/tmp'", "PRAGMA data_store_directory"},
      {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode"},
      {"PRAGMA trusted_schema = 1", "PRAGMA trusted_schema"},
      {"PRAGMA mmap_size = 1000000", "PRAGMA mmap_size"},
      {"PRAGMA schema_version = 9", "PRAGMA schema_version"},
      {"PRAGMA query_only = 1", "PRAGMA query_only"},
      {"PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint"},
      {"PRAGMA hard_heap_limit = 1", "PRAGMA hard_heap_limit"},
      {"SELECT load_extension('x')", "load_extension"},
      {"CREATE VIRTUAL TABLE x USING dbstat", "module"},
      {"UPDATE sqlite_schema SET sql = ''", "may not be modified"},
  };
  (void)state;
  struct db *db = guarded();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_says(must_fail(db, rows[i][0], ERR_MIGRATION), rows[i][1]);
  assert_int_equal(access(in_folder("never.db"), F_OK), -1);
  assert_false(db->driver->in_transaction(db));
  assert_string_equal(text(db, "PRAGMA journal_mode"), "delete");
  assert_int_equal(number(db, "PRAGMA synchronous"), 3);
  db_close(db);
}

static void the_same_is_refused_inside_our_transaction(void **state) {
  (void)state;
  struct db *db = guarded();
  must_ours(db, "BEGIN IMMEDIATE");
  must(db, "INSERT INTO u VALUES (1)");
  must_fail(db, "COMMIT", ERR_MIGRATION);
  must_fail(db, "ROLLBACK", ERR_MIGRATION);
  must_fail(db, "SAVEPOINT a", ERR_MIGRATION);
  assert_true(db->driver->in_transaction(db));
  must_ours(db, "COMMIT");
  assert_int_equal(number(db, "SELECT count(*) FROM u"), 1);
  db_close(db);
}

static void our_tables_are_untouchable(void **state) {
  static const char *const rows[] = {
      "INSERT INTO migd_revision VALUES ('r2')",
      "INSERT INTO MIGD_Revision VALUES ('r2')",
      "UPDATE main.migd_revision SET id = 'r2'",
      "DELETE FROM migd_revision",
      "DROP TABLE migd_revision",
      "ALTER TABLE migd_revision RENAME TO x",
      "ALTER TABLE migd_revision ADD COLUMN x",
      "CREATE INDEX x ON migd_revision (id)",
      "CREATE TRIGGER x AFTER INSERT ON migd_revision BEGIN SELECT 1; END",
      "CREATE TEMP TRIGGER x AFTER INSERT ON migd_revision BEGIN SELECT 1; END",
      "CREATE TABLE migd_ledger (a)",
      "CREATE TEMP TABLE migd_revision (a)",
      "CREATE TEMP VIEW migd_revision AS SELECT 1",
      "CREATE VIRTUAL TABLE migd_other USING fts5 (a)",
      "REPLACE INTO migd_revision VALUES ('r2')",
      "WITH x AS (SELECT 'r2') INSERT INTO migd_revision SELECT * FROM x",
  };
  (void)state;
  struct db *db = guarded();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_says(must_fail(db, rows[i], ERR_MIGRATION), "migd's own");
  assert_string_equal(text(db, "SELECT id FROM migd_revision"), "r1");
  must(db, "SELECT * FROM migd_revision");
  db_close(db);
}

static void our_tables_are_untouchable_from_triggers(void **state) {
  (void)state;
  struct db *db = guarded();
  must(db, "CREATE TRIGGER sly AFTER INSERT ON t BEGIN DELETE FROM migd_revision; END");
  assert_says(must_fail(db, "INSERT INTO t VALUES (1, 'a')", ERR_MIGRATION), "migd's own");
  must(db, "DROP TRIGGER sly");
  must(db, "CREATE VIEW v1 AS SELECT 1 AS x");
  must(db, "CREATE TRIGGER sly2 INSTEAD OF INSERT ON v1 BEGIN DELETE FROM migd_revision; END");
  assert_says(must_fail(db, "INSERT INTO v1 VALUES (1)", ERR_MIGRATION), "migd's own");
  must(db, "DROP VIEW v1");
  assert_int_equal(number(db, "SELECT count(*) FROM migd_revision"), 1);
  db_close(db);
}

static void no_temporary_table_takes_our_names_place(void **state) {
  (void)state;
  struct db *db = guarded();
  must(db, "CREATE TEMP TABLE innocent (id TEXT)");
  must_fail(db, "ALTER TABLE innocent RENAME TO migd_revision", ERR_MIGRATION);
  must_fail(db, "ALTER TABLE temp.innocent RENAME TO migd_revision", ERR_MIGRATION);
  assert_string_equal(text(db, "SELECT id FROM migd_revision"), "r1");
  db_close(db);
}

static void what_migrations_need_is_allowed(void **state) {
  static const char *const rows[] = {
      "PRAGMA foreign_keys = ON",
      "PRAGMA foreign_keys = OFF",
      "PRAGMA defer_foreign_keys = ON",
      "PRAGMA legacy_alter_table = ON",
      "PRAGMA legacy_alter_table = OFF",
      "PRAGMA recursive_triggers = ON",
      "PRAGMA user_version = 7",
      "PRAGMA application_id = 7",
      "PRAGMA foreign_key_check",
      "PRAGMA table_info(t)",
      "PRAGMA journal_mode",
      "SELECT * FROM pragma_table_info('t')",
      "ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'x'",
      "ALTER TABLE t RENAME COLUMN c TO d",
      "ALTER TABLE t DROP COLUMN d",
      "ALTER TABLE u RENAME TO v",
      "CREATE INDEX i ON t (b)",
      "CREATE TEMP TABLE scratch (a)",
      "DROP TABLE scratch",
      "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO v VALUES (new.a); END",
      "INSERT INTO t (b) VALUES (\"double quoted\")",
      "ANALYZE",
      "REINDEX",
      "CREATE VIRTUAL TABLE f5 USING fts5 (a, content='')",
      "INSERT INTO f5 (rowid, a) VALUES (1, 'hello world')",
      "INSERT INTO f5 (f5) VALUES ('optimize')",
      "DROP TABLE f5",
      "CREATE VIRTUAL TABLE f4 USING fts4 (a)",
      "INSERT INTO f4 VALUES ('hello world')",
      "SELECT optimize(f4) FROM f4",
      "DROP TABLE f4",
      "CREATE VIRTUAL TABLE r USING rtree (id, a, b)",
      "DROP TABLE r",
      "SELECT json_extract('{\"a\":1}', '$.a')",
      "CREATE TABLE j (a CHECK (json_valid(a)), b AS (a ->> '$.x'))",
      "CREATE INDEX ji ON j (json_extract(a, '$.y'))",
      "INSERT INTO j (a) VALUES ('{}')",
      "DROP TABLE j",
      "VACUUM",
      " /* a */ vacuum main;",
  };
  (void)state;
  struct db *db = guarded();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    must(db, rows[i]);
  assert_string_equal(text(db, "SELECT id FROM migd_revision"), "r1");
  must_ours(db, "VACUUM");
  db_close(db);
}

static void what_ends_our_transaction_shows(void **state) {
  (void)state;
  struct db *db = guarded();
  must(db, "INSERT INTO t VALUES (1, 'a')");
  must_ours(db, "BEGIN IMMEDIATE");
  must_fail(db, "INSERT OR ROLLBACK INTO t VALUES (1, 'b')", ERR_MIGRATION);
  assert_false(db->driver->in_transaction(db));
  must(db, "CREATE TRIGGER bomb BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'boom'); END");
  must_ours(db, "BEGIN IMMEDIATE");
  assert_says(must_fail(db, "DELETE FROM t", ERR_MIGRATION), "boom");
  assert_false(db->driver->in_transaction(db));
  db_close(db);
}

static void a_statement_has_a_greatest_length(void **state) {
  (void)state;
  struct db *db = guarded();
  size_t len = 16 * 1024 * 1024 + 1;
  char *sql = xmalloc(len + 1);
  memset(sql, ' ', len);
  memcpy(sql, "SELECT 1", 8);
  sql[len] = '\0';
  must_fail(db, sql, ERR_MIGRATION);
  sql[len - 1] = '\0';
  must(db, sql);
  free(sql);
  db_close(db);
}

/* The table that is being made has a name of ours; all else is as in a migration. */
static void a_rebuild_is_guarded_but_for_a_name(void **state) {
  static const struct {
    const char *sql;
    bool allowed;
  } rows[] = {
      {"CREATE TABLE \"migd_new_t\" (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT)", true},
      {"INSERT INTO migd_new_t SELECT a, b FROM t", true},
      {"INSERT INTO sqlite_sequence (name, seq) VALUES ('migd_new_t', 7)", true},
      {"PRAGMA legacy_alter_table = ON", true},
      {"INSERT INTO migd_new_t (b) SELECT load_extension(b) FROM t", false},
      {"INSERT INTO migd_revision SELECT 'r2'", false},
      {"DROP TABLE migd_revision", false},
      {"ALTER TABLE migd_new_t RENAME TO w", true},
      {"PRAGMA legacy_alter_table = OFF", true},
      {"ATTACH ':memory:' AS m", false},
  };
  (void)state;
  struct db *db = guarded();
  struct err e;
  must_fail(db, rows[0].sql, ERR_MIGRATION);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct db_statement s = {.sql = rows[i].sql, .len = strlen(rows[i].sql), .flags = DB_REBUILD};
    err_clear(&e);
    if ((db->driver->exec(db, &s, NULL, NULL, NULL, NULL, &e) == 0) != rows[i].allowed)
      fail_msg("%s: %s", rows[i].sql, e.text);
  }
  must_ours(db, "DROP TABLE w");
  db_close(db);
}

static void a_database_in_memory_has_its_limits(void **state) {
  (void)state;
  struct db *db;
  struct err e;
  assert_int_equal(db_open_memory(&db, 100, &e), 0);
  must(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
  must_fail(db, "ATTACH ':memory:' AS m", ERR_MIGRATION);
  must_fail(db, "CREATE TABLE migd_ledger (a)", ERR_MIGRATION);
  assert_says(must_fail(db,
                        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                        "SELECT max(i) FROM n",
                        ERR_MIGRATION),
              "timeout");
  assert_int_equal(db->driver->lock_check(db, &e), 0);
  db_close(db);
  assert_int_equal(db_open_memory(&db, 0, &e), 0);
  must(db, "CREATE TABLE t (b BLOB)");
  must(db, "INSERT INTO t VALUES (zeroblob(15000000)), (zeroblob(15000000))");
  must_fail(db, "INSERT INTO t SELECT b FROM t UNION ALL SELECT b FROM t", ERR_MIGRATION);
  must_fail(db, "SELECT zeroblob(17000000)", ERR_MIGRATION);
  db_close(db);
}

static int make_folder(void) {
  char name[PATH_MAX];
  const char *tmp = getenv("TMPDIR");
  snprintf(name, sizeof name, "%s/migd-contract." TEMPORARY, tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(name) || !realpath(name, folder) || chmod(folder, 0755) < 0 || chdir(folder) < 0)
    return -1;
  subject.url.dialect = DIALECT_SQLITE;
  snprintf(subject.url.path, sizeof subject.url.path, "%.900s/subject.db", folder);
  FILE *f = fopen(subject.url.path, "w");
  return f ? fclose(f) : -1;
}

int main(void) {
  const struct CMUnitTest own[] = {
      cmocka_unit_test(links_are_refused),
      cmocka_unit_test(only_files_are_opened),
      cmocka_unit_test(only_databases_are_opened),
      cmocka_unit_test(a_damaged_database_is_the_targets_fault),
      cmocka_unit_test(a_file_is_made_only_when_asked),
      cmocka_unit_test(files_lie_under_a_root),
      cmocka_unit_test(a_read_only_file_is_told),
      cmocka_unit_test(a_read_only_folder_is_the_targets_fault),
      cmocka_unit_test(a_replaced_file_is_noticed),
      cmocka_unit_test(a_full_disk_fails_the_migration),
      cmocka_unit_test(reading_changes_nothing),
      cmocka_unit_test(reading_recovers_what_a_crash_left),
      cmocka_unit_test(opening_a_locked_file_ends),
      cmocka_unit_test(durability_is_as_promised),
      cmocka_unit_test(what_leaves_the_database_is_refused),
      cmocka_unit_test(the_same_is_refused_inside_our_transaction),
      cmocka_unit_test(our_tables_are_untouchable),
      cmocka_unit_test(our_tables_are_untouchable_from_triggers),
      cmocka_unit_test(no_temporary_table_takes_our_names_place),
      cmocka_unit_test(what_migrations_need_is_allowed),
      cmocka_unit_test(what_ends_our_transaction_shows),
      cmocka_unit_test(a_statement_has_a_greatest_length),
      cmocka_unit_test(a_rebuild_is_guarded_but_for_a_name),
      cmocka_unit_test(a_database_in_memory_has_its_limits),
  };
  char missing[PATH_MAX + 32], command[PATH_MAX + 32];
  db_process_init();
  if (make_folder() < 0) {
    perror("cannot make a folder");
    return 1;
  }
  snprintf(missing, sizeof missing, "sqlite:%s/nowhere.db", folder);
  subject.missing = missing;
  int failed = contract_run(own, sizeof own / sizeof *own);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return chdir("/") == 0 && system(command) == 0 ? failed : 1;
}
