/* The names in a catalog, ids and labels, sorted: exact look-up and prefixes. Private to the room.
 */
#ifndef MIGD_CATALOG_NAMES_H
#define MIGD_CATALOG_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"

struct name {
  const char *text;
  unsigned revision; /* its index */
  bool label;
};

struct id_table {
  struct name *names; /* by text, then by revision; ids before labels */
  size_t count;
};

/* Sorts. */
void names_sort(struct id_table *t);
/* The first of an exact name, NULL when there is none. */
const struct name *names_find(const struct id_table *t, const char *text, size_t len);
/* The names that begin with the text: the first one, and how many. */
const struct name *names_prefix(const struct id_table *t, const char *text, size_t len,
                                size_t *count);
/* The nearest to a mistyped name, or NULL. */
const char *names_nearest(const struct id_table *t, const char *text);

#endif
