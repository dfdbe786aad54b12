/* Some settings have rules of their own. pg_dump's head is full of these: its lines are
 * needless here. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__VariableSetStmt *v = STATEMENT(s, VARIABLE_SET_STMT, variable_set_stmt);
  bool sets = v && v->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE && v->name;
  if (sets && s->scope->transaction && !v->is_local &&
      !tree_one_of(v->name, "search_path session_replication_role lock_timeout"))
    rule_report(s, self, -1, 0, NULL, "%s stays so for the revisions that run after this one",
                v->name);
}

RULE(prefer_set_local) = {
    .page =
        {
            .name = "prefer-set-local",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a setting changed for longer than the revision",
            .lock = "",
            .duration =
                "Until the task ends, so for all revisions that run after it on the target.",
            .why = "SET without LOCAL outlives the transaction. The next revision runs as another "
                   "role, or with a timeout, that it does not know of; when it is run alone, on "
                   "the next target or after a crash, it runs without.",
            .instead =
                "Write SET LOCAL: it ends with the revision's transaction. What a section with "
                "transaction=off sets, let it RESET.",
            .bad = "-- migd:up\n"
                   "SET work_mem = '256MB';\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "SET LOCAL work_mem = '256MB';\n"
                    "-- migd:down\n",
        },
    .check = check};
