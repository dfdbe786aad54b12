/* A table made anew by hand counts from its rows again. */
#include "server/lint/rule.h"

#include "server/lint/rebuild.h"
#include "server/lint/words.h"

static bool keeps_sequence(const struct lint_statement *s, const struct rebuild *r) {
  for (size_t i = r->create; i < s->unit->count; i++)
    if (words_mention(s->unit->items[i].sql, "sqlite_sequence"))
      return true;
  return false;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct rebuild r;
  struct definition old, made;
  if (!rebuild_ends(s, s->arena, &r) || !rebuild_definitions(s, &r, s->arena, &old, &made) ||
      !old.autoincrement)
    return;
  if (!made.autoincrement)
    rule_report(s, self, -1, 0, NULL,
                "%s had AUTOINCREMENT, the new table has not: ids of deleted rows come again",
                r.table);
  else if (!keeps_sequence(s, &r))
    rule_report_as(s, self, SEVERITY_NOTE, -1, 0, NULL,
                   "the counter of %s begins behind its largest row: ids of rows deleted at the "
                   "end come again",
                   r.table);
}

RULE(rebuild_loses_autoincrement) = {
    .page =
        {
            .name = "rebuild-loses-autoincrement",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "AUTOINCREMENT, or its counter, lost when a table is made anew by hand",
            .lock = "The write lock of the database file.",
            .duration = "As long as copying the table takes.",
            .why = "AUTOINCREMENT promises that an id is never given twice, also when the "
                   "newest rows are deleted; invoices, log entries and caches of other systems "
                   "rely on it. The promise stands in the CREATE TABLE and the counter in "
                   "sqlite_sequence. A new table without the word gives old ids again; one with "
                   "the word starts behind the largest id that was copied.",
            .instead =
                "Write the ALTER TABLE that is meant: migd rebuilds the table and keeps word "
                "and counter. By hand: keep AUTOINCREMENT in the new definition, and before "
                "the DROP write UPDATE sqlite_sequence SET seq = (SELECT seq FROM "
                "sqlite_sequence WHERE name = 'old') WHERE name = 'new'.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE ticket (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);\n"
                   "CREATE TABLE ticket_new (id INTEGER PRIMARY KEY, title TEXT);\n"
                   "INSERT INTO ticket_new (id, title) SELECT id, title FROM ticket;\n"
                   "DROP TABLE ticket;\n"
                   "ALTER TABLE ticket_new RENAME TO ticket;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE TABLE ticket (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);\n"
                    "CREATE TABLE ticket_new (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);\n"
                    "INSERT INTO ticket_new (id, title) SELECT id, title FROM ticket;\n"
                    "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name "
                    "= 'ticket')\n"
                    "  WHERE name = 'ticket_new';\n"
                    "DROP TABLE ticket;\n"
                    "ALTER TABLE ticket_new RENAME TO ticket;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
