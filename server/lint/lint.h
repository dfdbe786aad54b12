/* Lint: what is known to be dangerous about revisions before they run anywhere. The rules are one
 * table (rules.c), a file and a row each.
 *
 * PostgreSQL's rules read the tree of libpg_query, whose parser can die of legal SQL, so they run
 * in a process of their own (the program migd-lint, worker/); the server never links that library.
 * Whatever becomes of that process, a caller here gets the findings there are and a sentence about
 * what is missing. Thread: any worker's; what is shared is a gate, if there is one.
 */
#ifndef MIGD_LINT_LINT_H
#define MIGD_LINT_LINT_H

#include "server/base/job.h"
#include "server/catalog/catalog.h"

enum severity {
  SEVERITY_NOTE = 1,
  SEVERITY_WARNING = 2,
  SEVERITY_ERROR = 3
}; /* migd.v1.Severity */

/* A rule as people read it. All fields are set; `lock` may be "". */
struct lint_rule {
  const char *name; /* kebab-case; never changes its meaning */
  unsigned dialects;
  enum severity severity;
  const char *summary;  /* what it finds, in one line */
  const char *lock;     /* the lock that the statement takes, and on what */
  const char *duration; /* for how long, and what that depends on */
  const char *why, *instead;
  const char *bad, *good; /* bodies of a revision: sections with their directives */
};

/* All rules, by name; NULL at the end. */
extern const struct lint_rule *const lint_rules[];
const struct lint_rule *lint_rule_find(const char *name); /* NULL: none of that name */

struct lint_finding {
  const struct lint_rule *rule;
  enum severity severity;
  unsigned revision; /* index in the catalog */
  enum direction direction;
  unsigned dialects;          /* where the statement runs and the rule applies */
  unsigned line, column, len; /* in the revision's file; len bytes, within that line */
  const char *message;
  const char *table;   /* whose size decides how bad it is, as written; "" none */
  const char *ignored; /* the reason of the `-- migd:ignore` above it; "" none */
};

struct lint_result {
  struct lint_finding *items; /* by revision, then place */
  size_t count;
  bool more; /* than are kept: 20,000 */
  unsigned statements, not_understood;
  const char *first_not_understood; /* "file:line"; "" all are understood */
  const char *unavailable; /* why some or all could not be looked at; "" nothing is missing */
};

/* How many processes may run at once. Made once, shared by all threads, released when none uses it.
 */
struct lint_gate {
  int fd;
};
/* -1 and ERR_BUSY without descriptors. */
int lint_gate_init(struct lint_gate *g, unsigned processes, struct err *e);
void lint_gate_release(struct lint_gate *g);

struct lint_options {
  const char *program; /* migd-lint's path; NULL or not there: PostgreSQL's rules are unavailable */
  int64_t cpu_ms, memory_bytes; /* of one process; 0: 5 s, 1 GiB */
  int64_t silence_ms;           /* a process that says nothing for so long is killed; 0: 20 s */
  int64_t text_ms;              /* of the rules that are asked in this process, in a run; 0: 60 s */
  const struct lint_gate *gate; /* waited for, as long as the job lasts; NULL: no limit */
};

/* The program beside the one that runs, where an installation puts it. NULL when the path of that
 * cannot be told; whether it is there is not looked at. */
const char *lint_program_beside(struct arena *arena);

/* Asks the rules about some revisions of a catalog, by their index. Never fails for what the SQL or
 * the child does; -1 only for a job that is cancelled or past its deadline. All in `arena`. */
int lint_run(const struct lint_options *options, const struct catalog *catalog,
             const unsigned *revisions, size_t count, const struct job *job, struct arena *arena,
             struct lint_result *out, struct err *e);

#endif
