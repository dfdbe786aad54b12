/* DROP INDEX locks the table as strongly as DROP TABLE does. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DropStmt *d = STATEMENT(s, DROP_STMT, drop_stmt);
  if (!d || d->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_INDEX || d->concurrent)
    return;
  for (size_t i = 0; i < d->n_objects; i++) {
    const PgQuery__List *l = NODE(d->objects[i], LIST, list);
    struct tree_name name = tree_path(l ? l->n_items : 0, l ? l->items : NULL);
    if (!s->scope->made(s->scope, name.s))
      rule_report(s, self, -1, 0, NULL,
                  "reads and writes of the table of %s wait until the revision commits", name.s);
  }
}

RULE(require_concurrent_index_deletion) = {
    .page =
        {
            .name = "require-concurrent-index-deletion",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "an index dropped without CONCURRENTLY",
            .lock = "ACCESS EXCLUSIVE on the table and on the index",
            .duration =
                "Short in itself, but it lasts until the revision commits, and it has to wait "
                "for every query that reads the table.",
            .why = "While DROP INDEX waits for a long query, all later queries of the table queue "
                   "behind it. migd breaks that off after lock_timeout and tries again, so that it "
                   "can fail for a busy table again and again.",
            .instead = "Write DROP INDEX CONCURRENTLY, one index a statement, in a section with "
                       "transaction=off. It waits without standing in anybody's way.",
            .bad = "-- migd:up\n"
                   "DROP INDEX invoice_customer;\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "DROP INDEX CONCURRENTLY IF EXISTS invoice_customer;\n"
                    "-- migd:down\n",
        },
    .check = check};
