/* CREATE SUBSCRIPTION depends on its options and on the other server; it is left alone. */
#include "server/lint/tree.h"

static bool detaches(const struct lint_statement *s) {
  EACH_COMMAND(c, s) {
    const PgQuery__PartitionCmd *p = NODE(c.cmd->def, PARTITION_CMD, partition_cmd);
    if (c.cmd->subtype == AT(DetachPartition) && p && p->concurrent)
      return true;
  }
  return false;
}

static bool refuses(const struct lint_statement *s) {
  const PgQuery__VacuumStmt *v = STATEMENT(s, VACUUM_STMT, vacuum_stmt);
  const PgQuery__ReindexStmt *r = STATEMENT(s, REINDEX_STMT, reindex_stmt);
  const PgQuery__ClusterStmt *c = STATEMENT(s, CLUSTER_STMT, cluster_stmt);
  bool whole = r && r->kind != PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_INDEX &&
               r->kind != PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE &&
               !tree_option(r->n_params, r->params, "concurrently");
  return (v && v->is_vacuumcmd) || whole || (c && !c->relation) ||
         STATEMENT(s, CREATEDB_STMT, createdb_stmt) || STATEMENT(s, DROPDB_STMT, dropdb_stmt) ||
         STATEMENT(s, ALTER_SYSTEM_STMT, alter_system_stmt) ||
         STATEMENT(s, CREATE_TABLE_SPACE_STMT, create_table_space_stmt) ||
         STATEMENT(s, DROP_TABLE_SPACE_STMT, drop_table_space_stmt) ||
         STATEMENT(s, DROP_SUBSCRIPTION_STMT, drop_subscription_stmt) || detaches(s);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->scope->transaction && refuses(s))
    rule_report(s, self, -1, 0, NULL,
                "fails inside a transaction; the section needs transaction=off");
}

RULE(needs_transaction_off) = {
    .page =
        {
            .name = "needs-transaction-off",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "a statement that PostgreSQL refuses inside a transaction",
            .lock = "",
            .duration = "It fails at once (25001).",
            .why = "VACUUM, CREATE and DROP DATABASE, ALTER SYSTEM, tablespaces, REINDEX of a "
                   "whole schema or database, CLUSTER without a table, DETACH PARTITION … "
                   "CONCURRENTLY and subscriptions with a slot commit by themselves. migd runs a "
                   "revision in a transaction unless the section says otherwise.",
            .instead =
                "Put it into a section of its own: `-- migd:up on=postgresql transaction=off`.",
            .bad = "-- migd:up on=postgresql\n"
                   "VACUUM (ANALYZE) invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=postgresql transaction=off\n"
                    "VACUUM (ANALYZE) invoice;\n"
                    "-- migd:down\n",
        },
    .check = check};
