/* When a step that did not get a lock inside the target is tried again, and how long each try may
 * wait for it. Whoever waits for a strong lock stands in a queue, and everybody who comes later
 * stands behind it: so the first tries are short, and there is time between them for others. Pure:
 * knows no clock and no database.
 */
#ifndef MIGD_ENGINE_RETRY_H
#define MIGD_ENGINE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry {
  int64_t lock_timeout_ms; /* no try waits for a lock longer than this */
  int64_t budget_ms;       /* from the first failure to the beginning of the last try */
  bool whole;              /* each try waits for all of it: what it made is lost with it */
  bool last;
  unsigned failed;
  uint64_t random;
};

/* A budget of 0: one try. `seed`: any number; another one makes other pauses. */
struct retry retry_begin(int64_t lock_timeout_ms, int64_t budget_ms, bool whole, uint64_t seed);
/* How long the try that comes now may wait for a lock: an eighth of the timeout, doubling; the last
 * one has it whole. */
int64_t retry_wait_ms(const struct retry *r);
/* After a try failed, `spent_ms` after the first that did: whether to try again, and the pause
 * before that, which doubles from 100 ms to 5 s, each between a half and the whole. */
bool retry_again(struct retry *r, int64_t spent_ms, int64_t *pause_ms);

#endif
