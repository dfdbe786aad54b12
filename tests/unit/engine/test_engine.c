/* Runs over a real store and real SQLite files: side by side, waiting for locks, cancelled, cut off
 * and resumed. Waits for the board's publications, never for time.
 */
#include "server/engine/engine.h"

#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migd/v1/runs.pb-c.h"
#include "proto/base/temporary.h"
#include "server/base/clock.h"
#include "server/engine/selfstore.h"
#include "server/store/bundle.h"
#include "server/store/lock.h"

#define TARGETS 12

static const char *const files[][2] = {
    {"r1_first.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                     "CREATE TABLE a (id INTEGER PRIMARY KEY);\n-- migd:down\nDROP TABLE a;\n"},
    {"r2_second.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                      "CREATE TABLE b (id INTEGER PRIMARY KEY);\n-- migd:down\nDROP TABLE b;\n"},
    {"r3_third.sql", "-- migd:revision r3\n-- migd:parent r2\n\n-- migd:up\n"
                     "CREATE TABLE c (id INTEGER PRIMARY KEY);\n-- migd:down\nDROP TABLE c;\n"},
};

struct fixture {
  char dir[64];
  struct arena arena;
  struct keyring *keys;
  struct mailbox *mailbox;
  struct store *store;
  struct engine *engine;
  const char *roots[2];
};

static void on_published(void *ctx, int64_t run, uint64_t seq) {
  board_publish(ctx, run, seq);
}

static void ignore_publication(void *loop, int64_t run, uint64_t seq) {
  (void)loop, (void)run, (void)seq;
}

#define ok(call)                                                                                   \
  do {                                                                                             \
    if (call)                                                                                      \
      fail_msg("%s: %s", #call, e.text);                                                           \
  } while (0)

static int put_catalog(struct db *db, void *ctx, struct err *e) {
  struct fixture *f = ctx;
  struct catalog_file list[3];
  struct catalog c;
  struct problems problems = {.arena = &f->arena};
  for (size_t i = 0; i < 3; i++)
    list[i] = (struct catalog_file){files[i][0], files[i][1], strlen(files[i][1])};
  assert_int_equal(catalog_build(&c, list, 3, &f->arena, &problems), 0);
  return bundle_put(db, "shop", "", &c, list, 3, "tester", e);
}

static int put_targets(struct db *db, void *ctx, struct err *e) {
  struct fixture *f = ctx;
  for (int i = 0; i < TARGETS; i++) {
    char name[32], url[160];
    struct db_url parsed;
    int64_t id;
    snprintf(name, sizeof name, "t%02d", i);
    snprintf(url, sizeof url, "sqlite:%s/%s.db", f->dir, name);
    struct target t = {.name = name,
                       .url = url,
                       .catalog = "shop",
                       .dialect = DIALECT_SQLITE,
                       .added_at = clock_wall_us()};
    if (db_url_parse(url, &parsed, e) || target_add(db, &t, parsed.place, &id, e))
      return -1;
    struct db_options options = {.url = &parsed, .create = true};
    struct db *made;
    if (db_open(&made, &options, NULL, e))
      return -1;
    db_close(made);
  }
  return 0;
}

/* What main does, without the network. */
static void start(struct fixture *f) {
  struct err e;
  char path[100];
  snprintf(path, sizeof path, "%s/store.db", f->dir);
  ok(selfstore_migrate(path, 1, NULL, NULL, &e));
  ok(mailbox_new(&f->mailbox, &e));
  board_listen(f->mailbox, ignore_publication);
  struct store_options store = {
      .path = path, .readers = 4, .published = on_published, .published_ctx = f->mailbox};
  ok(store_open(&f->store, &store, &e));
  f->roots[0] = f->dir;
  struct engine_options engine = {.store = f->store,
                                  .keys = f->keys,
                                  .mailbox = f->mailbox,
                                  .parallel = 4,
                                  .sqlite_roots = f->roots};
  ok(engine_new(&f->engine, &engine, &e));
  ok(engine_recover(f->engine, &e));
}

static void stop(struct fixture *f) {
  engine_free(f->engine);
  store_close(f->store);
  mailbox_free(f->mailbox);
}

static void begin(struct fixture *f) {
  struct err e;
  char key[100];
  memset(f, 0, sizeof *f);
  snprintf(f->dir, sizeof f->dir, "/tmp/migd-engine-" TEMPORARY);
  assert_non_null(mkdtemp(f->dir));
  arena_init(&f->arena, 0);
  snprintf(key, sizeof key, "%s/key", f->dir);
  ok(keyring_create(key, &e));
  ok(keyring_load(&f->keys, key, NULL, &e));
  start(f);
  ok(store_write(f->store, put_catalog, f, &e));
  ok(store_write(f->store, put_targets, f, &e));
}

static void end(struct fixture *f) {
  char command[160];
  stop(f);
  keyring_free(f->keys);
  arena_release(&f->arena);
  snprintf(command, sizeof command, "rm -rf %s", f->dir);
  assert_int_equal(system(command), 0);
}

static int64_t run(struct fixture *f, enum operation operation, const char *revision,
                   const char *target, int64_t wait_ns, const char *request_id, struct err *e) {
  Migd__V1__StartRunRequest request = MIGD__V1__START_RUN_REQUEST__INIT;
  char *revisions[] = {(char *)(uintptr_t)revision};
  request.operation = (Migd__V1__Operation)operation;
  request.revisions = revisions;
  request.n_revisions = 1;
  uint8_t packed[512];
  size_t len = migd__v1__start_run_request__pack(&request, packed);
  const char *names[] = {target};
  struct run_request r = {
      .request_id = request_id,
      .principal = "tester",
      .operation = operation,
      .targets = {.names = names,
                  .name_count = target ? 1 : 0,
                  .all = !target,
                  .selector = "",
                  .catalog = ""},
      .revisions = (const char *const *)revisions,
      .revision_count = 1,
      .wait_ns = wait_ns,
      .packed = packed,
      .packed_len = len,
  };
  int64_t id = 0;
  return engine_run_start(f->engine, &r, &f->arena, &id, e) ? -1 : id;
}

static struct run get(struct fixture *f, int64_t id) {
  struct err e;
  struct run out;
  struct db *db = store_reader(f->store, &e);
  assert_non_null(db);
  ok(run_get(db, id, &f->arena, &out, &e));
  store_reader_done(f->store, db);
  return out;
}

static struct task task_of(struct fixture *f, int64_t run_id, size_t index) {
  struct err e;
  struct task *tasks;
  size_t count;
  struct db *db = store_reader(f->store, &e);
  assert_non_null(db);
  ok(task_list(db, run_id, 0, &f->arena, &tasks, &count, &e));
  store_reader_done(f->store, db);
  assert_true(index < count);
  return tasks[index];
}

/* Until the run has no open task: each look follows a publication. */
static struct run wait_over(struct fixture *f, int64_t id) {
  for (;;) {
    struct run r = get(f, id);
    if (r.finished_at)
      return r;
    struct pollfd p = {.fd = mailbox_fd(f->mailbox), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 30000), 1);
    mailbox_deliver(f->mailbox, NULL);
  }
}

static void test_all_targets(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  int64_t id = run(&f, OP_UPGRADE, "head", NULL, 0, "one", &e);
  struct run r = wait_over(&f, id);
  assert_int_equal(r.state, RUN_SUCCEEDED);
  assert_int_equal(r.total, TARGETS);
  assert_int_equal(r.succeeded, TARGETS);
  for (size_t i = 0; i < TARGETS; i++) {
    struct task t = task_of(&f, id, i);
    assert_int_equal(t.steps_done, 3);
    assert_int_equal(t.current_count, 1);
    assert_string_equal(t.current[0], "r3");
  }
  /* The same request again is the same run; another one under its name is refused. */
  assert_int_equal(run(&f, OP_UPGRADE, "head", NULL, 0, "one", &e), id);
  assert_int_equal(run(&f, OP_DOWNGRADE, "base", NULL, 0, "one", &e), -1);
  assert_int_equal(e.kind, ERR_EXISTS);
  end(&f);
}

static void test_bad_requests_write_nothing(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  assert_int_equal(run(&f, OP_UPGRADE, "nowhere", NULL, 0, "", &e), -1);
  assert_int_equal(e.kind, ERR_NOT_FOUND);
  assert_int_equal(run(&f, OP_UPGRADE, "head", "t99", 0, "", &e), -1);
  assert_int_equal(e.kind, ERR_NOT_FOUND);
  struct run *runs;
  size_t count;
  struct db *db = store_reader(f.store, &e);
  ok(run_list(db, "", false, 10, &f.arena, &runs, &count, &e));
  store_reader_done(f.store, db);
  assert_int_equal(count, 0);
  end(&f);
}

static int take_lock(struct db *db, void *ctx, struct err *e) {
  struct target_lock lock = {.holder = "ann", .reason = "moving disks", .since = clock_wall_us()};
  return lock_acquire(db, *(int64_t *)ctx, &lock, clock_wall_us(), e);
}

static int free_lock(struct db *db, void *ctx, struct err *e) {
  (void)ctx;
  return lock_release(db, "t00", "ann", false, e);
}

static int64_t target_id(struct fixture *f, const char *name) {
  struct err e;
  struct target t;
  struct db *db = store_reader(f->store, &e);
  ok(target_get(db, name, &f->arena, &t, &e));
  store_reader_done(f->store, db);
  return t.id;
}

static void test_a_locked_target(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  int64_t target = target_id(&f, "t00");
  ok(store_write(f.store, take_lock, &target, &e));
  int64_t id = run(&f, OP_UPGRADE, "head", "t00", 0, "", &e);
  assert_int_equal(wait_over(&f, id).state, RUN_FAILED);
  assert_int_equal(task_of(&f, id, 0).steps_done, 0);
  /* With time to wait it gets its turn when the lock is given back. */
  id = run(&f, OP_UPGRADE, "head", "t00", 3600 * NS_PER_S, "", &e);
  while (task_of(&f, id, 0).state != TASK_WAITING) {
    struct pollfd p = {.fd = mailbox_fd(f.mailbox), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 30000), 1);
    mailbox_deliver(f.mailbox, NULL);
  }
  ok(store_write(f.store, free_lock, &target, &e));
  engine_unlocked(f.engine, target);
  assert_int_equal(wait_over(&f, id).state, RUN_SUCCEEDED);
  end(&f);
}

static void test_cancel_while_waiting(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  int64_t target = target_id(&f, "t00");
  ok(store_write(f.store, take_lock, &target, &e));
  int64_t id = run(&f, OP_UPGRADE, "head", "t00", 3600 * NS_PER_S, "", &e);
  ok(engine_run_cancel(f.engine, id, &e));
  assert_int_equal(wait_over(&f, id).state, RUN_CANCELLED);
  assert_int_equal(engine_run_cancel(f.engine, id, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  ok(store_write(f.store, free_lock, &target, &e));
  ok(engine_run_resume(f.engine, id, DOUBT_NONE, "tester", &e));
  assert_int_equal(wait_over(&f, id).state, RUN_SUCCEEDED);
  end(&f);
}

/* The server stops while a task waits: it is interrupted, and resumed after the next start. A
 * relative request leads where it led the first time. */
static void test_stopped_and_resumed(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  int64_t target = target_id(&f, "t00");
  ok(store_write(f.store, take_lock, &target, &e));
  int64_t waits = run(&f, OP_UPGRADE, "+2", "t00", 3600 * NS_PER_S, "", &e);
  int64_t done = run(&f, OP_UPGRADE, "+2", "t01", 0, "", &e);
  assert_int_equal(wait_over(&f, done).state, RUN_SUCCEEDED);
  assert_string_equal(task_of(&f, done, 0).goal, "r2");
  stop(&f);
  start(&f);
  assert_int_equal(get(&f, waits).state, RUN_INTERRUPTED);
  assert_int_equal(task_of(&f, waits, 0).state, TASK_INTERRUPTED);
  ok(store_write(f.store, free_lock, &target, &e));
  ok(engine_run_resume(f.engine, waits, DOUBT_NONE, "tester", &e));
  assert_int_equal(wait_over(&f, waits).state, RUN_SUCCEEDED);
  assert_string_equal(task_of(&f, waits, 0).current[0], "r2");
  end(&f);
}

/* Two runs on the same targets at the same time: each revision is applied once. */
static void test_two_runs_on_the_same_targets(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  int64_t one = run(&f, OP_UPGRADE, "head", NULL, 3600 * NS_PER_S, "", &e);
  int64_t two = run(&f, OP_UPGRADE, "head", NULL, 3600 * NS_PER_S, "", &e);
  assert_int_equal(wait_over(&f, one).state, RUN_SUCCEEDED);
  assert_int_equal(wait_over(&f, two).state, RUN_SUCCEEDED);
  for (size_t i = 0; i < TARGETS; i++)
    assert_int_equal(task_of(&f, one, i).steps_done + task_of(&f, two, i).steps_done, 3);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_targets),
      cmocka_unit_test(test_bad_requests_write_nothing),
      cmocka_unit_test(test_a_locked_target),
      cmocka_unit_test(test_cancel_while_waiting),
      cmocka_unit_test(test_stopped_and_resumed),
      cmocka_unit_test(test_two_runs_on_the_same_targets),
  };
  return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
