/* What can be said of a plan's statements before the first of them runs: whether they have the
 * values that they need, and leave the ledger alone. Thread: the walk's worker.
 */
#ifndef MIGD_ENGINE_PLAN_CHECK_H
#define MIGD_ENGINE_PLAN_CHECK_H

#include "server/engine/walk.h"

/* All variables without a value are
 * told in one error: it has the place of the first, in its detail those of all, and in its hint
 * what gives them values. */
int plan_check(const struct walk *w, struct err *e);

#endif
