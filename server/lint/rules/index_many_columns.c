/* B-trees: the others keep their columns side by side. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__IndexStmt *i = STATEMENT(s, INDEX_STMT, index_stmt);
  bool btree =
      i && (!i->access_method || !i->access_method[0] || tree_one_of(i->access_method, "btree"));
  if (s->direction == DIR_UP && btree && !i->unique && i->n_index_params > 3)
    rule_report(s, self, -1, 0, NULL, "%zu columns, of which the first ones do the work",
                i->n_index_params);
}

RULE(index_many_columns) = {
    .page =
        {
            .name = "index-many-columns",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "an index on more than three columns that is not unique",
            .lock = "",
            .duration = "It costs at every write, for ever.",
            .why = "Columns behind the third hardly narrow down what the first ones found, and the "
                   "index grows with each of them.",
            .instead = "Begin with the columns that narrow down most, and stop there. INCLUDE adds "
                       "columns that are only to be read from the index.",
            .bad = "-- migd:up transaction=off\n"
                   "CREATE INDEX CONCURRENTLY invoice_lookup ON invoice (customer_id, state, "
                   "due_at, total);\n"
                   "-- migd:down\n",
            .good = "-- migd:up transaction=off\n"
                    "CREATE INDEX CONCURRENTLY invoice_lookup ON invoice (customer_id, due_at) "
                    "INCLUDE (total);\n"
                    "-- migd:down\n",
        },
    .check = check};
