/* A value that differs with each run is written into rows that are there. */
#include "server/lint/rule.h"

#include "server/lint/words.h"

static const char *const words[] = {"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", NULL};
static const char *const functions[] = {
    "RANDOM", "RANDOMBLOB", "NOW", "CLOCK_TIMESTAMP", "GEN_RANDOM_UUID", "UUID_GENERATE_V4", NULL};
static const char *const clocks[] = {"DATETIME",  "DATE",      "TIME", "STRFTIME",
                                     "JULIANDAY", "UNIXEPOCH", NULL};

static bool any(const struct words *w, size_t i, const char *const *names) {
  for (; *names; names++)
    if (words_are(w, i, *names))
      return true;
  return false;
}

static bool says_now(const struct words *w, size_t i) {
  for (size_t end = words_behind(w, i); i < end; i++)
    if (w->items[i].kind == LEX_STRING && words_mention(w->lex.text + w->items[i].start, "now") &&
        w->items[i].len == 5)
      return true;
  return false;
}

static bool differs(const struct lint_statement *s, size_t i) {
  const struct words *w = s->words;
  if (any(w, i, words))
    return true;
  if (!words_char(w, i + 1, '('))
    return false;
  if (any(w, i, functions))
    return true;
  return s->dialect == DIALECT_SQLITE && any(w, i, clocks) &&
         (says_now(w, i + 1) || words_char(w, i + 2, ')'));
}

static bool backfills(const struct words *w) {
  if (words_are(w, 0, "UPDATE"))
    return true;
  for (size_t i = 1; words_are(w, 0, "INSERT") && i < w->count; i++)
    if (words_are(w, i, "SELECT"))
      return true;
  return false;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  if (s->direction != DIR_UP || !backfills(w))
    return;
  for (size_t i = 1; i < w->count; i++)
    if (differs(s, i))
      rule_report(s, self, (int)w->items[i].start, 0, NULL,
                  "%.*s is another value on each target and in each run", (int)w->items[i].len,
                  s->sql + w->items[i].start);
}

RULE(nondeterministic_backfill) = {
    .page =
        {
            .name = "nondeterministic-backfill",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_NOTE,
            .summary = "a backfill with a random value or the time of day",
            .lock = "",
            .duration = "It takes no time of its own.",
            .why = "Two databases that had the same rows differ afterwards, so a comparison of "
                   "a copy with the original, or of a rehearsal with the real run, tells "
                   "nothing any more. Going down and up again makes yet other values. The time "
                   "is the migration's, not that of the event: rows of last year look as if "
                   "they were made today.",
            .instead =
                "Compute the value from the row: coalesce(changed, made). Where it must be "
                "made up, take a constant that the revision names. If each target is to have "
                "values of its own, ignore this rule and say why.",
            .bad = "-- migd:up on=sqlite\n"
                   "UPDATE invoice SET changed = CURRENT_TIMESTAMP WHERE changed IS NULL;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "UPDATE invoice SET changed = made WHERE changed IS NULL;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
