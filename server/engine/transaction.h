/* A transaction of a target, from begin to a commit whose outcome is known. Used by apply.c,
 * journal.c and backfill.c.
 */
#ifndef MIGD_ENGINE_TRANSACTION_H
#define MIGD_ENGINE_TRANSACTION_H

#include "server/engine/walk.h"

int tx_begin(struct walk *w, struct err *e);
/* Never fails; does nothing where no transaction is open. */
void tx_rollback(struct walk *w);
/* After a lost connection: opens the target again, takes its lock (so the old session is gone) and
 * reads its ledger. */
int tx_reopen(struct walk *w, struct err *e);
/* Commits what holds the ledger entry of `step` (1-based). 0: committed; *resolved is set when that
 * is known from the ledger only (the walk then has a new connection and has read its ledger again).
 * -1: not committed, or nobody can say now: `e` tells which. */
int tx_commit(struct walk *w, unsigned step, bool *resolved, struct err *e);
/* The ledger entry of a whole step that ends now. */
struct ledger_entry step_entry(const struct walk *w, unsigned index, int64_t started_at);

#endif
