/* Feeds any bytes to what the server reads of strangers for lint: the answers of migd-lint, the
 * ignores of a revision, and the text of its statements, with all rules of the text. The first byte
 * chooses; checked is that what was kept lies where it says. A libFuzzer target; no main of its
 * own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/lint/answers.h"
#include "server/lint/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
  if (!holds)
    abort();
}

static void read_answers(const char *bytes, size_t len, struct arena *arena) {
  struct unit_statement statements[3] = {{.sql = "SELECT 1", .len = 8},
                                         {.sql = "", .len = 1},
                                         {.sql = "CREATE TABLE t (a int)", .len = 22}};
  struct lint_unit u = {.dialect = DIALECT_POSTGRESQL, .items = statements, .count = 3};
  struct answers a;
  answers_begin(&a, &u, arena);
  long taken = answers_take(&a, bytes, len);
  must(taken >= -1 && taken <= (long)len && a.done <= u.count);
  for (size_t i = 0; i < a.count; i++) {
    const struct answer *f = &a.items[i];
    must(f->statement <= a.done && f->statement < u.count);
    must(f->found.offset + f->found.len <= u.items[f->statement].len);
    must(f->found.rule && f->found.message[0] && f->found.table);
  }
}

static void read_revision(const char *bytes, size_t len, struct arena *arena) {
  struct buf b = BUF_INIT;
  struct problems problems = {.arena = arena};
  struct catalog catalog;
  struct lint_options nothing = {.program = NULL};
  struct lint_result result;
  struct err e;
  unsigned zero = 0;
  buf_adds(&b, "-- migd:revision a\n-- migd:parent base\n-- migd:up on=sqlite\n");
  buf_add(&b, bytes, len);
  struct catalog_file file = {.name = "a_x.sql", .bytes = b.s, .len = b.len};
  if (catalog_build(&catalog, &file, 1, arena, &problems) == 0) {
    must(lint_run(&nothing, &catalog, &zero, 1, NULL, arena, &result, &e) == 0);
    for (size_t i = 0; i < result.count; i++) {
      const struct lint_finding *f = &result.items[i];
      must(f->line > 0 && f->column > 0 && f->line <= len + 4 && f->message[0] && f->rule);
      must(i == 0 || result.items[i - 1].line <= f->line);
    }
  }
  buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  if (size == 0)
    return 0;
  arena_init(&arena, 0);
  if (data[0] & 1)
    read_answers((const char *)data + 1, size - 1, &arena);
  else
    read_revision((const char *)data + 1, size - 1, &arena);
  arena_release(&arena);
  return 0;
}
