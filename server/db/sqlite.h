/* What the files of the SQLite driver share: the connection, the guard, the mapping of errors.
 * Private to them. One thread at a time, as `struct db` says.
 */
#ifndef MIGD_DB_SQLITE_H
#define MIGD_DB_SQLITE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "server/db/db.h"

/* What the authorizer looks at. */
struct sqlite_guard {
  bool on;       /* a target */
  bool ours;     /* the statement at work is migd's own */
  bool rebuild;  /* it is one of a rebuild: names migd_new_… are allowed */
  bool vacuum;   /* it is a VACUUM, which attaches, begins and copies every table */
  bool running;  /* it is prepared: what is asked now, SQLite's own modules ask */
  char why[160]; /* what was refused; "" when nothing was */
};

/* A statement that is kept prepared. The text is the caller's and lives as long as the connection.
 */
struct sqlite_kept {
  const char *sql;
  size_t len;
  sqlite3_stmt *stmt;
};

#define SQLITE_KEPT 128 /* a power of two */

struct sqlite {
  struct db db;
  sqlite3 *handle;
  struct sqlite_guard guard;
  char path[1024];
  dev_t dev;
  ino_t ino;
  int64_t lock_timeout_ms, statement_timeout_ms;
  /* Of the statement at work. */
  bool busy;
  const struct job *job;
  int64_t ends_ns;       /* its own timeout; 0: none */
  int64_t busy_until_ns; /* when waiting for a lock ends */
  bool stopped;          /* a handler stopped it, and `stop` says why */
  struct err stop;
  struct sqlite_kept kept[SQLITE_KEPT];
};

/* sqlite_open.c */
int sqlite_open(struct db **out, const struct db_options *options, const struct job *job,
                struct err *e);
void sqlite_close(struct db *db);
/* 0 while the path still names the file that is open. */
int sqlite_same_file(const struct sqlite *s, struct err *e);
void sqlite_process_init(void);

/* sqlite_guard.c: an authorizer for sqlite3_set_authorizer(); `ctx` is the struct sqlite_guard. */
int sqlite_authorize(void *ctx, int action, const char *p1, const char *p2, const char *schema,
                     const char *trigger);

/* sqlite_wait.c: the handlers that let a job, a deadline or a lock timeout end a statement. */
void sqlite_watch(struct sqlite *s);
void sqlite_watch_begin(struct sqlite *s, const struct job *job);
void sqlite_watch_end(struct sqlite *s);

/* sqlite_error.c: fills `e` from the connection's last error; returns -1. */
int sqlite_fail(struct sqlite *s, int rc, struct err *e);

#endif
