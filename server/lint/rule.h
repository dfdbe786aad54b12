/* What a rule is made of, for the files in server/lint/rules. A rule looks at one statement at a time, in
 * the order in which a revision runs on one dialect, and reports. It keeps nothing: what a revision
 * has made or set so far is in `struct lint_scope`, which the frame keeps for all rules.
 *
 * Rules call no function of libpg_query: they read its structs, so they are part of the server too,
 * where only their pages are used.
 */
#ifndef MIGD_LINT_RULE_H
#define MIGD_LINT_RULE_H

#include <pg_query/pg_query.pb-c.h>

#include "server/lint/lint.h"

struct lint_report; /* private */

/* What a revision did before the statement, on one dialect and in one direction. */
struct lint_scope {
  bool transaction;   /* the statement's section runs in one */
  unsigned statement; /* 0-based number within the revision, this dialect and direction */
  bool lock_timeout_set, statement_timeout_set; /* by the revision itself (SET, set_config) */
  /* Names in lower case as far as they are not quoted, "schema.name" or "name". */
  bool (*made)(const struct lint_scope *s, const char *table); /* created by this revision */
};

struct lint_statement {
  enum dialect dialect;
  enum direction direction;
  const char *sql; /* the statement's text, NUL behind */
  size_t len;
  const PgQuery__Node *tree; /* PostgreSQL: NULL where the parser does not know it */
  const struct lint_scope *scope;
  struct lint_report *report;
};

struct rule {
  struct lint_rule page;
  /* Called for each statement of its dialects; PostgreSQL rules only where there is a tree. */
  void (*check)(const struct lint_statement *s, const struct rule *self);
};

/* At a byte offset in the statement (a tree's `location`; -1: the whole statement) for `len` bytes
 * (0: to the end of the token there). `table`: whose size decides, or NULL. */
void rule_report(const struct lint_statement *s, const struct rule *self, int offset, size_t len,
                 const char *table, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The same with another severity than the rule's own. */
void rule_report_as(const struct lint_statement *s, const struct rule *self, enum severity severity,
                    int offset, size_t len, const char *table, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* One line at the end of a rule's file, so that rules.c can name it. */
#define RULE(id) const struct rule rule_##id

#endif
