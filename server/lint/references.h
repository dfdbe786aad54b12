/* Which columns of a table point to other tables, and which have an index to begin with, as the
 * text of a statement says. For both dialects. Private to the room; pure.
 */
#ifndef MIGD_LINT_REFERENCES_H
#define MIGD_LINT_REFERENCES_H

#include "server/lint/words.h"

enum { REFERENCES_MAX = 200 }; /* of a statement; further ones are not kept */

/* Names are in the arena. */
struct references {
  struct arena *arena;
  struct words words; /* of the statement */
  const char *table;
  const char *pointing[REFERENCES_MAX], *indexed[REFERENCES_MAX];
  size_t places[REFERENCES_MAX]; /* of `pointing`, in the statement */
  size_t pointing_count, indexed_count;
};

/* Reads r->words: a CREATE TABLE, or columns that an ALTER TABLE adds. False: it is neither. */
bool references_read(struct references *r);
/* Another statement that may make an index of the table. */
void references_add_index(struct references *r, const char *sql, size_t len);
bool references_has_index(const struct references *r, const char *column);

#endif
