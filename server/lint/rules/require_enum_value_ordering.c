/* RENAME VALUE is another matter (renaming-object). */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__AlterEnumStmt *e = STATEMENT(s, ALTER_ENUM_STMT, alter_enum_stmt);
  if (e && !(e->old_val && e->old_val[0]) && !(e->new_val_neighbor && e->new_val_neighbor[0]))
    rule_report(s, self, -1, 0, NULL, "'%s' becomes the last and greatest value", e->new_val);
}

RULE(require_enum_value_ordering) = {
    .page =
        {
            .name = "require-enum-value-ordering",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "an enum value added without its place in the order",
            .lock = "",
            .duration = "For a moment.",
            .why = "It goes to the end, and < and ORDER BY follow the order of the values. It can "
                   "never be moved, only the whole type exchanged.",
            .instead =
                "Say BEFORE or AFTER which value it stands, also where that is the last one.",
            .bad = "-- migd:up\n"
                   "ALTER TYPE priority ADD VALUE 'medium';\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TYPE priority ADD VALUE 'medium' AFTER 'low';\n"
                    "-- migd:down\n",
        },
    .check = check};
