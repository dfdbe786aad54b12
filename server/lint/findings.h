/* What is found, placed in its files: a list that grows, and is put in order at the end. Private to
 * the room. */
#ifndef MIGD_LINT_FINDINGS_H
#define MIGD_LINT_FINDINGS_H

#include "server/lint/frame.h"
#include "server/lint/ignore.h"

enum { FINDINGS_MAX = 20000 }; /* of a run; further ones are not told */

struct findings {
  struct arena *arena;
  struct lint_finding *items;
  size_t count, capacity;
  bool more; /* than FINDINGS_MAX */
};

/* What was found in a statement of a unit; what the revision ignores is marked so, and the ignore
 * as used. */
void findings_add(struct findings *f, const struct lint_unit *u, size_t statement,
                  const struct found *found, struct ignores *ignores);
/* What is to be said of the ignores themselves, when all else of their revision is found. `units`
 * are those of the revision: what was not asked there cannot make an ignore a useless one. */
void findings_add_ignores(struct findings *f, const struct catalog *c, unsigned revision,
                          const struct ignores *ignores, const struct lint_unit *units,
                          size_t unit_count);
/* Orders what stands behind the first `from` by place, and makes one of what both dialects found.
 */
void findings_order(struct findings *f, size_t from);

#endif
