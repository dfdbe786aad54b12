/* Reflection and health: what clients without our files ask. */
#include "fixture.h"

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest question;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

#define PATH "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

static const answer *asked(struct fixture *f, struct talk *t, int kind, const char *text) {
  question q = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
  q.message_request_case = (Grpc__Reflection__V1__ServerReflectionRequest__MessageRequestCase)kind;
  q.file_containing_symbol =
      arena_strdup(&f->arena, text); /* all of them are strings, in a union */
  talk_step(f, t, &q);
  assert_int_equal(t->next, CALL_MORE);
  return (const answer *)t->replies[t->count - 1];
}

#define BY_NAME GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME
#define BY_SYMBOL                                                                                  \
  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL
#define LIST GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES
#define NUMBERS                                                                                    \
  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE

static void all_services_are_listed(void **state) {
  struct fixture *f = *state;
  static const char *const paths[] = {PATH, ALPHA};
  for (size_t p = 0; p < 2; p++) {
    struct talk *t = talk_begin(f, paths[p], "vic");
    const answer *a = asked(f, t, LIST, "");
    assert_int_equal(
        a->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE);
    for (size_t i = 0; i < a->list_services_response->n_service; i++)
      assert_string_equal(a->list_services_response->service[i]->name, rpc_services[i]->name);
    assert_null(rpc_services[a->list_services_response->n_service]);
    talk_end(t);
  }
}

/* The first file's name; all its imports must be among the rest, and theirs. */
static const char *file_of(const answer *a, struct fixture *f) {
  assert_int_equal(
      a->message_response_case,
      GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
  const Grpc__Reflection__V1__FileDescriptorResponse *r = a->file_descriptor_response;
  Google__Protobuf__FileDescriptorProto **files =
      xcalloc(r->n_file_descriptor_proto, sizeof(void *));
  for (size_t i = 0; i < r->n_file_descriptor_proto; i++) {
    files[i] = google__protobuf__file_descriptor_proto__unpack(
        NULL, r->file_descriptor_proto[i].len, r->file_descriptor_proto[i].data);
    assert_non_null(files[i]);
  }
  for (size_t i = 0; i < r->n_file_descriptor_proto; i++)
    for (size_t d = 0; d < files[i]->n_dependency; d++) {
      bool found = false;
      for (size_t k = 0; k < r->n_file_descriptor_proto; k++)
        found = found || strcmp(files[k]->name, files[i]->dependency[d]) == 0;
      if (!found)
        fail_msg("%s imports %s, which is not sent", files[i]->name, files[i]->dependency[d]);
    }
  const char *name = arena_strdup(&f->arena, files[0]->name);
  for (size_t i = 0; i < r->n_file_descriptor_proto; i++)
    google__protobuf__file_descriptor_proto__free_unpacked(files[i], NULL);
  free(files);
  return name;
}

static void symbols_are_found_in_their_files(void **state) {
  struct fixture *f = *state;
  static const char *const symbols[][2] = {
      {"migd.v1.Runs", "migd/v1/runs.proto"},
      {"migd.v1.Runs.StartRun", "migd/v1/runs.proto"},
      {"migd.v1.RunEvent", "migd/v1/runs.proto"},
      {"migd.v1.Operation", "migd/v1/runs.proto"},
      {"migd.v1.Targets.AddTarget", "migd/v1/targets.proto"},
      {"migd.v1.Error", "migd/v1/common.proto"},
      {"grpc.health.v1.Health", "grpc/health/v1/health.proto"},
      {"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
      {"grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"},
      {"grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"},
      {"google.protobuf.Timestamp", "google/protobuf/timestamp.proto"},
  };
  struct talk *t = talk_begin(f, PATH, "vic");
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
    assert_string_equal(file_of(asked(f, t, BY_SYMBOL, symbols[i][0]), f), symbols[i][1]);
  for (size_t i = 0; rpc_services[i] != NULL; i++)
    file_of(asked(f, t, BY_SYMBOL, rpc_services[i]->name), f);
  assert_string_equal(file_of(asked(f, t, BY_NAME, "migd/v1/locks.proto"), f),
                      "migd/v1/locks.proto");
  talk_end(t);
}

static void what_is_not_there_is_an_answer_and_not_an_end(void **state) {
  struct fixture *f = *state;
  static const struct {
    int kind;
    const char *text;
  } questions[] = {
      {BY_SYMBOL, ""},
      {BY_SYMBOL, "migd"},
      {BY_SYMBOL, "migd.v1"},
      {BY_SYMBOL, "migd.v1."},
      {BY_SYMBOL, "migd.v1.Run.tasks.x"},
      {BY_SYMBOL, "migd.v1.Runs.StartRunx"},
      {BY_SYMBOL, "igd.v1.Runs"},
      {BY_NAME, "migd/v1/nothing.proto"},
      {BY_NAME, "/etc/passwd"},
      {NUMBERS, "migd.v1.Run"},
  };
  struct talk *t = talk_begin(f, PATH, "vic");
  for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
    const answer *a = asked(f, t, questions[i].kind, questions[i].text);
    assert_int_equal(
        a->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
    assert_int_equal(a->error_response->error_code, 5);
    assert_string_equal(a->original_request->file_containing_symbol, questions[i].text);
  }
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_done(t);
  talk_end(t);
}

static void a_service_is_healthy_when_it_is_here(void **state) {
  struct fixture *f = *state;
  Grpc__Health__V1__HealthCheckRequest m = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
  static char runs[] = "migd.v1.Runs", none[] = "migd.v1.Nothing";
  char *served[] = {m.service, runs};
  for (size_t i = 0; i < 2; i++) {
    m.service = served[i];
    struct talk *t = ask(f, "/grpc.health.v1.Health/Check", ":", &m);
    assert_done(t);
    assert_int_equal(((Grpc__Health__V1__HealthCheckResponse *)t->replies[0])->status, 1);
    talk_end(t);
  }
  m.service = none;
  struct talk *t = ask(f, "/grpc.health.v1.Health/Check", ":", &m);
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
}

static void a_watch_of_health_answers_once_and_waits(void **state) {
  struct fixture *f = *state;
  Grpc__Health__V1__HealthCheckRequest m = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
  static char none[] = "migd.v1.Nothing";
  m.service = none;
  struct talk *t = ask(f, "/grpc.health.v1.Health/Watch", ":", &m);
  assert_int_equal(t->next, CALL_WAIT);
  assert_int_equal(t->call.wait_run, 0);
  assert_int_equal(t->count, 1);
  assert_int_equal(((Grpc__Health__V1__HealthCheckResponse *)t->replies[0])->status, 3);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_services_are_listed),
      TEST(symbols_are_found_in_their_files),
      TEST(what_is_not_there_is_an_answer_and_not_an_end),
      TEST(a_service_is_healthy_when_it_is_here),
      TEST(a_watch_of_health_answers_once_and_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
