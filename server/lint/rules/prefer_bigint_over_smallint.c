/* Only keys and what points to them. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s) {
    bool key = tree_column_constraint(c.def, CONSTRAINT(PRIMARY)) ||
               tree_column_constraint(c.def, CONSTRAINT(IDENTITY)) ||
               tree_column_constraint(c.def, CONSTRAINT(FOREIGN));
    const char *type = tree_type(c.def->type_name);
    bool small = tree_one_of(type, "smallserial serial2") || (key && tree_one_of(type, "int2"));
    if (s->direction == DIR_UP && small)
      rule_report(s, self, c.def->type_name->location, 0, NULL, "%s ends at 32,767",
                  c.def->colname);
  }
}

RULE(prefer_bigint_over_smallint) = {
    .page =
        {
            .name = "prefer-bigint-over-smallint",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a key or number that ends at 32,767",
            .lock = "",
            .duration =
                "Until the numbers run out. Changing the type then writes the whole table anew, "
                "while nobody can use it.",
            .why = "Two bytes are rarely saved: what stands beside the column is aligned to four "
                   "or eight.",
            .instead = "Use bigint for keys and for what points to them.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE store (id smallint PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE store (id bigint PRIMARY KEY);\n"
                    "-- migd:down\n",
        },
    .check = check};
