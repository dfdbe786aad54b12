/* Prints what a catalog of 10,000 revisions costs: branches, merges, dependencies, labels, each
 * file with some SQL. The figures are of one process and one thread, each the slowest of its
 * rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/buf.h"
#include "server/catalog/ident.h"
#include "server/catalog/labels.h"
#include "server/catalog/plan.h"

enum { COUNT = 10000, ROUNDS = 21, BUILDS = 5, LINES = 4 };

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *times, size_t count) {
  qsort(times, count, sizeof *times, compare);
  return times[count / 2];
}

/* Four lines of revisions side by side; every hundredth revision of one merges the one beside it,
 * every tenth depends on it. The last one merges all. */
static void write_file(int i, struct buf *b) {
  buf_addf(b, "-- migd:revision %012x\n-- migd:parent ", i);
  if (i == COUNT - 1)
    buf_addf(b, "%012x, %012x, %012x, %012x\n", i - 1, i - 2, i - 3, i - 4);
  else if (i < LINES)
    buf_adds(b, "base\n");
  else if (i % 100 < LINES && i % LINES != 0)
    buf_addf(b, "%012x, %012x\n", i - LINES, i - LINES - 1);
  else
    buf_addf(b, "%012x\n", i - LINES);
  if (i % 10 == 7 && i % LINES != 0)
    buf_addf(b, "-- migd:depends-on %012x\n", i - LINES - 1 > 0 ? i - LINES - 1 : 0);
  if (i < LINES || i % 1000 == 500)
    buf_addf(b, "-- migd:label line%d\n", i);
  buf_addf(b, "-- migd:message step %d\n\n-- migd:up\nCREATE TABLE t%d (id INTEGER PRIMARY KEY, ",
           i, i);
  for (int k = 0; k < 8; k++)
    buf_addf(b, "column_%d TEXT NOT NULL DEFAULT 'x', ", k);
  buf_addf(b, "n INTEGER);\nCREATE INDEX i%d ON t%d (n);\n\n-- migd:down\nDROP TABLE t%d;\n", i, i,
           i);
}

static void write_files(struct catalog_file *files, struct arena *arena) {
  for (int i = 0; i < COUNT; i++) {
    struct buf b BUF_SCOPED = BUF_INIT;
    write_file(i, &b);
    files[i] = (struct catalog_file){.name = arena_printf(arena, "%012x_step.sql", i),
                                     .bytes = arena_strndup(arena, b.s, b.len),
                                     .len = b.len};
  }
}

static void build(struct catalog *c, const struct catalog_file *files, struct arena *arena) {
  struct problems problems = {.arena = arena};
  arena_init(arena, 0);
  if (catalog_build(c, files, COUNT, arena, &problems) == 0)
    return;
  fprintf(stderr, "%s:%u: %s\n", problems.items[0].file, problems.items[0].line,
          problems.items[0].message);
  exit(1);
}

struct asked {
  enum operation operation;
  const char *to;
  const char *rows[LINES];
  size_t row_count;
};

/* The time of one plan, with an arena of its own, as a walk has. */
static double plan_once(const struct catalog *c, const struct asked *a, size_t *steps) {
  struct plan_request q = {a->operation, DIALECT_SQLITE, &a->to, 1, false};
  struct arena arena;
  struct plan plan;
  struct err e;
  double began = now_ms();
  arena_init(&arena, 0);
  if (plan_make(c, &q, a->rows, a->row_count, &arena, &plan, &e)) {
    fprintf(stderr, "%s: %s\n", a->to, e.text);
    exit(1);
  }
  *steps = plan.count;
  arena_release(&arena);
  return now_ms() - began;
}

static void bench_plans(const struct catalog *c) {
  static const struct asked all[] = {
      {OP_UPGRADE, "head", {NULL}, 0},
      {OP_UPGRADE, "line1@+3", {"0000000007d0"}, 1},
      {OP_UPGRADE, "00000000270f", {"0000000007d0"}, 1},
      {OP_UPGRADE, "head", {"00000000270f"}, 1},
      {OP_DOWNGRADE, "base", {"00000000270f"}, 1},
      {OP_DOWNGRADE, "line0@base", {"00000000270f"}, 1},
      {OP_STAMP, "head", {"0000000007d0"}, 1},
  };
  double worst = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    size_t steps = 0;
    double times[ROUNDS];
    for (int k = 0; k < ROUNDS; k++)
      times[k] = plan_once(c, &all[i], &steps);
    double usual = median(times, ROUNDS);
    printf("graph            plan to %s of %zu steps: %.2f ms\n", all[i].to, steps, usual);
    worst = usual > worst ? usual : worst;
  }
  printf("graph    %5.2f x  5 ms: the slowest plan, %.2f ms (goal: 1)\n", worst / 5, worst);
}

static void bench_lists(const struct catalog *c) {
  struct arena arena;
  struct revision_set out;
  struct err e;
  arena_init(&arena, 0);
  double began = now_ms();
  labels_spread(c, &arena);
  double labels = now_ms() - began;
  began = now_ms();
  if (ident_range(c, "base:head", NULL, &arena, &out, &e))
    exit(1);
  printf("graph            labels of all %.2f ms, a range of all %.2f ms\n", labels,
         now_ms() - began);
  arena_release(&arena);
}

int main(void) {
  struct arena files_arena, arena;
  struct catalog c;
  size_t steps;
  double times[BUILDS];
  arena_init(&files_arena, 0);
  struct catalog_file *files = ARENA_ARRAY(&files_arena, struct catalog_file, COUNT);
  write_files(files, &files_arena);
  for (int i = 0; i < BUILDS; i++) {
    double began = now_ms();
    build(&c, files, &arena);
    plan_once(&c, &(struct asked){OP_UPGRADE, "head", {NULL}, 0}, &steps);
    times[i] = now_ms() - began;
    if (i < BUILDS - 1)
      arena_release(&arena);
  }
  double usual = median(times, BUILDS);
  printf("graph    %5.2f x  300 ms: %d revisions parsed, validated, planned in %.1f ms (goal: 1)\n",
         usual / 300, COUNT, usual);
  bench_plans(&c);
  bench_lists(&c);
  arena_release(&arena);
  arena_release(&files_arena);
  return 0;
}
