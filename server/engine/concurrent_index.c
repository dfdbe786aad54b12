/* Reads the head of CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY]
 * [schema.]table and asks pg_index for what it left on that table: an index of this name that the
 * search path finds elsewhere is not the one. Thread: the walk's worker.
 */
#include "server/engine/concurrent_index.h"

#include <string.h>

#include "server/sql/lex.h"

struct head {
  struct lexer lexer;
  struct lex_token token;
};

static bool next(struct head *h) {
  struct err ignored;
  return !lex_next(&h->lexer, &h->token, &ignored) && h->token.kind != LEX_END;
}

/* Steps over a keyword when it is the next one. */
static bool accept(struct head *h, const char *keyword) {
  return lex_is(&h->lexer, &h->token, keyword) && next(h);
}

static bool is_name(const struct head *h) {
  return h->token.kind == LEX_WORD || h->token.kind == LEX_NAME;
}

static const char *text(struct arena *arena, const struct head *h) {
  return arena_strndup(arena, h->lexer.text + h->token.start, h->token.len);
}

/* What the statement names, as SQL. */
struct index_words {
  const char *name, *table;
};

/* False when the statement makes no index by name. */
static bool read_words(struct arena *arena, const char *sql, size_t len, struct index_words *out) {
  struct head h = {.lexer = {.dialect = DIALECT_POSTGRESQL, .text = sql, .len = len}};
  if (!next(&h) || !accept(&h, "CREATE"))
    return false;
  accept(&h, "UNIQUE");
  if (!accept(&h, "INDEX") || !accept(&h, "CONCURRENTLY"))
    return false;
  if (accept(&h, "IF") && !(accept(&h, "NOT") && accept(&h, "EXISTS")))
    return false;
  if (!is_name(&h) || lex_is(&h.lexer, &h.token, "ON"))
    return false;
  out->name = text(arena, &h);
  if (!next(&h) || !accept(&h, "ON"))
    return false;
  accept(&h, "ONLY");
  if (!is_name(&h))
    return false;
  out->table = text(arena, &h);
  if (next(&h) && h.token.kind == LEX_OTHER && h.lexer.text[h.token.start] == '.' && next(&h) &&
      is_name(&h))
    out->table = arena_printf(arena, "%s.%s", out->table, text(arena, &h));
  return true;
}

struct found {
  struct arena *arena;
  int valid;        /* -1: there is none */
  const char *name; /* as SQL, with its schema */
};

static int on_found(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct found *f = ctx;
  (void)count, (void)e;
  f->valid = v[0].i != 0;
  f->name = arena_strndup(f->arena, v[1].s, v[1].len);
  return 0;
}

enum index_found concurrent_index_settle(struct walk *w, const char *sql, size_t len,
                                         struct err *e) {
  static const char look[] =
      "SELECT x.indisvalid::int, quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM "
      "pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid JOIN "
      "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE x.indrelid = to_regclass($1) AND "
      "c.relname = ((parse_ident($2))[1])::name";
  struct index_words words;
  if (w->db->driver->dialect != DIALECT_POSTGRESQL || !read_words(w->arena, sql, len, &words))
    return INDEX_UNKNOWN;
  struct found found = {.arena = w->arena, .valid = -1};
  struct db_value params[] = {db_text(words.table), db_text(words.name)};
  if (db_exec(w->db, look, params, 2, on_found, &found, NULL, w->job, e))
    return INDEX_ERROR;
  if (found.valid == 1)
    return INDEX_THERE;
  if (found.valid == 0 &&
      db_exec(w->db, arena_printf(w->arena, "DROP INDEX CONCURRENTLY %s", found.name), NULL, 0,
              NULL, NULL, NULL, w->job, e))
    return INDEX_ERROR;
  return INDEX_MISSING;
}
