/* ALTER TABLE also renames indexes and sequences that are called tables; no harm is meant. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__RenameStmt *r = STATEMENT(s, RENAME_STMT, rename_stmt);
  if (r && r->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE && !tree_is_new(s, r->relation))
    rule_report(s, self, -1, 0, NULL, "whoever still says %s fails; a view of that name helps",
                tree_table(r->relation).s);
}

RULE(renaming_table) = {
    .page =
        {
            .name = "renaming-table",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a table renamed",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For a moment.",
            .why = "The application that runs knows the old name, the one that comes knows the new "
                   "one, and for a while both run. One of them fails.",
            .instead =
                "Rename it, and in the same revision make a view of the old name, SELECT * FROM "
                "the new one: PostgreSQL writes through such a view too. Drop the view when "
                "nobody uses it any more.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE client RENAME TO purchaser;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE VIEW purchaser AS SELECT * FROM client;\n"
                    "-- migd:down\n",
        },
    .check = check};
