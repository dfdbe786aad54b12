/* From the schema of a SQLite database and consecutive ALTER TABLE statements to the statements
 * that do them: SQLite's own ALTERs where it has them, else one rebuild of the table as
 * https://www.sqlite.org/lang_altertable.html#otheralter describes it. Decided from the texts
 * alone, never from rows, so that a script that is made over an empty database is what runs over a
 * full one. Everything that no statement names survives to the letter. Pure: no I/O, no globals,
 * linear in the texts; results are in the caller's arena.
 */
#ifndef MIGD_SQL_REBUILD_H
#define MIGD_SQL_REBUILD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "server/sql/alter.h"

/* A row of sqlite_schema or sqlite_temp_schema, in the order of its rowid. */
struct schema_object {
  const char *type, *name, *table; /* table: tbl_name */
  const char *sql;                 /* NULL for an index that SQLite made itself */
  bool temp;                       /* of sqlite_temp_schema */
};

/* All of a database: also what seems to have nothing to do with the table. */
struct schema {
  const struct schema_object *items;
  size_t count;
};

/* A statement that alter_parse() understood, with its text. */
struct rebuild_alter {
  const char *sql;
  size_t len;
  struct alter_table parsed;
};

enum rebuild_kind {
  REBUILD_NATIVE,     /* an ALTER TABLE of SQLite's own; as it was written, where that is one */
  REBUILD_LEGACY,     /* PRAGMA legacy_alter_table=ON */
  REBUILD_CREATE,     /* the new table, under a name of ours */
  REBUILD_COPY,       /* INSERT INTO … SELECT: rows may break what is new here */
  REBUILD_SEQUENCE,   /* sqlite_sequence is carried over; no other row counts change */
  REBUILD_STATISTICS, /* what ANALYZE knows of the table is carried over */
  REBUILD_DROP,       /* the old table; also what goes with CASCADE */
  REBUILD_RENAME,     /* the new table gets the old one's name */
  REBUILD_MODERN,     /* PRAGMA legacy_alter_table=OFF */
  REBUILD_INDEX,      /* an index again, with its stored text */
  REBUILD_TRIGGER,    /* a trigger again, with its stored text */
};

/* The place in the ALTERs that something serves. */
struct rebuild_place {
  size_t alter, action; /* indexes into the alters that were given, and into its actions */
};

struct rebuild_statement {
  enum rebuild_kind kind;
  struct rebuild_place place; /* for CREATE and COPY: the first action that made them necessary; for
                                 INDEX: one that changes its values, where there is one */
  const char *sql;            /* one statement, without `;` */
  const char *probe; /* INDEX: finds a row that is in its way, by rebuild.key; NULL: none does */
};

/* Looks for a row that is in the way of REBUILD_COPY: to be run, in order, when that failed (the
 * old table is still there). The first that answers a row names the action, and the row by its key.
 */
struct rebuild_probe {
  struct rebuild_place place;
  const char *what; /* "column b is NULL": what is said of the row */
  const char *sql;  /* a SELECT of at most one row, of the columns in rebuild.key */
};

/* A column of the table as it will be. */
struct rebuild_column {
  const char *name;
  const char *from; /* the column's name in the old table; NULL: it is new */
  bool generated;   /* not copied */
};

struct rebuild {
  size_t taken;       /* how many of the alters, from the first on, this does */
  const char *schema; /* "main" or "temp" */
  const char *table; /* its name before, as sqlite_schema has it; NULL: there is none (IF EXISTS) */
  const char *name;  /* its name after */
  const char *temporary; /* the new table's name until it is renamed; NULL: nothing is rebuilt */
  struct rebuild_statement *items;
  size_t count; /* 0: there is nothing to do */
  struct rebuild_probe *probes;
  size_t probe_count;
  struct rebuild_column *columns;
  size_t column_count;
  const char *const *key; /* what a row is called by: the primary key's columns, or rowid */
  size_t key_count;
};

/* Takes as many of the alters as one rebuild (or none) can do: they must be of one table; a RENAME
 * of a column or of the table is taken alone; one whose expressions need what an earlier one makes
 * begins anew. Reads the schema once. `count` is at least 1; afterwards the caller reads the schema
 * again for the rest. -1, ERR_MIGRATION: e->offset is in alters[*failed]. */
int rebuild_plan(const struct schema *schema, const struct rebuild_alter *alters, size_t count,
                 struct arena *arena, struct rebuild *out, size_t *failed, struct err *e);

#endif
