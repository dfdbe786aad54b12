/* It is also what squawk calls ban-uncommitted-transaction. In a transactional section the
 * push is refused. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (STATEMENT(s, TRANSACTION_STMT, transaction_stmt))
    rule_report(s, self, -1, 0, NULL, "the transaction is migd's; this statement fails the step");
}

RULE(transaction_nesting) = {
    .page =
        {
            .name = "transaction-nesting",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "BEGIN, COMMIT or ROLLBACK in a section with transaction=off",
            .lock = "",
            .duration =
                "migd sends one statement at a time and refuses one that leaves a transaction "
                "open: it is rolled back, and the step fails.",
            .why = "A section in a transaction may not hold these words at all. In one without, a "
                   "BEGIN that is followed by a failure would leave a transaction open that nobody "
                   "ends.",
            .instead =
                "What belongs together goes into a section without transaction=off: migd begins "
                "and commits it, together with its ledger entry.",
            .bad = "-- migd:up transaction=off\n"
                   "BEGIN;\n"
                   "UPDATE account SET balance = 0 WHERE id = 1;\n"
                   "COMMIT;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "UPDATE account SET balance = 0 WHERE id = 1;\n"
                    "-- migd:down\n",
        },
    .check = check};
