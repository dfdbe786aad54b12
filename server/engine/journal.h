/* Steps that run, in whole or in part, outside a transaction: each statement is written down before
 * and after, so that a crash leaves at most one whose effect is not known.
 */
#ifndef MIGD_ENGINE_JOURNAL_H
#define MIGD_ENGINE_JOURNAL_H

#include "server/engine/walk.h"

/* A section with transaction=off runs in this direction on this dialect. */
bool journal_needed(const struct revision *r, enum direction direction, enum dialect dialect);
/* Does step `index`, or goes on with it where w->ledger.partial says. `seq`: the ledger's last
 * entry afterwards. ERR_IN_DOUBT when the statement that was cut off cannot be judged and w->doubt
 * does not say. */
int journal_step(struct walk *w, unsigned index, int64_t *seq, bool *resolved, struct err *e);

#endif
