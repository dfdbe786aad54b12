/* See progress.h. */
#include "client/progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/duration.h"
#include "client/text.h"

#define REDRAW_NS (100 * NS_PER_MS)
enum { BAR_MOST = 40, BAR_LEAST = 8 };

static struct winsize terminal(int fd) {
  struct winsize w = {0};
  ioctl(fd, TIOCGWINSZ, &w);
  return w;
}

unsigned terminal_width(int fd) {
  unsigned width = terminal(fd).ws_col;
  return width ? width : 80;
}

unsigned terminal_height(int fd) {
  unsigned height = terminal(fd).ws_row;
  return height ? height : 24;
}

void progress_start(struct progress *p, const char *verb, const char *unit, bool on, bool color) {
  *p = (struct progress){
      .on = on, .color = color, .verb = verb, .unit = unit, .began = monotonic_ns()};
}

static void add_rate(struct buf *out, double rate) {
  if (rate >= 10)
    buf_addf(out, "  %.0f/s", rate);
  else if (rate >= 1)
    buf_addf(out, "  %.1f/s", rate);
  else if (rate > 0)
    buf_addf(out, "  %.1f/min", rate * 60);
}

static void add_figures(struct buf *out, const struct progress *p, int64_t now) {
  int64_t elapsed = now - p->began;
  double rate = elapsed > 0 ? (double)p->done * 1e9 / (double)elapsed : 0;
  buf_addf(out, " %" PRIu64 "/%" PRIu64 " %s", p->done, p->total, p->unit);
  add_rate(out, rate);
  buf_adds(out, "  ");
  duration_clock(out, elapsed);
  if (p->done > 0 && p->done < p->total) {
    buf_adds(out, "  ");
    duration_clock(out, (int64_t)((double)(p->total - p->done) / rate * 1e9));
    buf_adds(out, " left");
  }
  if (p->failed)
    buf_addf(out, p->color ? "  \033[31m%" PRIu64 " failed\033[0m" : "  %" PRIu64 " failed",
             p->failed);
}

static void add_note(struct buf *out, const struct progress *p) {
  if (p->note[0])
    buf_addf(out, "  %s", p->note);
}

static void add_bar(struct buf *out, const struct progress *p, unsigned width) {
  uint64_t done = p->done > p->total ? p->total : p->done;
  unsigned full = p->total ? (unsigned)(done * width / p->total) : 0;
  buf_adds(out, p->color ? " \033[32m" : " ");
  for (unsigned i = 0; i < width; i++) {
    if (i == full)
      buf_adds(out, p->color ? "\033[0;2m" : "");
    buf_adds(out, i < full ? "━" : p->color ? "━" : "·");
  }
  buf_adds(out, p->color ? "\033[0m" : "");
}

void progress_line(struct buf *out, const struct progress *p, int64_t now, unsigned width) {
  struct buf figures BUF_SCOPED = BUF_INIT;
  struct progress plain = *p;
  plain.color = false;
  add_figures(&figures, &plain, now);
  size_t without = strlen(p->verb) + text_width(buf_str(&figures), figures.len) + 2;
  if (without + 2 + strlen(p->note) >= width)
    plain.note[0] = 0;
  add_note(&figures, &plain);
  unsigned taken = (unsigned)(strlen(p->verb) + text_width(buf_str(&figures), figures.len)) + 2;
  unsigned bar = width > taken ? width - taken : 0;
  buf_clear(&figures);
  add_figures(&figures, p, now);
  add_note(&figures, &plain);
  buf_adds(out, p->verb);
  if (bar >= BAR_LEAST)
    add_bar(out, p, bar > BAR_MOST ? BAR_MOST : bar);
  buf_adds(out, buf_str(&figures));
}

static void put(const struct buf *b) {
  ssize_t n = write(STDERR_FILENO, buf_str(b), b->len);
  (void)n; /* a bar that cannot be drawn is no reason to stop */
}

void progress_tick(struct progress *p) {
  int64_t now = monotonic_ns();
  if (!p->on || p->total == 0 || (p->drawn && now - p->drawn < REDRAW_NS))
    return;
  struct buf line BUF_SCOPED = BUF_INIT;
  buf_adds(&line, "\r\033[K");
  progress_line(&line, p, now, terminal_width(STDERR_FILENO));
  put(&line);
  p->drawn = now;
  p->shown = true;
}

void progress_hide(struct progress *p) {
  if (!p->shown)
    return;
  struct buf line BUF_SCOPED = BUF_INIT;
  buf_adds(&line, "\r\033[K");
  put(&line);
  p->shown = false;
}
