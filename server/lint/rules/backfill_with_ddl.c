/* A row picked by a constant key takes no time. */
#include <stdio.h>

#include "server/lint/tree.h"

static struct tree_name key(const struct lint_statement *s) {
  struct tree_name k;
  (void)snprintf(k.s, sizeof k.s, "%u", s->scope->transaction_number);
  return k;
}

/* The table whose rows change, where that may take long: INSERT … VALUES does not. */
static const PgQuery__RangeVar *rows_of(const struct lint_statement *s) {
  const PgQuery__UpdateStmt *u = STATEMENT(s, UPDATE_STMT, update_stmt);
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  const PgQuery__InsertStmt *i = STATEMENT(s, INSERT_STMT, insert_stmt);
  const PgQuery__SelectStmt *from = i ? NODE(i->select_stmt, SELECT_STMT, select_stmt) : NULL;
  bool copies = from && (from->n_from_clause || from->larg);
  return u ? u->relation : d ? d->relation : copies ? i->relation : NULL;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s)
  if (c.cmd->subtype != AT(ValidateConstraint))
    rule_remember(s, self, key(s).s);
  const PgQuery__RangeVar *table = rows_of(s);
  if (!table || tree_one_row(s) || !rule_remembers(s, self, key(s).s))
    return;
  rule_report(s, self, -1, 0, tree_is_new(s, table) ? NULL : tree_table(table).s,
              "the lock of the ALTER TABLE before it is held until all rows are written");
}

RULE(backfill_with_ddl) = {
    .page =
        {
            .name = "backfill-with-ddl",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "rows changed in a transaction that has altered a table before",
            .lock = "ACCESS EXCLUSIVE on the altered table",
            .duration = "From the ALTER TABLE until the commit, so for as long as the rows take.",
            .why = "The lock that ALTER TABLE needs for a moment is held while row after row is "
                   "written: no query of the altered table is answered in that time.",
            .instead = "Two revisions: the first alters, the second changes the rows, in a section "
                       "with batch=.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD COLUMN currency text;\n"
                   "UPDATE invoice SET currency = 'EUR' WHERE currency IS NULL;\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up batch=5000 pause=50ms\n"
                "UPDATE invoice SET currency = 'EUR'\n"
                "  WHERE id IN (SELECT id FROM invoice WHERE currency IS NULL LIMIT ${batch});\n"
                "-- migd:down\n",
        },
    .check = check};
