/* char(n) is bpchar(n) to PostgreSQL; "char" in quotes is another type, of one byte. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s)
  if (s->direction == DIR_UP && c.def->type_name && c.def->type_name->n_typmods &&
      tree_one_of(tree_type(c.def->type_name), "bpchar"))
    rule_report(s, self, c.def->type_name->location, 0, NULL, "%s is padded with spaces",
                c.def->colname);
}

RULE(ban_char_field) = {
    .page =
        {
            .name = "ban-char-field",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a column of type char(n)",
            .lock = "",
            .duration = "Every value is as long as the column, from the first row on.",
            .why = "It pads with spaces, which come back to the application, take room, and are "
                   "ignored in some comparisons and not in others. It is no faster than text.",
            .instead = "Use text, with a CHECK on its length where the length matters.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE country (code char(2) PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE country (code text PRIMARY KEY CHECK (length(code) = 2));\n"
                    "-- migd:down\n",
        },
    .check = check};
