/* Of an index, a table, a schema or all. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__ReindexStmt *r = STATEMENT(s, REINDEX_STMT, reindex_stmt);
  if (!r || tree_option(r->n_params, r->params, "concurrently") ||
      (r->relation && tree_is_new(s, r->relation)))
    return;
  bool table = r->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE;
  rule_report(s, self, -1, 0, table ? tree_table(r->relation).s : NULL,
              "writes, and reads that would use the index, wait until it is built");
}

RULE(require_concurrent_reindex) = {
    .page =
        {
            .name = "require-concurrent-reindex",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "REINDEX without CONCURRENTLY",
            .lock = "SHARE on the table, ACCESS EXCLUSIVE on each index of it",
            .duration = "For as long as the indexes take to build.",
            .why = "Writes to the table wait, and so does every query whose plan might use the "
                   "index, which is nearly all of them.",
            .instead = "PostgreSQL 12 and later: REINDEX … CONCURRENTLY in a section with "
                       "transaction=off.",
            .bad = "-- migd:up\n"
                   "REINDEX TABLE invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "REINDEX TABLE CONCURRENTLY invoice;\n"
                    "-- migd:down\n",
        },
    .check = check};
