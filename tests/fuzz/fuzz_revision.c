/* Feeds any bytes to the reader of revision files, and checks what holds for every file: problems
 * have a message and a place inside the text, sections and statements lie inside the content, what
 * was accepted is accepted again from its canonical bytes, with the same checksum. A libFuzzer
 * target; no main of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/catalog/revision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
  if (!holds)
    abort();
}

static void check_problems(const struct problems *p, size_t size) {
  must(p->count <= PROBLEMS_MAX + 1);
  for (size_t i = 0; i < p->count; i++) {
    must(p->items[i].message[0] != '\0' && p->items[i].source != NULL);
    must(p->items[i].line <= size + 1 && p->items[i].column <= size + 1);
  }
}

static void check_section(const struct revision *r, const struct section *s) {
  must(s->start <= r->content_len && s->len <= r->content_len - s->start);
  must((s->dialects & ~(unsigned)DIALECT_ANY) == 0 && s->dialects != 0);
  for (int d = DIALECT_SQLITE; d <= DIALECT_POSTGRESQL; d++) {
    size_t from = s->start;
    must(s->statements[d].count == 0 || (s->dialects & (unsigned)d));
    for (size_t i = 0; i < s->statements[d].count; i++) {
      const struct section_statement *st = &s->statements[d].items[i];
      must(st->start >= from && st->len > 0 && st->start + st->len <= s->start + s->len);
      must(st->line > s->line && st->column > 0);
      from = st->start + st->len;
    }
  }
}

static void check_again(const struct revision *r, struct arena *arena) {
  struct problems problems = {.arena = arena};
  struct revision again;
  must(revision_parse(r->file, r->content, r->content_len, arena, &problems, &again) == 0);
  must(strcmp(again.checksum, r->checksum) == 0 && again.section_count == r->section_count);
  must(revision_id_valid(r->id, strlen(r->id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  arena_init(&arena, 0);
  struct problems problems = {.arena = &arena};
  struct revision r;
  int rc = revision_parse("aa_x.sql", data, size, &arena, &problems, &r);
  must((rc == 0) == (problems.count == 0));
  check_problems(&problems, size);
  for (size_t i = 0; i < r.section_count; i++)
    check_section(&r, &r.sections[i]);
  if (rc == 0)
    check_again(&r, &arena);
  arena_release(&arena);
  return 0;
}
