/* Of new columns, in new tables and in old ones. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s)
  if (s->direction == DIR_UP && tree_one_of(tree_type(c.def->type_name), "json"))
    rule_report(s, self, c.def->type_name->location, 0, NULL,
                "SELECT DISTINCT over %s fails: json has no equality", c.def->colname);
}

RULE(prefer_jsonb) = {
    .page =
        {
            .name = "prefer-jsonb",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a column of type json",
            .lock = "",
            .duration = "Changing it later writes the whole table anew.",
            .why = "json is kept as text and read again for every use. It has no equality, so that "
                   "SELECT DISTINCT, GROUP BY and UNION over the row fail, and no index helps.",
            .instead =
                "Use jsonb. Keep json where the very text matters: white space, the order of "
                "keys, keys given twice.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE incident (id bigint PRIMARY KEY, payload json NOT NULL);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE incident (id bigint PRIMARY KEY, payload jsonb NOT NULL);\n"
                    "-- migd:down\n",
        },
    .check = check};
