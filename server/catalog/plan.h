/* Plans: from the rows of a ledger and what was asked to the steps in order. Pure;
 * alembic.md 4.2, 4.3. */
#ifndef MIGD_CATALOG_PLAN_H
#define MIGD_CATALOG_PLAN_H

#include "server/catalog/catalog.h"

enum operation { OP_UPGRADE = 1, OP_DOWNGRADE = 2, OP_STAMP = 3 }; /* of migd.v1.Operation */

/* How the rows of migd_revision change with a step: `remove` rows go, `insert` rows come; where one
 * goes and one comes it is an update. Each must hit exactly one row. */
struct plan_step {
  unsigned revision; /* index in the catalog; for a stamp the first of what comes or goes */
  enum direction direction;
  const char **remove, **insert;
  size_t remove_count, insert_count;
};

struct plan {
  struct plan_step *steps; /* in the arena */
  size_t count;
  const char **after; /* the rows afterwards */
  size_t after_count;
  const char *goal; /* what was asked, as an identifier that does not count from the rows, so that
                     * going on later leads to the same; NULL for a stamp */
};

struct plan_request {
  enum operation operation;
  enum dialect dialect;         /* for reversibility */
  const char *const *revisions; /* as typed: one for upgrade and downgrade, one or more for stamp */
  size_t revision_count;
  bool purge; /* stamp: start from no rows, unknown ones included */
};

/* `rows`: what migd_revision holds, unknown ids included. ERR_REFUSED for an unknown id in the
 * ledger (naming it and `stamp --purge`), an irreversible revision on the way down, a destination
 * that is not below; ERR_INPUT, ERR_NOT_FOUND from identifiers. Nothing to do is a plan of no
 * steps. */
int plan_make(const struct catalog *c, const struct plan_request *request, const char *const *rows,
              size_t row_count, struct arena *arena, struct plan *out, struct err *e);
/* What is applied without a row, as a row's revision depends on it, and is the last of its branch
 * that is: no applied revision follows it. Unknown rows are ignored. */
void plan_implied(const struct catalog *c, const char *const *rows, size_t row_count,
                  struct arena *arena, struct revision_set *out);
/* The number of revisions that `upgrade heads` would apply; unknown rows are ignored and counted in
 * *unknown (may be NULL). */
size_t plan_behind(const struct catalog *c, const char *const *rows, size_t row_count,
                   size_t *unknown);

#endif
