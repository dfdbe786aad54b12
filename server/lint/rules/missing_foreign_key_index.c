/* Read from the text, for both dialects, because the index may come later in the revision.
 * What is indexed in other revisions is not looked for. */
#include "server/lint/rule.h"

#include <strings.h>

#include "server/lint/references.h"
#include "server/lint/unit.h"

enum {
  STATEMENTS_MAX = 10000, /* of a revision that are looked at */
  AHEAD_MAX = 200         /* statements behind one in which its index may be made */
};

static void look(const struct lint_statement *s, const struct rule *self, struct references *r) {
  r->words = *s->words;
  if (!references_read(r) || !r->pointing_count)
    return;
  for (size_t i = s->index + 1; i < s->unit->count && i <= s->index + AHEAD_MAX; i++)
    references_add_index(r, s->unit->items[i].sql, s->unit->items[i].len);
  for (size_t i = 0; i < r->pointing_count; i++)
    if (!references_has_index(r, r->pointing[i]))
      rule_report(s, self, (int)r->places[i], 0, NULL,
                  "a DELETE in the other table reads all of %s: no index begins with %s", r->table,
                  r->pointing[i]);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  bool table = s->direction == DIR_UP && s->index < STATEMENTS_MAX && s->len > 12 &&
               (strncasecmp(s->sql, "create", 6) == 0 || strncasecmp(s->sql, "alter", 5) == 0);
  if (table)
    look(s, self, &(struct references){.arena = s->arena});
}

RULE(missing_foreign_key_index) = {
    .page =
        {
            .name = "missing-foreign-key-index",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_NOTE,
            .summary = "a foreign key whose column has no index",
            .lock = "",
            .duration =
                "At each DELETE of a row that may be pointed at, and each change of its key: "
                "for as long as it takes to read the whole referencing table.",
            .why = "The database makes an index for the key that is pointed at, not for the column "
                   "that points. Joins from the one to the other read the whole table as well. It "
                   "shows when the table has grown.",
            .instead =
                "Make an index that begins with the column, in the same revision as long as the "
                "table is new.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE invoice_line (\n"
                   "  id bigint PRIMARY KEY,\n"
                   "  invoice_id bigint NOT NULL REFERENCES invoice (id)\n"
                   ");\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE invoice_line (\n"
                    "  id bigint PRIMARY KEY,\n"
                    "  invoice_id bigint NOT NULL REFERENCES invoice (id)\n"
                    ");\n"
                    "CREATE INDEX invoice_line_invoice ON invoice_line (invoice_id);\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
