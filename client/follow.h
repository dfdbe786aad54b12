/* Following a run to its end: its events as lines, a bar, or JSON. What happens to the follower
 * changes nothing about the run; it reconnects and goes on with the next event.
 */
#ifndef MIGD_CLIENT_FOLLOW_H
#define MIGD_CLIENT_FOLLOW_H

#include "client/session.h"

/* Answers the exit code that the run's outcome stands for, or -1. `verb` is for the bar. */
int follow_run(struct session *s, const char *run, const char *verb, struct err *e);

#endif
