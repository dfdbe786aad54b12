/* The fleet in one screen: counts by state, then the targets that somebody should look at, those
 * that are alike in one line when there are many. Pure but for the session's arena.
 */
#ifndef MIGD_CLIENT_FLEET_H
#define MIGD_CLIENT_FLEET_H

#include "client/session.h"
#include "migd/v1/targets.pb-c.h"
#include "proto/base/buf.h"

struct fleet_view {
  bool all;     /* every target in a line of its own */
  size_t lines; /* at most so many lines of the table; 0: any */
  size_t width; /* of the terminal; 0: any */
  int64_t now;  /* ns since 1970 */
};

/* All that are at head, none with a problem. */
bool fleet_at_head(const Migd__V1__ListTargetsResponse *fleet);
/* "1,000 targets: 12 behind, 988 at head" */
void fleet_summary(struct session *s, struct buf *out, const Migd__V1__ListTargetsResponse *fleet);
void fleet_table(struct session *s, struct buf *out, const Migd__V1__ListTargetsResponse *fleet,
                 const struct fleet_view *view);

#endif
