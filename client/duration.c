/* See duration.h. */
#include "client/duration.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MIN)
#define NS_PER_DAY (24 * NS_PER_HOUR)
#define LONGEST_DAYS 10000

static const struct unit {
  const char *name;
  int64_t ns;
} units[] = {
    {"ms", NS_PER_MS}, {"min", NS_PER_MIN}, {"s", NS_PER_S},
    {"m", NS_PER_MIN}, {"h", NS_PER_HOUR},  {"d", NS_PER_DAY},
};

static const struct unit *find_unit(const char *text) {
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    size_t len = strlen(units[i].name);
    if (strncmp(text, units[i].name, len) == 0 && !isalpha((unsigned char)text[len]))
      return &units[i];
  }
  return NULL;
}

/* Reads `12.5`; answers the bytes read, 0 when there is no number or it is beyond all limits. */
static size_t read_number(const char *text, double *number) {
  size_t i = 0;
  double value = 0, place = 1;
  for (; isdigit((unsigned char)text[i]); i++)
    value = value * 10 + (text[i] - '0');
  if (i == 0 || i > 18)
    return 0;
  if (text[i] == '.' && isdigit((unsigned char)text[i + 1]))
    for (i++; isdigit((unsigned char)text[i]) && i < 30; i++)
      value += (text[i] - '0') * (place /= 10);
  *number = value;
  return i;
}

static int bad_duration(struct err *e, const char *text) {
  return err_set(e, ERR_INPUT, "`%s` is no duration: write 500ms, 30s, 5m, 1h30m or 2d", text);
}

int duration_parse(const char *text, int64_t *ns, struct err *e) {
  double sum = 0;
  if (strcmp(text, "0") == 0) {
    *ns = 0;
    return 0;
  }
  for (const char *at = text; at == text || *at;) {
    double number;
    size_t digits = read_number(at, &number);
    const struct unit *unit = digits ? find_unit(at + digits) : NULL;
    if (!unit)
      return bad_duration(e, text);
    sum += number * (double)unit->ns;
    at += digits + strlen(unit->name);
  }
  if (sum > (double)LONGEST_DAYS * (double)NS_PER_DAY)
    return err_set(e, ERR_INPUT, "`%s` is too long: at most %d days", text, LONGEST_DAYS);
  *ns = (int64_t)(sum + 0.5);
  return 0;
}

void duration_format(struct buf *out, int64_t ns) {
  if (ns < 0)
    ns = 0;
  if (ns < NS_PER_MS)
    buf_addf(out, "%.1f ms", (double)ns / NS_PER_MS);
  else if (ns < NS_PER_S)
    buf_addf(out, "%lld ms", (long long)(ns / NS_PER_MS));
  else if (ns < 10 * NS_PER_S)
    buf_addf(out, "%.1f s", (double)(ns / (NS_PER_S / 10)) / 10);
  else if (ns < NS_PER_MIN)
    buf_addf(out, "%lld s", (long long)(ns / NS_PER_S));
  else if (ns < NS_PER_HOUR)
    buf_addf(out, "%lld min %02lld s", (long long)(ns / NS_PER_MIN),
             (long long)(ns % NS_PER_MIN / NS_PER_S));
  else if (ns < 2 * NS_PER_DAY)
    buf_addf(out, "%lld h %02lld min", (long long)(ns / NS_PER_HOUR),
             (long long)(ns % NS_PER_HOUR / NS_PER_MIN));
  else
    buf_addf(out, "%lld days", (long long)(ns / NS_PER_DAY));
}

void duration_clock(struct buf *out, int64_t ns) {
  int64_t s = ns < 0 ? 0 : ns / NS_PER_S;
  if (s >= 3600)
    buf_addf(out, "%lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60),
             (long long)(s % 60));
  else
    buf_addf(out, "%lld:%02lld", (long long)(s / 60), (long long)(s % 60));
}

Google__Protobuf__Duration *duration_message(struct arena *arena, int64_t ns) {
  Google__Protobuf__Duration *d = ARENA_NEW(arena, Google__Protobuf__Duration);
  google__protobuf__duration__init(d);
  d->seconds = ns / NS_PER_S;
  d->nanos = (int32_t)(ns % NS_PER_S);
  return d;
}

/* Seconds and nanoseconds to nanoseconds, clamped to what fits. */
static int64_t join(int64_t seconds, int32_t nanos) {
  const int64_t most = INT64_MAX / 2 / NS_PER_S; /* so that differences do not overflow */
  if (seconds > most)
    return most * NS_PER_S;
  if (seconds < -most)
    return -most * NS_PER_S;
  return seconds * NS_PER_S + nanos % NS_PER_S;
}

int64_t duration_ns(const Google__Protobuf__Duration *d) {
  return d ? join(d->seconds, d->nanos) : 0;
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t now_ns(void) {
  return clock_ns(CLOCK_REALTIME);
}

int64_t monotonic_ns(void) {
  return clock_ns(CLOCK_MONOTONIC);
}

int64_t timestamp_ns(const Google__Protobuf__Timestamp *t) {
  return t ? join(t->seconds, t->nanos) : 0;
}

void timestamp_format(struct buf *out, const Google__Protobuf__Timestamp *t) {
  struct tm tm;
  time_t seconds = (time_t)t->seconds;
  int32_t nanos = t->nanos < 0 || t->nanos >= NS_PER_S ? 0 : t->nanos;
  /* The range of RFC 3339: years 0001 to 9999. */
  if (seconds < -62135596800LL || seconds > 253402300799LL || !gmtime_r(&seconds, &tm)) {
    buf_adds(out, "0001-01-01T00:00:00Z");
    return;
  }
  buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
           tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (nanos % 1000 != 0)
    buf_addf(out, ".%09d", nanos);
  else if (nanos % 1000000 != 0)
    buf_addf(out, ".%06d", nanos / 1000);
  else if (nanos != 0)
    buf_addf(out, ".%03d", nanos / 1000000);
  buf_addc(out, 'Z');
}

static const char *in_words(struct arena *arena, int64_t ns) {
  if (ns < NS_PER_MIN)
    return arena_printf(arena, "%lld s", (long long)(ns / NS_PER_S));
  if (ns < NS_PER_HOUR)
    return arena_printf(arena, "%lld min", (long long)(ns / NS_PER_MIN));
  if (ns < NS_PER_DAY)
    return arena_printf(arena, "%lld h", (long long)(ns / NS_PER_HOUR));
  long long days = ns / NS_PER_DAY;
  return arena_printf(arena, "%lld %s", days, days == 1 ? "day" : "days");
}

/* What lies ahead is rounded: two hours, less the time to say so, are not one. */
static int64_t nearest_unit(int64_t ns) {
  int64_t unit = ns < NS_PER_MIN    ? NS_PER_S
                 : ns < NS_PER_HOUR ? NS_PER_MIN
                 : ns < NS_PER_DAY  ? NS_PER_HOUR
                                    : NS_PER_DAY;
  return ns + unit / 2;
}

const char *time_relative(struct arena *arena, const Google__Protobuf__Timestamp *t, int64_t now) {
  if (!t)
    return "-";
  int64_t past = now - timestamp_ns(t);
  if (past > -NS_PER_S && past < 2 * NS_PER_S)
    return "just now";
  if (past < 0)
    return arena_printf(arena, "in %s", in_words(arena, nearest_unit(-past)));
  return arena_printf(arena, "%s ago", in_words(arena, past));
}
