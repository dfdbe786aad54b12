/* Answers questions about revision graphs, for tests that compare migd with something else: a line
 * in, a line out, so that thousands of questions are one process.
 *
 *   graph SPEC                    a catalog, as in tests/unit/catalog/spec.h: ok | error ...
 *   up|down|stamp ROWS NAME...    a plan, ROWS as a,b or -: ok +a -b | ROWS AFTER, or error KIND
 * TEXT range ROWS RANGE              ok REVISIONS marks                         ok; heads, ends and
 * labels of all: a:head:x,y
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/catalog/ident.h"
#include "server/catalog/labels.h"
#include "server/catalog/plan.h"
#include "tests/unit/catalog/spec.h"

enum { WORDS_MAX = 4096 };

struct question {
  struct spec *s;
  const char *words[WORDS_MAX];
  size_t count;
  const char *rows[WORDS_MAX];
  size_t row_count;
};

static void refuse(const struct err *e) {
  printf("error %d %s (%s)\n", (int)e->kind, e->text, e->hint);
}

static void read_rows(struct question *q, const char *text) {
  q->row_count = 0;
  if (strcmp(text, "-") == 0)
    return;
  for (const char *p = text; *p; p += strspn(p, ",")) {
    size_t len = strcspn(p, ",");
    q->rows[q->row_count++] = arena_strndup(&q->s->arena, p, len);
    p += len;
  }
}

static void print_list(const char *const *items, size_t count) {
  for (size_t i = 0; i < count; i++)
    printf("%s%s", i ? "," : "", items[i]);
  if (count == 0)
    putchar('-');
}

static void answer_plan(struct question *q, enum operation op) {
  struct plan_request request = {op, DIALECT_SQLITE, q->words + 2, q->count - 2, false};
  struct plan plan;
  struct err e = {0};
  read_rows(q, q->words[1]);
  if (plan_make(&q->s->catalog, &request, q->rows, q->row_count, &q->s->arena, &plan, &e)) {
    refuse(&e);
    return;
  }
  printf("ok");
  for (size_t i = 0; i < plan.count && op != OP_STAMP; i++)
    printf(" %c%s", plan.steps[i].direction == DIR_UP ? '+' : '-',
           q->s->catalog.revisions[plan.steps[i].revision].id);
  printf(" | ");
  print_list(plan.after, plan.after_count);
  putchar('\n');
}

static void answer_range(struct question *q) {
  struct catalog *c = &q->s->catalog;
  struct revision_set out = {0}, rows = {ARENA_ARRAY(&q->s->arena, unsigned, WORDS_MAX), 0};
  struct err e = {0};
  read_rows(q, q->words[1]);
  for (size_t i = 0; i < q->row_count; i++)
    rows.items[rows.count++] = (unsigned)catalog_find(c, q->rows[i]);
  if (ident_range(c, q->words[2], &rows, &q->s->arena, &out, &e))
    refuse(&e);
  else
    printf("ok %s\n", spec_ids(q->s, &out));
}

static void answer_marks(struct question *q) {
  const struct catalog *c = &q->s->catalog;
  const struct label_list *labels = labels_spread(c, &q->s->arena);
  printf("ok");
  for (size_t i = 0; i < c->count; i++) {
    const char *head = catalog_effective_head(c, i)      ? "effective"
                       : c->nodes[i].children.count == 0 ? "head"
                                                         : "";
    printf(" %s:%s:", c->revisions[i].id, head);
    print_list(labels[i].items, labels[i].count);
  }
  putchar('\n');
}

static void answer_graph(struct question *q, const char *spec, bool *built) {
  if (*built)
    spec_release(q->s);
  spec_build(q->s, spec);
  *built = true;
  if (q->s->rc)
    printf("error 0 %s\n", q->s->problems.items[0].message);
  else
    puts("ok");
}

static void answer(struct question *q, const char *line, bool *built) {
  static const char *const operations[] = {
      [OP_UPGRADE] = "up", [OP_DOWNGRADE] = "down", [OP_STAMP] = "stamp"};
  if (strncmp(line, "graph ", 6) == 0) {
    answer_graph(q, line + 6, built);
    return;
  }
  q->count = spec_cut(q->s, line, q->words);
  if (strcmp(q->words[0], "marks") == 0)
    answer_marks(q);
  if (strcmp(q->words[0], "range") == 0)
    answer_range(q);
  for (int op = OP_UPGRADE; op <= OP_STAMP; op++)
    if (strcmp(q->words[0], operations[op]) == 0)
      answer_plan(q, (enum operation)op);
}

int main(void) {
  static struct question q;
  struct spec spec;
  char *line = NULL;
  size_t size = 0;
  bool built = false;
  q.s = &spec;
  for (ssize_t n; (n = getline(&line, &size, stdin)) > 0; fflush(stdout)) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] != '\0' && strlen(line) < WORDS_MAX)
      answer(&q, line, &built);
    else
      puts("error 0 no question");
  }
  if (built)
    spec_release(&spec);
  free(line);
  return 0;
}
