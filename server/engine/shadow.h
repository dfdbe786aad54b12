/* The shadow of a script: a SQLite database in memory that has a schema and no rows, so that what
 * depends on a schema, a rebuild, can be written down without the target. Guarded and limited as a
 * target is, since revisions run on it. One thread.
 */
#ifndef MIGD_ENGINE_SHADOW_H
#define MIGD_ENGINE_SHADOW_H

#include "server/engine/walk.h"
#include "server/sql/rebuild.h"

/* Gives w->db, a script, a shadow on which all was applied that w->ledger.rows say. What cannot be
 * told there becomes the script's doubt; -1 when the job ends. */
int shadow_replay(struct walk *w, struct err *e);
/* For a dry run: w->shown, where a step of the plan needs a rebuild. Reads the target's schema over
 * w->db. ERR_MIGRATION as the run itself would fail, with its place. */
int shadow_show(struct walk *w, struct err *e);

#endif
