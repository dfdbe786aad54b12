/* Feeds any bytes to the splitter in both dialects, and checks what holds for every text: pieces
 * lie in order inside the text, begin and end with a token, have the position that counting gives,
 * and split again into themselves. A libFuzzer target; no main of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/split.h"

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

static void check_piece(enum dialect dialect, const char *text, size_t size, size_t from,
                        const struct sql_statement *s) {
  unsigned line, column;
  must(s->len > 0 && s->start >= from && s->start <= size && s->len <= size - s->start);
  must(text[s->start] != ';' && strchr(" \t\r\n", text[s->start]) == NULL);
  sql_position(text, size, s->start, &line, &column);
  must(line == s->line && column == s->column);
  if (s->len < 3 || memcmp(text + s->start, "\xef\xbb\xbf", 3) != 0)
    check_alone(dialect, text, s); /* a byte order mark is left out where a text begins */
}

static void check(enum dialect dialect, const char *text, size_t size) {
  struct arena arena;
  arena_init(&arena, 64u << 20);
  struct sql_statements s;
  struct err e;
  if (sql_split(dialect, text, size, &arena, &s, &e) != 0) {
    must(e.kind == ERR_INPUT && e.text[0] != '\0');
    must(e.line > 0 && e.column > 0);
  } else {
    size_t at = 0;
    for (size_t i = 0; i < s.count; i++) {
      check_piece(dialect, text, size, at, &s.items[i]);
      at = s.items[i].start + s.items[i].len;
    }
  }
  arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(DIALECT_SQLITE, (const char *)data, size);
  check(DIALECT_POSTGRESQL, (const char *)data, size);
  return 0;
}
