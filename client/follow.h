/* Following a run to its end: its events as lines, a bar, or JSON. What happens to the follower
 * changes nothing about the run; it reconnects and goes on with the next event.
 */
#ifndef MIGD_CLIENT_FOLLOW_H
#define MIGD_CLIENT_FOLLOW_H

#include "client/session.h"

struct following {
  const char *run;
  const char *verb;  /* for the bar */
  uint64_t from_seq; /* 1: from the beginning */
  uint32_t tasks;    /* where the beginning is left out: the number of its tasks */
};

/* Answers the exit code that the run's outcome stands for, or -1. */
int follow_run(struct session *s, const struct following *what, struct err *e);

#endif
