/* squawk wants every file to set its timeouts; here they are set, and the revision can only
 * spoil it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/lint/tree.h"

enum { LONG_MS = 60 * 1000 };

/* -1: no limit known. */
static double milliseconds(const PgQuery__Node *n) {
  static const struct {
    const char *unit;
    double ms;
  } units[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"min", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
  const PgQuery__AConst *c = NODE(n, A_CONST, a_const);
  if (c && c->val_case == PG_QUERY__A__CONST__VAL_IVAL)
    return c->ival->ival;
  char *unit;
  double value = strtod(tree_string(n), &unit);
  unit += strspn(unit, " ");
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(unit, units[i].unit) == 0)
      return value * units[i].ms;
  return value;
}

/* The last two are what SELECT set_config('name', 'value', …) would be to a rule of values. */
static void judge(const struct lint_statement *s, const struct rule *self, const char *name,
                  const PgQuery__Node *value) {
  double ms = value ? milliseconds(value) : 0;
  if (strcasecmp(name, "lock_timeout") == 0 && (ms <= 0 || ms > LONG_MS))
    rule_report(s, self, -1, 0, NULL, "waits for locks %s, and others wait behind it",
                ms <= 0 ? "without a limit" : "for minutes");
  else if (strcasecmp(name, "statement_timeout") == 0 && ms <= 0 && value)
    rule_report_as(s, self, SEVERITY_NOTE, -1, 0, NULL,
                   "takes off the limit that the target may have for a reason");
}

static bool look(void *ctx, const PgQuery__Node *n) {
  const struct lint_statement *s = ((const void **)ctx)[0];
  const struct rule *self = ((const void **)ctx)[1];
  const PgQuery__FuncCall *f = NODE(n, FUNC_CALL, func_call);
  if (f && f->n_args >= 2 && tree_one_of(tree_last(f->n_funcname, f->funcname), "set_config"))
    judge(s, self, tree_string(f->args[0]), f->args[1]);
  return true;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__VariableSetStmt *v = STATEMENT(s, VARIABLE_SET_STMT, variable_set_stmt);
  if (v && v->name)
    judge(s, self, v->name, v->n_args ? v->args[0] : NULL);
  else if (v && v->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL)
    judge(s, self, "lock_timeout", NULL);
  const void *ctx[] = {s, self};
  if (STATEMENT(s, SELECT_STMT, select_stmt))
    (void)tree_walk(s->tree, look, ctx);
}

RULE(require_timeout_settings) = {
    .page =
        {
            .name = "require-timeout-settings",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a revision that takes the limit off waiting for locks",
            .lock = "",
            .duration = "As long as it waits, all that needs the same table waits behind it.",
            .why = "migd sets lock_timeout (5 s unless the target says otherwise) and tries again "
                   "with pauses, so that no change stands in the lock queue for long. A revision "
                   "that sets it to 0, or to minutes, stops the application for that time when one "
                   "long query is in the way.",
            .instead =
                "Leave lock_timeout to migd. A statement that needs more tries is better served "
                "by another hour of the day; one that works long by statement_timeout, with SET "
                "LOCAL.",
            .bad = "-- migd:up\n"
                   "SET LOCAL lock_timeout = 0;\n"
                   "ALTER TABLE invoice ADD COLUMN note text;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "SET LOCAL lock_timeout = '2s';\n"
                    "ALTER TABLE invoice ADD COLUMN note text;\n"
                    "-- migd:down\n",
        },
    .check = check};
