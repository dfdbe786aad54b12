/* Reading libpg_query's tree, for the rules in rules/: names, the commands of ALTER TABLE, the
 * columns and constraints that a statement adds. Only its structs are read; nothing of the library
 * is called. Private to the room; pure.
 */
#ifndef MIGD_LINT_TREE_H
#define MIGD_LINT_TREE_H

#include "server/lint/rule.h"
#include "server/sql/lex.h"

/* A node as what it is, or NULL: NODE(n, DROP_STMT, drop_stmt). */
#define NODE(n, KIND, field)                                                                       \
  ((n) != NULL && (n)->node_case == PG_QUERY__NODE__NODE_##KIND ? (n)->field : NULL)
/* The statement itself as what it is, or NULL. */
#define STATEMENT(s, KIND, field) NODE((s)->tree, KIND, field)

/* A name as the scope keeps it: "schema.name" or "name". */
struct tree_name {
  char s[200];
};
struct tree_name tree_table(const PgQuery__RangeVar *r);
struct tree_name tree_path(size_t count, PgQuery__Node *const *names);
/* The last of a path's names; "" for none. */
const char *tree_last(size_t count, PgQuery__Node *const *names);
const char *tree_string(const PgQuery__Node *n); /* a String, a name or a constant; "" otherwise */
/* Whether the revision made the table itself: nobody else uses it yet. */
bool tree_is_new(const struct lint_statement *s, const PgQuery__RangeVar *r);
bool tree_is_temporary(const PgQuery__RangeVar *r);

/* The commands of an ALTER TABLE, of a table that the revision did not make:
 *   EACH_COMMAND(c, s) if (c.cmd->subtype == …) COMMAND_REPORT(c, self, "…"); */
struct tree_command {
  const PgQuery__AlterTableCmd *cmd; /* NULL: no more */
  struct tree_name table;
  /* private */
  const struct lint_statement *s;
  const PgQuery__AlterTableStmt *alter;
  size_t next, found;
  struct lexer lex;
  int offset;
  size_t len;
};
struct tree_command tree_first_command(const struct lint_statement *s);
void tree_next_command(struct tree_command *c);
void tree_find_command(struct tree_command *c); /* sets offset and len */
#define EACH_COMMAND(c, s)                                                                         \
  for (struct tree_command c = tree_first_command(s); c.cmd; tree_next_command(&c))
#define AT(subtype) PG_QUERY__ALTER_TABLE_TYPE__AT_##subtype
#define COMMAND_REPORT_AS(c, self, severity, ...)                                                  \
  do {                                                                                             \
    tree_find_command(&(c));                                                                       \
    rule_report_as((c).s, self, severity, (c).offset, (c).len, (c).table.s, __VA_ARGS__);          \
  } while (0)
#define COMMAND_REPORT(c, self, ...) COMMAND_REPORT_AS(c, self, (self)->page.severity, __VA_ARGS__)

/* The columns of a CREATE TABLE, and those that an ALTER TABLE adds. */
struct tree_column {
  const PgQuery__ColumnDef *def; /* NULL: no more */
  struct tree_name table;
  bool existing; /* the table was there before the revision */
  size_t next;
};
struct tree_column tree_first_column(const struct lint_statement *s);
void tree_next_column(const struct lint_statement *s, struct tree_column *c);
#define EACH_COLUMN(c, s)                                                                          \
  for (struct tree_column c = tree_first_column(s); c.def; tree_next_column(s, &c))

/* Their constraints, and those of the table. */
struct tree_constraint {
  const PgQuery__Constraint *is;    /* NULL: no more */
  const PgQuery__ColumnDef *column; /* written in its definition, or NULL */
  struct tree_name table;
  bool existing;
  size_t next, inner;
};
struct tree_constraint tree_first_constraint(const struct lint_statement *s);
void tree_next_constraint(const struct lint_statement *s, struct tree_constraint *c);
#define EACH_CONSTRAINT(c, s)                                                                      \
  for (struct tree_constraint c = tree_first_constraint(s); c.is; tree_next_constraint(s, &c))
#define CONSTRAINT(kind) PG_QUERY__CONSTR_TYPE__CONSTR_##kind
const PgQuery__Constraint *tree_column_constraint(const PgQuery__ColumnDef *def,
                                                  PgQuery__ConstrType kind);
/* The columns that it is about, as `a, b`. */
struct tree_name tree_constraint_columns(const struct tree_constraint *c);

/* Whether a word is one of a list with single spaces between them. */
bool tree_one_of(const char *word, const char *list);
/* A type's own name: "int4", "varchar", "serial"; "" for an array. */
const char *tree_type(const PgQuery__TypeName *t);
/* The word that starts at a location of the tree, at most as long as PostgreSQL's names are. */
struct tree_name tree_word_at(const struct lint_statement *s, int location);

/* Every node below a message (a node, a statement) and itself; `visit` answers false to stop. */
bool tree_walk(const void *message, bool (*visit)(void *ctx, const PgQuery__Node *n), void *ctx);
/* The first function called in an expression that PostgreSQL does not compute once for all rows: a
 * VOLATILE one, or one that is not known to be otherwise. NULL: there is none. */
const PgQuery__FuncCall *tree_volatile(const PgQuery__Node *expression, bool *known);
/* An UPDATE or DELETE whose WHERE picks rows by constants: `id = 7`, `id IN (7, 8)`. */
bool tree_one_row(const struct lint_statement *s);
/* An UPDATE or DELETE that takes so many rows and no more: there is a LIMIT in its WHERE. */
bool tree_limited(const struct lint_statement *s);
/* Whether an option of a list `(FULL, CONCURRENTLY off)` is there and not switched off. */
bool tree_option(size_t count, PgQuery__Node *const *options, const char *name);

#endif
