/* See import_sql.h. Where both dialects are meant, a text is quoted when either would say so. */
#include "client/import_sql.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct cursor {
  enum import_dialect dialect;
  const char *s;
  size_t len, at;
  size_t unclosed;
};

static bool word_start(char c) {
  return isalpha((unsigned char)c) || c == '_' || (c & 0x80);
}

static bool word_char(char c) {
  return word_start(c) || isdigit((unsigned char)c) || c == '$';
}

static bool at_text(const struct cursor *c, const char *text) {
  size_t n = strlen(text);
  return c->len - c->at >= n && memcmp(c->s + c->at, text, n) == 0;
}

static void unclosed(struct cursor *c, size_t from) {
  c->unclosed = from;
  c->at = c->len;
}

static void skip_line(struct cursor *c) {
  const char *stop = memchr(c->s + c->at, '\n', c->len - c->at);
  c->at = stop ? (size_t)(stop - c->s) : c->len;
}

static void skip_comment(struct cursor *c) {
  size_t from = c->at, depth = 0;
  while (c->at < c->len) {
    if (at_text(c, "/*") && (depth == 0 || c->dialect == IMPORT_POSTGRESQL)) {
      depth++;
      c->at += 2;
    } else if (at_text(c, "*/")) {
      c->at += 2;
      if (--depth == 0)
        return;
    } else {
      c->at++;
    }
  }
  unclosed(c, from);
}

/* Text between two of a character, which is doubled inside. */
static void skip_quoted(struct cursor *c, char quote, bool escapes) {
  size_t from = c->at++;
  while (c->at < c->len) {
    char here = c->s[c->at++];
    if (escapes && here == '\\' && c->at < c->len)
      c->at++;
    else if (here == quote && c->at < c->len && c->s[c->at] == quote)
      c->at++;
    else if (here == quote)
      return;
  }
  unclosed(c, from);
}

/* False when the `$` opens nothing. */
static bool skip_dollars(struct cursor *c) {
  size_t n = 1;
  const char *s = c->s + c->at;
  while (c->at + n < c->len && word_char(s[n]) && s[n] != '$')
    n++;
  if (c->at + n >= c->len || s[n] != '$' || isdigit((unsigned char)s[1]))
    return false;
  n++;
  const char *close = memmem(s + n, c->len - c->at - n, s, n);
  if (close)
    c->at = (size_t)(close - c->s) + n;
  else
    unclosed(c, c->at);
  return true;
}

static bool skip_bracket(struct cursor *c) {
  const char *close = memchr(c->s + c->at, ']', c->len - c->at);
  if (c->dialect != IMPORT_SQLITE || !close)
    return false;
  c->at = (size_t)(close - c->s) + 1;
  return true;
}

static bool escape_string(const struct cursor *c) {
  return c->dialect != IMPORT_SQLITE && (c->s[c->at] == 'E' || c->s[c->at] == 'e') &&
         c->at + 1 < c->len && c->s[c->at + 1] == '\'';
}

static void skip_token(struct cursor *c) {
  char here = c->s[c->at];
  if (escape_string(c)) {
    c->at++;
    skip_quoted(c, '\'', true);
  } else if (word_start(here) || isdigit((unsigned char)here)) {
    while (c->at < c->len && word_char(c->s[c->at]))
      c->at++;
  } else if (here == '\'' || here == '"' || (here == '`' && c->dialect != IMPORT_POSTGRESQL)) {
    skip_quoted(c, here, false);
  } else if (!(here == '$' && c->dialect != IMPORT_SQLITE && skip_dollars(c)) &&
             !(here == '[' && skip_bracket(c))) {
    c->at++;
  }
}

static bool skip_blank(struct cursor *c) {
  if (isspace((unsigned char)c->s[c->at]))
    c->at++;
  else if (at_text(c, "--"))
    skip_line(c);
  else if (at_text(c, "/*"))
    skip_comment(c);
  else
    return false;
  return true;
}

/* ---- statements ---- */

struct reading {
  struct import_statement st;
  bool concurrently, stdin_, routine; /* words that it has */
  unsigned body;                      /* BEGIN and CASE that wait for their END */
  unsigned parens;
};

static bool is(const struct import_statement *st, unsigned n, const char *word) {
  return n < IMPORT_WORDS && n < st->words && strcmp(st->word[n], word) == 0;
}

static bool one_of(const char *word, const char *const *list) {
  while (*list && strcmp(word, *list) != 0)
    list++;
  return *list != NULL;
}

static bool plain_rest(const struct import_statement *st, const char *const *allowed) {
  for (unsigned i = 1; i < st->words; i++)
    if (i >= IMPORT_WORDS || !one_of(st->word[i], allowed))
      return false;
  return true;
}

static enum import_class transaction_class(const struct import_statement *st) {
  static const char *const modes[] = {"TRANSACTION", "WORK",      "DEFERRED",
                                      "IMMEDIATE",   "EXCLUSIVE", NULL};
  static const char *const ends[] = {"TRANSACTION", "WORK", NULL};
  static const char *const others[] = {"ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", NULL};
  const char *first = st->word[0];
  if (strcmp(first, "BEGIN") == 0)
    return plain_rest(st, modes) ? IMPORT_BEGIN : IMPORT_CONTROL;
  if (strcmp(first, "START") == 0 && is(st, 1, "TRANSACTION"))
    return st->words == 2 ? IMPORT_BEGIN : IMPORT_CONTROL;
  if (strcmp(first, "COMMIT") == 0 || strcmp(first, "END") == 0)
    return plain_rest(st, ends) ? IMPORT_COMMIT : IMPORT_CONTROL;
  if (one_of(first, others) || (strcmp(first, "PREPARE") == 0 && is(st, 1, "TRANSACTION")))
    return IMPORT_CONTROL;
  return IMPORT_OTHER;
}

static bool runs_alone(const struct reading *r) {
  static const char *const makers[] = {"CREATE", "DROP", "REINDEX", "ALTER", NULL};
  const struct import_statement *st = &r->st;
  if (is(st, 0, "VACUUM") || (is(st, 0, "ALTER") && is(st, 1, "SYSTEM")))
    return true;
  if (!one_of(st->word[0], makers))
    return false;
  return r->concurrently ||
         (!is(st, 0, "ALTER") && (is(st, 1, "DATABASE") || is(st, 1, "TABLESPACE")));
}

static enum import_class class_of(const struct reading *r) {
  enum import_class class = transaction_class(&r->st);
  if (class != IMPORT_OTHER)
    return class;
  if (is(&r->st, 0, "COPY") && r->stdin_)
    return IMPORT_COPY;
  return runs_alone(r) ? IMPORT_ALONE : IMPORT_OTHER;
}

static void put_word(struct import_statement *st, const char *s, size_t len) {
  if (len >= 2 && (*s == '"' || *s == '`')) {
    s++;
    len -= 2;
  }
  if (st->words < IMPORT_WORDS)
    for (size_t i = 0; i < len && i < IMPORT_WORD - 1; i++)
      st->word[st->words][i] = (char)toupper((unsigned char)s[i]);
  st->words++;
}

/* A BEGIN in what is created begins a body, until its END. */
static void read_body(struct reading *r, const char *s, size_t len) {
  bool begin = len == 5 && strncasecmp(s, "BEGIN", 5) == 0;
  bool end = len == 3 && strncasecmp(s, "END", 3) == 0;
  if (begin && r->routine && r->body == 0)
    r->body = 1;
  else if (r->body > 0 && (begin || (len == 4 && strncasecmp(s, "CASE", 4) == 0)))
    r->body++;
  else if (r->body > 0 && end)
    r->body--;
}

static void read_word(struct reading *r, const char *s, size_t len) {
  static const char *const routines[] = {"TRIGGER", "FUNCTION", "PROCEDURE"};
  put_word(&r->st, s, len);
  r->concurrently |= len == 12 && strncasecmp(s, "CONCURRENTLY", 12) == 0;
  r->stdin_ |= len == 5 && strncasecmp(s, "STDIN", 5) == 0;
  for (size_t i = 0; i < 3; i++)
    r->routine |= is(&r->st, 0, "CREATE") && len == strlen(routines[i]) &&
                  strncasecmp(s, routines[i], len) == 0;
  read_body(r, s, len);
}

static void keep(struct arena *arena, struct import_statements *out, const struct reading *r,
                 size_t end) {
  out->items = import_grown(arena, out->items, out->count, &out->capacity, sizeof *out->items);
  struct import_statement *st = &out->items[out->count++];
  *st = r->st;
  st->end = end;
  if (st->class == IMPORT_OTHER)
    st->class = class_of(r);
}

/* The data behind COPY FROM STDIN, to the line `\.`. */
static void skip_data(struct cursor *c) {
  while (c->at < c->len) {
    skip_line(c);
    c->at += c->at < c->len;
    if (at_text(c, "\\.")) {
      skip_line(c);
      return;
    }
  }
}

static bool line_start(const struct cursor *c) {
  size_t at = c->at;
  while (at > 0 && (c->s[at - 1] == ' ' || c->s[at - 1] == '\t'))
    at--;
  return at == 0 || c->s[at - 1] == '\n';
}

static void read_meta(struct cursor *c, struct arena *arena, struct import_statements *out) {
  struct reading r = {.st = {.start = c->at, .class = IMPORT_META}};
  skip_line(c);
  r.st.len = c->at - r.st.start;
  keep(arena, out, &r, c->at);
}

static void read_token(struct cursor *c, struct reading *r) {
  size_t from = c->at;
  skip_token(c);
  char first = c->s[from];
  if (word_start(first) || first == '"' || first == '`')
    read_word(r, c->s + from, c->at - from);
  else if (first == '(')
    r->parens++;
  else if (first == ')' && r->parens > 0)
    r->parens--;
  r->st.len = c->at - r->st.start;
}

void import_split(struct arena *arena, enum import_dialect dialect, const char *s, size_t len,
                  struct import_statements *out) {
  struct cursor c = {.dialect = dialect, .s = s, .len = len, .unclosed = len};
  struct reading r = {0};
  *out = (struct import_statements){0};
  while (c.at < c.len) {
    if (skip_blank(&c))
      continue;
    if (r.st.len == 0 && s[c.at] == '\\' && line_start(&c)) {
      read_meta(&c, arena, out);
    } else if (s[c.at] == ';' && r.parens == 0 && r.body == 0) {
      c.at++;
      if (r.st.len > 0)
        keep(arena, out, &r, c.at);
      if (r.st.len > 0 && out->items[out->count - 1].class == IMPORT_COPY)
        skip_data(&c);
      r = (struct reading){0};
    } else {
      if (r.st.len == 0)
        r.st.start = c.at;
      read_token(&c, &r);
    }
  }
  if (r.st.len > 0)
    keep(arena, out, &r, r.st.start + r.st.len);
  out->unclosed = c.unclosed;
}

void import_count(const char *s, size_t at, unsigned *line, unsigned *column) {
  size_t start = 0;
  *line = 1;
  for (size_t i = 0; i < at; i++) {
    if (s[i] == '\n') {
      ++*line;
      start = i + 1;
    }
  }
  *column = (unsigned)(at - start) + 1;
}
