/* What the files of the PostgreSQL driver share: the connection, waiting, the mapping of errors.
 * Private to them. One thread at a time, as `struct db` says.
 */
#ifndef MIGD_DB_POSTGRES_H
#define MIGD_DB_POSTGRES_H

#include <libpq-fe.h>

#include "server/db/db.h"

struct postgres {
  struct db db;
  PGconn *conn;
  struct postgres *aside; /* the second connection: it cancels, and sees who is in the way; or NULL
                             when nobody needed it yet */
  int left_pid; /* the server's process of a second connection that fell silent; 0: none */
  struct db_url url;
  char *password;  /* for the second connection that cancels; wiped at close */
  int ca_fd;       /* the target's own CA, which url.files names; -1: none */
  bool broken;     /* the connection is lost or was given up */
  bool busy;       /* a statement is at work */
  int64_t ends_ns; /* when our own queries give up on a silent server; 0: never */
  void (*notice)(void *ctx, const char *severity, const char *text);
  void *notice_ctx;
  size_t noticed; /* bytes handed on by the statement at work */
  int64_t lock_wait_ms;
  struct err farewell; /* why the server ended the session while nothing was running; or ERR_NONE */
  bool no_look;        /* a second connection cannot be had: nobody looks */
  struct db_blockers blockers; /* of the last statement that ended with ERR_LOCKED */
};

/* postgres_open.c */
int postgres_open(struct db **out, const struct db_options *options, const struct job *job,
                  struct err *e);
void postgres_close(struct db *db);
void postgres_process_init(void);
/* A bare connection, until `ends_ns` at the latest. `address`: the one of the host's to go to; NULL
 * or "": any. */
int postgres_connect(PGconn **out, const struct db_url *url, const char *password,
                     const char *address, int64_t ends_ns, const struct job *job, struct err *e);
/* Says why: another session answers than the one that we were given. */
int postgres_refuse_pooler(struct err *e);

/* postgres_blockers.c */

/* The second connection, to the same server as the first; NULL when there is none to be had. One
 * that was given up is made anew, and its session is ended. */
struct postgres *postgres_aside(struct postgres *p, int64_t ends_ns, const struct job *job,
                                struct err *e);
/* It did not answer: the next postgres_aside() makes another. */
void postgres_aside_give_up(struct postgres *p);
void postgres_aside_close(struct postgres *p);
/* How often to look while a statement runs, so that each wait for a lock is seen twice before it
 * ends; 0: never. */
int64_t postgres_look_period(const struct postgres *p);
/* Who is in the way of the statement at work. What cannot be asked leaves *seen alone. */
void postgres_look(struct postgres *p, const struct job *job, struct db_blockers *seen);

/* postgres_schema.c: sets the search path to the URL's schemas, which must be there. */
int postgres_schema(struct postgres *p, const struct db_options *options, const struct job *job,
                    struct err *e);

/* postgres_files.c: whether the files that the URL names are allowed and fit to be read. */
int postgres_files_check(const struct db_url *url, const char *const *folders, struct err *e);
/* The certificates as a file without a name: libpq takes only files. -1 or its descriptor; `path`
 * is good while that is open. */
int postgres_ca_file(const char *pem, char *path, size_t size, struct err *e);

/* postgres_run.c: runs one statement to its end; `sql` and text parameters may lack a NUL. */
int postgres_run(struct postgres *p, const struct db_statement *st, db_row_fn *row, void *ctx,
                 int64_t *changed, const struct job *job, struct err *e);
/* The driver's own query, which gives up on a server that is silent for 10 s. */
int postgres_query(struct postgres *p, const char *sql, const struct db_value *params, int count,
                   db_row_fn *row, void *ctx, const struct job *job, struct err *e);

/* postgres_wait.c: poll(2) on the socket and the job. Events that came; 0 when `ends_ns` (0: never)
 * passed; -1 with `e` when the job ended. */
int postgres_poll(PGconn *conn, short events, int64_t ends_ns, const struct job *job,
                  struct err *e);
/* Asks the server, over a second connection, to cancel what the first is at. */
void postgres_cancel(struct postgres *p);
/* The same, to end its session. */
void postgres_terminate(struct postgres *p);
/* The connection is of no use any more; the server shall notice at once. */
int postgres_give_up(struct postgres *p, const char *why, struct err *e);

/* postgres_error.c: all return -1. */
int postgres_lost(struct postgres *p, struct err *e);
int postgres_connect_fail(PGconn *conn, struct err *e);
/* `sql` is the text that the result's position counts in. */
int postgres_fail(const PGresult *result, const char *sql, size_t len, struct err *e);

#define PGRESULT_SCOPED __attribute__((cleanup(postgres_clear_scoped)))
static inline void postgres_clear_scoped(PGresult **result) {
  PQclear(*result);
}

#endif
