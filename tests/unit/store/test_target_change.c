/* Adding, changing and removing targets, and what is refused. */
#include "fixture.h"

#include "server/store/lock.h"

static struct target read_target(struct fixture *f, const char *name) {
  struct target t = {0};
  assert_ok(target_get(f->db, name, &f->arena, &t, &f->e));
  return t;
}

static void bad_ones_are_not_added(void **state) {
  struct fixture *f = *state;
  struct label twice[] = {{"env", "a"}, {"env", "b"}}, odd[] = {{"Env", "a"}};
  int64_t id = 77;
  put_catalog(f, "app", "a");
  struct target t = {.name = "new", .url = "sqlite:/n", .catalog = "app", .dialect = 1};
  t.name = "no good";
  assert_err(target_add(f->db, &t, "sqlite:/n", &id, &f->e), ERR_INPUT);
  t.name = "new";
  t.labels = twice;
  t.label_count = 2;
  assert_err(target_add(f->db, &t, "sqlite:/n", &id, &f->e), ERR_INPUT);
  t.labels = odd;
  t.label_count = 1;
  assert_err(target_add(f->db, &t, "sqlite:/n", &id, &f->e), ERR_INPUT);
  t.label_count = 0;
  put_catalog(f, "billing", "b");
  t.catalog = "biling";
  assert_err(target_add(f->db, &t, "sqlite:/n", &id, &f->e), ERR_NOT_FOUND);
  assert_string_equal(f->e.hint, "did you mean \"billing\"?");
  assert_int_equal(id, 77);
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM target"), 0);
}

static void a_name_and_a_place_are_taken_once(void **state) {
  struct fixture *f = *state;
  int64_t id;
  put_catalog(f, "app", "a");
  add_target(f, "one", "");
  struct target t = {.name = "one", .url = "sqlite:/y", .catalog = "app", .dialect = 1};
  assert_err(target_add(f->db, &t, "sqlite:/y", &id, &f->e), ERR_EXISTS);
  t.name = "two";
  assert_err(target_add(f->db, &t, "sqlite:/x/one.db", &id, &f->e), ERR_EXISTS);
  assert_in(f->e.text, "\"one\"");
  assert_ok(target_add(f->db, &t, "sqlite:/y", &id, &f->e));
  t = read_target(f, "two");
  assert_err(target_update(f->db, &t, "sqlite:/x/one.db", &f->e), ERR_EXISTS);
  t.name = "one";
  assert_err(target_update(f->db, &t, "sqlite:/y", &f->e), ERR_EXISTS);
  t.name = "two";
  assert_ok(target_update(f->db, &t, "sqlite:/y", &f->e));
}

static void an_update_writes_what_it_says(void **state) {
  struct fixture *f = *state;
  struct label labels[] = {{"b", "2"}, {"a", "1"}};
  put_catalog(f, "app", "a");
  put_catalog(f, "other", "b");
  add_target(f, "one", "env=prod");
  struct target t = read_target(f, "one");
  int64_t id = t.id, added_at = t.added_at;
  t.name = "uno";
  t.url = "postgresql://u@h/d";
  t.dialect = DIALECT_POSTGRESQL;
  t.catalog = "other";
  t.labels = labels;
  t.label_count = 2;
  t.policy = (struct target_policy){1000, 2000, true, 3000, 4000};
  assert_ok(target_update(f->db, &t, "postgresql:h:5432/d", &f->e));
  t = read_target(f, "uno");
  assert_int_equal(t.id, id);
  assert_int_equal(t.added_at, added_at);
  assert_int_equal(t.dialect, DIALECT_POSTGRESQL);
  assert_string_equal(t.catalog, "other");
  assert_int_equal(t.label_count, 2);
  assert_string_equal(t.labels[0].key, "a");
  assert_int_equal(t.policy.lock_timeout_ms, 1000);
  assert_int_equal(t.policy.statement_timeout_ms, 2000);
  assert_int_equal(t.policy.idle_timeout_ms, 3000);
  assert_int_equal(t.policy.lock_retry_ms, 4000);
  assert_true(t.policy.allow_superuser);
  assert_err(target_get(f->db, "one", &f->arena, &t, &f->e), ERR_NOT_FOUND);
}

/* What was seen at one place says nothing about another; the epoch, which fences, stays. */
static void a_new_place_forgets_what_was_seen(void **state) {
  struct fixture *f = *state;
  int64_t epoch = 0;
  put_catalog(f, "app", "a");
  int64_t id = add_target(f, "one", "");
  assert_ok(target_seen(f->db, id, (const char *const[]){"r1"}, 1, 100, &f->e));
  assert_ok(target_next_epoch(f->db, id, &epoch, &f->e));
  struct target t = read_target(f, "one");
  assert_ok(target_update(f->db, &t, "sqlite:/x/one.db", &f->e));
  assert_int_equal(read_target(f, "one").seen_at, 100);
  assert_ok(target_update(f->db, &t, "sqlite:/moved", &f->e));
  t = read_target(f, "one");
  assert_int_equal(t.seen_at, 0);
  assert_null(t.current);
  assert_int_equal(t.epoch, 1);
}

static void a_removed_target_leaves_its_history_and_not_its_id(void **state) {
  struct fixture *f = *state;
  struct task task;
  struct run *runs;
  size_t count;
  put_catalog(f, "app", "a");
  int64_t id = add_target(f, "one", "env=prod");
  int64_t run = add_run(f, &id, 1);
  assert_ok(target_remove(f->db, "one", &f->e));
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM target_label"), 0);
  assert_ok(task_get(f->db, run, id, &f->arena, &task, &f->e));
  assert_string_equal(task.target_name, "one");
  assert_ok(run_list(f->db, "one", false, 10, &f->arena, &runs, &count, &f->e));
  assert_int_equal(count, 1);
  task.state = TASK_CANCELLED;
  assert_ok(task_update(f->db, &task, &f->e));
  assert_int_not_equal(add_target(f, "one", ""), id);
  assert_err(target_update(f->db,
                           &(struct target){.id = id, .name = "z", .url = "u", .catalog = "app"},
                           "p", &f->e),
             ERR_NOT_FOUND);
}

static void a_locked_target_stays(void **state) {
  struct fixture *f = *state;
  put_catalog(f, "app", "a");
  int64_t id = add_target(f, "one", "");
  struct target_lock lock = {.run = 4, .holder = "ann", .reason = "upgrade", .since = 1};
  assert_ok(lock_acquire(f->db, id, &lock, 1, &f->e));
  assert_err(target_remove(f->db, "one", &f->e), ERR_LOCKED);
  assert_ok(lock_release_run(f->db, id, 4, &f->e));
  assert_ok(target_remove(f->db, "one", &f->e));
  assert_err(target_remove(f->db, "one", &f->e), ERR_NOT_FOUND);
}

static void a_ca_is_kept_apart(void **state) {
  struct fixture *f = *state;
  const char *pem = "before";
  put_catalog(f, "app", "a");
  int64_t id = add_target(f, "one", "");
  assert_ok(target_ca_certificate(f->db, id, &f->arena, &pem, &f->e));
  assert_null(pem);
  assert_ok(target_set_ca_certificate(f->db, id, "a certificate", &f->e));
  assert_ok(target_ca_certificate(f->db, id, &f->arena, &pem, &f->e));
  assert_string_equal(pem, "a certificate");
  assert_ok(target_set_ca_certificate(f->db, id, "", &f->e));
  assert_ok(target_ca_certificate(f->db, id, &f->arena, &pem, &f->e));
  assert_null(pem);
  assert_err(target_set_ca_certificate(f->db, id + 1, "x", &f->e), ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(bad_ones_are_not_added),
      TEST(a_name_and_a_place_are_taken_once),
      TEST(an_update_writes_what_it_says),
      TEST(a_new_place_forgets_what_was_seen),
      TEST(a_removed_target_leaves_its_history_and_not_its_id),
      TEST(a_locked_target_stays),
      TEST(a_ca_is_kept_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
