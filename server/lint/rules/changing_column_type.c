/* What the column was before is not in the statement. A type that a change may reach without a
 * rewrite is a note. */
#include "server/lint/tree.h"
/* Types that some others change into without a byte being written. */
static bool may_be_free(const PgQuery__ColumnDef *d) {
  return !d->raw_default &&
         tree_one_of(tree_type(d->type_name), "text varchar numeric varbit inet citext interval");
}

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COMMAND(c, s) {
    const PgQuery__ColumnDef *d = NODE(c.cmd->def, COLUMN_DEF, column_def);
    if (c.cmd->subtype != AT(AlterColumnType) || !d)
      continue;
    if (may_be_free(d))
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
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration =
                "For as long as it takes to write the whole table and all its indexes anew. "
                "Nothing is written when the bytes stay the same: varchar to text, a longer "
                "varchar, numeric of more digits and the same scale.",
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
