/* CREATE TABLE, UPDATE, INSERT and the names of a view. */
#include <string.h>

#include "server/lint/tree.h"

static const char *name_of(const PgQuery__Node *n) {
  const PgQuery__ColumnDef *c = NODE(n, COLUMN_DEF, column_def);
  const PgQuery__ResTarget *r = NODE(n, RES_TARGET, res_target);
  bool whole = r && !r->n_indirection; /* not a[1], nor a.b */
  return c ? c->colname : whole ? r->name : tree_string(n);
}

static int place_of(const PgQuery__Node *n) {
  const PgQuery__ColumnDef *c = NODE(n, COLUMN_DEF, column_def);
  const PgQuery__ResTarget *r = NODE(n, RES_TARGET, res_target);
  return c ? c->location : r ? r->location : -1;
}

enum { NAMES_MAX = 1600 }; /* more columns no table has */

static void look(const struct lint_statement *s, const struct rule *self, size_t count,
                 PgQuery__Node *const *items) {
  for (size_t i = 1; i < count && i < NAMES_MAX; i++) {
    const char *name = name_of(items[i]);
    size_t k = 0;
    while (k < i && name && name[0] &&
           strcmp(name_of(items[k]) ? name_of(items[k]) : "", name) != 0)
      k++;
    if (k < i && name && name[0])
      rule_report(s, self, place_of(items[i]), 0, NULL, "%s is named twice", name);
  }
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__CreateStmt *create = STATEMENT(s, CREATE_STMT, create_stmt);
  const PgQuery__UpdateStmt *update = STATEMENT(s, UPDATE_STMT, update_stmt);
  const PgQuery__InsertStmt *insert = STATEMENT(s, INSERT_STMT, insert_stmt);
  const PgQuery__ViewStmt *view = STATEMENT(s, VIEW_STMT, view_stmt);
  if (create)
    look(s, self, create->n_table_elts, create->table_elts);
  if (update)
    look(s, self, update->n_target_list, update->target_list);
  if (insert)
    look(s, self, insert->n_cols, insert->cols);
  if (view)
    look(s, self, view->n_aliases, view->aliases);
}

RULE(ban_duplicate_column_assignments) = {
    .page =
        {
            .name = "ban-duplicate-column-assignments",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "a column named twice in one statement",
            .lock = "",
            .duration = "It fails at once (42701, 42601).",
            .why = "PostgreSQL refuses it when it runs; the parser does not see it.",
            .instead = "Name it once.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE receipt (id bigint PRIMARY KEY, total numeric, total numeric);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE receipt (id bigint PRIMARY KEY, net numeric, total numeric);\n"
                    "-- migd:down\n",
        },
    .check = check};
