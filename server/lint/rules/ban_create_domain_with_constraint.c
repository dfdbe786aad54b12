/* A DEFAULT is no constraint. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__CreateDomainStmt *d = STATEMENT(s, CREATE_DOMAIN_STMT, create_domain_stmt);
  for (size_t i = 0; d && i < d->n_constraints; i++) {
    const PgQuery__Constraint *c = NODE(d->constraints[i], CONSTRAINT, constraint);
    if (c && (c->contype == CONSTRAINT(CHECK) || c->contype == CONSTRAINT(NOTNULL)))
      rule_report(s, self, c->location, 0, NULL,
                  "to change it, every table with such a column is read at once");
  }
}

RULE(ban_create_domain_with_constraint) = {
    .page =
        {
            .name = "ban-create-domain-with-constraint",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a domain with a CHECK or NOT NULL",
            .lock = "",
            .duration =
                "It takes no time now. Changing the constraint later reads every table that has "
                "a column of the domain.",
            .why = "A constraint of a domain cannot be exchanged for one table only, cannot be "
                   "added NOT VALID table by table, and does not always hold: NOT NULL of a domain "
                   "is not looked at in the result of an outer join.",
            .instead = "Put the constraint on the columns, as CHECK of the table, by name.",
            .bad = "-- migd:up\n"
                   "CREATE DOMAIN mail_address AS text CHECK (VALUE LIKE '%@%');\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE DOMAIN mail_address AS text;\n"
                    "-- migd:down\n",
        },
    .check = check};
