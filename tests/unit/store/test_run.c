/* Runs: written once, however often they are asked for; counted by their tasks. */
#include "fixture.h"

static struct run asked(const char *request_id, const char *packed) {
  return (struct run){.request_id = request_id,
                      .principal = "ann",
                      .packed_request = packed,
                      .packed_request_len = strlen(packed)};
}

static void the_same_request_is_the_same_run(void **state) {
  struct fixture *f = *state;
  int64_t first = 0, again = 0;
  bool existed = true;
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  struct run run = asked("ci-17", "upgrade");
  assert_ok(run_insert(f->db, &run, &target, 1, &first, &existed, &f->e));
  assert_false(existed);
  assert_ok(run_insert(f->db, &run, &target, 1, &again, &existed, &f->e));
  assert_true(existed);
  assert_int_equal(again, first);
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM task"), 1);
  struct run different = asked("ci-17", "downgrad");
  again = 0;
  assert_err(run_insert(f->db, &different, &target, 1, &again, &existed, &f->e), ERR_EXISTS);
  assert_int_equal(again, 0);
  run.principal = "bob"; /* request ids are each principal's own */
  assert_ok(run_insert(f->db, &run, &target, 1, &again, &existed, &f->e));
  assert_false(existed);
  struct run unnamed = asked("", "upgrade");
  assert_ok(run_insert(f->db, &unnamed, &target, 1, &first, &existed, &f->e));
  assert_ok(run_insert(f->db, &unnamed, &target, 1, &again, &existed, &f->e));
  assert_int_not_equal(first, again);
}

static void a_run_comes_back(void **state) {
  struct fixture *f = *state;
  struct run run = asked("ci-17", "up\1grade"), back;
  bool existed;
  int64_t id = 0;
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  run.created_at = 1234567;
  assert_ok(run_insert(f->db, &run, &target, 1, &id, &existed, &f->e));
  assert_ok(run_get(f->db, id, &f->arena, &back, &f->e));
  assert_int_equal(back.id, id);
  assert_string_equal(back.request_id, "ci-17");
  assert_string_equal(back.principal, "ann");
  assert_int_equal(back.packed_request_len, 8);
  assert_memory_equal(back.packed_request, "up\1grade", 8);
  assert_int_equal(back.state, RUN_RUNNING);
  assert_int_equal(back.created_at, 1234567);
  assert_int_equal(back.finished_at, 0);
  assert_int_equal(back.next_seq, 1);
  assert_int_equal(back.total, 1);
  assert_int_equal(back.open, 1);
  assert_ok(run_set_state(f->db, id, RUN_FAILED, 99, &f->e));
  assert_ok(run_get(f->db, id, &f->arena, &back, &f->e));
  assert_int_equal(back.state, RUN_FAILED);
  assert_int_equal(back.finished_at, 99);
  assert_err(run_get(f->db, 999, &f->arena, &back, &f->e), ERR_NOT_FOUND);
  assert_err(run_set_state(f->db, 999, RUN_FAILED, 1, &f->e), ERR_NOT_FOUND);
}

static void tasks_keep_the_version_of_that_moment(void **state) {
  struct fixture *f = *state;
  struct bundle_info info;
  struct task task;
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  assert_ok(bundle_get(f->db, "app", &f->arena, &info, &f->e));
  int64_t run = add_run(f, &target, 1);
  put_catalog(f, "app", "b");
  assert_ok(task_get(f->db, run, target, &f->arena, &task, &f->e));
  assert_string_equal(task.digest, info.digest);
  assert_string_equal(task.catalog, "app");
  assert_int_equal(task.state, TASK_QUEUED);
}

static void a_run_needs_targets_that_exist(void **state) {
  struct fixture *f = *state;
  struct run run = asked("", "x");
  bool existed;
  int64_t id = 0, targets[2] = {1, 999};
  put_catalog(f, "app", "a");
  targets[0] = add_target(f, "one", "");
  assert_err(run_insert(f->db, &run, targets, 0, &id, &existed, &f->e), ERR_INPUT);
  assert_err(run_insert(f->db, &run, targets, 2, &id, &existed, &f->e), ERR_NOT_FOUND);
  assert_int_equal(id, 0);
}

static void counts_follow_the_tasks(void **state) {
  struct fixture *f = *state;
  static const enum task_state states[] = {TASK_QUEUED,    TASK_WAITING,    TASK_RUNNING,
                                           TASK_SUCCEEDED, TASK_FAILED,     TASK_IN_DOUBT,
                                           TASK_CANCELLED, TASK_INTERRUPTED};
  int64_t targets[8];
  struct run run;
  put_catalog(f, "app", "a");
  for (int i = 0; i < 8; i++)
    targets[i] = add_target(f, arena_printf(&f->arena, "t%d", i), "");
  int64_t id = add_run(f, targets, 8);
  for (int i = 0; i < 8; i++) {
    struct task task = {.run = id, .target = targets[i], .state = states[i]};
    assert_ok(task_update(f->db, &task, &f->e));
  }
  assert_ok(run_get(f->db, id, &f->arena, &run, &f->e));
  assert_int_equal(run.total, 8);
  assert_int_equal(run.open, 3);
  assert_int_equal(run.succeeded, 1);
  assert_int_equal(run.failed, 2);
  assert_int_equal(run.cancelled, 1);
  assert_int_equal(run.interrupted, 1);
}

static void lists_are_newest_first(void **state) {
  struct fixture *f = *state;
  struct run *runs;
  size_t count;
  put_catalog(f, "app", "a");
  int64_t both[2] = {add_target(f, "one", ""), add_target(f, "two", "")};
  int64_t first = add_run(f, both, 2), second = add_run(f, both, 1),
          third = add_run(f, both + 1, 1);
  assert_ok(run_set_state(f->db, second, RUN_SUCCEEDED, 5, &f->e));
  assert_ok(run_list(f->db, "", false, 10, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 3);
  assert_int_equal(runs[0].id, third);
  assert_int_equal(runs[2].id, first);
  assert_int_equal(runs[2].total, 2);
  assert_ok(run_list(f->db, "", false, 2, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 2);
  assert_ok(run_list(f->db, "", true, 10, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 2);
  assert_int_equal(runs[1].id, first);
  assert_ok(run_list(f->db, "one", false, 10, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 2);
  assert_int_equal(runs[0].id, second);
  assert_ok(run_list(f->db, "one", true, 10, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 1);
  assert_int_equal(runs[0].id, first);
  assert_ok(run_list(f->db, "none", false, 10, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_same_request_is_the_same_run),
      TEST(a_run_comes_back),
      TEST(tasks_keep_the_version_of_that_moment),
      TEST(a_run_needs_targets_that_exist),
      TEST(counts_follow_the_tasks),
      TEST(lists_are_newest_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
