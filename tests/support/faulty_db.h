/* A driver around a driver that loses its connection at the N-th statement, before or after that
 * took effect: everything on that connection fails from then on. For tests that try every N.
 */
#ifndef MIGD_TESTS_FAULTY_DB_H
#define MIGD_TESTS_FAULTY_DB_H

#include "server/db/db.h"

enum fault {
  FAULT_BEFORE, /* the statement never reached the database */
  FAULT_AFTER,  /* it did, but its answer was lost */
};

/* One at a time; not for threads. `at` counts statements over all connections, from 1; 0: none. */
void faulty_arm(unsigned at, enum fault fault);
/* Statements since it was armed. */
unsigned faulty_count(void);
/* As db_open. */
int faulty_open(struct db **out, const struct db_options *options, const struct job *job,
                struct err *e);

#endif
