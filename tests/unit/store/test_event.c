/* Events: numbered in order, replayed in portions, readable as what was sent. */
#include "fixture.h"

#include "migd/v1/runs.pb-c.h"

struct got {
  uint64_t seqs[64];
  size_t count, bytes, stop_after;
  char targets[64][8];
};

static int collect(void *ctx, uint64_t seq, const void *packed, size_t len) {
  struct got *got = ctx;
  Migd__V1__RunEvent *event = migd__v1__run_event__unpack(NULL, len, packed);
  assert_non_null(event);
  assert_int_equal(event->seq, seq);
  snprintf(got->targets[got->count], 8, "%s", event->target);
  got->seqs[got->count++] = seq;
  got->bytes += len;
  migd__v1__run_event__free_unpacked(event, NULL);
  return got->count == got->stop_after ? -1 : 0;
}

static void append(struct fixture *f, int64_t run, const char *target, uint64_t expected) {
  Migd__V1__RunEvent event;
  uint8_t packed[4096];
  uint64_t seq = 0;
  migd__v1__run_event__init(&event);
  event.target = arena_strdup(&f->arena, target);
  size_t len = migd__v1__run_event__pack(&event, packed);
  assert_ok(event_append(f->db, run, NULL, packed, len, &seq, &f->e));
  assert_int_equal(seq, expected);
}

static int64_t one_run(struct fixture *f) {
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  return add_run(f, &target, 1);
}

static void events_are_numbered_by_run(void **state) {
  struct fixture *f = *state;
  struct got got = {0};
  struct run run;
  int64_t a = one_run(f), target = 1, b = add_run(f, &target, 1);
  append(f, a, "a1", 1);
  append(f, b, "b1", 1);
  append(f, a, "a2", 2);
  append(f, a, "a3", 3);
  assert_ok(event_replay(f->db, a, 0, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 3);
  assert_string_equal(got.targets[2], "a3");
  memset(&got, 0, sizeof got);
  assert_ok(event_replay(f->db, a, 2, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 2);
  assert_int_equal(got.seqs[0], 2);
  assert_ok(run_get(f->db, a, &f->arena, &run, &f->e));
  assert_int_equal(run.next_seq, 4);
}

static void the_latest_takes_the_place_of_earlier_ones(void **state) {
  struct fixture *f = *state;
  struct got got = {0};
  static const char *const latest[] = {NULL, "a", "b", "a", NULL, "a"};
  int64_t run = one_run(f), target = 1, other = add_run(f, &target, 1);
  assert_ok(event_append(f->db, other, "a", "", 0, NULL, &f->e));
  for (size_t i = 0; i < sizeof latest / sizeof *latest; i++)
    assert_ok(event_append(f->db, run, latest[i], "", 0, NULL, &f->e));
  assert_ok(event_replay(f->db, run, 1, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 4);
  assert_int_equal(got.seqs[0], 1);
  assert_int_equal(got.seqs[1], 3);
  assert_int_equal(got.seqs[2], 5);
  assert_int_equal(got.seqs[3], 6);
  got = (struct got){0};
  assert_ok(event_replay(f->db, other, 1, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 1);
}

/* A seq of several bytes as a varint. */
static void large_numbers_are_packed_right(void **state) {
  struct fixture *f = *state;
  struct got got = {0};
  int64_t run = one_run(f);
  change(f, "UPDATE run SET next_seq = 127");
  append(f, run, "x", 127);
  append(f, run, "x", 128);
  change(f, "UPDATE run SET next_seq = 5000000000");
  append(f, run, "x", UINT64_C(5000000000));
  assert_ok(event_replay(f->db, run, 1, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 3);
  assert_ok(event_replay(f->db, run, UINT64_MAX, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 3);
}

static void portions_are_limited(void **state) {
  struct fixture *f = *state;
  struct got got = {0};
  int64_t run = one_run(f);
  for (uint64_t i = 1; i <= 10; i++)
    append(f, run, "x", i);
  assert_ok(event_replay(f->db, run, 3, 4, collect, &got, &f->e));
  assert_int_equal(got.count, 4);
  assert_int_equal(got.seqs[3], 6);
  got = (struct got){.stop_after = 2};
  assert_ok(event_replay(f->db, run, 1, 100, collect, &got, &f->e));
  assert_int_equal(got.count, 2);
  assert_int_equal(f->e.kind, ERR_NONE);
}

struct sizes {
  size_t count, bytes;
};

static int weigh(void *ctx, uint64_t seq, const void *packed, size_t len) {
  struct sizes *sizes = ctx;
  (void)seq, (void)packed;
  sizes->count++;
  sizes->bytes += len;
  return 0;
}

static void portions_are_limited_in_bytes_but_never_empty(void **state) {
  struct fixture *f = *state;
  struct sizes sizes = {0, 0};
  char *big = arena_alloc(&f->arena, 300 << 10);
  int64_t run = one_run(f);
  for (int i = 0; i < 10; i++)
    assert_ok(event_append(f->db, run, NULL, big, 64 << 10, NULL, &f->e));
  assert_ok(event_append(f->db, run, NULL, big, 300 << 10, NULL, &f->e));
  assert_ok(event_replay(f->db, run, 1, 100, weigh, &sizes, &f->e));
  assert_int_equal(sizes.count, 4);
  sizes.count = 0;
  assert_ok(event_replay(f->db, run, 11, 100, weigh, &sizes, &f->e));
  assert_int_equal(sizes.count, 1);
}

static void no_run_no_event(void **state) {
  struct fixture *f = *state;
  struct got got = {0};
  uint64_t seq = 7;
  assert_err(event_append(f->db, 99, NULL, "x", 1, &seq, &f->e), ERR_NOT_FOUND);
  assert_int_equal(seq, 7);
  assert_ok(event_replay(f->db, 99, 1, 10, collect, &got, &f->e));
  assert_int_equal(got.count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(events_are_numbered_by_run),
      TEST(the_latest_takes_the_place_of_earlier_ones),
      TEST(large_numbers_are_packed_right),
      TEST(portions_are_limited),
      TEST(portions_are_limited_in_bytes_but_never_empty),
      TEST(no_run_no_event),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
