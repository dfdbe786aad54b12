/* A matter of taste with reasons: a note. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s)
  if (s->direction == DIR_UP && tree_one_of(tree_type(c.def->type_name),
                                            "serial bigserial smallserial serial2 serial4 serial8"))
    rule_report(s, self, c.def->type_name->location, 0, NULL,
                "%s has a sequence that others may not be allowed to use", c.def->colname);
}

RULE(prefer_identity) = {
    .page =
        {
            .name = "prefer-identity",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a serial column",
            .lock = "",
            .duration = "It takes no time; it is about what comes after.",
            .why = "serial makes a sequence with rights of its own, so that a role that may INSERT "
                   "may still not get a number, and a number written by hand goes unnoticed until "
                   "it collides.",
            .instead =
                "Use bigint GENERATED ALWAYS AS IDENTITY (PostgreSQL 10 and later): the "
                "sequence belongs to the column, and a number by hand needs OVERRIDING SYSTEM "
                "VALUE.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE receipt (id bigserial PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE receipt (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);\n"
                    "-- migd:down\n",
        },
    .check = check};
