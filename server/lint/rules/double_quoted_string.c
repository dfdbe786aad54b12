/* A text in double quotes is a name, and a string only by an old courtesy. */
#include "server/lint/rule.h"

#include "server/lint/words.h"

static bool quoted(const struct words *w, size_t i) {
  return i < w->count && w->items[i].kind == LEX_NAME && w->lex.text[w->items[i].start] == '"';
}

static void tell(const struct lint_statement *s, const struct rule *self, size_t i) {
  const struct lex_token *t = &s->words->items[i];
  rule_report(s, self, (int)t->start, 0, NULL,
              "double quotes are for names; a string is written '%.*s'",
              t->len < 42 ? (int)t->len - 2 : 40, s->words->lex.text + t->start + 1);
}

/* In the rows of VALUES there are no columns that could be meant. */
static void check_values(const struct lint_statement *s, const struct rule *self, size_t i) {
  const struct words *w = s->words;
  while (i < w->count && w->items[i].kind == LEX_OPEN) {
    size_t end = words_behind(w, i);
    for (; i < end; i++) {
      if (words_are(w, i, "SELECT"))
        return;
      if (quoted(w, i) && !words_char(w, i + 1, '.') && !words_char(w, i + 1, '('))
        tell(s, self, i);
    }
    if (!words_char(w, i, ','))
      return;
    i++;
  }
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  bool inserts = words_are(w, 0, "INSERT") || words_are(w, 0, "REPLACE");
  bool defines = words_are(w, 0, "CREATE") || words_are(w, 0, "ALTER");
  for (size_t i = 0; i < w->count; i++) {
    if (inserts && words_are(w, i, "VALUES")) {
      check_values(s, self, i + 1);
      return;
    }
    if (defines && words_are(w, i, "DEFAULT") && quoted(w, i + 1))
      tell(s, self, i + 1);
  }
}

RULE(double_quoted_string) = {
    .page =
        {
            .name = "double-quoted-string",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "a string in double quotes",
            .lock = "",
            .duration = "It takes no time.",
            .why = "In SQL double quotes make a name. SQLite takes such a name for a string "
                   "when no column is called so, unless it was built or told not to, as it is "
                   "on several systems: there the same revision fails with \"no such column\". It "
                   "also changes its meaning silently when a column of that name is added.",
            .instead = "Write strings in single quotes, and a single quote within by doubling it.",
            .bad = "-- migd:up on=sqlite\n"
                   "ALTER TABLE invoice ADD COLUMN state TEXT NOT NULL DEFAULT \"open\";\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=sqlite\n"
                    "ALTER TABLE \"invoice\" ADD COLUMN \"state\" TEXT NOT NULL DEFAULT 'open';\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
