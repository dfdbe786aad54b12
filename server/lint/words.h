/* The tokens of a statement, and names read from them. For what is known of a statement by its
 * text: scopes, history, the rules that read the text. Private to the room; pure.
 */
#ifndef MIGD_LINT_WORDS_H
#define MIGD_LINT_WORDS_H

#include "proto/base/arena.h"
#include "server/sql/lex.h"

struct words {
  struct lexer lex;
  struct lex_token *items; /* in the arena; behind the last stands a LEX_END */
  size_t count;
};

/* The first `max` tokens (0: all) of a statement that was cut before. */
void words_read(enum dialect dialect, const char *sql, size_t len, size_t max, struct arena *arena,
                struct words *out);
/* Whether the tokens from `i` on are these keywords, written in capitals, one space between. */
bool words_are(const struct words *w, size_t i, const char *keywords);
/* The same, and moves behind them when they are. */
bool words_take(const struct words *w, size_t *i, const char *keywords);
/* One character of punctuation at `i`. */
bool words_char(const struct words *w, size_t i, char c);
/* A name at `*i`, perhaps with a schema before it, without quotes; in lower case as far as it is
 * not quoted (SQLite: always). Moves behind it. NULL and no move when there is none. */
char *words_name(const struct words *w, size_t *i, struct arena *arena);
/* The same for whom it is shown to, on both dialects alike: what is quoted keeps its letters' case.
 * NULL: none. */
char *words_shown(const struct words *w, size_t i, struct arena *arena);
/* The last part of such a name: without the schema. */
const char *words_unqualified(const char *name);
/* Whether a text has a name in it as a word of its own, letters' case ignored. */
bool words_mention(const char *text, const char *name);
/* Behind the parenthesis that closes the one at `i`; w->count when none does. */
size_t words_behind(const struct words *w, size_t i);
/* The end of the element of a list that begins at `i`: its comma, the parenthesis that closes the
 * list, or w->count. */
size_t words_element_end(const struct words *w, size_t i);

#endif
