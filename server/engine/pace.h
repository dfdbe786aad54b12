/* How fast a section runs that goes batch by batch: how many rows the next batch takes and how long
 * the pause before it is, from what was seen of the batches so far. Pure: the clock and the waiting
 * are the caller's.
 */
#ifndef MIGD_ENGINE_PACE_H
#define MIGD_ENGINE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
  PACE_SMALLEST = 16,      /* a batch is never less than its size divided by this */
  PACE_LONGEST = 100,      /* nor a pause longer than this many times the one asked for… */
  PACE_LONGEST_MS = 10000, /* …or than this, unless it was asked for */
  PACE_CALM = 4,           /* batches that nobody waited for, before a step back */
  PACE_SLOW_MS = 1000,     /* a batch that keeps a whole database longer than this is too large */
};

struct pace {
  unsigned batch;   /* rows of the next batch */
  int64_t pause_ms; /* before it */
  /* Of the pace alone. */
  unsigned asked_batch;
  int64_t asked_pause_ms;
  unsigned calm;          /* batches in a row that nobody waited for */
  int64_t halved_ms;      /* what the batch took that was halved for its time; 0: none was */
  bool size_is_no_matter; /* smaller batches took as long: they look for their rows, say */
};

/* What was seen of a batch. */
struct pace_seen {
  bool others_wait; /* another session waited for a lock that it held, or it for theirs */
  bool keeps_all;   /* nobody else can write while it runs (SQLite) */
  int64_t took_ms;
};

void pace_init(struct pace *p, unsigned batch, int64_t pause_ms);
/* After a batch that changed rows. */
void pace_after(struct pace *p, const struct pace_seen *seen);

#endif
