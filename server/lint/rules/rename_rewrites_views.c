/* A rename changes the text of what mentions the name. */
#include "server/lint/rule.h"

#include "server/lint/alteration.h"
#include "server/lint/schema.h"

/* `name`: the table's, or that of its column. */
static void look(const struct lint_statement *s, const struct rule *self, const char *table,
                 const char *name) {
  struct schema schema;
  if (!schema_before(s->unit, s->index, s->arena, &schema))
    return;
  for (size_t i = 0; i < schema.count; i++) {
    const struct object *o = &schema.objects[i];
    if ((o->kind == OBJECT_VIEW || o->kind == OBJECT_TRIGGER) && words_mention(o->sql, table) &&
        words_mention(o->sql, name))
      rule_report(s, self, -1, 0, NULL, "the %s %s is rewritten: it mentions %s",
                  o->kind == OBJECT_VIEW ? "view" : "trigger", o->name, name);
  }
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct alteration a = {0};
  while (alteration_next(&a, s->words, s->arena)) {
    const char *table = words_unqualified(a.table);
    bool column = a.verb == ALTERATION_RENAME_COLUMN;
    if ((column || a.verb == ALTERATION_RENAME_TABLE) && !s->scope->made(s->scope, table))
      look(s, self, table, column ? a.what : table);
  }
}

RULE(rename_rewrites_views) = {
    .page =
        {
            .name = "rename-rewrites-views",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_NOTE,
            .summary = "a rename of what views or triggers mention",
            .lock = "The write lock of the database file.",
            .duration = "For a moment: only the schema is written.",
            .why = "SQLite changes the name inside every view, trigger and foreign key. So the "
                   "view goes on to work, but it reads from another name now, its own columns "
                   "keep theirs or change with `SELECT *`, and the text in the database is no "
                   "longer the one in your revisions. When one of them is broken already, for "
                   "whatever reason, the rename fails. With PRAGMA legacy_alter_table = ON "
                   "nothing is rewritten, and views break when they are next read.",
            .instead = "Drop the view or trigger in this revision, rename, and create it again "
                       "with the text that you want to have; then revisions and database agree.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE VIEW open_invoice AS SELECT id FROM invoice WHERE paid IS NULL;\n"
                   "ALTER TABLE invoice RENAME TO bill;\n"
                   "CREATE VIEW invoice AS SELECT * FROM bill;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE VIEW open_invoice AS SELECT id FROM invoice WHERE paid IS NULL;\n"
                    "DROP VIEW open_invoice;\n"
                    "ALTER TABLE invoice RENAME TO bill;\n"
                    "CREATE VIEW invoice AS SELECT * FROM bill;\n"
                    "CREATE VIEW open_invoice AS SELECT id FROM bill WHERE paid IS NULL;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
