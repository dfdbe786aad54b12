/* `-- migd:ignore RULE reason`: what a revision's author has weighed. Private to the room; pure. */
#ifndef MIGD_LINT_IGNORE_H
#define MIGD_LINT_IGNORE_H

#include "server/catalog/revision.h"
#include "server/lint/rule.h"

enum { IGNORES_MAX = 1000 }; /* of a revision that are heeded */

struct ignore {
  unsigned line;           /* where it stands */
  unsigned column, len;    /* of the rule's name in it */
  unsigned target;         /* the line below it and its comments: where its statement begins */
  const char *name;        /* of the rule, as written */
  const struct rule *rule; /* NULL: there is none of that name */
  const char *reason;      /* "": none is given */
  bool used;
};

struct ignores {
  struct ignore *items; /* by line */
  size_t count;
  bool more; /* than IGNORES_MAX */
};

/* All in `arena`. */
void ignores_read(const struct revision *r, struct arena *arena, struct ignores *out);
/* The reason to ignore a rule for the statement that begins in a line, and marks it as used; NULL:
 * there is none. */
const char *ignores_reason(struct ignores *g, unsigned line, const struct rule *rule);

#endif
