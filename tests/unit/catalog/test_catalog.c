/* The graph of a catalog: its order, its ends, its mistakes. */
#include "server/catalog/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "server/catalog/plan.h"
#include "tests/unit/catalog/spec.h"

static const char *all_ids(struct spec *s) {
  unsigned items[64];
  struct revision_set set = {items, s->catalog.count};
  for (unsigned i = 0; i < s->catalog.count; i++)
    items[i] = i;
  return spec_ids(s, &set);
}

static void assert_order(const char *text, const char *order) {
  struct spec s;
  spec_build(&s, text);
  assert_int_equal(s.rc, 0);
  assert_string_equal(all_ids(&s), order);
  for (unsigned i = 0; i < s.catalog.count; i++)
    assert_int_equal(s.catalog.nodes[i].order, i);
  spec_release(&s);
}

static void assert_problem(const char *text, const char *file, unsigned line, unsigned column,
                           const char *part) {
  struct spec s;
  spec_build(&s, text);
  if (s.problems.count != 1)
    for (size_t i = 0; i < s.problems.count; i++)
      print_message("%s\n", s.problems.items[i].message);
  assert_int_equal(s.problems.count, 1);
  const struct problem *p = &s.problems.items[0];
  assert_string_equal(p->file, file);
  assert_int_equal(p->line, line);
  assert_int_equal(p->column, column);
  if (!strstr(p->message, part))
    fail_msg("'%s' does not say '%s'", p->message, part);
  spec_release(&s);
}

static void test_order(void **state) {
  (void)state;
  assert_order("aa bb<aa cc<bb", "aa bb cc");
  assert_order("cc<bb bb<aa aa", "aa bb cc");
  assert_order("aa<zz zz", "zz aa");
  assert_order("r b<r a<r m<a,b", "r a b m");
  assert_order("a b c<b d<a|c", "a b c d");
  assert_order("a|z z", "z a");
}

static void test_sets(void **state) {
  (void)state;
  struct spec s;
  spec_build(&s, "r r2 b<r a<r m<b,a x<r2|m,a");
  struct catalog *c = &s.catalog;
  assert_int_equal(s.rc, 0);
  assert_string_equal(spec_ids(&s, &c->heads), "m x");
  assert_string_equal(spec_ids(&s, &c->bases), "r r2");
  const struct node *m = &c->nodes[catalog_find(c, "m")], *x = &c->nodes[catalog_find(c, "x")];
  assert_string_equal(spec_ids(&s, &m->parents), "a b");
  assert_string_equal(spec_ids(&s, &m->dependents), "x");
  assert_int_equal(m->children.count, 0);
  assert_string_equal(spec_ids(&s, &x->parents), "r2");
  assert_string_equal(spec_ids(&s, &x->depends_on), "a m");
  assert_string_equal(spec_ids(&s, &c->nodes[catalog_find(c, "r")].children), "a b");
  assert_int_equal(catalog_find(c, "nowhere"), -1);
  assert_int_equal(catalog_find(c, ""), -1);
  assert_string_equal(c->revisions[catalog_find(c, "m")].parents[0], "b");
  spec_release(&s);
}

static void test_marks(void **state) {
  (void)state;
  struct spec s;
  spec_build(&s, "r r2 b<r a<r m<b,a x<r2|m");
  struct catalog *c = &s.catalog;
  unsigned x = (unsigned)catalog_find(c, "x"), a = (unsigned)catalog_find(c, "a");
  unsigned char marks[6] = {0};
  catalog_mark_ancestors(c, &(struct revision_set){&x, 1}, false, marks);
  assert_int_equal(marks[x] + marks[catalog_find(c, "r2")], 2);
  assert_int_equal(marks[catalog_find(c, "m")], 0);
  memset(marks, 0, sizeof marks);
  catalog_mark_ancestors(c, &(struct revision_set){&x, 1}, true, marks);
  for (size_t i = 0; i < 6; i++)
    assert_int_equal(marks[i], 1);
  memset(marks, 0, sizeof marks);
  marks[catalog_find(c, "r2")] = 1; /* is kept, and not followed */
  catalog_mark_descendants(c, &(struct revision_set){&a, 1}, false, marks);
  assert_int_equal(marks[catalog_find(c, "m")], 1);
  assert_int_equal(marks[catalog_find(c, "r2")], 1);
  assert_int_equal(marks[x], 0);
  catalog_mark_descendants(c, &(struct revision_set){&a, 1}, true, marks);
  assert_int_equal(marks[x], 1);
  assert_int_equal(marks[catalog_find(c, "r")], 0);
  spec_release(&s);
}

static void test_unknown(void **state) {
  (void)state;
  assert_problem("first second<frist", "second_x.sql", 2, 16, "did you mean first?");
  assert_problem("x9 aa<x9|9", "aa_x.sql", 3, 20, "dependency 9");
  assert_problem("x77 77x aa<x77,77x,77", "aa_x.sql", 2, 24, "parent 77 is no revision");
  assert_problem("first second<elsewhere", "second_x.sql", 2, 16, "add its file");
  assert_problem("first second<first|secnd", "second_x.sql", 3, 20, "dependency secnd");
  assert_problem("first third<first,fisrt", "third_x.sql", 2, 22, "did you mean first?");
}

/* A dependency may be named by a label; by both it is one. */
static void test_dependencies_by_label(void **state) {
  (void)state;
  struct spec s;
  spec_build(&s, "a b<a#red c|red,b,a d|a");
  struct catalog *c = &s.catalog;
  assert_int_equal(s.rc, 0);
  assert_string_equal(spec_ids(&s, &c->nodes[catalog_find(c, "c")].depends_on), "a b");
  assert_string_equal(spec_ids(&s, &c->nodes[catalog_find(c, "b")].dependents), "c");
  assert_string_equal(c->revisions[catalog_find(c, "c")].depends_on[0], "red");
  assert_string_equal(spec_ids(&s, &c->heads), "b c d");
  assert_string_equal(spec_ids(&s, &c->ends), "c d");
  assert_true(catalog_effective_head(c, (size_t)catalog_find(c, "b")));
  assert_false(catalog_effective_head(c, (size_t)catalog_find(c, "c")));
  assert_false(catalog_effective_head(c, (size_t)catalog_find(c, "a")));
  spec_release(&s);
  assert_problem("a b<a|red#red", "b_x.sql", 3, 20, "of this very revision");
  assert_problem("a#red|blue b<a#blue", "a_x.sql", 2, 0, "a -> b -> a");
}

static void test_duplicates(void **state) {
  (void)state;
  assert_problem("aa bb<aa bb<aa", "bb_x.sql", 1, 18, "in bb_x.sql as well");
  assert_problem("aa#one bb<aa#one", "bb_x.sql", 3, 15, "used by revision aa");
  assert_problem("aa bb<aa#aa", "bb_x.sql", 3, 15, "is the id");
  assert_problem("aa#x bb<x", "bb_x.sql", 2, 16, "no revision");
}

static void test_cycles(void **state) {
  (void)state;
  assert_problem("aa bb<dd,aa cc<bb dd<cc", "bb_x.sql", 2, 0,
                 "in a cycle: bb -> dd -> cc -> bb; correct a `-- migd:parent` among");
  assert_problem("aa|cc bb<aa cc<bb", "aa_x.sql", 2, 0, "aa -> cc -> bb -> aa");
  struct spec s;
  spec_build(&s, "a<b b<a c<d d<c e");
  assert_int_equal(s.problems.count, 2);
  spec_release(&s);
  struct buf b BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < 50; i++)
    buf_addf(&b, "r%02d<r%02d ", i, (i + 1) % 50);
  assert_problem(buf_str(&b), "r00_x.sql", 2, 0, "... (38 more) -> r00");
}

static void test_everything_at_once(void **state) {
  (void)state;
  struct spec s;
  spec_build(&s, "a-b c<a-b d<e e<d f<gone f<c");
  size_t bad_ids = 0, cycles = 0, unknown = 0, twice = 0;
  for (size_t i = 0; i < s.problems.count; i++) {
    const char *text = s.problems.items[i].message;
    bad_ids += strstr(text, "'a-b' is no") != NULL;
    cycles += strstr(text, "cycle") != NULL;
    unknown += strstr(text, "gone is no revision") != NULL;
    twice += strstr(text, "as well") != NULL;
  }
  assert_int_equal(bad_ids, 2);
  assert_int_equal(cycles, 1);
  assert_int_equal(unknown, 1);
  assert_int_equal(twice, 1);
  assert_int_equal(s.problems.count, 5);
  spec_release(&s);
}

/* A file that could not be read is not reported as missing by all that stand on it. */
static void test_no_echo(void **state) {
  (void)state;
  static const char broken[] = "-- migd:revision aa!\n-- migd:parent base\n";
  static const char fine[] = "-- migd:revision bb\n-- migd:parent aa\n";
  const struct catalog_file files[] = {{"aa_x.sql", broken, sizeof broken - 1},
                                       {"bb_x.sql", fine, sizeof fine - 1}};
  struct arena arena;
  arena_init(&arena, 0);
  struct problems problems = {.arena = &arena};
  struct catalog c;
  assert_int_equal(catalog_build(&c, files, 2, &arena, &problems), -1);
  assert_int_equal(problems.count, 1);
  assert_string_equal(problems.items[0].file, "aa_x.sql");
  arena_release(&arena);
}

static void test_empty(void **state) {
  (void)state;
  assert_problem("", "catalog", 0, 0, "no revision files");
}

static void test_digest(void **state) {
  (void)state;
  struct catalog_file files[] = {{"a_x.sql", "one", 3}, {"b_x.sql", "two", 3}, {"c.sql", NULL, 0}};
  struct catalog_file other[3] = {files[2], files[1], files[0]};
  char a[DIGEST_TEXT], b[DIGEST_TEXT];
  catalog_digest(files, 3, a);
  catalog_digest(other, 3, b);
  assert_string_equal(a, b);
  other[1].bytes = "twO";
  catalog_digest(other, 3, b);
  assert_string_not_equal(a, b);
  other[1].bytes = "two";
  other[1].name = "B_x.sql";
  catalog_digest(other, 3, b);
  assert_string_not_equal(a, b);
  /* no bytes can move between files unnoticed */
  catalog_digest((struct catalog_file[]){{"a", "1b", 2}, {"c", "", 0}}, 2, a);
  catalog_digest((struct catalog_file[]){{"a", "1", 1}, {"bc", "", 0}}, 2, b);
  assert_string_not_equal(a, b);
}

static void test_compare(void **state) {
  (void)state;
  struct spec old, next;
  struct catalog_diff d;
  spec_build(&old, "a b<a c<b");
  spec_build(&next, "a b<a! d<b");
  catalog_compare(&old.catalog, &next.catalog, &next.arena, &d);
  assert_string_equal(spec_words(&next, d.added, d.added_count), "d");
  assert_string_equal(spec_words(&next, d.changed, d.changed_count), "b");
  assert_string_equal(spec_words(&next, d.removed, d.removed_count), "c");
  catalog_compare(NULL, &next.catalog, &next.arena, &d);
  assert_int_equal(d.added_count, 3);
  assert_int_equal(d.changed_count + d.removed_count, 0);
  catalog_compare(&next.catalog, &next.catalog, &next.arena, &d);
  assert_int_equal(d.added_count + d.changed_count + d.removed_count, 0);
  assert_string_equal(catalog_nearest(&old.catalog, "c"), "c");
  assert_null(catalog_nearest(&old.catalog, "wide of it"));
  spec_release(&old);
  spec_release(&next);
}

static double ms_since(const struct timespec *t) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - t->tv_sec) * 1e3 + (double)(now.tv_nsec - t->tv_nsec) / 1e6;
}

/* A chain whose second half is two branches that merge at every tenth revision. */
static void add_large(struct buf *b, int i, int count) {
  if (i == 0)
    buf_addf(b, "r%05d ", i);
  else if (i < count / 2 || i % 10 == 1)
    buf_addf(b, "r%05d<r%05d ", i, i - 1);
  else if (i % 10 == 0 && i > count / 2 + 10)
    buf_addf(b, "r%05d<r%05d,r%05d ", i, i - 1, i - 2);
  else
    buf_addf(b, "r%05d<r%05d ", i, i - (i > count / 2 + 10 && i % 10 > 2 ? 2 : 1));
}

static void test_large(void **state) {
  (void)state;
  enum { COUNT = 10001 }; /* so that the last one is a merge */
  struct buf b BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < COUNT; i++)
    add_large(&b, i, COUNT);
  struct arena arena, files_arena;
  arena_init(&arena, 0);
  arena_init(&files_arena, 0);
  struct problems problems = {.arena = &arena};
  struct catalog_file *files = ARENA_ARRAY(&files_arena, struct catalog_file, COUNT);
  assert_int_equal(spec_files(&files_arena, buf_str(&b), files), COUNT);
  struct catalog c;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  assert_int_equal(catalog_build(&c, files, COUNT, &arena, &problems), 0);
  double build = ms_since(&t);
  const char *to[] = {"head"};
  struct plan_request q = {OP_UPGRADE, DIALECT_SQLITE, to, 1, false};
  struct plan plan;
  struct err e;
  clock_gettime(CLOCK_MONOTONIC, &t);
  assert_int_equal(plan_make(&c, &q, NULL, 0, &arena, &plan, &e), 0);
  double up = ms_since(&t);
  assert_int_equal(plan.count, COUNT);
  assert_int_equal(plan.after_count, 1);
  q.operation = OP_DOWNGRADE;
  to[0] = "base";
  clock_gettime(CLOCK_MONOTONIC, &t);
  assert_int_equal(plan_make(&c, &q, plan.after, 1, &arena, &plan, &e), 0);
  print_message("%d revisions: build %.1f ms, upgrade plan %.2f ms, downgrade plan %.2f ms\n",
                COUNT, build, up, ms_since(&t));
  assert_int_equal(plan.count, COUNT);
  arena_release(&arena);
  arena_release(&files_arena);
}

/* A chain of the greatest length must not exhaust the stack. */
static void test_deep(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  struct buf b BUF_SCOPED = BUF_INIT;
  for (int i = COUNT; i-- > 1;)
    buf_addf(&b, "r%06d<r%06d ", i, i - 1);
  buf_adds(&b, "r000000");
  struct spec s;
  spec_build(&s, buf_str(&b));
  assert_int_equal(s.rc, 0);
  assert_string_equal(s.catalog.revisions[COUNT - 1].id, "r099999");
  spec_release(&s);
  buf_adds(&b, " one.more");
  spec_build(&s, buf_str(&b));
  assert_int_equal(s.problems.count, 1);
  spec_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_sets),
      cmocka_unit_test(test_marks),
      cmocka_unit_test(test_unknown),
      cmocka_unit_test(test_dependencies_by_label),
      cmocka_unit_test(test_duplicates),
      cmocka_unit_test(test_cycles),
      cmocka_unit_test(test_everything_at_once),
      cmocka_unit_test(test_no_echo),
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_digest),
      cmocka_unit_test(test_compare),
      cmocka_unit_test(test_large),
      cmocka_unit_test(test_deep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
