/* There are columns for which it is right: when the shop opens. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s)
  if (s->direction == DIR_UP && tree_one_of(tree_type(c.def->type_name), "timestamp"))
    rule_report(s, self, c.def->type_name->location, 0, NULL,
                "%s does not say in which time zone it is", c.def->colname);
}

RULE(prefer_timestamptz) = {
    .page =
        {
            .name = "prefer-timestamptz",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a column of type timestamp without time zone",
            .lock = "",
            .duration =
                "Changing it later writes the whole table anew, unless the session's time zone "
                "is UTC (PostgreSQL 12 and later).",
            .why = "It keeps what the clock on the wall said and not where the wall was. Two "
                   "servers with different time zones write different times for the same moment, "
                   "and one hour a year exists twice.",
            .instead =
                "Use timestamptz (timestamp with time zone). It takes eight bytes as well: it "
                "keeps the moment, and shows it in the session's time zone.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE visit (id bigint PRIMARY KEY, seen_at timestamp NOT NULL);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE visit (id bigint PRIMARY KEY, seen_at timestamptz NOT NULL);\n"
                    "-- migd:down\n",
        },
    .check = check};
