/* Foreign keys are off while migrations run: no ON DELETE happens. */
#include "server/lint/rule.h"

#include <string.h>

#include "server/lint/definition.h"
#include "server/lint/words.h"

enum {
  TEXT_MAX = 100000, /* bytes of a definition that are read for this */
  STATEMENTS_MAX =
      500 /* in which a child's name is looked for; where there are more, nobody knows */
};

/* The foreign key by which a table's rows were to follow those of `parent`; NULL: none. */
static const char *follows(const struct lint_statement *s, const struct object *o,
                           const char *parent) {
  struct definition d;
  if (o->kind != OBJECT_TABLE || o->unsure || o->len > TEXT_MAX || !words_mention(o->sql, parent) ||
      !definition_read(o, s->arena, &d))
    return NULL;
  const char *to = arena_printf(s->arena, "references %s", parent);
  for (size_t i = 0; i < d.promise_count; i++) {
    const char *text = d.promises[i].text, *at = strstr(text, to);
    if (strncmp(text, "foreign key", 11) == 0 && at && strchr(" ", at[strlen(to)]) &&
        (strstr(at, "on delete cascade") || strstr(at, "on delete set")))
      return text;
  }
  return NULL;
}

/* Another statement of the unit takes care of the child's rows. */
static bool cared_for(const struct lint_statement *s, const char *child) {
  if (s->unit->count > STATEMENTS_MAX)
    return true;
  for (size_t i = 0; i < s->unit->count; i++) {
    const char *sql = s->unit->items[i].sql;
    if (i != s->index && strchr("DdUu", sql[0]) && words_mention(sql, child))
      return true;
  }
  return false;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct schema schema;
  size_t i = 0;
  if (!words_take(s->words, &i, "DELETE FROM"))
    return;
  const char *table = words_name(s->words, &i, s->arena);
  if (!table || !schema_before(s->unit, s->index, s->arena, &schema))
    return;
  table = words_unqualified(table);
  for (size_t n = 0; n < schema.count; n++) {
    const struct object *o = &schema.objects[n];
    const char *key = follows(s, o, table);
    if (key && !cared_for(s, o->name))
      rule_report(s, self, -1, 0, table,
                  "rows of %s stay behind: foreign keys are off, so `%s` does nothing here",
                  o->name, key);
  }
}

RULE(delete_without_cascade) = {
    .page =
        {
            .name = "delete-without-cascade",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "a DELETE that relies on ON DELETE CASCADE or SET NULL",
            .lock = "The write lock of the database file.",
            .duration = "As long as deleting takes, and the check of foreign keys at the end.",
            .why = "migd runs migrations with foreign keys off, or a rebuild of a parent table "
                   "would delete all its children. So a DELETE does not reach child rows: they "
                   "stay, point to nothing, and the check before the commit finds them and fails "
                   "the step.",
            .instead = "Delete or change the child rows by statements of their own, before those "
                       "of the parent.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE line (\n"
                   "  id INTEGER PRIMARY KEY,\n"
                   "  invoice INTEGER REFERENCES invoice (id) ON DELETE CASCADE\n"
                   ");\n"
                   "CREATE INDEX line_invoice ON line (invoice);\n"
                   "DELETE FROM invoice WHERE total = 0;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE TABLE line (\n"
                    "  id INTEGER PRIMARY KEY,\n"
                    "  invoice INTEGER REFERENCES invoice (id) ON DELETE CASCADE\n"
                    ");\n"
                    "CREATE INDEX line_invoice ON line (invoice);\n"
                    "DELETE FROM line WHERE invoice IN (SELECT id FROM invoice WHERE total = 0);\n"
                    "DELETE FROM invoice WHERE total = 0;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
