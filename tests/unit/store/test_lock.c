/* Locks of targets in the store. */
#include "fixture.h"

#include "server/base/clock.h"
#include "server/store/lock.h"

#define HOUR INT64_C(3600000000)

static int64_t one_target(struct fixture *f) {
  put_catalog(f, "app", "a");
  return add_target(f, "shop-eu", "");
}

static struct target_lock by_run(int64_t run) {
  return (struct target_lock){
      .run = run, .holder = "ann", .reason = "upgrade to head", .since = INT64_C(1700000000000000)};
}

static struct target_lock by_hand(const char *who, int64_t expires) {
  return (struct target_lock){
      .holder = who, .reason = "vacuum", .since = INT64_C(1700000000000000), .expires = expires};
}

static void the_second_is_told_who_since_when_and_why(void **state) {
  struct fixture *f = *state;
  int64_t id = one_target(f), now = clock_wall_us();
  struct target_lock first = by_run(7), second = by_run(8), hand = by_hand("bob", 0);
  assert_ok(lock_acquire(f->db, id, &first, now, &f->e));
  assert_err(lock_acquire(f->db, id, &second, now, &f->e), ERR_LOCKED);
  assert_in(f->e.text, "shop-eu is locked by run 7 of ann since 2023-11-14 22:13:20 UTC: "
                       "upgrade to head");
  assert_in(f->e.hint, "run cancel 7");
  assert_string_equal(f->e.target, "shop-eu");
  assert_err(lock_acquire(f->db, id, &hand, now, &f->e), ERR_LOCKED);
  assert_ok(lock_acquire(f->db, id, &first, now, &f->e));
  assert_ok(lock_release_run(f->db, id, 8, &f->e));
  assert_err(lock_acquire(f->db, id, &second, now, &f->e), ERR_LOCKED);
  assert_ok(lock_release_run(f->db, id, 7, &f->e));
  assert_ok(lock_acquire(f->db, id, &second, now, &f->e));
  assert_err(lock_acquire(f->db, 99, &second, now, &f->e), ERR_NOT_FOUND);
}

static void an_expired_lock_is_replaced(void **state) {
  struct fixture *f = *state;
  int64_t id = one_target(f), now = clock_wall_us();
  struct target_lock hand = by_hand("bob", now + HOUR), run = by_run(7);
  assert_ok(lock_acquire(f->db, id, &hand, now, &f->e));
  assert_err(lock_acquire(f->db, id, &run, now + HOUR - 1, &f->e), ERR_LOCKED);
  assert_in(f->e.text, " until ");
  assert_ok(lock_acquire(f->db, id, &run, now + HOUR, &f->e));
  assert_err(lock_acquire(f->db, id, &hand, now + 10 * HOUR, &f->e), ERR_LOCKED);
}

static void releasing_by_hand(void **state) {
  struct fixture *f = *state;
  int64_t id = one_target(f), now = clock_wall_us();
  struct target_lock hand = by_hand("bob", 0), run = by_run(7);
  assert_err(lock_release(f->db, "shop-eu", "bob", true, &f->e), ERR_NOT_FOUND);
  assert_in(f->e.text, "not locked");
  assert_err(lock_release(f->db, "shop-ue", "bob", true, &f->e), ERR_NOT_FOUND);
  assert_string_equal(f->e.hint, "did you mean \"shop-eu\"?");
  assert_ok(lock_acquire(f->db, id, &hand, now, &f->e));
  assert_err(lock_release(f->db, "shop-eu", "ann", false, &f->e), ERR_DENIED);
  assert_ok(lock_release_run(f->db, id, 0, &f->e));
  assert_ok(lock_release(f->db, "shop-eu", "bob", false, &f->e));
  assert_ok(lock_acquire(f->db, id, &hand, now, &f->e));
  assert_ok(lock_release(f->db, "shop-eu", "ann", true, &f->e));
  assert_ok(lock_acquire(f->db, id, &run, now, &f->e));
  assert_err(lock_release(f->db, "shop-eu", "ann", true, &f->e), ERR_REFUSED);
  assert_err(lock_acquire(f->db, id, &hand, now, &f->e), ERR_LOCKED);
}

static void the_list_shows_what_is_held_now(void **state) {
  struct fixture *f = *state;
  struct held_lock *held;
  size_t count;
  int64_t a = one_target(f), b = add_target(f, "a", ""), c = add_target(f, "b", "");
  int64_t now = clock_wall_us();
  struct target_lock hand = by_hand("bob", now + HOUR), run = by_run(7), other = by_run(8);
  assert_ok(lock_acquire(f->db, a, &run, now, &f->e));
  assert_ok(lock_acquire(f->db, b, &hand, now, &f->e));
  assert_ok(lock_acquire(f->db, c, &other, now, &f->e));
  assert_ok(lock_list(f->db, now, &f->arena, &held, &count, &f->e));
  assert_int_equal(count, 3);
  assert_string_equal(held[0].target, "a");
  assert_string_equal(held[0].lock.reason, "vacuum");
  assert_int_equal(held[2].lock.run, 7);
  assert_ok(lock_list(f->db, now + HOUR, &f->arena, &held, &count, &f->e));
  assert_int_equal(count, 2);
  assert_ok(lock_release_all_runs(f->db, &f->e));
  assert_ok(lock_list(f->db, now, &f->arena, &held, &count, &f->e));
  assert_int_equal(count, 1);
  assert_string_equal(held[0].lock.holder, "bob");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_second_is_told_who_since_when_and_why),
      TEST(an_expired_lock_is_replaced),
      TEST(releasing_by_hand),
      TEST(the_list_shows_what_is_held_now),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
