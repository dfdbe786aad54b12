/* Going down is about undoing, and has a rule of its own for what is lost by that. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  EACH_COMMAND(c, s)
  if (c.cmd->subtype == AT(DropColumn))
    COMMAND_REPORT(c, self, "what is in %s.%s is lost, and whoever still uses it fails", c.table.s,
                   c.cmd->name);
}

RULE(ban_drop_column) = {
    .page =
        {
            .name = "ban-drop-column",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a column dropped",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration =
                "For a moment: the column is only hidden, and its bytes go as rows are written. "
                "The revision must commit before others go on.",
            .why = "Its data is gone when the revision commits; a downgrade brings back an empty "
                   "column. The application that still runs reads and writes the column, also by "
                   "SELECT * and by INSERTs that an object mapper makes, and fails.",
            .instead =
                "First release an application that does not know the column any more. Then drop "
                "it, with a migd:ignore that says since when nobody uses it.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE customer DROP COLUMN fax;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE customer ALTER COLUMN fax SET DEFAULT NULL;\n"
                    "COMMENT ON COLUMN customer.fax IS 'not used since release 41';\n"
                    "-- migd:down\n",
        },
    .check = check};
