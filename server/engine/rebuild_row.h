/* When the rows of a table do not fit into what it is to be: which row, and because of which
 * action. Used by rebuild.c only, on the transaction that is about to be rolled back.
 */
#ifndef MIGD_ENGINE_REBUILD_ROW_H
#define MIGD_ENGINE_REBUILD_ROW_H

#include "server/engine/walk.h"
#include "server/sql/rebuild.h"

/* After `copy` of the plan failed with `e`: puts the row's key behind the text, and the place of
 * the action that it does not fit in *place, as far as they can be found. `secret`: DB_SECRET or 0;
 * of what is secret the row alone is told. */
void rebuild_explain_row(struct walk *w, const struct rebuild *plan,
                         const struct rebuild_statement *copy, unsigned secret,
                         struct rebuild_place *place, struct err *e);
/* As rebuild_explain_row(), after a statement with a probe failed. */
void rebuild_explain_index(struct walk *w, const struct rebuild *plan,
                           const struct rebuild_statement *index, unsigned secret, struct err *e);
/* The name that a table has while it is made means nothing to anybody: the error gets its own. */
void rebuild_hide_name(const struct rebuild *plan, struct err *e);

#endif
