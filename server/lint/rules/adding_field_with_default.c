/* serial and identity count: their default is nextval(). */
#include "server/lint/tree.h"

static void look(const struct lint_statement *s, const struct rule *self,
                 const struct tree_column *c) {
  const PgQuery__Constraint *d = tree_column_constraint(c->def, CONSTRAINT(DEFAULT));
  bool known = false;
  const PgQuery__FuncCall *f = d ? tree_volatile(d->raw_expr, &known) : NULL;
  bool serial = tree_one_of(tree_type(c->def->type_name),
                            "serial bigserial smallserial serial2 serial4 serial8") ||
                tree_column_constraint(c->def, CONSTRAINT(IDENTITY));
  if (serial)
    rule_report(s, self, c->def->location, 0, c->table.s,
                "%s is written anew: every row gets a number", c->table.s);
  else if (known)
    rule_report(s, self, d->location, 0, c->table.s,
                "%s is written anew: %s() gives each row a value of its own", c->table.s,
                tree_last(f->n_funcname, f->funcname));
  else if (f)
    rule_report_as(
        s, self, SEVERITY_NOTE, d->location, 0, c->table.s,
        "%s is written anew if %s() is VOLATILE, as a function is that says nothing else",
        c->table.s, tree_last(f->n_funcname, f->funcname));
}

static void check(const struct lint_statement *s, const struct rule *self) {
  EACH_COLUMN(c, s)
  if (c.existing)
    look(s, self, &c);
}

RULE(adding_field_with_default) = {
    .page =
        {
            .name = "adding-field-with-default",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a column added with a default that is computed for every row",
            .lock = "ACCESS EXCLUSIVE on the table",
            .duration = "For as long as it takes to write the whole table and its indexes anew. A "
                        "default that is constant or STABLE, as now() is, has been instant since "
                        "PostgreSQL 11.",
            .why = "No query of the table is answered in that time, and it needs the table's size "
                   "on disk once more.",
            .instead =
                "Add the column without a default, give it the default with ALTER COLUMN … SET "
                "DEFAULT for rows to come, and fill the rows that are there in a section with "
                "batch=.",
            .bad = "-- migd:up\n"
                   "ALTER TABLE invoice ADD COLUMN token uuid DEFAULT gen_random_uuid();\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "ALTER TABLE invoice ADD COLUMN token uuid;\n"
                    "ALTER TABLE invoice ALTER COLUMN token SET DEFAULT gen_random_uuid();\n"
                    "-- migd:down\n",
        },
    .check = check};
