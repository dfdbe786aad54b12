/* CHECK only: foreign keys have a rule of their own, and cannot be NOT VALID at all inside ADD
 * COLUMN. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_CONSTRAINT(c, s) {
    bool beside = c.is->contype == CONSTRAINT(CHECK) && !c.is->skip_validation;
    if (beside && c.existing)
      rule_report(s, self, c.is->location, 0, c.table.s,
                  "every row of %s is checked while nobody can read it", c.table.s);
  }
}

RULE(constraint_missing_not_valid) = {
    .page =
        {
            .name = "constraint-missing-not-valid",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a CHECK constraint added without NOT VALID",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration =
                "For as long as it takes to read the whole table, and from then on until the "
                "revision commits.",
            .why = "No query of the table is answered while every row is checked.",
            .instead =
                "Add it with NOT VALID, which looks at no row and holds from then on for what "
                "is written. VALIDATE CONSTRAINT in a later revision reads the table under "
                "SHARE UPDATE EXCLUSIVE: reads and writes go on.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD CONSTRAINT invoice_total_positive CHECK (total >= 0);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD CONSTRAINT invoice_total_positive CHECK (total >= 0) "
                    "NOT VALID;\n"
                    "-- migd:down\n",
        },
    .check = check};
