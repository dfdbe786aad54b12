/* Runs: written down, set going, cancelled, resumed. */
#include "server/engine/engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "proto/rpc/frame.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/catalog/ident.h"
#include "server/engine/state.h"
#include "server/store/bundle.h"

int engine_new(struct engine **out, const struct engine_options *options, struct err *e) {
  struct engine *g = xcalloc(1, sizeof *g);
  g->o = *options;
  pthread_mutex_init(&g->catalogs_mutex, NULL);
  if (schedule_start(g, e) || pool_new(&g->looks, "look", g->o.parallel, 0, e)) {
    engine_free(g);
    return -1;
  }
  *out = g;
  return 0;
}

void engine_stop(struct engine *g, int grace_ms) {
  schedule_stop(g, grace_ms);
}

void engine_free(struct engine *g) {
  if (!g)
    return;
  schedule_stop(g, 0);
  pool_free(g->looks);
  pool_free(g->tasks);
  cache_free(g);
  pthread_mutex_destroy(&g->catalogs_mutex);
  pthread_mutex_destroy(&g->mutex);
  pthread_cond_destroy(&g->changed);
  free(g);
}

int request_unpack(const struct run *run, struct arena *arena,
                   const Migd__V1__StartRunRequest **out, struct err *e) {
  const ProtobufCMessage *m = rpc_unpack(&migd__v1__start_run_request__descriptor,
                                         run->packed_request, run->packed_request_len, arena, e);
  if (!m)
    return err_in(e, "run %" PRId64 ": its request", run->id);
  *out = (const Migd__V1__StartRunRequest *)m;
  return 0;
}

/* What can be said of a request before any target is asked. */
static int check_shape(const struct run_request *r, struct err *e) {
  if (r->operation != OP_STAMP && r->revision_count != 1)
    return err_set(e, ERR_INPUT, "exactly one revision must be given, not %zu", r->revision_count);
  if (r->adopt)
    return 0;
  if (r->operation == OP_STAMP && !r->revision_count)
    return err_set(e, ERR_INPUT, "stamp needs a revision, or `base`");
  if (r->purge && r->operation != OP_STAMP)
    return err_set(e, ERR_INPUT, "only stamp can purge");
  if (r->single_transaction && r->operation == OP_STAMP)
    return err_set(e, ERR_INPUT, "a stamp is one transaction anyway");
  return 0;
}

/* The identifiers must mean something in a catalog; relative ones only a target can answer. */
static int check_catalog(struct engine *g, struct db *db, const struct run_request *r,
                         const char *catalog, struct arena *arena, struct err *e) {
  static const enum ident_use uses[] = {
      [OP_UPGRADE] = IDENT_UPGRADE, [OP_DOWNGRADE] = IDENT_DOWNGRADE, [OP_STAMP] = IDENT_STAMP};
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct bundle_info bundle;
  if (bundle_get(db, catalog, arena, &bundle, e) || engine_catalog(g, bundle.digest, &ref, e))
    return -1;
  struct revision_set none = {0}, ignored;
  for (size_t i = 0; i < r->revision_count; i++)
    if (!ident_is_relative(r->revisions[i]) &&
        ident_resolve(catalog_ref_get(ref), r->revisions[i], uses[r->operation], &none, arena,
                      &ignored, e))
      return err_in(e, "catalog %s", catalog);
  return 0;
}

static int check_catalogs(struct engine *g, struct db *db, const struct run_request *r,
                          const struct target *targets, size_t count, struct arena *arena,
                          struct err *e) {
  for (size_t i = 0; i < count; i++) {
    bool seen = false;
    for (size_t k = i; k-- > 0 && !seen;)
      seen = !strcmp(targets[k].catalog, targets[i].catalog);
    if (!seen && check_catalog(g, db, r, targets[i].catalog, arena, e))
      return -1;
  }
  return 0;
}

/* A run that is begun must be recorded to its end: with little room left none is begun. */
static int check_room(const struct engine *g, struct err *e) {
  struct statvfs disk;
  if (!g->o.min_free || statvfs(store_path(g->o.store), &disk))
    return 0;
  uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
  if (room >= g->o.min_free)
    return 0;
  err_set(e, ERR_STORAGE, "the server's disk is nearly full: %" PRIu64 " MiB are left", room >> 20);
  return err_hint(
      e, "make room on it; `min-free` in migd.conf says how much must be left (%" PRIu64 " MiB)",
      g->o.min_free >> 20);
}

struct starting {
  const struct run_request *request;
  int64_t *targets;
  size_t count;
  int64_t run;
  bool existed;
};

static int write_start(struct db *db, void *ctx, struct err *e) {
  struct starting *s = ctx;
  struct run run = {.request_id = s->request->request_id,
                    .principal = s->request->principal,
                    .packed_request = s->request->packed,
                    .packed_request_len = s->request->packed_len,
                    .state = RUN_RUNNING,
                    .created_at = clock_wall_us()};
  if (run_insert(db, &run, s->targets, s->count, &s->run, &s->existed, e))
    return -1;
  if (s->existed)
    return 0;
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__RunStarted started = MIGD__V1__RUN_STARTED__INIT;
  started.tasks = (uint32_t)s->count;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_RUN_STARTED;
  event.run_started = &started;
  return event_write(db, s->run, "", &event, e);
}

int engine_run_start(struct engine *g, const struct run_request *request, struct arena *arena,
                     int64_t *run, struct err *e) {
  struct target *targets;
  struct starting s = {.request = request};
  if (check_shape(request, e) || check_room(g, e))
    return -1;
  struct db *db = store_reader(g->o.store, e);
  if (!db)
    return -1;
  int rc = target_select(db, &request->targets, arena, &targets, &s.count, e);
  if (!rc && !s.count)
    rc = err_set(e, ERR_NOT_FOUND, "no target is selected: nothing to do");
  if (!rc)
    rc = check_catalogs(g, db, request, targets, s.count, arena, e);
  store_reader_done(g->o.store, db);
  if (rc)
    return -1;
  s.targets = ARENA_ARRAY(arena, int64_t, s.count);
  for (size_t i = 0; i < s.count; i++)
    s.targets[i] = targets[i].id;
  if (store_write(g->o.store, write_start, &s, e))
    return -1;
  *run = s.run;
  if (s.existed)
    return 0;
  log_line(g->o.log, LOG_INFO, "engine", "run %" PRId64 " by %s: %zu targets", s.run,
           request->principal, s.count);
  int64_t wait_until = clock_mono_ns() + request->wait_ns;
  for (size_t i = 0; i < s.count; i++)
    schedule_add(g, s.run, s.targets[i], wait_until, DOUBT_NONE);
  return 0;
}

/* --- cancelling and resuming what is not at work --- */

struct reopening {
  int64_t run;
  unsigned from; /* states of tasks that are changed */
  enum task_state to;
  int64_t *targets;
  size_t count;
  bool over;
};

static int change_tasks(struct db *db, struct reopening *r, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct task *tasks;
  size_t count;
  if (task_list(db, r->run, r->from, &arena, &tasks, &count, e))
    return -1;
  r->targets = xcalloc(count + 1, sizeof *r->targets);
  for (size_t i = 0; i < count; i++) {
    tasks[i].state = r->to;
    if (r->to == TASK_QUEUED)
      tasks[i].error = NULL, tasks[i].error_len = 0, tasks[i].finished_at = 0;
    if (task_update(db, &tasks[i], e))
      return -1;
    r->targets[r->count++] = tasks[i].target;
  }
  return 0;
}

static int nothing_to_cancel(int64_t run, struct err *e) {
  return err_set(e, ERR_REFUSED, "run %" PRId64 " is over: there is nothing to cancel", run);
}

static int write_cancelled(struct db *db, void *ctx, struct err *e) {
  struct reopening *r = ctx;
  if (change_tasks(db, r, e))
    return -1;
  if (!r->count)
    return nothing_to_cancel(r->run, e);
  return run_settle(db, r->run, &r->over, e);
}

int engine_run_cancel(struct engine *g, int64_t run, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct run found;
  struct db *db = store_reader(g->o.store, e);
  if (!db)
    return -1;
  int rc = run_get(db, run, &arena, &found, e);
  store_reader_done(g->o.store, db);
  if (rc)
    return -1;
  if (!found.open && !found.interrupted)
    return nothing_to_cancel(run, e);
  if (schedule_cancel(g, run))
    return 0;
  struct reopening r = {.run = run, .from = 1u << TASK_INTERRUPTED, .to = TASK_CANCELLED};
  rc = store_write(g->o.store, write_cancelled, &r, e);
  free(r.targets);
  if (!rc)
    run_announce(g, run, r.over);
  return rc;
}

static int write_resumed(struct db *db, void *ctx, struct err *e) {
  struct reopening *r = ctx;
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct run run;
  if (run_get(db, r->run, &arena, &run, e))
    return -1;
  if (run.state == RUN_RUNNING)
    return err_set(e, ERR_REFUSED, "run %" PRId64 " is at work", r->run);
  if (change_tasks(db, r, e))
    return -1;
  if (!r->count) {
    err_set(e, ERR_REFUSED, "run %" PRId64 " has no task to go on with", r->run);
    if (run.state == RUN_SUCCEEDED)
      return err_hint(e, "it succeeded");
    return err_hint(e, "a task in doubt needs an answer: --skip or --retry");
  }
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__RunStarted started = MIGD__V1__RUN_STARTED__INIT;
  started.tasks = (uint32_t)r->count;
  started.resumed = 1;
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_RUN_STARTED;
  event.run_started = &started;
  return run_set_state(db, r->run, RUN_RUNNING, 0, e) || event_write(db, r->run, "", &event, e) ? -1
                                                                                                : 0;
}

int engine_run_resume(struct engine *g, int64_t run, enum doubt_answer doubt, const char *principal,
                      struct err *e) {
  struct reopening r = {.run = run,
                        .from = 1u << TASK_INTERRUPTED | 1u << TASK_FAILED | 1u << TASK_CANCELLED |
                                (doubt != DOUBT_NONE ? 1u << TASK_IN_DOUBT : 0),
                        .to = TASK_QUEUED};
  int rc = store_write(g->o.store, write_resumed, &r, e);
  if (!rc)
    log_line(g->o.log, LOG_INFO, "engine", "run %" PRId64 " resumed by %s: %zu targets", run,
             principal, r.count);
  for (size_t i = 0; !rc && i < r.count; i++)
    schedule_add(g, run, r.targets[i], clock_mono_ns(), doubt);
  free(r.targets);
  return rc;
}

void engine_unlocked(struct engine *g, int64_t target) {
  schedule_wake(g, target);
}
