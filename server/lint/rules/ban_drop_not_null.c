/* Going down it only undoes. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  EACH_COMMAND(c, s)
  if (c.cmd->subtype == AT(DropNotNull))
    COMMAND_REPORT(c, self, "readers of %s.%s meet NULL from now on", c.table.s, c.cmd->name);
}

RULE(ban_drop_not_null) = {
    .page =
        {
            .name = "ban-drop-not-null",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "NOT NULL taken from a column",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For a moment.",
            .why = "The application that runs was written for a value that is always there, and "
                   "meets NULL where it does not look for it. Setting NOT NULL again later needs "
                   "every row to be filled and looked at.",
            .instead =
                "Let the application cope with NULL first. A default that means \"unknown\" may "
                "be enough.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE customer ALTER COLUMN email DROP NOT NULL;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE customer ALTER COLUMN email SET DEFAULT '';\n"
                    "-- migd:down\n",
        },
    .check = check};
