/* The advice of other tools, which have nobody to look. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__IndexStmt *i = STATEMENT(s, INDEX_STMT, index_stmt);
  if (i && i->concurrent && i->if_not_exists)
    rule_report(s, self, -1, 0, NULL, "an INVALID %s of an earlier attempt is taken for the index",
                i->idxname);
}

RULE(concurrent_index_if_not_exists) = {
    .page =
        {
            .name = "concurrent-index-if-not-exists",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "CREATE INDEX CONCURRENTLY IF NOT EXISTS",
            .lock = "SHARE UPDATE EXCLUSIVE on the table",
            .duration = "For as long as the index takes to build; reads and writes go on.",
            .why = "An attempt that failed leaves an INVALID index of that name. IF NOT EXISTS "
                   "finds the name taken and says that all is well: the index is never used, and a "
                   "UNIQUE one guarantees nothing for the rows that are there.",
            .instead =
                "Leave IF NOT EXISTS out. migd finds the INVALID index after a crash, drops it "
                "and builds it again.",
            .bad = "-- migd:up transaction=off\n"
                   "CREATE INDEX CONCURRENTLY IF NOT EXISTS invoice_customer ON invoice "
                   "(customer_id);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "CREATE INDEX CONCURRENTLY invoice_customer ON invoice (customer_id);\n"
                    "-- migd:down\n",
        },
    .check = check};
