/* FINALIZE is another command, and short. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s) {
    const PgQuery__PartitionCmd *p = NODE(c.cmd->def, PARTITION_CMD, partition_cmd);
    if (c.cmd->subtype == AT(DetachPartition) && p && !p->concurrent)
      COMMAND_REPORT(c, self, "all queries of %s wait until the revision commits", c.table.s);
  }
}

RULE(require_concurrent_partition_detach) = {
    .page =
        {
            .name = "require-concurrent-partition-detach",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a partition detached without CONCURRENTLY",
            .lock = "ACCESS EXCLUSIVE on the parent and on the partition",
            .duration =
                "Short in itself, but it waits for every query of the partitioned table, and "
                "lasts until the revision commits.",
            .why = "While it waits, all later queries of the whole partitioned table queue behind "
                   "it, of all partitions.",
            .instead =
                "PostgreSQL 14 and later: DETACH PARTITION … CONCURRENTLY in a section with "
                "transaction=off. It needs a parent without a default partition. If it is cut "
                "off, DETACH PARTITION … FINALIZE ends it.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE event DETACH PARTITION event_2020;\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "ALTER TABLE event DETACH PARTITION event_2020 CONCURRENTLY;\n"
                    "-- migd:down\n",
        },
    .check = check};
