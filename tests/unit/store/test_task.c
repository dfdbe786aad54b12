/* Tasks and what their targets show of them. */
#include "fixture.h"

static struct target read_target(struct fixture *f, const char *name) {
  struct target t = {0};
  assert_ok(target_get(f->db, name, &f->arena, &t, &f->e));
  return t;
}

static void a_task_comes_back_as_written(void **state) {
  struct fixture *f = *state;
  struct task task;
  const char *rows[] = {"r1", "x"};
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  int64_t run = add_run(f, &target, 1);
  assert_ok(task_get(f->db, run, target, &f->arena, &task, &f->e));
  assert_null(task.current);
  assert_null(task.error);
  task.state = TASK_RUNNING;
  task.epoch = 3;
  task.steps_done = 2;
  task.steps_total = 5;
  task.current = rows;
  task.current_count = 2;
  task.started_at = 50;
  assert_ok(task_update(f->db, &task, &f->e));
  assert_ok(task_get(f->db, run, target, &f->arena, &task, &f->e));
  assert_int_equal(task.state, TASK_RUNNING);
  assert_int_equal(task.epoch, 3);
  assert_int_equal(task.steps_done, 2);
  assert_int_equal(task.steps_total, 5);
  assert_int_equal(task.current_count, 2);
  assert_string_equal(task.current[1], "x");
  assert_int_equal(task.started_at, 50);
  assert_string_equal(task.target_name, "one");
  struct target t = read_target(f, "one");
  assert_int_equal(t.last_run, 0); /* still at work */
  assert_int_equal(t.seen_at, 0);
}

static void a_final_state_shows_on_the_target(void **state) {
  struct fixture *f = *state;
  const char *rows[] = {"r2"};
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  int64_t run = add_run(f, &target, 1);
  struct task task = {.run = run,
                      .target = target,
                      .state = TASK_FAILED,
                      .current = rows,
                      .current_count = 1,
                      .error = "pa\0ck",
                      .error_len = 5,
                      .started_at = 60,
                      .finished_at = 70};
  assert_ok(task_update(f->db, &task, &f->e));
  struct target t = read_target(f, "one");
  assert_int_equal(t.last_run, run);
  assert_int_equal(t.last_state, TASK_FAILED);
  assert_int_equal(t.last_error_len, 5);
  assert_memory_equal(t.last_error, "pa\0ck", 5);
  assert_string_equal(t.current[0], "r2");
  assert_int_equal(t.seen_at, 70);
  task = (struct task){
      .run = run, .target = target, .state = TASK_SUCCEEDED, .started_at = 80, .finished_at = 90};
  assert_ok(task_update(f->db, &task, &f->e));
  t = read_target(f, "one");
  assert_int_equal(t.last_state, TASK_SUCCEEDED);
  assert_null(t.last_error);
  assert_string_equal(t.current[0], "r2"); /* not seen anew */
  assert_int_equal(t.seen_at, 70);
}

static void lists_by_run_and_by_state(void **state) {
  struct fixture *f = *state;
  struct task *tasks;
  size_t count;
  put_catalog(f, "app", "a");
  int64_t targets[3] = {add_target(f, "c", ""), add_target(f, "a", ""), add_target(f, "b", "")};
  int64_t one = add_run(f, targets, 3), two = add_run(f, targets, 2);
  struct task done = {.run = one, .target = targets[1], .state = TASK_SUCCEEDED};
  struct task busy = {.run = two, .target = targets[0], .state = TASK_RUNNING};
  assert_ok(task_update(f->db, &done, &f->e));
  assert_ok(task_update(f->db, &busy, &f->e));
  assert_ok(task_list(f->db, one, 0, &f->arena, &tasks, &count, &f->e));
  assert_int_equal(count, 3);
  assert_string_equal(tasks[0].target_name, "a");
  assert_string_equal(tasks[2].target_name, "c");
  assert_ok(task_list(f->db, one, 1U << TASK_QUEUED, &f->arena, &tasks, &count, &f->e));
  assert_int_equal(count, 2);
  assert_ok(task_list(f->db, 0, 1U << TASK_SUCCEEDED | 1U << TASK_RUNNING, &f->arena, &tasks,
                      &count, &f->e));
  assert_int_equal(count, 2);
  assert_int_equal(tasks[0].run, one);
  assert_int_equal(tasks[1].run, two);
  assert_ok(task_list(f->db, 0, 0, &f->arena, &tasks, &count, &f->e));
  assert_int_equal(count, 5);
  assert_ok(task_list(f->db, 0, 1U << TASK_IN_DOUBT, &f->arena, &tasks, &count, &f->e));
  assert_int_equal(count, 0);
}

static void no_such_task(void **state) {
  struct fixture *f = *state;
  struct task task = {.run = 1, .target = 2, .state = TASK_RUNNING};
  assert_err(task_update(f->db, &task, &f->e), ERR_NOT_FOUND);
  assert_err(task_get(f->db, 1, 2, &f->arena, &task, &f->e), ERR_NOT_FOUND);
}

static void epochs_only_grow(void **state) {
  struct fixture *f = *state;
  int64_t epoch = 0;
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  for (int i = 1; i <= 3; i++) {
    assert_ok(target_next_epoch(f->db, target, &epoch, &f->e));
    assert_int_equal(epoch, i);
  }
  assert_int_equal(read_target(f, "one").epoch, 3);
  assert_err(target_next_epoch(f->db, 999, &epoch, &f->e), ERR_NOT_FOUND);
  assert_int_equal(epoch, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_task_comes_back_as_written),
      TEST(a_final_state_shows_on_the_target),
      TEST(lists_by_run_and_by_state),
      TEST(no_such_task),
      TEST(epochs_only_grow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
