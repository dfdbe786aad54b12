/* A PRAGMA that does nothing where it stands, or that migd refuses. */
#include "server/lint/rule.h"

#include "server/lint/words.h"
#include <string.h>
#include <strings.h>

/* What migd does not let a migration set (server/db/sqlite_guard.c has the list of what it does).
 */
static const char *const refused[] = {"busy_timeout",
                                      "cache_size",
                                      "journal_mode",
                                      "journal_size_limit",
                                      "locking_mode",
                                      "max_page_count",
                                      "mmap_size",
                                      "page_size",
                                      "query_only",
                                      "secure_delete",
                                      "synchronous",
                                      "temp_store",
                                      "wal_autocheckpoint",
                                      "wal_checkpoint",
                                      "writable_schema",
                                      "trusted_schema",
                                      "ignore_check_constraints"};

static bool is(const struct words *w, size_t i, const char *name) {
  return w->items[i].len == strlen(name) &&
         strncasecmp(w->lex.text + w->items[i].start, name, strlen(name)) == 0;
}

static const char *matter(const struct lint_statement *s, size_t i) {
  const struct words *w = s->words;
  if (is(w, i, "foreign_keys"))
    return s->scope->transaction
               ? "SQLite ignores PRAGMA foreign_keys inside a transaction; migd keeps them off "
                 "and checks them before it commits"
               : "migd sets foreign_keys off again before the next statement";
  if (is(w, i, "defer_foreign_keys"))
    return "foreign keys are off while migrations run, so there is nothing to defer";
  if (is(w, i, "encoding"))
    return "the encoding of a database that has tables cannot be changed any more";
  if (is(w, i, "auto_vacuum") && s->scope->transaction)
    return "auto_vacuum changes with the next VACUUM only, which cannot run in a transaction";
  return NULL;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  size_t i = words_char(w, 2, '.') ? 3 : 1;
  if (!words_are(w, 0, "PRAGMA") || i + 2 >= w->count)
    return; /* without a value it only reads */
  for (size_t n = 0; n < sizeof refused / sizeof *refused; n++)
    if (is(w, i, refused[n]))
      rule_report_as(s, self, SEVERITY_ERROR, (int)w->items[i].start, 0, NULL,
                     "migd does not let a migration set %s", refused[n]);
  const char *text = matter(s, i);
  if (text)
    rule_report(s, self, (int)w->items[i].start, 0, NULL, "%s", text);
}

RULE(pragma_without_effect) = {
    .page =
        {
            .name = "pragma-without-effect",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "a PRAGMA that has no effect in a migration, or is refused there",
            .lock = "",
            .duration = "It takes no time.",
            .why = "The twelve steps of SQLite's manual begin with PRAGMA foreign_keys=OFF, but "
                   "inside a transaction that statement does nothing and says nothing. Who "
                   "relies on it loses the rows of child tables: DROP TABLE of a parent deletes "
                   "its rows first, and ON DELETE CASCADE follows. migd runs all migrations "
                   "with foreign keys off from before the transaction, and looks for violations "
                   "before the commit, so neither OFF nor ON has a use in a revision. Settings "
                   "of the file or of the connection are not a migration's to change, and fail.",
            .instead = "Leave it out. To remove child rows, delete them by a statement of their "
                       "own, before their parents.",
            .bad = "-- migd:up on=sqlite\n"
                   "PRAGMA foreign_keys = OFF;\n"
                   "DELETE FROM basket WHERE made < 1700000000;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "PRAGMA user_version = 3;\n"
                    "DELETE FROM basket WHERE made < 1700000000;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
