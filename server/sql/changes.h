/* Whether a statement of PostgreSQL changes certain tables, as far as its own words say so: what a
 * function or a DO block does is not read. Pure: no I/O, no globals, linear in the text.
 */
#ifndef MIGD_SQL_CHANGES_H
#define MIGD_SQL_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

/* `tables` are lower-case names, ended by NULL. Answers the one that is changed, with the place of
 * its name; NULL: none. Reading, granting and commenting change nothing. */
const char *sql_changes(const char *sql, size_t len, const char *const *tables, size_t *offset);

#endif
