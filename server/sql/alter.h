/* ALTER TABLE in PostgreSQL's grammar, as far as a table of SQLite can follow it: which table, and
 * what is to be done to it. Expressions are kept as the ranges of text that they are. Read with the
 * project's own lexer; pure: no I/O, no globals, linear in the text.
 */
#ifndef MIGD_SQL_ALTER_H
#define MIGD_SQL_ALTER_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

struct sql_range {
  size_t start, len; /* bytes in the statement; len 0: not there */
};

enum alter_action_kind {
  ALTER_ADD_COLUMN,        /* column: its name; body: the whole definition, name included */
  ALTER_DROP_COLUMN,       /* column; if_exists; cascade */
  ALTER_TYPE,              /* column; type; collate; using */
  ALTER_SET_DEFAULT,       /* column; body: the expression */
  ALTER_DROP_DEFAULT,      /* column */
  ALTER_SET_NOT_NULL,      /* column */
  ALTER_DROP_NOT_NULL,     /* column */
  ALTER_DROP_EXPRESSION,   /* column: generated becomes plain; if_exists */
  ALTER_ADD_CONSTRAINT,    /* name, may be none; body: from CONSTRAINT or its first word on, without
                              NOT VALID: SQLite checks its rows at once */
  ALTER_DROP_CONSTRAINT,   /* name; if_exists; cascade */
  ALTER_RENAME_CONSTRAINT, /* name, to */
  ALTER_RENAME_COLUMN,     /* column, to */
  ALTER_RENAME_TABLE,      /* to */
  ALTER_NOTHING,           /* means nothing to SQLite and changes nothing: VALIDATE CONSTRAINT */
};

struct alter_action {
  enum alter_action_kind kind;
  struct sql_range whole; /* the action's own text, for errors */
  struct sql_range column, name, to, type, collate, using, body;
  bool if_exists, if_not_exists, cascade;
};

struct alter_table {
  struct sql_range table; /* as written, schema included */
  char *schema, *name;    /* without quotes, in the arena; schema NULL: none is written */
  bool if_exists;
  bool as_sqlite; /* one action, written without what only PostgreSQL has: where SQLite can do it,
                     it takes the statement as it is */
  struct alter_action *actions;
  size_t count;
};

/* 1: an ALTER TABLE that is understood. 0: not an ALTER TABLE. -1 ERR_MIGRATION with e->offset in
 * the statement for an ALTER TABLE whose actions SQLite has no way to follow (SET TABLESPACE, OWNER
 * TO, ATTACH PARTITION, …), with expressions that only PostgreSQL knows (x::type, now()), or that
 * is malformed. RENAME of a column, the table or a constraint is its statement's only action. */
int alter_parse(const char *sql, size_t len, struct arena *arena, struct alter_table *out,
                struct err *e);

#endif
