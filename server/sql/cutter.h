/* The position in a CREATE TABLE that is cut, shared by what reads columns (table.c) and what reads
 * constraints (cutter.c). Not for others; they have table.h.
 */
#ifndef MIGD_SQL_CUTTER_H
#define MIGD_SQL_CUTTER_H

#include "server/sql/table.h"
#include "server/sql/tokens.h"

struct cutter {
  struct tokens t;
  size_t i;  /* the next token */
  size_t at; /* the first byte that is in no slice yet */
  struct arena *arena;
  struct err *e;
};

/* "WHAT, not `token i`"; returns -1. */
int cutter_fail(struct cutter *c, size_t i, const char *what);
bool cutter_is(const struct cutter *c, const char *keyword);
/* Whether the next token is this; then it is taken. */
bool cutter_take(struct cutter *c, const char *keyword);
bool cutter_char(struct cutter *c, char mark);
struct slice cutter_between(const struct cutter *c, size_t start, size_t end);
/* From the first byte that is in no slice to the next token. */
struct slice cutter_lead(struct cutter *c);
/* What was taken since the last cut. */
struct slice cutter_text(struct cutter *c);
/* `(` … `)`; `inside`, when not NULL, is what is between. */
int cutter_parens(struct cutter *c, struct slice *inside);
/* `(10)`, `(10, -2)`: what may stand behind a type. The next token is the parenthesis. */
int cutter_sizes(struct cutter *c);
/* `name` may be NULL. */
int cutter_name(struct cutter *c, char **name);
bool cutter_at_column_constraint(const struct cutter *c);
bool cutter_at_table_constraint(const struct cutter *c);
/* With its name; the lead is cut already. */
int cutter_constraint(struct cutter *c, bool of_column, struct table_constraint *out);

#endif
