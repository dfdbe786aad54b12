/* What writes down a plan: its statements (rebuild_sql.c) and the questions that find the row in
 * the way of one (rebuild_probe.c). Not for others; they have rebuild.h.
 */
#ifndef MIGD_SQL_REBUILD_WRITER_H
#define MIGD_SQL_REBUILD_WRITER_H

#include "server/sql/rebuild_state.h"

struct writer {
  struct planner *p;
  struct rebuild *out;
  size_t cap, probe_cap;
  const char *old, *new; /* names, quoted */
  const char *rowid;     /* how the old table's rowid is called; NULL: there is none */
  struct table_column *rowid_after;
};

const char *writer_quoted(struct writer *w, const char *name);
/* A column's value as an expression over the old row; NULL: its default. */
const char *writer_source(struct writer *w, const struct table_column *c);
bool column_generated(const struct table_column *c);
bool constraint_is_key(const struct table_constraint *c);

/* rebuild_probe.c */

/* After all else is written. */
void writer_probes(struct writer *w);
/* Gives the statement that makes the index again its question and the place of the action whose
 * values it may not take, where it is a unique one and the key of a row is still there then. */
void writer_index_probe(struct writer *w, const struct schema_object *index,
                        struct rebuild_statement *out);

#endif
