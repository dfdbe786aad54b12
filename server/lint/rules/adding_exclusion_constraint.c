/* The one constraint that has no way in two steps. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_CONSTRAINT(c, s) {
    if (c.is->contype == CONSTRAINT(EXCLUSION) && c.existing)
      rule_report(s, self, c.is->location, 0, c.table.s,
                  "nobody can read %s while its rows are compared with one another", c.table.s);
  }
}

RULE(adding_exclusion_constraint) = {
    .page =
        {
            .name = "adding-exclusion-constraint",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "an EXCLUDE constraint added to a table that was there before",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For as long as its index takes to build and every row to be compared, and "
                        "until the revision commits.",
            .why = "No query of the table is answered in that time. PostgreSQL has no way around "
                   "it: an exclusion constraint can neither be NOT VALID nor take over an index.",
            .instead =
                "Add it while the table is small or nobody uses it. Otherwise make a new table "
                "with the constraint, copy in batches, and exchange the two; or enforce the "
                "rule by a trigger for what is written from now on. Where it has to be, say so "
                "with migd:ignore.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE booking ADD CONSTRAINT booking_overlap\n"
                   "  EXCLUDE USING gist (period WITH &&);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE booking_next (\n"
                    "  id bigint PRIMARY KEY,\n"
                    "  period tstzrange NOT NULL,\n"
                    "  CONSTRAINT booking_next_overlap EXCLUDE USING gist (period WITH &&)\n"
                    ");\n"
                    "-- migd:down\n",
        },
    .check = check};
