/* Modes that writers do not notice are left alone. */
#include "server/lint/tree.h"

static const char *const modes[] = {
    "",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__LockStmt *l = STATEMENT(s, LOCK_STMT, lock_stmt);
  for (size_t i = 0; l && l->mode >= 4 && l->mode <= 8 && i < l->n_relations; i++) {
    const PgQuery__RangeVar *table = NODE(l->relations[i], RANGE_VAR, range_var);
    if (table && !tree_is_new(s, table))
      rule_report(s, self, table->location, 0, tree_table(table).s,
                  "%s is locked with %s until the revision commits", tree_table(table).s,
                  modes[l->mode]);
  }
}

RULE(lock_table) = {
    .page =
        {
            .name = "lock-table",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "LOCK TABLE",
            .lock = "the mode that it names on the table; ACCESS EXCLUSIVE when it names none",
            .duration = "From there until the revision commits, whatever comes in between.",
            .why = "Each statement takes the lock that it needs by itself. A lock by hand is "
                   "stronger or longer than that, and with ACCESS EXCLUSIVE nobody can even read.",
            .instead =
                "Leave it out. If two statements must see the same rows, the weakest mode that "
                "does it: SHARE ROW EXCLUSIVE lets reads go on.",
            .bad = "-- migd:up\n"
                   "LOCK TABLE invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "SELECT count(*) FROM invoice;\n"
                    "-- migd:down\n",
        },
    .check = check};
