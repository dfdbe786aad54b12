/* A fixed set of threads over lines of work, a line a group, which take turns. */
#include "server/engine/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"

/* A group with work that waits. */
struct line {
  struct line *next;
  int64_t group;
  struct work *first, **last;
};

struct pool {
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  struct line *first, **last; /* in the order in which they have their turns */
  size_t queued, limit;       /* limit 0: none */
  bool stopping;
  unsigned count;
  pthread_t threads[];
};

static struct line *line_of(struct pool *p, int64_t group) {
  for (struct line *l = p->first; l; l = l->next)
    if (l->group == group)
      return l;
  struct line *l = xcalloc(1, sizeof *l);
  l->group = group;
  l->last = &l->first;
  *p->last = l;
  p->last = &l->next;
  return l;
}

static void append(struct line *l, struct work *work) {
  work->next = NULL;
  *l->last = work;
  l->last = &work->next;
}

/* The first of the line whose turn it is, which goes behind the others. */
static struct work *next_work(struct pool *p) {
  struct line *l = p->first;
  if (!l)
    return NULL;
  struct work *work = l->first;
  l->first = work->next;
  p->first = l->next;
  if (!p->first)
    p->last = &p->first;
  l->next = NULL;
  if (l->first) {
    *p->last = l;
    p->last = &l->next;
  } else {
    free(l);
  }
  p->queued--;
  return work;
}

static struct work *take(struct pool *p) {
  pthread_mutex_lock(&p->mutex);
  while (!p->first && !p->stopping)
    pthread_cond_wait(&p->wake, &p->mutex);
  struct work *work = next_work(p);
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
  pthread_mutex_lock(&p->mutex);
  bool stopping = p->stopping, full = p->limit && p->queued >= p->limit;
  if (!stopping && !full) {
    append(line_of(p, work->group), work);
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
