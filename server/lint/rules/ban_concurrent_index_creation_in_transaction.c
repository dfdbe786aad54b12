/* Indexes. Other statements that refuse a transaction are found by needs-transaction-off. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__IndexStmt *i = STATEMENT(s, INDEX_STMT, index_stmt);
  const PgQuery__DropStmt *d = STATEMENT(s, DROP_STMT, drop_stmt);
  const PgQuery__ReindexStmt *r = STATEMENT(s, REINDEX_STMT, reindex_stmt);
  bool concurrent = (i && i->concurrent) || (d && d->concurrent) ||
                    (r && tree_option(r->n_params, r->params, "concurrently"));
  if (s->scope->transaction && concurrent)
    rule_report(s, self, -1, 0, NULL,
                "fails inside a transaction; the section needs transaction=off");
}

RULE(ban_concurrent_index_creation_in_transaction) = {
    .page =
        {
            .name = "ban-concurrent-index-creation-in-transaction",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary =
                "CREATE, DROP or REINDEX … CONCURRENTLY in a section that runs in a transaction",
            .lock = "",
            .duration = "It fails at once (25001).",
            .why = "CONCURRENTLY commits several times while it works, which PostgreSQL refuses "
                   "inside a transaction. migd runs a revision in one unless the section says "
                   "otherwise.",
            .instead =
                "Put it into a section of its own: `-- migd:up on=postgresql transaction=off`.",
            .bad = "-- migd:up\n"
                   "CREATE INDEX CONCURRENTLY invoice_customer ON invoice (customer_id);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "CREATE INDEX CONCURRENTLY invoice_customer ON invoice (customer_id);\n"
                    "-- migd:down\n",
        },
    .check = check};
