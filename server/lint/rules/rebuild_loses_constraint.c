/* What the old definition promised and the new one does not. */
#include "server/lint/rule.h"

#include "server/lint/rebuild.h"
#include <string.h>

static size_t first_word(const char *text) {
  return strcspn(text, " ");
}

static bool same_columns(const struct definition *old, const struct promise *p,
                         const struct promise *q) {
  for (size_t i = 0; i < old->column_count; i++)
    if (definition_concerns(p, old->columns[i]) != definition_concerns(q, old->columns[i]))
      return false;
  return true;
}

/* A promise of the same kind about the same columns, that the old table did not have: it was
 * changed, not forgotten. One that only leaves out its end, as an ON DELETE, is no change. */
static bool changed(const struct definition *old, const struct definition *made,
                    const struct promise *p) {
  for (size_t i = 0; i < made->promise_count; i++) {
    const struct promise *q = &made->promises[i];
    size_t n = first_word(p->text);
    if (first_word(q->text) == n && strncmp(q->text, p->text, n) == 0 && same_columns(old, p, q) &&
        !definition_promises(old, q) && strncmp(p->text, q->text, strlen(q->text)) != 0)
      return true;
  }
  return false;
}

/* It is about a column that the new table does not have. */
static bool went_with_column(const struct definition *old, const struct definition *made,
                             const struct promise *p) {
  for (size_t i = 0; i < old->column_count; i++)
    if (!definition_has_column(made, old->columns[i]) && definition_concerns(p, old->columns[i]))
      return true;
  return false;
}

static void check_promises(const struct lint_statement *s, const struct rule *self,
                           const struct rebuild *r, const struct definition *old,
                           const struct definition *made) {
  for (size_t i = 0; i < old->promise_count; i++) {
    const struct promise *p = &old->promises[i];
    if (definition_promises(made, p) || changed(old, made, p) || went_with_column(old, made, p))
      continue;
    rule_report(s, self, -1, 0, NULL, "%s had `%s%s%s`, the new table has not", r->table, p->column,
                p->column[0] ? " " : "", p->text);
  }
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct rebuild r;
  struct definition old, made;
  if (!rebuild_ends(s, s->arena, &r) || !rebuild_definitions(s, &r, s->arena, &old, &made))
    return;
  if (made.from_select) {
    rule_report(s, self, -1, 0, NULL,
                "%s is made by CREATE TABLE AS, which keeps no constraint, type or key at all",
                r.table);
    return;
  }
  check_promises(s, self, &r, &old, &made);
  if (old.strict && !made.strict)
    rule_report(s, self, -1, 0, NULL, "%s was STRICT, the new table is not", r.table);
  if (old.without_rowid && !made.without_rowid)
    rule_report(s, self, -1, 0, NULL, "%s was WITHOUT ROWID, the new table is not", r.table);
}

RULE(rebuild_loses_constraint) = {
    .page =
        {
            .name = "rebuild-loses-constraint",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "a constraint lost when a table is made anew by hand",
            .lock = "The write lock of the database file.",
            .duration = "As long as copying the table takes.",
            .why = "SQLite changes little of a table in place, so tables are made anew by hand, "
                   "and the new definition is written from memory or by a tool that knows "
                   "columns only. A CHECK, a foreign key, a NOT NULL or a STRICT that is not in "
                   "it is gone, and nothing fails: bad rows come in weeks later. Compared is "
                   "what the revisions before this one say about the table.",
            .instead = "Write the ALTER TABLE that is meant: migd rebuilds the table and keeps "
                       "everything that the statement does not name. By hand, take the definition "
                       "from `sqlite3 app.db .schema` and change one thing. Where the loss is what "
                       "is wanted, ignore this rule and say why.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC NOT NULL CHECK "
                   "(total >= 0));\n"
                   "CREATE TABLE invoice_new (id INTEGER PRIMARY KEY, total NUMERIC NOT NULL, note "
                   "TEXT);\n"
                   "INSERT INTO invoice_new (id, total) SELECT id, total FROM invoice;\n"
                   "DROP TABLE invoice;\n"
                   "ALTER TABLE invoice_new RENAME TO invoice;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC NOT NULL CHECK "
                    "(total >= 0));\n"
                    "CREATE TABLE invoice_new (\n"
                    "  id INTEGER PRIMARY KEY,\n"
                    "  total NUMERIC NOT NULL,\n"
                    "  note TEXT,\n"
                    "  CHECK (total >= 0)\n"
                    ");\n"
                    "INSERT INTO invoice_new (id, total) SELECT id, total FROM invoice;\n"
                    "DROP TABLE invoice;\n"
                    "ALTER TABLE invoice_new RENAME TO invoice;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
