/* The names in a catalog, ids and labels, sorted: exact look-up and prefixes. */
#include "server/catalog/names.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/nearest.h"

static int compare(const void *a, const void *b) {
  const struct name *x = a, *y = b;
  int order = strcmp(x->text, y->text);
  if (order == 0)
    order = (int)x->label - (int)y->label;
  return order ? order : (x->revision > y->revision) - (x->revision < y->revision);
}

void names_sort(struct id_table *t) {
  if (t->count)
    qsort(t->names, t->count, sizeof *t->names, compare);
}

/* The first name that is not less than the text. */
static size_t lower_bound(const struct id_table *t, const char *text, size_t len) {
  size_t low = 0, high = t->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (strncmp(t->names[mid].text, text, len) < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

const struct name *names_prefix(const struct id_table *t, const char *text, size_t len,
                                size_t *count) {
  size_t first = lower_bound(t, text, len), n = 0;
  while (first + n < t->count && strncmp(t->names[first + n].text, text, len) == 0)
    n++;
  *count = n;
  return t->names + first;
}

const struct name *names_find(const struct id_table *t, const char *text, size_t len) {
  size_t i = lower_bound(t, text, len);
  if (i == t->count || strncmp(t->names[i].text, text, len) != 0 || t->names[i].text[len] != '\0')
    return NULL; /* the text itself sorts before what it begins */
  return &t->names[i];
}

const char *names_nearest(const struct id_table *t, const char *text) {
  const char **all = xcalloc(t->count + 1, sizeof *all);
  for (size_t i = 0; i < t->count; i++)
    all[i] = t->names[i].text;
  const char *found = nearest(text, all, t->count);
  free(all);
  return found;
}
