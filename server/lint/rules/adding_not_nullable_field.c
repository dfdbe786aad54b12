/* A constraint of the table that the revision validates before is taken for the one that
 * proves it: its expression is written in another revision. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s) {
    if (c.cmd->subtype == AT(ValidateConstraint))
      rule_remember(s, self, c.table.s);
    else if (c.cmd->subtype == AT(SetNotNull) && !rule_remembers(s, self, c.table.s))
      COMMAND_REPORT(c, self, "every row of %s is looked at while nobody can read it", c.table.s);
  }
}

RULE(adding_not_nullable_field) = {
    .page =
        {
            .name = "adding-not-nullable-field",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "SET NOT NULL that has to look at every row",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration =
                "For as long as it takes to read the whole table. PostgreSQL 12 and later reads "
                "no row when a CHECK (column IS NOT NULL) that is valid proves it.",
            .why = "No query of the table is answered while every row is looked at.",
            .instead =
                "In one revision ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID; in the "
                "next VALIDATE CONSTRAINT, which lets reads and writes go on, then SET NOT "
                "NULL, which is instant after it, and DROP CONSTRAINT.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ALTER COLUMN customer_id SET NOT NULL;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice VALIDATE CONSTRAINT invoice_customer_not_null;\n"
                    "ALTER TABLE invoice ALTER COLUMN customer_id SET NOT NULL;\n"
                    "ALTER TABLE invoice DROP CONSTRAINT invoice_customer_not_null;\n"
                    "-- migd:down\n",
        },
    .check = check};
