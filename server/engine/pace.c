/* Doubles and halves, as fast as others wait; back again step by step when nobody does. */
#include "server/engine/pace.h"

static int64_t longest(const struct pace *p) {
  int64_t most = p->asked_pause_ms > 0 ? p->asked_pause_ms * PACE_LONGEST : PACE_LONGEST_MS;
  if (most > PACE_LONGEST_MS)
    most = PACE_LONGEST_MS;
  return most > p->asked_pause_ms ? most : p->asked_pause_ms;
}

/* Rounded up, so that as many doublings lead back. */
static void halve(struct pace *p) {
  unsigned least = (p->asked_batch + PACE_SMALLEST - 1) / PACE_SMALLEST;
  p->batch = (p->batch + 1) / 2;
  if (p->batch < least)
    p->batch = least;
}

static void grow(struct pace *p) {
  p->batch = p->batch > p->asked_batch / 2 ? p->asked_batch : 2 * p->batch;
}

static void give_way(struct pace *p) {
  p->pause_ms = p->pause_ms > 0 ? 2 * p->pause_ms : 10;
  if (p->pause_ms > longest(p))
    p->pause_ms = longest(p);
  halve(p);
  p->calm = 0;
}

/* A batch that takes long for its size is halved, and once more as long as that helps. */
static void shorten(struct pace *p, int64_t took_ms) {
  p->calm = 0;
  if (p->halved_ms && took_ms * 4 > p->halved_ms * 3) {
    p->size_is_no_matter = true;
    p->batch = p->asked_batch;
    return;
  }
  p->halved_ms = took_ms;
  halve(p);
}

static void step_back(struct pace *p, int64_t took_ms, bool keeps_all) {
  p->pause_ms /= 2;
  if (p->pause_ms < p->asked_pause_ms)
    p->pause_ms = p->asked_pause_ms;
  if (p->size_is_no_matter || !keeps_all || 2 * took_ms < PACE_SLOW_MS)
    grow(p);
  p->calm = 0;
}

void pace_init(struct pace *p, unsigned batch, int64_t pause_ms) {
  *p = (struct pace){
      .batch = batch, .pause_ms = pause_ms, .asked_batch = batch, .asked_pause_ms = pause_ms};
}

void pace_after(struct pace *p, const struct pace_seen *seen) {
  if (seen->others_wait)
    give_way(p);
  else if (seen->keeps_all && seen->took_ms > PACE_SLOW_MS && !p->size_is_no_matter)
    shorten(p, seen->took_ms);
  else if (++p->calm == PACE_CALM)
    step_back(p, seen->took_ms, seen->keeps_all);
}
