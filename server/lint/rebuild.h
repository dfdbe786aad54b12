/* A table of SQLite that a revision makes anew by hand: CREATE a new one, copy, DROP the old one,
 * RENAME the new one to its name; or, which is worse, the old one renamed out of the way first. For
 * the rules about what gets lost on that way. Private to the room; pure.
 */
#ifndef MIGD_LINT_REBUILD_H
#define MIGD_LINT_REBUILD_H

#include "server/lint/definition.h"
#include "server/lint/rule.h"

struct rebuild {
  const char *table;      /* its name before and after */
  const char *old, *made; /* the names of the two tables while both are there */
  size_t create;          /* the statement that makes the new one */
  size_t drop;            /* the one that drops the old one: where findings stand */
  bool renamed_old;       /* the old one was renamed out of the way */
};

/* Whether a statement drops the old table of a rebuild. */
bool rebuild_ends(const struct lint_statement *s, struct arena *arena, struct rebuild *out);
/* What the old table was, before the revision, and what the new one is. False when either is not
 * known. */
bool rebuild_definitions(const struct lint_statement *s, const struct rebuild *r,
                         struct arena *arena, struct definition *old, struct definition *made);
/* The index or trigger of the old table that goes with it and is not made again, after `*from`;
 * NULL: no more of them. */
const struct object *rebuild_lost(const struct lint_statement *s, const struct rebuild *r,
                                  enum object_kind kind, struct arena *arena, size_t *from);

#endif
