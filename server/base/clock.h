/* Clocks. Monotonic for every timer, the wall's only to be shown. Any thread. */
#ifndef MIGD_BASE_CLOCK_H
#define MIGD_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

int64_t clock_mono_ns(void);
/* Microseconds since 1970-01-01 UTC: the unit of every stored time. */
int64_t clock_wall_us(void);

#endif
