/* Statements with their parameters put in, each ended by a semicolon. Checks raise an exception in
 * PostgreSQL; SQLite can raise none outside of a trigger, there they are constraints of a temporary
 * table whose names are the message.
 */
#include "server/engine/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/lex.h"
#include "server/sql/split.h"

struct script {
  struct db db;
  struct db_driver driver; /* the dialect's, but for what is done */
  struct buf *out;
  const struct db_url *url; /* or NULL */
  bool open;                /* a transaction is */
  enum script_mode mode;
  struct db *shadow; /* NULL: none */
  bool doubtful;     /* and `doubt` says why */
  struct err doubt;
};

static const struct {
  const char *column, *message;
} checks[] = {
    [CHECK_START] = {"start", "the database is not where this script starts"},
    [CHECK_SWAP] = {"swap", "the ledger was changed by somebody else"},
    [CHECK_ORPHANS] = {"orphans", "a foreign key is violated"},
    [CHECK_COPY] = {"copied", "rows of a rebuilt table were lost"},
    [CHECK_INTEGRITY] = {"sound", "a rebuilt table is not sound"},
};

enum { CHECKS = sizeof checks / sizeof checks[0] };

void script_add_text(struct buf *out, const char *s, size_t len) {
  buf_addc(out, '\'');
  for (size_t i = 0; i < len; i++) {
    if (s[i] == '\'')
      buf_addc(out, '\'');
    buf_addc(out, s[i]);
  }
  buf_addc(out, '\'');
}

static void add_value(struct buf *out, const struct db_value *v) {
  if (v->type == DB_INT)
    buf_addf(out, "%" PRId64, v->i);
  else if (v->type == DB_TEXT)
    script_add_text(out, v->s, v->len);
  else
    buf_adds(out, "NULL");
}

/* Only our own statements have parameters, and `$` in no other place. */
static void add_statement(struct buf *out, const struct db_statement *s) {
  const char *end = s->sql + s->len;
  for (const char *p = s->sql; p < end;) {
    const char *dollar = s->count ? memchr(p, '$', (size_t)(end - p)) : NULL;
    buf_add(out, p, (size_t)((dollar ? dollar : end) - p));
    if (!dollar)
      return;
    char *after;
    unsigned long n = strtoul(dollar + 1, &after, 10);
    if (n >= 1 && n <= (unsigned long)s->count)
      add_value(out, &s->params[n - 1]);
    p = after;
  }
}

static bool says(const struct db_statement *s, const char *text) {
  return s->len == strlen(text) && !memcmp(s->sql, text, s->len);
}

/* A revision's own BEGIN, outside a transaction, is refused as it is when it is run. */
static int refuse_transaction(const struct script *s, const struct db_statement *statement,
                              struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct sql_statements cut;
  arena_init(&arena, 0);
  if (sql_split(s->driver.dialect, statement->sql, statement->len, &arena, &cut, e))
    return -1;
  if (cut.count && cut.items[0].class == SQL_TRANSACTION)
    return err_set(e, ERR_MIGRATION, "transactions are the script's own");
  return 0;
}

/* A statement that must change one row. */
static void add_swap(struct script *s, const struct db_statement *statement) {
  bool block = s->driver.dialect == DIALECT_POSTGRESQL;
  if (block)
    buf_adds(s->out, "DO $migd$ BEGIN ");
  add_statement(s->out, statement);
  if (block)
    buf_addf(s->out, "; IF NOT FOUND THEN RAISE EXCEPTION '%s'; END IF; END $migd$;\n",
             checks[CHECK_SWAP].message);
  else
    buf_addf(s->out, ";\nINSERT INTO temp.migd_guard (%s) SELECT changes() = 1;\n",
             checks[CHECK_SWAP].column);
}

/* Statements that change no schema: on an empty database they would only cost time. */
static bool only_rows(const struct db_statement *statement) {
  static const char *const words[] = {"INSERT", "UPDATE",  "DELETE",  "REPLACE", "SELECT", "VALUES",
                                      "WITH",   "EXPLAIN", "ANALYZE", "REINDEX", "VACUUM"};
  struct lexer l = {.dialect = DIALECT_SQLITE, .text = statement->sql, .len = statement->len};
  struct lex_token token;
  struct err ignored;
  if (lex_next(&l, &token, &ignored))
    return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (lex_is(&l, &token, words[i]))
      return true;
  return false;
}

static int run_on_shadow(struct script *s, const struct db_statement *statement,
                         const struct job *job, struct err *e) {
  bool ours = statement->flags & DB_OURS, rebuild = statement->flags & DB_REBUILD;
  if (!s->shadow || s->doubtful || ours || (!rebuild && only_rows(statement)) ||
      !s->shadow->driver->exec(s->shadow, statement, NULL, NULL, NULL, job, e))
    return 0;
  if (rebuild || e->kind != ERR_MIGRATION)
    return -1;
  char start[80];
  err_copy(start, sizeof start, statement->sql, statement->len);
  err_in(e, "%s%s", start, statement->len >= sizeof start ? " ..." : "");
  script_set_doubt(&s->db, e);
  return 0;
}

static int script_exec(struct db *db, const struct db_statement *statement, db_row_fn *row,
                       void *ctx, int64_t *changed, const struct job *job, struct err *e) {
  struct script *s = (struct script *)db;
  if (job_check(job, e))
    return -1;
  if (row && s->shadow)
    return s->shadow->driver->exec(s->shadow, statement, row, ctx, changed, job, e);
  if (row)
    return err_set(e, ERR_INTERNAL, "a script reads nothing");
  if (!s->open && !(statement->flags & DB_OURS) && refuse_transaction(s, statement, e))
    return -1;
  if (changed) {
    add_swap(s, statement);
    *changed = 1;
    return 0;
  }
  if (says(statement, s->driver.begin))
    s->open = true;
  else if (says(statement, "COMMIT") || says(statement, "ROLLBACK"))
    s->open = false;
  if (s->mode != SCRIPT_MUTE) {
    add_statement(s->out, statement);
    buf_adds(s->out, ";\n");
  }
  return run_on_shadow(s, statement, job, e);
}

static int script_lock(struct db *db, const struct job *job, struct err *e) {
  (void)db, (void)job, (void)e;
  return 1;
}

static int script_lock_check(struct db *db, struct err *e) {
  (void)db, (void)e;
  return 0;
}

static void script_unlock(struct db *db) {
  (void)db;
}

static int script_lock_wait(struct db *db, int64_t ms, const struct job *job, struct err *e) {
  (void)db, (void)ms;
  return job_check(job, e);
}

static const struct db_blockers *script_blockers(struct db *db) {
  (void)db;
  return NULL;
}

static bool script_in_transaction(struct db *db) {
  return ((struct script *)db)->open;
}

static void script_close(struct db *db) {
  db_close(((struct script *)db)->shadow);
  free(db);
}

struct db *script_db(enum dialect dialect, struct buf *out) {
  struct script *s = xcalloc(1, sizeof *s);
  s->driver = (struct db_driver){.name = "script",
                                 .dialect = dialect,
                                 .begin = db_driver_of(dialect)->begin,
                                 .lock = script_lock,
                                 .lock_check = script_lock_check,
                                 .unlock = script_unlock,
                                 .exec = script_exec,
                                 .lock_wait = script_lock_wait,
                                 .blockers = script_blockers,
                                 .in_transaction = script_in_transaction,
                                 .close = script_close};
  s->db.driver = &s->driver;
  s->out = out;
  return &s->db;
}

void script_target(struct db *db, const struct db_url *url) {
  struct script *s = (struct script *)db;
  s->url = url;
  db->schema = url && url->schema_count ? url->schemas[0] : NULL;
}

/* The schemas of the target and no others, each of which must be there. */
static void add_search_path(struct script *s) {
  for (unsigned i = 0; i < s->url->schema_count; i++) {
    buf_adds(s->out, i ? ", " : "SET search_path = ");
    db_add_name(s->out, s->url->schemas[i]);
  }
  buf_addf(s->out,
           ";\nDO $migd$ BEGIN IF cardinality(current_schemas(false)) <> %u THEN RAISE EXCEPTION "
           "'a schema of the target is missing, or not ours to use'; END IF; END $migd$;\n",
           s->url->schema_count);
}

void script_begin(struct db *db, int64_t lock_timeout_ms, int64_t statement_timeout_ms,
                  int64_t idle_timeout_ms) {
  struct script *s = (struct script *)db;
  if (s->driver.dialect == DIALECT_SQLITE) {
    buf_adds(s->out, "CREATE TEMP TABLE migd_guard (");
    for (size_t i = 0; i < CHECKS; i++)
      buf_addf(s->out, "%s%s INTEGER CONSTRAINT \"%s\" CHECK (%s)", i ? ",\n  " : "\n  ",
               checks[i].column, checks[i].message, checks[i].column);
    buf_adds(s->out, ");\n");
    return;
  }
  buf_adds(s->out, "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n"
                   "SET bytea_output = 'hex';\n");
  buf_addf(s->out,
           "SET lock_timeout = %" PRId64 ";\nSET statement_timeout = %" PRId64
           ";\nSET idle_in_transaction_session_timeout = %" PRId64 ";\n",
           lock_timeout_ms, statement_timeout_ms, idle_timeout_ms);
  if (db->schema)
    add_search_path(s);
  buf_addf(s->out,
           "DO $migd$ BEGIN IF NOT pg_try_advisory_lock(%" PRId64
           ") THEN RAISE EXCEPTION 'another session holds the target''s lock'; END IF; END "
           "$migd$;\n",
           db_postgres_lock(db->schema));
}

void script_comment(struct db *db, const char *text) {
  struct script *s = (struct script *)db;
  char clean[1024];
  err_copy(clean, sizeof clean, text, strlen(text));
  buf_addf(s->out, "\n-- %s\n", clean);
}

void script_check(struct db *db, enum script_check check, const char *condition) {
  struct script *s = (struct script *)db;
  if (s->mode != SCRIPT_WHOLE)
    return;
  if (s->driver.dialect == DIALECT_SQLITE)
    buf_addf(s->out, "INSERT INTO temp.migd_guard (%s) SELECT %s;\n", checks[check].column,
             condition);
  else
    buf_addf(s->out, "DO $migd$ BEGIN IF NOT (%s) THEN RAISE EXCEPTION '%s'; END IF; END $migd$;\n",
             condition, checks[check].message);
}

/* A dollar quote that is not in the text: $migd0$, $migd1$, … */
static void add_dollar_quoted(struct buf *out, const char *text, size_t len) {
  char tag[32];
  unsigned n = 0;
  do
    snprintf(tag, sizeof tag, "$migd%u$", n++);
  while (memmem(text, len, tag, strlen(tag)));
  buf_adds(out, tag);
  buf_add(out, text, len);
  buf_adds(out, tag);
}

/* EXECUTE, so that no name in the statement is taken for one of the block's, and RETURNING is
 * allowed. A block may commit where it is run outside a transaction. */
void script_loop(struct db *db, const char *statement, size_t len, const char *count,
                 unsigned pause_ms) {
  struct script *s = (struct script *)db;
  struct buf body BUF_SCOPED = BUF_INIT;
  buf_adds(&body, "\nDECLARE migd_rows bigint;\nBEGIN\n  LOOP\n    EXECUTE ");
  add_dollar_quoted(&body, statement, len);
  buf_addf(&body,
           ";\n    GET DIAGNOSTICS migd_rows = ROW_COUNT;\n    EXIT WHEN migd_rows = 0;\n    %s;\n"
           "    COMMIT;\n",
           count);
  if (pause_ms)
    buf_addf(&body, "    PERFORM pg_sleep(%u.%03u);\n", pause_ms / 1000, pause_ms % 1000);
  buf_adds(&body, "  END LOOP;\nEND ");
  buf_adds(s->out, "DO ");
  add_dollar_quoted(s->out, buf_str(&body), body.len);
  buf_adds(s->out, ";\n");
}

void script_shadow(struct db *db, struct db *shadow) {
  ((struct script *)db)->shadow = shadow;
}

const struct err *script_doubt(const struct db *db) {
  const struct script *s = (const struct script *)db;
  return s->doubtful ? &s->doubt : NULL;
}

void script_set_doubt(struct db *db, const struct err *why) {
  struct script *s = (struct script *)db;
  if (!s->doubtful)
    s->doubt = *why;
  s->doubtful = true;
}

void script_set_mode(struct db *db, enum script_mode mode) {
  ((struct script *)db)->mode = mode;
}

bool script_shows(const struct db *db) {
  return ((const struct script *)db)->mode == SCRIPT_SHOWN;
}
