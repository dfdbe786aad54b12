/* Scripts cut into statements, as far as an import must know them: transactions that a script
 * begins and ends itself, statements that run in none, what only psql understands. The server has
 * the real splitter and checks all of it; this one guesses where the dialect is not known. Pure.
 */
#ifndef MIGD_CLIENT_IMPORT_SQL_H
#define MIGD_CLIENT_IMPORT_SQL_H

#include "client/import.h"

enum import_class {
  IMPORT_OTHER,
  IMPORT_BEGIN,   /* BEGIN, START TRANSACTION, without options of isolation */
  IMPORT_COMMIT,  /* COMMIT, END */
  IMPORT_CONTROL, /* what else controls transactions */
  IMPORT_ALONE,   /* cannot run in a transaction */
  IMPORT_COPY,    /* COPY FROM STDIN; its data is skipped */
  IMPORT_META,    /* a line for psql: \d */
};

enum { IMPORT_WORDS = 6, IMPORT_WORD = 24 };

struct import_statement {
  size_t start, len; /* from its first token to its last, without the `;` */
  size_t end;        /* behind its `;`, or behind its last token */
  enum import_class class;
  unsigned words;                       /* all of them */
  char word[IMPORT_WORDS][IMPORT_WORD]; /* the first, in capitals and without quotes; cut */
};

struct import_statements {
  struct import_statement *items;
  size_t count, capacity;
  size_t
      unclosed; /* where a quote or comment without an end begins; the length when there is none */
};

void import_split(struct arena *arena, enum import_dialect dialect, const char *s, size_t len,
                  struct import_statements *out);
/* Line and column of a place in a text. */
void import_count(const char *s, size_t at, unsigned *line, unsigned *column);

#endif
