/* What a unit does about a table besides the statement that takes the table, or its rows, away:
 * rows that were copied before, a name that is given again. Read from the text of the unit's other
 * statements, SQLite's. Private to the room; pure. Tables are told by name, without a schema, in
 * lower case.
 */
#ifndef MIGD_LINT_FATE_H
#define MIGD_LINT_FATE_H

#include "server/lint/rule.h"

/* Nobody else knows the table yet: the revision made it, or it is temporary. `name` as it is
 * written, with its schema. */
bool fate_is_new(const struct lint_statement *s, const char *name);
/* The table all of whose rows the statement deletes; NULL: it is no such statement. */
const char *fate_emptied(const struct lint_statement *s);
/* A statement before this one writes rows of the table elsewhere. `column` NULL: any of it; else
 * that one. */
bool fate_copied(const struct lint_statement *s, const char *table, const char *column);
/* The rows are elsewhere, or the table is filled again. */
bool fate_rows_kept(const struct lint_statement *s, const char *table);
/* Nobody outside the revision misses the name: it is given again afterwards, or was given in this
 * revision by a rename. */
bool fate_name_kept(const struct lint_statement *s, const char *table);

#endif
