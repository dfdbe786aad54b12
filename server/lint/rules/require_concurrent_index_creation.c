/* CREATE INDEX holds SHARE while it builds. Tables of the same revision are nobody's yet. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__IndexStmt *i = STATEMENT(s, INDEX_STMT, index_stmt);
  if (i && !i->concurrent && !tree_is_new(s, i->relation))
    rule_report(s, self, -1, 0, tree_table(i->relation).s,
                "all writes to %s wait until this index is built", tree_table(i->relation).s);
}

RULE(require_concurrent_index_creation) = {
    .page =
        {
            .name = "require-concurrent-index-creation",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "an index made without CONCURRENTLY on a table that was there before",
            .lock = "SHARE on the table",
            .duration =
                "For as long as the index takes to build: it reads the whole table and sorts "
                "it. Writes wait all that time; reads go on.",
            .why = "Every INSERT, UPDATE and DELETE of the table waits behind SHARE, and so does "
                   "whatever waits behind those. migd gives up after lock_timeout when it cannot "
                   "get the lock, but nothing limits how long it is held once it has it.",
            .instead =
                "Build it with CREATE INDEX CONCURRENTLY in a section with transaction=off. It "
                "reads the table twice and waits for old transactions, and writes go on. When "
                "it is cut off, migd drops the INVALID index that stays behind and builds it "
                "again.",
            .bad = "-- migd:up\n"
                   "CREATE INDEX invoice_customer ON invoice (customer_id);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "CREATE INDEX CONCURRENTLY invoice_customer ON invoice (customer_id);\n"
                    "-- migd:down\n",
        },
    .check = check};
