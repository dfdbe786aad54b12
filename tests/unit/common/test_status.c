/* Tests the way of an error over the wire: whole, within the trailer's limit, and from strange
 * peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "google/rpc/status.pb-c.h"
#include "migd/v1/common.pb-c.h"
#include "proto/rpc/frame.h"

static void fill(char *field, size_t size, const char *with) {
  size_t n = strlen(with), at = 0;
  for (; at + n < size; at += n)
    memcpy(field + at, with, n);
  field[at] = '\0';
}

static void fill_all(struct err *e, const char *with) {
  err_clear(e);
  e->kind = ERR_MIGRATION;
  e->line = e->column = UINT32_MAX;
  fill(e->text, sizeof e->text, with);
  fill(e->target, sizeof e->target, with);
  fill(e->revision, sizeof e->revision, with);
  fill(e->file, sizeof e->file, with);
  fill(e->sqlstate, sizeof e->sqlstate, with);
  fill(e->hint, sizeof e->hint, with);
  fill(e->detail, sizeof e->detail, with);
  fill(e->source, sizeof e->source, with);
}

static void assert_same(const struct err *a, const struct err *b) {
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->line, b->line);
  assert_int_equal(a->column, b->column);
  assert_string_equal(a->text, b->text);
  assert_string_equal(a->target, b->target);
  assert_string_equal(a->revision, b->revision);
  assert_string_equal(a->file, b->file);
  assert_string_equal(a->sqlstate, b->sqlstate);
  assert_string_equal(a->hint, b->hint);
  assert_string_equal(a->detail, b->detail);
  assert_string_equal(a->source, b->source);
}

static void there_and_back(const struct err *e, struct err *back) {
  struct buf packed BUF_SCOPED = BUF_INIT, trailer BUF_SCOPED = BUF_INIT;
  rpc_status_pack(&packed, e);
  rpc_base64_encode(&trailer, packed.s, packed.len);
  assert_true(trailer.len < RPC_STATUS_TRAILER_MAX);
  rpc_status_read(back, err_row(e->kind)->grpc_status, "shown to others", (const uint8_t *)packed.s,
                  packed.len);
}

static void test_every_kind(void **state) {
  (void)state;
  for (int kind = ERR_NONE + 1; kind < ERR_KINDS; kind++) {
    struct err e, back;
    (void)err_set(&e, (enum err_kind)kind, "a thing");
    there_and_back(&e, &back);
    assert_same(&e, &back);
  }
}

static void test_the_largest(void **state) {
  (void)state;
  static const char *const with[] = {"x", "\xc3\xa4", "\xf0\x9f\x98\x80"};
  for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
    struct err e, back;
    fill_all(&e, with[i]);
    there_and_back(&e, &back);
    assert_same(&e, &back);
  }
}

static void test_a_detail_keeps_its_lines(void **state) {
  (void)state;
  struct err e, back;
  (void)err_set(&e, ERR_LOCKED, "one\nline");
  err_copy_lines(e.detail, sizeof e.detail, "a\nb\tc\033\n", 7);
  there_and_back(&e, &back);
  assert_string_equal(back.text, "one line");
  assert_string_equal(back.detail, "a\nb c \n");
}

/* A field that was filled without err_copy must not make the whole status unreadable. */
static void test_unclean_fields(void **state) {
  (void)state;
  struct err e, back;
  fill_all(&e, "\xff");
  memset(e.sqlstate, 'x', sizeof e.sqlstate); /* not even ended */
  there_and_back(&e, &back);
  assert_int_equal(back.kind, ERR_MIGRATION);
  assert_int_equal(back.text[0], '?');
  assert_string_equal(back.sqlstate, "xxxxx");
}

static void test_status_is_googles(void **state) {
  (void)state;
  struct err e;
  (void)err_set(&e, ERR_NOT_FOUND, "no target `a`");
  struct buf packed BUF_SCOPED = BUF_INIT;
  rpc_status_pack(&packed, &e);
  Google__Rpc__Status *status =
      google__rpc__status__unpack(NULL, packed.len, (const uint8_t *)packed.s);
  assert_non_null(status);
  assert_int_equal(status->code, 5);
  assert_string_equal(status->message, "no target `a`");
  assert_int_equal(status->n_details, 1);
  assert_string_equal(status->details[0]->type_url, "type.googleapis.com/migd.v1.Error");
  google__rpc__status__free_unpacked(status, NULL);
}

static void test_without_usable_details(void **state) {
  (void)state;
  struct err e;
  rpc_status_read(&e, 5, "no such\nthing", NULL, 0);
  assert_int_equal(e.kind, ERR_NOT_FOUND);
  assert_string_equal(e.text, "no such thing");
  rpc_status_read(&e, 14, NULL, NULL, 0);
  assert_int_equal(e.kind, ERR_UNREACHABLE);
  assert_string_equal(e.text, "the call ended with status 14");
  rpc_status_read(&e, 99, "", (const uint8_t *)"garbage", 7);
  assert_int_equal(e.kind, ERR_INTERNAL);
  assert_string_equal(e.text, "the call ended with status 99");
  rpc_status_read(&e, 3, "m", (const uint8_t *)"", 0);
  assert_int_equal(e.kind, ERR_INPUT);
  assert_string_equal(e.text, "m");
  rpc_status_read(&e, 0, "ignored", NULL, 0);
  assert_int_equal(e.kind, ERR_NONE);
  assert_string_equal(e.text, "");
}

static void pack_details(struct buf *out, const char *type_url, const void *value, size_t len) {
  Google__Protobuf__Any any;
  google__protobuf__any__init(&any);
  char url[64];
  (void)strncpy(url, type_url, sizeof url - 1);
  url[sizeof url - 1] = '\0';
  struct buf copy BUF_SCOPED = BUF_INIT;
  buf_add(&copy, value, len);
  any.type_url = url;
  any.value.data = (uint8_t *)copy.s;
  any.value.len = len;
  Google__Protobuf__Any *details[] = {&any};
  Google__Rpc__Status status;
  google__rpc__status__init(&status);
  status.n_details = 1;
  status.details = details;
  buf_reserve(out, google__rpc__status__get_packed_size(&status));
  out->len = google__rpc__status__pack(&status, (uint8_t *)out->s);
}

static void test_details_of_others(void **state) {
  (void)state;
  static const struct {
    const char *url, *value;
  } foreign[] = {
      {"type.googleapis.com/google.rpc.RetryInfo", "\x08\x03"},
      {"migd.v1.Error", "\x08\x03"},       /* no slash */
      {"x/migd.v1.Error", "\x08\x63"},     /* a kind of the future */
      {"x/migd.v1.Error", "\x12\x02hi"},   /* no kind */
      {"x/migd.v1.Error", "\x12\x01\xff"}, /* malformed */
  };
  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    struct buf packed BUF_SCOPED = BUF_INIT;
    pack_details(&packed, foreign[i].url, foreign[i].value, strlen(foreign[i].value));
    struct err e;
    rpc_status_read(&e, 9, "plain words", (const uint8_t *)packed.s, packed.len);
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_string_equal(e.text, "plain words");
  }
  struct buf packed BUF_SCOPED = BUF_INIT;
  pack_details(&packed, "other.host/migd.v1.Error", "\x08\x06\x12\x02hi", 6);
  struct err e;
  rpc_status_read(&e, 10, "plain words", (const uint8_t *)packed.s, packed.len);
  assert_int_equal(e.kind, ERR_LOCKED);
  assert_string_equal(e.text, "hi");
}

static void test_error_messages(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 0);
  struct err e, back;
  fill_all(&e, "ab");
  Migd__V1__Error *m = rpc_error_message(&arena, &e);
  struct err saved = e;
  memset(&e, 'x', sizeof e); /* it keeps nothing of the struct */
  rpc_error_read(&back, m);
  assert_same(&saved, &back);
  m->kind = (Migd__V1__ErrorKind)1000;
  char dirty[] = "a\nb";
  m->message = dirty;
  m->target = NULL;
  rpc_error_read(&back, m);
  assert_int_equal(back.kind, ERR_INTERNAL);
  assert_string_equal(back.text, "a b");
  assert_string_equal(back.target, "");
  rpc_error_read(&back, NULL);
  assert_int_equal(back.kind, ERR_NONE);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_kind),
      cmocka_unit_test(test_the_largest),
      cmocka_unit_test(test_a_detail_keeps_its_lines),
      cmocka_unit_test(test_unclean_fields),
      cmocka_unit_test(test_status_is_googles),
      cmocka_unit_test(test_without_usable_details),
      cmocka_unit_test(test_details_of_others),
      cmocka_unit_test(test_error_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
