/* Runs one statement on PostgreSQL: sends it by the extended protocol, which takes one statement
 * and no more, reads rows one by one, and reads on until the server is ready again whatever
 * happens. What counts is what the server says it did: a statement that ended before a cancellation
 * reached it has succeeded.
 */
#include "server/db/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/clock.h"

#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_INT2 21
#define OID_INT4 23

#define GRACE_NS (5 * NS_PER_S)  /* for the server to end what we cancelled */
#define QUERY_NS (10 * NS_PER_S) /* for our own short queries */
#define PARAMS_MAX 65535

/* A statement on its way. */
struct run {
  struct postgres *p;
  const char *sql;
  size_t len;
  db_row_fn *row;
  void *ctx;
  const struct job *job;
  int64_t changed;
  int64_t ends_ns;
  int64_t look_ns, look_period; /* when to look next who is in the way; 0: never */
  struct db_blockers seen;
  bool failed;   /* and `error` says how */
  bool stopping; /* cancelled, and `stop` says why */
  bool copy_in;
  struct err error, stop;
};

static void run_lost(struct run *r) {
  r->failed = true;
  postgres_lost(r->p, &r->error);
}

/* The job ended: ask the server to stop, once, and give it a while. */
static void run_stop(struct run *r, const struct err *why) {
  r->stop = *why;
  r->stopping = true;
  r->job = NULL;
  r->look_ns = 0;
  postgres_cancel(r->p);
  r->ends_ns = clock_mono_ns() + GRACE_NS;
}

static void run_check(struct run *r) {
  struct err why;
  if (job_check(r->job, &why) < 0)
    run_stop(r, &why);
}

/* The server was silent for too long. One that was told to stop and does not shall not keep our
 * session either, with all its locks. */
static int run_silent(struct run *r) {
  r->failed = true;
  if (r->stopping)
    postgres_terminate(r->p);
  return postgres_give_up(r->p,
                          r->stopping
                              ? "the server did not end the statement; the connection is dropped"
                              : "the server does not answer",
                          &r->error);
}

/* Looks who is in the way when it is time to. */
static bool run_looked(struct run *r) {
  int64_t now = clock_mono_ns();
  if (!r->look_ns || now < r->look_ns || (r->ends_ns && now >= r->ends_ns))
    return false;
  postgres_look(r->p, r->job, &r->seen);
  r->look_period = postgres_look_period(r->p);
  r->look_ns = r->look_period ? clock_mono_ns() + r->look_period : 0;
  return true;
}

/* Waits for the socket; sends what is waiting to be sent, takes what came. -1: no more will come,
 * and either `failed` says why or libpq's next result does, which may be the server's last words.
 */
static int run_wait(struct run *r) {
  PGconn *conn = r->p->conn;
  struct err why;
  int unsent = PQflush(conn);
  if (unsent < 0 || PQstatus(conn) == CONNECTION_BAD)
    return -1;
  bool looks = r->look_ns && (!r->ends_ns || r->look_ns < r->ends_ns);
  int events = postgres_poll(conn, unsent ? POLLIN | POLLOUT : POLLIN,
                             looks ? r->look_ns : r->ends_ns, r->job, &why);
  if (events < 0) {
    run_stop(r, &why);
    return 0;
  }
  if (events == 0)
    return run_looked(r) ? 0 : run_silent(r);
  return (events & ~POLLOUT) && !PQconsumeInput(conn) ? -1 : 0;
}

/* The next result, or NULL at the end or when the connection is given up. */
static PGresult *run_next(struct run *r) {
  run_check(r);
  while (PQisBusy(r->p->conn))
    if (run_wait(r) < 0)
      break;
  return r->p->broken ? NULL : PQgetResult(r->p->conn);
}

static struct db_value value_of(const PGresult *res, int column, unsigned char **bytes) {
  const char *s = PQgetvalue(res, 0, column);
  struct db_value v = {DB_TEXT, 0, s, (size_t)PQgetlength(res, 0, column)};
  if (PQgetisnull(res, 0, column))
    return db_null();
  switch (PQftype(res, column)) {
  case OID_BOOL:
    return db_int(*s == 't');
  case OID_INT2:
  case OID_INT4:
  case OID_INT8:
    return db_int(strtoll(s, NULL, 10));
  case OID_BYTEA:
    *bytes = PQunescapeBytea((const unsigned char *)s, &v.len);
    v.type = DB_BLOB;
    v.s = *bytes ? (const char *)*bytes : "";
    v.len = *bytes ? v.len : 0;
    return v;
  default:
    return v;
  }
}

static int hand_row(struct run *r, const PGresult *res) {
  int count = PQnfields(res);
  struct db_value *values = xcalloc((size_t)count + 1, sizeof *values);
  unsigned char **bytes = xcalloc((size_t)count + 1, sizeof *bytes);
  for (int i = 0; i < count; i++)
    values[i] = value_of(res, i, &bytes[i]);
  int rc = r->row(r->ctx, values, count, &r->error);
  for (int i = 0; i < count; i++)
    PQfreemem(bytes[i]);
  free(bytes);
  free(values);
  return rc;
}

/* A statement that waits for data on stdin gets none. */
static void refuse_copy_in(struct run *r) {
  r->copy_in = true;
  while (PQputCopyEnd(r->p->conn, "migd sends no data") == 0)
    if (run_wait(r) < 0)
      return;
}

/* What COPY TO STDOUT sends is thrown away, as rows are. */
static void drain_copy_out(struct run *r) {
  char *data = NULL;
  for (;;) {
    int n = PQgetCopyData(r->p->conn, &data, 1);
    if (n < 0)
      return;
    if (n > 0)
      PQfreemem(data);
    run_check(r);
    if (n == 0 && run_wait(r) < 0)
      return;
  }
}

static void note_changed(struct run *r, PGresult *res) {
  static const char *const verbs[] = {"INSERT ", "UPDATE ", "DELETE ", "MERGE ", "COPY "};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strncmp(PQcmdStatus(res), verbs[i], strlen(verbs[i])) == 0)
      r->changed = strtoll(PQcmdTuples(res), NULL, 10);
}

static void fail_with(struct run *r, const PGresult *res) {
  if (r->failed)
    return;
  r->failed = true;
  postgres_fail(res, r->sql, r->len, &r->error);
  if (r->stopping && strcmp(r->error.sqlstate, "57014") == 0) {
    r->error = r->stop;
  } else if (r->copy_in) {
    err_set(&r->error, ERR_MIGRATION, "COPY FROM STDIN has no data in a migration");
    err_hint(&r->error, "write the rows as INSERT statements");
  }
  if (r->error.kind == ERR_LOCKED) {
    r->p->blockers = r->seen;
    db_blockers_tell(&r->seen, &r->error);
  }
  if (r->error.kind != ERR_TARGET || PQstatus(r->p->conn) != CONNECTION_BAD)
    return;
  r->p->broken = true;
  if (!r->error.sqlstate[0] && r->p->farewell.kind != ERR_NONE)
    r->error = r->p->farewell;
}

/* A COMMIT of a transaction that had failed is answered by a friendly "ROLLBACK". */
static void check_commit(struct run *r, PGresult *res) {
  const char *sql = r->sql + strspn(r->sql, " \t\r\n");
  if (r->failed || strcmp(PQcmdStatus(res), "ROLLBACK") != 0 ||
      (strncasecmp(sql, "commit", 6) != 0 && strncasecmp(sql, "end", 3) != 0))
    return;
  r->failed = true;
  err_set(&r->error, ERR_MIGRATION, "the transaction had failed and was rolled back");
  err_copy(r->error.sqlstate, sizeof r->error.sqlstate, "25P02", 5);
}

static void take(struct run *r, PGresult *res) {
  switch (PQresultStatus(res)) {
  case PGRES_SINGLE_TUPLE:
    if (r->row && !r->failed && hand_row(r, res) < 0)
      r->failed = true;
    break;
  case PGRES_TUPLES_OK:
  case PGRES_COMMAND_OK:
    check_commit(r, res);
    note_changed(r, res);
    break;
  case PGRES_EMPTY_QUERY:
    r->failed = true;
    err_set(&r->error, ERR_INPUT, "there is no statement");
    break;
  case PGRES_COPY_IN:
    refuse_copy_in(r);
    break;
  case PGRES_COPY_OUT:
    drain_copy_out(r);
    break;
  case PGRES_COPY_BOTH:
    r->failed = true;
    postgres_give_up(r->p, "the server began to stream; the connection is dropped", &r->error);
    break;
  default:
    fail_with(r, res);
  }
}

static int send_params(PGconn *conn, const char *sql, const struct db_statement *st,
                       struct arena *a) {
  size_t n = (size_t)st->count + 1;
  Oid *types = ARENA_ARRAY(a, Oid, n);
  const char **values = ARENA_ARRAY(a, const char *, n);
  int *lengths = ARENA_ARRAY(a, int, n), *formats = ARENA_ARRAY(a, int, n);
  for (int i = 0; i < st->count; i++) {
    const struct db_value *v = &st->params[i];
    if (v->type == DB_INT) {
      types[i] = OID_INT8;
      values[i] = arena_printf(a, "%lld", (long long)v->i);
    } else if (v->type == DB_TEXT) {
      values[i] = arena_strndup(a, v->s, v->len);
    } else if (v->type == DB_BLOB) {
      types[i] = OID_BYTEA;
      values[i] = v->len ? v->s : "";
      lengths[i] = (int)v->len;
      formats[i] = 1;
    }
  }
  return PQsendQueryParams(conn, sql, st->count, types, values, lengths, formats, 0);
}

static int check_text(const struct db_statement *st, struct err *e) {
  const char *nul = memchr(st->sql, '\0', st->len);
  if (nul) {
    err_set(e, ERR_INPUT, "the statement contains a NUL byte");
    e->offset = nul - st->sql;
    return -1;
  }
  if (st->count > PARAMS_MAX)
    return err_set(e, ERR_INPUT, "too many parameters");
  for (int i = 0; i < st->count; i++) {
    const struct db_value *v = &st->params[i];
    if (v->type == DB_TEXT && memchr(v->s, '\0', v->len))
      return err_set(e, ERR_INPUT, "parameter $%d: text with a NUL byte", i + 1);
    if (v->len > INT32_MAX)
      return err_set(e, ERR_INPUT, "parameter $%d is too long", i + 1);
  }
  return 0;
}

static int run_all(struct run *r, const struct db_statement *st) {
  struct arena a;
  arena_init(&a, 0);
  r->sql = arena_strndup(&a, st->sql, st->len);
  if (!send_params(r->p->conn, r->sql, st, &a)) {
    run_lost(r);
  } else {
    PGresult *res;
    PQsetSingleRowMode(r->p->conn);
    while (!r->p->broken && (res = run_next(r)) != NULL) {
      take(r, res);
      PQclear(res);
    }
  }
  if (PQstatus(r->p->conn) == CONNECTION_BAD && !r->failed)
    run_lost(r);
  arena_release(&a);
  return r->failed ? -1 : 0;
}

int postgres_run(struct postgres *p, const struct db_statement *st, db_row_fn *row, void *ctx,
                 int64_t *changed, const struct job *job, struct err *e) {
  struct run r = {
      .p = p, .len = st->len, .row = row, .ctx = ctx, .job = job, .ends_ns = p->ends_ns};
  err_clear(&r.error);
  /* The driver's own queries have an end, and are not looked after. */
  r.look_period = p->ends_ns ? 0 : postgres_look_period(p);
  r.look_ns = r.look_period ? clock_mono_ns() + r.look_period : 0;
  if (check_text(st, e) < 0 || job_check(job, e) < 0)
    return -1;
  if (p->broken || PQstatus(p->conn) == CONNECTION_BAD)
    return postgres_lost(p, e);
  if (run_all(&r, st) < 0) {
    *e = r.error;
    return -1;
  }
  if (changed)
    *changed = r.changed;
  return 0;
}

int postgres_query(struct postgres *p, const char *sql, const struct db_value *params, int count,
                   db_row_fn *row, void *ctx, const struct job *job, struct err *e) {
  struct db_statement st = {sql, strlen(sql), params, count, DB_OURS};
  int64_t before = p->ends_ns;
  if (!p->ends_ns)
    p->ends_ns = clock_mono_ns() + QUERY_NS;
  int rc = postgres_run(p, &st, row, ctx, NULL, job, e);
  p->ends_ns = before;
  return rc;
}
