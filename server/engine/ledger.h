/* The ledger: the two tables in a target that say what is applied. `migd_revision` holds the
 * current heads, a row each, exactly as Alembic's table would; `migd_ledger` is the history, and
 * what proves after a crash or a lost connection whether a step of a run is applied. A third,
 * `migd_backfill`, is made where a statement runs batch by batch: how far it came.
 */
#ifndef MIGD_ENGINE_LEDGER_H
#define MIGD_ENGINE_LEDGER_H

#include "proto/base/buf.h"
#include "server/catalog/plan.h"
#include "server/db/db.h"

/* The names of its tables, ended by NULL. */
extern const char *const ledger_tables[];

/* What a ledger holds. In the arena. */
struct ledger_state {
  bool exists;
  bool empty_database; /* no ledger, and no table of anybody's either */
  const char **rows;
  size_t row_count;
  int64_t last_seq;     /* of the last entry; 0: none. The next entry must get last_seq + 1. */
  const char *store_id; /* of the last entry; NULL when there is none */
  int64_t epoch;        /* of the last entry */
  /* A step that runs outside a transaction and has not ended; revision NULL when there is none. */
  struct ledger_partial {
    const char *revision;
    enum direction direction;
    const char *checksum;
    int64_t done;        /* statements 1 to `done` have ended */
    int64_t doubt;       /* this one began and has no end; 0: none */
    int64_t failed;      /* this one ended in an error; 0: none */
    int64_t batch;       /* this one runs batch by batch and has no end; 0: none */
    int64_t batch_entry; /* the number of the entry that says so, the last one */
  } partial;
};

/* What an entry says of a statement outside a transaction; a whole step is always done. A statement
 * that runs batch by batch gets LEDGER_BATCH from each run, with its first batch, and is never in
 * doubt. */
enum ledger_mark { LEDGER_DONE, LEDGER_STARTED, LEDGER_FAILED, LEDGER_BATCH };

/* What migd_backfill says beside an entry with LEDGER_BATCH. */
struct ledger_batches {
  int64_t batches, rows; /* done, also by earlier runs, and changed by them */
  int64_t orphans;       /* SQLite: rows without their parent, before the first batch */
};

/* Who writes, and for what. */
struct ledger_entry {
  const char *revision;
  enum direction direction;
  const char *checksum;
  const char *store_id, *principal;
  int64_t run, epoch;
  unsigned step;     /* 1-based in its task since the epoch */
  int64_t statement; /* 0: the whole step; else this statement of it, counted from 1 over the
                        sections that run on the target's dialect */
  enum ledger_mark mark;
  int64_t started_at; /* wall, microseconds */
  int64_t duration_us;
  /* For a script: number, epoch and time are the database's own to find when it runs. */
  bool offline;
};

int ledger_read(struct db *db, struct arena *arena, struct ledger_state *out, const struct job *job,
                struct err *e);
/* Makes both tables; inside the caller's transaction. Does nothing where they are. */
int ledger_create(struct db *db, const struct job *job, struct err *e);
/* Changes migd_revision as the step says; a row that is not hit exactly once is ERR_CONFLICT. */
int ledger_change(struct db *db, const struct plan_step *step, const struct job *job,
                  struct err *e);
/* Empties migd_revision (stamp --purge). */
int ledger_purge(struct db *db, const struct job *job, struct err *e);
/* Writes the entry as number *last_seq + 1 and counts *last_seq up: an entry that somebody else
 * wrote in between makes it fail with ERR_CONFLICT. */
int ledger_append(struct db *db, const struct ledger_entry *entry, int64_t *last_seq,
                  const struct job *job, struct err *e);
/* The number of the last entry is `entry`, one with LEDGER_BATCH. In the batch's transaction, also
 * where the table must be made. `offline`: the entry is the last one there will be. */
int ledger_batch_begin(struct db *db, int64_t entry, const struct ledger_batches *counts,
                       bool offline, const struct job *job, struct err *e);
int ledger_batch_read(struct db *db, int64_t entry, struct ledger_batches *out,
                      const struct job *job, struct err *e);
/* A batch more, in its transaction: from `before` to `after`. ERR_CONFLICT when it is not `before`
 * that is there. */
int ledger_batch_add(struct db *db, int64_t entry, const struct ledger_batches *before,
                     const struct ledger_batches *after, const struct job *job, struct err *e);
/* For a script: a statement that counts a batch of `rows`, an expression, beside the last entry. */
void ledger_add_batch(struct buf *out, const char *rows);
/* 1 when the history holds the finished step (run, epoch, step), 0 when not, -1 failed. */
int ledger_has_step(struct db *db, int64_t run, int64_t epoch, unsigned step, const struct job *job,
                    struct err *e);

/* Expressions for scripts, which begin on their own at a database that was not looked at. */

/* True where a ledger is, or nothing at all; `schema` as of struct db. */
void ledger_add_fresh(struct buf *out, enum dialect dialect, const char *schema);
/* True where the ledger holds exactly these rows, no step is applied in part, and this store wrote
 * it last, if anybody did. */
void ledger_add_at(struct buf *out, const char *const *rows, size_t count, const char *store_id);

#endif
