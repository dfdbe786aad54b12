/* WITH NO DATA computes nothing. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__RefreshMatViewStmt *r = STATEMENT(s, REFRESH_MAT_VIEW_STMT, refresh_mat_view_stmt);
  if (r && !r->concurrent && !r->skip_data && !tree_is_new(s, r->relation))
    rule_report(s, self, -1, 0, NULL, "nobody can read %s until it is computed",
                tree_table(r->relation).s);
}

RULE(require_concurrent_refresh) = {
    .page =
        {
            .name = "require-concurrent-refresh",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "REFRESH MATERIALIZED VIEW without CONCURRENTLY",
            .lock = "ACCESS EXCLUSIVE on the materialized view",
            .duration = "For as long as its query runs and its indexes take to build.",
            .why = "Nobody can read the view in that time.",
            .instead =
                "Give it a UNIQUE index on columns, then REFRESH MATERIALIZED VIEW "
                "CONCURRENTLY: readers see the old rows until the new ones are there. It may "
                "run in a transaction.",
            .bad = "-- migd:up\n"
                   "REFRESH MATERIALIZED VIEW turnover;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "REFRESH MATERIALIZED VIEW CONCURRENTLY turnover;\n"
                    "-- migd:down\n",
        },
    .check = check};
