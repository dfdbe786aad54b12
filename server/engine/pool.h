/* A pool of threads that do work in the order in which it came, groups of it taking turns: a small
 * group behind a large one does not wait for all of that. Workers are plain blocking code. The
 * queue is bounded: what does not fit is refused, not waited for.
 */
#ifndef MIGD_ENGINE_POOL_H
#define MIGD_ENGINE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

/* Embedded in what is to be done; `run` owns it from there. */
struct work {
  struct work *next;
  int64_t group; /* work of one group is done in its order */
  void (*run)(struct work *work);
};

struct pool;

/* `queue_limit` 0: unbounded (for work that is bounded elsewhere). */
int pool_new(struct pool **out, const char *name, unsigned threads, size_t queue_limit,
             struct err *e);
/* ERR_BUSY when the queue is full; ERR_UNREACHABLE once it is stopped. Any thread. */
int pool_submit(struct pool *p, struct work *work, struct err *e);
/* No more work is taken; what is queued still runs; returns when all threads ended. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p); /* stops; takes NULL */

#endif
