/* Tasks: a run's part on one target. A task in a final state is also what its target shows. */
#include "server/store/run.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/store/row.h"

#define TASK_SQL                                                                                   \
  "SELECT run_id, target_id, target_name, catalog, digest, epoch, state, steps_done,"              \
  " steps_total, current_rows, error, started_at, finished_at, goal FROM task"
#define LAST_STATE TASK_IN_DOUBT
#define STATES_SQL " state IN ($1, $2, $3, $4, $5, $6, $7, $8)"

struct tasks {
  struct arena *arena;
  struct task *items;
  size_t count, capacity;
};

static int take_task(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct tasks *tasks = ctx;
  (void)count, (void)e;
  if (tasks->count == tasks->capacity) {
    size_t capacity = tasks->capacity ? tasks->capacity * 2 : 8;
    struct task *items = ARENA_ARRAY(tasks->arena, struct task, capacity);
    if (tasks->count)
      memcpy(items, tasks->items, tasks->count * sizeof *items);
    tasks->items = items;
    tasks->capacity = capacity;
  }
  struct task *task = &tasks->items[tasks->count++];
  task->run = v[0].i;
  task->target = v[1].i;
  task->target_name = row_string(tasks->arena, &v[2]);
  task->catalog = row_string(tasks->arena, &v[3]);
  task->digest = row_string(tasks->arena, &v[4]);
  task->epoch = v[5].i;
  task->state = (enum task_state)v[6].i;
  task->steps_done = (unsigned)v[7].i;
  task->steps_total = (unsigned)v[8].i;
  list_read(tasks->arena, &v[9], &task->current, &task->current_count);
  task->error = row_bytes(tasks->arena, &v[10], &task->error_len);
  task->started_at = v[11].i;
  task->finished_at = v[12].i;
  task->goal = row_string(tasks->arena, &v[13]);
  return 0;
}

int task_list(struct db *db, int64_t run, unsigned states, struct arena *arena, struct task **out,
              size_t *count, struct err *e) {
  struct tasks tasks = {.arena = arena};
  struct db_value params[LAST_STATE + 1];
  int rc;
  for (int state = 1; state <= LAST_STATE; state++)
    params[state - 1] = db_int(states == 0 || (states & 1U << state) ? state : 0);
  params[LAST_STATE] = db_int(run);
  if (run)
    rc = row_each(db,
                  TASK_SQL " WHERE" STATES_SQL " AND run_id = $9 ORDER BY target_name, target_id",
                  params, LAST_STATE + 1, take_task, &tasks, e);
  else
    rc = row_each(db, TASK_SQL " WHERE" STATES_SQL " ORDER BY run_id, target_name, target_id",
                  params, LAST_STATE, take_task, &tasks, e);
  if (rc)
    return -1;
  *out = tasks.items;
  *count = tasks.count;
  return 0;
}

static int no_task(struct err *e, int64_t run, int64_t target) {
  return err_set(e, ERR_NOT_FOUND, "run %lld has no task for target %lld", (long long)run,
                 (long long)target);
}

int task_get(struct db *db, int64_t run, int64_t target, struct arena *arena, struct task *out,
             struct err *e) {
  struct tasks tasks = {.arena = arena};
  if (row_each(db, TASK_SQL " WHERE run_id = $1 AND target_id = $2",
               PARAMS(db_int(run), db_int(target)), take_task, &tasks, e))
    return -1;
  if (tasks.count == 0)
    return no_task(e, run, target);
  *out = tasks.items[0];
  return 0;
}

static struct db_value error_value(const struct task *task) {
  return task->error ? db_blob(task->error, task->error_len) : db_null();
}

/* What the target shows. A target that was removed meanwhile shows nothing. */
static int show_on_target(struct db *db, const struct task *task, struct db_value current,
                          struct err *e) {
  int64_t now = task->finished_at ? task->finished_at : clock_wall_us();
  if (row_change(
          db, "UPDATE target SET last_run = $2, last_state = $3, last_error = $4 WHERE id = $1",
          PARAMS(db_int(task->target), db_int(task->run), db_int(task->state), error_value(task)),
          NULL, e))
    return -1;
  if (current.type == DB_NULL)
    return 0;
  return row_change(
      db, "UPDATE target SET current_rows = $2, seen_at = $3 WHERE id = $1 AND seen_at <= $3",
      PARAMS(db_int(task->target), current, db_int(now)), NULL, e);
}

int task_update(struct db *db, const struct task *task, struct err *e) {
  struct buf rows BUF_SCOPED = BUF_INIT;
  struct db_value current = db_null();
  int64_t changed = 0;
  if (task->current) {
    list_write(&rows, task->current, task->current_count);
    current = db_textn(buf_str(&rows), rows.len);
  }
  if (row_change(db,
                 "UPDATE task SET epoch = $3, state = $4, steps_done = $5, steps_total = $6,"
                 " current_rows = $7, error = $8, started_at = $9, finished_at = $10, goal = $11"
                 " WHERE run_id = $1 AND target_id = $2",
                 PARAMS(db_int(task->run), db_int(task->target), db_int(task->epoch),
                        db_int(task->state), db_int(task->steps_done), db_int(task->steps_total),
                        current, error_value(task), db_int(task->started_at),
                        db_int(task->finished_at), db_text(task->goal ? task->goal : "")),
                 &changed, e))
    return -1;
  if (changed == 0)
    return no_task(e, task->run, task->target);
  /* A task that never began (its target was locked) says nothing about the target. */
  bool tells = task->state >= TASK_SUCCEEDED && task->started_at;
  return tells ? show_on_target(db, task, current, e) : 0;
}

int target_next_epoch(struct db *db, int64_t target, int64_t *epoch, struct err *e) {
  bool found = false;
  if (row_int(db, "UPDATE target SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch",
              PARAMS(db_int(target)), epoch, &found, e))
    return -1;
  return found ? 0 : err_set(e, ERR_NOT_FOUND, "the target does not exist any more");
}
