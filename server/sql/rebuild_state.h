/* What the parts of the planner of rebuilds share: the table as it is changed, action by action,
 * and what has to be done for it. Not for others; they have rebuild.h.
 */
#ifndef MIGD_SQL_REBUILD_STATE_H
#define MIGD_SQL_REBUILD_STATE_H

#include "server/sql/rebuild.h"
#include "server/sql/table.h"

/* What the copy puts into a column. */
struct column_fill {
  const char *from;   /* the old table's column; NULL: the column is new */
  struct slice value; /* an expression over the old row; len 0: the column, or the default */
  bool changed;       /* new, or of another type: its values are not the old ones */
  size_t alter;       /* by which */
};

enum probe_kind { PROBE_COLUMN, PROBE_CONSTRAINT };

/* What may be broken by rows; becomes one or more struct rebuild_probe. */
struct probe_wish {
  enum probe_kind kind;
  struct rebuild_place place;
  const struct table_column *column; /* PROBE_CONSTRAINT: NULL, or whose constraint it is */
  const struct table_constraint *constraint;
};

struct planner {
  const struct schema *schema;
  const struct rebuild_alter *alters;
  struct arena *arena;
  struct arena scratch; /* for one look at a text; emptied after it */
  struct err *e;
  const struct schema_object *object; /* the table */
  struct table before, table;         /* as stored, as it will be */
  bool *gone;                         /* by index in the schema: dropped with a column */
  struct rebuild_place place;         /* the action that is applied */
  bool rebuild;                       /* SQLite has no ALTER of its own for it */
  struct rebuild_place first;         /* the first action that is so */
  struct rebuild_statement *natives;
  size_t native_count, native_cap;
  struct probe_wish *wishes;
  size_t wish_count, wish_cap;
};

/* A constraint, and what holds it. */
struct constraint_place {
  struct table_element *element;
  struct table_constraint *constraint;
};

/* ERR_MIGRATION at a place of the alter that is applied; returns -1. */
int plan_fail(struct planner *p, struct sql_range at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A name of that alter, without quotes. */
char *plan_name(struct planner *p, struct sql_range range);
/* A hint for a name that is not there: the nearest of `names`. Returns -1. */
int plan_near(struct planner *p, const char *name, const char *const *names, size_t count);
void plan_rebuild(struct planner *p);
void plan_native(struct planner *p, const char *sql);
void plan_wish(struct planner *p, enum probe_kind kind, const struct table_column *column,
               const struct table_constraint *constraint);

/* rebuild_apply.c: changes the table. */
int plan_apply(struct planner *p, const struct alter_action *a);

/* What DEFAULT gives, as an expression: a name says a text there. */
struct slice plan_default(struct planner *p, const struct table_column *c);

/* rebuild_names.c: by its name, or by the name that PostgreSQL would have given it. 1 found, 0 not,
 * -1 ambiguous. */
int plan_find_constraint(struct planner *p, struct sql_range name, struct constraint_place *out);
/* Not found: the nearest name there is. Returns -1. */
int plan_no_constraint(struct planner *p, struct sql_range name);

/* rebuild_depends.c: drops what goes with a column, or refuses. `changed`: anything was dropped. */
int plan_drop_dependents(struct planner *p, const struct alter_action *a,
                         struct table_element *element, bool *changed);
/* Refuses when a foreign key of any table needs this PRIMARY KEY or UNIQUE. */
int plan_key_needed(struct planner *p, const struct alter_action *a,
                    const struct table_constraint *key, const struct table_column *owner);

/* rebuild_sql.c: writes the statements. */
void plan_write(struct planner *p, struct rebuild *out);

/* The column that is the rowid, or NULL. */
struct table_column *table_rowid_column(const struct table *t);
/* The table's PRIMARY KEY, wherever it is written, with the column where it is a column's. */
struct table_constraint *table_primary_key(const struct table *t, struct table_column **owner);
bool table_autoincrement(const struct table *t);
bool column_type_is(const struct table_column *c, const char *type);

#endif
