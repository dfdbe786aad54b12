/* DROP SCHEMA … CASCADE is also what ban-drop-cascade finds. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  const PgQuery__DropStmt *d = STATEMENT(s, DROP_STMT, drop_stmt);
  if (d && d->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
    rule_report(s, self, -1, 0, NULL, "%s may hold more than this revision knows",
                d->n_objects ? tree_string(d->objects[0]) : "the schema");
}

RULE(ban_drop_schema) = {
    .page =
        {
            .name = "ban-drop-schema",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "a schema dropped",
            .lock = "ACCESS EXCLUSIVE on everything in it",
            .duration = "For a moment, but it waits for every query of every table in it.",
            .why = "With CASCADE all its tables are gone, whatever was in them when the revision "
                   "ran, not when it was written. On a target with a schema per tenant it is that "
                   "tenant.",
            .instead =
                "Drop the tables that you know by name, in revisions of their own, and leave "
                "the empty schema, or drop it by hand.",
            .bad = "-- migd:up\n"
                   "DROP SCHEMA legacy;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "COMMENT ON SCHEMA legacy IS 'empty; nothing uses it any more';\n"
                    "-- migd:down\n",
        },
    .check = check};
