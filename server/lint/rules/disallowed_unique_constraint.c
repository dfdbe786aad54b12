/* Also where UNIQUE is written in ADD COLUMN. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_CONSTRAINT(c, s) {
    if (c.is->contype == CONSTRAINT(UNIQUE) && c.existing &&
        (!c.is->indexname || !c.is->indexname[0]))
      rule_report(s, self, c.is->location, 0, c.table.s,
                  "nobody can read %s while the index of this constraint is built", c.table.s);
  }
}

RULE(disallowed_unique_constraint) = {
    .page =
        {
            .name = "disallowed-unique-constraint",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a UNIQUE constraint added together with its index",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For as long as the index takes to build, and until the revision commits.",
            .why = "No query of the table is answered while the index is built.",
            .instead =
                "Build the index first, with CREATE UNIQUE INDEX CONCURRENTLY in a section with "
                "transaction=off; then ADD CONSTRAINT … UNIQUE USING INDEX, which takes the "
                "lock for a moment.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE customer ADD CONSTRAINT customer_email_unique UNIQUE (email);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "CREATE UNIQUE INDEX CONCURRENTLY customer_email_unique ON customer (email);\n"
                    "-- migd:up\n"
                    "ALTER TABLE customer ADD CONSTRAINT customer_email_unique UNIQUE USING INDEX "
                    "customer_email_unique;\n"
                    "-- migd:down\n",
        },
    .check = check};
