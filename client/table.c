/* See table.h. */
#include "client/table.h"

#include <stdarg.h>
#include <string.h>

#include "client/text.h"

enum { GAP = 2 };

static const char *const codes[] = {
    [PAINT_NONE] = "",        [PAINT_GREEN] = "\033[32m", [PAINT_YELLOW] = "\033[33m",
    [PAINT_RED] = "\033[31m", [PAINT_DIM] = "\033[2m",    [PAINT_BOLD] = "\033[1m",
};

void paint_text(struct buf *out, enum paint paint, const char *text, bool color) {
  bool painted = color && paint != PAINT_NONE;
  buf_adds(out, painted ? codes[paint] : "");
  buf_adds(out, text);
  buf_adds(out, painted ? "\033[0m" : "");
}

void table_init(struct table *t, struct arena *arena, const char *const *headings) {
  *t = (struct table){.arena = arena, .headings = headings};
  while (headings[t->columns])
    t->columns++;
}

void table_add(struct table *t, enum paint paint, const char *format, ...) {
  if (t->cells == t->room) {
    size_t room = t->room ? 2 * t->room : 16 * t->columns;
    struct table_cell *grown = ARENA_ARRAY(t->arena, struct table_cell, room);
    if (t->cells)
      memcpy(grown, t->cell, t->cells * sizeof *grown);
    t->cell = grown;
    t->room = room;
  }
  va_list args;
  va_start(args, format);
  const char *text = arena_vprintf(t->arena, format, args);
  va_end(args);
  t->cell[t->cells++] = (struct table_cell){text_cleaned(t->arena, text), paint};
}

static bool to_the_right(const struct table *t, size_t column) {
  return t->headings[column][0] == '>';
}

static const char *heading(const struct table *t, size_t column) {
  return t->headings[column] + to_the_right(t, column);
}

static size_t width_of(const char *text) {
  return text_width(text, strlen(text));
}

/* A column that is empty in every row is left out. */
static size_t measure(const struct table *t, size_t column) {
  size_t most = 0;
  for (size_t i = column; i < t->cells; i += t->columns) {
    size_t w = width_of(t->cell[i].text);
    most = w > most ? w : most;
  }
  size_t own = width_of(heading(t, column));
  return most == 0 ? 0 : own > most ? own : most;
}

static void pad(struct buf *out, size_t columns) {
  for (size_t i = 0; i < columns; i++)
    buf_addc(out, ' ');
}

struct layout {
  size_t *widths;
  size_t last; /* the last column that is shown */
  bool color;
  size_t room; /* columns left for the last column; 0: any */
};

static void print_cell(const struct table *t, const struct layout *l, size_t column,
                       struct table_cell c, struct buf *out) {
  size_t w = width_of(c.text), missing = w < l->widths[column] ? l->widths[column] - w : 0;
  bool right = to_the_right(t, column), last = column == l->last;
  if (right)
    pad(out, missing);
  if (last && l->room && w > l->room) {
    size_t fit = text_fit(c.text, strlen(c.text), l->room - 1);
    paint_text(out, c.paint, arena_printf(t->arena, "%.*s…", (int)fit, c.text), l->color);
  } else {
    paint_text(out, c.paint, c.text, l->color);
  }
  if (!last)
    pad(out, (right ? 0 : missing) + GAP);
}

static void print_row(const struct table *t, const struct layout *l, const struct table_cell *row,
                      struct buf *out) {
  for (size_t c = 0; c <= l->last; c++)
    if (l->widths[c])
      print_cell(t, l, c, row ? row[c] : (struct table_cell){heading(t, c), PAINT_BOLD}, out);
  while (out->len && out->s[out->len - 1] == ' ')
    out->s[--out->len] = 0;
  buf_addc(out, '\n');
}

void table_print(const struct table *t, struct buf *out, bool color, size_t width) {
  if (t->cells < t->columns)
    return;
  struct layout l = {.widths = ARENA_ARRAY(t->arena, size_t, t->columns), .color = color};
  size_t before = 0;
  for (size_t c = 0; c < t->columns; c++) {
    l.widths[c] = measure(t, c);
    if (l.widths[c])
      l.last = c;
  }
  for (size_t c = 0; c < l.last; c++)
    before += l.widths[c] ? l.widths[c] + GAP : 0;
  /* A terminal too narrow for more than a few letters wraps instead. */
  if (width > before + 12)
    l.room = width - before;
  print_row(t, &l, NULL, out);
  for (size_t i = 0; i + t->columns <= t->cells; i += t->columns)
    print_row(t, &l, t->cell + i, out);
}
