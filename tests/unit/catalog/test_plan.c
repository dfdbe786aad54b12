/* Plans: which steps, in what order, and what each does to the rows. */
#include "server/catalog/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/catalog/spec.h"

static const char line[] = "a1 b2<a1 c3<b2";
static const char diamond[] = "root left<root right<root merge<left,right last<merge";
static const char depends[] = "a1 a2<a1 b1 b2<b1|a2 b3<b2";
static const char forest[] = "a1 a2<a1 b1 b2<b1";

struct planned {
  struct spec s;
  struct plan_request q;
  struct plan plan;
  struct err e;
  int rc;
};

static void ask(struct planned *p, const char *spec, enum operation op, bool purge,
                const char *rows, const char *to) {
  const char *row_words[16], *to_words[16];
  memset(p, 0, sizeof *p);
  spec_build(&p->s, spec);
  assert_int_equal(p->s.rc, 0);
  size_t row_count = spec_cut(&p->s, rows, row_words);
  p->q = (struct plan_request){op, DIALECT_SQLITE, to_words, spec_cut(&p->s, to, to_words), purge};
  p->rc = plan_make(&p->s.catalog, &p->q, row_words, row_count, &p->s.arena, &p->plan, &p->e);
}

/* "-a,b +c" for each step, with the revision before it. */
static const char *steps(struct planned *p) {
  struct buf b = BUF_INIT;
  for (size_t i = 0; i < p->plan.count; i++) {
    const struct plan_step *s = &p->plan.steps[i];
    buf_addf(&b, "%s%s:", i ? "; " : "", p->s.catalog.revisions[s->revision].id);
    for (size_t k = 0; k < s->remove_count; k++)
      buf_addf(&b, " -%s", s->remove[k]);
    for (size_t k = 0; k < s->insert_count; k++)
      buf_addf(&b, " +%s", s->insert[k]);
  }
  const char *text = arena_strdup(&p->s.arena, buf_str(&b));
  buf_release(&b);
  return text;
}

static void assert_plan(const char *spec, enum operation op, const char *rows, const char *to,
                        const char *expected, const char *after) {
  static const enum direction directions[] = {
      [OP_UPGRADE] = DIR_UP, [OP_DOWNGRADE] = DIR_DOWN, [OP_STAMP] = DIR_STAMP};
  struct planned p;
  ask(&p, spec, op, false, rows, to);
  if (p.rc)
    fail_msg("%s: %s", to, p.e.text);
  assert_string_equal(steps(&p), expected);
  assert_string_equal(spec_words(&p.s, p.plan.after, p.plan.after_count), after);
  for (size_t i = 0; i < p.plan.count; i++)
    assert_int_equal(p.plan.steps[i].direction, directions[op]);
  spec_release(&p.s);
}

static void assert_refused(const char *spec, enum operation op, const char *rows, const char *to,
                           enum err_kind kind, const char *part) {
  struct planned p;
  ask(&p, spec, op, false, rows, to);
  assert_int_equal(p.rc, -1);
  if (!strstr(p.e.text, part) && !strstr(p.e.hint, part))
    fail_msg("'%s' (%s) does not say '%s'", p.e.text, p.e.hint, part);
  assert_int_equal(p.e.kind, kind);
  assert_null(p.plan.steps); /* untouched */
  spec_release(&p.s);
}

static void test_upgrade(void **state) {
  (void)state;
  assert_plan(line, OP_UPGRADE, "", "head", "a1: +a1; b2: -a1 +b2; c3: -b2 +c3", "c3");
  assert_plan(line, OP_UPGRADE, "a1", "+1", "b2: -a1 +b2", "b2");
  assert_plan(line, OP_UPGRADE, "", "b2", "a1: +a1; b2: -a1 +b2", "b2");
  assert_plan(line, OP_UPGRADE, "c3", "head", "", "c3");
  assert_plan(line, OP_UPGRADE, "c3", "a1", "", "c3"); /* below what is current */
  assert_plan(line, OP_UPGRADE, "a1", "base", "", "a1");
  assert_plan(forest, OP_UPGRADE, "a1", "b2", "b1: +b1; b2: -b1 +b2", "a1 b2");
}

static void test_upgrade_branches_and_merges(void **state) {
  (void)state;
  assert_plan(diamond, OP_UPGRADE, "", "head",
              "root: +root; left: -root +left; right: +right; merge: -left -right +merge; "
              "last: -merge +last",
              "last");
  assert_plan(diamond, OP_UPGRADE, "root", "right", "right: -root +right", "right");
  assert_plan(diamond, OP_UPGRADE, "right", "left", "left: +left", "left right");
  assert_plan(diamond, OP_UPGRADE, "left right", "merge", "merge: -left -right +merge", "merge");
}

static void test_dependencies(void **state) {
  (void)state;
  assert_plan(depends, OP_UPGRADE, "", "b2", "a1: +a1; a2: -a1 +a2; b1: +b1; b2: -b1 -a2 +b2",
              "b2"); /* a2 has no row */
  assert_plan(depends, OP_DOWNGRADE, "b2", "b1", "b2: -b2 +b1 +a2", "a2 b1");
  assert_plan(depends, OP_DOWNGRADE, "b3", "a1", "b3: -b3 +b2; b2: -b2 +b1 +a2; a2: -a2 +a1",
              "a1 b1");
  /* two that stand on the same: it comes back when the last of them goes */
  assert_plan("a x|a y|a", OP_UPGRADE, "", "heads", "a: +a; x: -a +x; y: +y", "x y");
  assert_plan("a x|a y|a", OP_DOWNGRADE, "x y", "base", "y: -y; x: -x +a; a: -a", "");
}

static void test_downgrade(void **state) {
  (void)state;
  assert_plan(line, OP_DOWNGRADE, "c3", "a1", "c3: -c3 +b2; b2: -b2 +a1", "a1");
  assert_plan(line, OP_DOWNGRADE, "c3", "-1", "c3: -c3 +b2", "b2");
  assert_plan(line, OP_DOWNGRADE, "c3", "base", "c3: -c3 +b2; b2: -b2 +a1; a1: -a1", "");
  assert_plan(line, OP_DOWNGRADE, "c3", "-3", "c3: -c3 +b2; b2: -b2 +a1; a1: -a1", "");
  assert_plan(line, OP_DOWNGRADE, "b2", "b2", "", "b2");
  assert_plan(line, OP_DOWNGRADE, "", "base", "", "");
  assert_plan(forest, OP_DOWNGRADE, "a2 b2", "a1", "a2: -a2 +a1", "a1 b2");
  assert_plan(forest, OP_DOWNGRADE, "a2 b2", "base", "b2: -b2 +b1; b1: -b1; a2: -a2 +a1; a1: -a1",
              "");
}

static void test_downgrade_across_merges(void **state) {
  (void)state;
  assert_plan(diamond, OP_DOWNGRADE, "last", "left",
              "last: -last +merge; merge: -merge +left +right", "left right");
  assert_plan(diamond, OP_DOWNGRADE, "merge", "root",
              "merge: -merge +left +right; right: -right; left: -left +root", "root");
  assert_plan(diamond, OP_DOWNGRADE, "left right", "root", "right: -right; left: -left +root",
              "root");
  assert_refused(diamond, OP_DOWNGRADE, "merge", "-1", ERR_INPUT, "merge stands on left, right");
}

/* Counted from the current row, a sibling that is applied as a dependency stays. */
static void test_downgrade_keeps_siblings(void **state) {
  (void)state;
  static const char siblings[] = "p a<p|b b<p";
  assert_plan(siblings, OP_DOWNGRADE, "a", "-1", "a: -a +b", "b");
  assert_plan(siblings, OP_DOWNGRADE, "a", "p", "a: -a +b; b: -b +p", "p");
  assert_plan("a|b b", OP_DOWNGRADE, "a", "-1", "a: -a +b", "b");
  assert_plan("a|b b", OP_DOWNGRADE, "a", "base", "a: -a +b; b: -b", "");
  assert_plan("a|b b", OP_DOWNGRADE, "a", "b", "", "a"); /* nothing of b's own line is above it */
}

static void test_downgrade_refused(void **state) {
  (void)state;
  assert_refused(line, OP_DOWNGRADE, "a1", "c3", ERR_REFUSED, "it is not below a1");
  assert_refused(line, OP_DOWNGRADE, "", "a1", ERR_REFUSED, "nothing is");
  assert_refused(line, OP_DOWNGRADE, "c3", "-4", ERR_INPUT, "too far");
  assert_refused(forest, OP_DOWNGRADE, "a2", "b1", ERR_REFUSED, "not below a2");
  assert_refused(forest, OP_DOWNGRADE, "a2 b2", "heads", ERR_INPUT, "goes to one");
  assert_refused(line, OP_DOWNGRADE, "c3", "zz", ERR_NOT_FOUND, "zz");
  assert_refused("a1 b2<a1! c3<b2! d4<c3", OP_DOWNGRADE, "d4", "a1", ERR_REFUSED,
                 "across b2, c3: no `-- migd:down` section for sqlite");
  assert_plan("a1 b2<a1! c3<b2", OP_DOWNGRADE, "c3", "b2", "c3: -c3 +b2", "b2");
  struct planned p;
  ask(&p, "a1 b2<a1! c3<b2", OP_DOWNGRADE, false, "c3", "a1");
  assert_string_equal(p.e.revision, "b2");
  assert_string_equal(p.e.file, "b2_x.sql");
  spec_release(&p.s);
}

static void test_stamp(void **state) {
  (void)state;
  assert_plan(line, OP_STAMP, "", "b2", "b2: +b2", "b2");
  assert_plan(line, OP_STAMP, "a1", "head", "c3: -a1 +c3", "c3");
  assert_plan(line, OP_STAMP, "c3", "a1", "a1: -c3 +a1", "a1");
  assert_plan(line, OP_STAMP, "c3", "c3", "", "c3");
  assert_plan(line, OP_STAMP, "c3", "base", "c3: -c3", "");
  assert_plan(line, OP_STAMP, "", "base", "", "");
  assert_plan(forest, OP_STAMP, "a2", "b1", "b1: +b1", "a2 b1");
  assert_plan(forest, OP_STAMP, "a2 b1", "a1 b2", "a1: -a2 -b1 +a1 +b2", "a1 b2");
  assert_plan(diamond, OP_STAMP, "left right", "root", "root: -left -right +root", "root");
  assert_plan(diamond, OP_STAMP, "left right", "merge", "merge: -left -right +merge", "merge");
  assert_plan(diamond, OP_STAMP, "merge", "left", "left: -merge +left", "left");
  assert_plan(depends, OP_STAMP, "a1 b1", "heads", "b3: -a1 -b1 +b3", "b3"); /* a2 is implied */
  assert_plan("a b x|b", OP_STAMP, "b", "a x", "a: -b +a +x", "a x");
}

static void test_stamp_refused(void **state) {
  (void)state;
  assert_refused(forest, OP_STAMP, "", "head", ERR_INPUT, "2 heads");
  assert_refused(line, OP_STAMP, "", "a1 c3", ERR_INPUT, "c3 stands on a1 already");
  assert_refused(line, OP_STAMP, "", "base c3", ERR_INPUT, "goes with no other");
  assert_refused(line, OP_STAMP, "", "", ERR_INPUT, "no revision is named");
  assert_refused(line, OP_STAMP, "a1", "+1", ERR_INPUT, "no meaning here");
}

static void test_purge(void **state) {
  (void)state;
  struct planned p;
  ask(&p, line, OP_STAMP, true, "gone c3 a1", "b2");
  assert_int_equal(p.rc, 0);
  assert_string_equal(steps(&p), "b2: +b2");
  assert_string_equal(spec_words(&p.s, p.plan.after, p.plan.after_count), "b2");
  spec_release(&p.s);
  ask(&p, line, OP_STAMP, true, "gone", "base");
  assert_int_equal(p.rc, 0);
  assert_int_equal(p.plan.count + p.plan.after_count, 0);
  spec_release(&p.s);
  ask(&p, line, OP_UPGRADE, true, "", "head");
  assert_int_equal(p.e.kind, ERR_INPUT);
  spec_release(&p.s);
}

static void test_rows_that_are_wrong(void **state) {
  (void)state;
  static const enum operation all[] = {OP_UPGRADE, OP_DOWNGRADE, OP_STAMP};
  for (size_t i = 0; i < 3; i++) {
    assert_refused(line, all[i], "b2 deadbeef", "a1", ERR_REFUSED, "'deadbeef'");
    assert_refused(line, all[i], "deadbeef", "a1", ERR_REFUSED, "stamp --purge");
    assert_refused(line, all[i], "c3 a1", "a1", ERR_REFUSED, "both a1 and c3, which stands on it");
    assert_refused(depends, all[i], "a2 b2", "a1", ERR_REFUSED, "both a2 and b2");
  }
  struct planned p;
  ask(&p, line, OP_UPGRADE, false, "deadbeef", "head");
  assert_string_equal(p.e.revision, "deadbeef");
  spec_release(&p.s);
}

static void test_requests_that_are_wrong(void **state) {
  (void)state;
  assert_refused(line, OP_UPGRADE, "", "a1 b2", ERR_INPUT, "an upgrade");
  assert_refused(line, OP_DOWNGRADE, "c3", "a1 b2", ERR_INPUT, "a downgrade");
  assert_refused(line, (enum operation)7, "", "a1", ERR_INPUT, "unknown operation 7");
  assert_refused(forest, OP_UPGRADE, "", "head", ERR_INPUT, "`heads`");
  assert_refused(forest, OP_UPGRADE, "a2 b2", "+1", ERR_INPUT, "2 revisions are current");
}

/* core1 - core2 - left1 (left) - left2, right1 (right) - right2; lib1 - lib2 (library); dock1
 * depends on lib1. */
static const char branches[] = "core1 core2<core1 left1<core2#left left2<left1 right1<core2#right "
                               "right2<right1 lib1#library lib2<lib1 dock1|lib1#dock";

static void test_branches_up(void **state) {
  (void)state;
  assert_plan(branches, OP_UPGRADE, "core2", "left@head",
              "left1: -core2 +left1; left2: -left1 +left2", "left2");
  assert_plan(branches, OP_UPGRADE, "left1 lib1", "library@+1", "lib2: -lib1 +lib2", "left1 lib2");
  assert_plan(branches, OP_UPGRADE, "left1", "core1@heads",
              "left2: -left1 +left2; right1: +right1; right2: -right1 +right2", "left2 right2");
  assert_plan(branches, OP_UPGRADE, "left2 right2", "dock@head", "lib1: +lib1; dock1: -lib1 +dock1",
              "dock1 left2 right2");
  assert_plan(branches, OP_UPGRADE, "dock1", "library@head", "lib2: +lib2", "dock1 lib2");
}

static void test_branches_down(void **state) {
  (void)state;
  assert_plan(branches, OP_DOWNGRADE, "left2 right2", "left@core2",
              "left2: -left2 +left1; left1: -left1", "right2");
  assert_plan(branches, OP_DOWNGRADE, "left2 right2", "right@-1", "right2: -right2 +right1",
              "left2 right1");
  assert_plan(branches, OP_DOWNGRADE, "left1 lib2", "left@base",
              "left1: -left1 +core2; core2: -core2 +core1; core1: -core1", "lib2");
  assert_plan(branches, OP_DOWNGRADE, "dock1 lib2", "library@base",
              "lib2: -lib2; dock1: -dock1 +lib1; lib1: -lib1", ""); /* dependents too */
  assert_plan(branches, OP_DOWNGRADE, "left1", "library@base", "", "left1");
  assert_refused(branches, OP_DOWNGRADE, "left2 right2", "-1", ERR_INPUT, "left2, right2");
  assert_refused(branches, OP_DOWNGRADE, "left2", "right@right1", ERR_REFUSED, "not below left2");
  assert_refused("a1 b2<a1#lab c3<b2 d4<b2", OP_DOWNGRADE, "c3 d4", "lab@b2", ERR_REFUSED,
                 "nothing leads to b2");
}

static void test_branches_stamped(void **state) {
  (void)state;
  assert_plan(branches, OP_STAMP, "left2 lib2", "left@base", "left2: -left2", "lib2");
  assert_plan(branches, OP_STAMP, "left2 right1 lib2", "left@base lib1", "lib1: -left2 -lib2 +lib1",
              "lib1 right1");
  assert_plan(branches, OP_STAMP, "dock1", "library@base", "dock1: -dock1", ""); /* it depends */
  assert_plan(branches, OP_STAMP, "left1", "heads", "dock1: -left1 +dock1 +left2 +lib2 +right2",
              "dock1 left2 lib2 right2");
  assert_refused(branches, OP_STAMP, "", "left@-1", ERR_INPUT, "no meaning here");
}

static void assert_goal(const char *rows, enum operation op, const char *to, const char *goal) {
  struct planned p;
  ask(&p, branches, op, false, rows, to);
  assert_int_equal(p.rc, 0);
  assert_string_equal(p.plan.goal, goal);
  spec_release(&p.s);
}

/* What a run that is resumed goes on to. */
static void test_goals(void **state) {
  (void)state;
  assert_goal("core2", OP_UPGRADE, "left@+2", "left2");
  assert_goal("core2", OP_UPGRADE, "left@head", "left@head");
  assert_goal("left2", OP_DOWNGRADE, "-1", "left1");
  assert_goal("left1 right1", OP_DOWNGRADE, "left@-1", "left1@core2"); /* right1 stays then too */
  assert_goal("left1", OP_DOWNGRADE, "-3", "left1@base");
}

static void assert_behind(const char *spec, const char *rows, size_t behind, size_t strangers) {
  struct spec s;
  const char *words[8];
  size_t unknown = 99;
  spec_build(&s, spec);
  size_t count = spec_cut(&s, rows, words);
  assert_int_equal(plan_behind(&s.catalog, words, count, &unknown), behind);
  assert_int_equal(unknown, strangers);
  assert_int_equal(plan_behind(&s.catalog, words, count, NULL), behind);
  spec_release(&s);
}

static void assert_implied(const char *spec, const char *rows, const char *ids) {
  struct spec s;
  const char *words[8];
  struct revision_set implied;
  spec_build(&s, spec);
  plan_implied(&s.catalog, words, spec_cut(&s, rows, words), &s.arena, &implied);
  assert_string_equal(spec_ids(&s, &implied), ids);
  spec_release(&s);
}

/* What Alembic's `current` lists besides the rows. */
static void test_implied(void **state) {
  (void)state;
  assert_implied(depends, "b2", "a2");
  assert_implied(depends, "b1 a1", "");
  assert_implied(depends, "b3 gone", "a2");
  assert_implied(line, "c3", "");
  assert_implied(branches, "dock1 lib2", ""); /* lib2 follows what is depended on */
  assert_implied("a b|a c|b", "c", "a b");
}

static void test_behind(void **state) {
  (void)state;
  assert_behind(line, "", 3, 0);
  assert_behind(line, "b2", 1, 0);
  assert_behind(line, "c3", 0, 0);
  assert_behind(line, "gone b2 lost", 1, 2);
  assert_behind(depends, "b2", 1, 0);
  assert_behind(diamond, "left", 3, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_upgrade),
      cmocka_unit_test(test_upgrade_branches_and_merges),
      cmocka_unit_test(test_dependencies),
      cmocka_unit_test(test_downgrade),
      cmocka_unit_test(test_downgrade_across_merges),
      cmocka_unit_test(test_downgrade_keeps_siblings),
      cmocka_unit_test(test_downgrade_refused),
      cmocka_unit_test(test_stamp),
      cmocka_unit_test(test_stamp_refused),
      cmocka_unit_test(test_purge),
      cmocka_unit_test(test_rows_that_are_wrong),
      cmocka_unit_test(test_requests_that_are_wrong),
      cmocka_unit_test(test_branches_up),
      cmocka_unit_test(test_branches_down),
      cmocka_unit_test(test_branches_stamped),
      cmocka_unit_test(test_goals),
      cmocka_unit_test(test_implied),
      cmocka_unit_test(test_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
