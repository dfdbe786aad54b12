/* Steps that run, in whole or in part, outside a transaction: each statement is written down before
 * and after, so that a crash leaves at most one whose effect is not known. Those that run batch by
 * batch leave none (backfill.h).
 */
#ifndef MIGD_ENGINE_JOURNAL_H
#define MIGD_ENGINE_JOURNAL_H

#include "server/engine/walk.h"

/* Where a step is that runs outside a transaction. For journal.c and backfill.c. */
struct journal {
  struct walk *w;
  const struct revision *r;
  unsigned index;
  struct ledger_partial from;    /* what an earlier try left; zeroes when there was none */
  struct ledger_partial now;     /* what the ledger says of it now */
  const struct orphans *orphans; /* those before; NULL: nobody looks for more */
  int64_t seq;                   /* the ledger's last entry */
};

/* Writes an entry about a statement. */
int journal_mark(struct journal *j, int64_t statement, enum ledger_mark what, int64_t started_at,
                 struct err *e);

/* A section with transaction=off or batch= runs in this direction on this dialect. */
bool journal_needed(const struct revision *r, enum direction direction, enum dialect dialect);
/* Does step `index`, or goes on with it where w->ledger.partial says. `seq`: the ledger's last
 * entry afterwards. ERR_IN_DOUBT when the statement that was cut off cannot be judged and w->doubt
 * does not say. */
int journal_step(struct walk *w, unsigned index, int64_t *seq, bool *resolved, struct err *e);

#endif
