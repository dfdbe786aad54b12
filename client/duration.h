/* Durations and times as people write and read them, and as messages carry them. Pure; "now" is
 * always a parameter. Times are nanoseconds since 1970.
 */
#ifndef MIGD_CLIENT_DURATION_H
#define MIGD_CLIENT_DURATION_H

#include <stdint.h>

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

/* `500ms`, `30s`, `5m`, `1h30m`, `2d`, `0`; not negative, at most 10,000 days. */
int duration_parse(const char *text, int64_t *ns, struct err *e);
/* "12 ms", "1.2 s", "3 min 05 s", "2 h 10 min", "4 days". */
void duration_format(struct buf *out, int64_t ns);
/* "0:07", "12:34", "1:02:03": for progress. */
void duration_clock(struct buf *out, int64_t ns);

Google__Protobuf__Duration *duration_message(struct arena *arena, int64_t ns);
/* NULL is 0; out of range is clamped. */
int64_t duration_ns(const Google__Protobuf__Duration *d);

int64_t now_ns(void);       /* CLOCK_REALTIME */
int64_t monotonic_ns(void); /* CLOCK_MONOTONIC */
int64_t timestamp_ns(const Google__Protobuf__Timestamp *t);
/* RFC 3339, UTC, with 0, 3, 6 or 9 digits of a second, as proto3 JSON wants it. */
void timestamp_format(struct buf *out, const Google__Protobuf__Timestamp *t);
/* "just now", "3 min ago", "in 2 h", "yesterday" as "1 day ago"; "-" for NULL. In the arena. */
const char *time_relative(struct arena *arena, const Google__Protobuf__Timestamp *t, int64_t now);

#endif
