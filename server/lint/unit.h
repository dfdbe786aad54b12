/* A unit of lint: the statements of one revision in one direction on one dialect, in the order in
 * which they run. What a frame is led through. Private to the room; pure.
 */
#ifndef MIGD_LINT_UNIT_H
#define MIGD_LINT_UNIT_H

#include "server/catalog/catalog.h"

struct history; /* history.h */

/* How a statement runs, as `struct lint_scope` tells it to the rules. */
struct step {
  bool transaction, batch;
  unsigned section; /* among those of the unit */
  unsigned transaction_number;
};

struct unit_statement {
  const char *sql; /* variables replaced by words as long; NUL behind */
  size_t len;
  size_t start; /* in the revision's content */
  unsigned line, column;
  struct step step;
  bool first_in_line; /* no other of the unit begins before it in its line */
  bool asked;         /* of the rules that read the tree: they have seen it */
};

struct lint_unit {
  const struct catalog *catalog;
  unsigned revision; /* its index */
  enum direction direction;
  enum dialect dialect;
  struct unit_statement *items;
  size_t count;
  bool divided;            /* not all of it is one transaction */
  struct history *history; /* what the catalog's revisions make on SQLite; NULL: not known */
};

/* All in `arena`, but for what it borrows of the catalog. */
void unit_build(const struct catalog *c, unsigned revision, enum direction direction,
                enum dialect dialect, struct arena *arena, struct lint_unit *out);

/* A copy of a statement in which each `${name}` outside quotes and comments is a word of the same
 * length (for `${name:literal}` and `${name}` a string), so that a parser can read it and every
 * place stays. NUL behind. */
char *unit_without_variables(enum dialect dialect, const char *sql, size_t len,
                             struct arena *arena);

#endif
