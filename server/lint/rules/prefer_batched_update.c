/* With a WHERE it depends on the data, and is a note; DELETE without one has a rule of its
 * own. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__UpdateStmt *u = STATEMENT(s, UPDATE_STMT, update_stmt);
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  const PgQuery__RangeVar *table = u ? u->relation : d && d->where_clause ? d->relation : NULL;
  if (!table || s->scope->batch || tree_is_new(s, table) || tree_one_row(s) || tree_limited(s))
    return;
  bool all = u && !u->where_clause;
  rule_report_as(s, self, all ? SEVERITY_WARNING : SEVERITY_NOTE, -1, 0, tree_table(table).s,
                 all ? "every row of %s is locked and written in one transaction"
                     : "all rows of %s that match are locked until the commit: in batches if many",
                 tree_table(table).s);
}

RULE(prefer_batched_update) = {
    .page =
        {
            .name = "prefer-batched-update",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "an UPDATE of a whole table in one transaction",
            .lock = "ROW EXCLUSIVE on the table, and a lock on each row that is changed, until the "
                    "commit",
            .duration =
                "For as long as it takes to write every row, with its index entries and the log "
                "of all of it.",
            .why = "Whoever wants to change one of the rows waits until the end. The table grows "
                   "by the size of all its rows, vacuum cannot clean anything up meanwhile, "
                   "replicas fall behind, and a cancelled run has done nothing.",
            .instead =
                "A section with batch=: migd runs the statement again and again, each time in a "
                "transaction of its own, until it changes no row, and slows down when others "
                "wait.",
            .bad = "-- migd:up\n"
                   "UPDATE invoice SET currency = 'EUR';\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up batch=5000 pause=50ms\n"
                "UPDATE invoice SET currency = 'EUR'\n"
                "  WHERE id IN (SELECT id FROM invoice WHERE currency IS NULL LIMIT ${batch});\n"
                "-- migd:down\n",
        },
    .check = check};
