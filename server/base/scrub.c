/* The eight-byte runs of the text are put into a table; those of each secret, as it is and as a
 * database may write it, are then looked up there: linear in the secrets, however many there are.
 */
#include "server/base/scrub.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/base/digest.h"

enum { RUN = 8, ANYWHERE = 4, SLOTS = 1024, CUT = 4 };

struct scrubbing {
  char text[SCRUB_MAX + 1]; /* folded */
  size_t len;
  bool full; /* the text may have been cut */
  bool marks[SCRUB_MAX];
  bool any;
  int16_t heads[SLOTS], next[SCRUB_MAX]; /* places of runs, by their hash; -1 ends */
};

/* Letters' case does not count, and err_copy() makes spaces of control characters. */
static char fold(char c) {
  if (c >= 'A' && c <= 'Z')
    return (char)(c - 'A' + 'a');
  return (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
}

static void mark(struct scrubbing *s, size_t from, size_t len) {
  memset(s->marks + from, true, len);
  s->any = true;
}

static unsigned slot(const char *run) {
  uint64_t bits;
  memcpy(&bits, run, sizeof bits);
  return (unsigned)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 54);
}

static void read_text(struct scrubbing *s, const char *text, size_t len, bool full) {
  memset(s, 0, offsetof(struct scrubbing, heads));
  memset(s->heads, 0xff, sizeof s->heads);
  s->len = len;
  s->full = full;
  for (size_t i = 0; i < len; i++)
    s->text[i] = fold(text[i]);
  for (size_t i = 0; i + RUN <= len; i++) {
    int16_t *head = &s->heads[slot(s->text + i)];
    s->next[i] = *head;
    *head = (int16_t)i;
  }
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

/* A short one: as a whole, and a very short one only apart from words. */
static void mark_whole(struct scrubbing *s, const char *value, size_t len) {
  for (size_t i = 0; i + len <= s->len; i++) {
    bool inside = (i > 0 && is_word(s->text[i - 1])) || is_word(s->text[i + len]);
    if (memcmp(s->text + i, value, len) == 0 && (len >= ANYWHERE || !inside))
      mark(s, i, len);
  }
}

static void mark_runs(struct scrubbing *s, const char *value, size_t len) {
  for (size_t i = 0; i + RUN <= len; i++)
    for (int at = s->heads[slot(value + i)]; at >= 0; at = s->next[at])
      if (memcmp(s->text + at, value + i, RUN) == 0)
        mark(s, (size_t)at, RUN);
}

/* The beginning of one at the end of a text that was cut. */
static void mark_cut(struct scrubbing *s, const char *value, size_t len) {
  for (size_t n = len < RUN ? len : RUN - 1; s->full && n > 0; n--)
    if (n <= s->len && memcmp(s->text + s->len - n, value, n) == 0) {
      mark(s, s->len - n, n);
      return;
    }
}

static void mark_variant(struct scrubbing *s, const struct buf *b) {
  if (b->len >= RUN)
    mark_runs(s, b->s, b->len);
  else if (b->len)
    mark_whole(s, b->s, b->len);
  mark_cut(s, buf_str(b), b->len);
}

/* How a value stands between quotes: what is put before which of its characters. */
static const struct quoting {
  const char *chars;
  char before; /* 0: the character itself */
} quotings[] = {{"", 0}, {"'", 0}, {"\"", 0}, {"\\", 0}, {"'\\", 0}, {"\"\\", 0}, {"\"\\", '\\'}};

/* The buffer has room for it. */
static void write_quoted(struct buf *b, const char *value, const struct quoting *q) {
  buf_clear(b);
  for (const char *p = value; *p; p++) {
    if (strchr(q->chars, *p))
      buf_addc(b, q->before ? q->before : *p);
    buf_addc(b, fold(*p));
  }
}

static void write_hex(struct buf *b, const char *value) {
  buf_clear(b);
  for (const char *p = value; *p; p++) {
    buf_addc(b, "0123456789abcdef"[(unsigned char)*p >> 4]);
    buf_addc(b, "0123456789abcdef"[(unsigned char)*p & 15]);
  }
}

static void mark_value(struct scrubbing *s, struct buf *b, const char *value) {
  for (size_t i = 0; i < sizeof quotings / sizeof *quotings; i++) {
    if (i > 0 && !strpbrk(value, quotings[i].chars))
      continue;
    write_quoted(b, value, &quotings[i]);
    mark_variant(s, b);
  }
  if (strlen(value) >= ANYWHERE) {
    write_hex(b, value);
    mark_runs(s, b->s, b->len);
  }
}

static bool continues(char c) {
  return ((unsigned char)c & 0xc0) == 0x80;
}

/* Of a character all bytes or none: what stays is UTF-8 where it was. */
static void widen(struct scrubbing *s) {
  for (size_t i = 1; i < s->len; i++)
    s->marks[i] |= s->marks[i - 1] && continues(s->text[i]);
  for (size_t i = s->len - 1; i > 0; i--)
    s->marks[i - 1] |= s->marks[i] && continues(s->text[i]);
}

static void rewrite(struct scrubbing *s, char *text, size_t size) {
  widen(s);
  struct buf out BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < s->len; i++) {
    if (!s->marks[i])
      buf_addc(&out, text[i]);
    else if (i == 0 || !s->marks[i - 1])
      buf_adds(&out, "(secret)");
  }
  err_copy(text, size, buf_str(&out), out.len);
}

void scrub(const struct secrets *secrets, char *text, size_t size) {
  struct scrubbing s;
  struct buf b BUF_SCOPED = BUF_INIT;
  size_t len = strlen(text);
  bool full = len + 1 + CUT > size || len > SCRUB_MAX;
  if (!secrets->count || !len)
    return;
  if (len > SCRUB_MAX)
    for (len = SCRUB_MAX; len > 0 && continues(text[len]);)
      len--;
  text[len] = '\0';
  read_text(&s, text, len, full);
  for (size_t i = 0; i < secrets->count; i++) {
    buf_clear(&b);
    buf_reserve(&b, 2 * strlen(secrets->values[i]) + 1); /* none is left behind by growing */
    mark_value(&s, &b, secrets->values[i]);
    wipe(b.s, b.cap);
  }
  if (s.any)
    rewrite(&s, text, size);
  wipe(&s, sizeof s);
}

void scrub_err(const struct secrets *s, struct err *e) {
  scrub(s, e->text, sizeof e->text);
  scrub(s, e->detail, sizeof e->detail);
  scrub(s, e->hint, sizeof e->hint);
}
