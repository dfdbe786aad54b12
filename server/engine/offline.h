/* Offline SQL: a plan applied to nobody, as a script that does to a database, run by psql or the
 * sqlite3 shell, what migd would have done: the same statements, the same transactions, the same
 * ledger. Knows no store and no network; any thread.
 */
#ifndef MIGD_ENGINE_OFFLINE_H
#define MIGD_ENGINE_OFFLINE_H

#include "server/engine/walk.h"

struct offline_request {
  enum operation operation;
  enum dialect dialect;
  const char *from;             /* where the database is: an identifier; "" or NULL: base */
  const char *const *revisions; /* where it shall be */
  size_t revision_count;
  bool single_transaction;
  struct variables
      variables; /* borrowed; a secret one without a value is refused where it is used */
  /* PostgreSQL; 0: 5 s, none, and 60 s */
  int64_t lock_timeout_ms, statement_timeout_ms, idle_timeout_ms;
  const char *catalog; /* its name, for the first line */
  const char *store_id, *principal;
  const struct db_url *url; /* the target's: a script for its schemas; NULL: for any database */
};

/* Appends the script to `out`. Kinds as plan_make()'s. */
int offline_script(const struct catalog *c, const struct offline_request *request,
                   const struct job *job, struct buf *out, struct err *e);

#endif
