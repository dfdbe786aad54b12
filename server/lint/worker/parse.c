/* Over libpg_query, which has no limit of depth or size of its own. Tokens are counted before it
 * sees the text, with our own lexer, which makes no fewer of them: its scanner would need as much
 * memory as the parser.
 */
#include "server/lint/worker/parse.h"

#include <pg_query.h>
#include <stdbool.h>
#include <string.h>

#include "server/sql/lex.h"

static bool short_enough(const char *sql, size_t len) {
  struct lexer l = {.dialect = DIALECT_POSTGRESQL, .text = sql, .len = len};
  struct lex_token t;
  struct err e;
  size_t n = 0;
  while (lex_next(&l, &t, &e) == 0 && t.kind != LEX_END)
    if (++n > PARSE_TOKENS_MAX)
      return false;
  return true;
}

PgQuery__ParseResult *parse_statement(const char *sql, size_t len) {
  if (memchr(sql, '\0', len) != NULL || !short_enough(sql, len))
    return NULL;
  PgQuery__ParseResult *tree = NULL;
  PgQueryProtobufParseResult r = pg_query_parse_protobuf(sql);
  if (r.error == NULL)
    tree =
        pg_query__parse_result__unpack(NULL, r.parse_tree.len, (const uint8_t *)r.parse_tree.data);
  pg_query_free_protobuf_parse_result(r);
  if (tree && (tree->n_stmts != 1 || tree->stmts[0]->stmt == NULL)) {
    parse_free(tree);
    return NULL;
  }
  return tree;
}

void parse_free(PgQuery__ParseResult *tree) {
  if (tree)
    pg_query__parse_result__free_unpacked(tree, NULL);
}
