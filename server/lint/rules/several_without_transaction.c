/* SET, SELECT and VACUUM leave nothing half done. */
#include <stdio.h>

#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->scope->transaction || STATEMENT(s, VARIABLE_SET_STMT, variable_set_stmt) ||
      STATEMENT(s, SELECT_STMT, select_stmt) || STATEMENT(s, VACUUM_STMT, vacuum_stmt) ||
      STATEMENT(s, TRANSACTION_STMT, transaction_stmt))
    return;
  char section[24];
  (void)snprintf(section, sizeof section, "%u", s->scope->section);
  if (rule_remembers(s, self, section))
    rule_report(s, self, -1, 0, NULL, "if this fails, what stands before it stays done");
  rule_remember(s, self, section);
}

RULE(several_without_transaction) = {
    .page =
        {
            .name = "several-without-transaction",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "several changes in one section with transaction=off",
            .lock = "",
            .duration = "Each is kept when it is done.",
            .why = "If the second fails, the first stays: the target is between two revisions "
                   "until somebody mends it and resumes the run. migd goes on at the statement "
                   "that failed, but it cannot go back.",
            .instead = "One such statement a revision. What can run in a transaction goes into a "
                       "section that has one.",
            .bad = "-- migd:up transaction=off\n"
                   "CREATE INDEX CONCURRENTLY invoice_customer ON invoice (customer_id);\n"
                   "CREATE INDEX CONCURRENTLY invoice_due ON invoice (due_at);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "SET statement_timeout = '2h';\n"
                    "CREATE INDEX CONCURRENTLY invoice_customer ON invoice (customer_id);\n"
                    "-- migd:down\n",
        },
    .check = check};
