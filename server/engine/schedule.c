/* Which task runs when: a list of all that are not over, a pool in which runs take turns, and a
 * clock that lets the first one waiting for each target try again.
 */
#include <errno.h>
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/engine/state.h"

/* Under the mutex. A pool that is stopped takes nothing: the task stays on the list, and the next
 * start of the server finds it in the store. */
static void submit(struct active *a) {
  struct err e;
  a->waiting = false;
  a->work.run = task_run;
  pool_submit(a->engine->tasks, &a->work, &e);
}

void schedule_add(struct engine *g, int64_t run, int64_t target, int64_t wait_until,
                  enum doubt_answer doubt) {
  struct active *a = xcalloc(1, sizeof *a);
  a->engine = g;
  a->run = a->work.group = run;
  a->target = target;
  a->wait_until = wait_until;
  a->doubt = doubt;
  pthread_mutex_lock(&g->mutex);
  *g->last_active = a;
  g->last_active = &a->next;
  submit(a);
  pthread_mutex_unlock(&g->mutex);
}

void schedule_wait(struct active *a) {
  struct engine *g = a->engine;
  pthread_mutex_lock(&g->mutex);
  a->waiting = true;
  if (atomic_load(&a->cancelled) || g->stopping)
    submit(a);
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->mutex);
}

/* Under the mutex: the first that waits for the target. */
static void wake_first(struct engine *g, int64_t target) {
  for (struct active *a = g->actives; a; a = a->next)
    if (a->waiting && a->target == target) {
      submit(a);
      return;
    }
}

void schedule_wake(struct engine *g, int64_t target) {
  pthread_mutex_lock(&g->mutex);
  wake_first(g, target);
  pthread_mutex_unlock(&g->mutex);
}

void schedule_read(struct cut_off *c) {
  struct engine *g = c->engine;
  struct err e;
  pthread_mutex_lock(&g->mutex);
  c->next = g->cut_offs;
  g->cut_offs = c;
  int rc = pool_submit(g->tasks, &c->work, &e);
  pthread_mutex_unlock(&g->mutex);
  if (rc)
    schedule_read_done(c);
}

void schedule_read_done(struct cut_off *c) {
  struct engine *g = c->engine;
  pthread_mutex_lock(&g->mutex);
  struct cut_off **slot = &g->cut_offs;
  while (*slot != c)
    slot = &(*slot)->next;
  *slot = c->next;
  wake_first(g, c->target);
  pthread_mutex_unlock(&g->mutex);
  free(c);
}

bool schedule_reads(struct engine *g, int64_t target) {
  pthread_mutex_lock(&g->mutex);
  const struct cut_off *c = g->cut_offs;
  while (c && c->target != target)
    c = c->next;
  pthread_mutex_unlock(&g->mutex);
  return c != NULL;
}

void schedule_done(struct active *a) {
  struct engine *g = a->engine;
  pthread_mutex_lock(&g->mutex);
  struct active **slot = &g->actives;
  while (*slot != a)
    slot = &(*slot)->next;
  *slot = a->next;
  if (!*slot)
    g->last_active = slot;
  wake_first(g, a->target);
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->mutex);
  if (a->running)
    job_release(&a->job);
  free(a);
}

void schedule_batch(struct active *a, const struct task_batch *batch) {
  pthread_mutex_lock(&a->engine->mutex);
  a->batch = batch ? *batch : (struct task_batch){0};
  pthread_mutex_unlock(&a->engine->mutex);
}

bool engine_batch(struct engine *g, int64_t run, int64_t target, struct task_batch *out) {
  bool found = false;
  pthread_mutex_lock(&g->mutex);
  for (const struct active *a = g->actives; a && !found; a = a->next) {
    found = a->run == run && a->target == target && a->batch.at.batches;
    if (found)
      *out = a->batch;
  }
  pthread_mutex_unlock(&g->mutex);
  return found;
}

bool schedule_cancel(struct engine *g, int64_t run) {
  bool any = false;
  pthread_mutex_lock(&g->mutex);
  for (struct active *a = g->actives; a; a = a->next) {
    if (a->run != run)
      continue;
    any = true;
    atomic_store(&a->cancelled, true);
    if (a->running)
      job_cancel(&a->job);
    if (a->waiting)
      submit(a);
  }
  pthread_mutex_unlock(&g->mutex);
  return any;
}

/* A maintenance lock ends by itself and a wait ends by its time: nobody tells, so the first in each
 * line looks once a second. */
static void wake_lines(struct engine *g) {
  int64_t now = clock_mono_ns();
  for (struct active *a = g->actives; a; a = a->next) {
    if (!a->waiting)
      continue;
    bool first = true;
    for (struct active *b = g->actives; b != a && first; b = b->next)
      first = b->target != a->target || !b->waiting;
    if (first || now >= a->wait_until)
      submit(a);
  }
}

static bool anyone_waits(const struct engine *g) {
  for (const struct active *a = g->actives; a; a = a->next)
    if (a->waiting)
      return true;
  return false;
}

static void *clock_main(void *arg) {
  struct engine *g = arg;
  pthread_mutex_lock(&g->mutex);
  while (!g->stopping) {
    if (!anyone_waits(g)) {
      pthread_cond_wait(&g->changed, &g->mutex);
      continue;
    }
    int64_t at = clock_mono_ns() + NS_PER_S;
    struct timespec until = {at / NS_PER_S, at % NS_PER_S};
    int rc = 0;
    while (!g->stopping && rc != ETIMEDOUT)
      rc = pthread_cond_timedwait(&g->changed, &g->mutex, &until);
    if (!g->stopping)
      wake_lines(g);
  }
  pthread_mutex_unlock(&g->mutex);
  return NULL;
}

int schedule_start(struct engine *g, struct err *e) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&g->changed, &attr);
  pthread_condattr_destroy(&attr);
  pthread_mutex_init(&g->mutex, NULL);
  g->last_active = &g->actives;
  if (pool_new(&g->tasks, "task", g->o.parallel, 0, e))
    return -1;
  int rc = pthread_create(&g->clock, NULL, clock_main, g);
  if (rc)
    return err_errno(e, ERR_INTERNAL, rc, "start thread");
  g->clock_runs = true;
  return 0;
}

/* Lets running steps end, then cancels them; what had not begun is left to say that it was
 * interrupted. */
void schedule_stop(struct engine *g, int grace_ms) {
  if (!g->tasks)
    return;
  atomic_store(&g->drain, true);
  pthread_mutex_lock(&g->mutex);
  g->stopping = true;
  for (struct active *a = g->actives; a; a = a->next)
    if (a->waiting)
      submit(a);
  pthread_cond_broadcast(&g->changed);
  int64_t at = clock_mono_ns() + grace_ms * NS_PER_MS;
  struct timespec until = {at / NS_PER_S, at % NS_PER_S};
  int rc = 0;
  while (g->actives && rc != ETIMEDOUT)
    rc = pthread_cond_timedwait(&g->changed, &g->mutex, &until);
  for (struct active *a = g->actives; a; a = a->next)
    if (a->running)
      job_cancel(&a->job);
  pthread_mutex_unlock(&g->mutex);
  pool_stop(g->tasks);
  if (g->clock_runs)
    pthread_join(g->clock, NULL);
  g->clock_runs = false;
}
