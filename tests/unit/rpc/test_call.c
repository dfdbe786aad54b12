/* The dispatcher: who may call what, for every method and every kind of caller, and what a call
 * must be. */
#include "fixture.h"

/* What the .proto files promise, method by method: written down a second time on purpose. */
static const struct {
  const char *path;
  enum role role;
  bool anyone; /* answered on the loop: health, which knows no principals */
} promised[] = {
    {"/migd.v1.Catalogs/PushCatalog", ROLE_ADMIN, false},
    {"/migd.v1.Catalogs/PullCatalog", ROLE_VIEWER, false},
    {"/migd.v1.Catalogs/ListCatalogs", ROLE_VIEWER, false},
    {"/migd.v1.Catalogs/GetCatalog", ROLE_VIEWER, false},
    {"/migd.v1.Catalogs/UpdateCatalog", ROLE_ADMIN, false},
    {"/migd.v1.Catalogs/ListRevisions", ROLE_VIEWER, false},
    {"/migd.v1.Catalogs/GetRevision", ROLE_VIEWER, false},
    {"/migd.v1.Catalogs/DraftRevision", ROLE_VIEWER, false},
    {"/migd.v1.Targets/AddTarget", ROLE_ADMIN, false},
    {"/migd.v1.Targets/UpdateTarget", ROLE_ADMIN, false},
    {"/migd.v1.Targets/RemoveTarget", ROLE_ADMIN, false},
    {"/migd.v1.Targets/GetTarget", ROLE_VIEWER, false},
    {"/migd.v1.Targets/ListTargets", ROLE_VIEWER, false},
    {"/migd.v1.Targets/GetCurrent", ROLE_VIEWER, false},
    {"/migd.v1.Runs/StartRun", ROLE_ADMIN, false},
    {"/migd.v1.Runs/PlanRun", ROLE_VIEWER, false},
    {"/migd.v1.Runs/GenerateScript", ROLE_VIEWER, false},
    {"/migd.v1.Runs/GetRun", ROLE_VIEWER, false},
    {"/migd.v1.Runs/ListRuns", ROLE_VIEWER, false},
    {"/migd.v1.Runs/WatchRun", ROLE_VIEWER, false},
    {"/migd.v1.Runs/CancelRun", ROLE_ADMIN, false},
    {"/migd.v1.Runs/ResumeRun", ROLE_ADMIN, false},
    {"/migd.v1.Lint/LintFiles", ROLE_VIEWER, false},
    {"/migd.v1.Lint/ListLintRules", ROLE_VIEWER, false},
    {"/migd.v1.Locks/AcquireLock", ROLE_ADMIN, false},
    {"/migd.v1.Locks/ReleaseLock", ROLE_ADMIN, false},
    {"/migd.v1.Locks/ListLocks", ROLE_VIEWER, false},
    {"/migd.v1.Server/Ping", ROLE_NONE, false},
    {"/migd.v1.Server/WhoAmI", ROLE_NONE, false},
    {"/migd.v1.Server/GetServer", ROLE_VIEWER, false},
    {"/grpc.health.v1.Health/Check", ROLE_NONE, true},
    {"/grpc.health.v1.Health/Watch", ROLE_NONE, true},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ROLE_NONE, false},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ROLE_NONE, false},
};
#define PROMISED (sizeof promised / sizeof promised[0])

static void every_method_is_promised_and_every_promise_kept(void **state) {
  (void)state;
  size_t methods = 0;
  for (size_t s = 0; rpc_services[s] != NULL; s++)
    methods += rpc_services[s]->count;
  assert_int_equal(methods, PROMISED);
  for (size_t i = 0; i < PROMISED; i++) {
    const struct method *m = method_find(promised[i].path, strlen(promised[i].path));
    if (m == NULL)
      fail_msg("there is no %s", promised[i].path);
    assert_int_equal(m->role, promised[i].role);
    assert_int_equal(m->lane == LANE_LOOP, promised[i].anyone);
    assert_non_null(m->step);
    assert_non_null(m->in);
    assert_non_null(m->out);
  }
}

/* The descriptors say which methods stream; the rows must say the same, or the network side would
 * treat a call wrongly. */
static void rows_stream_as_their_messages_say(void **state) {
  (void)state;
  static const char *const client[] = {"PushCatalog", "DraftRevision", "LintFiles",
                                       "ServerReflectionInfo"};
  static const char *const server[] = {
      "PushCatalog", "DraftRevision",  "PullCatalog", "LintFiles", "GetCurrent",
      "PlanRun",     "GenerateScript", "WatchRun",    "Watch",     "ServerReflectionInfo"};
  for (size_t i = 0; i < PROMISED; i++) {
    const struct method *m = method_find(promised[i].path, strlen(promised[i].path));
    bool client_streams = false, server_streams = false;
    for (size_t k = 0; k < sizeof client / sizeof client[0]; k++)
      client_streams = client_streams || strcmp(client[k], m->name) == 0;
    for (size_t k = 0; k < sizeof server / sizeof server[0]; k++)
      server_streams = server_streams || strcmp(server[k], m->name) == 0;
    assert_int_equal(m->client_streams, client_streams);
    assert_int_equal(m->server_streams, server_streams);
  }
}

/* What a caller gets from a method whose request says nothing. */
static enum err_kind outcome(struct fixture *f, const char *path, const char *who) {
  struct talk *t = talk_begin(f, path, who);
  t->next = call_step(&t->call, "", 0, &t->e);
  enum err_kind kind = t->next == CALL_FAIL ? t->e.kind : ERR_NONE;
  talk_end(t);
  return kind;
}

static bool kept_out(enum err_kind kind) {
  return kind == ERR_DENIED || kind == ERR_UNAUTHENTICATED;
}

static void each_role_may_what_it_may_and_nothing_else(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *who;
    enum role role;
    bool known;
  } callers[] = {
      {"ann", ROLE_ADMIN, true},
      {"vic", ROLE_VIEWER, true},
      {"eve", ROLE_NONE, false},                              /* of our CA, but not ours */
      {"bob", ROLE_NONE, false},                              /* removed */
      {"migd://0123456789abcdef/user/ann", ROLE_NONE, false}, /* of another store */
      {"migd://0123456789abcdef/user/../ann", ROLE_NONE, false},
      {":", ROLE_NONE, false},
  };
  person(f, "bob", ROLE_ADMIN, false);
  person(f, "bob", ROLE_ADMIN, true);
  for (size_t i = 0; i < PROMISED; i++)
    for (size_t c = 0; c < sizeof callers / sizeof callers[0]; c++) {
      enum err_kind kind = outcome(f, promised[i].path, callers[c].who);
      enum err_kind expected = promised[i].anyone                   ? ERR_NONE
                               : !callers[c].known                  ? ERR_UNAUTHENTICATED
                               : callers[c].role < promised[i].role ? ERR_DENIED
                                                                    : ERR_NONE;
      bool as_promised = expected == ERR_NONE ? !kept_out(kind) : kind == expected;
      if (!as_promised)
        fail_msg("%s by %s: kind %d, not %d", promised[i].path, callers[c].who, (int)kind,
                 (int)expected);
    }
}

static void a_denial_names_both_roles(void **state) {
  struct fixture *f = *state;
  Migd__V1__CancelRunRequest m = MIGD__V1__CANCEL_RUN_REQUEST__INIT;
  struct talk *t = ask(f, "/migd.v1.Runs/CancelRun", "vic", &m);
  assert_failed(t, ERR_DENIED);
  assert_string_equal(t->e.text, "CancelRun needs the role admin; vic has the role viewer");
  talk_end(t);
}

static void who_is_removed_in_the_middle_of_a_stream_is_out(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push_begin_as(f, "ann", &header);
  assert_int_equal(t->next, CALL_MORE);
  person(f, "ann", ROLE_ADMIN, true);
  send_file(f, t, "r1_first.sql", "x", 1, false);
  assert_failed(t, ERR_UNAUTHENTICATED);
  talk_end(t);
}

static void who_lost_a_role_in_the_middle_of_a_stream_is_out(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push_begin_as(f, "ann", &header);
  person(f, "ann", ROLE_ADMIN, true);
  person(f, "ann", ROLE_VIEWER, false);
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_failed(t, ERR_DENIED);
  talk_end(t);
}

static void a_call_without_a_message_is_refused(void **state) {
  struct fixture *f = *state;
  struct talk *t = ask(f, "/migd.v1.Server/Ping", "vic", NULL);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

static void bytes_that_are_no_message_are_refused(void **state) {
  struct fixture *f = *state;
  static const char *const bad[] = {"\x0a\x7f\x61\x62\x63", "\x0a\x02\xff\xfe", "\xff\xff\xff"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct talk *t = talk_begin(f, "/migd.v1.Targets/GetTarget", "vic");
    t->next = call_step(&t->call, bad[i], strlen(bad[i]), &t->e);
    assert_failed(t, ERR_INPUT);
    talk_end(t);
  }
}

static void an_enum_that_is_none_is_refused(void **state) {
  struct fixture *f = *state;
  Migd__V1__StartRunRequest m = MIGD__V1__START_RUN_REQUEST__INIT;
  m.operation = (Migd__V1__Operation)99;
  struct talk *t = ask(f, "/migd.v1.Runs/StartRun", "ann", &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

static void a_cancelled_call_does_nothing(void **state) {
  struct fixture *f = *state;
  Migd__V1__PingRequest m = MIGD__V1__PING_REQUEST__INIT;
  struct talk *t = talk_begin(f, "/migd.v1.Server/Ping", "vic");
  job_cancel(&t->call.job);
  talk_step(f, t, &m);
  assert_failed(t, ERR_CANCELLED);
  assert_int_equal(t->count, 0);
  talk_end(t);
}

static void a_call_whose_time_is_over_does_nothing(void **state) {
  struct fixture *f = *state;
  Migd__V1__PingRequest m = MIGD__V1__PING_REQUEST__INIT;
  struct talk *t = talk_begin(f, "/migd.v1.Server/Ping", "vic");
  t->call.job.deadline_ns = 1;
  talk_step(f, t, &m);
  assert_failed(t, ERR_DEADLINE);
  talk_end(t);
}

static enum call_next too_much(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)in, (void)e;
  Migd__V1__GetRevisionResponse m = MIGD__V1__GET_REVISION_RESPONSE__INIT;
  m.content.len = (4u << 20) + 1;
  m.content.data = arena_alloc(&call->arena, m.content.len);
  call_reply(call, &m.base);
  return CALL_DONE;
}

static enum call_next wordless(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)call, (void)in, (void)e;
  return CALL_FAIL;
}

static void odd_step(struct fixture *f, struct talk **out,
                     enum call_next (*step)(struct call *, const ProtobufCMessage *,
                                            struct err *)) {
  struct method odd = *method_find("/migd.v1.Server/Ping", strlen("/migd.v1.Server/Ping"));
  *out = talk_begin(f, "/migd.v1.Server/Ping", "vic");
  odd.step = step;
  (*out)->call.method = &odd;
  (*out)->next = call_step(&(*out)->call, "", 0, &(*out)->e);
  (*out)->call.method = NULL;
}

static void an_answer_that_no_message_holds_is_an_error(void **state) {
  struct fixture *f = *state;
  struct talk *t;
  odd_step(f, &t, too_much);
  assert_failed(t, ERR_BUSY);
  assert_int_equal(t->call.replies.len, 0);
  talk_end(t);
}

static void a_failure_without_words_is_our_fault(void **state) {
  struct fixture *f = *state;
  struct talk *t;
  odd_step(f, &t, wordless);
  assert_failed(t, ERR_INTERNAL);
  talk_end(t);
}

static void paths_that_are_none_are_not_found(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "/",
      "//",
      "Ping",
      "/Ping",
      "/migd.v1.Server",
      "/migd.v1.Server/",
      "/migd.v1.Server/Pin",
      "/migd.v1.Server/Pingx",
      "/migd.v1.Serve/Ping",
      "/migd.v1.Server/Ping/",
      "//migd.v1.Server/Ping",
      "migd.v1.Server/Ping",
      "/migd.v1.server/Ping",
      "/migd.v1.Runs/Ping",
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (method_find(bad[i], strlen(bad[i])) != NULL)
      fail_msg("%s is found", bad[i]);
  assert_null(method_find("/migd.v1.Server/Ping", 19));
  assert_non_null(method_find("/migd.v1.Server/Ping\0", 20));
}

static void the_server_says_who_and_what(void **state) {
  struct fixture *f = *state;
  Migd__V1__WhoAmIRequest who = MIGD__V1__WHO_AM_IREQUEST__INIT;
  Migd__V1__GetServerRequest what = MIGD__V1__GET_SERVER_REQUEST__INIT;
  push_shop(f);
  add_target(f, "eu");
  struct talk *t = ask(f, "/migd.v1.Server/WhoAmI", "vic", &who);
  assert_done(t);
  const Migd__V1__WhoAmIResponse *me = (void *)t->replies[0];
  assert_string_equal(me->name, "vic");
  assert_string_equal(me->role, "viewer");
  assert_in(me->uri, "/user/vic");
  talk_end(t);
  t = ask(f, "/migd.v1.Server/GetServer", "vic", &what);
  assert_done(t);
  const Migd__V1__GetServerResponse *server = (void *)t->replies[0];
  assert_string_equal(server->version, "1.2.3");
  assert_string_equal(server->store_id, store_id(f->store));
  assert_int_equal(server->catalogs, 1);
  assert_int_equal(server->targets, 1);
  assert_int_equal(server->unfinished_runs, 0);
  assert_int_equal(server->n_sqlite_roots, 1);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_method_is_promised_and_every_promise_kept),
      cmocka_unit_test(rows_stream_as_their_messages_say),
      cmocka_unit_test(paths_that_are_none_are_not_found),
      TEST(each_role_may_what_it_may_and_nothing_else),
      TEST(a_denial_names_both_roles),
      TEST(who_is_removed_in_the_middle_of_a_stream_is_out),
      TEST(who_lost_a_role_in_the_middle_of_a_stream_is_out),
      TEST(a_call_without_a_message_is_refused),
      TEST(bytes_that_are_no_message_are_refused),
      TEST(an_enum_that_is_none_is_refused),
      TEST(a_cancelled_call_does_nothing),
      TEST(a_call_whose_time_is_over_does_nothing),
      TEST(an_answer_that_no_message_holds_is_an_error),
      TEST(a_failure_without_words_is_our_fault),
      TEST(the_server_says_who_and_what),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
