/* Branch labels as Alembic spreads them: to all that stands on the revision that declares one, and
 * to what it stands on, down to the nearest branch point or merge. Pure.
 */
#ifndef MIGD_CATALOG_LABELS_H
#define MIGD_CATALOG_LABELS_H

#include "server/catalog/catalog.h"

enum { LABELS_SHOWN = 32 }; /* of one revision; further ones are left out */

struct label_list {
  const char *const *items; /* its own first */
  size_t count;
};

/* The labels of every revision, by revision; in the arena. For people: whether a revision is of a
 * branch is asked of the graph. */
const struct label_list *labels_spread(const struct catalog *c, struct arena *arena);

#endif
