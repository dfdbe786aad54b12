/* The list of what is wrong in a text. Its memory is the caller's arena. */
#include "server/sql/faults.h"

#include <stdlib.h>
#include <string.h>

bool sql_faults_add(struct sql_faults *f, size_t offset, const char *message) {
  if (f->count == SQL_FAULTS_MAX)
    return false;
  if (f->count == f->capacity) {
    size_t capacity = f->capacity ? 2 * f->capacity : 4;
    struct sql_fault *items = ARENA_ARRAY(f->arena, struct sql_fault, capacity);
    if (f->count)
      memcpy(items, f->items, f->count * sizeof *items);
    f->items = items;
    f->capacity = capacity;
  }
  f->items[f->count++] = (struct sql_fault){offset, arena_strdup(f->arena, message)};
  return f->count < SQL_FAULTS_MAX;
}

static int by_place(const void *a, const void *b) {
  const struct sql_fault *x = a, *y = b;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

void sql_faults_sort(struct sql_faults *f) {
  size_t kept = 0;
  if (f->count)
    qsort(f->items, f->count, sizeof *f->items, by_place);
  for (size_t i = 0; i < f->count; i++)
    if (!kept || f->items[kept - 1].offset != f->items[i].offset)
      f->items[kept++] = f->items[i];
  f->count = kept;
}

bool sql_faults_at(const struct sql_faults *f, size_t offset) {
  const struct sql_fault wanted = {.offset = offset};
  return f->count && bsearch(&wanted, f->items, f->count, sizeof *f->items, by_place);
}
