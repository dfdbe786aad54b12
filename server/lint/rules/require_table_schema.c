/* squawk wants a schema always, and leaves that off unless asked for; a schema per tenant
 * needs the opposite. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__CreateStmt *c = STATEMENT(s, CREATE_STMT, create_stmt);
  if (!c || !c->relation || tree_is_temporary(c->relation))
    return;
  bool named = c->relation->schemaname && c->relation->schemaname[0];
  if (rule_remembers(s, self, named ? "plain" : "named"))
    rule_report(s, self, c->relation->location, 0, NULL, "%s a schema, unlike a table before it",
                named ? "with" : "without");
  rule_remember(s, self, named ? "named" : "plain");
}

RULE(require_table_schema) = {
    .page =
        {
            .name = "require-table-schema",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a table made without a schema, in a revision that names schemas elsewhere",
            .lock = "",
            .duration = "It takes no time.",
            .why = "Half of the revision goes where it says, the other half wherever search_path "
                   "leads. On a target with a schema per tenant that is the tenant's; on others "
                   "mostly public.",
            .instead =
                "Either a schema for all, or none: on targets with a schema per tenant, none.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE billing.invoice (id bigint PRIMARY KEY);\n"
                   "CREATE TABLE payment (id bigint PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE billing.invoice (id bigint PRIMARY KEY);\n"
                    "CREATE TABLE billing.payment (id bigint PRIMARY KEY);\n"
                    "-- migd:down\n",
        },
    .check = check};
