/* Adoption: what another migration tool wrote down in a target, mapped to the catalog's revisions.
 * A row a tool in adopt.c says where it writes and how its versions become ids, by the same rules
 * as `migctl import`. The other tool's table is only read. Used by the walk's plan stage.
 */
#ifndef MIGD_ENGINE_ADOPT_H
#define MIGD_ENGINE_ADOPT_H

#include "server/catalog/catalog.h"

struct walk;

/* A version that the other tool names. */
struct adopted {
  const char *version;
  const char *note;     /* its checksum, or "" */
  const char *revision; /* its id; NULL: left out, as it is a script that may run again */
};

struct adoption {
  const char *asked; /* the tool, as `--from` names it; "": whichever has been here */
  /* Found. */
  const char *tool, *table;
  struct adopted *items;
  size_t count;
  bool known; /* the ledger says as much already: nothing to do */
};

/* Whether `--from` can name it. */
bool adopt_knows(const char *tool);
/* Every name, for messages: "alembic, atlas, …". */
const char *adopt_names(struct arena *arena);
/* Reads, maps, and makes w->request a stamp at the ends of what is applied. ERR_REFUSED: nothing to
 * adopt, several tools, something that failed, a version that maps to no revision, a revision that
 * stands on one that is not applied, a ledger that says otherwise. */
int adopt_find(struct walk *w, struct err *e);

/* The catalog's rule for databases that were there before: whether it applies to this one, which
 * has no ledger; and the plan then, a stamp and the upgrade from there. */
int adopt_by_rule(struct walk *w, bool *applies, struct err *e);
int adopt_rule_plan(struct walk *w, struct err *e);

#endif
