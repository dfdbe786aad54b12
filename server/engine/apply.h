/* Applying a plan: the steps, their transactions, their ledger rows, and what is done when the
 * answer of a COMMIT is lost. Used by the walk's last stage only.
 */
#ifndef MIGD_ENGINE_APPLY_H
#define MIGD_ENGINE_APPLY_H

#include "server/engine/walk.h"

/* Applies w->plan; keeps w->ledger and w->steps_done true, also on failure. */
int apply_plan(struct walk *w, struct err *e);
/* Runs once(w, ctx), and again where a lock inside the target could not be had in time. */
int with_lock_tries(struct walk *w, int (*once)(struct walk *w, void *ctx, struct err *e),
                    void *ctx, bool whole, struct err *e);
/* Opens the target, again where it was open. */
int walk_open(struct walk *w, struct err *e);
/* Takes the target's own lock, trying for `wait_ns`. */
int walk_lock(struct walk *w, int64_t wait_ns, struct err *e);

#endif
