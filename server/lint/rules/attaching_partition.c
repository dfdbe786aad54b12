/* A partition that the revision made itself is empty, or is filled before anybody can see it. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s) {
    const PgQuery__PartitionCmd *p = NODE(c.cmd->def, PARTITION_CMD, partition_cmd);
    if (c.cmd->subtype != AT(AttachPartition) || !p || tree_is_new(s, p->name))
      continue;
    struct tree_name part = tree_table(p->name);
    tree_find_command(&c);
    rule_report(s, self, c.offset, c.len, part.s,
                "nobody can read %s while its rows are checked, unless a CHECK proves them",
                part.s);
  }
}

RULE(attaching_partition) = {
    .page =
        {
            .name = "attaching-partition",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a partition attached that has to be read first",
            .lock = "SHARE UPDATE EXCLUSIVE on the parent; ACCESS EXCLUSIVE on the partition, and "
                    "on the default partition where there is one",
            .duration =
                "For as long as it takes to read the partition, and the default partition too. "
                "No row is read where a valid CHECK proves that all of them belong there. "
                "Before PostgreSQL 12 the parent is locked with ACCESS EXCLUSIVE.",
            .why = "Nobody can read the partition, nor the default partition, while their rows are "
                   "checked.",
            .instead =
                "Before, give the table a CHECK that says what the partition's bound says (with "
                "NOT NULL on the key), NOT VALID, and validate it in another revision; give the "
                "default partition the opposite one. Attach, then drop the CHECK.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE event ATTACH PARTITION event_2026 FOR VALUES FROM ('2026-01-01') "
                   "TO ('2027-01-01');\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up\n"
                "CREATE TABLE event_2027 (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);\n"
                "ALTER TABLE event ATTACH PARTITION event_2027 FOR VALUES FROM ('2027-01-01') TO "
                "('2028-01-01');\n"
                "-- migd:down\n",
        },
    .check = check};
