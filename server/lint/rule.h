/* What a rule is made of, for the files in server/lint/rules. A rule looks at one statement at a
 * time, in the order in which a revision runs on one dialect, and reports. It keeps nothing: what a
 * revision has made or set so far is in `struct lint_scope`, which the frame keeps for all rules.
 *
 * There are two kinds. A rule that reads PostgreSQL's tree is asked in migd-lint. It calls no
 * function of libpg_query, it reads its structs, so it is part of the server too, where its page is
 * used, and what it says of SQLite (`check_sqlite`) is asked by the text. A rule that reads nothing
 * but the text with our own lexer (`text`) is asked in the server itself, and so is not missing
 * when migd-lint is.
 */
#ifndef MIGD_LINT_RULE_H
#define MIGD_LINT_RULE_H

#include <pg_query/pg_query.pb-c.h>

#include "server/lint/lint.h"

struct lint_report; /* private */
struct lint_unit;   /* unit.h */
struct words;       /* words.h */

/* What a revision did before the statement, on one dialect and in one direction. */
struct lint_scope {
  bool transaction; /* the statement's section runs in one */
  bool batch;       /* its section is run in batches (batch=) */
  unsigned section; /* 0-based number of its section */
  /* The same for statements that commit together: 0 for all where no section is transaction=off,
   * else its own for each section, and for each statement of one that is off. */
  unsigned transaction_number;
  unsigned statement; /* 0-based number within the revision, this dialect and direction */
  bool lock_timeout_set, statement_timeout_set; /* by the revision itself (SET, set_config) */
  /* A table, view or index created by this revision and not dropped since. Names in lower case as
   * far as they are not quoted, "schema.name" or "name"; temporary ones count. */
  bool (*made)(const struct lint_scope *s, const char *name);
};

struct lint_statement {
  enum dialect dialect;
  enum direction direction;
  const char *sql; /* the statement's text, NUL behind; variables replaced by words as long */
  size_t len;
  const PgQuery__Node *tree; /* PostgreSQL, in migd-lint; else NULL. Until the next statement */
  const struct lint_scope *scope;
  struct lint_report *report;
  struct arena *arena; /* for what a rule needs while it looks: until it returns */
  /* Text rules: the statement in its unit, whose other statements they may read; else NULL. */
  const struct lint_unit *unit;
  size_t index;
  const struct words *words; /* and its tokens, the first 20,000; else NULL */
};

struct rule {
  struct lint_rule page;
  bool text; /* reads no tree */
  /* Called for each statement of its dialects; rules of the tree only where there is one. NULL: the
   * frame itself reports it (ignores). */
  void (*check)(const struct lint_statement *s, const struct rule *self);
  /* Of a rule that reads the tree and holds on SQLite as well: called for SQLite's statements, in
   * the server, by their text. What both report is worded and placed alike, so that a section that
   * runs on both is told of once. */
  void (*check_sqlite)(const struct lint_statement *s, const struct rule *self);
};

/* At a byte offset in the statement (a tree's `location`; -1: the whole statement) for `len` bytes
 * (0: to the end of the token there). `table`: whose size decides, or NULL. A statement has at most
 * LINT_REPORTS_MAX findings; further ones are dropped. */
void rule_report(const struct lint_statement *s, const struct rule *self, int offset, size_t len,
                 const char *table, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The same with another severity than the rule's own. */
void rule_report_as(const struct lint_statement *s, const struct rule *self, enum severity severity,
                    int offset, size_t len, const char *table, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* What a rule wants to know again later in the same revision, direction and dialect; each rule has
 * its own memory. What was never remembered is not remembered; beyond 10,000 nothing is. */
void rule_remember(const struct lint_statement *s, const struct rule *self, const char *what);
bool rule_remembers(const struct lint_statement *s, const struct rule *self, const char *what);

enum {
  LINT_REPORTS_MAX = 200, /* of a statement */
  LINT_MESSAGE_MAX = 1000 /* bytes of a message, and of a table's name */
};

/* All rules in the order of lint_rules; NULL at the end. */
extern const struct rule *const rules[];
const struct rule *rule_find(const char *name, size_t len); /* NULL: none of that name */

/* Begins the row at the end of a rule's file: RULE(id) = {...}; rules.c names the id. */
#define RULE(id)                                                                                   \
  extern const struct rule rule_##id;                                                              \
  const struct rule rule_##id

#endif
