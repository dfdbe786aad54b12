/* The SQLite driver: runs one statement at a time on one connection. What a migration may say is in
 * sqlite_guard.c, how a statement is stopped in sqlite_wait.c, how a file is opened in
 * sqlite_open.c.
 */
#include "server/db/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Behind white space, semicolons and comments. */
static const char *skip_blank(const char *s, const char *end) {
  while (s < end) {
    if (strchr(" \t\r\n\f;", *s) && *s) {
      s++;
    } else if (end - s >= 2 && s[0] == '-' && s[1] == '-') {
      const char *nl = memchr(s, '\n', (size_t)(end - s));
      s = nl ? nl + 1 : end;
    } else if (end - s >= 2 && s[0] == '/' && s[1] == '*') {
      const char *close = memmem(s + 2, (size_t)(end - s) - 2, "*/", 2);
      s = close ? close + 2 : end;
    } else {
      break;
    }
  }
  return s;
}

static bool is_vacuum(const char *sql, size_t len) {
  const char *end = sql + len, *s = skip_blank(sql, end);
  return end - s >= 6 && strncasecmp(s, "vacuum", 6) == 0;
}

static bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (unsigned char)c >= 0x80;
}

/* Where `name` stands as a whole word, or -1. */
static long find_word(const char *sql, size_t len, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; n && i + n <= len; i++)
    if (strncasecmp(sql + i, name, n) == 0 && (i == 0 || !is_word(sql[i - 1])) &&
        (i + n == len || !is_word(sql[i + n])))
      return (long)i;
  return -1;
}

/* SQLite gives no position for some names that it does not know, only the name. */
static long offset_of_error(struct sqlite *s, const char *sql, size_t len) {
  int offset = sqlite3_error_offset(s->handle);
  if (offset >= 0 && (size_t)offset <= len)
    return offset;
  const char *words = sqlite3_errmsg(s->handle);
  const char *colon = strncmp(words, "no such ", 8) == 0 ? strstr(words, ": ") : NULL;
  return colon ? find_word(sql, len, colon + 2) : -1;
}

static int check_text(const struct db_statement *st, struct err *e) {
  const char *nul = memchr(st->sql, '\0', st->len);
  if (nul) {
    err_set(e, ERR_INPUT, "the statement contains a NUL byte");
    e->offset = nul - st->sql;
    return -1;
  }
  return 0;
}

static int prepare(struct sqlite *s, const struct db_statement *st, sqlite3_stmt **out,
                   struct err *e) {
  sqlite3_stmt *stmt = NULL;
  const char *tail = NULL, *end = st->sql + st->len;
  if (st->len > INT32_MAX)
    return err_set(e, ERR_INPUT, "the statement is too long");
  int rc = sqlite3_prepare_v3(s->handle, st->sql, (int)st->len,
                              st->flags & DB_REUSE ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, &tail);
  if (rc != SQLITE_OK) {
    long offset = offset_of_error(s, st->sql, st->len);
    sqlite_fail(s, rc, e);
    e->offset = offset;
    return -1;
  }
  if (!stmt)
    return err_set(e, ERR_INPUT, "there is no statement");
  tail = skip_blank(tail, end);
  if (tail < end) {
    sqlite3_finalize(stmt);
    err_set(e, ERR_INPUT, "more than one statement");
    e->offset = tail - st->sql;
    return -1;
  }
  *out = stmt;
  return 0;
}

static struct sqlite_kept *kept_slot(struct sqlite *s, const struct db_statement *st) {
  uintptr_t h = (uintptr_t)st->sql;
  return &s->kept[(h >> 3 ^ h >> 11) & (SQLITE_KEPT - 1)];
}

/* From the kept ones where it may be, else prepared anew. */
static int obtain(struct sqlite *s, const struct db_statement *st, sqlite3_stmt **out,
                  struct err *e) {
  if (!(st->flags & DB_REUSE))
    return prepare(s, st, out, e);
  struct sqlite_kept *k = kept_slot(s, st);
  if (!k->stmt || k->sql != st->sql || k->len != st->len) {
    sqlite3_finalize(k->stmt);
    *k = (struct sqlite_kept){0};
    if (prepare(s, st, &k->stmt, e) < 0)
      return -1;
    k->sql = st->sql;
    k->len = st->len;
  }
  *out = k->stmt;
  return 0;
}

static void give_back(const struct db_statement *st, sqlite3_stmt *stmt) {
  if (st->flags & DB_REUSE) {
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
  } else {
    sqlite3_finalize(stmt);
  }
}

static int bind_one(sqlite3_stmt *stmt, int index, const struct db_value *v) {
  switch (v->type) {
  case DB_NULL:
    return sqlite3_bind_null(stmt, index);
  case DB_INT:
    return sqlite3_bind_int64(stmt, index, v->i);
  case DB_TEXT:
    return sqlite3_bind_text64(stmt, index, v->s, v->len, SQLITE_STATIC, SQLITE_UTF8);
  case DB_BLOB:
    if (v->len == 0)
      return sqlite3_bind_zeroblob(stmt, index, 0);
    return sqlite3_bind_blob64(stmt, index, v->s, v->len, SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

static int bind_all(struct sqlite *s, const struct db_statement *st, sqlite3_stmt *stmt,
                    struct err *e) {
  if (sqlite3_bind_parameter_count(stmt) != st->count)
    return err_set(e, ERR_MIGRATION, "the statement has %d parameters, and %d are given",
                   sqlite3_bind_parameter_count(stmt), st->count);
  for (int i = 0; i < st->count; i++) {
    char name[16];
    snprintf(name, sizeof name, "$%d", i + 1);
    int index = sqlite3_bind_parameter_index(stmt, name);
    if (!index)
      return err_set(e, ERR_MIGRATION, "the statement has no parameter %s", name);
    int rc = bind_one(stmt, index, &st->params[i]);
    if (rc != SQLITE_OK)
      return sqlite_fail(s, rc, e);
  }
  return 0;
}

static struct db_value value_of(sqlite3_stmt *stmt, int column) {
  struct db_value v = {0};
  switch (sqlite3_column_type(stmt, column)) {
  case SQLITE_NULL:
    return db_null();
  case SQLITE_INTEGER:
    return db_int(sqlite3_column_int64(stmt, column));
  case SQLITE_BLOB:
    v.type = DB_BLOB;
    v.s = sqlite3_column_blob(stmt, column);
    break;
  default: /* text, and numbers with a fraction as text */
    v.type = DB_TEXT;
    v.s = (const char *)sqlite3_column_text(stmt, column);
  }
  if (!v.s)
    v.s = "";
  v.len = (size_t)sqlite3_column_bytes(stmt, column);
  return v;
}

static int hand_row(sqlite3_stmt *stmt, db_row_fn *row, void *ctx, struct err *e) {
  struct db_value values[64];
  int count = sqlite3_column_count(stmt);
  struct db_value *all = count > 64 ? xcalloc((size_t)count, sizeof *all) : values;
  for (int i = 0; i < count; i++)
    all[i] = value_of(stmt, i);
  int rc = row(ctx, all, count, e);
  if (all != values)
    free(all);
  return rc;
}

static int step_all(struct sqlite *s, sqlite3_stmt *stmt, db_row_fn *row, void *ctx,
                    struct err *e) {
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
    if (row && hand_row(stmt, row, ctx, e) < 0)
      return -1;
  return rc == SQLITE_DONE ? 0 : sqlite_fail(s, rc, e);
}

static int run_statement(struct sqlite *s, const struct db_statement *st, db_row_fn *row, void *ctx,
                         int64_t *changed, struct err *e) {
  sqlite3_stmt *stmt = NULL;
  int64_t before = sqlite3_total_changes64(s->handle);
  s->guard.running = false;
  if (obtain(s, st, &stmt, e) < 0)
    return -1;
  s->guard.running = true;
  int rc = bind_all(s, st, stmt, e);
  if (rc == 0)
    rc = step_all(s, stmt, row, ctx, e);
  /* sqlite3_changes() keeps its number over statements that change no rows. */
  if (rc == 0 && changed)
    *changed = sqlite3_total_changes64(s->handle) == before ? 0 : sqlite3_changes64(s->handle);
  give_back(st, stmt);
  return rc;
}

static int sqlite_exec(struct db *db, const struct db_statement *st, db_row_fn *row, void *ctx,
                       int64_t *changed, const struct job *job, struct err *e) {
  struct sqlite *s = (struct sqlite *)db;
  if (s->busy)
    return err_set(e, ERR_INTERNAL, "a statement is already running on this connection");
  if (check_text(st, e) < 0 || job_check(job, e) < 0)
    return -1;
  s->busy = true;
  s->guard.ours = st->flags & DB_OURS;
  s->guard.rebuild = st->flags & DB_REBUILD;
  s->guard.vacuum = is_vacuum(st->sql, st->len);
  s->guard.why[0] = '\0';
  sqlite_watch_begin(s, job);
  int rc = run_statement(s, st, row, ctx, changed, e);
  sqlite_watch_end(s);
  s->busy = false;
  return rc;
}

static int sqlite_lock(struct db *db, const struct job *job, struct err *e) {
  (void)db;
  return job_check(job, e) < 0 ? -1 : 1;
}

static int sqlite_lock_check(struct db *db, struct err *e) {
  return sqlite_same_file((struct sqlite *)db, e);
}

static void sqlite_unlock(struct db *db) {
  (void)db;
}

static int sqlite_lock_wait(struct db *db, int64_t ms, const struct job *job, struct err *e) {
  if (job_check(job, e) < 0)
    return -1;
  ((struct sqlite *)db)->lock_timeout_ms = ms;
  return 0;
}

/* The locks of a file have no names. */
static const struct db_blockers *sqlite_blockers(struct db *db) {
  (void)db;
  return NULL;
}

static bool sqlite_in_transaction(struct db *db) {
  return !sqlite3_get_autocommit(((struct sqlite *)db)->handle);
}

const struct db_driver db_sqlite = {
    .name = "sqlite",
    .dialect = DIALECT_SQLITE,
    .begin = "BEGIN IMMEDIATE",
    .open = sqlite_open,
    .lock = sqlite_lock,
    .lock_check = sqlite_lock_check,
    .unlock = sqlite_unlock,
    .exec = sqlite_exec,
    .lock_wait = sqlite_lock_wait,
    .blockers = sqlite_blockers,
    .in_transaction = sqlite_in_transaction,
    .close = sqlite_close,
};
