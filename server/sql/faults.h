/* What is wrong in a text of SQL, with its places: a list, because a text is read on behind most of
 * what is wrong in it. Pure: no I/O, no globals.
 */
#ifndef MIGD_SQL_FAULTS_H
#define MIGD_SQL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"

/* More of one text are not kept. */
enum { SQL_FAULTS_MAX = 2000 };

struct sql_fault {
  size_t offset; /* in the text */
  const char *message;
};

/* Grows in its arena. */
struct sql_faults {
  struct arena *arena;
  struct sql_fault *items;
  size_t count, capacity;
};

/* False: the list is full, and looking for more is in vain. */
bool sql_faults_add(struct sql_faults *f, size_t offset, const char *message);
/* Puts them in the order of their places, one for each. */
void sql_faults_sort(struct sql_faults *f);
/* Whether one is at this place; they are sorted. */
bool sql_faults_at(const struct sql_faults *f, size_t offset);

#endif
