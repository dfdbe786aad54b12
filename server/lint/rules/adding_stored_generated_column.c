/* PostgreSQL 18's virtual ones are not known to the parser of 15. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_CONSTRAINT(c, s) {
    if (c.is->contype == CONSTRAINT(GENERATED) && c.existing)
      rule_report(s, self, c.is->location, 0, c.table.s,
                  "%s is written anew to compute the column in every row", c.table.s);
  }
}

RULE(adding_stored_generated_column) = {
    .page =
        {
            .name = "adding-stored-generated-column",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a stored generated column added to a table that was there before",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For as long as it takes to write the whole table and its indexes anew.",
            .why = "No query of the table is answered in that time, and it needs the table's size "
                   "on disk once more.",
            .instead =
                "Add a plain column, keep it by a BEFORE INSERT OR UPDATE trigger, and fill the "
                "rows that are there in a section with batch=. An index on the expression often "
                "does without the column.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD COLUMN gross numeric GENERATED ALWAYS AS (net + tax) "
                   "STORED;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD COLUMN gross numeric;\n"
                    "-- migd:down\n",
        },
    .check = check};
