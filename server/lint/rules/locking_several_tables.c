/* Said once, at the second table. Tables that the revision makes itself do not count. */
#include <stdio.h>

#include "server/lint/tree.h"

static struct tree_name key(const struct lint_statement *s, const char *table) {
  struct tree_name k;
  (void)snprintf(k.s, sizeof k.s, "%u %.150s", s->scope->transaction_number, table);
  return k;
}

/* Commands that let others read and write go on. */
static bool gentle(PgQuery__AlterTableType t) {
  return t == AT(ValidateConstraint) || t == AT(SetStatistics) || t == AT(SetRelOptions) ||
         t == AT(ResetRelOptions) || t == AT(AttachPartition) || t == AT(DetachPartition) ||
         t == AT(SetOptions) || t == AT(ResetOptions);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s) {
    bool again = rule_remembers(s, self, key(s, c.table.s).s);
    if (gentle(c.cmd->subtype) || again)
      continue;
    if (rule_remembers(s, self, key(s, "").s) && !rule_remembers(s, self, key(s, " said").s)) {
      rule_remember(s, self, key(s, " said").s);
      rule_report(s, self, -1, 0, NULL, "waits for %s while another table is locked", c.table.s);
    }
    rule_remember(s, self, key(s, c.table.s).s);
    rule_remember(s, self, key(s, "").s);
  }
}

RULE(locking_several_tables) = {
    .page =
        {
            .name = "locking-several-tables",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "several tables altered in one transaction",
            .lock = "ACCESS EXCLUSIVE on each of the tables",
            .duration = "The first is locked until the last is done, and while the lock of each is "
                        "waited for.",
            .why = "A query that joins them in another order waits for the one and holds the "
                   "other: a deadlock, that ends the query or the revision. And nobody can use the "
                   "first while the second is waited for.",
            .instead = "A revision a table.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE customer ADD COLUMN note text;\n"
                   "ALTER TABLE invoice ADD COLUMN note text;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE customer ADD COLUMN note text, ADD COLUMN language text;\n"
                    "-- migd:down\n",
        },
    .check = check};
