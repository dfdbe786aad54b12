/* ALTER DOMAIN … SET NOT NULL reads the same tables. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__AlterDomainStmt *d = STATEMENT(s, ALTER_DOMAIN_STMT, alter_domain_stmt);
  const PgQuery__Constraint *c = d ? NODE(d->def, CONSTRAINT, constraint) : NULL;
  bool adds = d && d->subtype && d->subtype[0] == 'C' && !(c && c->skip_validation);
  bool not_null = d && d->subtype && d->subtype[0] == 'O';
  if (adds || not_null)
    rule_report(s, self, -1, 0, NULL, "writes to every table with a column of %s wait",
                tree_path(d->n_type_name, d->type_name).s);
}

RULE(ban_alter_domain_with_add_constraint) = {
    .page =
        {
            .name = "ban-alter-domain-with-add-constraint",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a constraint added to a domain",
            .lock = "SHARE on every table that has a column of the domain",
            .duration =
                "For as long as it takes to read all of these tables, and until the revision "
                "commits.",
            .why = "Writes to all of them wait, and which ones they are does not stand in the "
                   "revision.",
            .instead = "ADD CONSTRAINT … NOT VALID looks at no row; VALIDATE CONSTRAINT in another "
                       "revision takes the same SHARE, but that is all it does. Better: a CHECK on "
                       "each table, added NOT VALID and validated table by table.",
            .bad = "-- migd:up\n"
                   "ALTER DOMAIN email ADD CONSTRAINT email_at CHECK (VALUE LIKE '%@%');\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up\n"
                "ALTER DOMAIN email ADD CONSTRAINT email_at CHECK (VALUE LIKE '%@%') NOT VALID;\n"
                "-- migd:down\n",
        },
    .check = check};
