/* What PostgreSQL can say in an expression and SQLite cannot, found by its tokens. Nothing is
 * translated: an expression that means one thing here and another there is worse than an error.
 */
#ifndef MIGD_SQL_FOREIGN_H
#define MIGD_SQL_FOREIGN_H

#include "server/sql/tokens.h"

#define FOREIGN_HINT                                                                               \
  "write it in a section for PostgreSQL alone (on=postgresql), and what SQLite needs in one with " \
  "on=sqlite"

/* ERR_MIGRATION with the offset and a hint, when tokens `from` to `to` (not included) hold such a
 * thing. */
int foreign_refuse(const struct tokens *t, size_t from, size_t to, struct err *e);

#endif
