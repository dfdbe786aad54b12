/* All tokens of one statement of SQLite, for those who must look ahead: where a parenthesis closes,
 * what a name is without its quotes. In the caller's arena. Pure.
 */
#ifndef MIGD_SQL_TOKENS_H
#define MIGD_SQL_TOKENS_H

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "server/sql/lex.h"

struct tokens {
  struct lexer lex; /* its text is borrowed */
  const struct lex_token *items;
  size_t count; /* items[count] is LEX_END */
};

/* ERR_MIGRATION with the offset, for text that the lexer refuses or that is too much of it. */
int tokens_read(const char *text, size_t len, struct arena *arena, struct tokens *out,
                struct err *e);
/* Whether token `i` is this keyword, given in capitals. `i` may lie behind the end. */
bool tokens_is(const struct tokens *t, size_t i, const char *keyword);
/* As tokens_is, for any of a NULL-terminated list. */
bool tokens_is_any(const struct tokens *t, size_t i, const char *const *keywords);
bool tokens_char(const struct tokens *t, size_t i, char c);
/* A word, a quoted name, or a string, which SQLite takes for a name where one must be. */
bool tokens_name(const struct tokens *t, size_t i);
/* Without its quotes. */
char *tokens_unquote(const struct tokens *t, size_t i, struct arena *arena);
/* A word or a quoted name that says `name`, as SQLite compares: capitals are small letters. */
bool tokens_names(const struct tokens *t, size_t i, const char *name);
/* As tokens_names, with a dot behind it: there a string is a name, too. */
bool tokens_qualifies(const struct tokens *t, size_t i, const char *name);
/* Whether an operand of an expression may stand at `i`, as a column's name is one. Elsewhere a word
 * is a type's, a collation's, an alias or a keyword (DESC, LIKE, END). */
bool tokens_operand(const struct tokens *t, size_t i);
/* The index of the `)` that closes the `(` at `i`; `count` when nothing does. */
size_t tokens_close(const struct tokens *t, size_t i);
/* The byte behind token `i`. */
size_t tokens_end(const struct tokens *t, size_t i);

/* A name, or a string in a name's place, without its quotes. */
char *sql_unquote(struct arena *arena, const char *s, size_t len);
/* A name in double quotes, as SQL text. */
char *sql_quote_name(struct arena *arena, const char *name);
/* A string in single quotes, as SQL text. */
char *sql_quote_string(struct arena *arena, const char *text);

#endif
