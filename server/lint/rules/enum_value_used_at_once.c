/* Any constant that reads like the value counts. A type that the revision itself makes has no
 * such limit. */
#include <stdio.h>

#include "server/lint/tree.h"

struct use {
  const struct lint_statement *s;
  const struct rule *self;
  const char *value;
};

static struct tree_name key(const struct lint_statement *s, const char *value) {
  struct tree_name k;
  (void)snprintf(k.s, sizeof k.s, "%u %s", s->scope->transaction_number, value);
  return k;
}

static bool look(void *ctx, const PgQuery__Node *n) {
  struct use *u = ctx;
  const char *text = n->node_case == PG_QUERY__NODE__NODE_A_CONST ? tree_string(n) : "";
  if (text[0] && rule_remembers(u->s, u->self, key(u->s, text).s)) {
    u->value = text;
    rule_report(u->s, u->self, n->a_const->location, 0, NULL,
                "'%s' is not there for use before the transaction that adds it has committed",
                text);
  }
  return u->value == NULL;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__AlterEnumStmt *e = STATEMENT(s, ALTER_ENUM_STMT, alter_enum_stmt);
  struct use use = {s, self, NULL};
  if (e && e->new_val && !(e->old_val && e->old_val[0])) {
    if (s->scope->made(s->scope, tree_path(e->n_type_name, e->type_name).s))
      return;
    rule_remember(s, self, key(s, e->new_val).s);
    rule_remember(s, self, key(s, "").s);
  } else if (rule_remembers(s, self, key(s, "").s)) {
    (void)tree_walk(s->tree, look, &use);
  }
}

RULE(enum_value_used_at_once) = {
    .page =
        {
            .name = "enum-value-used-at-once",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "an enum value that is used in the transaction that adds it",
            .lock = "",
            .duration = "It fails at the statement that uses the value (55P04).",
            .why = "A value that ALTER TYPE … ADD VALUE adds can be used when the transaction has "
                   "committed, not before. Before PostgreSQL 12, ADD VALUE itself is refused in a "
                   "transaction.",
            .instead = "Add the value in a revision of its own, and use it in the next one.",
            .bad = "-- migd:up\n"
                   "ALTER TYPE invoice_state ADD VALUE 'disputed' AFTER 'open';\n"
                   "UPDATE invoice SET state = 'disputed' WHERE id = 7;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TYPE invoice_state ADD VALUE 'disputed' AFTER 'open';\n"
                    "-- migd:down\n",
        },
    .check = check};
