/* A progress bar on stderr, where that is a terminal: done of total, rate, elapsed, remaining. It
 * occupies the last line; progress_hide() makes way for other lines. One thread.
 */
#ifndef MIGD_CLIENT_PROGRESS_H
#define MIGD_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/buf.h"

struct progress {
  bool on, color;
  bool shown;       /* the line is on the screen */
  const char *verb; /* "upgrade" */
  const char *unit; /* "targets" */
  uint64_t total, done, failed;
  char note[80];        /* behind the figures where there is room, or "" */
  int64_t began, drawn; /* monotonic */
};

/* `on`: false makes the rest do nothing. */
void progress_start(struct progress *p, const char *verb, const char *unit, bool on, bool color);
/* Draws again, at most ten times a second. */
void progress_tick(struct progress *p);
void progress_hide(struct progress *p);

/* The line itself, for a terminal of `width` columns; pure. */
void progress_line(struct buf *out, const struct progress *p, int64_t now, unsigned width);

/* The columns of the terminal behind `fd`; 80 when it does not say. */
unsigned terminal_width(int fd);
unsigned terminal_height(int fd);

#endif
