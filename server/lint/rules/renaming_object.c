/* Tables and columns have rules of their own; constraints, indexes and triggers nobody calls
 * by name. */
#include "server/lint/tree.h"

static bool in_use(PgQuery__ObjectType t) {
  return t == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW || t == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW ||
         t == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE || t == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN ||
         t == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE ||
         t == PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION ||
         t == PG_QUERY__OBJECT_TYPE__OBJECT_PROCEDURE ||
         t == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE || t == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA ||
         t == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__RenameStmt *r = STATEMENT(s, RENAME_STMT, rename_stmt);
  const PgQuery__AlterEnumStmt *e = STATEMENT(s, ALTER_ENUM_STMT, alter_enum_stmt);
  const PgQuery__AlterObjectSchemaStmt *m =
      STATEMENT(s, ALTER_OBJECT_SCHEMA_STMT, alter_object_schema_stmt);
  if (r && r->rename_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE && in_use(r->rename_type) &&
      !(r->relation && tree_is_new(s, r->relation)))
    rule_report(s, self, -1, 0, NULL, "whoever knows it by its old name fails");
  else if (e && e->old_val && e->old_val[0])
    rule_report(s, self, -1, 0, NULL, "every row that holds '%s' reads '%s' at once", e->old_val,
                e->new_val);
  else if (m && in_use(m->object_type) && !(m->relation && tree_is_new(s, m->relation)))
    rule_report(s, self, -1, 0, NULL, "found in the schema %s only, by whoever has it in the path",
                m->newschema);
}

RULE(renaming_object) = {
    .page =
        {
            .name = "renaming-object",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a view, type, enum value, function or schema renamed, or moved to another "
                       "schema",
            .lock = "ACCESS EXCLUSIVE on a view; others are locked against being changed only",
            .duration = "For a moment.",
            .why = "The application that runs knows the old name. An enum value that is renamed "
                   "changes in every row that holds it, at once. A schema that is renamed takes "
                   "all its tables along.",
            .instead =
                "Make the new thing beside the old one, let the application change over, and "
                "drop the old one. For an enum, ADD VALUE and change the rows in batches.",
            .bad = "-- migd:up\n"
                   "ALTER TYPE invoice_state RENAME VALUE 'open' TO 'due';\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TYPE invoice_state ADD VALUE IF NOT EXISTS 'due' AFTER 'open';\n"
                    "-- migd:down\n",
        },
    .check = check};
