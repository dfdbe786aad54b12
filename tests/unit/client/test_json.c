/* The JSON mapping of proto3, by descriptors; the texts are what Google's implementation prints. */
#include "client/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "migd/v1/catalogs.pb-c.h"
#include "migd/v1/runs.pb-c.h"
#include "migd/v1/targets.pb-c.h"

static void expect(const void *message, const char *text) {
  struct buf b BUF_SCOPED = BUF_INIT;
  json_message(&b, message, true, false);
  assert_string_equal(buf_str(&b), text);
}

static char *s(const char *text) {
  return (char *)(uintptr_t)text;
}

static void defaults_are_left_out(void **state) {
  (void)state;
  Migd__V1__Run run = MIGD__V1__RUN__INIT;
  expect(&run, "{}\n");
}

static void names_are_camel_and_enums_by_name(void **state) {
  (void)state;
  Migd__V1__StartRunRequest m = MIGD__V1__START_RUN_REQUEST__INIT;
  char *revisions[] = {s("a"), s("b")};
  m.request_id = s("x");
  m.operation = MIGD__V1__OPERATION__OPERATION_STAMP;
  m.n_revisions = 2;
  m.revisions = revisions;
  m.single_transaction = true;
  expect(&m, "{\"requestId\":\"x\",\"operation\":\"OPERATION_STAMP\",\"revisions\":[\"a\",\"b\"],"
             "\"singleTransaction\":true}\n");
}

static void unknown_enum_values_are_numbers(void **state) {
  (void)state;
  Migd__V1__Run m = MIGD__V1__RUN__INIT;
  m.state = (Migd__V1__RunState)77;
  expect(&m, "{\"state\":77}\n");
}

static void wide_integers_are_strings(void **state) {
  (void)state;
  Migd__V1__Run m = MIGD__V1__RUN__INIT;
  m.next_seq = UINT64_MAX;
  expect(&m, "{\"nextSeq\":\"18446744073709551615\"}\n");
}

static void bytes_are_padded_base64(void **state) {
  (void)state;
  Migd__V1__FilePart m = MIGD__V1__FILE_PART__INIT;
  uint8_t bytes[] = {0xFB, 0xFF, 0, 'a'};
  m.data.data = bytes;
  m.data.len = 4;
  expect(&m, "{\"data\":\"+/8AYQ==\"}\n");
  m.data.len = 3;
  expect(&m, "{\"data\":\"+/8A\"}\n");
}

static void expect_time(int64_t seconds, int32_t nanos, const char *text) {
  Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
  t.seconds = seconds;
  t.nanos = nanos;
  expect(&t, text);
}

static void timestamps_are_rfc_3339(void **state) {
  (void)state;
  expect_time(0, 0, "\"1970-01-01T00:00:00Z\"\n");
  expect_time(1794268800, 500000000, "\"2026-11-10T00:00:00.500Z\"\n");
  expect_time(1794268800, 1000, "\"2026-11-10T00:00:00.000001Z\"\n");
  expect_time(-1, 1, "\"1969-12-31T23:59:59.000000001Z\"\n");
  expect_time(INT64_MAX, 0, "\"0001-01-01T00:00:00Z\"\n");
}

static void expect_duration(int64_t seconds, int32_t nanos, const char *text) {
  Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
  d.seconds = seconds;
  d.nanos = nanos;
  expect(&d, text);
}

static void durations_are_seconds(void **state) {
  (void)state;
  expect_duration(1, 500000000, "\"1.5s\"\n");
  expect_duration(0, 0, "\"0s\"\n");
  expect_duration(-1, -250000000, "\"-1.25s\"\n");
  expect_duration(3, 1, "\"3.000000001s\"\n");
}

static void a_oneof_shows_its_member_even_when_empty(void **state) {
  (void)state;
  Migd__V1__RunEvent m = MIGD__V1__RUN_EVENT__INIT;
  Migd__V1__RunStarted started = MIGD__V1__RUN_STARTED__INIT;
  m.seq = 1;
  m.event_case = MIGD__V1__RUN_EVENT__EVENT_RUN_STARTED;
  m.run_started = &started;
  expect(&m, "{\"seq\":\"1\",\"runStarted\":{}}\n");
}

static void messages_nest_and_repeat(void **state) {
  (void)state;
  Migd__V1__Label a = MIGD__V1__LABEL__INIT, b = MIGD__V1__LABEL__INIT;
  Migd__V1__Label *labels[] = {&a, &b};
  Migd__V1__Target m = MIGD__V1__TARGET__INIT;
  a.key = s("env");
  a.value = s("prod");
  b.key = s("canary");
  m.labels = labels;
  m.n_labels = 2;
  m.behind = 3;
  expect(&m,
         "{\"labels\":[{\"key\":\"env\",\"value\":\"prod\"},{\"key\":\"canary\"}],\"behind\":3}\n");
}

static void strings_are_escaped(void **state) {
  (void)state;
  Migd__V1__Label m = MIGD__V1__LABEL__INIT;
  m.key = s("a\"b\\\n\033[31m");
  m.value = s("\xc3\xa4");
  expect(&m, "{\"key\":\"a\\\"b\\\\\\n\\u001B[31m\",\"value\":\"\xc3\xa4\"}\n");
  struct buf b BUF_SCOPED = BUF_INIT;
  json_message(&b, &m.base, true, true);
  assert_non_null(strstr(buf_str(&b), "\\u00E4"));
}

static void errors_have_one_shape(void **state) {
  (void)state;
  struct err e;
  struct buf b BUF_SCOPED = BUF_INIT;
  err_set(&e, ERR_NOT_FOUND, "no target \"x\"");
  err_hint(&e, "did you mean y?");
  json_error(&b, &e, true, false);
  assert_string_equal(buf_str(&b), "{\"error\":{\"kind\":\"ERROR_KIND_NOT_FOUND\",\"message\":"
                                   "\"no target \\\"x\\\"\",\"hint\":\"did you mean y?\"}}\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_left_out),
      cmocka_unit_test(names_are_camel_and_enums_by_name),
      cmocka_unit_test(unknown_enum_values_are_numbers),
      cmocka_unit_test(wide_integers_are_strings),
      cmocka_unit_test(bytes_are_padded_base64),
      cmocka_unit_test(timestamps_are_rfc_3339),
      cmocka_unit_test(durations_are_seconds),
      cmocka_unit_test(a_oneof_shows_its_member_even_when_empty),
      cmocka_unit_test(messages_nest_and_repeat),
      cmocka_unit_test(strings_are_escaped),
      cmocka_unit_test(errors_have_one_shape),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
