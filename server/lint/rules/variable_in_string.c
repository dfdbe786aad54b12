/* Inside quotes a variable is text. */
#include "server/lint/rule.h"

#include "server/lint/words.h"
#include "server/sql/variable.h"

static bool is_variable(const char *text, size_t len, struct sql_variable *out) {
  struct err ignored;
  return len > 2 && text[0] == '$' && text[1] == '{' &&
         sql_variable_read(text, len, out, &ignored) == 0;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  for (size_t i = 0; i < w->count; i++) {
    const struct lex_token *t = &w->items[i];
    if (t->kind != LEX_STRING && t->kind != LEX_NAME)
      continue;
    for (size_t n = t->start; n < t->start + t->len; n++) {
      struct sql_variable v;
      if (is_variable(s->sql + n, t->start + t->len - n, &v))
        rule_report(s, self, (int)n, v.len, NULL,
                    "inside quotes %.*s is not replaced, it stays as it is", (int)v.len,
                    s->sql + n);
    }
  }
}

RULE(variable_in_string) = {
    .page =
        {
            .name = "variable-in-string",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a ${variable} inside quotes, where it is not replaced",
            .lock = "",
            .duration = "It takes no time.",
            .why = "migd puts values in place of variables where a value can stand, and quotes "
                   "them itself. What is in quotes already is the revision's own text: the "
                   "target gets a dollar sign and two braces.",
            .instead = "Write ${name} without quotes around it: migd makes a literal of it. For a "
                       "name write ${name:identifier}. To build a longer text, join: 'https://' || "
                       "${host}.",
            .bad = "-- migd:up\n"
                   "INSERT INTO setting (name, value) VALUES ('host', 'https://${host}/');\n"
                   "-- migd:down\n",
            .good =
                "-- migd:up\n"
                "INSERT INTO setting (name, value) VALUES ('host', 'https://' || ${host} || '/');\n"
                "-- migd:down\n",
        },
    .text = true,
    .check = check};
