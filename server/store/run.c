/* Runs: what was asked, with its tasks counted by outcome. The tasks themselves are in task.c, the
 * events in event.c.
 */
#include "server/store/run.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/store/row.h"

#define RUN_SQL                                                                                    \
  "SELECT r.id, r.request_id, r.principal, r.request, r.state, r.created_at, r.finished_at,"       \
  " r.next_seq FROM "
#define OF_TARGET_SQL RUN_SQL "task t JOIN run r ON r.id = t.run_id WHERE t.target_name = $2"

/* The run that an earlier request of the same id made. */
struct earlier {
  const struct run *asked;
  int64_t id; /* 0: none */
  bool same;
};

static int take_earlier(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct earlier *earlier = ctx;
  const struct run *asked = earlier->asked;
  (void)count, (void)e;
  earlier->id = v[0].i;
  earlier->same = v[1].len == asked->packed_request_len &&
                  (v[1].len == 0 || memcmp(v[1].s, asked->packed_request, v[1].len) == 0);
  return 0;
}

static int find_earlier(struct db *db, struct earlier *earlier, struct err *e) {
  const struct run *asked = earlier->asked;
  if (asked->request_id[0] == '\0')
    return 0;
  if (row_each(db, "SELECT id, request FROM run WHERE principal = $1 AND request_id = $2",
               PARAMS(db_text(asked->principal), db_text(asked->request_id)), take_earlier, earlier,
               e))
    return -1;
  if (earlier->id == 0 || earlier->same)
    return 0;
  return err_set(e, ERR_EXISTS, "the request id \"%s\" was used for another request: run %lld",
                 asked->request_id, (long long)earlier->id);
}

static int insert_run(struct db *db, const struct run *run, int64_t id, struct err *e) {
  int64_t created_at = run->created_at ? run->created_at : clock_wall_us();
  return row_change(db,
                    "INSERT INTO run (id, request_id, principal, request, state, created_at)"
                    " VALUES ($1, $2, $3, $4, $5, $6)",
                    PARAMS(db_int(id), run->request_id[0] ? db_text(run->request_id) : db_null(),
                           db_text(run->principal),
                           db_blob(run->packed_request, run->packed_request_len),
                           db_int(RUN_RUNNING), db_int(created_at)),
                    NULL, e);
}

static int insert_task(struct db *db, int64_t run, int64_t target, struct err *e) {
  int64_t inserted = 0;
  if (row_change(db,
                 "INSERT INTO task (run_id, target_id, target_name, catalog, digest, state)"
                 " SELECT CAST($1 AS BIGINT), t.id, t.name, t.catalog, c.digest,"
                 " CAST($3 AS INTEGER)"
                 " FROM target t JOIN catalog c ON c.name = t.catalog WHERE t.id = $2",
                 PARAMS(db_int(run), db_int(target), db_int(TASK_QUEUED)), &inserted, e))
    return -1;
  return inserted ? 0 : err_set(e, ERR_NOT_FOUND, "a target does not exist any more");
}

int run_insert(struct db *db, const struct run *run, const int64_t *targets, size_t count,
               int64_t *id, bool *existed, struct err *e) {
  struct earlier earlier = {run, 0, false};
  int64_t fresh = 0;
  if (find_earlier(db, &earlier, e))
    return -1;
  if (earlier.id) {
    *id = earlier.id;
    *existed = true;
    return 0;
  }
  if (count == 0)
    return err_set(e, ERR_INPUT, "no target is selected");
  if (counter_next(db, "run", &fresh, e) || insert_run(db, run, fresh, e))
    return -1;
  for (size_t i = 0; i < count; i++)
    if (insert_task(db, fresh, targets[i], e))
      return -1;
  *id = fresh;
  *existed = false;
  return 0;
}

struct runs {
  struct arena *arena;
  struct run *items;
  size_t count, capacity;
};

static int take_run(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct runs *runs = ctx;
  (void)count, (void)e;
  if (runs->count == runs->capacity) {
    size_t capacity = runs->capacity ? runs->capacity * 2 : 8;
    struct run *items = ARENA_ARRAY(runs->arena, struct run, capacity);
    if (runs->count)
      memcpy(items, runs->items, runs->count * sizeof *items);
    runs->items = items;
    runs->capacity = capacity;
  }
  struct run *run = &runs->items[runs->count++];
  run->id = v[0].i;
  run->request_id = row_string(runs->arena, &v[1]);
  run->principal = row_string(runs->arena, &v[2]);
  run->packed_request = row_bytes(runs->arena, &v[3], &run->packed_request_len);
  run->state = (enum run_state)v[4].i;
  run->created_at = v[5].i;
  run->finished_at = v[6].i;
  run->next_seq = (uint64_t)v[7].i;
  return 0;
}

static unsigned *counter_of(struct run *run, int64_t state) {
  switch ((enum task_state)state) {
  case TASK_SUCCEEDED:
    return &run->succeeded;
  case TASK_FAILED:
  case TASK_IN_DOUBT:
    return &run->failed;
  case TASK_CANCELLED:
    return &run->cancelled;
  case TASK_INTERRUPTED:
    return &run->interrupted;
  case TASK_QUEUED:
  case TASK_WAITING:
  case TASK_RUNNING:
    break;
  }
  return &run->open;
}

static int take_count(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct run *run = ctx;
  (void)count, (void)e;
  *counter_of(run, v[0].i) += (unsigned)v[1].i;
  run->total += (unsigned)v[1].i;
  return 0;
}

static int count_tasks(struct db *db, struct runs *runs, struct err *e) {
  for (size_t i = 0; i < runs->count; i++)
    if (row_each(db, "SELECT state, COUNT(*) FROM task WHERE run_id = $1 GROUP BY state",
                 PARAMS(db_int(runs->items[i].id)), take_count, &runs->items[i], e))
      return -1;
  return 0;
}

static int no_run(struct err *e, int64_t id) {
  return err_set(e, ERR_NOT_FOUND, "there is no run %lld", (long long)id);
}

int run_get(struct db *db, int64_t id, struct arena *arena, struct run *out, struct err *e) {
  struct runs runs = {.arena = arena};
  if (row_each(db, RUN_SQL "run r WHERE r.id = $1", PARAMS(db_int(id)), take_run, &runs, e) ||
      count_tasks(db, &runs, e))
    return -1;
  if (runs.count == 0)
    return no_run(e, id);
  *out = runs.items[0];
  return 0;
}

static int list_rows(struct db *db, const char *target_name, bool unfinished, int64_t limit,
                     struct runs *runs, struct err *e) {
  if (target_name[0] == '\0')
    return row_each(db,
                    unfinished ? RUN_SQL "run r WHERE r.finished_at = 0 ORDER BY r.id DESC LIMIT $1"
                               : RUN_SQL "run r ORDER BY r.id DESC LIMIT $1",
                    PARAMS(db_int(limit)), take_run, runs, e);
  return row_each(db,
                  unfinished ? OF_TARGET_SQL
                      " AND r.finished_at = 0 ORDER BY t.run_id DESC LIMIT $1"
                             : OF_TARGET_SQL " ORDER BY t.run_id DESC LIMIT $1",
                  PARAMS(db_int(limit), db_text(target_name)), take_run, runs, e);
}

int run_list(struct db *db, const char *target_name, bool unfinished, unsigned limit,
             struct arena *arena, struct run **out, size_t *count, struct err *e) {
  struct runs runs = {.arena = arena};
  if (list_rows(db, target_name ? target_name : "", unfinished, limit, &runs, e) ||
      count_tasks(db, &runs, e))
    return -1;
  *out = runs.items;
  *count = runs.count;
  return 0;
}

int run_set_state(struct db *db, int64_t id, enum run_state state, int64_t finished_at,
                  struct err *e) {
  int64_t changed = 0;
  if (row_change(db, "UPDATE run SET state = $2, finished_at = $3 WHERE id = $1",
                 PARAMS(db_int(id), db_int(state), db_int(finished_at)), &changed, e))
    return -1;
  return changed ? 0 : no_run(e, id);
}
