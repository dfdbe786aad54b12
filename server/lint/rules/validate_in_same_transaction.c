/* Any constraint of the table that was added NOT VALID: the lock is the same whichever is
 * validated. */
#include <stdio.h>

#include "server/lint/tree.h"

static struct tree_name key(const struct lint_statement *s, const char *table) {
  struct tree_name k;
  (void)snprintf(k.s, sizeof k.s, "%u %.150s", s->scope->transaction_number, table);
  return k;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s) {
    const PgQuery__Constraint *added = NODE(c.cmd->def, CONSTRAINT, constraint);
    if (c.cmd->subtype == AT(AddConstraint) && added && added->skip_validation)
      rule_remember(s, self, key(s, c.table.s).s);
    else if (c.cmd->subtype == AT(ValidateConstraint) &&
             rule_remembers(s, self, key(s, c.table.s).s))
      COMMAND_REPORT(c, self, "%s is still locked by the ADD CONSTRAINT of this transaction",
                     c.table.s);
  }
}

RULE(validate_in_same_transaction) = {
    .page =
        {
            .name = "validate-in-same-transaction",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "VALIDATE CONSTRAINT in the transaction that adds it NOT VALID",
            .lock = "ACCESS EXCLUSIVE on the table; for a foreign key SHARE ROW EXCLUSIVE on both",
            .duration =
                "From the ADD CONSTRAINT until the commit, so for as long as it takes to read "
                "the whole table.",
            .why = "The gentle lock of VALIDATE is of no use while the transaction still holds the "
                   "strong one of ADD CONSTRAINT: nobody can use the table while every row is "
                   "checked, as if NOT VALID had been left out.",
            .instead = "Validate in the next revision: it has a transaction of its own.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD CONSTRAINT invoice_total_positive CHECK (total >= 0) "
                   "NOT VALID;\n"
                   "ALTER TABLE invoice VALIDATE CONSTRAINT invoice_total_positive;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice VALIDATE CONSTRAINT invoice_total_positive;\n"
                    "-- migd:down\n",
        },
    .check = check};
