/* What the engine's own files share: the engine itself, tasks in memory, catalogs in memory,
 * events. Nobody outside of engine.c, schedule.c, task.c, settle.c, look.c, cache.c, event.c
 * includes this.
 */
#ifndef MIGD_ENGINE_STATE_H
#define MIGD_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "migd/v1/runs.pb-c.h"
#include "server/engine/engine.h"
#include "server/engine/pool.h"
#include "server/store/variable.h"

/* A task that is queued, waiting or running. Under the engine's mutex, except that its own worker
 * alone uses `job` after it was made and until it is removed. */
struct active {
  struct work work; /* first: a work is its active */
  struct engine *engine;
  struct active *next;
  int64_t run, target;
  int64_t wait_until; /* monotonic ns: until then it may wait for its lock */
  enum doubt_answer doubt;
  bool waiting;          /* on nobody's queue: woken by schedule.c */
  const char *told_wait; /* what it waits for, of which the event is written; NULL: nothing */
  atomic_bool cancelled;
  bool running;            /* `job` is made */
  struct task_batch batch; /* at.batches 0: none */
  struct job job;
};

/* A task that was cut off while it was at work: what its target's ledger says must reach the store.
 * Tasks of the target wait until it is read: it is behind the same lock. */
struct cut_off {
  struct work work; /* first */
  struct engine *engine;
  struct cut_off *next;
  int64_t run, target;
};

#define CATALOGS_KEPT 8 /* unused versions kept in memory, newest first */

struct engine {
  struct engine_options o;
  struct pool *tasks;
  struct pool *looks; /* for looking side by side; never waits for `tasks` */
  pthread_mutex_t mutex;
  pthread_cond_t changed;                /* a task ended, began to wait, or the engine stops */
  struct active *actives, **last_active; /* in the order in which they were asked for */
  struct cut_off *cut_offs;              /* those whose ledgers are being read */
  pthread_t clock;                       /* wakes what waits for locks */
  bool clock_runs, stopping;
  atomic_bool drain; /* no further step begins */

  pthread_mutex_t catalogs_mutex;
  struct catalog_ref *catalogs; /* newest use first */
};

/* schedule.c */

/* Sets a task going. Takes the engine's mutex. */
void schedule_add(struct engine *g, int64_t run, int64_t target, int64_t wait_until,
                  enum doubt_answer doubt);
/* The task waits for its lock until woken. */
void schedule_wait(struct active *a);
/* Sets reading going. Takes `c`. */
void schedule_read(struct cut_off *c);
/* Frees it and wakes the first that waits for the target. */
void schedule_read_done(struct cut_off *c);
/* Whether tasks of the target have to wait for that. */
bool schedule_reads(struct engine *g, int64_t target);
/* The task is over: frees it and wakes the next one that waits for the target. */
void schedule_done(struct active *a);
/* Marks the run's tasks cancelled; answers whether there were any. */
bool schedule_cancel(struct engine *g, int64_t run);
/* Says how far the task's batches are; NULL: it has none any more. */
void schedule_batch(struct active *a, const struct task_batch *batch);
void schedule_wake(struct engine *g, int64_t target);
int schedule_start(struct engine *g, struct err *e);
void schedule_stop(struct engine *g, int grace_ms);

/* task.c: a task from its lock to its end, on a worker. settle.c: the run's end. */
void task_run(struct work *work);
/* Inside store_write: when the run has no open task left, its state, its end and its last event. */
int run_settle(struct db *db, int64_t run, bool *over, struct err *e);
/* After that write is durable: the board forgets a run that is over. */
void run_announce(struct engine *g, int64_t run, bool over);

/* cache.c */
void cache_free(struct engine *g);

/* event.c: all messages are borrowed; `target` may be "". */
void event_post(struct engine *g, int64_t run, const char *target, Migd__V1__RunEvent *event);
/* In place of the earlier ones of its statement: of hours of batches one event is kept. */
void event_post_batch(struct engine *g, int64_t run, const char *target,
                      Migd__V1__BatchFinished *batch);
int event_write(struct db *db, int64_t run, const char *target, Migd__V1__RunEvent *event,
                struct err *e);
/* Room for the messages of an event about a wait. */
struct event_blockers {
  Migd__V1__Blocker items[DB_BLOCKERS_MAX], *list[DB_BLOCKERS_MAX];
  Google__Protobuf__Timestamp times[DB_BLOCKERS_MAX];
};
/* Borrows from `blockers` and `room`. */
void blockers_fill(Migd__V1__TaskWaiting *out, const struct db_blockers *blockers,
                   struct event_blockers *room);
/* An error as it is stored with a task. */
void error_pack(struct buf *out, const struct err *e);
void counts_fill(Migd__V1__TaskCounts *out, const struct run *run);
void duration_fill(Google__Protobuf__Duration *out, int64_t us);

/* The options for a walk over a target, with its password. `password` is malloc'd, wiped and freed
 * by the caller with password_free(); its CA is in the arena. */
int target_options(struct engine *g, struct db *db, const struct target *target,
                   struct arena *arena, struct db_options *out, struct db_url *url, char **password,
                   struct err *e);
void password_free(char **password);
#define PASSWORD_SCOPED __attribute__((cleanup(password_free)))

/* What the walk's statements may name, and what must not be told. `values` is read here and
 * released by the caller after the walk. */
int walk_variables(struct engine *g, struct db *db, const struct target *target,
                   struct variables *values, struct walk *w, struct err *e);
/* After the walk: what may be shown of them stays, in its arena. */
void walk_variables_hide(struct walk *w);

/* The request of a stored run, unpacked into the arena. */
int request_unpack(const struct run *run, struct arena *arena,
                   const Migd__V1__StartRunRequest **out, struct err *e);

#endif
