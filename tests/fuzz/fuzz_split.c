/* Feeds any bytes to the splitter in both dialects, and checks what holds for every text: pieces
 * lie in order inside the text, begin and end with a token, have the position that counting gives,
 * and split again into themselves. With values in the place of its variables a piece is still one
 * statement of its kind, each place in it leads back into the piece, and what is not a value is not
 * touched. A libFuzzer target; no main of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/split.h"
#include "server/sql/variable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
  if (!holds)
    abort();
}

static void check_alone(enum dialect dialect, const char *text, const struct sql_statement *s) {
  struct arena arena;
  arena_init(&arena, 0);
  struct sql_statements again;
  struct err e;
  must(sql_split(dialect, text + s->start, s->len, &arena, &again, &e) == 0);
  must(again.count == 1);
  must(again.items[0].start == 0 && again.items[0].len == s->len);
  must(again.items[0].class == s->class);
  arena_release(&arena);
}

/* What is between the values is the piece's own text. */
static void check_between(const struct sql_text *t, const char *sql, size_t len) {
  size_t source = 0, sent = 0;
  for (size_t i = 0; i <= t->count; i++) {
    size_t to = i < t->count ? t->pieces[i].source : len;
    must(to >= source && to - source <= t->len - sent);
    must(memcmp(t->s + sent, sql + source, to - source) == 0);
    if (to > source)
      must(sql_text_source(t, sent) == source);
    if (i == t->count) {
      must(sent + (to - source) == t->len);
      return;
    }
    must(t->pieces[i].sent == sent + (to - source));
    must(sql_text_source(t, t->pieces[i].sent) == to || t->pieces[i].sent_len == 0);
    source = to + t->pieces[i].source_len;
    sent = t->pieces[i].sent + t->pieces[i].sent_len;
  }
}

static void check_faults(struct sql_faults *f, size_t size) {
  sql_faults_sort(f);
  for (size_t i = 0; i < f->count; i++) {
    must(f->items[i].offset < size && f->items[i].message[0] != '\0');
    must(i == 0 || f->items[i].offset > f->items[i - 1].offset);
  }
}

static void check_variables(enum dialect dialect, const char *text, const struct sql_statement *s) {
  static const struct variable items[] = {
      {"a", "x'\"\\;--/*$$", true}, {"b", "", false}, {"c", "f('x', \"y\") + 1", false}};
  const struct variables v = {.items = items, .count = 3};
  struct arena arena;
  struct sql_text out;
  struct sql_statements again;
  struct err e;
  arena_init(&arena, 0);
  struct sql_faults faults = {.arena = &arena};
  variable_check(dialect, text, s->start, s->len, false, &faults);
  check_faults(&faults, s->start + s->len);
  if (variable_replace(dialect, text + s->start, s->len, &v, &arena, &out, &e) != 0) {
    must(e.kind == ERR_NOT_FOUND || e.kind == ERR_REFUSED || e.kind == ERR_INPUT);
    must(e.offset >= -1 && e.offset < (long)s->len);
  } else {
    must(sql_split(dialect, out.s, out.len, &arena, &again, &e) == 0 && again.count == 1);
    must(again.items[0].class == s->class);
    check_between(&out, text + s->start, s->len);
  }
  arena_release(&arena);
}

static void check_piece(enum dialect dialect, const char *text, size_t size, size_t from,
                        const struct sql_statement *s) {
  unsigned line, column;
  must(s->len > 0 && s->start >= from && s->start <= size && s->len <= size - s->start);
  must(text[s->start] != ';' && strchr(" \t\r\n", text[s->start]) == NULL);
  sql_position(text, size, s->start, &line, &column);
  must(line == s->line && column == s->column);
  if (s->len >= 3 && memcmp(text + s->start, "\xef\xbb\xbf", 3) == 0)
    return; /* a byte order mark is left out where a text begins */
  check_alone(dialect, text, s);
  check_variables(dialect, text, s);
}

static void check(enum dialect dialect, const char *text, size_t size) {
  struct arena arena;
  arena_init(&arena, 64u << 20);
  struct sql_reading r;
  sql_read(dialect, text, size, &arena, &r);
  check_faults(&r.faults, size);
  must(r.end <= size && (r.end == size || r.faults.count > 0));
  size_t at = 0;
  for (size_t i = 0; i < r.statements.count; i++) {
    const struct sql_statement *s = &r.statements.items[i];
    must(s->start >= at && s->len > 0 && s->len <= r.end - s->start);
    if (r.faults.count == 0)
      check_piece(dialect, text, size, at, s);
    at = s->start + s->len;
  }
  arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(DIALECT_SQLITE, (const char *)data, size);
  check(DIALECT_POSTGRESQL, (const char *)data, size);
  return 0;
}
