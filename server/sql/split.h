/* Cuts the text of a section into statements, for both dialects, with our own lexer: quoted strings
 * and names, E'' and dollar-quoted strings, nested comments (PostgreSQL), trigger bodies (SQLite),
 * BEGIN ATOMIC … END bodies (PostgreSQL), parentheses of CREATE RULE. Pure: no I/O, no globals.
 */
#ifndef MIGD_SQL_SPLIT_H
#define MIGD_SQL_SPLIT_H

#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "server/base/dialect.h"
#include "server/sql/faults.h"

/* What a statement is, as far as the engine must know. */
enum sql_class {
  SQL_OTHER,
  SQL_TRANSACTION, /* BEGIN, START TRANSACTION, COMMIT, END, ROLLBACK, ABORT, SAVEPOINT, RELEASE,
                      PREPARE TRANSACTION, COMMIT/ROLLBACK PREPARED */
  SQL_COPY_STDIN,  /* PostgreSQL: COPY … FROM STDIN */
};

struct sql_statement {
  size_t start, len; /* bytes in the text: from its first token to its last, without the `;` */
  unsigned line;     /* 1-based line of its first token, counted from the text's first line = 1 */
  unsigned column;   /* 1-based, bytes */
  enum sql_class class;
};

struct sql_statements {
  struct sql_statement *items; /* in the arena */
  size_t count;
};

/* What could be read of a text, and all that is wrong in it: a string, name, comment, dollar quote
 * or body without end, commands of psql, malformed variables (lex.h), NUL bytes. */
struct sql_reading {
  struct sql_statements statements;
  struct sql_faults faults; /* sorted */
  size_t end;               /* what is behind this place could not be read */
};

/* Statements without a token (only comments) are left out. */
void sql_read(enum dialect dialect, const char *text, size_t len, struct arena *arena,
              struct sql_reading *out);
/* The same of a text in which nothing may be wrong: ERR_INPUT with offset, line and column set. */
int sql_split(enum dialect dialect, const char *text, size_t len, struct arena *arena,
              struct sql_statements *out, struct err *e);

/* 1-based line and column (bytes) of a byte offset. */
void sql_position(const char *text, size_t len, size_t offset, unsigned *line, unsigned *column);

#endif
