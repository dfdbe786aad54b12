/* The frame in which the rules run, the same in the server (rules of the text) and in migd-lint
 * (rules of the tree): it is led through a unit statement by statement, keeps the scope, asks each
 * rule that applies and collects what they report. Private to the room.
 */
#ifndef MIGD_LINT_FRAME_H
#define MIGD_LINT_FRAME_H

#include "server/lint/scope.h"
#include "server/lint/unit.h"

/* What a rule reported of a statement; not yet placed in a file. */
struct found {
  const struct rule *rule;
  enum severity severity;
  size_t offset, len; /* within the statement */
  const char *message, *table;
};

struct lint_report {
  struct arena *arena; /* of what is found */
  struct found *items; /* of the statement in hand: LINT_REPORTS_MAX places */
  size_t count;
  struct wordset memory;
};

struct frame {
  enum dialect dialect;
  enum direction direction;
  bool text; /* which kind of rule is asked */
  struct scope scope;
  struct lint_report report;
};

/* Everything is in `arena`, which lasts as long as the unit is looked at. */
void frame_begin(struct frame *f, enum dialect dialect, enum direction direction, bool text,
                 struct arena *arena);
/* The next statement: asks the rules; frame->report.items[0 … count) is what they found, until the
 * next one. `tree` NULL and not f->text: only the scope follows it. `unit` may be NULL. */
void frame_statement(struct frame *f, const char *sql, size_t len, const struct step *step,
                     const PgQuery__Node *tree, const struct lint_unit *unit, size_t index);

#endif
