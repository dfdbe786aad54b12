/* What must hold after a table was rebuilt, before anything is committed: its file structures and
 * constraints are sound, and what could be used before, views and triggers, can be used still. Used
 * by rebuild.c only.
 */
#ifndef MIGD_ENGINE_REBUILD_CHECK_H
#define MIGD_ENGINE_REBUILD_CHECK_H

#include "server/engine/walk.h"
#include "server/sql/rebuild.h"

/* The views, and the tables and views that have triggers, whose statements could be compiled. */
struct dependents {
  struct dependent *items;
  size_t count;
};

/* Before the rebuild. */
int dependents_read(struct walk *w, const struct schema *schema, struct arena *arena,
                    struct dependents *out, struct err *e);
/* After it: -1 with ERR_MIGRATION that names what can no longer be compiled. */
int dependents_check(struct walk *w, const struct dependents *d, const struct rebuild *plan,
                     struct err *e);
/* After it: -1 with ERR_MIGRATION saying what SQLite finds wrong with the new table. */
int integrity_check(struct walk *w, const struct rebuild *plan, struct err *e);

#endif
