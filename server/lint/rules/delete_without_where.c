/* Of a table that the revision did not make itself. */
#include <string.h>

#include "server/lint/fate.h"
#include "server/lint/tree.h"
#include "server/lint/words.h"

#define LOST "all rows of %s are lost"

/* Rows that are elsewhere, or come back, are not lost; SQLite's own tables hold none. */
static void check_sqlite(const struct lint_statement *s, const struct rule *self) {
  const char *table = fate_emptied(s);
  size_t i = 2;
  if (!table || strncmp(table, "sqlite_", 7) == 0 || fate_rows_kept(s, table))
    return;
  const char *shown = words_shown(s->words, i, s->arena);
  if (!fate_is_new(s, words_name(s->words, &i, s->arena)))
    rule_report(s, self, -1, 0, NULL, LOST, shown);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  if (d && !d->where_clause && !tree_is_new(s, d->relation))
    rule_report(s, self, -1, 0, NULL, LOST, tree_table(d->relation).s);
}

RULE(delete_without_where) = {
    .page =
        {
            .name = "delete-without-where",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a DELETE without WHERE",
            .lock = "PostgreSQL: ROW EXCLUSIVE on the table, and a lock on each row, until the "
                    "commit. SQLite: the write lock of the database file",
            .duration = "For as long as it takes to mark every row, and to look up or delete what "
                        "points to it.",
            .why = "All that is in the table is lost. If it is meant, on PostgreSQL it is also the "
                   "slow way.",
            .instead = "Say which rows. If it is all of them, PostgreSQL's TRUNCATE is instant (it "
                       "takes ACCESS EXCLUSIVE, and fires no DELETE triggers); for many, a section "
                       "with batch=.",
            .bad = "-- migd:up\n"
                   "DELETE FROM session;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "DELETE FROM session WHERE id = 4711;\n"
                    "-- migd:down\n",
        },
    .check = check,
    .check_sqlite = check_sqlite};
