/* How many rows a table has, about: what decides whether a migration is dangerous. Asks little:
 * statistics where the database keeps them, never a whole table. One connection, its thread.
 */
#ifndef MIGD_ENGINE_SIZE_H
#define MIGD_ENGINE_SIZE_H

#include "server/db/db.h"

/* `table` as a statement names it: a name or schema.name, quoted or not, found by the connection's
 * search path. The number is exact below `enough` on SQLite; PostgreSQL answers what ANALYZE saw
 * last, or guesses by the table's pages. -1: there is no such table, or it may not be asked. Never
 * fails: nothing depends on it but words. */
int64_t table_rows(struct db *db, const char *table, int64_t enough, const struct job *job);

#endif
