/* REPLACE is a DELETE and an INSERT. */
#include "server/lint/rule.h"

#include "server/lint/words.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  size_t i = 0;
  if (!words_take(w, &i, "REPLACE INTO") && !words_take(w, &i, "INSERT OR REPLACE INTO"))
    return;
  const char *table = words_name(w, &i, s->arena);
  if (table && !s->scope->made(s->scope, table))
    rule_report(s, self, 0, 0, NULL,
                "a row of %s that it collides with is deleted, with all columns not named here",
                table);
}

RULE(replace_deletes_rows) = {
    .page =
        {
            .name = "replace-deletes-rows",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "REPLACE, which deletes the rows it collides with",
            .lock = "",
            .duration = "As long as the rows take that are written.",
            .why = "REPLACE does not change a row. It deletes every row that collides in any "
                   "unique index and inserts a new one: columns that the statement does not "
                   "name become their defaults, the rowid may change, delete triggers do not "
                   "fire unless recursive_triggers is on, and because foreign keys are off "
                   "while migrations run, child rows are neither deleted nor set to NULL; the "
                   "step then fails at the check before the commit, or they point to a row that "
                   "is another one now.",
            .instead = "INSERT … ON CONFLICT (key) DO UPDATE SET column = excluded.column changes "
                       "what it names and leaves the rest.",
            .bad = "-- migd:up on=sqlite\n"
                   "INSERT OR REPLACE INTO setting (name, value) VALUES ('currency', 'NOK');\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "INSERT INTO setting (name, value) VALUES ('currency', 'NOK')\n"
                    "  ON CONFLICT (name) DO UPDATE SET value = excluded.value;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
