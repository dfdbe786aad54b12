/* ROLLBACK as a conflict clause ends the transaction that migd has begun. */
#include "server/lint/rule.h"

#include "server/lint/words.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  bool defines = words_are(w, 0, "CREATE") || words_are(w, 0, "ALTER");
  for (size_t i = 0; i + 1 < w->count; i++) {
    bool clause = words_are(w, i, "ON CONFLICT ROLLBACK") || words_are(w, i, "OR ROLLBACK");
    bool raises =
        words_are(w, i, "RAISE") && words_char(w, i + 1, '(') && words_are(w, i + 2, "ROLLBACK");
    if (!clause && !raises)
      continue;
    rule_report_as(s, self, defines ? SEVERITY_WARNING : SEVERITY_ERROR, (int)w->items[i].start, 0,
                   NULL, "%s",
                   defines ? "each revision that meets this later loses its transaction"
                           : "a conflict here ends the whole transaction, and the step fails");
  }
}

RULE(conflict_rollback) = {
    .page =
        {
            .name = "conflict-rollback",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_ERROR,
            .summary = "ON CONFLICT ROLLBACK, OR ROLLBACK or RAISE(ROLLBACK)",
            .lock = "The write lock of the database file, which the rollback gives up.",
            .duration = "A conflict takes no time; the whole step is to be done again.",
            .why = "ROLLBACK as an answer to a conflict does not undo one statement, it ends "
                   "the transaction around it. That transaction is migd's: it holds all "
                   "statements of the revision and the ledger's row. migd notices that it is "
                   "gone and fails the step, but nothing says which row was the reason. Written "
                   "into a table or a trigger, it waits there for later revisions and for the "
                   "application.",
            .instead = "Leave the clause out: the default, ABORT, undoes the statement and reports "
                       "the row. Where a row may be there already, say so: INSERT … ON CONFLICT "
                       "(id) DO NOTHING. In a trigger write RAISE(ABORT, 'why').",
            .bad = "-- migd:up on=sqlite\n"
                   "INSERT OR ROLLBACK INTO country (code, name) VALUES ('no', 'Norway');\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "INSERT INTO country (code, name) VALUES ('no', 'Norway') ON CONFLICT (code) "
                    "DO NOTHING;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
