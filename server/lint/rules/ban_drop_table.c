/* Size is nothing to it: ten rows can be the ones that matter. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__DropStmt *d = STATEMENT(s, DROP_STMT, drop_stmt);
  if (!d || d->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
    return;
  for (size_t i = 0; i < d->n_objects; i++) {
    const PgQuery__List *l = NODE(d->objects[i], LIST, list);
    struct tree_name name = tree_path(l ? l->n_items : 0, l ? l->items : NULL);
    if (!s->scope->made(s->scope, name.s))
      rule_report(s, self, -1, 0, NULL, "%s and all that is in it are lost", name.s);
  }
}

RULE(ban_drop_table) = {
    .page =
        {
            .name = "ban-drop-table",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a table dropped",
            .lock = "ACCESS EXCLUSIVE on the table, and on each table that a foreign key of it "
                    "points to",
            .duration = "For a moment, but it waits for every query of these tables.",
            .why = "Its data is gone when the revision commits, and the application that still "
                   "uses it fails. Foreign keys make it wait for busy tables as well.",
            .instead = "Rename nothing and drop nothing that the running application knows. When "
                       "nobody has used it for a while, back it up and drop it, with a migd:ignore "
                       "that says so.",
            .bad = "-- migd:up\n"
                   "DROP TABLE invoice_archive;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TEMP TABLE scratch (id bigint);\n"
                    "DROP TABLE scratch;\n"
                    "-- migd:down\n",
        },
    .check = check};
