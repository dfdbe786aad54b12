/* See options.h. */
#include "client/options.h"

#include <ctype.h>
#include <string.h>

#include "client/suggest.h"

struct parser {
  struct options *o;
  const struct option *own, *common;
  const char *const *words;
  size_t count, at;
};

static bool same_long(const struct option *row, const char *name, size_t len) {
  return strlen(row->name) == len && memcmp(row->name, name, len) == 0;
}

static const struct option *find_long(const struct option *table, const char *name, size_t len) {
  for (const struct option *row = table; row && row->name; row++)
    if (same_long(row, name, len))
      return row;
  return NULL;
}

static const struct option *find_letter(const struct option *table, char letter) {
  for (const struct option *row = table; row && row->name; row++)
    if (row->letter == letter)
      return row;
  return NULL;
}

static const struct option *either_long(const struct parser *p, const char *name, size_t len) {
  const struct option *row = find_long(p->own, name, len);
  return row ? row : find_long(p->common, name, len);
}

static const struct option *either_letter(const struct parser *p, char letter) {
  const struct option *row = find_letter(p->own, letter);
  return row ? row : find_letter(p->common, letter);
}

const struct option *options_find(const struct option *own, const struct option *common,
                                  const char *word) {
  struct parser p = {.own = own, .common = common};
  if (word[0] != '-' || word[1] == 0)
    return NULL;
  if (word[1] == '-')
    return either_long(&p, word + 2, strcspn(word + 2, "="));
  return either_letter(&p, word[1]);
}

static bool choice_allowed(const char *choices, const char *value) {
  size_t len = strlen(value);
  for (const char *at = choices; *at;) {
    size_t n = strcspn(at, "|");
    if (n == len && memcmp(at, value, n) == 0)
      return true;
    at += n + (at[n] == '|');
  }
  return false;
}

static int take(struct parser *p, const struct option *row, const char *value, struct err *e) {
  if (row->choices && !choice_allowed(row->choices, value))
    return err_set(e, ERR_INPUT, "--%s is one of %s, not `%s`", row->name, row->choices, value);
  p->o->given[p->o->given_count++] = (struct option_given){row, value};
  return 0;
}

/* The word after an option, which takes it as its value whatever it looks like. */
static int take_next(struct parser *p, const struct option *row, struct err *e) {
  if (p->at + 1 >= p->count)
    return err_set(e, ERR_INPUT, "--%s needs a value: --%s %s", row->name, row->name, row->value);
  return take(p, row, p->words[++p->at], e);
}

static int unknown_long(const struct parser *p, const char *word, struct err *e) {
  size_t len = strcspn(word, "=");
  char name[64] = "";
  if (len - 2 < sizeof name)
    memcpy(name, word + 2, len - 2);
  struct suggestion s = {.word = name};
  for (const struct option *row = p->own; row && row->name; row++)
    suggest_offer(&s, row->name);
  for (const struct option *row = p->common; row && row->name; row++)
    suggest_offer(&s, row->name);
  err_set(e, ERR_INPUT, "unknown option %.*s", (int)len, word);
  return s.best ? err_hint(e, "did you mean --%s?", s.best) : -1;
}

static int parse_long(struct parser *p, const char *word, struct err *e) {
  size_t len = strcspn(word + 2, "=");
  const struct option *row = either_long(p, word + 2, len);
  const char *value = word[2 + len] == '=' ? word + 3 + len : NULL;
  if (!row)
    return unknown_long(p, word, e);
  if (row->kind == OPTION_FLAG)
    return value ? err_set(e, ERR_INPUT, "--%s takes no value", row->name) : take(p, row, "", e);
  return value ? take(p, row, value, e) : take_next(p, row, e);
}

/* `-v`, `-vi`, `-o json`, `-ojson`. */
static int parse_letters(struct parser *p, const char *word, struct err *e) {
  for (const char *at = word + 1; *at; at++) {
    const struct option *row = either_letter(p, *at);
    if (!row)
      return err_set(e, ERR_INPUT, "unknown option -%c", isprint((unsigned char)*at) ? *at : '?');
    if (row->kind != OPTION_FLAG)
      return at[1] ? take(p, row, at + 1, e) : take_next(p, row, e);
    if (take(p, row, "", e) < 0)
      return -1;
  }
  return 0;
}

int options_parse(struct options *o, struct arena *arena, const struct option *own,
                  const struct option *common, const char *const *words, size_t count,
                  struct err *e) {
  struct parser p = {.o = o, .own = own, .common = common, .words = words, .count = count};
  bool ended = false;
  size_t letters = 0;
  for (size_t i = 0; i < count; i++)
    letters += strlen(words[i]);
  *o = (struct options){0};
  /* Each letter of each word is at most one option. */
  o->given = ARENA_ARRAY(arena, struct option_given, letters + count + 1);
  o->arguments = ARENA_ARRAY(arena, const char *, count + 1);
  for (; p.at < count; p.at++) {
    const char *word = words[p.at];
    int rc = 0;
    if (ended || word[0] != '-' || word[1] == 0 || isdigit((unsigned char)word[1]))
      o->arguments[o->argument_count++] = word;
    else if (strcmp(word, "--") == 0)
      ended = true;
    else
      rc = word[1] == '-' ? parse_long(&p, word, e) : parse_letters(&p, word, e);
    if (rc < 0)
      return -1;
  }
  return 0;
}

bool options_has(const struct options *o, const char *name) {
  return options_count(o, name) > 0;
}

const char *options_value(const struct options *o, const char *name) {
  const char *value = NULL;
  for (size_t i = 0; i < o->given_count; i++)
    if (strcmp(o->given[i].option->name, name) == 0)
      value = o->given[i].value;
  return value;
}

size_t options_count(const struct options *o, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < o->given_count; i++)
    count += strcmp(o->given[i].option->name, name) == 0;
  return count;
}

const char *options_nth(const struct options *o, const char *name, size_t n) {
  for (size_t i = 0; i < o->given_count; i++)
    if (strcmp(o->given[i].option->name, name) == 0 && n-- == 0)
      return o->given[i].value;
  return NULL;
}
