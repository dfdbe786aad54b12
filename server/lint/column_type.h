/* The types of columns, as the text of a catalog's revisions gives them on PostgreSQL: what a
 * column is before a statement changes it, and whether the change leaves its bytes as they are.
 * Private to the room; pure.
 */
#ifndef MIGD_LINT_COLUMN_TYPE_H
#define MIGD_LINT_COLUMN_TYPE_H

#include "server/lint/unit.h"
#include "server/lint/words.h"

struct column_type {
  const char *name; /* "varchar", "numeric", "timestamptz"; in lower case, without a schema */
  unsigned long of[2];
  size_t of_count; /* varchar(20): 1; numeric(10, 2): 2 */
};

/* The type at `*i`, and moves behind it. False for an array, and for what is none. */
bool column_type_read(const struct words *w, size_t *i, struct arena *arena,
                      struct column_type *out);
/* What the column is before statement `index` of the unit runs: by the last statement in the
 * unit or in earlier revisions that says it, whatever its name and its table's were then. False
 * when none does, and when more would have to be read than a run may cost. */
bool column_type_before(const struct lint_unit *u, size_t index, const char *table,
                        const char *column, struct arena *arena, struct column_type *out);
/* Whether PostgreSQL 12 and later change the one to the other without writing the table anew.
 * `utc`: the session's time zone is UTC. */
bool column_type_keeps_bytes(const struct column_type *from, const struct column_type *to,
                             bool utc);

#endif
