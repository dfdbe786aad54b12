/* Runs, their tasks and their events. */
#ifndef MIGD_STORE_RUN_H
#define MIGD_STORE_RUN_H

#include "server/db/db.h"

/* Numbers of migd.v1.RunState and TaskState. */
enum run_state { RUN_RUNNING = 1, RUN_SUCCEEDED, RUN_FAILED, RUN_CANCELLED, RUN_INTERRUPTED };
enum task_state {
  TASK_QUEUED = 1,
  TASK_WAITING,
  TASK_RUNNING,
  TASK_SUCCEEDED,
  TASK_FAILED,
  TASK_CANCELLED,
  TASK_INTERRUPTED,
  TASK_IN_DOUBT
};

/* What was asked, as it is stored; `packed_request` is the migd.v1.StartRunRequest. */
struct run {
  int64_t id;
  const char *request_id; /* "" for none */
  const char *principal;
  const void *packed_request;
  size_t packed_request_len;
  enum run_state state;
  int64_t created_at, finished_at; /* wall, microseconds; 0: not finished */
  uint64_t next_seq;
  unsigned total, open, succeeded, failed, cancelled, interrupted; /* tasks */
};

struct task {
  int64_t run, target; /* ids */
  const char *target_name;
  const char *catalog, *digest; /* the version of the catalog that it runs */
  int64_t epoch;                /* the target's, as of this task's last start */
  enum task_state state;
  unsigned steps_done, steps_total;
  const char *goal; /* where a relative request (`+2`) leads to, once planned, so that resuming goes
                       there and not further; "" until then. task_update writes it. */
  const char **current;
  size_t current_count;
  const void *error; /* packed migd.v1.Error or NULL */
  size_t error_len;
  int64_t started_at, finished_at;
};

/* All below: reading with a reader, writing inside store_write; pointers in the arena. */

/* Inserts the run (created now where created_at is 0) and a queued task for each target (its
 * catalog's current digest is pinned). The same request_id of the same principal with the same
 * packed request answers the run that exists, *existed true; with another request ERR_EXISTS. No
 * targets are ERR_INPUT. */
int run_insert(struct db *db, const struct run *run, const int64_t *targets, size_t count,
               int64_t *id, bool *existed, struct err *e);
int run_get(struct db *db, int64_t id, struct arena *arena, struct run *out, struct err *e);
/* Newest first; `target_name` "" for any; `unfinished`: those whose finished_at is 0. */
int run_list(struct db *db, const char *target_name, bool unfinished, unsigned limit,
             struct arena *arena, struct run **out, size_t *count, struct err *e);
int run_set_state(struct db *db, int64_t id, enum run_state state, int64_t finished_at,
                  struct err *e);
/* Tasks of a run by target name, or (run 0) of every run, whose state is in `states` (a set of
 * 1 << enum task_state; 0: any). */
int task_list(struct db *db, int64_t run, unsigned states, struct arena *arena, struct task **out,
              size_t *count, struct err *e);
int task_get(struct db *db, int64_t run, int64_t target, struct arena *arena, struct task *out,
             struct err *e);
/* Writes state, steps, current, error, epoch and times of a task; in a final state also what the
 * target shows as its last task, and its `current` with seen_at when current is not NULL. */
int task_update(struct db *db, const struct task *task, struct err *e);
/* Adds one to the target's epoch and answers it. */
int target_next_epoch(struct db *db, int64_t target, int64_t *epoch, struct err *e);

/* Events from `from_seq` on, in order, at most `limit` and about 256 KiB; each is the packed
 * RunEvent with its seq. `each` returns -1 to stop. */
int event_replay(struct db *db, int64_t run, uint64_t from_seq, unsigned limit,
                 int (*each)(void *ctx, uint64_t seq, const void *packed, size_t len), void *ctx,
                 struct err *e);
/* Appends an event inside a write that also changes state (the asynchronous way is
 * store_post_event). It takes the place of the run's event with the same `latest`, where that is
 * not NULL. Answers its seq when `seq` is not NULL. */
int event_append(struct db *db, int64_t run, const char *latest, const void *packed, size_t len,
                 uint64_t *seq, struct err *e);

#endif
