/* Of a table that the revision did not make itself. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  if (d && !d->where_clause && !tree_is_new(s, d->relation))
    rule_report(s, self, -1, 0, NULL, "all rows of %s are lost", tree_table(d->relation).s);
}

RULE(delete_without_where) = {
    .page =
        {
            .name = "delete-without-where",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a DELETE without WHERE",
            .lock = "ROW EXCLUSIVE on the table, and a lock on each row, until the commit",
            .duration = "For as long as it takes to mark every row, and to look up or delete what "
                        "points to it.",
            .why = "All that is in the table is lost. If it is meant, it is also the slow way.",
            .instead = "Say which rows. If it is all of them, TRUNCATE is instant (it takes ACCESS "
                       "EXCLUSIVE, and fires no DELETE triggers); for many, a section with batch=.",
            .bad = "-- migd:up\n"
                   "DELETE FROM session;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "DELETE FROM session WHERE id = 4711;\n"
                    "-- migd:down\n",
        },
    .check = check};
