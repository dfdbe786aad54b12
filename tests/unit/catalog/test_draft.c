/* Drafts: what a new revision stands on, and its file. */
#include "server/catalog/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/catalog/spec.h"

static const char line[] = "aaa1 bbb2<aaa1";
static const char forked[] = "aaa1 bbb2<aaa1#left ccc3<aaa1";

struct drafted {
  struct spec s;
  struct draft_request q;
  const char *heads[8], *deps[8], *labels[8];
  struct draft draft;
  struct err e;
  int rc;
};

/* `spec` NULL: an empty folder. */
static void begin(struct drafted *d, const char *spec, const char *heads) {
  memset(d, 0, sizeof *d);
  spec_build(&d->s, spec ? spec : "x");
  assert_int_equal(d->s.rc, 0);
  d->q = (struct draft_request){.heads = d->heads,
                                .head_count = spec_cut(&d->s, heads, d->heads),
                                .labels = d->labels,
                                .depends_on = d->deps,
                                .id = "new1",
                                .message = ""};
}

static void make(struct drafted *d, const char *spec) {
  d->rc = draft_make(spec ? &d->s.catalog : NULL, &d->q, &d->s.arena, &d->draft, &d->e);
}

static void assert_parents(const char *spec, const char *heads, const char *parents) {
  struct drafted d;
  begin(&d, spec, heads);
  make(&d, spec);
  if (d.rc)
    fail_msg("%s: %s", heads, d.e.text);
  assert_string_equal(spec_words(&d.s, d.draft.revision.parents, d.draft.revision.parent_count),
                      parents);
  spec_release(&d.s);
}

static void assert_refused(const char *spec, const char *heads, enum err_kind kind,
                           const char *part) {
  struct drafted d;
  begin(&d, spec, heads);
  make(&d, spec);
  assert_int_equal(d.rc, -1);
  assert_int_equal(d.e.kind, kind);
  if (!strstr(d.e.text, part) && !strstr(d.e.hint, part))
    fail_msg("'%s' (%s) does not say '%s'", d.e.text, d.e.hint, part);
  spec_release(&d.s);
}

static void test_parents(void **state) {
  (void)state;
  assert_parents(line, "", "bbb2");
  assert_parents(line, "base", "");
  assert_parents(NULL, "", "");
  assert_parents(NULL, "base", "");
  assert_parents(forked, "ccc", "ccc3");
  assert_parents(forked, "left@head", "bbb2");
  assert_parents(forked, "bbb2 ccc3", "bbb2 ccc3");
  assert_parents("aaa1 bbb2|aaa1", "heads", "aaa1 bbb2"); /* an effective head too */
  assert_refused(forked, "", ERR_INPUT, "2 heads: bbb2, ccc3");
  assert_refused(line, "aaa1", ERR_INPUT, "bbb2 follows it");
  assert_refused(line, "aaa1", ERR_INPUT, "--splice");
  assert_refused(forked, "bbb2 left", ERR_INPUT, "bbb2 is named twice");
  assert_refused(line, "base bbb2", ERR_INPUT, "goes with no other");
  assert_refused(line, "gone", ERR_NOT_FOUND, "gone");
  assert_refused(NULL, "head", ERR_NOT_FOUND, "no revisions yet");
}

static void test_splice(void **state) {
  (void)state;
  struct drafted d;
  begin(&d, line, "aaa1");
  d.q.splice = true;
  make(&d, line);
  assert_int_equal(d.rc, 0);
  assert_string_equal(d.draft.revision.parents[0], "aaa1");
  spec_release(&d.s);
}

static void test_merge(void **state) {
  (void)state;
  struct drafted d;
  begin(&d, forked, "heads");
  d.q.merge = true;
  make(&d, forked);
  assert_int_equal(d.rc, 0);
  assert_string_equal(d.draft.file, "new1_merge.sql");
  assert_non_null(strstr(d.draft.content, "-- migd:parent bbb2, ccc3\n"));
  spec_release(&d.s);
  begin(&d, line, "heads");
  d.q.merge = true;
  make(&d, line);
  assert_int_equal(d.e.kind, ERR_INPUT);
  spec_release(&d.s);
}

static void test_names(void **state) {
  (void)state;
  static const char *const taken[] = {"bbb2", "left"}, *const bad[] = {"", "a-b", "a@b", "a b"};
  struct drafted d;
  for (size_t i = 0; i < 2; i++) {
    begin(&d, forked, "left");
    d.q.id = taken[i];
    make(&d, forked);
    assert_int_equal(d.e.kind, ERR_EXISTS);
    d.q.id = "new1";
    d.labels[0] = taken[i];
    d.q.label_count = 1;
    make(&d, forked);
    assert_int_equal(d.e.kind, ERR_EXISTS);
    spec_release(&d.s);
  }
  for (size_t i = 0; i < 4; i++) {
    begin(&d, line, "");
    d.q.id = bad[i];
    make(&d, line);
    assert_int_equal(d.e.kind, ERR_INPUT);
    spec_release(&d.s);
  }
  begin(&d, line, "");
  d.q.id = "head"; /* a word of the grammar */
  make(&d, line);
  assert_int_equal(d.e.kind, ERR_INPUT);
  spec_release(&d.s);
}

static void test_file(void **state) {
  (void)state;
  struct drafted d;
  begin(&d, forked, "ccc3");
  d.q.message = "Add \xC3\xA9t\xC3\xA9 / columns!";
  d.deps[0] = "left";
  d.deps[1] = "aaa";
  d.q.depends_on_count = 2;
  d.labels[0] = "summer";
  d.q.label_count = 1;
  d.q.up = "SELECT 1;";
  d.q.up_len = 9;
  make(&d, forked);
  assert_int_equal(d.rc, 0);
  assert_string_equal(d.draft.file, "new1_add_t_columns.sql");
  assert_string_equal(d.draft.content, "-- migd:revision new1\n-- migd:parent ccc3\n"
                                       "-- migd:depends-on left, aaa1\n-- migd:label summer\n"
                                       "-- migd:message Add \xC3\xA9t\xC3\xA9 / columns!\n"
                                       "\n-- migd:up\nSELECT 1;\n");
  assert_false(d.draft.revision.has_down);
  spec_release(&d.s);
}

/* What is given may not break out of its place. */
static void test_hostile(void **state) {
  (void)state;
  struct drafted d;
  begin(&d, line, "");
  d.q.message = "x\n-- migd:parent base";
  make(&d, line);
  assert_int_equal(d.e.kind, ERR_INPUT);
  d.q.message = "";
  d.q.up = "-- migd:revision other\n";
  d.q.up_len = strlen(d.q.up);
  make(&d, line);
  assert_int_equal(d.e.kind, ERR_INPUT);
  assert_string_equal(d.e.file, "new1_revision.sql");
  spec_release(&d.s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parents), cmocka_unit_test(test_splice), cmocka_unit_test(test_merge),
      cmocka_unit_test(test_names),   cmocka_unit_test(test_file),   cmocka_unit_test(test_hostile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
