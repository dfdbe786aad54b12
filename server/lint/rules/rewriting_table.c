/* What ALTER TABLE writes anew without any column being changed. */
#include "server/lint/tree.h"

static bool rewrites(PgQuery__AlterTableType t) {
  return t == AT(SetLogged) || t == AT(SetUnLogged) || t == AT(SetTableSpace) ||
         t == AT(SetAccessMethod);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s)
  if (rewrites(c.cmd->subtype))
    COMMAND_REPORT(c, self, "%s is written anew while nobody can read it", c.table.s);
}

RULE(rewriting_table) = {
    .page =
        {
            .name = "rewriting-table",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a table moved to another tablespace, access method or persistence",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration =
                "For as long as it takes to write the whole table anew; SET LOGGED writes all "
                "of it to the log of the server besides.",
            .why = "No query of the table is answered in that time.",
            .instead =
                "Do it while nobody needs the table, or make a new table where it should be, "
                "copy in batches, and exchange the two.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice SET UNLOGGED;\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up\n"
                "CREATE UNLOGGED TABLE import_buffer (id bigint PRIMARY KEY, line text NOT NULL);\n"
                "-- migd:down\n",
        },
    .check = check};
