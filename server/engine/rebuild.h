/* ALTER TABLE on a SQLite target, in PostgreSQL's grammar: what SQLite cannot do itself is done by
 * rebuilding the table (server/sql/rebuild.h says with which statements; here they are run and
 * checked). Also over a script (script.h), whose schema is then that of its shadow. Used by
 * statements.c, journal.c and the makers of scripts.
 */
#ifndef MIGD_ENGINE_REBUILD_H
#define MIGD_ENGINE_REBUILD_H

#include "server/engine/statements.h"

/* How many of the statements, from the first on, are one piece of work for rebuild_run(): ALTER
 * TABLEs of one table. 0: the first is something else, or the target is no SQLite. */
size_t rebuild_gather(const struct walk *w, const struct revision *r,
                      const struct section_statement *s, size_t count);
/* Runs what rebuild_gather() counted, inside a transaction that is the caller's; foreign keys are
 * off, and are the caller's to check before the commit. A failure names the place of the action,
 * and the row that is in its way; legacy_alter_table is off afterwards in any case. */
int rebuild_run(struct walk *w, const struct revision *r, const struct section_statement *s,
                size_t count, struct err *e);
/* Whether rebuild_run() will be asked by the plan: then it has to have a schema to read. */
bool rebuild_possible(const struct walk *w, const struct plan *plan);

#endif
