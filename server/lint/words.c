/* The tokens of a statement, and names read from them. Pure. */
#include "server/lint/words.h"

#include <ctype.h>
#include <string.h>

void words_read(enum dialect dialect, const char *sql, size_t len, size_t max, struct arena *arena,
                struct words *out) {
  struct words w = {.lex = {.dialect = dialect, .text = sql, .len = len}};
  size_t capacity = 0;
  struct lex_token t;
  struct err e;
  do {
    if (lex_next(&w.lex, &t, &e) != 0 || (max && w.count == max))
      t = (struct lex_token){.kind = LEX_END, .start = len};
    if (w.count == capacity) {
      capacity = capacity ? capacity * 2 : 32;
      struct lex_token *items = ARENA_ARRAY(arena, struct lex_token, capacity);
      if (w.count)
        memcpy(items, w.items, w.count * sizeof *items);
      w.items = items;
    }
    w.items[w.count++] = t;
  } while (t.kind != LEX_END);
  w.count--;
  *out = w;
}

bool words_take(const struct words *w, size_t *i, const char *keywords) {
  char word[32];
  size_t at = *i;
  for (const char *k = keywords; *k; at++) {
    size_t n = strcspn(k, " ");
    if (n >= sizeof word || at >= w->count)
      return false;
    memcpy(word, k, n);
    word[n] = '\0';
    if (!lex_is(&w->lex, &w->items[at], word))
      return false;
    k += n + (k[n] == ' ');
  }
  *i = at;
  return true;
}

bool words_are(const struct words *w, size_t i, const char *keywords) {
  return words_take(w, &i, keywords);
}

bool words_char(const struct words *w, size_t i, char c) {
  return i < w->count && w->items[i].len == 1 && w->lex.text[w->items[i].start] == c;
}

/* A part of a name, without quotes, to the end of `out`; a doubled quote is one. */
static char *add_part(const struct words *w, const struct lex_token *t, char *out) {
  const char *s = w->lex.text + t->start;
  bool quoted = t->kind == LEX_NAME, fold = !quoted || w->lex.dialect == DIALECT_SQLITE;
  for (size_t i = quoted; i + quoted < t->len; i++) {
    char c = s[i];
    *out++ = fold && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    if (quoted && c == s[0] && i + 2 < t->len && s[i + 1] == c)
      i++;
  }
  return out;
}

static bool names(const struct words *w, size_t i) {
  return i < w->count && (w->items[i].kind == LEX_WORD || w->items[i].kind == LEX_NAME);
}

char *words_name(const struct words *w, size_t *i, struct arena *arena) {
  if (!names(w, *i))
    return NULL;
  size_t last = *i;
  while (words_char(w, last + 1, '.') && names(w, last + 2))
    last += 2;
  size_t from = w->items[*i].start, to = w->items[last].start + w->items[last].len;
  char *name = arena_alloc(arena, to - from + 1), *end = name;
  for (size_t part = *i; part <= last; part += 2) {
    if (part > *i)
      *end++ = '.';
    end = add_part(w, &w->items[part], end);
  }
  *i = last + 1;
  return name;
}

char *words_shown(const struct words *w, size_t i, struct arena *arena) {
  struct words shown = *w;
  shown.lex.dialect = DIALECT_POSTGRESQL;
  return words_name(&shown, &i, arena);
}

const char *words_unqualified(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? dot + 1 : name;
}

size_t words_behind(const struct words *w, size_t i) {
  size_t depth = 0;
  for (; i < w->count; i++) {
    depth += w->items[i].kind == LEX_OPEN;
    depth -= w->items[i].kind == LEX_CLOSE && depth > 0;
    if (depth == 0)
      return i + 1;
  }
  return w->count;
}

static bool in_word(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

bool words_mention(const char *text, const char *name) {
  size_t n = strlen(name);
  for (const char *at = text; n && (at = strcasestr(at, name)) != NULL; at++)
    if ((at == text || !in_word(at[-1])) && !in_word(at[n]))
      return true;
  return false;
}

size_t words_element_end(const struct words *w, size_t i) {
  while (i < w->count && !words_char(w, i, ',') && !words_char(w, i, ')'))
    i = words_char(w, i, '(') ? words_behind(w, i) : i + 1;
  return i;
}
