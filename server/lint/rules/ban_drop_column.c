/* Going down is about undoing, and has a rule of its own for what is lost by that. */
#include "server/lint/alteration.h"
#include "server/lint/fate.h"
#include "server/lint/rebuild.h"
#include "server/lint/tree.h"

#define LOST "what is in %s.%s is lost, and whoever still uses it fails"

/* A table made anew by hand without the column, before SQLite had DROP COLUMN the only way. */
static void look_at_rebuild(const struct lint_statement *s, const struct rule *self) {
  struct rebuild r;
  struct definition old, made;
  if (!rebuild_ends(s, s->arena, &r) || !rebuild_definitions(s, &r, s->arena, &old, &made) ||
      made.from_select)
    return;
  for (size_t i = 0; i < old.column_count; i++)
    if (!definition_has_column(&made, old.columns[i]) && !fate_is_new(s, r.old) &&
        !fate_copied(s, r.old, old.columns[i]) && !fate_copied(s, r.table, old.columns[i]))
      rule_report(s, self, -1, 0, r.table, LOST, r.table, old.columns[i]);
}

static void check_sqlite(const struct lint_statement *s, const struct rule *self) {
  struct alteration a = {0};
  const struct words *w = s->words;
  if (s->direction != DIR_UP)
    return;
  while (alteration_next(&a, w, s->arena)) {
    if (a.verb != ALTERATION_DROP_COLUMN || fate_is_new(s, a.table))
      continue;
    size_t from = w->items[a.from].start, last = a.end - 1;
    const char *table = words_shown(w, a.table_at, s->arena);
    rule_report(s, self, (int)from, w->items[last].start + w->items[last].len - from, table, LOST,
                table, words_shown(w, a.what_at, s->arena));
  }
  look_at_rebuild(s, self);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  if (s->direction != DIR_UP)
    return;
  EACH_COMMAND(c, s)
  if (c.cmd->subtype == AT(DropColumn))
    COMMAND_REPORT(c, self, LOST, c.table.s, c.cmd->name);
}

RULE(ban_drop_column) = {
    .page =
        {
            .name = "ban-drop-column",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a column dropped",
            .lock = "PostgreSQL: ACCESS EXCLUSIVE on the table. SQLite: the write lock of the "
                    "database file",
            .duration =
                "PostgreSQL: for a moment, as the column is only hidden, and its bytes go as rows "
                "are written; the revision must commit before others go on. SQLite: as long as "
                "writing every row of the table takes.",
            .why = "Its data is gone when the revision commits; a downgrade brings back an empty "
                   "column. The application that still runs reads and writes the column, also by "
                   "SELECT * and by INSERTs that an object mapper makes, and fails.",
            .instead =
                "First release an application that does not know the column any more. Then drop "
                "it, with a migd:ignore that says since when nobody uses it.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE customer DROP COLUMN fax;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE customer ALTER COLUMN fax SET DEFAULT NULL;\n"
                    "COMMENT ON COLUMN customer.fax IS 'not used since release 41';\n"
                    "-- migd:down\n",
        },
    .check = check,
    .check_sqlite = check_sqlite};
