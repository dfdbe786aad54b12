/* The log writes a line with one write(2), so lines of different threads do not mix and nothing is
 * held back when the process is killed. A line is at most PIPE_BUF bytes: a pipe takes it whole,
 * and a peer cannot fill the disk with one. Owned by main, used by any thread: only the level
 * changes, atomically.
 */
#include "server/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/utf8.h"
#include "server/base/clock.h"

#define TAIL_ROOM 16 /* for the cut mark, the closing of JSON, the newline */

struct log {
  atomic_int level;
  enum log_format format;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct log *log_new(enum log_level level, enum log_format format) {
  struct log *log = xmalloc(sizeof *log);
  atomic_init(&log->level, (int)level);
  log->format = format;
  return log;
}

void log_free(struct log *log) {
  free(log);
}

void log_set_level(struct log *log, enum log_level level) {
  atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

bool log_on(const struct log *log, enum log_level level) {
  return log != NULL && (int)level >= atomic_load_explicit(&log->level, memory_order_relaxed);
}

static void add_time(struct buf *line) {
  int64_t us = clock_wall_us();
  time_t seconds = (time_t)(us / 1000000);
  struct tm tm = {0};
  (void)gmtime_r(&seconds, &tm);
  buf_addf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
           tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us % 1000000 / 1000));
}

/* One character of the text: as it is, or escaped. `\xNN` is no JSON, `\uNNNN` is understood by
 * people. */
static void add_char(struct buf *line, const char *s, size_t n, enum log_format format) {
  unsigned char c = (unsigned char)s[0];
  if (n == 0)
    buf_addf(line, format == LOG_JSON ? "\\ufffd" : "\\x%02x", c);
  else if (c == '\n')
    buf_adds(line, "\\n");
  else if (c == '\t')
    buf_adds(line, "\\t");
  else if (c < 0x20 || c == 0x7f)
    buf_addf(line, "\\u%04x", c);
  else if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
    buf_addf(line, "\\u%04x", (unsigned char)s[1]);
  else if (format == LOG_JSON && (c == '"' || c == '\\'))
    buf_addf(line, "\\%c", c);
  else
    buf_add(line, s, n);
}

static void add_text(struct buf *line, const struct buf *text, enum log_format format) {
  for (size_t i = 0; i < text->len;) {
    if (line->len + TAIL_ROOM > PIPE_BUF) {
      buf_adds(line, "...");
      return;
    }
    size_t n = utf8_char(text->s + i, text->len - i);
    add_char(line, text->s + i, n, format);
    i += n != 0 ? n : 1;
  }
}

static void write_line(const struct buf *line) {
  ssize_t n = 0;
  do {
    n = write(STDERR_FILENO, line->s, line->len);
  } while (n < 0 && errno == EINTR);
}

void log_line(struct log *log, enum log_level level, const char *room, const char *format, ...) {
  if (!log_on(log, level))
    return;
  struct buf text BUF_SCOPED = BUF_INIT, line BUF_SCOPED = BUF_INIT;
  va_list args;
  va_start(args, format);
  buf_vaddf(&text, format, args);
  va_end(args);
  bool json = log->format == LOG_JSON;
  buf_adds(&line, json ? "{\"time\":\"" : "");
  add_time(&line);
  buf_addf(&line, json ? "\",\"level\":\"%s\",\"room\":\"%s\",\"text\":\"" : " %s %s: ",
           level_names[level], room);
  add_text(&line, &text, log->format);
  buf_adds(&line, json ? "\"}\n" : "\n");
  write_line(&line);
}
