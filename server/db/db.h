/* The driver interface: one database, one connection, one thread at a time. A driver opens, locks,
 * runs one statement with parameters and a row callback, cancels by the job's flag that it polls,
 * closes. What a transaction is, when to record and how to retry is the engine's.
 *
 * Every driver passes tests/contract. Foreign headers (libpq, sqlite3) stay inside this room.
 */
#ifndef MIGD_DB_DB_H
#define MIGD_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "server/base/dialect.h"
#include "server/base/job.h"
#include "server/base/scrub.h"

struct db;
struct log;

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

/* A parameter, or a value of a row. Text and blobs are borrowed: parameters until exec returns, row
 * values until the callback returns. A PostgreSQL driver answers integers of int2, int4, int8 and
 * booleans as DB_INT, bytea as DB_BLOB, all else as DB_TEXT. */
struct db_value {
  enum db_type type;
  int64_t i;
  const char *s; /* NUL-terminated where it is text */
  size_t len;
};

static inline struct db_value db_null(void) {
  return (struct db_value){DB_NULL, 0, NULL, 0};
}
static inline struct db_value db_int(int64_t i) {
  return (struct db_value){DB_INT, i, NULL, 0};
}
/* NULL makes a null. */
struct db_value db_text(const char *s);
struct db_value db_textn(const char *s, size_t len);
struct db_value db_blob(const void *data, size_t len);

/* One row. Return 0 to go on, -1 (with `e` set) to stop the statement. It runs no statement on the
 * same connection (ERR_INTERNAL). */
typedef int db_row_fn(void *ctx, const struct db_value *values, int count, struct err *e);

enum db_flags {
  DB_OURS = 1,   /* migd's own statement: not subject to the guard */
  DB_REUSE = 2,  /* the text lives as long as the db: the driver may keep it prepared */
  DB_SECRET = 4, /* a secret is in the text: it is not for a log */
  /* SQLite: a statement of a rebuild, which has expressions of a revision in it: guarded as that
   * is, but for the name of the table that is being made, migd_new_… */
  DB_REBUILD = 8,
};

struct db_statement {
  const char *sql; /* exactly one statement; parameters are $1, $2, … in both dialects */
  size_t len;
  const struct db_value *params;
  int count;
  unsigned flags;
};

#define DB_SCHEMAS_MAX 8

/* Files of migd's host that a PostgreSQL URL may name, where the configuration allows it. */
enum db_file { DB_SSLCERT, DB_SSLKEY, DB_SSLROOTCERT, DB_SSLCRL, DB_PASSFILE, DB_FILES };

/* What a URL says, checked: `sqlite:/path` or `postgresql://user@host:port/database?sslmode=…`. */
struct db_url {
  enum dialect dialect;
  char path[1024];                                   /* SQLite: absolute */
  char host[256], port[8], user[128], database[128]; /* PostgreSQL; a host in lower case */
  char sslmode[16]; /* never empty: verify-full, but prefer for a loopback address, localhost, a
                       socket */
  char session[16]; /* target_session_attrs: read-write (the default), primary or any */
  unsigned connect_timeout_s; /* 10 where the URL does not say */
  /* PostgreSQL: the first is the target, the others are only searched behind it. None: the target
   * is the whole database. */
  char schemas[DB_SCHEMAS_MAX][64];
  unsigned schema_count;
  char files[DB_FILES][256]; /* absolute, without `..`; "" where the URL names none */
  char place[1700]; /* one database or one schema of it, one place: for the uniqueness of targets.
                       Without user; a schema is behind `?`, which a database's name cannot hold. */
};
/* Pure. ERR_INPUT that says what is wrong; a password in the URL is refused, with the way to send
 * one; for PostgreSQL only `sslmode`, `target_session_attrs`, `connect_timeout`, `schema` (names
 * separated by commas) and the names of files are allowed as options. */
int db_url_parse(const char *text, struct db_url *out, struct err *e);
/* The schemas as `--schema` takes them: separated by commas. Appends nothing where there are none.
 */
void db_url_schema(const struct db_url *url, struct buf *out);
/* Appends the URL with `schema`, names separated by commas, in the place of those that it has.
 * Pure; what comes out is still to be parsed. */
void db_url_with_schema(const char *text, const char *schema, struct buf *out);
/* `postgresql://[user@]/[database]?service=NAME`: looks NAME up in the file pg_service.conf of one
 * of the folders (NULL-terminated; NULL: none) and appends a URL that says what the service says,
 * and its password, where it has one. 1 done, 0 the URL names no service, -1. What the URL says
 * counts before the service; a host it cannot say, so that a password goes nowhere else. Reads a
 * file. */
int db_url_service(const char *text, const char *const *folders, struct buf *url,
                   struct buf *password, struct err *e);

struct db_options {
  const struct db_url *url;
  const char *password; /* or NULL; borrowed for the call */
  bool guard;           /* a target: migration SQL is guarded (safety.md 2) */
  /* SQLite: make the file when it is missing (never with guard). PostgreSQL: make the schema. */
  bool create;
  bool read_only;       /* SQLite: open for reading, and never create anything */
  bool wal;             /* SQLite store: WAL, synchronous=FULL */
  bool allow_superuser; /* PostgreSQL: do not refuse powerful roles */
  bool allow_socket;    /* PostgreSQL: host may be a socket's folder */
  /* PostgreSQL: folders that hold the files that a URL may name; NULL-terminated. NULL: none. */
  const char *const *postgres_files;
  /* PostgreSQL: certificates (PEM) that the server's must come from, or NULL: the host's. Borrowed
   * for the call. */
  const char *ca_certificate;
  /* NULL-terminated; the file must lie under one. NULL: anywhere. */
  const char *const *sqlite_roots;
  int64_t lock_timeout_ms;      /* SQLite busy timeout, PostgreSQL lock_timeout; 0: does not wait */
  int64_t statement_timeout_ms; /* 0: none */
  int64_t idle_timeout_ms;      /* PostgreSQL idle_in_transaction_session_timeout; 0: none */
  /* Called on the same thread while exec runs; text is borrowed. May be NULL. At most 64 KiB a
   * statement. */
  void (*notice)(void *ctx, const char *severity, const char *text);
  void *notice_ctx;
};

/* A session that another one waits for. Empty, or 0, is not known: a role sees little of others'.
 */
struct db_blocker {
  int pid; /* 0: no session, but a transaction that is prepared */
  char application[64], user[64], state[48];
  int64_t query_start; /* wall, microseconds */
  char query[160];     /* its beginning */
  char lock_mode[32], relation[132];
};

#define DB_BLOCKERS_MAX 16

struct db_blockers {
  size_t count; /* of `items` */
  size_t total; /* of all that there are */
  struct db_blocker items[DB_BLOCKERS_MAX];
};

/* Adds them to the error's detail, a line each, five at most. */
void db_blockers_tell(const struct db_blockers *b, struct err *e);

/* A driver. `struct db` begins with a pointer to it. */
struct db_driver {
  const char *name; /* "sqlite", "postgresql" */
  enum dialect dialect;
  const char *begin; /* the statement that begins a writing transaction */
  int (*open)(struct db **out, const struct db_options *options, const struct job *job,
              struct err *e);
  /* Tries to take the target's own lock, never waits: 1 taken, 0 held by another session (its
   * description in `e`, kind ERR_LOCKED), -1 failed. SQLite has none but its transaction: always 1.
   */
  int (*lock)(struct db *db, const struct job *job, struct err *e);
  /* 0 while the lock is still ours; -1 when it, or the connection, is gone. */
  int (*lock_check)(struct db *db, struct err *e);
  void (*unlock)(struct db *db);
  /* Runs one statement to its end. Kinds: ERR_MIGRATION the statement failed (offset, sqlstate,
   * detail, hint set where known); ERR_TARGET the connection or file is gone; ERR_LOCKED a lock
   * could not be had in time; ERR_STORAGE is never answered: a target's full disk is ERR_MIGRATION;
   * ERR_CANCELLED, ERR_DEADLINE; ERR_INPUT for text that is not one statement. Nothing is begun
   * under a job that is cancelled already: roll back without one. A statement that the server ended
   * before it saw the cancellation succeeds. `sqlstate` is set for SQLite too where the standard
   * has one: 53100 disk full, 23505 unique, 23503 foreign key, 23502 not null, 23514 check.
   * `changed` (may be NULL): the number of rows it changed. */
  int (*exec)(struct db *db, const struct db_statement *statement, db_row_fn *row, void *ctx,
              int64_t *changed, const struct job *job, struct err *e);
  /* How long statements wait for a lock from here on: db_options.lock_timeout_ms anew. Outside of
   * any transaction. */
  int (*lock_wait)(struct db *db, int64_t ms, const struct job *job, struct err *e);
  /* Who held what the last statement that ended with ERR_LOCKED waited for: none when nobody was
   * seen. Borrowed until the next statement. NULL: this database cannot tell. */
  const struct db_blockers *(*blockers)(struct db *db);
  /* Whether a transaction is open on the connection. */
  bool (*in_transaction)(struct db *db);
  void (*close)(struct db *db);
};

struct db {
  const struct db_driver *driver;
  /* PostgreSQL: the one that is the target; NULL: the whole database. A decorator copies it. */
  const char *schema;
  /* SQLite: how often statements waited for another connection's lock. A decorator copies it after
   * each. */
  uint64_t waits;
};

/* The key of the advisory lock that is a PostgreSQL target's own, the same for every migd. A whole
 * database's is "migd", then 1. A schema's is the first eight bytes (the first is the highest) of
 * the SHA-256 of "migd schema " and its name: two schemas of one database do not wait for each
 * other. */
#define DB_POSTGRES_LOCK INT64_C(0x6d69676400000001)
int64_t db_postgres_lock(const char *schema); /* NULL: the whole database */

extern const struct db_driver db_sqlite, db_postgres;

/* Once, at the start of a program, before threads: forgets every PG* variable and the home folder
 * (libpq would read files from it), limits SQLite's memory. */
void db_process_init(void);
/* NULL for no dialect of ours. */
const struct db_driver *db_driver_of(enum dialect dialect);
/* Opens by the URL's dialect. */
int db_open(struct db **out, const struct db_options *options, const struct job *job,
            struct err *e);
/* A database of SQLite in memory, empty, guarded as a target is, of at most 64 MiB and with values
 * of at most 16 MiB, for trying what changes a schema. */
int db_open_memory(struct db **out, int64_t statement_timeout_ms, struct err *e);
void db_close(struct db *db); /* takes NULL; rolls back what is open */
/* For declarations: struct db *db DB_SCOPED = NULL; */
#define DB_SCOPED __attribute__((cleanup(db_close_scoped)))
void db_close_scoped(struct db **db);

/* The name as SQL, quoted; the same in both dialects. */
void db_add_name(struct buf *out, const char *name);

/* Our own statement with parameters, rows to `row`. */
int db_exec(struct db *db, const char *sql, const struct db_value *params, int count,
            db_row_fn *row, void *ctx, int64_t *changed, const struct job *job, struct err *e);
/* Opens with `open` behind a decorator that takes secrets out of errors and notices. `secrets` is
 * borrowed until it is closed. */
typedef int db_open_fn(struct db **out, const struct db_options *options, const struct job *job,
                       struct err *e);
int db_scrubbed(struct db **out, db_open_fn *open, const struct db_options *options,
                const struct secrets *secrets, const struct job *job, struct err *e);
/* A decorator that logs each statement and its time at debug level. Takes `inner`. */
struct db *db_traced(struct db *inner, struct log *log, const char *name);

#endif
