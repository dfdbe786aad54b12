/* The statements of one revision in one direction on one dialect. Variables are replaced by words
 * of the same length: the parsers know no `${name}`, and every place must stay what it is. Pure.
 */
#include "server/lint/unit.h"

#include <string.h>

#include "server/sql/lex.h"
#include "server/sql/variable.h"

/* An identifier, and what is raw, becomes a word; a value becomes a string. */
static void replace(char *s, size_t len, enum variable_form form) {
  memset(s, form == VARIABLE_LITERAL ? '0' : 'v', len);
  if (form == VARIABLE_LITERAL)
    s[0] = s[len - 1] = '\'';
}

char *unit_without_variables(enum dialect dialect, const char *sql, size_t len,
                             struct arena *arena) {
  char *copy = arena_strndup(arena, sql, len);
  if (memmem(sql, len, "${", 2) == NULL)
    return copy;
  struct lexer l = {.dialect = dialect, .text = sql, .len = len};
  struct lex_token t;
  struct err e;
  while (lex_next(&l, &t, &e) == 0 && t.kind != LEX_END) {
    struct sql_variable v;
    if (t.kind == LEX_VARIABLE && sql_variable_read(sql + t.start, t.len, &v, &e) == 0)
      replace(copy + t.start, t.len, v.form);
  }
  return copy;
}

/* Without a section that is transaction=off or batch= all is one transaction. */
static struct step step_of(const struct lint_unit *u, const struct section *s, unsigned section) {
  unsigned transaction = 0;
  if (u->divided)
    transaction = 1 + section;
  if (!s->transaction)
    transaction = (1U << 30) + (unsigned)u->count; /* of its own */
  return (struct step){.transaction = s->transaction || s->batch,
                       .batch = s->batch > 0,
                       .section = section,
                       .transaction_number = transaction};
}

static void add(struct lint_unit *u, const struct section *s, unsigned number,
                struct arena *arena) {
  const char *content = u->catalog->revisions[u->revision].content;
  for (size_t i = 0; i < s->statements[u->dialect].count; i++) {
    const struct section_statement *st = &s->statements[u->dialect].items[i];
    bool first = u->count == 0 || u->items[u->count - 1].line != st->line;
    u->items[u->count++] = (struct unit_statement){
        .sql = unit_without_variables(u->dialect, content + st->start, st->len, arena),
        .len = st->len,
        .start = st->start,
        .line = st->line,
        .column = st->column,
        .step = step_of(u, s, number),
        .first_in_line = first};
  }
}

static bool runs(const struct section *s, const struct lint_unit *u) {
  return s->direction == u->direction && (s->dialects & u->dialect);
}

void unit_build(const struct catalog *c, unsigned revision, enum direction direction,
                enum dialect dialect, struct arena *arena, struct lint_unit *out) {
  const struct revision *r = &c->revisions[revision];
  struct lint_unit u = {
      .catalog = c, .revision = revision, .direction = direction, .dialect = dialect};
  size_t count = 0;
  unsigned section = 0;
  for (size_t i = 0; i < r->section_count; i++) {
    if (!runs(&r->sections[i], &u))
      continue;
    count += r->sections[i].statements[dialect].count;
    u.divided |= !r->sections[i].transaction;
  }
  u.items = ARENA_ARRAY(arena, struct unit_statement, count);
  for (size_t i = 0; i < r->section_count; i++)
    if (runs(&r->sections[i], &u))
      add(&u, &r->sections[i], section++, arena);
  *out = u;
}
