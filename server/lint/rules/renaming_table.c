/* ALTER TABLE also renames indexes and sequences that are called tables; no harm is meant. */
#include "server/lint/alteration.h"
#include "server/lint/fate.h"
#include "server/lint/tree.h"

#define MISSED "whoever still says %s fails; a view of that name helps"

static void check_sqlite(const struct lint_statement *s, const struct rule *self) {
  struct alteration a = {0};
  if (s->direction != DIR_UP || !alteration_next(&a, s->words, s->arena))
    return;
  if (a.verb == ALTERATION_RENAME_TABLE && !fate_is_new(s, a.table) &&
      !fate_name_kept(s, words_unqualified(a.table)))
    rule_report(s, self, -1, 0, NULL, MISSED, words_shown(s->words, a.table_at, s->arena));
}

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__RenameStmt *r = STATEMENT(s, RENAME_STMT, rename_stmt);
  if (r && r->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE && !tree_is_new(s, r->relation))
    rule_report(s, self, -1, 0, NULL, MISSED, tree_table(r->relation).s);
}

RULE(renaming_table) = {
    .page =
        {
            .name = "renaming-table",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a table renamed",
            .lock = "PostgreSQL: ACCESS EXCLUSIVE on the table. SQLite: the write lock of the "
                    "database file",
            .duration = "For a moment.",
            .why = "The application that runs knows the old name, the one that comes knows the new "
                   "one, and for a while both run. One of them fails.",
            .instead =
                "Rename it, and in the same revision make a view of the old name, SELECT * FROM "
                "the new one: PostgreSQL writes through such a view too, SQLite with INSTEAD OF "
                "triggers. Drop the view when nobody uses it any more.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE client RENAME TO purchaser;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE VIEW purchaser AS SELECT * FROM client;\n"
                    "-- migd:down\n",
        },
    .check = check,
    .check_sqlite = check_sqlite};
