/* The fleet in one screen, for 3 targets and for 3,000. */
#include "client/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STATE(name) MIGD__V1__TARGET_STATE__TARGET_STATE_##name

struct fixture {
  struct session s;
  Migd__V1__ListTargetsResponse fleet;
};

static int setup(void **state) {
  static struct fixture f;
  memset(&f, 0, sizeof f);
  arena_init(&f.s.arena, 0);
  migd__v1__list_targets_response__init(&f.fleet);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  free(f->fleet.targets);
  arena_release(&f->s.arena);
  return 0;
}

static Migd__V1__Target *add(struct fixture *f, Migd__V1__TargetState st, unsigned behind) {
  size_t n = f->fleet.n_targets++;
  Migd__V1__Target *t = ARENA_NEW(&f->s.arena, Migd__V1__Target);
  migd__v1__target__init(t);
  t->name = arena_printf(&f->s.arena, "t-%04zu", n);
  t->catalog = arena_strdup(&f->s.arena, "shop");
  t->state = st;
  t->behind = behind;
  f->fleet.targets = xrealloc(f->fleet.targets, (n + 1) * sizeof *f->fleet.targets);
  f->fleet.targets[n] = t;
  return t;
}

static size_t lines(const struct buf *b) {
  size_t n = 0;
  for (size_t i = 0; i < b->len; i++)
    n += b->s[i] == '\n';
  return n;
}

static void a_small_fleet_is_shown_whole(void **state) {
  struct fixture *f = *state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct fleet_view view = {.all = false};
  add(f, STATE(AT_HEAD), 0);
  add(f, STATE(BEHIND), 2);
  fleet_summary(&f->s, &b, &f->fleet);
  assert_string_equal(buf_str(&b), "2 targets: 1 behind, 1 at head\n");
  buf_clear(&b);
  fleet_table(&f->s, &b, &f->fleet, &view);
  assert_string_equal(buf_str(&b), "TARGET  CATALOG  STATE    BEHIND  SEEN\n"
                                   "t-0001  shop     behind        2  -\n"
                                   "t-0000  shop     at head          -\n");
}

static void a_large_fleet_fits_a_screen(void **state) {
  struct fixture *f = *state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct fleet_view view = {.lines = 19};
  Migd__V1__Error error = MIGD__V1__ERROR__INIT;
  char message[] = "t-0001: no such table";
  char target[] = "t-0001";
  error.message = message;
  error.target = target;
  add(f, STATE(AT_HEAD), 0);
  add(f, STATE(FAILING), 1)->last_error = &error;
  for (int i = 0; i < 2000; i++)
    add(f, STATE(BEHIND), 1);
  for (int i = 0; i < 998; i++)
    add(f, STATE(AT_HEAD), 0);
  fleet_summary(&f->s, &b, &f->fleet);
  assert_string_equal(buf_str(&b), "3,000 targets: 1 failing, 2,000 behind, 999 at head\n");
  buf_clear(&b);
  fleet_table(&f->s, &b, &f->fleet, &view);
  assert_int_equal(lines(&b), 3);
  assert_non_null(strstr(buf_str(&b), "t-0001"));
  assert_non_null(strstr(buf_str(&b), "  no such table\n"));
  assert_non_null(strstr(buf_str(&b), "t-0002, t-0003, t-0004, 1,997 more"));
  view.all = true;
  view.lines = 0;
  buf_clear(&b);
  fleet_table(&f->s, &b, &f->fleet, &view);
  assert_int_equal(lines(&b), 3001);
}

static void what_does_not_fit_is_counted(void **state) {
  struct fixture *f = *state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct fleet_view view = {.lines = 10};
  for (unsigned i = 0; i < 100; i++)
    add(f, STATE(BEHIND), i + 1);
  fleet_table(&f->s, &b, &f->fleet, &view);
  assert_int_equal(lines(&b), 12);
  assert_non_null(strstr(buf_str(&b), "and 90 more: "));
  assert_non_null(strstr(buf_str(&b), "t-0099")); /* the one that is most behind comes first */
  assert_null(strstr(buf_str(&b), "t-0000"));
}

static void locked_targets_are_shown_though_at_head(void **state) {
  struct fixture *f = *state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct fleet_view view = {.lines = 10};
  Migd__V1__Lock lock = MIGD__V1__LOCK__INIT;
  char bob[] = "bob", why[] = "disks";
  lock.holder = bob;
  lock.reason = why;
  for (unsigned i = 0; i < 30; i++)
    add(f, STATE(AT_HEAD), 0);
  f->fleet.targets[7]->lock = &lock;
  assert_true(fleet_at_head(&f->fleet));
  fleet_table(&f->s, &b, &f->fleet, &view);
  assert_int_equal(lines(&b), 2);
  assert_non_null(strstr(buf_str(&b), "locked by bob: disks"));
  add(f, STATE(NEVER_SEEN), 0);
  assert_false(fleet_at_head(&f->fleet));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_small_fleet_is_shown_whole, setup, teardown),
      cmocka_unit_test_setup_teardown(a_large_fleet_fits_a_screen, setup, teardown),
      cmocka_unit_test_setup_teardown(what_does_not_fit_is_counted, setup, teardown),
      cmocka_unit_test_setup_teardown(locked_targets_are_shown_though_at_head, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
