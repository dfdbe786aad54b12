/* Label selectors: a small grammar, read once, then asked for each target. Pure.
 *
 *   selector := term { "," term }
 *   term     := key | "!" key | key ("=" | "==" | "!=") value | key ["not"]"in" "(" value {","
 * value} ")"
 *
 * As in Kubernetes `!=` and `notin` also match where the key is absent.
 */
#include "server/store/selector.h"

#include <string.h>

#define SELECTOR_MAX 4096

enum term_op { TERM_EXISTS, TERM_ABSENT, TERM_IN, TERM_NOT_IN };

struct term {
  struct term *next;
  enum term_op op;
  const char *key;
  const char **values;
  size_t count;
};

struct selector {
  struct term *terms;
};

struct reading {
  const char *text;
  size_t at;
  struct arena *arena;
  struct err *e;
};

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What no token contains. */
static bool is_special(char c) {
  return c == '\0' || strchr(",()=!\"' \t\r\n", c) != NULL;
}

static char peek(struct reading *r) {
  while (is_space(r->text[r->at]))
    r->at++;
  return r->text[r->at];
}

static int wrong(struct reading *r, const char *what) {
  const char *at = r->text + r->at;
  int len = 0; /* of the character there, whole in UTF-8 */
  if (*at)
    for (len = 1; (at[len] & 0xc0) == 0x80; len++)
      ;
  err_set(r->e, ERR_INPUT, "selector \"%.200s\": column %zu: %s%s%.*s%s", r->text, r->at + 1, what,
          len ? ", not \"" : "", len, at, len ? "\"" : "");
  r->e->column = (unsigned)r->at + 1;
  return -1;
}

static const char *token(struct reading *r) {
  peek(r);
  size_t start = r->at;
  while (!is_special(r->text[r->at]))
    r->at++;
  return arena_strndup(r->arena, r->text + start, r->at - start);
}

static bool key_valid(const char *key) {
  static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789._/-";
  size_t len = strspn(key, others);
  return len >= 1 && len <= 63 && key[len] == '\0' && !strchr("._/-", key[0]);
}

static bool value_valid(const char *value) {
  size_t characters = 0;
  for (const char *c = value; *c; c++) {
    if (is_special(*c) || (unsigned char)*c < 0x20 || *c == 0x7f)
      return false;
    characters += (*c & 0xc0) != 0x80;
  }
  return characters <= 63;
}

bool label_valid(const struct label *label) {
  return key_valid(label->key) && value_valid(label->value);
}

static int read_key(struct reading *r, const char **key) {
  peek(r);
  size_t start = r->at;
  *key = token(r);
  if (key_valid(*key))
    return 0;
  r->at = start;
  return wrong(r, "a label's key is expected");
}

static void add_value(struct reading *r, struct term *term, const char *value) {
  if ((term->count & (term->count - 1)) == 0) { /* full at each power of two */
    const char **values = ARENA_ARRAY(r->arena, const char *, term->count ? term->count * 2 : 1);
    if (term->count)
      memcpy(values, term->values, term->count * sizeof *values);
    term->values = values;
  }
  term->values[term->count++] = value;
}

static int read_set(struct reading *r, struct term *term) {
  if (peek(r) != '(')
    return wrong(r, "\"(\" is expected");
  do {
    r->at++;
    const char *value = token(r);
    if (value[0] == '\0')
      return wrong(r, "a value is expected");
    add_value(r, term, value);
  } while (peek(r) == ',');
  if (peek(r) != ')')
    return wrong(r, "\",\" or \")\" is expected");
  r->at++;
  return 0;
}

static bool at_word(struct reading *r, const char *word) {
  size_t len = strlen(word);
  peek(r);
  return strncmp(r->text + r->at, word, len) == 0 && is_special(r->text[r->at + len]);
}

/* What stands behind a key. */
static int read_operator(struct reading *r, struct term *term) {
  char c = peek(r);
  if (c == '\0' || c == ',')
    return 0; /* the key alone */
  if (c == '=' || c == '!') {
    r->at++;
    if (c == '!' && r->text[r->at] != '=')
      return wrong(r, "\"!=\" is expected");
    if (r->text[r->at] == '=')
      r->at++;
    term->op = c == '=' ? TERM_IN : TERM_NOT_IN;
    add_value(r, term, token(r));
    return 0;
  }
  if (!at_word(r, "in") && !at_word(r, "notin"))
    return wrong(r, "\"=\", \"!=\", \"in\", \"notin\" or \",\" is expected");
  term->op = c == 'i' ? TERM_IN : TERM_NOT_IN;
  r->at += c == 'i' ? 2 : 5;
  return read_set(r, term);
}

static int read_term(struct reading *r, struct term *term) {
  if (peek(r) == '!') {
    r->at++;
    term->op = TERM_ABSENT;
    return read_key(r, &term->key);
  }
  term->op = TERM_EXISTS;
  return read_key(r, &term->key) ? -1 : read_operator(r, term);
}

struct selector *selector_parse(const char *text, struct arena *arena, struct err *e) {
  struct reading r = {text, 0, arena, e};
  struct selector *s = ARENA_NEW(arena, struct selector);
  struct term **tail = &s->terms;
  if (strlen(text) > SELECTOR_MAX) {
    err_set(e, ERR_INPUT, "the selector is longer than %d bytes", SELECTOR_MAX);
    return NULL;
  }
  for (;;) {
    struct term *term = ARENA_NEW(arena, struct term);
    if (read_term(&r, term))
      return NULL;
    *tail = term;
    tail = &term->next;
    if (peek(&r) == '\0')
      return s;
    if (peek(&r) != ',') {
      wrong(&r, "\",\" is expected");
      return NULL;
    }
    r.at++;
  }
}

static const char *value_of(const struct label *labels, size_t count, const char *key) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(labels[i].key, key) == 0)
      return labels[i].value;
  return NULL;
}

static bool has_value(const struct term *term, const char *value) {
  for (size_t i = 0; value && i < term->count; i++)
    if (strcmp(term->values[i], value) == 0)
      return true;
  return false;
}

static bool term_matches(const struct term *term, const char *value) {
  switch (term->op) {
  case TERM_EXISTS:
    return value != NULL;
  case TERM_ABSENT:
    return value == NULL;
  case TERM_IN:
    return has_value(term, value);
  case TERM_NOT_IN:
    return !has_value(term, value);
  }
  return false;
}

bool selector_matches(const struct selector *s, const struct label *labels, size_t count) {
  for (const struct term *term = s->terms; term; term = term->next)
    if (!term_matches(term, value_of(labels, count, term->key)))
      return false;
  return true;
}
