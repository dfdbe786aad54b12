/* A database that is not there: what it is told to run is written down, as a script for psql or the
 * sqlite3 shell. It has no rows to answer, but those of its shadow's schema. Where a caller asks
 * how many rows a statement changed, the script makes sure that it is one. Owned by whoever opened
 * it; one thread.
 */
#ifndef MIGD_ENGINE_SCRIPT_H
#define MIGD_ENGINE_SCRIPT_H

#include "proto/base/buf.h"
#include "server/db/db.h"

/* Writes to `out`, which outlives it. db_close() ends it. */
struct db *script_db(enum dialect dialect, struct buf *out);
/* Whose schemas the script is for; NULL: a whole database. Before script_begin(); borrowed until
 * the script is closed. */
void script_target(struct db *db, const struct db_url *url);
/* What checks need, and on PostgreSQL the target's own lock: before anything else. */
void script_begin(struct db *db, int64_t lock_timeout_ms, int64_t statement_timeout_ms,
                  int64_t idle_timeout_ms);
/* As a literal of SQL. */
void script_add_text(struct buf *out, const char *s, size_t len);
/* A line of comment. */
void script_comment(struct db *db, const char *text);
/* Runs `statement` again and again, each time in a transaction with `count`, until it changes no
 * row: `count`'s `migd_rows` is how many it changed. PostgreSQL only, whose scripts have loops. */
void script_loop(struct db *db, const char *statement, size_t len, const char *count,
                 unsigned pause_ms);
/* The script fails, saying what the check is about, where `condition`, an expression, is not true.
 */
enum script_check { CHECK_START, CHECK_SWAP, CHECK_ORPHANS, CHECK_COPY, CHECK_INTEGRITY };
void script_check(struct db *db, enum script_check check, const char *condition);

/* A database in memory (shadow.h) on which everything that can change a schema is run as well, and
 * which answers what is read. Taken. Migrations' own statements may fail there: the first that does
 * is kept as a doubt, and the shadow is left alone from then on. */
void script_shadow(struct db *db, struct db *shadow);
/* Why the shadow's schema is not what a target's would be; NULL: it is. */
const struct err *script_doubt(const struct db *db);
/* Adds a doubt where there is none. */
void script_set_doubt(struct db *db, const struct err *why);
/* What is written down: everything; the statements without the checks, for people to read; nothing.
 */
enum script_mode { SCRIPT_WHOLE, SCRIPT_SHOWN, SCRIPT_MUTE };
void script_set_mode(struct db *db, enum script_mode mode);
/* The statements are shown for a target whose schema the shadow has. */
bool script_shows(const struct db *db);

#endif
