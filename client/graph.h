/* Revisions in the words in which Alembic prints them, so that its users read them at once. */
#ifndef MIGD_CLIENT_GRAPH_H
#define MIGD_CLIENT_GRAPH_H

#include "client/session.h"
#include "migd/v1/catalogs.pb-c.h"

enum graph_parts {
  GRAPH_PARENTS = 1, /* `parents (dependencies) -> ` in front */
  GRAPH_LABELS = 2,
  GRAPH_TREE = 4, /* (branchpoint) (mergepoint) */
  GRAPH_MESSAGE = 8,
};

/* `parents -> id (labels) (head) (current) (branchpoint) (mergepoint), message`, without an end of
 * the line. */
void graph_line(struct session *s, struct buf *out, const Migd__V1__Revision *r, unsigned parts);
/* Many lines. */
void graph_entry(struct session *s, struct buf *out, const Migd__V1__Revision *r);

#endif
