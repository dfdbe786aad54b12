/* A task from its lock to its end. The store is written three times (it begins, it has its plan, it
 * is over) and the target in between; what happens is posted as events on the way. Thread: a worker
 * of the pool.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rpc/frame.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/catalog/ident.h"
#include "server/engine/state.h"
#include "server/store/bundle.h"
#include "server/store/lock.h"

#define RECORD_RETRY_MS 1000

/* What one try at a task works with. */
struct doing {
  struct engine *g;
  struct active *a;
  struct arena arena;
  struct run run;
  struct task task;
  struct target target;
  const Migd__V1__StartRunRequest *request;
  struct walk walk;
  int64_t since_ns;
  const char *waits_for;     /* what it is told to wait for */
  bool over;                 /* the run has no open task left */
  struct buf error;          /* packed, for the store */
  const struct err *failure; /* NULL: succeeded */
};

/* The event that a task waits. `id` is room for the number of the run that holds the lock. */
static void waiting_fill(Migd__V1__RunEvent *event, Migd__V1__TaskWaiting *waiting, char id[24],
                         const char *holder, const char *reason, int64_t run) {
  migd__v1__run_event__init(event);
  migd__v1__task_waiting__init(waiting);
  id[0] = '\0';
  if (run)
    snprintf(id, 24, "%" PRId64, run);
  waiting->holder = (char *)(uintptr_t)holder;
  waiting->reason = (char *)(uintptr_t)reason;
  waiting->run = id;
  event->event_case = MIGD__V1__RUN_EVENT__EVENT_TASK_WAITING;
  event->task_waiting = waiting;
}

/* --- what the walk tells --- */

static void on_waiting(void *ctx, unsigned attempt, const struct err *why,
                       const struct db_blockers *blockers) {
  struct doing *d = ctx;
  Migd__V1__RunEvent event;
  Migd__V1__TaskWaiting waiting;
  struct event_blockers room;
  char id[24];
  waiting_fill(&event, &waiting, id, "", why->text, 0);
  waiting.attempt = attempt;
  if (blockers)
    blockers_fill(&waiting, blockers, &room);
  event_post(d->g, d->a->run, d->task.target_name, &event);
}

static void on_notice(void *ctx, const char *severity, const char *text) {
  struct doing *d = ctx;
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__Notice notice = MIGD__V1__NOTICE__INIT;
  char clean[1024];
  err_copy(clean, sizeof clean, text, strlen(text));
  notice.severity = (char *)(uintptr_t)severity;
  notice.text = clean;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_NOTICE;
  event.notice = &notice;
  event_post(d->g, d->a->run, d->task.target_name, &event);
}

static void on_step_started(void *ctx, const struct walk *w, unsigned index) {
  struct doing *d = ctx;
  const struct plan_step *step = &w->plan.steps[index];
  const struct revision *r = &w->catalog->revisions[step->revision];
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__StepStarted started = MIGD__V1__STEP_STARTED__INIT;
  started.index = index + 1;
  started.revision = (char *)(uintptr_t)r->id;
  started.message = (char *)(uintptr_t)r->message;
  started.direction = (Migd__V1__Direction)step->direction;
  const struct walk_ends ends = walk_step_ends(w, index);
  started.from = (char **)(uintptr_t)ends.from;
  started.n_from = ends.from_count;
  started.to = (char **)(uintptr_t)ends.to;
  started.n_to = ends.to_count;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_STEP_STARTED;
  event.step_started = &started;
  event_post(d->g, d->a->run, d->task.target_name, &event);
}

static void on_step_finished(void *ctx, const struct walk *w, unsigned index, int64_t duration_us,
                             bool resolved) {
  struct doing *d = ctx;
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__StepFinished finished = MIGD__V1__STEP_FINISHED__INIT;
  Google__Protobuf__Duration duration;
  duration_fill(&duration, duration_us);
  finished.index = index + 1;
  finished.revision = (char *)(uintptr_t)w->catalog->revisions[w->plan.steps[index].revision].id;
  finished.duration = &duration;
  finished.resolved = resolved;
  schedule_batch(d->a, NULL);
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_STEP_FINISHED;
  event.step_finished = &finished;
  event_post(d->g, d->a->run, d->task.target_name, &event);
}

static void on_batch_finished(void *ctx, const struct walk *w, const struct walk_batch *batch) {
  struct doing *d = ctx;
  Migd__V1__BatchFinished finished = MIGD__V1__BATCH_FINISHED__INIT;
  Google__Protobuf__Duration pause;
  const struct plan_step *step = &w->plan.steps[batch->index];
  duration_fill(&pause, batch->pause_ms * 1000);
  struct task_batch now = {.at = *batch};
  const char *id = w->catalog->revisions[step->revision].id;
  err_copy(now.revision, sizeof now.revision, id, strlen(id));
  schedule_batch(d->a, &now);
  finished.index = batch->index + 1;
  finished.revision = now.revision;
  finished.statement = (uint32_t)batch->statement;
  finished.batches = (uint64_t)batch->batches;
  finished.rows = (uint64_t)batch->rows;
  finished.pause = &pause;
  event_post_batch(d->g, d->a->run, d->task.target_name, &finished);
}

/* Where a relative request leads, as an identifier that is not relative. */
static const char *goal_of(const struct doing *d) {
  const struct plan *plan = &d->walk.plan;
  if (!plan->goal || !plan->count || !d->request->n_revisions ||
      !ident_is_relative(d->request->revisions[0]))
    return d->task.goal;
  return plan->goal;
}

static int write_planned(struct db *db, void *ctx, struct err *e) {
  struct doing *d = ctx;
  int64_t epoch;
  if (target_next_epoch(db, d->target.id, &epoch, e))
    return -1;
  d->walk.epoch = d->task.epoch = epoch;
  d->task.steps_total = d->task.steps_done + (unsigned)d->walk.plan.count;
  d->task.goal = goal_of(d);
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__TaskStarted started = MIGD__V1__TASK_STARTED__INIT;
  started.current = (char **)(uintptr_t)d->walk.ledger.rows;
  started.n_current = d->walk.ledger.row_count;
  started.steps = (uint32_t)d->walk.plan.count;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_TASK_STARTED;
  event.task_started = &started;
  return task_update(db, &d->task, e) || event_write(db, d->a->run, d->task.target_name, &event, e)
             ? -1
             : 0;
}

static int on_planned(void *ctx, const struct walk *w, struct err *e) {
  (void)w;
  struct doing *d = ctx;
  return store_write(d->g->o.store, write_planned, d, e);
}

/* --- the beginning --- */

static int prepare_job(struct doing *d, struct err *e) {
  struct active *a = d->a;
  if (a->running)
    return 0;
  struct job job;
  if (job_init(&job, 0, e))
    return -1;
  pthread_mutex_lock(&d->g->mutex);
  a->job = job;
  a->running = true;
  if (atomic_load(&a->cancelled))
    job_cancel(&a->job);
  pthread_mutex_unlock(&d->g->mutex);
  return 0;
}

static int read_task(struct doing *d, struct err *e) {
  struct db *db = store_reader(d->g->o.store, e);
  if (!db)
    return -1;
  int rc = run_get(db, d->a->run, &d->arena, &d->run, e);
  if (!rc)
    rc = task_get(db, d->a->run, d->a->target, &d->arena, &d->task, e);
  if (!rc)
    rc = request_unpack(&d->run, &d->arena, &d->request, e);
  if (!rc)
    rc = target_get(db, d->task.target_name, &d->arena, &d->target, e);
  store_reader_done(d->g->o.store, db);
  if (!rc && d->target.id != d->a->target)
    return err_set(e, ERR_NOT_FOUND, "target %s was removed and made anew since the run began",
                   d->task.target_name);
  return rc;
}

static const char *const operation_names[] = {[OP_UPGRADE] = "upgrade",
                                              [OP_DOWNGRADE] = "downgrade",
                                              [OP_STAMP] = "stamp",
                                              [OP_ADOPT] = "adopt"};

static int write_begun(struct db *db, void *ctx, struct err *e) {
  struct doing *d = ctx;
  int64_t now = clock_wall_us();
  char reason[128];
  snprintf(reason, sizeof reason, "%s %s", operation_names[d->request->operation],
           d->request->n_revisions ? d->request->revisions[0] : "");
  struct target_lock lock = {
      .run = d->a->run, .holder = d->run.principal, .reason = reason, .since = now};
  if (lock_acquire(db, d->target.id, &lock, now, e))
    return -1;
  d->task.state = TASK_RUNNING;
  d->task.started_at = now;
  d->task.finished_at = 0;
  return task_update(db, &d->task, e);
}

static const char waits_lock[] = "", waits_read[] = "it reads how far a task came that was cut off";

static int write_waiting(struct db *db, void *ctx, struct err *e) {
  struct doing *d = ctx;
  const struct target_lock *lock = d->target.lock;
  Migd__V1__RunEvent event;
  Migd__V1__TaskWaiting waiting;
  char id[24];
  if (d->waits_for == waits_read)
    waiting_fill(&event, &waiting, id, "the server itself", waits_read, 0);
  else
    waiting_fill(&event, &waiting, id, lock ? lock->holder : "", lock ? lock->reason : "",
                 lock ? lock->run : 0);
  d->task.state = TASK_WAITING;
  return task_update(db, &d->task, e) || event_write(db, d->a->run, d->task.target_name, &event, e)
             ? -1
             : 0;
}

/* Says once what it waits for. */
static bool tell_wait(struct doing *d, const char *what) {
  struct err e;
  d->waits_for = what;
  if (d->a->told_wait != what && store_write(d->g->o.store, write_waiting, d, &e))
    return false;
  d->a->told_wait = what;
  return true;
}

/* The lock is held by somebody else: waits for it, where that was asked for. Answers whether it
 * waits. */
static bool wait_instead(struct doing *d, struct err *e) {
  struct err cut;
  if (e->kind != ERR_LOCKED)
    return false;
  if (job_check(&d->a->job, &cut)) {
    *e = cut;
    return false;
  }
  if (clock_mono_ns() >= d->a->wait_until || atomic_load(&d->g->drain))
    return false;
  return tell_wait(d, waits_lock);
}

/* --- the walk --- */

static int64_t request_ms(const Google__Protobuf__Duration *d, int64_t otherwise) {
  int64_t ms = d ? d->seconds * 1000 + d->nanos / 1000000 : 0;
  return ms ? ms : otherwise;
}

static void fill_limits(struct doing *d) {
  const Migd__V1__StartRunRequest *r = d->request;
  struct db_options *o = &d->walk.options;
  int64_t retry_ms = d->target.policy.lock_retry_ms;
  o->lock_timeout_ms = request_ms(r->lock_timeout, o->lock_timeout_ms);
  o->statement_timeout_ms = request_ms(r->statement_timeout, o->statement_timeout_ms);
  o->idle_timeout_ms = request_ms(r->idle_in_transaction_timeout, o->idle_timeout_ms);
  o->notice = on_notice;
  o->notice_ctx = d;
  d->walk.lock_retry_ms = request_ms(r->lock_retry, retry_ms ? retry_ms : LOCK_RETRY_MS);
}

/* A task that is resumed goes where it went the first time. */
static void fill_request(struct doing *d) {
  const char **goal = ARENA_NEW(&d->arena, const char *);
  bool resumed = d->task.goal[0];
  *goal = d->task.goal;
  bool adopts = d->request->operation == MIGD__V1__OPERATION__OPERATION_ADOPT;
  d->walk.request = (struct plan_request){
      .operation = adopts ? OP_STAMP : (enum operation)d->request->operation,
      .dialect = d->target.dialect,
      .revisions = resumed ? goal : (const char *const *)d->request->revisions,
      .revision_count = resumed ? 1 : d->request->n_revisions,
      .purge = d->request->purge,
  };
}

static void fill_walk(struct doing *d) {
  struct walk *w = &d->walk;
  const struct active *a = d->a;
  int64_t now = clock_mono_ns();
  w->target = d->target.name;
  w->single_transaction = d->request->single_transaction;
  w->doubt = a->doubt;
  w->store_id = store_id(d->g->o.store);
  w->principal = d->run.principal;
  w->run = a->run;
  w->epoch = d->target.epoch + 1;
  w->lock_wait_ns = a->wait_until > now ? a->wait_until - now : 0;
  w->job = &d->a->job;
  w->drain = &d->g->drain;
  w->hooks = (struct walk_hooks){.ctx = d,
                                 .planned = on_planned,
                                 .waiting = on_waiting,
                                 .step_started = on_step_started,
                                 .step_finished = on_step_finished,
                                 .batch_finished = on_batch_finished};
  w->log = d->g->o.log;
}

/* What the store has for the walk. */
struct provisions {
  struct db_url url;
  char *password;
  struct variables values;
};

static void provisions_release(struct provisions *p) {
  password_free(&p->password);
  variables_release(&p->values);
}

static int provide(struct doing *d, struct provisions *p, struct err *e) {
  struct engine *g = d->g;
  struct walk *w = &d->walk;
  struct bundle_info catalog;
  struct db *db = store_reader(g->o.store, e);
  if (!db)
    return -1;
  int rc = target_options(g, db, &d->target, &d->arena, &w->options, &p->url, &p->password, e);
  if (!rc)
    rc = bundle_get(db, d->target.catalog, &d->arena, &catalog, e);
  if (!rc)
    rc = walk_variables(g, db, &d->target, &p->values, w, e);
  store_reader_done(g->o.store, db);
  if (rc)
    return -1;
  w->adopt_table = catalog.adopt_table;
  w->adopt_revision = catalog.adopt_revision;
  return 0;
}

static int walk_task(struct doing *d, struct err *e) {
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct provisions p __attribute__((cleanup(provisions_release))) = {0};
  struct adoption adoption = {.asked = d->request->from_tool};
  struct walk *w = &d->walk;
  w->arena = &d->arena;
  if (provide(d, &p, e) || engine_catalog(d->g, d->task.digest, &ref, e))
    return -1;
  w->catalog = catalog_ref_get(ref);
  if (d->request->operation == MIGD__V1__OPERATION__OPERATION_ADOPT)
    w->adopt = &adoption;
  fill_limits(d);
  fill_request(d);
  fill_walk(d);
  int rc = walk_to(w, WALK_APPLY, e);
  w->adopt = NULL;
  walk_variables_hide(w);
  /* The catalog is given back: what outlives it is copied. */
  for (size_t i = 0; i < w->ledger.row_count; i++)
    w->ledger.rows[i] = arena_strdup(&d->arena, w->ledger.rows[i]);
  d->task.goal = arena_strdup(&d->arena, d->task.goal);
  return rc;
}

/* --- the end --- */

static enum task_state outcome(const struct doing *d) {
  if (!d->failure)
    return TASK_SUCCEEDED;
  if (d->failure->kind == ERR_IN_DOUBT)
    return TASK_IN_DOUBT;
  if (d->failure->kind != ERR_CANCELLED)
    return TASK_FAILED;
  return atomic_load(&d->a->cancelled) ? TASK_CANCELLED : TASK_INTERRUPTED;
}

static int write_over(struct db *db, void *ctx, struct err *e) {
  struct doing *d = ctx;
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__TaskFinished finished = MIGD__V1__TASK_FINISHED__INIT;
  Google__Protobuf__Duration duration;
  duration_fill(&duration, (clock_mono_ns() - d->since_ns) / 1000);
  finished.state = (Migd__V1__TaskState)d->task.state;
  finished.error = d->failure ? rpc_error_message(&d->arena, d->failure) : NULL;
  finished.current = (char **)(uintptr_t)d->task.current;
  finished.n_current = d->task.current_count;
  finished.steps = d->task.steps_done;
  finished.duration = &duration;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_TASK_FINISHED;
  event.task_finished = &finished;
  if (task_update(db, &d->task, e) || lock_release_run(db, d->a->target, d->a->run, e) ||
      event_write(db, d->a->run, d->task.target_name, &event, e))
    return -1;
  return run_settle(db, d->a->run, &d->over, e);
}

/* The outcome is written down even when the store's disk is full for a while: what is not written
 * when the server stops is found again from the ledger. */
static void record(struct doing *d) {
  struct err e;
  d->task.state = outcome(d);
  d->task.finished_at = clock_wall_us();
  d->task.steps_done += d->walk.steps_done;
  if (d->walk.ledger.exists || d->walk.ledger.empty_database) {
    static const char *none[1];
    d->task.current = d->walk.ledger.row_count ? d->walk.ledger.rows : none;
    d->task.current_count = d->walk.ledger.row_count;
  } else {
    d->task.current = NULL;
  }
  error_pack(&d->error, d->failure ? d->failure : &(struct err){.kind = ERR_NONE});
  d->task.error = d->failure ? d->error.s : NULL;
  d->task.error_len = d->failure ? d->error.len : 0;
  while (store_write(d->g->o.store, write_over, d, &e)) {
    log_line(d->g->o.log, LOG_ERROR, "engine",
             "run %" PRId64 ", %s: its outcome cannot be stored: %s", d->a->run,
             d->task.target_name, e.text);
    if (e.kind != ERR_STORAGE || atomic_load(&d->g->drain) || job_pause(NULL, RECORD_RETRY_MS, &e))
      return;
  }
  run_announce(d->g, d->a->run, d->over);
}

static void log_outcome(const struct doing *d) {
  static const char *const names[] = {[TASK_SUCCEEDED] = "done",
                                      [TASK_FAILED] = "failed",
                                      [TASK_CANCELLED] = "cancelled",
                                      [TASK_INTERRUPTED] = "interrupted",
                                      [TASK_IN_DOUBT] = "in doubt"};
  log_line(d->g->o.log, d->failure ? LOG_WARN : LOG_INFO, "engine",
           "run %" PRId64 " (%s by %s): %s: %s, %u steps%s%s", d->a->run,
           operation_names[d->request->operation], d->run.principal, d->task.target_name,
           names[d->task.state], d->walk.steps_done, d->failure ? ": " : "",
           d->failure ? d->failure->text : "");
}

/* Before anything is changed: 1 when the task waits, -1. */
static int begin(struct doing *d, struct err *e) {
  if (prepare_job(d, e) || read_task(d, e))
    return -1;
  if (atomic_load(&d->g->drain) || job_check(&d->a->job, e))
    return err_set(e, ERR_CANCELLED, "%s before it began",
                   atomic_load(&d->a->cancelled) ? "cancelled" : "the server stopped");
  if (schedule_reads(d->g, d->target.id) && tell_wait(d, waits_read))
    return 1;
  if (!store_write(d->g->o.store, write_begun, d, e))
    return 0;
  return wait_instead(d, e) ? 1 : -1;
}

void task_run(struct work *work) {
  struct doing d = {.a = (struct active *)work, .since_ns = clock_mono_ns()};
  struct err e;
  d.g = d.a->engine;
  arena_init(&d.arena, 0);
  err_clear(&e);
  int rc = begin(&d, &e);
  if (rc > 0) {
    struct active *a = d.a;
    arena_release(&d.arena);
    schedule_wait(a);
    return;
  }
  if (!rc)
    rc = walk_task(&d, &e);
  if (d.task.target_name) {
    d.failure = rc ? &e : NULL;
    record(&d);
    if (d.request)
      log_outcome(&d);
  } else {
    log_line(d.g->o.log, LOG_ERROR, "engine", "run %" PRId64 ": a task cannot be read: %s",
             d.a->run, e.text);
  }
  buf_release(&d.error);
  arena_release(&d.arena);
  schedule_done(d.a);
}
