/* Also SELECT set_config('search_path', …), as pg_dump writes it. */
#include "server/lint/tree.h"

static bool look(void *ctx, const PgQuery__Node *n) {
  const PgQuery__FuncCall *f = NODE(n, FUNC_CALL, func_call);
  bool *found = ctx;
  *found = *found ||
           (f && f->n_args && tree_one_of(tree_last(f->n_funcname, f->funcname), "set_config") &&
            tree_one_of(tree_string(f->args[0]), "search_path"));
  return !*found;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__VariableSetStmt *v = STATEMENT(s, VARIABLE_SET_STMT, variable_set_stmt);
  bool found = v && v->name && tree_one_of(v->name, "search_path");
  if (STATEMENT(s, SELECT_STMT, select_stmt))
    (void)tree_walk(s->tree, look, &found);
  if (found)
    rule_report(s, self, -1, 0, NULL, "what follows goes where the path leads, not to the target");
}

RULE(ban_set_search_path) = {
    .page =
        {
            .name = "ban-set-search-path",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "the search_path changed by a revision",
            .lock = "",
            .duration = "Until the revision ends: migd puts the path back then.",
            .why = "A target may be a schema of a tenant: migd sets the path to it, and the "
                   "revision leads its own statements somewhere else, into the same schema for all "
                   "tenants.",
            .instead =
                "Write names without a schema for what belongs to the target, and with one for "
                "what does not. A function gets a path of its own by SET search_path in its "
                "definition.",
            .bad = "-- migd:up\n"
                   "SET search_path TO billing;\n"
                   "CREATE TABLE receipt (id bigint PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE billing.invoice (id bigint PRIMARY KEY);\n"
                    "-- migd:down\n",
        },
    .check = check};
