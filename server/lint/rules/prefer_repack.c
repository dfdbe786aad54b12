/* The name is squawk's. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__VacuumStmt *v = STATEMENT(s, VACUUM_STMT, vacuum_stmt);
  const PgQuery__ClusterStmt *c = STATEMENT(s, CLUSTER_STMT, cluster_stmt);
  const PgQuery__VacuumRelation *first =
      v && v->n_rels ? NODE(v->rels[0], VACUUM_RELATION, vacuum_relation) : NULL;
  const PgQuery__RangeVar *table = c ? c->relation : first ? first->relation : NULL;
  bool full = v && v->is_vacuumcmd && tree_option(v->n_options, v->options, "full");
  if ((full || c) && !(table && tree_is_new(s, table)))
    rule_report(s, self, -1, 0, table ? tree_table(table).s : NULL,
                "%s%s written anew while nobody can read it",
                table ? tree_table(table).s : "every table", " is");
}

RULE(prefer_repack) = {
    .page =
        {
            .name = "prefer-repack",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "VACUUM FULL or CLUSTER",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For as long as it takes to write the table and all its indexes anew.",
            .why = "No query of the table is answered in that time, and it needs the table's size "
                   "on disk once more.",
            .instead = "Plain VACUUM makes the room usable again while everybody works. To give it "
                       "back to the disk: the extension pg_repack, or REPACK (CONCURRENTLY) in "
                       "PostgreSQL 19.",
            .bad = "-- migd:up transaction=off\n"
                   "VACUUM (FULL) invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "VACUUM (ANALYZE) invoice;\n"
                    "-- migd:down\n",
        },
    .check = check};
