/* Only keys and what points to them: a number of pages may be an integer. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s) {
    bool key = tree_column_constraint(c.def, CONSTRAINT(PRIMARY)) ||
               tree_column_constraint(c.def, CONSTRAINT(IDENTITY)) ||
               tree_column_constraint(c.def, CONSTRAINT(FOREIGN));
    const char *type = tree_type(c.def->type_name);
    bool small = tree_one_of(type, "serial serial4") || (key && tree_one_of(type, "int4"));
    if (s->direction == DIR_UP && small)
      rule_report(s, self, c.def->type_name->location, 0, NULL, "%s ends at 2,147,483,647",
                  c.def->colname);
  }
}

RULE(prefer_bigint_over_int) = {
    .page =
        {
            .name = "prefer-bigint-over-int",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a key or number that ends at 2,147,483,647",
            .lock = "",
            .duration =
                "Until the numbers run out. Changing the type then writes the whole table anew, "
                "while nobody can use it.",
            .why = "Keys run out sooner than rows: failed inserts and ON CONFLICT use numbers up "
                   "as well.",
            .instead = "Use bigint for keys and for what points to them. It costs four bytes, and "
                       "often none, because of alignment. Only SQLite wants INTEGER PRIMARY KEY: "
                       "where it runs the statement too, divide it by on=.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE receipt (id integer PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE receipt (id bigint PRIMARY KEY);\n"
                    "-- migd:down\n",
        },
    .check = check};
