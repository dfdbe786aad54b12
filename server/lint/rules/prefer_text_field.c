/* varchar without a limit is text by another name. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s)
  if (s->direction == DIR_UP && c.def->type_name && c.def->type_name->n_typmods &&
      tree_one_of(tree_type(c.def->type_name), "varchar"))
    rule_report(s, self, c.def->type_name->location, 0, NULL,
                "the limit of %s is hard to make smaller", c.def->colname);
}

RULE(prefer_text_field) = {
    .page =
        {
            .name = "prefer-text-field",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a column of type varchar(n)",
            .lock = "",
            .duration =
                "Making it shorter later reads every row while nobody can use the table; making "
                "it longer is instant.",
            .why = "The limit is a rule of the business that will change, and it saves no byte: "
                   "varchar(n) is stored as text is.",
            .instead = "Use text with a named CHECK on its length, which can be exchanged with NOT "
                       "VALID and VALIDATE while the application runs.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE tag (name varchar(40) PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE tag (name text PRIMARY KEY, CONSTRAINT tag_name_short CHECK "
                    "(length(name) <= 40));\n"
                    "-- migd:down\n",
        },
    .check = check};
