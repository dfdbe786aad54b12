/* What the column was before is not in the statement. A type that a change may reach without a
 * rewrite is a note. */
#include <strings.h>

#include "server/lint/tree.h"
/* Types that some others change into without a byte being written; between the two kinds of
 * timestamp it is so where the revision has set the time zone to UTC. */
static bool may_be_free(const struct lint_statement *s, const struct rule *self,
                        const PgQuery__ColumnDef *d) {
  const char *type = tree_type(d->type_name);
  if (tree_one_of(type, "timestamp timestamptz"))
    return rule_remembers(s, self, "utc");
  return !d->raw_default && tree_one_of(type, "text varchar numeric varbit inet citext interval");
}

static void note_zone(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__VariableSetStmt *v = STATEMENT(s, VARIABLE_SET_STMT, variable_set_stmt);
  const char *zone = v && v->n_args ? tree_string(v->args[0]) : "";
  if (v && v->name && tree_one_of(v->name, "timezone TimeZone") && strcasecmp(zone, "UTC") == 0)
    rule_remember(s, self, "utc");
}

static void check(const struct lint_statement *s, const struct rule *self) {
  note_zone(s, self);
  EACH_COMMAND(c, s) {
    const PgQuery__ColumnDef *d = NODE(c.cmd->def, COLUMN_DEF, column_def);
    if (c.cmd->subtype != AT(AlterColumnType) || !d)
      continue;
    if (may_be_free(s, self, d))
      COMMAND_REPORT_AS(
          c, self, SEVERITY_NOTE,
          "free if %s.%s holds the same bytes as before (varchar to text, more length "
          "or digits); if not, %s is written anew",
          c.table.s, c.cmd->name, c.table.s);
    else
      COMMAND_REPORT(c, self, "%s is written anew while nobody can read it", c.table.s);
  }
}

RULE(changing_column_type) = {
    .page =
        {
            .name = "changing-column-type",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "the type of a column changed",
            .lock = "ACCESS EXCLUSIVE on the table, and on those that a foreign key of the column "
                    "joins it with",
            .duration =
                "For as long as it takes to write the whole table and all its indexes anew. "
                "Nothing is written when the bytes stay the same: varchar to text, a longer "
                "varchar, numeric of more digits and the same scale; timestamp to timestamptz "
                "in a session whose time zone is UTC (PostgreSQL 12 and later).",
            .why = "No query of the table is answered in that time, it needs the table's size on "
                   "disk once more, and prepared statements of the running application may fail "
                   "(\"cached plan must not change result type\").",
            .instead =
                "Add a column of the new type, keep both by a trigger, fill the rows that are "
                "there in a section with batch=, let the application change over, and drop the "
                "old one.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ALTER COLUMN id TYPE bigint;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD COLUMN id_next bigint;\n"
                    "-- migd:down\n",
        },

    .check = check};
