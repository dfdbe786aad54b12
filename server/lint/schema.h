/* What a SQLite database holds at a place in a catalog, as far as the text of its revisions says:
 * tables, indexes, triggers and views with the statements that made them. For the rules that must
 * know what stood there before. Private to the room; pure.
 */
#ifndef MIGD_LINT_SCHEMA_H
#define MIGD_LINT_SCHEMA_H

#include "server/lint/unit.h"

enum object_kind { OBJECT_TABLE = 1, OBJECT_INDEX, OBJECT_TRIGGER, OBJECT_VIEW };

/* What a statement does to the schema. Names in lower case, without a schema. */
struct event {
  enum { EVENT_NONE, EVENT_MAKE, EVENT_DROP, EVENT_RENAME, EVENT_ADD_COLUMN, EVENT_CHANGE } verb;
  enum object_kind kind;
  const char *name;
  const char *table; /* of an index or a trigger */
  const char *to;    /* of a rename */
  const char *sql;   /* NUL behind; borrowed */
  size_t len;
};

/* EVENT_NONE for what is none. `sql` is to last as long as the event. */
struct event event_read(const char *sql, size_t len, struct arena *arena);

struct object {
  enum object_kind kind;
  const char *name, *table;
  const char *sql;
  size_t len;
  bool unsure;                /* changed in a way that is not followed: DROP COLUMN and the like */
  const struct event **added; /* columns added since, by ALTER TABLE */
  size_t added_count;
};

struct schema {
  struct object *objects;
  size_t count, capacity;
};

/* The events of all revisions; read when they are first asked for. */
struct history {
  const struct catalog *catalog;
  struct arena *arena; /* lasts as long as the history */
  struct event *events;
  size_t count, capacity;
  size_t *first; /* of each revision, and one behind: into events; NULL: not read yet */
  size_t work;   /* events replayed so far */
};

/* What is there before the statement `index` of a unit runs. False when it is not known: no
 * history, another dialect, or more was asked than a run may cost. */
bool schema_before(const struct lint_unit *u, size_t index, struct arena *arena,
                   struct schema *out);
/* NULL: there is none. The last one of that name. */
const struct object *schema_find(const struct schema *s, enum object_kind kind, const char *name);

#endif
