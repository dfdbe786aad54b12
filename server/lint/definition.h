/* What the text of a CREATE TABLE of SQLite promises: each constraint, in a form in which two
 * definitions can be compared. Private to the room; pure.
 */
#ifndef MIGD_LINT_DEFINITION_H
#define MIGD_LINT_DEFINITION_H

#include "server/lint/schema.h"

/* A promise, as text without quotes, comments and letters' case: `CHECK ( total >= 0 )`. */
struct promise {
  const char *text;
  const char *column; /* whose it is; "" of the table */
};

struct definition {
  const char **columns; /* names, in lower case */
  size_t column_count;
  struct promise *promises;
  size_t promise_count;
  bool autoincrement, strict, without_rowid;
  bool from_select; /* CREATE TABLE … AS: keeps no promise */
};

/* Of a table with what ALTER TABLE added to it. False for a text that is no such statement. */
bool definition_read(const struct object *table, struct arena *arena, struct definition *out);
bool definition_has_column(const struct definition *d, const char *column);
/* Whether a promise is about a column, or mentions it. */
bool definition_concerns(const struct promise *p, const char *column);
bool definition_promises(const struct definition *d, const struct promise *p);

#endif
