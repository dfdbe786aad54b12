/* One row a spelling. Only what is sure is named: what SQLite does not know either way it says
 * itself, when the statement runs; but a DEFAULT it would say that of at the first INSERT only.
 */
#include "server/sql/foreign.h"

struct foreign_function {
  const char *name, *instead; /* what SQLite has; NULL: nothing that is the same */
};

static const struct foreign_function functions[] = {
    {"NOW", "CURRENT_TIMESTAMP"},
    {"CLOCK_TIMESTAMP", "CURRENT_TIMESTAMP"},
    {"STATEMENT_TIMESTAMP", "CURRENT_TIMESTAMP"},
    {"TRANSACTION_TIMESTAMP", "CURRENT_TIMESTAMP"},
    {"LOCALTIMESTAMP", "CURRENT_TIMESTAMP"},
    {"GEN_RANDOM_UUID", NULL},
    {"UUID_GENERATE_V4", NULL},
    {"NEXTVAL", NULL},
    {"CURRVAL", NULL},
    {"TO_CHAR", "strftime()"},
    {"TO_DATE", "date()"},
    {"TO_TIMESTAMP", "datetime(…, 'unixepoch')"},
    {"TO_NUMBER", "CAST(… AS NUMERIC)"},
    {"DATE_TRUNC", "strftime()"},
    {"DATE_PART", "strftime()"},
    {"EXTRACT", "strftime()"},
    {"AGE", NULL},
    {"GREATEST", "max(a, b)"},
    {"LEAST", "min(a, b)"},
    {"POSITION", "instr()"},
    {"STRPOS", "instr()"},
    {"SPLIT_PART", NULL},
    {"REGEXP_REPLACE", NULL},
    {"REGEXP_MATCH", NULL},
    {"CHAR_LENGTH", "length()"},
    {"CHARACTER_LENGTH", "length()"},
    {"BTRIM", "trim()"},
    {"MD5", NULL},
    {"CONCAT_WS", "||"},
    {"INITCAP", NULL},
    {"JSONB_BUILD_OBJECT", "json_object()"},
    {"TO_JSONB", NULL},
};

static int refuse(const struct tokens *t, size_t i, struct err *e, const char *what,
                  const char *instead) {
  (void)err_set(e, ERR_MIGRATION, "SQLite has no %s%s%s", what, instead != NULL ? "; it has " : "",
                instead != NULL ? instead : "");
  e->offset = (long)t->items[i].start;
  return err_hint(e, FOREIGN_HINT);
}

static bool touches(const struct tokens *t, size_t i) {
  return i + 1 < t->count && tokens_end(t, i) == t->items[i + 1].start;
}

static int refuse_function(const struct tokens *t, size_t i, struct err *e) {
  for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++) {
    char what[40];
    if (!tokens_is(t, i, functions[k].name))
      continue;
    err_copy(what, sizeof what - 2, t->lex.text + t->items[i].start, t->items[i].len);
    return refuse(t, i, e, what, functions[k].instead);
  }
  return 0;
}

static int refuse_param(const struct tokens *t, size_t i, struct err *e) {
  const struct lex_token *token = &t->items[i];
  const char *s = t->lex.text + token->start;
  size_t rest = t->lex.len - token->start;
  if (rest > 1 && s[0] == ':' && s[1] == ':')
    return refuse(t, i, e, "x::type", "CAST(x AS type)");
  if (s[0] == '$')
    return refuse(t, i, e, "strings between dollar signs", "'…'");
  (void)err_set(e, ERR_MIGRATION, "a parameter cannot stand in ALTER TABLE");
  e->offset = (long)token->start;
  return -1;
}

static int refuse_word(const struct tokens *t, size_t i, struct err *e) {
  enum lex_kind next = i + 1 < t->count ? t->items[i + 1].kind : LEX_END;
  if (next == LEX_OPEN && refuse_function(t, i, e) != 0)
    return -1;
  if (next == LEX_STRING && tokens_is(t, i, "INTERVAL"))
    return refuse(t, i, e, "INTERVAL", "datetime(x, '+1 day')");
  if (next == LEX_STRING && touches(t, i) && tokens_is(t, i, "E"))
    return refuse(t, i, e, "E'…'", "char()");
  if (tokens_is(t, i, "ILIKE"))
    return refuse(t, i, e, "ILIKE", "LIKE, which ignores the case of ASCII letters");
  if (tokens_is(t, i, "SIMILAR") && tokens_is(t, i + 1, "TO"))
    return refuse(t, i, e, "SIMILAR TO", NULL);
  if (tokens_is(t, i, "AT") && tokens_is(t, i + 1, "TIME") && tokens_is(t, i + 2, "ZONE"))
    return refuse(t, i, e, "AT TIME ZONE", NULL);
  return 0;
}

/* ARRAY[…], int[], a[1]: a name in brackets to SQLite, but none that anybody would write so. */
static int refuse_brackets(const struct tokens *t, size_t i, struct err *e) {
  const char *s = t->lex.text + t->items[i].start;
  bool element = s[1] == ']' || (s[1] >= '0' && s[1] <= '9');
  if (s[0] == '[' && i > 0 && (tokens_is(t, i - 1, "ARRAY") || (touches(t, i - 1) && element)))
    return refuse(t, i, e, "arrays", NULL);
  return 0;
}

int foreign_refuse(const struct tokens *t, size_t from, size_t to, struct err *e) {
  for (size_t i = from; i < to; i++) {
    if (t->items[i].kind == LEX_PARAM && refuse_param(t, i, e) != 0)
      return -1;
    if (t->items[i].kind == LEX_NAME && refuse_brackets(t, i, e) != 0)
      return -1;
    if (t->items[i].kind == LEX_WORD && refuse_word(t, i, e) != 0)
      return -1;
  }
  return 0;
}
