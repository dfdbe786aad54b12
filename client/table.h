/* Aligned columns for a terminal, or plain text for a pipe. Cells are cleaned and measured as
 * UTF-8. */
#ifndef MIGD_CLIENT_TABLE_H
#define MIGD_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"

enum paint { PAINT_NONE, PAINT_GREEN, PAINT_YELLOW, PAINT_RED, PAINT_DIM, PAINT_BOLD };

struct table_cell {
  const char *text;
  enum paint paint;
};

struct table {
  struct arena *arena;
  const char *const *headings; /* ends with NULL; one that begins with `>` aligns to the right */
  size_t columns, cells, room;
  struct table_cell *cell; /* row after row */
};

void table_init(struct table *t, struct arena *arena, const char *const *headings);
/* The next cell of the row; rows end by themselves. */
void table_add(struct table *t, enum paint paint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends headings and rows; `width` cuts the last column to a terminal's width, 0 does not. A
 * table without rows is nothing. */
void table_print(const struct table *t, struct buf *out, bool color, size_t width);

/* A text in a colour, where colours are wanted. */
void paint_text(struct buf *out, enum paint paint, const char *text, bool color);

#endif
