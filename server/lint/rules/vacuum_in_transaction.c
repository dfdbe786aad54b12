/* SQLite refuses VACUUM inside a transaction. */
#include "server/lint/rule.h"

#include "server/lint/words.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  if (!words_are(w, 0, "VACUUM"))
    return;
  for (size_t i = 1; i < w->count && i < 3; i++) {
    if (words_are(w, i, "INTO")) {
      rule_report(s, self, 0, 0, NULL, "VACUUM INTO writes another file, which migd refuses");
      return;
    }
  }
  if (s->scope->transaction)
    rule_report(s, self, 0, 0, NULL, "VACUUM fails inside a transaction");
}

RULE(vacuum_in_transaction) = {
    .page =
        {
            .name = "vacuum-in-transaction",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_ERROR,
            .summary = "VACUUM in a section that runs in a transaction",
            .lock = "An exclusive lock of the whole database file.",
            .duration = "As long as writing the database anew takes: it depends on the size of the "
                        "file, and needs as much free disk again.",
            .why = "SQLite answers \"cannot VACUUM from within a transaction\", so the step fails "
                   "on every target. Outside of one it works, but nobody reads or writes the "
                   "file until it is done.",
            .instead = "Most revisions need none: space that a DROP leaves is used again. If the "
                       "file must become smaller, put VACUUM alone into a section with "
                       "transaction=off and run it when the application is quiet.",
            .bad = "-- migd:up on=sqlite\n"
                   "DELETE FROM event WHERE made < 1700000000;\n"
                   "VACUUM;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "DELETE FROM event WHERE made < 1700000000;\n"
                    "-- migd:up on=sqlite transaction=off\n"
                    "VACUUM;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
