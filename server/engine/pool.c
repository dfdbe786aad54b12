/* A fixed set of threads over one bounded first-in-first-out list. */
#include "server/engine/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"

struct pool {
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  struct work *first, **last;
  size_t queued, limit; /* limit 0: none */
  bool stopping;
  unsigned count;
  pthread_t threads[];
};

static struct work *take(struct pool *p) {
  pthread_mutex_lock(&p->mutex);
  while (!p->first && !p->stopping)
    pthread_cond_wait(&p->wake, &p->mutex);
  struct work *work = p->first;
  if (work) {
    p->first = work->next;
    p->queued--;
    if (!p->first)
      p->last = &p->first;
  }
  pthread_mutex_unlock(&p->mutex);
  return work;
}

static void *thread_main(void *arg) {
  struct pool *p = arg;
  struct work *work;
  while ((work = take(p)))
    work->run(work);
  return NULL;
}

int pool_new(struct pool **out, const char *name, unsigned threads, size_t queue_limit,
             struct err *e) {
  struct pool *p = xcalloc(1, sizeof *p + threads * sizeof p->threads[0]);
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->wake, NULL);
  p->last = &p->first;
  p->limit = queue_limit;
  for (; p->count < threads; p->count++) {
    int rc = pthread_create(&p->threads[p->count], NULL, thread_main, p);
    if (rc) {
      pool_free(p);
      return err_errno(e, ERR_INTERNAL, rc, "start thread %s", name);
    }
    char title[16];
    snprintf(title, sizeof title, "%.10s-%u", name, p->count % 1000);
    pthread_setname_np(p->threads[p->count], title);
  }
  *out = p;
  return 0;
}

int pool_submit(struct pool *p, struct work *work, struct err *e) {
  work->next = NULL;
  pthread_mutex_lock(&p->mutex);
  bool stopping = p->stopping, full = p->limit && p->queued >= p->limit;
  if (!stopping && !full) {
    *p->last = work;
    p->last = &work->next;
    p->queued++;
    pthread_cond_signal(&p->wake);
  }
  pthread_mutex_unlock(&p->mutex);
  if (stopping)
    return err_set(e, ERR_UNREACHABLE, "the server is stopping");
  if (full)
    return err_set(e, ERR_BUSY, "the server is busy: %zu requests are waiting; try again",
                   p->limit);
  return 0;
}

void pool_stop(struct pool *p) {
  pthread_mutex_lock(&p->mutex);
  p->stopping = true;
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->mutex);
  for (; p->count; p->count--)
    pthread_join(p->threads[p->count - 1], NULL);
}

void pool_free(struct pool *p) {
  if (!p)
    return;
  pool_stop(p);
  pthread_cond_destroy(&p->wake);
  pthread_mutex_destroy(&p->mutex);
  free(p);
}
