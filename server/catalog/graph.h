/* The order of a graph of revisions, and its cycles. Private to the room. */
#ifndef MIGD_CATALOG_GRAPH_H
#define MIGD_CATALOG_GRAPH_H

#include <stddef.h>

#include "proto/base/arena.h"

enum { CYCLES_MAX = 20 }; /* more are not kept */

/* What each node stands on, never itself: node i's are to[first[i]] up to to[first[i + 1]]. */
struct edges {
  size_t *first; /* count + 1 */
  unsigned *to;
};

/* Nodes that stand on one another. */
struct cycle {
  unsigned *path; /* each stands on the next, the last on the first */
  size_t len;
};

struct graph_order {
  unsigned *order;      /* all nodes, what they stand on first */
  struct cycle *cycles; /* one of each knot of them */
  size_t cycle_count;
};

/* Visits the nodes in the order of `roots` (each node once), so that equal graphs have equal
 * orders. Linear; no recursion. */
void graph_sort(const struct edges *e, const unsigned *roots, size_t count, struct arena *arena,
                struct graph_order *out);

#endif
