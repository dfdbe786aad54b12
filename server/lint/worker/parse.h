/* One statement of PostgreSQL as libpg_query's tree. The only user of that library. */
#ifndef MIGD_LINT_PARSE_H
#define MIGD_LINT_PARSE_H

#include <stddef.h>

#include <pg_query/pg_query.pb-c.h>

enum { PARSE_TOKENS_MAX = 50000 }; /* of a statement; more are not understood */

/* NULL: not one statement that the parser knows, or too long. Given back with parse_free(). */
PgQuery__ParseResult *parse_statement(const char *sql, size_t len);
void parse_free(PgQuery__ParseResult *tree); /* takes NULL */

#endif
