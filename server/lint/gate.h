/* Waiting for the right to run a process. Private to the room; any thread. */
#ifndef MIGD_LINT_GATE_H
#define MIGD_LINT_GATE_H

#include "server/lint/lint.h"

/* Waits; -1 when the job is over before. `g` NULL: at once. */
int gate_enter(const struct lint_gate *g, const struct job *job, struct err *e);
void gate_leave(const struct lint_gate *g);

#endif
