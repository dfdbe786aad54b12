/* Identifiers: what a user types, and what it means. */
#include "server/catalog/ident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/catalog/spec.h"

/* alpha1 - alpha2 - beta ; two - three, four - merge(three, four) - last */
static const char line[] = "alpha1 alpha2<alpha1 beta<alpha2#tip";
static const char forked[] = "one two<one three<two four<two merge<three,four last<merge";

struct asked {
  struct spec s;
  struct revision_set current, out;
  unsigned rows[8];
  struct err e;
};

static void begin(struct asked *a, const char *spec, const char *rows) {
  memset(a, 0, sizeof *a);
  spec_build(&a->s, spec);
  assert_int_equal(a->s.rc, 0);
  const char *words[8];
  a->current = (struct revision_set){a->rows, spec_cut(&a->s, rows, words)};
  for (size_t i = 0; i < a->current.count; i++)
    a->rows[i] = (unsigned)catalog_find(&a->s.catalog, words[i]);
}

static void assert_means(const char *spec, const char *rows, enum ident_use use, const char *text,
                         const char *ids) {
  struct asked a;
  begin(&a, spec, rows);
  if (ident_resolve(&a.s.catalog, text, use, &a.current, &a.s.arena, &a.out, &a.e))
    fail_msg("'%s': %s", text, a.e.text);
  assert_string_equal(spec_ids(&a.s, &a.out), ids);
  spec_release(&a.s);
}

static void assert_refused(const char *spec, const char *rows, enum ident_use use, const char *text,
                           enum err_kind kind, const char *part) {
  struct asked a;
  begin(&a, spec, rows);
  a.out.count = 99;
  assert_int_equal(ident_resolve(&a.s.catalog, text, use, &a.current, &a.s.arena, &a.out, &a.e),
                   -1);
  assert_int_equal(a.out.count, 99); /* untouched */
  assert_int_equal(a.e.kind, kind);
  if (!strstr(a.e.text, part) && !strstr(a.e.hint, part))
    fail_msg("'%s' (%s) does not say '%s'", a.e.text, a.e.hint, part);
  spec_release(&a.s);
}

static void test_absolute(void **state) {
  (void)state;
  assert_means(line, "", IDENT_SHOW, "alpha1", "alpha1");
  assert_means(line, "", IDENT_SHOW, "head", "beta");
  assert_means(line, "", IDENT_SHOW, "heads", "beta");
  assert_means(line, "", IDENT_STAMP, "base", "");
  assert_means(line, "", IDENT_SHOW, "tip", "beta");
  assert_means("one two<one three<one", "", IDENT_SHOW, "heads", "three two");
}

static void test_prefixes(void **state) {
  (void)state;
  assert_means("abcd1 abce2<abcd1", "", IDENT_SHOW, "abcd", "abcd1");
  assert_means("abcd abcd1<abcd", "", IDENT_SHOW, "abcd", "abcd"); /* exact first */
  assert_means("a<abcd1 abcd1", "", IDENT_SHOW, "a", "a");         /* exact at any length */
  assert_means("abcde#abcdf", "", IDENT_SHOW, "abcd", "abcde");    /* both are the same one */
  assert_means("xx#cartoon", "", IDENT_SHOW, "cart", "xx");
  assert_refused("abcd1 abcd2<abcd1", "", IDENT_SHOW, "abcd", ERR_INPUT, "abcd1, abcd2");
  assert_means("zbcd1", "", IDENT_SHOW, "z",
               "zbcd1"); /* what is completed is long, not what is typed */
  assert_refused("zbc", "", IDENT_SHOW, "zb", ERR_NOT_FOUND, "migctl history");
  assert_means("abcd1 abc", "", IDENT_SHOW, "ab", "abcd1"); /* abc is too short to be completed */
  assert_refused("abcd1 abcd2<abcd1 abcd3<abcd2 abcd4<abcd3 abcd5<abcd4 abcd6<abcd5 abcd7<abcd6",
                 "", IDENT_SHOW, "abcd", ERR_INPUT, "and 2 more");
}

static void test_not_found(void **state) {
  (void)state;
  assert_refused(line, "", IDENT_UPGRADE, "bata", ERR_NOT_FOUND, "did you mean beta?");
  assert_refused(line, "", IDENT_UPGRADE, "unheard.of", ERR_NOT_FOUND, "migctl history");
  assert_refused(line, "", IDENT_UPGRADE, "nope+1", ERR_NOT_FOUND, "no revision 'nope'");
}

static void test_malformed(void **state) {
  (void)state;
  static const char *const bad[] = {"",       "+",         "-",         "+1x",       "alpha1+",
                                    "a b",    "+-1",       "alpha1--1", "+1+1",      "\xC3\xA9",
                                    "+0",     "-0",        "alpha1+0",  "+1000000",  "alpha1 ",
                                    "base\n", "+ 1",       "@head",     "tip@",      "@",
                                    "a@b@c",  "tip@@head", "tip@+",     "ti p@head", "tip@head@"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_refused(line, "", IDENT_UPGRADE, bad[i], ERR_INPUT, "names no revision");
  char text[400];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_refused(line, "", IDENT_UPGRADE, text, ERR_INPUT, "names no revision");
  text[100] = '\0'; /* longer than an id */
  assert_refused(line, "", IDENT_UPGRADE, text, ERR_INPUT, "names no revision");
  assert_refused(line, "", IDENT_UPGRADE, "alpha1:beta", ERR_INPUT, "is a range");
}

static void test_several_heads(void **state) {
  (void)state;
  assert_refused("one two<one three<one", "", IDENT_UPGRADE, "head", ERR_INPUT, "three, two");
  assert_refused("one two<one three<one", "", IDENT_UPGRADE, "head", ERR_INPUT, "`heads`");
  assert_refused("one two<one three<one", "", IDENT_UPGRADE, "head-1", ERR_INPUT, "'head-1'");
  assert_refused("one two<one three<one", "", IDENT_UPGRADE, "heads-1", ERR_INPUT, "three, two");
  assert_means(line, "", IDENT_UPGRADE, "heads-1", "alpha2");
}

static void test_offsets(void **state) {
  (void)state;
  assert_means(line, "", IDENT_SHOW, "alpha1+2", "beta");
  assert_means(line, "", IDENT_SHOW, "beta-1", "alpha2");
  assert_means(line, "", IDENT_SHOW, "head-2", "alpha1");
  assert_means(line, "", IDENT_SHOW, "head-3", ""); /* down to base */
  assert_means(line, "", IDENT_SHOW, "base+1", "alpha1");
  assert_means(line, "", IDENT_DOWNGRADE, "alpha1+1", "alpha2"); /* legal, as in Alembic */
  assert_means(line, "", IDENT_UPGRADE, "tip-2", "alpha1");
}

static void test_offsets_refused(void **state) {
  (void)state;
  assert_refused(line, "", IDENT_SHOW, "head-4", ERR_INPUT, "only 3 revisions");
  assert_refused(line, "", IDENT_SHOW, "alpha2+2", ERR_INPUT, "only 1 revision that way");
  assert_refused(line, "", IDENT_SHOW, "base-1", ERR_INPUT, "only 0 revisions");
  assert_refused(forked, "", IDENT_SHOW, "two+1", ERR_INPUT, "two is followed by four, three");
  assert_refused(forked, "", IDENT_SHOW, "last-2", ERR_INPUT, "merge stands on four, three");
  assert_refused("one two", "", IDENT_SHOW, "base+1", ERR_INPUT, "base is followed by one, two");
}

static void test_from_rows(void **state) {
  (void)state;
  assert_means(line, "alpha1", IDENT_UPGRADE, "+1", "alpha2");
  assert_means(line, "", IDENT_UPGRADE, "+2", "alpha2");
  assert_means(line, "beta", IDENT_DOWNGRADE, "-2", "alpha1");
  assert_means(line, "beta", IDENT_DOWNGRADE, "-3", "");
  assert_refused(line, "beta", IDENT_DOWNGRADE, "-4", ERR_INPUT, "too far");
  assert_refused(line, "alpha1", IDENT_UPGRADE, "+3", ERR_INPUT, "too far");
  assert_refused(line, "alpha1", IDENT_UPGRADE, "-1", ERR_INPUT, "an upgrade goes up");
  assert_refused(line, "alpha1", IDENT_DOWNGRADE, "+1", ERR_INPUT, "a downgrade goes down");
  assert_means(line, "alpha1", IDENT_SHOW, "+1", "alpha2");
  assert_refused(line, "alpha1", IDENT_STAMP, "-1", ERR_INPUT, "no meaning here");
  assert_refused(forked, "three four", IDENT_UPGRADE, "+1", ERR_INPUT, "three, four");
  assert_refused(forked, "three four", IDENT_DOWNGRADE, "-1", ERR_INPUT, "2 revisions");
  assert_refused(line, "", IDENT_DOWNGRADE, "-1", ERR_INPUT, "only 0");
  assert_refused("one two", "", IDENT_UPGRADE, "+1", ERR_INPUT, "one, two");
}

static void assert_range_of(const char *spec, const char *rows, const char *text, const char *ids) {
  struct asked a;
  begin(&a, spec, rows ? rows : "");
  if (ident_range(&a.s.catalog, text, rows ? &a.current : NULL, &a.s.arena, &a.out, &a.e))
    fail_msg("'%s': %s", text, a.e.text);
  assert_string_equal(spec_ids(&a.s, &a.out), ids);
  spec_release(&a.s);
}

static void assert_range(const char *spec, const char *text, const char *ids) {
  assert_range_of(spec, NULL, text, ids);
}

static void assert_no_range_of(const char *spec, const char *rows, const char *text,
                               enum err_kind kind, const char *part) {
  struct asked a;
  begin(&a, spec, rows ? rows : "");
  assert_int_equal(
      ident_range(&a.s.catalog, text, rows ? &a.current : NULL, &a.s.arena, &a.out, &a.e), -1);
  assert_int_equal(a.e.kind, kind);
  assert_non_null(strstr(a.e.text, part));
  spec_release(&a.s);
}

static void assert_no_range(const char *spec, const char *text, enum err_kind kind,
                            const char *part) {
  assert_no_range_of(spec, NULL, text, kind, part);
}

static void test_ranges(void **state) {
  (void)state;
  assert_range(line, "alpha1:beta", "beta alpha2 alpha1");
  assert_range(line, "alpha2:", "beta alpha2");
  assert_range(line, ":alpha2", "alpha2 alpha1");
  assert_range(line, ":", "beta alpha2 alpha1");
  assert_range(line, "base:head-1", "alpha2 alpha1");
  assert_range(line, "beta:beta", "beta");
  assert_range(line, "base:base", "");
  assert_range(forked, "three:merge", "merge three");
  assert_range(forked, "two:last", "last merge three four two");
  assert_range("a b x<a|b", "b:x", "b"); /* a dependency is below, but no lineage of its own */
  assert_range("a b x<a|b", ":x", "x b a");
  assert_no_range(line, "alpha1", ERR_INPUT, "no range");
  assert_no_range(line, "a:b:c", ERR_INPUT, "no range");
  assert_no_range(line, "beta:alpha1", ERR_INPUT, "does not stand below");
  assert_no_range(forked, "three:four", ERR_INPUT, "does not stand below");
  assert_no_range(line, "nope:", ERR_NOT_FOUND, "no revision 'nope'");
}

/* Counts in a range: from the other end, else from what is current; never past an end. */
static void test_ranges_that_count(void **state) {
  (void)state;
  assert_range(line, "alpha1:+1", "alpha2 alpha1");
  assert_range(line, "-1:beta", "beta alpha2");
  assert_range(line, "-1:", "beta alpha2");
  assert_range(line, "-9:alpha2", "alpha2 alpha1");
  assert_range(line, "alpha2:+9", "beta alpha2");
  assert_range(line, "head-9:head+9", "beta alpha2 alpha1");
  assert_range_of(line, "alpha2", "current:", "beta alpha2");
  assert_range_of(line, "alpha2", ":current", "alpha2 alpha1");
  assert_range_of(line, "alpha2", "-1:current", "alpha2 alpha1"); /* not from the heads */
  assert_range_of(line, "alpha2", "-1:+1", "beta alpha2 alpha1");
  assert_range_of(line, "alpha1", "current:+1", "alpha2 alpha1");
  assert_range_of(line, "alpha1", "current+1:", "beta alpha2");
  assert_range_of(line, "", "current:+1", "alpha1"); /* at base */
  assert_no_range(line, "current:", ERR_INPUT, "known of a target only");
  assert_no_range(line, "+1:+1", ERR_INPUT, "no meaning here");
  assert_no_range(forked, "-1:heads@heads", ERR_NOT_FOUND, "no revision 'heads'");
  assert_no_range("one two<one three<one", "-1:", ERR_INPUT, "2 revisions are there to count from");
  assert_no_range_of(forked, "three four", "-1:+1", ERR_INPUT, "three, four");
}

/* Two bases; lib has a branch label, dock depends on it; core forks into two labelled branches. */
static const char branches[] = "core1 core2<core1 left1<core2#left left2<left1 right1<core2#right "
                               "right2<right1 lib1#library lib2<lib1 dock1|lib2#dock dock2<dock1";

static void test_branches(void **state) {
  (void)state;
  assert_means(branches, "", IDENT_UPGRADE, "left@head", "left2");
  assert_means(branches, "", IDENT_UPGRADE, "left1@head", "left2");
  assert_means(branches, "", IDENT_UPGRADE, "core2@heads", "left2 right2");
  assert_means(branches, "", IDENT_UPGRADE, "libr@head", "lib2"); /* the beginning of a label */
  assert_means(branches, "", IDENT_UPGRADE, "library@heads", "lib2");
  assert_means(branches, "", IDENT_UPGRADE, "left", "left1"); /* the one that declares it */
  assert_means(branches, "", IDENT_UPGRADE, "left@core1", "core1");
  assert_means(branches, "", IDENT_UPGRADE, "left@left", "left1");
  assert_means(branches, "", IDENT_DOWNGRADE, "left@base", "");
  assert_means(branches, "", IDENT_STAMP, "library@base", "");
  assert_means(branches, "", IDENT_UPGRADE, "heads", "dock2 left2 right2"); /* lib2 is implied */
  assert_refused(branches, "", IDENT_UPGRADE, "core1@head", ERR_INPUT, "left2, right2");
  assert_refused(branches, "", IDENT_UPGRADE, "core1@head", ERR_INPUT, "`core1@heads`");
  assert_refused(branches, "", IDENT_UPGRADE, "left@right", ERR_INPUT,
                 "right1 is not of the branch");
  assert_refused(branches, "", IDENT_UPGRADE, "dock@lib1", ERR_INPUT, "lib1 is not of the branch");
  assert_refused(branches, "", IDENT_UPGRADE, "nope@head", ERR_NOT_FOUND, "'nope'");
  assert_refused(branches, "", IDENT_UPGRADE, "head@head", ERR_NOT_FOUND, "'head'");
  assert_refused(branches, "", IDENT_UPGRADE, "core@head", ERR_INPUT, "core1, core2");
}

/* A prefix that two branches have is of the one that is named. */
static void test_prefixes_in_branches(void **state) {
  (void)state;
  static const char two[] = "base1#red abcd1<base1 base2#blue abcd2<base2";
  assert_means(two, "", IDENT_SHOW, "red@abcd", "abcd1");
  assert_means(two, "", IDENT_SHOW, "blue@a", "abcd2");
  assert_refused(two, "", IDENT_SHOW, "abcd", ERR_INPUT, "abcd1, abcd2");
  assert_refused(two, "", IDENT_SHOW, "red@abcd2", ERR_INPUT, "not of the branch");
  assert_refused(two, "", IDENT_SHOW, "red@x", ERR_NOT_FOUND, "'x'");
}

static void test_offsets_in_branches(void **state) {
  (void)state;
  assert_means(branches, "", IDENT_UPGRADE, "left@head-1", "left1");
  assert_means(branches, "", IDENT_UPGRADE, "left@base+3", "left1");
  assert_means(branches, "", IDENT_UPGRADE, "library@base+1", "lib1");
  assert_means(branches, "", IDENT_UPGRADE, "right@core2+2", "right2");
  assert_means(branches, "", IDENT_DOWNGRADE, "right@core2+1", "right1");
  assert_refused(branches, "", IDENT_UPGRADE, "core2+1", ERR_INPUT, "left1, right1");
  assert_refused(branches, "", IDENT_UPGRADE, "base+1", ERR_INPUT, "base is followed by");
  assert_refused(branches, "", IDENT_UPGRADE, "core1@base+3", ERR_INPUT, "left1, right1");
  assert_refused(branches, "", IDENT_UPGRADE, "core1@head-1", ERR_INPUT, "left2, right2");
}

static void test_from_rows_of_a_branch(void **state) {
  (void)state;
  assert_means(branches, "left1 right1", IDENT_UPGRADE, "left@+1", "left2");
  assert_means(branches, "left1 right1", IDENT_DOWNGRADE, "right@-1", "core2");
  assert_means(branches, "core2", IDENT_UPGRADE, "left@+1", "left1");
  assert_means(branches, "right2", IDENT_UPGRADE, "left@+1", "left1");   /* from the branch point */
  assert_means(branches, "right2", IDENT_UPGRADE, "library@+1", "lib1"); /* from the beginning */
  assert_means(branches, "dock1", IDENT_DOWNGRADE, "library@-1",
               "lib1"); /* applied without a row */
  assert_means(branches, "lib1 core1", IDENT_DOWNGRADE, "library@-1", "");
  assert_refused(branches, "core2", IDENT_DOWNGRADE, "library@-1", ERR_REFUSED, "nothing of the");
  assert_refused(branches, "left1 right1", IDENT_DOWNGRADE, "core1@-1", ERR_INPUT, "left1, right1");
  assert_refused(branches, "left1 right1", IDENT_UPGRADE, "core1@+1", ERR_INPUT, "left1, right1");
  assert_refused(branches, "left1", IDENT_UPGRADE, "left@-1", ERR_INPUT, "an upgrade goes up");
  assert_refused(branches, "left1", IDENT_STAMP, "left@-1", ERR_INPUT, "no meaning here");
  assert_refused(branches, "left1", IDENT_UPGRADE, "left@+2", ERR_INPUT,
                 "only 1 revision that way");
}

static void test_current(void **state) {
  (void)state;
  assert_means(branches, "left1 dock1", IDENT_SHOW, "current", "left1 dock1");
  assert_means(branches, "left1 dock1", IDENT_SHOW, "left@current", "left1");
  assert_means(branches, "left1 dock1", IDENT_SHOW, "dock@current-1", "");
  assert_means(branches, "left1", IDENT_SHOW, "-1", "core2");
  assert_refused(branches, "left1", IDENT_UPGRADE, "current", ERR_NOT_FOUND, "'current'");
}

static void test_ranges_of_branches(void **state) {
  (void)state;
  assert_range(branches, "left@base:", "left2 left1 core2 core1");
  assert_range(branches, "library@base:", "lib2 lib1");
  assert_range(branches, "dock@base:", "dock2 dock1 lib2 lib1"); /* what it depends on as well */
  assert_range(branches, "left@-1:", "left2 left1");
  assert_range(branches, "core2:left", "left1 core2");
  assert_range_of(branches, "left1 right2", "left@current:", "left2 left1");
}

static void test_relative(void **state) {
  (void)state;
  static const char *const yes[] = {"+1", "-2", "left@+1", "left@-3"};
  static const char *const no[] = {"head", "head-1", "left@head-1", "base+2", "", "+x", "a:+1"};
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
    assert_true(ident_is_relative(yes[i]));
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    assert_false(ident_is_relative(no[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_absolute),
      cmocka_unit_test(test_prefixes),
      cmocka_unit_test(test_not_found),
      cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_several_heads),
      cmocka_unit_test(test_offsets),
      cmocka_unit_test(test_offsets_refused),
      cmocka_unit_test(test_from_rows),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_ranges_that_count),
      cmocka_unit_test(test_branches),
      cmocka_unit_test(test_prefixes_in_branches),
      cmocka_unit_test(test_offsets_in_branches),
      cmocka_unit_test(test_from_rows_of_a_branch),
      cmocka_unit_test(test_current),
      cmocka_unit_test(test_ranges_of_branches),
      cmocka_unit_test(test_relative),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
