/* Size is nothing to it: ten rows can be the ones that matter. SQLite's way to change a table is to
 * make a new one and drop the old: what went over is not lost, and who has the name misses nothing.
 */
#include "server/lint/fate.h"
#include "server/lint/schema.h"
#include "server/lint/tree.h"
#include "server/lint/words.h"

static void tell(const struct lint_statement *s, const struct rule *self, const char *table) {
  rule_report(s, self, -1, 0, NULL, "%s goes, and all that is still in it", table);
}

/* By what the catalog's revisions made: IF EXISTS is written before a CREATE as well. */
static bool is_there(const struct lint_statement *s, const char *table) {
  struct schema schema;
  return !schema_before(s->unit, s->index, s->arena, &schema) ||
         schema_find(&schema, OBJECT_TABLE, table);
}

static void check_sqlite(const struct lint_statement *s, const struct rule *self) {
  size_t i = 0;
  if (s->direction != DIR_UP || !words_take(s->words, &i, "DROP TABLE"))
    return;
  bool perhaps = words_take(s->words, &i, "IF EXISTS");
  const char *shown = words_shown(s->words, i, s->arena);
  const char *name = words_name(s->words, &i, s->arena);
  if (!name || fate_is_new(s, name))
    return;
  const char *table = words_unqualified(name);
  if (fate_rows_kept(s, table) && fate_name_kept(s, table))
    return;
  if (!perhaps || is_there(s, table))
    tell(s, self, shown);
}

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
      tell(s, self, name.s);
  }
}

RULE(ban_drop_table) = {
    .page =
        {
            .name = "ban-drop-table",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a table dropped",
            .lock = "PostgreSQL: ACCESS EXCLUSIVE on the table, and on each table that a foreign "
                    "key of it points to. SQLite: the write lock of the database file",
            .duration = "For a moment, but on PostgreSQL it waits for every query of these tables.",
            .why = "Its data is gone when the revision commits, and the application that still "
                   "uses it fails. On PostgreSQL, foreign keys make it wait for busy tables as "
                   "well. On SQLite a table that is made anew by hand is none that is lost, as "
                   "long as an INSERT … SELECT takes its rows over before the DROP.",
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
    .check = check,
    .check_sqlite = check_sqlite};
