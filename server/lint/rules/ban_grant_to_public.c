/* Also as a default for objects to come. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__AlterDefaultPrivilegesStmt *d =
      STATEMENT(s, ALTER_DEFAULT_PRIVILEGES_STMT, alter_default_privileges_stmt);
  const PgQuery__GrantStmt *g = d ? d->action : STATEMENT(s, GRANT_STMT, grant_stmt);
  for (size_t i = 0; g && g->is_grant && i < g->n_grantees; i++) {
    const PgQuery__RoleSpec *r = NODE(g->grantees[i], ROLE_SPEC, role_spec);
    if (r && r->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
      rule_report(s, self, r->location, 0, NULL, "every role of the server gets it");
  }
}

RULE(ban_grant_to_public) = {
    .page =
        {
            .name = "ban-grant-to-public",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a right given to PUBLIC",
            .lock = "",
            .duration =
                "For ever, to every role of the server, also to those that do not exist yet.",
            .why = "PUBLIC is everybody who can connect: the reporting tool, the other team, the "
                   "next tenant. It is hard to take back, because a REVOKE from one role does not "
                   "help against it.",
            .instead = "Grant to a role, and let those who need it be members.",
            .bad = "-- migd:up\n"
                   "GRANT SELECT ON invoice TO PUBLIC;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "GRANT SELECT ON invoice TO reporting;\n"
                    "-- migd:down\n",
        },
    .check = check};
