/* How branch labels spread. */
#include "server/catalog/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/catalog/spec.h"

static void assert_labels(const char *spec, const char *id, const char *labels) {
  struct spec s;
  spec_build(&s, spec);
  assert_int_equal(s.rc, 0);
  const struct label_list *all = labels_spread(&s.catalog, &s.arena);
  const struct label_list *l = &all[catalog_find(&s.catalog, id)];
  assert_string_equal(spec_words(&s, l->items, l->count), labels);
  spec_release(&s);
}

static void test_up(void **state) {
  (void)state;
  assert_labels("a b<a#red c<b d<c", "d", "red");
  assert_labels("a b<a#red c<b#blue d<c", "c", "blue red");
  assert_labels("a#x b<a#red c<a#blue d<b,c", "d", "red x blue");
  assert_labels("a#red b|a", "b", ""); /* not by dependencies */
}

static void test_down(void **state) {
  (void)state;
  assert_labels("a b<a c<b#red", "a", "red");
  assert_labels("a b<a c<b#red x<a", "b", "red");
  assert_labels("a b<a c<b#red x<a", "a", ""); /* a branch point */
  assert_labels("a b<a c<b#red x|a", "a", ""); /* by a dependency too */
  assert_labels("a b m<a,b#red", "m", "red");
  assert_labels("a b m<a,b#red", "a", "");     /* not through a merge */
  assert_labels("a b<a#red c<b d<b", "a", ""); /* declared at a branch point */
  assert_labels("a b<a#blue c<b#red", "a", "blue red");
}

/* A label in every revision of a long line: lists are cut, not squared. */
static void test_many(void **state) {
  (void)state;
  struct buf text BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < 5000; i++)
    buf_addf(&text, i ? "r%d<r%d#l%d " : "r%d#l%d ", i, i ? i - 1 : i, i);
  struct spec s;
  spec_build(&s, buf_str(&text));
  assert_int_equal(s.rc, 0);
  const struct label_list *all = labels_spread(&s.catalog, &s.arena);
  for (size_t i = 0; i < s.catalog.count; i++)
    assert_int_equal(all[i].count, LABELS_SHOWN);
  spec_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_up),
      cmocka_unit_test(test_down),
      cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
