/* By our own lexer: in the tree the names are cut off already. A variable's name is no name. */
#include "server/lint/tree.h"

enum { LONGEST = 63 };

/* Quotes do not count, and a doubled one counts once. */
static size_t name_len(const char *sql, const struct lex_token *t) {
  size_t n = t->len;
  if (t->kind != LEX_NAME)
    return n;
  for (size_t i = 1; i + 2 < t->len; i++)
    if (sql[t->start + i] == '"' && sql[t->start + i + 1] == '"')
      n--, i++;
  return n - 2;
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct lexer l = {.dialect = s->dialect, .text = s->sql, .len = s->len};
  struct lex_token t;
  struct err e;
  while (s->direction == DIR_UP && lex_next(&l, &t, &e) == 0 && t.kind != LEX_END)
    if ((t.kind == LEX_WORD || t.kind == LEX_NAME) && t.len > LONGEST &&
        name_len(s->sql, &t) > LONGEST)
      rule_report(s, self, (int)t.start, t.len, NULL, "%zu bytes, of which PostgreSQL keeps 63",
                  name_len(s->sql, &t));
}

RULE(identifier_too_long) = {
    .page =
        {
            .name = "identifier-too-long",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "a name of more than 63 bytes",
            .lock = "",
            .duration = "It takes no time.",
            .why = "PostgreSQL cuts it off, with a NOTICE that nobody reads. Two names with the "
                   "same beginning become one, and whoever asks the catalog for the whole name "
                   "finds nothing.",
            .instead = "A shorter name.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE receipt (id bigint PRIMARY KEY, "
                   "customer_has_agreed_to_be_sent_the_monthly_letter_about_offers_by_mail bool);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE receipt (id bigint PRIMARY KEY, agreed_to_letters bool);\n"
                    "-- migd:down\n",
        },
    .check = check};
