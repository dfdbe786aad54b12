/* The RENAME at the end of a rebuild reads every view and trigger, and one does not find its table.
 */
#include "server/lint/rule.h"

#include <string.h>

#include "server/lint/rebuild.h"
#include "server/lint/words.h"

static bool legacy(const struct lint_statement *s) {
  for (size_t i = 0; i < s->unit->count; i++)
    if (words_mention(s->unit->items[i].sql, "legacy_alter_table"))
      return true;
  return false;
}

/* A view, or a trigger of another table, that is still there and mentions the table. */
static bool stands_on(const struct object *o, const struct rebuild *r) {
  if (o->kind == OBJECT_TRIGGER ? strcmp(o->table, r->table) == 0 : o->kind != OBJECT_VIEW)
    return false;
  return words_mention(o->sql, r->table);
}

static bool dropped_before_rename(const struct lint_statement *s, const struct object *o) {
  for (size_t i = s->index + 1; i < s->unit->count; i++) {
    struct event e = event_read(s->unit->items[i].sql, s->unit->items[i].len, s->arena);
    if (e.verb == EVENT_RENAME)
      return false;
    if (e.verb == EVENT_DROP && e.kind == o->kind && strcmp(e.name, o->name) == 0)
      return true;
  }
  return false;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct rebuild r;
  struct schema schema;
  if (!rebuild_ends(s, s->arena, &r) || r.renamed_old || legacy(s) ||
      !schema_before(s->unit, s->index, s->arena, &schema))
    return;
  for (size_t i = 0; i < schema.count; i++) {
    const struct object *o = &schema.objects[i];
    if (stands_on(o, &r) && !dropped_before_rename(s, o))
      rule_report(s, self, -1, 0, NULL,
                  "the %s %s mentions %s; without it the RENAME that follows fails",
                  o->kind == OBJECT_VIEW ? "view" : "trigger", o->name, r.table);
  }
}

RULE(rebuild_under_view) = {
    .page =
        {
            .name = "rebuild-under-view",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_ERROR,
            .summary = "a table made anew by hand while a view or trigger mentions it",
            .lock = "The write lock of the database file.",
            .duration = "As long as copying the table takes, and then the step fails.",
            .why = "ALTER TABLE … RENAME reads all views and triggers of the database, to change "
                   "names in them. Between the DROP of the old table and the RENAME of the new "
                   "one, those that mention the table stand on nothing: the statement ends with "
                   "\"error in view …: no such table\" and the step is rolled back. On a database "
                   "without the view it works, so a test may not show it.",
            .instead = "Write the ALTER TABLE that is meant: migd takes care of views and "
                       "triggers. By hand, DROP the view or trigger first and CREATE it again at "
                       "the end, or put PRAGMA legacy_alter_table = ON before the RENAME and OFF "
                       "behind it.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC);\n"
                   "CREATE VIEW large_invoice AS SELECT id FROM invoice WHERE total > 1000;\n"
                   "CREATE TABLE invoice_new (id INTEGER PRIMARY KEY, total NUMERIC, note TEXT);\n"
                   "INSERT INTO invoice_new (id, total) SELECT id, total FROM invoice;\n"
                   "DROP TABLE invoice;\n"
                   "ALTER TABLE invoice_new RENAME TO invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC);\n"
                    "CREATE VIEW large_invoice AS SELECT id FROM invoice WHERE total > 1000;\n"
                    "CREATE TABLE invoice_new (id INTEGER PRIMARY KEY, total NUMERIC, note TEXT);\n"
                    "INSERT INTO invoice_new (id, total) SELECT id, total FROM invoice;\n"
                    "DROP VIEW large_invoice;\n"
                    "DROP TABLE invoice;\n"
                    "ALTER TABLE invoice_new RENAME TO invoice;\n"
                    "CREATE VIEW large_invoice AS SELECT id FROM invoice WHERE total > 1000;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
