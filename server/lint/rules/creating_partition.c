/* Where the revision makes the parent too, nobody waits. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__CreateStmt *c = STATEMENT(s, CREATE_STMT, create_stmt);
  const PgQuery__RangeVar *parent = c && c->partbound && c->n_inh_relations
                                        ? NODE(c->inh_relations[0], RANGE_VAR, range_var)
                                        : NULL;
  if (parent && !tree_is_new(s, parent))
    rule_report(s, self, -1, 0, NULL, "all queries of %s wait until the revision commits",
                tree_table(parent).s);
}

RULE(creating_partition) = {
    .page =
        {
            .name = "creating-partition",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a partition made in place with PARTITION OF",
            .lock = "ACCESS EXCLUSIVE on the parent, and on the default partition where there is "
                    "one",
            .duration =
                "Short in itself, but it waits for every query of the partitioned table, and "
                "lasts until the revision commits. A default partition is read from end to end "
                "for rows that belong to the new one.",
            .why = "While it waits, all later queries of the whole partitioned table queue behind "
                   "it.",
            .instead = "Make a table LIKE the parent, and attach it in the same revision: ATTACH "
                       "PARTITION takes SHARE UPDATE EXCLUSIVE on the parent (PostgreSQL 12 and "
                       "later), and the new table has no row to look at.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE event_2027 PARTITION OF event FOR VALUES FROM ('2027-01-01') TO "
                   "('2028-01-01');\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up\n"
                "CREATE TABLE event_2027 (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);\n"
                "ALTER TABLE event ATTACH PARTITION event_2027 FOR VALUES FROM ('2027-01-01') TO "
                "('2028-01-01');\n"
                "-- migd:down\n",
        },
    .check = check};
