/* The ledger: the two tables in a target that say what is applied. `migd_revision` holds the current
 * heads, a row each, exactly as Alembic's table would; `migd_ledger` is the history, and what proves after
 * a crash or a lost connection whether a step of a run is applied.
 */
#ifndef MIGD_ENGINE_LEDGER_H
#define MIGD_ENGINE_LEDGER_H

#include "server/catalog/plan.h"
#include "server/db/db.h"

/* What a ledger holds. In the arena. */
struct ledger_state {
  bool exists;
  bool empty_database; /* no ledger, and no table of anybody's either */
  const char **rows;
  size_t row_count;
  const char *store_id; /* of the last entry; NULL when there is none */
  int64_t epoch;        /* of the last entry */
  /* A statement outside a transaction that began and has no end: NULL revision when there is none. */
  struct {
    const char *revision;
    enum direction direction;
    int64_t statement; /* 1-based, counted over the revision's sections for the dialect */
    const char *checksum;
  } doubt;
};

/* Who writes, and for what. */
struct ledger_entry {
  const char *revision;
  enum direction direction;
  const char *checksum;
  const char *store_id, *principal;
  int64_t run, epoch;
  unsigned step;     /* 1-based in its task since the epoch */
  int64_t statement; /* 0: the whole step; else a statement outside a transaction */
  bool finished;     /* of a statement: it ended */
  int64_t started_at, duration_us;
};

int ledger_read(struct db *db, struct arena *arena, struct ledger_state *out,
                const struct job *job, struct err *e);
/* Makes both tables; inside the caller's transaction. Does nothing where they are. */
int ledger_create(struct db *db, const struct job *job, struct err *e);
/* Changes migd_revision as the step says; a row that is not hit exactly once is ERR_CONFLICT. */
int ledger_change(struct db *db, const struct plan_step *step, const struct job *job,
                  struct err *e);
/* Empties migd_revision (stamp --purge). */
int ledger_purge(struct db *db, const struct job *job, struct err *e);
int ledger_append(struct db *db, const struct ledger_entry *entry, const struct job *job,
                  struct err *e);
/* 1 when the history holds the finished step (run, epoch, step), 0 when not, -1 failed. */
int ledger_has_step(struct db *db, int64_t run, int64_t epoch, unsigned step,
                    const struct job *job, struct err *e);

#endif
