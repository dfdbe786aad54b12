/* What the files of this room share: one statement of ours with its parameters, values of rows into
 * an arena, lists as text. Private to the room.
 *
 * The store's statements avoid every error that a well-formed store can give (they look before they
 * insert; there is one writer), so what still fails is ERR_STORAGE.
 */
#ifndef MIGD_STORE_ROW_H
#define MIGD_STORE_ROW_H

#include "proto/base/buf.h"
#include "server/db/db.h"

/* The parameters of a statement, as the two arguments that the functions below take. */
#define PARAMS(...)                                                                                \
  ((const struct db_value[]){__VA_ARGS__}),                                                        \
      ((int)(sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)))
#define NO_PARAMS NULL, 0

/* `sql` must be static text: it is kept prepared. */
int row_each(struct db *db, const char *sql, const struct db_value *params, int count,
             db_row_fn *row, void *ctx, struct err *e);
/* No rows wanted. `changed` may be NULL. */
int row_change(struct db *db, const char *sql, const struct db_value *params, int count,
               int64_t *changed, struct err *e);
/* The first column of the first row, a number. *found (may be NULL) is whether there was a row;
 * without one *out stays. */
int row_int(struct db *db, const char *sql, const struct db_value *params, int count, int64_t *out,
            bool *found, struct err *e);
/* The same for a text, in the arena; NULL when there was no row or a null. */
int row_text(struct db *db, const char *sql, const struct db_value *params, int count,
             struct arena *arena, char **out, struct err *e);

/* A copy in the arena; NULL stays NULL, `row_string` makes it "". */
const char *row_string(struct arena *arena, const struct db_value *v);
const void *row_bytes(struct arena *arena, const struct db_value *v, size_t *len);

/* Lists of names as text: each ended by a newline (a newline and a backslash inside are escaped). A
 * null is the list NULL; an empty text is a list of none. */
void list_write(struct buf *out, const char *const *items, size_t count);
void list_read(struct arena *arena, const struct db_value *v, const char ***items, size_t *count);

/* The next value of a counter of the store: 'target', 'run'. Never answers the same twice. */
int counter_next(struct db *db, const char *name, int64_t *out, struct err *e);

/* Fails with ERR_NOT_FOUND: `there is no WHAT "name"`, and the nearest of the names that `sql`
 * lists. */
int not_found(struct db *db, const char *sql, const char *what, const char *name, struct err *e);

/* `[a-z0-9][a-z0-9._-]{0,62}`. */
bool slug_valid(const char *name);

/* A wall time as people read it, UTC. */
#define TIME_TEXT 32
const char *time_text(int64_t wall_us, char out[TIME_TEXT]);

#endif
