/* Of tables, views and materialized views. */
#include "server/lint/alteration.h"
#include "server/lint/fate.h"
#include "server/lint/tree.h"

#define MISSED "whoever still says %s.%s fails"

static void check_sqlite(const struct lint_statement *s, const struct rule *self) {
  struct alteration a = {0};
  const struct words *w = s->words;
  if (s->direction != DIR_UP || !alteration_next(&a, w, s->arena))
    return;
  if (a.verb == ALTERATION_RENAME_COLUMN && !fate_is_new(s, a.table))
    rule_report(s, self, -1, 0, NULL, MISSED, words_shown(w, a.table_at, s->arena),
                words_shown(w, a.what_at, s->arena));
}

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__RenameStmt *r = STATEMENT(s, RENAME_STMT, rename_stmt);
  if (r && r->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN && !tree_is_new(s, r->relation))
    rule_report(s, self, -1, 0, NULL, MISSED, tree_table(r->relation).s, r->subname);
}

RULE(renaming_column) = {
    .page =
        {
            .name = "renaming-column",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a column renamed",
            .lock = "PostgreSQL: ACCESS EXCLUSIVE on the table. SQLite: the write lock of the "
                    "database file",
            .duration = "For a moment.",
            .why = "The application that runs knows the old name, the one that comes knows the new "
                   "one, and for a while both run. One of them fails.",
            .instead =
                "Add a column of the new name, keep both by a trigger, fill it in batches, let "
                "the application change over, and drop the old one. Or keep the name and let "
                "the application call it something else.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE customer RENAME COLUMN phone TO phone_number;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE customer ADD COLUMN phone_number text;\n"
                    "-- migd:down\n",
        },
    .check = check,
    .check_sqlite = check_sqlite};
