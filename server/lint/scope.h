/* What a revision has done before a statement: the frame's own side of struct lint_scope. Read from
 * the text, for both dialects, so that it is the same with a tree and without. Private to the room.
 */
#ifndef MIGD_LINT_SCOPE_H
#define MIGD_LINT_SCOPE_H

#include "server/lint/rule.h"
#include "server/lint/unit.h"
#include "server/lint/wordset.h"

struct scope {
  struct lint_scope seen; /* what rules see; first, see scope.c */
  enum dialect dialect;
  struct wordset made;
  struct arena *scratch;            /* while a statement is read */
  bool lock_local, statement_local; /* the timeout ends with the transaction */
};

void scope_begin(struct scope *s, enum dialect dialect, struct arena *arena);
/* Before a statement's rules are asked. */
void scope_enter(struct scope *s, const struct step *step);
/* After them: adds what the statement does. */
void scope_leave(struct scope *s, const char *sql, size_t len, struct arena *scratch);

#endif
