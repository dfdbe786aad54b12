/* A column that is added without a default holds NULL only, which PostgreSQL knows: it looks
 * at no row then. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_CONSTRAINT(c, s) {
    if (c.is->contype != CONSTRAINT(FOREIGN) || c.is->skip_validation || !c.existing)
      continue;
    bool empty = c.column && !c.column->raw_default &&
                 !tree_column_constraint(c.column, CONSTRAINT(DEFAULT));
    rule_report_as(s, self, empty ? SEVERITY_NOTE : self->page.severity, c.is->location, 0,
                   c.table.s, "writes to %s and %s wait while %s", c.table.s,
                   tree_table(c.is->pktable).s,
                   empty ? "the constraint is added; no row is looked up in a column of NULLs"
                         : "every row is looked up");
  }
}

RULE(adding_foreign_key_constraint) = {
    .page =
        {
            .name = "adding-foreign-key-constraint",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a foreign key added without NOT VALID",
            .lock = "SHARE ROW EXCLUSIVE on both tables; ACCESS EXCLUSIVE on the referencing one "
                    "when it is written in ADD COLUMN",
            .duration =
                "For as long as it takes to look up every row of the referencing table in the "
                "other, and until the revision commits.",
            .why = "Writes to both tables wait, also to the one that is only pointed at, which is "
                   "often the busiest of all.",
            .instead =
                "ADD CONSTRAINT … FOREIGN KEY … NOT VALID takes the same locks, but only for a "
                "moment. VALIDATE CONSTRAINT in a later revision looks the rows up under SHARE "
                "UPDATE EXCLUSIVE on the one table and ROW SHARE on the other.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD CONSTRAINT invoice_customer_fk\n"
                   "  FOREIGN KEY (customer_id) REFERENCES customer (id);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD CONSTRAINT invoice_customer_fk\n"
                    "  FOREIGN KEY (customer_id) REFERENCES customer (id) NOT VALID;\n"
                    "-- migd:down\n",
        },
    .check = check};
