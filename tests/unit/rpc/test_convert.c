/* From structs to messages and back: times, durations, selections, ids. */
#include "fixture.h"

#include "proto/rpc/status.h"

static int arena_setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof *f);
  arena_init(&f->arena, 0);
  *state = f;
  return 0;
}

static int arena_teardown(void **state) {
  struct fixture *f = *state;
  arena_release(&f->arena);
  free(f);
  return 0;
}

static void times_keep_their_microseconds(void **state) {
  struct fixture *f = *state;
  assert_null(proto_time(&f->arena, 0));
  const Google__Protobuf__Timestamp *t = proto_time(&f->arena, INT64_C(1700000000123456));
  assert_int_equal(t->seconds, 1700000000);
  assert_int_equal(t->nanos, 123456000);
  t = proto_time(&f->arena, -1);
  assert_int_equal(t->seconds, -1);
  assert_int_equal(t->nanos, 999999000);
}

static void durations_are_checked(void **state) {
  struct fixture *f = *state;
  static const struct {
    int64_t seconds;
    int32_t nanos;
    int64_t ns; /* -1: refused */
  } cases[] = {
      {0, 0, 0},
      {1, 0, NS_PER_S},
      {0, 1, 1},
      {5, 999999999, 5999999999},
      {-1, 0, -1},
      {0, -1, -1},
      {0, 1000000000, -1},
      {316224000, 0, 316224000 * NS_PER_S},
      {316224001, 0, -1},
      {INT64_MAX, 0, -1},
      {INT64_MIN, INT32_MIN, -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
    int64_t ns = 77;
    d.seconds = cases[i].seconds;
    d.nanos = cases[i].nanos;
    int rc = duration_ns(&d, "wait", &ns, &f->e);
    assert_int_equal(rc, cases[i].ns < 0 ? -1 : 0);
    assert_int_equal(ns, cases[i].ns < 0 ? 77 : cases[i].ns);
  }
  int64_t ms = 77;
  Google__Protobuf__Duration tiny = GOOGLE__PROTOBUF__DURATION__INIT;
  assert_ok(duration_ms(NULL, "wait", &ms, &f->e));
  assert_int_equal(ms, 0);
  tiny.nanos = 1;
  assert_ok(duration_ms(&tiny, "wait", &ms, &f->e));
  assert_int_equal(ms, 1); /* 0 would mean the default */
}

static void a_selection_is_one_way(void **state) {
  struct fixture *f = *state;
  char name[] = "eu", *names[] = {name};
  static char selector[] = "a=b";
  for (unsigned ways = 0; ways < 8; ways++) {
    Migd__V1__TargetSelection s = MIGD__V1__TARGET_SELECTION__INIT;
    struct target_query q = {0};
    s.names = names;
    s.n_names = (ways & 1) != 0;
    if (ways & 2)
      s.selector = selector;
    s.all = (ways & 4) != 0;
    bool one = ways == 1 || ways == 2 || ways == 4;
    assert_int_equal(selection_query(&s, &q, &f->e), one ? 0 : -1);
    if (one) {
      assert_int_equal(q.name_count, ways == 1);
      assert_int_equal(q.all, ways == 4);
      assert_int_equal(strcmp(q.selector, selector) == 0, ways == 2);
    } else
      assert_int_equal(f->e.kind, ERR_INPUT);
  }
  struct target_query q;
  assert_int_equal(selection_query(NULL, &q, &f->e), -1);
}

static void an_error_survives_being_stored(void **state) {
  struct fixture *f = *state;
  struct err e;
  err_set(&e, ERR_MIGRATION, "relation does not exist");
  err_copy(e.revision, sizeof e.revision, "r2", 2);
  e.line = 14;
  const Migd__V1__Error *m = rpc_error_message(&f->arena, &e);
  size_t len = migd__v1__error__get_packed_size(m);
  uint8_t *packed = arena_alloc(&f->arena, len);
  migd__v1__error__pack(m, packed);
  const Migd__V1__Error *back = proto_error(&f->arena, packed, len);
  assert_string_equal(back->message, "relation does not exist");
  assert_string_equal(back->revision, "r2");
  assert_int_equal(back->line, 14);
  assert_null(proto_error(&f->arena, NULL, 0));
  assert_null(proto_error(&f->arena, "\xff\xff", 2));
}

static void what_is_absent_is_empty(void **state) {
  struct fixture *f = *state;
  const struct target none = {.name = "eu", .url = "", .catalog = "", .dialect = DIALECT_SQLITE};
  const Migd__V1__Target *m = proto_target(&f->arena, &none);
  assert_null(m->seen_at);
  assert_null(m->lock);
  assert_null(m->last_error);
  assert_string_equal(m->last_run, "");
  assert_null(m->policy->lock_timeout);
  const struct target_lock lock = {.holder = "ann", .reason = "x", .since = 1};
  const Migd__V1__Lock *l = proto_lock(&f->arena, "eu", &lock);
  assert_string_equal(l->run, "");
  assert_null(l->expires);
}

#define IN_ARENA(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_ARENA(times_keep_their_microseconds), IN_ARENA(durations_are_checked),
      IN_ARENA(a_selection_is_one_way),        IN_ARENA(an_error_survives_being_stored),
      IN_ARENA(what_is_absent_is_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
