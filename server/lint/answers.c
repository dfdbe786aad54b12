/* Reads what migd-lint answers, and believes nothing: the rule must be one that it is asked, the
 * place must lie in the statement, the texts must be UTF-8 without control characters, and there
 * are limits to how much is said.
 */
#include "server/lint/answers.h"

#include <string.h>

#include "proto/base/utf8.h"
#include "server/lint/wire.h"

void answers_begin(struct answers *a, const struct lint_unit *unit, struct arena *arena) {
  *a = (struct answers){
      .unit = unit, .arena = arena, .understood = ARENA_ARRAY(arena, bool, unit->count)};
}

bool answers_complete(const struct answers *a) {
  return a->done == a->unit->count;
}

static bool readable(const char *s, size_t len) {
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
      return false;
  return len < LINT_MESSAGE_MAX && utf8_valid(s, len);
}

static bool asked(const struct rule *r) {
  return r && !r->text && r->check && (r->page.dialects & DIALECT_POSTGRESQL);
}

static void keep(struct answers *a, const struct found *f) {
  if (a->count == ANSWERS_MAX)
    return;
  if (a->count == a->capacity) {
    a->capacity = a->capacity ? a->capacity * 2 : 16;
    struct answer *items = ARENA_ARRAY(a->arena, struct answer, a->capacity);
    if (a->count)
      memcpy(items, a->items, a->count * sizeof *items);
    a->items = items;
  }
  a->items[a->count++] = (struct answer){.statement = a->done, .found = *f};
}

static int take_found(struct answers *a, struct wire_frame *f) {
  size_t rule_len, message_len, table_len;
  const char *name = wire_get_text(f, &rule_len);
  uint32_t severity = wire_get_u32(f), offset = wire_get_u32(f), len = wire_get_u32(f);
  const char *message = wire_get_text(f, &message_len), *table = wire_get_text(f, &table_len);
  const struct unit_statement *st = &a->unit->items[a->done];
  const struct rule *rule = rule_find(name, rule_len);
  if (!wire_whole(f) || !asked(rule) || severity < SEVERITY_NOTE || severity > SEVERITY_ERROR ||
      offset >= st->len || len > st->len - offset || message_len == 0 ||
      !readable(message, message_len) || !readable(table, table_len) ||
      ++a->of_statement > LINT_REPORTS_MAX)
    return -1;
  keep(a, &(struct found){.rule = rule,
                          .severity = (enum severity)severity,
                          .offset = offset,
                          .len = len,
                          .message = arena_strndup(a->arena, message, message_len),
                          .table = arena_strndup(a->arena, table, table_len)});
  return 0;
}

static int take_done(struct answers *a, struct wire_frame *f) {
  uint32_t understood = wire_get_u32(f);
  if (!wire_whole(f) || understood > 1)
    return -1;
  a->understood[a->done++] = understood == 1;
  a->of_statement = 0;
  return 0;
}

static int take(struct answers *a, struct wire_frame *f) {
  if (answers_complete(a))
    return -1;
  if (f->kind == WIRE_FOUND)
    return take_found(a, f);
  return f->kind == WIRE_DONE ? take_done(a, f) : -1;
}

long answers_take(struct answers *a, const char *bytes, size_t len) {
  size_t taken = 0;
  for (;;) {
    struct wire_frame f;
    long n = wire_frame(bytes + taken, len - taken, WIRE_ANSWER_MAX, &f);
    if (n < 0 || (n > 0 && take(a, &f) != 0))
      return -1;
    if (n == 0)
      return (long)taken;
    taken += (size_t)n;
  }
}
