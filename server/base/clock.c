/* The two clocks of the system. They cannot fail on Linux with these ids. Holds nothing, any
 * thread. */
#include "server/base/clock.h"

#include <time.h>

int64_t clock_mono_ns(void) {
  struct timespec t = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_wall_us(void) {
  struct timespec t = {0};
  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
