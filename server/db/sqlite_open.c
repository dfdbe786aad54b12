/* Opening a file of SQLite so that it is the file that was meant: an absolute path without symbolic
 * links, under an allowed root, a regular file with one name, the same before and after. The file
 * is never opened or closed here ourselves: closing it would drop SQLite's POSIX locks on it.
 */
#include "server/db/sqlite.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX (16 * 1024 * 1024)
#define HEAP_MAX (INT64_C(1) << 30) /* of all connections together */

void sqlite_process_init(void) {
  sqlite3_hard_heap_limit64(HEAP_MAX);
}

static bool under(const char *path, const char *root) {
  char real[PATH_MAX];
  if (!realpath(root, real))
    return false;
  size_t len = strlen(real);
  if (len == 1)
    return true;
  return strncmp(path, real, len) == 0 && path[len] == '/';
}

static int check_roots(const char *path, const char *const *roots, struct err *e) {
  for (const char *const *root = roots; root && *root; root++)
    if (under(path, *root))
      return 0;
  if (!roots)
    return 0;
  err_set(e, ERR_REFUSED, "%s: the file is not under a folder that the server allows", path);
  return err_hint(e,
                  "SQLite targets must lie under one of the roots of the server's configuration");
}

/* The folder must be named by its real path, so that no symbolic link leads out of a root. */
static int check_folder(const char *path, struct err *e) {
  char folder[PATH_MAX], real[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (path[0] != '/' || !slash[1] || strlen(path) >= sizeof folder)
    return err_set(e, ERR_INPUT, "%s: not the absolute path of a file", path);
  size_t len = slash == path ? 1 : (size_t)(slash - path);
  memcpy(folder, path, len);
  folder[len] = '\0';
  if (!realpath(folder, real))
    return err_errno(e, ERR_TARGET, errno, "%s", folder);
  if (strcmp(folder, real) != 0)
    return err_set(e, ERR_REFUSED, "%s: the path goes through a symbolic link", path);
  return 0;
}

static int check_kind(const char *path, const struct stat *st, struct err *e) {
  if (S_ISLNK(st->st_mode))
    return err_set(e, ERR_REFUSED, "%s: the file is a symbolic link", path);
  if (!S_ISREG(st->st_mode))
    return err_set(e, ERR_TARGET, "%s: not a regular file", path);
  if (st->st_nlink != 1)
    return err_set(e, ERR_REFUSED, "%s: the file has %lu names (hard links)", path,
                   (unsigned long)st->st_nlink);
  return 0;
}

/* 1 when there is a file and it is fit, 0 when there is none, -1. */
static int check_file(const char *path, struct stat *st, struct err *e) {
  if (lstat(path, st) < 0)
    return errno == ENOENT ? 0 : err_errno(e, ERR_TARGET, errno, "%s", path);
  return check_kind(path, st, e) < 0 ? -1 : 1;
}

int sqlite_same_file(const struct sqlite *s, struct err *e) {
  struct stat st;
  if (!s->path[0])
    return 0;
  int found = check_file(s->path, &st, e);
  if (found < 0)
    return -1;
  if (!found || st.st_dev != s->dev || st.st_ino != s->ino)
    return err_set(e, ERR_TARGET, "%s: the file was moved or replaced", s->path);
  return 0;
}

static int run(struct sqlite *s, const char *sql, struct err *e) {
  int rc = sqlite3_exec(s->handle, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, e);
}

/* Limits and switches that hold for the life of the connection. Double-quoted strings stay allowed
 * on targets, as in the sqlite3 shell, since real histories use them; the store does without.
 * A target's schema is trusted, too: SQLite 3.40 does not count its own JSON functions among the
 * safe ones, and a table with CHECK (json_valid(x)) could not even be read. What reaches further
 * than the database is refused by the guard, or to schemas by SQLite in any case. */
static void harden(struct sqlite *s, bool wal) {
  sqlite3_db_config(s->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
  sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
  sqlite3_db_config(s->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, !wal, NULL);
  if (wal) {
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
  }
  sqlite3_limit(s->handle, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
  sqlite3_limit(s->handle, SQLITE_LIMIT_WORKER_THREADS, 0);
  sqlite3_extended_result_codes(s->handle, 1);
}

/* The first read: it is a database, and it may be written where that is wanted. The cache is a
 * limit, taken only by what reads that much: an index that does not fit into it is read from the
 * file again, and its cells checked again, for every row that integrity_check looks up in it. */
static int first_read(struct sqlite *s, const struct db_options *options, struct err *e) {
  static const char first[] = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                              "PRAGMA cache_size=-4096;" /* KiB */
                              "SELECT 1 FROM sqlite_schema LIMIT 1";
  if (run(s, first, e) < 0)
    return -1;
  if (options->read_only)
    return run(s, "PRAGMA query_only=ON", e);
  if (sqlite3_db_readonly(s->handle, "main") == 1)
    return err_set(e, ERR_TARGET, "the database is read-only");
  /* EXTRA is FULL and, without WAL, a sync of the folder after the journal is deleted. */
  if (options->wal)
    return run(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", e);
  return run(s, "PRAGMA synchronous=EXTRA", e);
}

static int open_handle(struct sqlite *s, bool create, struct err *e) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
              SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  int rc = sqlite3_open_v2(s->path, &s->handle, flags | (create ? SQLITE_OPEN_CREATE : 0), NULL);
  return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, e);
}

/* Remembers which file it is; when it was there before, it must still be that one. */
static int settle(struct sqlite *s, const struct stat *before, struct err *e) {
  struct stat after;
  int found = check_file(s->path, &after, e);
  if (found < 0)
    return -1;
  if (!found || (before && (before->st_dev != after.st_dev || before->st_ino != after.st_ino)))
    return err_set(e, ERR_TARGET, "%s: the file was moved or replaced", s->path);
  s->dev = after.st_dev;
  s->ino = after.st_ino;
  return 0;
}

static int open_checked(struct sqlite *s, const struct db_options *options, struct err *e) {
  struct stat before;
  bool create = options->create && !options->guard && !options->read_only;
  if (check_folder(s->path, e) < 0 || check_roots(s->path, options->sqlite_roots, e) < 0)
    return -1;
  int found = check_file(s->path, &before, e);
  if (found < 0)
    return -1;
  if (!found && !create)
    return err_set(e, ERR_TARGET, "%s: there is no such file", s->path);
  if (open_handle(s, !found, e) < 0)
    return err_in(e, "%s", s->path);
  harden(s, options->wal);
  sqlite_watch(s);
  if (first_read(s, options, e) < 0)
    return err_in(e, "%s", s->path);
  return settle(s, found ? &before : NULL, e);
}

int sqlite_open(struct db **out, const struct db_options *options, const struct job *job,
                struct err *e) {
  const char *path = options->url->path;
  if (job_check(job, e) < 0)
    return -1;
  struct sqlite *s = xcalloc(1, sizeof *s);
  s->db.driver = &db_sqlite;
  s->lock_timeout_ms = options->lock_timeout_ms;
  err_copy(s->path, sizeof s->path, path, strlen(path));
  sqlite_watch_begin(s, job);
  int rc = open_checked(s, options, e);
  sqlite_watch_end(s);
  if (rc < 0) {
    sqlite_close(&s->db);
    return -1;
  }
  s->statement_timeout_ms = options->statement_timeout_ms;
  s->guard.on = options->guard;
  if (options->guard)
    sqlite3_set_authorizer(s->handle, sqlite_authorize, &s->guard);
  *out = &s->db;
  return 0;
}

/* 16,384 pages of 4 KiB; nothing of it ever becomes a file. */
static int open_memory(struct sqlite *s, struct err *e) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY |
              SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  int rc = sqlite3_open_v2(":memory:", &s->handle, flags, NULL);
  if (rc != SQLITE_OK)
    return sqlite_fail(s, rc, e);
  harden(s, false);
  sqlite3_limit(s->handle, SQLITE_LIMIT_LENGTH, SQL_MAX);
  sqlite_watch(s);
  return run(s, "PRAGMA page_size=4096; PRAGMA max_page_count=16384; PRAGMA temp_store=MEMORY", e);
}

int db_open_memory(struct db **out, int64_t statement_timeout_ms, struct err *e) {
  struct sqlite *s = xcalloc(1, sizeof *s);
  s->db.driver = &db_sqlite;
  if (open_memory(s, e) < 0) {
    sqlite_close(&s->db);
    return err_in(e, "a database in memory");
  }
  s->statement_timeout_ms = statement_timeout_ms;
  s->guard.on = true;
  sqlite3_set_authorizer(s->handle, sqlite_authorize, &s->guard);
  *out = &s->db;
  return 0;
}

void sqlite_close(struct db *db) {
  struct sqlite *s = (struct sqlite *)db;
  for (size_t i = 0; i < SQLITE_KEPT; i++)
    sqlite3_finalize(s->kept[i].stmt);
  sqlite3_close_v2(s->handle);
  free(s);
}
