/* References follow a rename: to the table that is about to be dropped. */
#include "server/lint/rule.h"

#include <string.h>

#include "server/lint/rebuild.h"
#include "server/lint/words.h"

/* PRAGMA legacy_alter_table before the rename leaves references alone. */
static bool legacy(const struct lint_statement *s) {
  for (size_t i = 0; i < s->index; i++)
    if (words_mention(s->unit->items[i].sql, "legacy_alter_table"))
      return true;
  return false;
}

/* Another table, view or trigger that mentions the table; NULL: none. */
static const struct object *follower(const struct schema *schema, const struct rebuild *r) {
  for (size_t i = 0; i < schema->count; i++) {
    const struct object *o = &schema->objects[i];
    if (o->kind != OBJECT_INDEX && strcmp(o->name, r->old) != 0 && strcmp(o->table, r->old) != 0 &&
        strcmp(o->name, r->table) != 0 && strcmp(o->table, r->table) != 0 &&
        words_mention(o->sql, r->table))
      return o;
  }
  return NULL;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct rebuild r;
  struct schema schema;
  if (!rebuild_ends(s, s->arena, &r) || !r.renamed_old || legacy(s))
    return;
  if (!schema_before(s->unit, s->index, s->arena, &schema))
    return;
  const struct object *o = follower(&schema, &r);
  if (o)
    rule_report(s, self, -1, 0, NULL,
                "%s mentions %s: the rename made that %s, which is dropped here", o->name, r.table,
                r.old);
}

RULE(rebuild_renames_old) = {
    .page =
        {
            .name = "rebuild-renames-old",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_ERROR,
            .summary = "a table made anew by hand whose old one is renamed out of the way first",
            .lock = "The write lock of the database file.",
            .duration = "As long as copying the table takes.",
            .why = "ALTER TABLE … RENAME changes everything that mentions the table: foreign keys "
                   "of other tables, views and triggers name the old table by its new name from "
                   "then on. When that one is dropped they point to nothing: each INSERT into a "
                   "child table fails with \"no such table\", also when foreign keys are off "
                   "while the revision runs. It is the one order of steps that SQLite's manual "
                   "warns of.",
            .instead = "Write the ALTER TABLE that is meant, migd does the rest. By hand: CREATE "
                       "the new table by another name, copy, DROP the old one, RENAME the new one.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);\n"
                   "CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer REFERENCES customer);\n"
                   "CREATE INDEX invoice_customer ON invoice (customer);\n"
                   "ALTER TABLE customer RENAME TO customer_old;\n"
                   "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);\n"
                   "INSERT INTO customer (id, name) SELECT id, name FROM customer_old;\n"
                   "DROP TABLE customer_old;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);\n"
                    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer REFERENCES customer);\n"
                    "CREATE INDEX invoice_customer ON invoice (customer);\n"
                    "CREATE TABLE customer_new (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);\n"
                    "INSERT INTO customer_new (id, name) SELECT id, name FROM customer;\n"
                    "DROP TABLE customer;\n"
                    "ALTER TABLE customer_new RENAME TO customer;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
