/* A TRUNCATE that names its tables is meant. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__TruncateStmt *t = STATEMENT(s, TRUNCATE_STMT, truncate_stmt);
  if (t && t->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
    rule_report(s, self, -1, 0, NULL, "empties every table that points to %s as well",
                tree_table(t->n_relations ? NODE(t->relations[0], RANGE_VAR, range_var) : NULL).s);
}

RULE(ban_truncate_cascade) = {
    .page =
        {
            .name = "ban-truncate-cascade",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "TRUNCATE … CASCADE",
            .lock = "ACCESS EXCLUSIVE on the table and on every table that points to it",
            .duration = "For a moment, but it waits for the queries of all of them.",
            .why = "It empties all tables that have a foreign key to this one, and those that "
                   "point to them, whether they have rows that point here or not. Which ones these "
                   "are differs by target.",
            .instead =
                "Name every table that is to be emptied: TRUNCATE a, b. PostgreSQL refuses when "
                "one is missing.",
            .bad = "-- migd:up\n"
                   "TRUNCATE customer CASCADE;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "TRUNCATE customer, invoice;\n"
                    "-- migd:down\n",
        },
    .check = check};
