/* A statement that runs batch by batch (`batch=`), until it changes no row. Each batch is a
 * transaction that holds what the ledger says of it, so none is ever in doubt: after a crash, a
 * lost connection or a cancel it goes on with the next one. Used by journal.c only; on the walk's
 * thread.
 */
#ifndef MIGD_ENGINE_BACKFILL_H
#define MIGD_ENGINE_BACKFILL_H

#include "server/engine/journal.h"

/* Runs the section's statement, number `number` of its step, to its end, or goes on with it. Keeps
 * j->seq, j->now and w->ledger.partial true. */
int backfill_run(struct journal *j, const struct section *section, int64_t number, struct err *e);

#endif
