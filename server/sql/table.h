/* A CREATE TABLE of SQLite, as sqlite_schema stores it, cut into its elements so that one can be
 * changed and every other byte stays: comments, white space, quotes of all kinds. Every byte of the
 * text belongs to exactly one slice; printing them in order gives the text back. Slices point into
 * the texts they were cut from; structs and names are in the caller's arena. Pure, linear.
 */
#ifndef MIGD_SQL_TABLE_H
#define MIGD_SQL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"

struct slice {
  const char *s;
  size_t len;
};

enum constraint_kind {
  CONSTRAINT_NAME, /* `CONSTRAINT n` with nothing behind it, which SQLite allows */
  CONSTRAINT_PRIMARY_KEY,
  CONSTRAINT_NOT_NULL,
  CONSTRAINT_NULL, /* `NULL`, which says nothing */
  CONSTRAINT_UNIQUE,
  CONSTRAINT_CHECK,
  CONSTRAINT_DEFAULT,
  CONSTRAINT_COLLATE,
  CONSTRAINT_FOREIGN_KEY,
  CONSTRAINT_GENERATED,
  CONSTRAINT_DEFERRABLE, /* alone, without a foreign key before it: says nothing */
};

struct table_constraint {
  enum constraint_kind kind;
  struct slice lead; /* in a column: what stands before it */
  struct slice text; /* with CONSTRAINT and its name */
  char *name;        /* NULL: none */
  struct slice body; /* without them */
  struct slice expr; /* CHECK and GENERATED: between the parentheses; DEFAULT: the value as written;
                        COLLATE: the collation's name */
  char **columns;    /* PRIMARY KEY, UNIQUE, FOREIGN KEY of a table */
  size_t column_count;
  char *parent; /* FOREIGN KEY */
  char **parent_columns;
  size_t parent_count; /* 0: the parent's primary key */
  bool autoincrement, descending;
};

struct table_column {
  char *name;
  struct slice written; /* the name, with quotes */
  struct slice type_lead, type;
  struct table_constraint **constraints;
  size_t count, cap;
  struct column_fill *fill; /* the planner's own: what its copy takes (rebuild_state.h) */
};

struct table_element {
  struct slice lead, trail;    /* before it, behind its comma; behind it, before the next comma */
  bool comma;                  /* before the lead; never before the first */
  struct table_column *column; /* NULL: */
  struct table_constraint *constraint; /* a constraint of the table */
};

struct table {
  char *name;
  struct slice head, written, open, tail; /* CREATE TABLE, its name, to the `(`, from the `)` on */
  struct table_element **elements;
  size_t count, cap;
  bool without_rowid, strict;
};

/* 1: cut. 0: a virtual table. -1: ERR_MIGRATION with the offset in the text, for what SQLite would
 * not take either. */
int table_cut(const char *sql, size_t len, struct arena *arena, struct table *out, struct err *e);
/* One column's definition, or one constraint of a table, and nothing else. As table_cut. */
int table_cut_column(const char *sql, size_t len, struct arena *arena, struct table_column *out,
                     struct err *e);
int table_cut_constraint(const char *sql, size_t len, struct arena *arena,
                         struct table_constraint *out, struct err *e);

/* Appends the text; with `written` for its name where that is not NULL. */
void table_print(const struct table *t, const char *written, struct buf *out);

/* Edits, table_edit.c. Comments that belong to what goes, by their line, go with it. */
struct table_element *table_add_column(struct table *t, struct table_column *c,
                                       struct arena *arena);
struct table_element *table_add_constraint(struct table *t, struct table_constraint *c,
                                           struct arena *arena);
/* Whether a comment stands before the element, behind it or before the next one. */
bool table_commented(const struct table *t, const struct table_element *element);
void table_remove(struct table *t, struct table_element *element, struct arena *arena);
/* Puts it right behind the column's type. */
void column_add_constraint(struct table_column *c, struct table_constraint *constraint,
                           struct arena *arena);
void column_remove(struct table_column *c, struct table_constraint *constraint,
                   struct arena *arena);
void column_set_type(struct table_column *c, struct slice type);
/* `CONSTRAINT name` before it, in place of the name that it has. */
void constraint_set_name(struct table_constraint *c, const char *name, struct arena *arena);

/* As SQLite compares names: capitals of ASCII are small letters. */
bool same_name(const char *a, const char *b);
/* NULL when there is none. */
struct table_column *table_column_of(const struct table *t, const char *name);
/* The last of its kind, which is the one that counts, or NULL. */
struct table_constraint *column_constraint(const struct table_column *c, enum constraint_kind kind);
/* Whether the text, an expression, names the column. */
bool sql_mentions(struct slice text, const char *column);
struct slice slice_of(const char *s);

#endif
