/* Any primary key that brings its index along, not only a serial one. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_CONSTRAINT(c, s) {
    if (c.is->contype == CONSTRAINT(PRIMARY) && c.existing &&
        (!c.is->indexname || !c.is->indexname[0]))
      rule_report(s, self, c.is->location, 0, c.table.s,
                  "nobody can read %s while the index of its primary key is built", c.table.s);
  }
}

RULE(adding_serial_primary_key_field) = {
    .page =
        {
            .name = "adding-serial-primary-key-field",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary =
                "a primary key added to a table that was there before, together with its index",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration =
                "For as long as the index takes to build; with a serial or identity column the "
                "table is written anew before that.",
            .why = "No query of the table is answered in that time. Columns that may be NULL are "
                   "checked row by row besides.",
            .instead =
                "Build the index first, with CREATE UNIQUE INDEX CONCURRENTLY in a section with "
                "transaction=off; then ADD CONSTRAINT … PRIMARY KEY USING INDEX. The columns "
                "should be NOT NULL before (see adding-not-nullable-field).",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice_line ADD PRIMARY KEY (id);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "CREATE UNIQUE INDEX CONCURRENTLY invoice_line_pkey ON invoice_line (id);\n"
                    "-- migd:up\n"
                    "ALTER TABLE invoice_line ADD CONSTRAINT invoice_line_pkey PRIMARY KEY USING "
                    "INDEX invoice_line_pkey;\n"
                    "-- migd:down\n",
        },
    .check = check};
