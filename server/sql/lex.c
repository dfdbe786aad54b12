/* One function a kind of token; `at` stands behind the token when it returns. Nothing is allocated.
 * The text is a user's: every loop ends at its length, every byte is looked at a bounded number of
 * times.
 */
#include "server/sql/lex.h"

#include <string.h>

#include "server/sql/variable.h"

static char peek(const struct lexer *l, size_t ahead) {
  return l->at + ahead < l->len ? l->text[l->at + ahead] : '\0';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word(char c) {
  return is_word_start(c) || is_digit(c) || c == '$';
}

bool lex_merge(char last, char first) {
  static const char quotes[] = "'\"`";
  bool quoted = strchr(quotes, last) != NULL;
  return (is_word(last) || quoted) && (is_word(first) || strchr(quotes, first) != NULL);
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_postgresql(const struct lexer *l) {
  return l->dialect == DIALECT_POSTGRESQL;
}

static int fail_at(size_t offset, struct err *e, const char *what) {
  (void)err_set(e, ERR_INPUT, "%s", what);
  e->offset = (long)offset;
  return -1;
}

/* Where it should have ended is not known: nothing behind it can be read. */
static int fail_without_end(struct lexer *l, size_t start, struct err *e, const char *what) {
  l->at = l->len;
  return fail_at(start, e, what);
}

/* Only PostgreSQL ends such a comment at a lone CR. */
static void skip_line_comment(struct lexer *l) {
  while (l->at < l->len && l->text[l->at] != '\n' && !(is_postgresql(l) && l->text[l->at] == '\r'))
    l->at++;
}

/* SQLite's comments do not nest, and the end of the text ends them. */
static void skip_sqlite_comment(struct lexer *l) {
  const char *from = l->text + l->at + 2;
  const char *close = memmem(from, l->len - l->at - 2, "*/", 2);
  l->at = close != NULL ? (size_t)(close - l->text) + 2 : l->len;
}

static int skip_nested_comment(struct lexer *l, struct err *e) {
  size_t start = l->at, depth = 0;
  do {
    if (l->at >= l->len)
      return fail_without_end(l, start, e, "comment without end");
    if (peek(l, 0) == '/' && peek(l, 1) == '*') {
      depth++;
      l->at += 2;
    } else if (peek(l, 0) == '*' && peek(l, 1) == '/') {
      depth--;
      l->at += 2;
    } else {
      l->at++;
    }
  } while (depth > 0);
  return 0;
}

/* At the text's end `/` and `*` are two tokens to SQLite. */
static bool at_block_comment(const struct lexer *l) {
  return peek(l, 0) == '/' && peek(l, 1) == '*' && (is_postgresql(l) || l->len - l->at > 2);
}

/* SQLite takes a byte order mark for white space wherever a token may start; for PostgreSQL, where
 * it would be part of a name, it is left out at the beginning of the text only. */
static bool at_bom(const struct lexer *l) {
  return l->len - l->at >= 3 && memcmp(l->text + l->at, "\xef\xbb\xbf", 3) == 0 &&
         (!is_postgresql(l) || l->at == 0);
}

static int skip_blank(struct lexer *l, struct err *e) {
  while (l->at < l->len) {
    if (is_space(peek(l, 0))) {
      l->at++;
    } else if (peek(l, 0) == '-' && peek(l, 1) == '-') {
      skip_line_comment(l);
    } else if (at_block_comment(l)) {
      if (!is_postgresql(l))
        skip_sqlite_comment(l);
      else if (skip_nested_comment(l, e) != 0)
        return -1;
    } else if (at_bom(l)) {
      l->at += 3;
    } else {
      break;
    }
  }
  return 0;
}

/* `at` on the opening quote; a doubled quote stands for itself. False at the text's end. */
static bool skip_quoted(struct lexer *l, char quote) {
  l->at++;
  for (;;) {
    const char *end = memchr(l->text + l->at, quote, l->len - l->at);
    if (end == NULL)
      return false;
    l->at = (size_t)(end - l->text) + 1;
    if (peek(l, 0) != quote)
      return true;
    l->at++;
  }
}

static bool skip_escaped(struct lexer *l) {
  l->at++;
  while (l->at < l->len) {
    char c = l->text[l->at++];
    if (c == '\\')
      l->at++;
    else if (c == '\'' && peek(l, 0) == '\'')
      l->at++;
    else if (c == '\'')
      return true;
  }
  return false;
}

/* A string goes on in the next line when only white space with a line break, and line comments, lie
 * between; the second part of an E'' string has escapes too. */
static bool continues(struct lexer *l) {
  struct lexer ahead = *l;
  bool line_break = false;
  while (ahead.at < ahead.len) {
    char c = peek(&ahead, 0);
    if (c == '-' && peek(&ahead, 1) == '-') {
      skip_line_comment(&ahead);
      continue;
    }
    if (!is_space(c))
      break;
    line_break |= c == '\n' || c == '\r';
    ahead.at++;
  }
  if (!line_break || peek(&ahead, 0) != '\'')
    return false;
  l->at = ahead.at;
  return true;
}

static int read_escaped(struct lexer *l, struct err *e) {
  size_t start = l->at;
  l->at++; /* the E */
  do {
    if (!skip_escaped(l))
      return fail_without_end(l, start, e, "string without end");
  } while (continues(l));
  return 0;
}

static int read_quoted(struct lexer *l, char quote, const char *missing, struct err *e) {
  size_t start = l->at;
  return skip_quoted(l, quote) ? 0 : fail_without_end(l, start, e, missing);
}

static int read_bracketed(struct lexer *l, struct err *e) {
  const char *close = memchr(l->text + l->at, ']', l->len - l->at);
  if (close == NULL)
    return fail_without_end(l, l->at, e, "quoted name without end");
  l->at = (size_t)(close - l->text) + 1;
  return 0;
}

/* Bytes of `$$` or `$tag$`; 0 when there is none. A tag is a name without dollar signs. */
static size_t dollar_tag(const struct lexer *l) {
  size_t n = 1;
  if (is_word_start(peek(l, n))) {
    while (is_word(peek(l, n)) && peek(l, n) != '$')
      n++;
  }
  return peek(l, n) == '$' ? n + 1 : 0;
}

static int read_dollar_quoted(struct lexer *l, size_t tag, struct err *e) {
  const char *open = l->text + l->at;
  const char *close = memmem(open + tag, l->len - l->at - tag, open, tag);
  if (close == NULL)
    return fail_without_end(l, l->at, e, "dollar-quoted string without end");
  l->at = (size_t)(close - l->text) + tag;
  return 0;
}

static void skip_digits(struct lexer *l) {
  while (is_digit(peek(l, 0)))
    l->at++;
}

/* `${` outside of quotes means nothing to either dialect: it is ours wherever it stands. */
static bool at_variable(const struct lexer *l) {
  return peek(l, 0) == '$' && peek(l, 1) == '{';
}

static void skip_word(struct lexer *l) {
  while (l->at < l->len && is_word(l->text[l->at]) && !at_variable(l))
    l->at++;
}

static int read_dollar(struct lexer *l, struct lex_token *token, struct err *e) {
  size_t tag = dollar_tag(l);
  if (tag > 0) {
    token->kind = LEX_STRING;
    return read_dollar_quoted(l, tag, e);
  }
  l->at++;
  if (is_digit(peek(l, 0))) {
    token->kind = LEX_PARAM;
    skip_digits(l);
  }
  return 0;
}

/* SQLite's $name, @name, :name and #name, with `::` and a Tcl array's `(…)`, in which any character
 * but a space may stand. */
static void read_sqlite_param(struct lexer *l, struct lex_token *token) {
  size_t start = l->at++;
  token->kind = LEX_PARAM;
  for (;;) {
    if (is_word(peek(l, 0)) && !at_variable(l)) {
      skip_word(l);
    } else if (peek(l, 0) == ':' && peek(l, 1) == ':') {
      l->at += 2;
    } else {
      break;
    }
  }
  if (peek(l, 0) != '(' || l->at == start + 1)
    return;
  do {
    l->at++;
  } while (l->at < l->len && !is_space(l->text[l->at]) && l->text[l->at] != ')');
  if (peek(l, 0) == ')')
    l->at++;
}

static int refuse_meta_command(struct lexer *l, struct err *e) {
  size_t end = l->at + 1;
  while (end < l->len && end - l->at < 20 && !is_space(l->text[end]))
    end++;
  (void)err_set(e, ERR_INPUT, "`%.*s` is a command of psql, not SQL", (int)(end - l->at),
                l->text + l->at);
  e->offset = (long)l->at;
  const char *line_end = memchr(l->text + l->at, '\n', l->len - l->at);
  l->at = line_end != NULL ? (size_t)(line_end - l->text) : l->len;
  return -1;
}

static int read_postgresql(struct lexer *l, struct lex_token *token, struct err *e) {
  switch (peek(l, 0)) {
  case '$':
    return read_dollar(l, token, e);
  case '\\':
    return refuse_meta_command(l, e);
  default:
    l->at++;
    return 0;
  }
}

static int read_sqlite(struct lexer *l, struct lex_token *token, struct err *e) {
  switch (peek(l, 0)) {
  case '`':
    token->kind = LEX_NAME;
    return read_quoted(l, '`', "quoted name without end", e);
  case '[':
    token->kind = LEX_NAME;
    return read_bracketed(l, e);
  case '$':
  case '@':
  case '#':
  case ':':
    read_sqlite_param(l, token);
    return 0;
  case '?':
    token->kind = LEX_PARAM;
    l->at++;
    skip_digits(l);
    return 0;
  default:
    l->at++;
    return 0;
  }
}

static int read_word(struct lexer *l, struct lex_token *token, struct err *e) {
  char first = peek(l, 0);
  if (is_postgresql(l) && (first == 'E' || first == 'e') && peek(l, 1) == '\'') {
    token->kind = LEX_STRING;
    return read_escaped(l, e);
  }
  if (!is_postgresql(l) && (first == 'X' || first == 'x') && peek(l, 1) == '\'') {
    token->kind = LEX_STRING; /* a blob */
    l->at++;
    return read_quoted(l, '\'', "string without end", e);
  }
  token->kind = LEX_WORD;
  skip_word(l);
  return 0;
}

/* What would become one token with a quoted text beside it. */
static bool clings(char c) {
  return is_word(c) || c == '\'' || c == '"' || c == '`' || c == '}';
}

/* `U&` changes what the quotes behind it mean. */
static bool clings_before(const struct lexer *l, size_t start) {
  const char *s = l->text + start;
  if (start > 0 && clings(s[-1]))
    return true;
  return start > 1 && is_postgresql(l) && s[-1] == '&' && (s[-2] == 'U' || s[-2] == 'u');
}

/* What was meant to be one ends before a blank, a quote or a `;`, whatever is missing in it. */
static void skip_malformed_variable(struct lexer *l) {
  l->at += 2;
  while (l->at < l->len && (is_word(peek(l, 0)) || peek(l, 0) == ':' || peek(l, 0) == '-') &&
         !at_variable(l))
    l->at++;
  if (peek(l, 0) == '}')
    l->at++;
}

static int read_variable(struct lexer *l, struct lex_token *token, struct err *e) {
  struct sql_variable v;
  size_t start = l->at;
  token->kind = LEX_VARIABLE;
  if (sql_variable_read(l->text + start, l->len - start, &v, e) != 0) {
    e->offset = (long)start;
    skip_malformed_variable(l);
    return -1;
  }
  l->at += v.len;
  if (clings_before(l, start) || clings(peek(l, 0)))
    return fail_at(start, e,
                   "a variable is a token of its own: it cannot be a part of a word, a number or a "
                   "quoted text");
  return 0;
}

static enum lex_kind single(char c) {
  switch (c) {
  case '(':
    return LEX_OPEN;
  case ')':
    return LEX_CLOSE;
  case ';':
    return LEX_SEMICOLON;
  default:
    return LEX_OTHER;
  }
}

static int read_token(struct lexer *l, struct lex_token *token, struct err *e) {
  char c = peek(l, 0);
  if (at_variable(l))
    return read_variable(l, token, e);
  if (is_word_start(c))
    return read_word(l, token, e);
  if (is_digit(c)) {
    token->kind = LEX_NUMBER;
    skip_digits(l);
    return 0;
  }
  if (c == '\'') {
    token->kind = LEX_STRING;
    return read_quoted(l, '\'', "string without end", e);
  }
  if (c == '"') {
    token->kind = LEX_NAME;
    return read_quoted(l, '"', "quoted name without end", e);
  }
  token->kind = single(c);
  if (token->kind == LEX_OTHER)
    return is_postgresql(l) ? read_postgresql(l, token, e) : read_sqlite(l, token, e);
  l->at++;
  return 0;
}

int lex_next(struct lexer *l, struct lex_token *token, struct err *e) {
  if (skip_blank(l, e) != 0)
    return -1;
  struct lex_token t = {.kind = LEX_END, .start = l->at};
  if (l->at < l->len && read_token(l, &t, e) != 0)
    return -1;
  t.len = l->at - t.start;
  *token = t;
  return 0;
}

bool lex_is(const struct lexer *l, const struct lex_token *token, const char *keyword) {
  if (token->kind != LEX_WORD || strlen(keyword) != token->len)
    return false;
  for (size_t i = 0; i < token->len; i++) {
    char c = l->text[token->start + i];
    if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != keyword[i])
      return false;
  }
  return true;
}
