/* A domain type may have a default of its own, which cannot be seen here. */
#include "server/lint/alteration.h"
#include "server/lint/fate.h"
#include "server/lint/tree.h"

#define FAILS "fails when %s has any row: nothing says what %s is there"

/* The definition of a column says NOT NULL, and nothing that fills it; what is in parentheses is
 * its type's or an expression. */
static bool required(const struct words *w, const struct alteration *a) {
  bool not_null = false;
  for (size_t i = a->what_at + 1; i < a->end;
       i = words_char(w, i, '(') ? words_behind(w, i) : i + 1) {
    if ((words_are(w, i, "DEFAULT") && !words_are(w, i, "DEFAULT NULL")) ||
        words_are(w, i, "GENERATED") || words_are(w, i, "AS"))
      return false;
    not_null = not_null || words_are(w, i, "NOT NULL");
  }
  return not_null;
}

static void check_sqlite(const struct lint_statement *s, const struct rule *self) {
  struct alteration a = {0};
  const struct words *w = s->words;
  const char *emptied = fate_emptied(s);
  if (emptied)
    rule_remember(s, self, emptied);
  while (alteration_next(&a, w, s->arena)) {
    const char *table = words_shown(w, a.table_at, s->arena);
    if (a.verb == ALTERATION_ADD_COLUMN && required(w, &a) && !fate_is_new(s, a.table) &&
        !rule_remembers(s, self, words_unqualified(a.table)))
      rule_report(s, self, (int)w->items[a.what_at].start, 0, table, FAILS, table,
                  words_shown(w, a.what_at, s->arena));
  }
}

/* What fills the column without being asked. */
static bool filled(const PgQuery__ColumnDef *d) {
  return d->raw_default || tree_column_constraint(d, CONSTRAINT(DEFAULT)) ||
         tree_column_constraint(d, CONSTRAINT(IDENTITY)) ||
         tree_column_constraint(d, CONSTRAINT(GENERATED)) ||
         tree_one_of(tree_type(d->type_name),
                     "serial bigserial smallserial serial2 serial4 serial8");
}

/* A table that the revision has emptied has no row to fail at. */
static void note_empty(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  const PgQuery__TruncateStmt *t = STATEMENT(s, TRUNCATE_STMT, truncate_stmt);
  if (d && !d->where_clause)
    rule_remember(s, self, tree_table(d->relation).s);
  for (size_t i = 0; t && i < t->n_relations; i++)
    rule_remember(s, self, tree_table(NODE(t->relations[i], RANGE_VAR, range_var)).s);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  note_empty(s, self);
  EACH_COLUMN(c, s) {
    const PgQuery__Constraint *required = tree_column_constraint(c.def, CONSTRAINT(NOTNULL));
    if (c.existing && required && !filled(c.def) && !rule_remembers(s, self, c.table.s))
      rule_report(s, self, c.def->location, 0, c.table.s, FAILS, c.table.s, c.def->colname);
  }
}

RULE(adding_required_field) = {
    .page =
        {
            .name = "adding-required-field",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_ERROR,
            .summary = "a column added NOT NULL without a default",
            .lock = "PostgreSQL: ACCESS EXCLUSIVE on the table. SQLite: the write lock of the "
                    "database file",
            .duration = "It fails at the first row there is.",
            .why = "On a table that has rows PostgreSQL refuses it (23502), and so does SQLite. On "
                   "an empty one it works, so the mistake shows in production only. The "
                   "application that runs "
                   "meanwhile does not fill the column either, and its INSERTs fail.",
            .instead =
                "Give it a default that is constant: that is instant on SQLite, and since "
                "PostgreSQL 11 there. Or add it without NOT NULL, fill it in batches, and set NOT "
                "NULL later (see adding-not-nullable-field).",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD COLUMN currency text NOT NULL;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD COLUMN currency text NOT NULL DEFAULT 'EUR';\n"
                    "-- migd:down\n",
        },
    .check = check,
    .check_sqlite = check_sqlite};
