/* A table's rows, about. */
#include "server/engine/size.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/sql/lex.h"

/* A page of 8 KiB holds about as many rows of a table that nobody has analyzed yet. */
#define ROWS_OF_PAGE "50"

struct number {
  bool found;
  int64_t value;
};

static int on_number(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct number *n = ctx;
  (void)e;
  n->found = count > 0 && v[0].type == DB_INT;
  n->value = n->found ? v[0].i : 0;
  return 0;
}

static int64_t ask(struct db *db, const char *sql, const char *param, const struct job *job) {
  struct number n = {0};
  struct err ignored;
  struct db_value value = db_text(param);
  if (db_exec(db, sql, &value, param ? 1 : 0, on_number, &n, NULL, job, &ignored))
    return -1;
  return n.found ? n.value : -1;
}

/* A partitioned table has no rows of its own. */
static int64_t rows_postgres(struct db *db, const char *table, const struct job *job) {
  static const char sql[] =
      "SELECT sum(CASE WHEN c.reltuples >= 0 THEN c.reltuples ELSE"
      " pg_catalog.pg_relation_size(c.oid) / 8192 * " ROWS_OF_PAGE " END)::bigint"
      " FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm', 't')"
      " AND (c.oid = pg_catalog.to_regclass($1) OR c.oid IN"
      " (SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))))";
  return ask(db, sql, table, job);
}

/* The last part of the name, without its quotes. */
static void bare_name(const char *table, struct buf *out) {
  struct lexer lexer = {.dialect = DIALECT_SQLITE, .text = table, .len = strlen(table)};
  struct lex_token token;
  struct err ignored;
  while (!lex_next(&lexer, &token, &ignored) && token.kind != LEX_END) {
    if (token.kind == LEX_OTHER)
      continue;
    buf_clear(out);
    char quote = table[token.start];
    char close = quote == '[' ? ']' : quote;
    bool quoted = token.kind == LEX_NAME || token.kind == LEX_STRING;
    for (size_t i = token.start + quoted; i < token.start + token.len - quoted; i++) {
      buf_addc(out, table[i]);
      i += quoted && table[i] == close;
    }
  }
}

static void add_identifier(struct buf *out, const char *name) {
  buf_addc(out, '"');
  for (; *name; name++)
    buf_addf(out, *name == '"' ? "\"\"" : "%c", *name);
  buf_addc(out, '"');
}

/* Counts to `enough`; beyond it the rowids tell: what was deleted is counted too. */
static int64_t rows_sqlite(struct db *db, const char *table, int64_t enough,
                           const struct job *job) {
  struct buf name BUF_SCOPED = BUF_INIT, sql BUF_SCOPED = BUF_INIT;
  bare_name(table, &name);
  buf_adds(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
  add_identifier(&sql, buf_str(&name));
  buf_addf(&sql, " LIMIT %" PRId64 ")", enough);
  int64_t counted = ask(db, buf_str(&sql), NULL, job);
  if (counted < enough)
    return counted;
  buf_clear(&sql);
  /* Apart, each is one look at an end of the tree; in one SELECT they would read all of it. */
  buf_adds(&sql, "SELECT (SELECT max(rowid) FROM ");
  add_identifier(&sql, buf_str(&name));
  buf_adds(&sql, ") - (SELECT min(rowid) FROM ");
  add_identifier(&sql, buf_str(&name));
  buf_adds(&sql, ") + 1");
  int64_t spread = ask(db, buf_str(&sql), NULL, job);
  return spread > counted ? spread : counted;
}

int64_t table_rows(struct db *db, const char *table, int64_t enough, const struct job *job) {
  return db->driver->dialect == DIALECT_SQLITE ? rows_sqlite(db, table, enough, job)
                                               : rows_postgres(db, table, job);
}
