/* Tokens as an array, so that a parser can look ahead and back. Linear but for tokens_close(),
 * whose callers go on behind what it found.
 */
#include "server/sql/tokens.h"

#include <string.h>

struct reader {
  struct arena *arena;
  struct lex_token *items;
  size_t count, cap;
};

static int grow(struct reader *r, struct err *e) {
  size_t cap = r->cap == 0 ? 64 : r->cap * 2;
  struct lex_token *items = arena_try(r->arena, cap, sizeof *items);
  if (items == NULL) {
    (void)err_set(e, ERR_MIGRATION, "the statement is too long");
    e->offset = 0;
    return -1;
  }
  if (r->count > 0)
    memcpy(items, r->items, r->count * sizeof *items);
  r->items = items;
  r->cap = cap;
  return 0;
}

int tokens_read(const char *text, size_t len, struct arena *arena, struct tokens *out,
                struct err *e) {
  struct lexer lex = {.dialect = DIALECT_SQLITE, .text = text, .len = len};
  struct reader r = {.arena = arena};
  struct lex_token token;
  do {
    size_t from = lex.at;
    if (lex_next(&lex, &token, e) != 0) {
      e->kind = ERR_MIGRATION;
      e->offset = (long)from;
      return -1;
    }
    if (r.count == r.cap && grow(&r, e) != 0)
      return -1;
    r.items[r.count++] = token;
  } while (token.kind != LEX_END);
  *out = (struct tokens){lex, r.items, r.count - 1};
  return 0;
}

bool tokens_is(const struct tokens *t, size_t i, const char *keyword) {
  return i < t->count && lex_is(&t->lex, &t->items[i], keyword);
}

bool tokens_is_any(const struct tokens *t, size_t i, const char *const *keywords) {
  for (size_t k = 0; keywords[k] != NULL; k++)
    if (tokens_is(t, i, keywords[k]))
      return true;
  return false;
}

bool tokens_char(const struct tokens *t, size_t i, char c) {
  return i < t->count && t->items[i].len == 1 && t->lex.text[t->items[i].start] == c;
}

bool tokens_name(const struct tokens *t, size_t i) {
  enum lex_kind kind = i < t->count ? t->items[i].kind : LEX_END;
  return kind == LEX_WORD || kind == LEX_NAME || kind == LEX_STRING;
}

char *sql_unquote(struct arena *arena, const char *s, size_t len) {
  size_t n = 0;
  if (len < 2 || strchr("\"'`[", s[0]) == NULL)
    return arena_strndup(arena, s, len);
  char *name = arena_strndup(arena, s + 1, len - 2);
  for (size_t k = 1; k + 1 < len; k++) {
    name[n++] = s[k];
    if (s[0] != '[' && s[k] == s[0])
      k++; /* a doubled quote */
  }
  name[n] = '\0';
  return name;
}

char *tokens_unquote(const struct tokens *t, size_t i, struct arena *arena) {
  return sql_unquote(arena, t->lex.text + t->items[i].start, t->items[i].len);
}

static char small(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Of a token that tokens_name() takes for a name. */
static bool says(const struct tokens *t, size_t i, const char *name) {
  const char *s = t->lex.text + t->items[i].start;
  size_t at = 0, end = t->items[i].len;
  char quote = '\0';
  if (t->items[i].kind != LEX_WORD) {
    quote = s[0] == '[' ? '\0' : s[0];
    at = 1;
    end--;
  }
  for (; at < end; at++, name++) {
    if (*name == '\0' || small(s[at]) != small(*name))
      return false;
    if (quote != '\0' && s[at] == quote)
      at++;
  }
  return *name == '\0';
}

bool tokens_names(const struct tokens *t, size_t i, const char *name) {
  return tokens_name(t, i) && t->items[i].kind != LEX_STRING && says(t, i, name);
}

bool tokens_qualifies(const struct tokens *t, size_t i, const char *name) {
  return tokens_name(t, i) && tokens_char(t, i + 1, '.') && says(t, i, name);
}

/* Two operands never follow each other. A NOT behind one belongs to the operator that comes. */
bool tokens_operand(const struct tokens *t, size_t i) {
  static const char *const before[] = {
      "AND",  "OR",       "IS",   "IN",    "LIKE", "GLOB",  "REGEXP", "MATCH",     "ESCAPE",
      "CASE", "BETWEEN",  "WHEN", "THEN",  "ELSE", "WHERE", "ON",     "HAVING",    "SELECT",
      "ALL",  "DISTINCT", "BY",   "LIMIT", "SET",  "OF",    "OFFSET", "RETURNING", NULL};
  while (i > 0 && tokens_is(t, i - 1, "NOT"))
    i--;
  if (i == 0)
    return true;
  enum lex_kind kind = t->items[i - 1].kind;
  if (kind == LEX_WORD)
    return tokens_is_any(t, i - 1, before) ||
           (tokens_is(t, i - 1, "FROM") && i > 1 && tokens_is(t, i - 2, "DISTINCT"));
  return kind == LEX_OPEN || kind == LEX_OTHER || kind == LEX_SEMICOLON;
}

size_t tokens_close(const struct tokens *t, size_t i) {
  size_t depth = 0;
  for (; i < t->count; i++) {
    if (t->items[i].kind == LEX_OPEN)
      depth++;
    else if (t->items[i].kind == LEX_CLOSE && --depth == 0)
      return i;
  }
  return t->count;
}

size_t tokens_end(const struct tokens *t, size_t i) {
  return t->items[i].start + t->items[i].len;
}

static char *quote(struct arena *arena, const char *text, char mark) {
  size_t n = 0;
  char *out = arena_alloc(arena, 2 * strlen(text) + 3);
  out[n++] = mark;
  for (const char *s = text; *s != '\0'; s++) {
    out[n++] = *s;
    if (*s == mark)
      out[n++] = mark;
  }
  out[n] = mark;
  return out;
}

char *sql_quote_name(struct arena *arena, const char *name) {
  return quote(arena, name, '"');
}

char *sql_quote_string(struct arena *arena, const char *text) {
  return quote(arena, text, '\'');
}
