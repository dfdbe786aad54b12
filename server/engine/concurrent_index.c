/* Reads the head of CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY]
 * [schema.]table and asks pg_index for what it left. Thread: the walk's worker.
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

/* The index's name as SQL, with the schema of its table; NULL when the statement makes none by
 * name. */
static const char *index_name(struct arena *arena, const char *sql, size_t len) {
  struct head h = {.lexer = {.dialect = DIALECT_POSTGRESQL, .text = sql, .len = len}};
  if (!next(&h) || !accept(&h, "CREATE"))
    return NULL;
  accept(&h, "UNIQUE");
  if (!accept(&h, "INDEX") || !accept(&h, "CONCURRENTLY"))
    return NULL;
  if (accept(&h, "IF") && !(accept(&h, "NOT") && accept(&h, "EXISTS")))
    return NULL;
  if (!is_name(&h) || lex_is(&h.lexer, &h.token, "ON"))
    return NULL;
  const char *name = text(arena, &h);
  if (!next(&h) || !accept(&h, "ON"))
    return NULL;
  accept(&h, "ONLY");
  if (!is_name(&h))
    return NULL;
  const char *schema = text(arena, &h);
  bool qualified = next(&h) && h.token.kind == LEX_OTHER && h.lexer.text[h.token.start] == '.';
  return qualified ? arena_printf(arena, "%s.%s", schema, name) : name;
}

static int on_valid(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int *)ctx = v[0].i != 0;
  return 0;
}

enum index_found concurrent_index_settle(struct walk *w, const char *sql, size_t len,
                                         struct err *e) {
  if (w->db->driver->dialect != DIALECT_POSTGRESQL)
    return INDEX_UNKNOWN;
  const char *name = index_name(w->arena, sql, len);
  if (!name)
    return INDEX_UNKNOWN;
  int valid = -1;
  struct db_value param = db_text(name);
  if (db_exec(w->db,
              "SELECT indisvalid::int FROM pg_catalog.pg_index WHERE indexrelid = to_regclass($1)",
              &param, 1, on_valid, &valid, NULL, w->job, e))
    return INDEX_ERROR;
  if (valid == 1)
    return INDEX_THERE;
  if (valid == 0 && db_exec(w->db, arena_printf(w->arena, "DROP INDEX CONCURRENTLY %s", name), NULL,
                            0, NULL, NULL, NULL, w->job, e))
    return INDEX_ERROR;
  return INDEX_MISSING;
}
