/* See retry.h. */
#include "server/engine/retry.h"

enum {
  FIRST_PART = 3, /* the first try waits for 1/2^3 of the timeout */
  WAIT_MIN_MS = 10,
  PAUSE_FIRST_MS = 100,
  PAUSE_MOST_MS = 5000,
  DOUBLINGS = 6, /* until the pause is above PAUSE_MOST_MS */
};

struct retry retry_begin(int64_t lock_timeout_ms, int64_t budget_ms, bool whole, uint64_t seed) {
  return (struct retry){.lock_timeout_ms = lock_timeout_ms,
                        .budget_ms = budget_ms,
                        .whole = whole,
                        .last = budget_ms <= 0,
                        .random = seed};
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t next_random(struct retry *r) {
  uint64_t z = r->random += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

int64_t retry_wait_ms(const struct retry *r) {
  if (r->whole || r->last || r->failed >= FIRST_PART)
    return r->lock_timeout_ms;
  int64_t ms = r->lock_timeout_ms >> (FIRST_PART - r->failed);
  ms = ms < WAIT_MIN_MS ? WAIT_MIN_MS : ms;
  return ms < r->lock_timeout_ms ? ms : r->lock_timeout_ms;
}

bool retry_again(struct retry *r, int64_t spent_ms, int64_t *pause_ms) {
  if (r->last)
    return false;
  int64_t most = (int64_t)PAUSE_FIRST_MS << (r->failed < DOUBLINGS ? r->failed : DOUBLINGS);
  most = most < PAUSE_MOST_MS ? most : PAUSE_MOST_MS;
  int64_t pause = most / 2 + (int64_t)(next_random(r) % (uint64_t)(most / 2 + 1));
  int64_t left = spent_ms < r->budget_ms ? r->budget_ms - spent_ms : 0;
  r->failed++;
  r->last = pause >= left;
  *pause_ms = r->last ? left : pause;
  return true;
}
