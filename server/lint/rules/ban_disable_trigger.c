/* By table, and for the session. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__VariableSetStmt *v = STATEMENT(s, VARIABLE_SET_STMT, variable_set_stmt);
  if (v && v->name && tree_one_of(v->name, "session_replication_role") && v->n_args &&
      !tree_one_of(tree_string(v->args[0]), "origin"))
    rule_report(s, self, -1, 0, NULL, "foreign keys and triggers are not looked at from here on");
  EACH_COMMAND(c, s)
  if (c.cmd->subtype == AT(DisableTrig) || c.cmd->subtype == AT(DisableTrigAll) ||
      c.cmd->subtype == AT(DisableTrigUser))
    COMMAND_REPORT(c, self, "what triggers of %s keep right may become wrong", c.table.s);
}

RULE(ban_disable_trigger) = {
    .page =
        {
            .name = "ban-disable-trigger",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "triggers switched off",
            .lock = "SHARE ROW EXCLUSIVE on the table",
            .duration =
                "Until the revision commits; and for ever, if nothing switches them on again.",
            .why = "DISABLE TRIGGER ALL and session_replication_role switch off foreign keys too: "
                   "rows that point nowhere come in, and no later check finds them. What others "
                   "write meanwhile is not looked at either.",
            .instead =
                "Let the triggers run, in batches if they are slow; or give them a condition "
                "(WHEN) that the change meets.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice DISABLE TRIGGER ALL;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "UPDATE invoice SET total = 0 WHERE id = 4711;\n"
                    "-- migd:down\n",
        },
    .check = check};
