/* What the files that read URLs share. Private to them; pure.
 */
#ifndef MIGD_DB_URL_H
#define MIGD_DB_URL_H

#include "proto/base/buf.h"
#include "server/db/db.h"

/* url.c */

/* Decodes `len` bytes into a field; `what` names it in messages. */
int url_decode(const char *s, size_t len, char *field, size_t size, const char *what,
               struct err *e);
void url_encode(struct buf *b, const char *s);
/* Collapses `//` and `/./` of an absolute path in place; -1 for `..`, or when it does not name a
 * file. `what` is the file of `the path of …`. */
int url_path(char *path, const char *what, struct err *e);

/* url_options.c */

/* What is behind the `?` of a PostgreSQL URL. */
int url_options(const char *s, struct db_url *out, struct err *e);
/* Whether the files that it names go together, with the sslmode that it has now. */
int url_files(const struct db_url *url, struct err *e);

#endif
