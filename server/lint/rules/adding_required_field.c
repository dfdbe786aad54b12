/* A domain type may have a default of its own, which cannot be seen here. */
#include "server/lint/tree.h"

/* What fills the column without being asked. */
static bool filled(const PgQuery__ColumnDef *d) {
  return d->raw_default || tree_column_constraint(d, CONSTRAINT(DEFAULT)) ||
         tree_column_constraint(d, CONSTRAINT(IDENTITY)) ||
         tree_column_constraint(d, CONSTRAINT(GENERATED)) ||
         tree_one_of(tree_type(d->type_name),
                     "serial bigserial smallserial serial2 serial4 serial8");
}

/* A table that the revision has emptied has no row to fail at. */
static void note_empty(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  const PgQuery__TruncateStmt *t = STATEMENT(s, TRUNCATE_STMT, truncate_stmt);
  if (d && !d->where_clause)
    rule_remember(s, self, tree_table(d->relation).s);
  for (size_t i = 0; t && i < t->n_relations; i++)
    rule_remember(s, self, tree_table(NODE(t->relations[i], RANGE_VAR, range_var)).s);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  note_empty(s, self);
  EACH_COLUMN(c, s) {
    const PgQuery__Constraint *required = tree_column_constraint(c.def, CONSTRAINT(NOTNULL));
    if (c.existing && required && !filled(c.def) && !rule_remembers(s, self, c.table.s))
      rule_report(s, self, c.def->location, 0, c.table.s,
                  "fails when %s has any row: nothing says what %s is there", c.table.s,
                  c.def->colname);
  }
}

RULE(adding_required_field) = {
    .page =
        {
            .name = "adding-required-field",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "a column added NOT NULL without a default",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "It fails at the first row there is.",
            .why = "On a table that has rows PostgreSQL refuses it (23502). On an empty one it "
                   "works, so the mistake shows in production only. The application that runs "
                   "meanwhile does not fill the column either, and its INSERTs fail.",
            .instead =
                "Give it a default that is constant: since PostgreSQL 11 that is instant. Or "
                "add it without NOT NULL, fill it in batches, and set NOT NULL later (see "
                "adding-not-nullable-field).",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD COLUMN currency text NOT NULL;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD COLUMN currency text NOT NULL DEFAULT 'EUR';\n"
                    "-- migd:down\n",
        },
    .check = check};
