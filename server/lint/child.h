/* migd-lint as the server sees it: a process that may die, hang, lie or not be there, and nothing
 * of that is an error here. Private to the room. Thread: the one that started it.
 */
#ifndef MIGD_LINT_CHILD_H
#define MIGD_LINT_CHILD_H

#include <sys/types.h>

#include "server/lint/answers.h"

struct child {
  pid_t pid;  /* 0: none runs */
  int fd;     /* our end of the socket */
  size_t fed; /* bytes of SQL that it was asked about */
};

enum child_end {
  CHILD_ANSWERED,
  CHILD_FAILED,    /* `why` says how; the process is gone */
  CHILD_CANCELLED, /* `e` is set; the process is gone */
};

/* Starts the program and hears its greeting. CHILD_ANSWERED: it runs. */
enum child_end child_start(struct child *c, const struct lint_options *o, const struct job *job,
                           char why[200], struct err *e);
/* Asks about a unit. Statements whose `skip` is set are not parsed. What was answered before a
 * failure is in `a`: a->done is the statement that was in hand. */
enum child_end child_ask(struct child *c, const struct lint_options *o, const bool *skip,
                         struct answers *a, const struct job *job, char why[200], struct err *e);
/* Ends the process, if one runs, and waits for its end. */
void child_stop(struct child *c);

#endif
