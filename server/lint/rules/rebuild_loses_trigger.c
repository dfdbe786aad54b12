/* A trigger goes with its table and is not made again. */
#include "server/lint/rule.h"

#include "server/lint/rebuild.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  struct rebuild r;
  size_t from = 0;
  if (!rebuild_ends(s, s->arena, &r))
    return;
  for (const struct object *o; (o = rebuild_lost(s, &r, OBJECT_TRIGGER, s->arena, &from)) != NULL;)
    rule_report(s, self, -1, 0, NULL,
                "the trigger %s of %s goes with it, and this revision does not make it again",
                o->name, r.table);
}

RULE(rebuild_loses_trigger) = {
    .page =
        {
            .name = "rebuild-loses-trigger",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "a trigger lost when a table is made anew by hand",
            .lock = "The write lock of the database file.",
            .duration = "As long as copying the table takes.",
            .why = "DROP TABLE takes the triggers of a table with it, without a word. Audit "
                   "rows, counters and checks that they made are missing from that day on, and "
                   "no error says since when.",
            .instead = "Write the ALTER TABLE that is meant: migd rebuilds the table with "
                       "everything on it. By hand, write each CREATE TRIGGER again behind the "
                       "RENAME; `sqlite3 app.db .schema` shows them. One that is not wanted any "
                       "more is dropped by a DROP TRIGGER of its own, which says so.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC);\n"
                   "CREATE TRIGGER invoice_log AFTER UPDATE ON invoice BEGIN\n"
                   "  INSERT INTO log (what) VALUES ('invoice ' || old.id);\n"
                   "END;\n"
                   "CREATE TABLE invoice_new (id INTEGER PRIMARY KEY, total NUMERIC, note TEXT);\n"
                   "INSERT INTO invoice_new (id, total) SELECT id, total FROM invoice;\n"
                   "DROP TABLE invoice;\n"
                   "ALTER TABLE invoice_new RENAME TO invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC);\n"
                    "CREATE TRIGGER invoice_log AFTER UPDATE ON invoice BEGIN\n"
                    "  INSERT INTO log (what) VALUES ('invoice ' || old.id);\n"
                    "END;\n"
                    "CREATE TABLE invoice_new (id INTEGER PRIMARY KEY, total NUMERIC, note TEXT);\n"
                    "INSERT INTO invoice_new (id, total) SELECT id, total FROM invoice;\n"
                    "DROP TABLE invoice;\n"
                    "ALTER TABLE invoice_new RENAME TO invoice;\n"
                    "CREATE TRIGGER invoice_log AFTER UPDATE ON invoice BEGIN\n"
                    "  INSERT INTO log (what) VALUES ('invoice ' || old.id);\n"
                    "END;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
