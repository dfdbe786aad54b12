/* The end of a run, and what is left of runs when the server starts again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rpc/frame.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/engine/state.h"
#include "server/store/lock.h"

static enum run_state state_of(const struct run *run) {
  if (run->failed)
    return RUN_FAILED;
  if (run->interrupted)
    return RUN_INTERRUPTED;
  return run->cancelled ? RUN_CANCELLED : RUN_SUCCEEDED;
}

int run_settle(struct db *db, int64_t id, bool *over, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct run run;
  if (run_get(db, id, &arena, &run, e))
    return -1;
  *over = run.open == 0;
  if (!*over)
    return 0;
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__RunFinished finished = MIGD__V1__RUN_FINISHED__INIT;
  Migd__V1__TaskCounts counts;
  counts_fill(&counts, &run);
  finished.state = (Migd__V1__RunState)state_of(&run);
  finished.counts = &counts;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_RUN_FINISHED;
  event.run_finished = &finished;
  if (run_set_state(db, id, state_of(&run), clock_wall_us(), e))
    return -1;
  return event_write(db, id, "", &event, e);
}

void run_announce(struct engine *g, int64_t run, bool over) {
  if (over)
    board_publish(g->o.mailbox, run, 0);
}

#define OPEN_STATES (1u << TASK_QUEUED | 1u << TASK_WAITING | 1u << TASK_RUNNING)

struct recovery {
  struct engine *g;
  struct cut_off **items;
  size_t count;
};

static int interrupt_task(struct db *db, const struct task *task, struct err *e) {
  struct task cut = *task;
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__TaskFinished finished = MIGD__V1__TASK_FINISHED__INIT;
  cut.state = TASK_INTERRUPTED;
  cut.finished_at = clock_wall_us();
  cut.current = NULL; /* to be read from the ledger */
  finished.state = MIGD__V1__TASK_STATE__TASK_STATE_INTERRUPTED;
  finished.steps = cut.steps_done;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_TASK_FINISHED;
  event.task_finished = &finished;
  return task_update(db, &cut, e) || event_write(db, cut.run, cut.target_name, &event, e) ? -1 : 0;
}

/* Everything that was open is interrupted; runs end that way. In one write: a second crash finds
 * either all of it done or nothing. */
static int write_interrupted(struct db *db, void *ctx, struct err *e) {
  struct recovery *r = ctx;
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct task *tasks;
  size_t count;
  if (lock_release_all_runs(db, e) || task_list(db, 0, OPEN_STATES, &arena, &tasks, &count, e))
    return -1;
  r->items = xcalloc(count + 1, sizeof *r->items);
  for (size_t i = 0; i < count; i++) {
    if (interrupt_task(db, &tasks[i], e))
      return -1;
    if (tasks[i].state != TASK_RUNNING)
      continue;
    struct cut_off *c = xcalloc(1, sizeof *c);
    *c = (struct cut_off){.engine = r->g, .run = tasks[i].run, .target = tasks[i].target};
    r->items[r->count++] = c;
  }
  struct run *runs;
  size_t run_count;
  if (run_list(db, "", true, UINT32_MAX, &arena, &runs, &run_count, e))
    return -1;
  bool over;
  for (size_t i = 0; i < run_count; i++)
    if (run_settle(db, runs[i].id, &over, e))
      return -1;
  return 0;
}

struct looked {
  const struct cut_off *cut;
  const struct walk *walk;
  int64_t at;
};

/* Unless the task was taken up again meanwhile. */
static int write_looked(struct db *db, void *ctx, struct err *e) {
  const struct looked *l = ctx;
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct task task;
  if (task_get(db, l->cut->run, l->cut->target, &arena, &task, e))
    return -1;
  if (task.state != TASK_INTERRUPTED)
    return 0;
  static const char *none[1];
  task.current = l->walk->ledger.row_count ? l->walk->ledger.rows : none;
  task.current_count = l->walk->ledger.row_count;
  return task_update(db, &task, e);
}

/* Behind the target's lock: the session that was cut off must be gone before its ledger is
 * believed. */
static int look_again(const struct cut_off *c, struct arena *arena, struct err *e) {
  struct engine *g = c->engine;
  struct task task;
  struct target target;
  struct db_url url;
  char *password PASSWORD_SCOPED = NULL;
  struct walk w = {.arena = arena, .locked = true, .lock_wait_ns = 60 * NS_PER_S, .log = g->o.log};
  struct job job;
  struct db *db = store_reader(g->o.store, e);
  if (!db)
    return -1;
  int rc = task_get(db, c->run, c->target, arena, &task, e);
  if (!rc)
    rc = target_get(db, task.target_name, arena, &target, e);
  if (!rc)
    rc = target_options(g, db, &target, arena, &w.options, &url, &password, e);
  store_reader_done(g->o.store, db);
  if (rc || job_init(&job, clock_mono_ns() + 120 * NS_PER_S, e))
    return -1;
  w.target = target.name;
  w.job = &job;
  rc = walk_to(&w, WALK_LEDGER, e);
  job_release(&job);
  struct looked looked = {c, &w, clock_wall_us()};
  return rc ? -1 : store_write(g->o.store, write_looked, &looked, e);
}

static void cut_off_run(struct work *work) {
  struct cut_off *c = (struct cut_off *)work;
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct err e;
  if (look_again(c, &arena, &e))
    log_line(c->engine->o.log, LOG_WARN, "engine",
             "run %" PRId64 ": what a task that was cut off left cannot be read: %s", c->run,
             e.text);
  schedule_read_done(c);
}

int engine_recover(struct engine *g, struct err *e) {
  struct recovery r = {.g = g};
  if (store_write(g->o.store, write_interrupted, &r, e)) {
    for (size_t i = 0; i < r.count; i++)
      free(r.items[i]);
    free(r.items);
    return err_in(e, "recover");
  }
  if (r.count)
    log_line(g->o.log, LOG_WARN, "engine", "%zu tasks were cut off; reading their targets' ledgers",
             r.count);
  for (size_t i = 0; i < r.count; i++) {
    r.items[i]->work.run = cut_off_run;
    schedule_read(r.items[i]);
  }
  free(r.items);
  return 0;
}
