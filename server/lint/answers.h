/* The server's side of a unit that migd-lint looks at: what came of each statement. What migd-lint
 * says is not believed: a parser died of something in there. Private to the room; pure.
 */
#ifndef MIGD_LINT_ANSWERS_H
#define MIGD_LINT_ANSWERS_H

#include "server/lint/frame.h"

struct answer {
  size_t statement;
  struct found found;
};

struct answers {
  const struct lint_unit *unit;
  struct arena *arena;  /* of what is found */
  size_t done;          /* statements that are answered */
  size_t of_statement;  /* findings of the one that is not */
  bool *understood;     /* unit->count */
  struct answer *items; /* by statement */
  size_t count, capacity;
};

enum { ANSWERS_MAX = 10000 }; /* of a unit; further ones are dropped */

void answers_begin(struct answers *a, const struct lint_unit *unit, struct arena *arena);
/* Takes the whole frames at the start of some bytes: how many bytes that were, or -1 for nonsense,
 * which is every byte that this unit cannot be answered with. */
long answers_take(struct answers *a, const char *bytes, size_t len);
bool answers_complete(const struct answers *a);

#endif
