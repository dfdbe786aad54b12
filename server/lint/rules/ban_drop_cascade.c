/* DROP OWNED names nothing at all, so it is one too, with or without the word. */
#include "server/lint/tree.h"
#define CASCADE PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE

static bool report(const struct lint_statement *s, const struct rule *self) {
  rule_report(s, self, -1, 0, NULL, "CASCADE drops what is not named here");
  return true;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DropStmt *d = STATEMENT(s, DROP_STMT, drop_stmt);
  const PgQuery__DropOwnedStmt *owned = STATEMENT(s, DROP_OWNED_STMT, drop_owned_stmt);
  const PgQuery__AlterDomainStmt *domain = STATEMENT(s, ALTER_DOMAIN_STMT, alter_domain_stmt);
  if ((d && d->behavior == CASCADE) || (domain && domain->behavior == CASCADE) || owned)
    (void)report(s, self);
  EACH_COMMAND(c, s) {
    bool drops = c.cmd->subtype == AT(DropColumn) || c.cmd->subtype == AT(DropConstraint);
    if (drops && c.cmd->behavior == CASCADE)
      COMMAND_REPORT(c, self, "CASCADE drops what depends on %s.%s, wherever it is", c.table.s,
                     c.cmd->name);
  }
}

RULE(ban_drop_cascade) = {
    .page =
        {
            .name = "ban-drop-cascade",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "a DROP that takes along whatever depends on it",
            .lock = "ACCESS EXCLUSIVE on all that is dropped, and on the tables whose foreign keys "
                    "go",
            .duration = "For a moment, but it waits for the queries of all of them.",
            .why = "What depends on a thing is not the same on every target: a view that somebody "
                   "made for a report, a foreign key of a newer revision. CASCADE drops it without "
                   "a word.",
            .instead =
                "Without CASCADE PostgreSQL refuses and names what is in the way. Drop that by "
                "name.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice DROP CONSTRAINT invoice_pkey CASCADE;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice_line DROP CONSTRAINT invoice_line_invoice_fk;\n"
                    "ALTER TABLE invoice DROP CONSTRAINT invoice_pkey;\n"
                    "-- migd:down\n",
        },
    .check = check};
