/* What an ALTER TABLE does to columns and names, one action at a time, as its text says. For both
 * dialects. Private to the room; pure.
 */
#ifndef MIGD_LINT_ALTERATION_H
#define MIGD_LINT_ALTERATION_H

#include "server/lint/words.h"

/* Begin with zeros. */
struct alteration {
  enum {
    ALTERATION_OTHER,
    ALTERATION_ADD_COLUMN,
    ALTERATION_DROP_COLUMN,
    ALTERATION_RENAME_COLUMN,
    ALTERATION_RENAME_TABLE
  } verb;
  const char *table; /* as words_name() has it, and where it stands */
  size_t table_at;
  const char *what; /* the column, or the table's new name; NULL for ALTERATION_OTHER */
  size_t what_at;
  size_t from, end; /* the action's tokens */
};

/* The next action, of the statement's first one on; false: there is none. */
bool alteration_next(struct alteration *a, const struct words *w, struct arena *arena);

#endif
