/* The lexer for both dialects, as far as cutting statements and reading their first words needs it:
 * where quoted text begins and ends, what is a comment, what is a word. Follows PostgreSQL's scan.l
 * (with standard_conforming_strings on) and SQLite's tokenize.c. Pure: no I/O, no globals, linear
 * in the text.
 */
#ifndef MIGD_SQL_LEX_H
#define MIGD_SQL_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/err.h"
#include "server/base/dialect.h"

enum lex_kind {
  LEX_END,
  LEX_WORD,   /* a keyword or a name without quotes */
  LEX_NAME,   /* a name in quotes */
  LEX_STRING, /* any kind of quoted string, with its prefix E or dollar tags */
  LEX_NUMBER, /* digits; what follows them is a word of its own */
  LEX_PARAM,  /* $1, ?1, :name, @name */
  LEX_OPEN,   /* ( */
  LEX_CLOSE,  /* ) */
  LEX_SEMICOLON,
  LEX_VARIABLE, /* ${name}, ${name:form}; variable.h reads it */
  LEX_OTHER,    /* one character of an operator or of punctuation */
};

struct lex_token {
  enum lex_kind kind;
  size_t start, len; /* in the lexer's text */
};

struct lexer {
  enum dialect dialect;
  const char *text; /* borrowed; must hold no NUL bytes */
  size_t len, at;
};

/* The next token; comments and white space are skipped. ERR_INPUT, with e->offset the place, for
 * what has no end, for a backslash outside quotes in PostgreSQL, which only psql understands, and
 * for a variable that is malformed or does not stand apart from a word or a quote beside it. The
 * lexer then stands behind it and can be asked on: at the text's end behind what has none, at the
 * line's behind a command of psql. */
int lex_next(struct lexer *l, struct lex_token *token, struct err *e);
/* Whether a word is this keyword, written in capitals. False for every other kind. */
bool lex_is(const struct lexer *l, const struct lex_token *token, const char *keyword);
/* Whether a text that ends so and one that begins so, put together, may make one token of two. */
bool lex_merge(char last, char first);

#endif
