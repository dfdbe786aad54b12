/* Runs: asking for them, planning them, watching them from anywhere, ending and resuming them;
 * locks. */
#include "fixture.h"

static Migd__V1__StartRunRequest *request(struct fixture *f, Migd__V1__Operation operation,
                                          const char *revision) {
  PROTO_NEW(m, StartRunRequest, start_run_request, &f->arena);
  PROTO_NEW(all, TargetSelection, target_selection, &f->arena);
  all->all = true;
  m->operation = operation;
  m->selection = all;
  m->revisions = ARENA_ARRAY(&f->arena, char *, 200);
  m->revisions[0] = arena_strdup(&f->arena, revision);
  m->n_revisions = 1;
  return m;
}

#define UPGRADE MIGD__V1__OPERATION__OPERATION_UPGRADE
#define DOWNGRADE MIGD__V1__OPERATION__OPERATION_DOWNGRADE
#define STAMP MIGD__V1__OPERATION__OPERATION_STAMP

static void refused(struct fixture *f, Migd__V1__StartRunRequest *m, enum err_kind kind) {
  struct talk *t = ask(f, "/migd.v1.Runs/StartRun", "ann", m);
  assert_failed(t, kind);
  talk_end(t);
}

static void requests_that_make_no_sense_are_refused(void **state) {
  struct fixture *f = *state;
  Google__Protobuf__Duration long_time = GOOGLE__PROTOBUF__DURATION__INIT;
  Migd__V1__StartRunRequest *m;
  push_shop(f);
  add_target(f, "eu");
  refused(f, request(f, MIGD__V1__OPERATION__OPERATION_UNSPECIFIED, "head"), ERR_INPUT);
  refused(f, request(f, UPGRADE, ""), ERR_INPUT);
  refused(f, request(f, UPGRADE, "r9"), ERR_NOT_FOUND);
  m = request(f, UPGRADE, "head");
  m->n_revisions = 0;
  refused(f, m, ERR_INPUT);
  m = request(f, DOWNGRADE, "r1");
  m->revisions[m->n_revisions++] = arena_strdup(&f->arena, "r2");
  refused(f, m, ERR_INPUT);
  m = request(f, UPGRADE, "head");
  m->purge = true;
  refused(f, m, ERR_INPUT);
  m = request(f, UPGRADE, "head");
  m->selection = NULL;
  refused(f, m, ERR_INPUT);
  m = request(f, UPGRADE, "head");
  m->request_id = arena_alloc(&f->arena, 70);
  memset(m->request_id, 'x', 65);
  refused(f, m, ERR_INPUT);
  m = request(f, UPGRADE, "head");
  m->wait = &long_time;
  long_time.seconds = -1;
  refused(f, m, ERR_INPUT);
  long_time.seconds = INT64_MAX;
  refused(f, m, ERR_INPUT);
  m = request(f, STAMP, "r1");
  for (m->n_revisions = 1; m->n_revisions < 101; m->n_revisions++)
    m->revisions[m->n_revisions] = m->revisions[0];
  refused(f, m, ERR_INPUT);
}

static void a_run_is_answered_at_once_and_watched_to_its_end(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  add_target(f, "us");
  struct talk *t = start_run(f, UPGRADE, "r2", 0);
  const char *id = run_of(f, t);
  const Migd__V1__Run *run = (void *)t->replies[0];
  assert_int_equal(run->operation, UPGRADE);
  assert_string_equal(run->revisions[0], "r2");
  assert_string_equal(run->principal, "ann");
  assert_int_equal(run->counts->total, 2);
  assert_int_equal(run->n_tasks, 0);
  talk_end(t);
  t = watch_run(f, id, 0);
  assert_done(t);
  for (size_t i = 0; i < t->count; i++)
    assert_int_equal(((Migd__V1__RunEvent *)t->replies[i])->seq, i + 1);
  const Migd__V1__RunEvent *first = (void *)t->replies[0], *last = (void *)t->replies[t->count - 1];
  assert_int_equal(first->event_case, MIGD__V1__RUN_EVENT__EVENT_RUN_STARTED);
  assert_int_equal(last->event_case, MIGD__V1__RUN_EVENT__EVENT_RUN_FINISHED);
  assert_int_equal(last->run_finished->state, MIGD__V1__RUN_STATE__RUN_STATE_SUCCEEDED);
  size_t count = t->count;
  talk_end(t);
  t = watch_run(f, id, 5); /* picked up where another watcher was */
  assert_done(t);
  assert_int_equal(t->count, count - 4);
  assert_int_equal(((Migd__V1__RunEvent *)t->replies[0])->seq, 5);
  talk_end(t);
  t = watch_run(f, id, 100000);
  assert_done(t);
  assert_int_equal(t->count, 0);
  talk_end(t);
}

static void a_run_shows_its_tasks(void **state) {
  struct fixture *f = *state;
  Migd__V1__GetRunRequest m = MIGD__V1__GET_RUN_REQUEST__INIT;
  Migd__V1__ListRunsRequest list = MIGD__V1__LIST_RUNS_REQUEST__INIT;
  push_shop(f);
  add_target(f, "eu");
  upgrade(f, "r1");
  upgrade(f, "r2");
  m.id = arena_strdup(&f->arena, "2");
  struct talk *t = ask(f, "/migd.v1.Runs/GetRun", "vic", &m);
  assert_done(t);
  const Migd__V1__Run *run = (void *)t->replies[0];
  assert_int_equal(run->state, MIGD__V1__RUN_STATE__RUN_STATE_SUCCEEDED);
  assert_int_equal(run->n_tasks, 1);
  assert_string_equal(run->tasks[0]->target, "eu");
  assert_int_equal(run->tasks[0]->state, MIGD__V1__TASK_STATE__TASK_STATE_SUCCEEDED);
  assert_int_equal(run->tasks[0]->steps_done, 1);
  assert_string_equal(run->tasks[0]->current[0], "r2");
  assert_non_null(run->finished_at);
  talk_end(t);
  t = ask(f, "/migd.v1.Runs/ListRuns", "vic", &list);
  assert_done(t);
  const Migd__V1__ListRunsResponse *runs = (void *)t->replies[0];
  assert_int_equal(runs->n_runs, 2);
  assert_string_equal(runs->runs[0]->id, "2");
  talk_end(t);
  list.limit = 1;
  t = ask(f, "/migd.v1.Runs/ListRuns", "vic", &list);
  assert_int_equal(((Migd__V1__ListRunsResponse *)t->replies[0])->n_runs, 1);
  talk_end(t);
  list.unfinished = true;
  t = ask(f, "/migd.v1.Runs/ListRuns", "vic", &list);
  assert_int_equal(((Migd__V1__ListRunsResponse *)t->replies[0])->n_runs, 0);
  talk_end(t);
}

static void ids_that_are_none_are_told(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *id;
    enum err_kind kind;
  } bad[] = {{"", ERR_INPUT},
             {"x", ERR_INPUT},
             {"1x", ERR_INPUT},
             {"-1", ERR_INPUT},
             {" 1", ERR_INPUT},
             {"0", ERR_INPUT},
             {"99999999999999999999", ERR_INPUT},
             {"7", ERR_NOT_FOUND}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    Migd__V1__GetRunRequest get = MIGD__V1__GET_RUN_REQUEST__INIT;
    Migd__V1__WatchRunRequest watch = MIGD__V1__WATCH_RUN_REQUEST__INIT;
    Migd__V1__CancelRunRequest cancel = MIGD__V1__CANCEL_RUN_REQUEST__INIT;
    Migd__V1__ResumeRunRequest resume = MIGD__V1__RESUME_RUN_REQUEST__INIT;
    get.id = watch.id = cancel.id = resume.id = arena_strdup(&f->arena, bad[i].id);
    const struct {
      const char *path;
      const void *m;
    } calls[] = {{"/migd.v1.Runs/GetRun", &get},
                 {"/migd.v1.Runs/WatchRun", &watch},
                 {"/migd.v1.Runs/CancelRun", &cancel},
                 {"/migd.v1.Runs/ResumeRun", &resume}};
    for (size_t k = 0; k < 4; k++) {
      struct talk *t = ask(f, calls[k].path, "ann", calls[k].m);
      assert_failed(t, bad[i].kind);
      talk_end(t);
    }
  }
}

static void the_same_request_id_is_the_same_run(void **state) {
  struct fixture *f = *state;
  Migd__V1__StartRunRequest *m = request(f, UPGRADE, "r1");
  push_shop(f);
  add_target(f, "eu");
  m->request_id = arena_strdup(&f->arena, "deploy-7");
  struct talk *t = ask(f, "/migd.v1.Runs/StartRun", "ann", m);
  const char *id = run_of(f, t);
  talk_end(t);
  t = ask(f, "/migd.v1.Runs/StartRun", "ann", m);
  assert_string_equal(run_of(f, t), id);
  talk_end(t);
  m->revisions[0] = arena_strdup(&f->arena, "r2");
  refused(f, m, ERR_EXISTS);
  t = watch_run(f, id, 0);
  assert_done(t);
  talk_end(t);
}

static void a_plan_says_what_a_run_would_do(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  upgrade(f, "r1");
  add_target(f, "gone");
  assert_int_equal(unlink(url_of(f, "gone") + strlen("sqlite:")), 0);
  struct talk *t = ask(f, "/migd.v1.Runs/PlanRun", "vic", request(f, UPGRADE, "head"));
  assert_done(t);
  assert_int_equal(t->count, 2);
  const Migd__V1__TargetPlan *eu = (void *)t->replies[0], *gone = (void *)t->replies[1];
  assert_null(eu->error);
  assert_string_equal(eu->current[0], "r1");
  assert_string_equal(eu->after[0], "r3");
  assert_int_equal(eu->n_steps, 2);
  assert_string_equal(eu->steps[0]->revision, "r2");
  assert_int_equal(eu->steps[0]->direction, MIGD__V1__DIRECTION__DIRECTION_UP);
  assert_int_equal(eu->steps[0]->statements, 1);
  assert_string_equal(eu->steps[0]->sql[0], "CREATE TABLE b (id INTEGER)");
  assert_string_equal(eu->steps[1]->message, "third");
  assert_int_equal(gone->error->kind, MIGD__V1__ERROR_KIND__ERROR_KIND_TARGET);
  talk_end(t);
  assert_string_equal(target_named(f, "eu")->current[0], "r1");
}

static void a_plan_says_why_it_would_be_refused(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  upgrade(f, "head");
  struct talk *t = ask(f, "/migd.v1.Runs/PlanRun", "vic", request(f, DOWNGRADE, "base"));
  assert_done(t);
  const Migd__V1__TargetPlan *eu = (void *)t->replies[0];
  assert_int_equal(eu->error->kind, MIGD__V1__ERROR_KIND__ERROR_KIND_REFUSED);
  assert_in(eu->error->message, "r3");
  talk_end(t);
}

static void a_plan_that_no_message_holds_is_told_so(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  f->server.catalog_max = 16 << 20;
  char *text = arena_alloc(&f->arena, (3 << 20) + 600);
  int len = sprintf(text, "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\nSELECT '");
  memset(text + len, 'x', (3 << 20) + 300);
  strcpy(text + len + (3 << 20) + 300, "';\n");
  struct talk *t = push_begin_as(f, "ann", &header);
  send_file(f, t, "r1_first.sql", text, strlen(text), false);
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_done(t);
  talk_end(t);
  add_target(f, "eu");
  t = ask(f, "/migd.v1.Runs/PlanRun", "vic", request(f, UPGRADE, "head"));
  assert_done(t);
  assert_int_equal(((Migd__V1__TargetPlan *)t->replies[0])->error->kind,
                   MIGD__V1__ERROR_KIND__ERROR_KIND_BUSY);
  assert_int_equal(((Migd__V1__TargetPlan *)t->replies[0])->n_steps, 0);
  talk_end(t);
}

/* --- locks */

static struct talk *lock(struct fixture *f, const char *who, const char *reason, int64_t seconds) {
  Migd__V1__AcquireLockRequest m = MIGD__V1__ACQUIRE_LOCK_REQUEST__INIT;
  Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
  static char eu[] = "eu";
  d.seconds = seconds;
  m.target = eu;
  m.reason = arena_strdup(&f->arena, reason);
  m.duration = seconds != 0 ? &d : NULL;
  return ask(f, "/migd.v1.Locks/AcquireLock", who, &m);
}

static struct talk *unlock(struct fixture *f, const char *who, bool force) {
  Migd__V1__ReleaseLockRequest m = MIGD__V1__RELEASE_LOCK_REQUEST__INIT;
  static char eu[] = "eu";
  m.target = eu;
  m.force = force;
  return ask(f, "/migd.v1.Locks/ReleaseLock", who, &m);
}

static void a_lock_is_one_persons(void **state) {
  struct fixture *f = *state;
  Migd__V1__ListLocksRequest list = MIGD__V1__LIST_LOCKS_REQUEST__INIT;
  push_shop(f);
  add_target(f, "eu");
  person(f, "zoe", ROLE_ADMIN, false);
  struct talk *t = lock(f, "ann", " \t", 0);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  t = lock(f, "ann", "moving disks", 3600);
  assert_done(t);
  const Migd__V1__Lock *held = (void *)t->replies[0];
  assert_string_equal(held->holder, "ann");
  assert_int_equal(held->expires->seconds - held->since->seconds, 3600);
  talk_end(t);
  t = lock(f, "zoe", "me too", 0);
  assert_failed(t, ERR_LOCKED);
  assert_in(t->e.text, "moving disks");
  talk_end(t);
  t = ask(f, "/migd.v1.Locks/ListLocks", "vic", &list);
  assert_done(t);
  assert_int_equal(((Migd__V1__ListLocksResponse *)t->replies[0])->n_locks, 1);
  talk_end(t);
  assert_string_equal(target_named(f, "eu")->lock->reason, "moving disks");
  t = unlock(f, "zoe", false);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.hint, "--force");
  talk_end(t);
  t = unlock(f, "zoe", true);
  assert_done(t);
  assert_string_equal(((Migd__V1__Lock *)t->replies[0])->holder, "ann");
  talk_end(t);
  assert_null(target_named(f, "eu")->lock);
  t = unlock(f, "ann", false);
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
}

static void who_waits_gets_the_turn(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  struct talk *t = lock(f, "ann", "a moment", 0);
  assert_done(t);
  talk_end(t);
  t = start_run(f, UPGRADE, "r2", 3600);
  const char *id = run_of(f, t);
  talk_end(t);
  t = unlock(f, "ann", false);
  assert_done(t);
  talk_end(t);
  t = watch_run(f, id, 0);
  assert_done(t);
  talk_end(t);
  assert_string_equal(target_named(f, "eu")->current[0], "r2");
}

static void a_run_that_is_cancelled_can_be_resumed(void **state) {
  struct fixture *f = *state;
  Migd__V1__CancelRunRequest cancel = MIGD__V1__CANCEL_RUN_REQUEST__INIT;
  Migd__V1__ResumeRunRequest resume = MIGD__V1__RESUME_RUN_REQUEST__INIT;
  push_shop(f);
  add_target(f, "eu");
  struct talk *t = lock(f, "ann", "a moment", 0);
  assert_done(t);
  talk_end(t);
  t = start_run(f, UPGRADE, "r2", 3600);
  cancel.id = resume.id = arena_strdup(&f->arena, run_of(f, t));
  talk_end(t);
  wait_for_event(f, cancel.id, MIGD__V1__RUN_EVENT__EVENT_TASK_WAITING);
  t = ask(f, "/migd.v1.Runs/CancelRun", "ann", &cancel);
  assert_done(t);
  talk_end(t);
  t = watch_run(f, cancel.id, 0);
  assert_done(t);
  const Migd__V1__RunEvent *last = (void *)t->replies[t->count - 1];
  assert_int_equal(last->run_finished->state, MIGD__V1__RUN_STATE__RUN_STATE_CANCELLED);
  uint64_t seen = last->seq;
  talk_end(t);
  t = unlock(f, "ann", false);
  assert_done(t);
  talk_end(t);
  t = ask(f, "/migd.v1.Runs/ResumeRun", "ann", &resume);
  assert_done(t);
  talk_end(t);
  t = watch_run(f, cancel.id, seen + 1);
  assert_done(t);
  talk_end(t);
  assert_string_equal(target_named(f, "eu")->current[0], "r2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(requests_that_make_no_sense_are_refused),
      TEST(a_run_is_answered_at_once_and_watched_to_its_end),
      TEST(a_run_shows_its_tasks),
      TEST(ids_that_are_none_are_told),
      TEST(the_same_request_id_is_the_same_run),
      TEST(a_plan_says_what_a_run_would_do),
      TEST(a_plan_says_why_it_would_be_refused),
      TEST(a_plan_that_no_message_holds_is_told_so),
      TEST(a_lock_is_one_persons),
      TEST(who_waits_gets_the_turn),
      TEST(a_run_that_is_cancelled_can_be_resumed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
