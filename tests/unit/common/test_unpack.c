/* Tests unpacking: what a hostile peer may put into a message, that each refusal names its field,
 * and that memory that cannot be had is an error wherever it is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "migd/v1/runs.pb-c.h"
#include "migd/v1/targets.pb-c.h"
#include "proto/base/buf.h"
#include "proto/rpc/unpack.h"

static void add_tag(struct buf *out, unsigned id, unsigned wire) {
  buf_addc(out, (char)(id << 3 | wire));
}

static void add_part(struct buf *out, unsigned id, const void *bytes, size_t len) {
  add_tag(out, id, 2);
  size_t rest = len;
  for (; rest >= 0x80; rest >>= 7)
    buf_addc(out, (char)(rest | 0x80));
  buf_addc(out, (char)rest);
  buf_add(out, bytes, len);
}

static void add_text(struct buf *out, unsigned id, const char *text) {
  add_part(out, id, text, strlen(text));
}

/* ERR_INPUT with this text, from memory that ends where the message does. */
static void check_refused(const ProtobufCMessageDescriptor *type, const struct buf *wire,
                          const char *text) {
  uint8_t *copy = malloc(wire->len > 0 ? wire->len : 1);
  assert_non_null(copy);
  memcpy(copy, buf_str(wire), wire->len);
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  err_clear(&e);
  assert_null(rpc_unpack(type, copy, wire->len, &arena, &e));
  assert_int_equal(e.kind, ERR_INPUT);
  assert_string_equal(e.text, text);
  arena_release(&arena);
  free(copy);
}

static void check_accepted(const ProtobufCMessageDescriptor *type, const struct buf *wire) {
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  err_clear(&e);
  if (rpc_unpack(type, (const uint8_t *)wire->s, wire->len, &arena, &e) == NULL)
    fail_msg("%s", e.text);
  arena_release(&arena);
}

#define TARGET &migd__v1__target__descriptor
#define TARGETS &migd__v1__list_targets_response__descriptor
#define START_RUN &migd__v1__start_run_request__descriptor

static void test_whole_messages(void **state) {
  (void)state;
  struct buf label BUF_SCOPED = BUF_INIT, target BUF_SCOPED = BUF_INIT, wire BUF_SCOPED = BUF_INIT;
  add_text(&label, 1, "env");
  add_text(&label, 2,
           "pr\xc3\xb6"
           "d");
  add_text(&target, 1, "shop");
  buf_add(&target, "\x20\x02", 2);
  add_part(&target, 5, label.s, label.len);
  add_text(&target, 9, "");
  add_text(&target, 9, "a1");
  add_part(&wire, 1, target.s, target.len);
  add_part(&wire, 1, "", 0);
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  Migd__V1__ListTargetsResponse *m = (Migd__V1__ListTargetsResponse *)rpc_unpack(
      TARGETS, (const uint8_t *)wire.s, wire.len, &arena, &e);
  assert_non_null(m);
  memset(wire.s, 'x', wire.len); /* the message keeps nothing of its bytes */
  assert_int_equal(m->n_targets, 2);
  assert_string_equal(m->targets[0]->name, "shop");
  assert_int_equal(m->targets[0]->dialect, MIGD__V1__DIALECT__DIALECT_POSTGRESQL);
  assert_string_equal(m->targets[0]->labels[0]->value, "pr\xc3\xb6"
                                                       "d");
  assert_int_equal(m->targets[0]->n_current, 2);
  assert_string_equal(m->targets[0]->current[0], "");
  assert_string_equal(m->targets[0]->current[1], "a1");
  assert_string_equal(m->targets[1]->name, "");
  arena_release(&arena);
}

static void test_empty_message(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  Migd__V1__Target *m = (Migd__V1__Target *)rpc_unpack(TARGET, NULL, 0, &arena, &e);
  assert_non_null(m);
  assert_string_equal(m->name, "");
  arena_release(&arena);
}

static void test_strings(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT;
  add_part(&wire, 1, "a\0b", 3);
  check_refused(TARGET, &wire, "name: has a NUL byte");
  buf_clear(&wire);
  add_part(&wire, 1, "a\0", 2); /* at the end, where it would be lost */
  check_refused(TARGET, &wire, "name: has a NUL byte");
  buf_clear(&wire);
  add_text(&wire, 1, "a\xff");
  check_refused(TARGET, &wire, "name: not UTF-8");
  buf_clear(&wire);
  add_text(&wire, 9, "a");
  add_text(&wire, 9, "\xed\xa0\x80");
  check_refused(TARGET, &wire, "current[1]: not UTF-8");
  /* The first of two values, which the second replaces, is checked as well. */
  buf_clear(&wire);
  add_part(&wire, 1, "\0", 1);
  add_text(&wire, 1, "fine");
  check_refused(TARGET, &wire, "name: has a NUL byte");
}

static void nest(struct buf *inner, unsigned id, struct buf *out) {
  add_part(out, id, buf_str(inner), inner->len);
  buf_clear(inner);
}

static void test_nested_strings(void **state) {
  (void)state;
  struct buf label BUF_SCOPED = BUF_INIT, target BUF_SCOPED = BUF_INIT, wire BUF_SCOPED = BUF_INIT;
  add_text(&label, 1, "ok");
  nest(&label, 5, &target);
  add_text(&target, 1, "between");
  add_text(&label, 1, "ok");
  add_part(&label, 2, "\0", 1);
  nest(&label, 5, &target);
  add_text(&wire, 1, "");
  add_text(&wire, 1, "");
  nest(&target, 1, &wire);
  check_refused(TARGETS, &wire, "targets[2].labels[1].value: has a NUL byte");
}

/* What protobuf-c does not know it skips; nobody sees such strings. */
static void test_unknown_fields_and_bytes(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT;
  add_part(&wire, 15, "\0\xff", 2);
  check_accepted(&migd__v1__label__descriptor, &wire);
  buf_add(&wire, "\x78\x05\x7d....\x79........", 2 + 5 + 9);
  check_accepted(&migd__v1__label__descriptor, &wire);
  buf_clear(&wire);
  add_part(&wire, 2, "\0\xff", 2);
  check_accepted(&google__protobuf__any__descriptor, &wire);
}

static void test_enums(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT;
  buf_add(&wire, "\x20\x02", 2);
  check_accepted(TARGET, &wire);
  buf_clear(&wire);
  buf_add(&wire, "\x20\x03", 2);
  check_refused(TARGET, &wire, "dialect: 3 is no migd.v1.Dialect");
  buf_clear(&wire);
  buf_add(&wire, "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
  check_refused(TARGET, &wire, "dialect: -1 is no migd.v1.Dialect");
  /* Above 32 bits: what protobuf-c makes of it is checked, and that is 2. */
  buf_clear(&wire);
  buf_add(&wire, "\x20\x82\x80\x80\x80\x10", 6);
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  Migd__V1__Target *m =
      (Migd__V1__Target *)rpc_unpack(TARGET, (uint8_t *)wire.s, wire.len, &arena, &e);
  assert_non_null(m);
  assert_int_equal(m->dialect, 2);
  arena_release(&arena);
  buf_clear(&wire);
  buf_add(&wire, "\x10\x09", 2);
  check_refused(START_RUN, &wire, "operation: 9 is no migd.v1.Operation");
  buf_clear(&wire);
  buf_add(&wire, "\x25....", 5);
  check_refused(TARGET, &wire, "dialect: not an enum value");
}

/* The API has no list of enum values yet; protobuf-c reads them packed and one by one. */
struct list {
  ProtobufCMessage base;
  size_t n_values;
  int *values;
};
static const ProtobufCFieldDescriptor list_fields[] = {{
    .name = "values",
    .id = 1,
    .label = PROTOBUF_C_LABEL_REPEATED,
    .type = PROTOBUF_C_TYPE_ENUM,
    .quantifier_offset = offsetof(struct list, n_values),
    .offset = offsetof(struct list, values),
    .descriptor = &migd__v1__dialect__descriptor,
}};
static const ProtobufCIntRange list_ranges[] = {{1, 0}, {0, 1}};
static const ProtobufCMessageDescriptor list_type = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.List",
    .sizeof_message = sizeof(struct list),
    .n_fields = 1,
    .fields = list_fields,
    .n_field_ranges = 1,
    .field_ranges = list_ranges,
};

static void test_lists_of_enums(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT;
  add_part(&wire, 1, "\1\2\1", 3);
  buf_add(&wire, "\x08\x02", 2);
  check_accepted(&list_type, &wire);
  buf_add(&wire, "\x08\x05", 2);
  check_refused(&list_type, &wire, "values[2]: 5 is no migd.v1.Dialect");
  buf_clear(&wire);
  add_part(&wire, 1, "\1\2\7", 3);
  check_refused(&list_type, &wire, "values[0]: 7 is no migd.v1.Dialect");
  buf_clear(&wire);
  add_part(&wire, 1, "\1\x82", 2);
  check_refused(&list_type, &wire, "values[0]: not a list of enum values");
}

static void test_malformed(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
  } bad[] = {
      {"\x0a", 1}, /* no length */
      {"\x0a\x05"
       "abc",
       5},                                                      /* shorter than said */
      {"\x0a\xff\xff\xff\xff\x0f", 6},                          /* 4 GiB */
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* more than that */
      {"\x20", 1},                                              /* no number */
      {"\x20\x82", 2},                                          /* half a number */
      {"\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* eleven bytes of number */
      {"\x02\x00", 2},                                          /* field 0 */
      {"\x0b", 1},                                              /* a group */
      {"\x0c", 1},                                              /* its end */
      {"\x0e", 1},                                              /* no wire type */
      {"\x0f", 1},
      {"\x80\x80\x80\x80\x80\x01", 6}, /* a tag of six bytes */
      {"\xfa\xff\xff\xff\x7f\x00", 6}, /* a field beyond 2^29 */
      {"\x0d...", 4},                  /* a name as half a fixed32 */
      {"\x0d....", 5},                 /* a name as a fixed32 */
      {"\x08\x01", 2},                 /* a name as a number */
      {"\x52\x01\x01", 3},             /* a number as a string */
      {"\x30\x01", 2},                 /* a message as a number */
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct buf wire BUF_SCOPED = BUF_INIT;
    buf_add(&wire, bad[i].bytes, bad[i].len);
    check_refused(TARGET, &wire, "the message is no migd.v1.Target");
  }
  struct buf wire BUF_SCOPED = BUF_INIT;
  buf_add(&wire, "\x2a\x01\x0a", 3);
  check_refused(TARGET, &wire, "the message is no migd.v1.Label");
}

/* 4 MiB of empty sub-messages would unpack to hundreds of MiB. */
static void test_budget(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < 2u << 20; i++)
    buf_add(&wire, "\x0a\x00", 2);
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  assert_null(rpc_unpack(TARGETS, (uint8_t *)wire.s, wire.len, &arena, &e));
  assert_int_equal(e.kind, ERR_INPUT);
  assert_string_equal(e.text,
                      "migd.v1.ListTargetsResponse: takes more than 16777216 bytes of memory");
  assert_true(arena.used <= RPC_UNPACK_BUDGET + (1u << 20));
  arena_release(&arena);
}

static void test_largest_chunk_fits_the_budget(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT, bytes BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < (4u << 20) - 16; i++)
    buf_addc(&bytes, (char)i);
  add_part(&wire, 2, bytes.s, bytes.len);
  check_accepted(&google__protobuf__any__descriptor, &wire);
}

static void test_depth(void **state) {
  (void)state;
  struct buf wire BUF_SCOPED = BUF_INIT, outer BUF_SCOPED = BUF_INIT;
  for (int depth = 1; depth < RPC_UNPACK_DEPTH; depth++) {
    add_part(&outer, 3, buf_str(&wire), wire.len); /* DescriptorProto.nested_type */
    buf_clear(&wire);
    buf_add(&wire, outer.s, outer.len);
    buf_clear(&outer);
  }
  check_accepted(&google__protobuf__descriptor_proto__descriptor, &wire);
  add_part(&outer, 3, wire.s, wire.len);
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  assert_null(rpc_unpack(&google__protobuf__descriptor_proto__descriptor, (uint8_t *)outer.s,
                         outer.len, &arena, &e));
  assert_int_equal(e.kind, ERR_INPUT);
  assert_non_null(strstr(e.text, "nested_type[0].nested_type[0]"));
  arena_release(&arena);
}

/* Every allocation of an unpack fails once, wherever the limit happens to cut. */
static void test_every_failing_allocation(void **state) {
  (void)state;
  struct buf label BUF_SCOPED = BUF_INIT, target BUF_SCOPED = BUF_INIT, wire BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < 40; i++) {
    add_text(&label, 1, "key");
    add_text(&label, 2, "value");
    nest(&label, 5, &target);
    add_text(&target, 1, "name");
    add_text(&target, 9, "revision");
    buf_add(&target, "\x7a\x00\x6a\x04\x12\x02hi", 8);
    nest(&target, 1, &wire);
  }
  size_t failures = 0;
  for (size_t limit = 16;; limit += 16) {
    struct arena arena;
    arena_init(&arena, limit);
    struct err e;
    void *m = rpc_unpack(TARGETS, (uint8_t *)wire.s, wire.len, &arena, &e);
    arena_release(&arena);
    if (m != NULL)
      break;
    assert_int_equal(e.kind, ERR_INPUT);
    failures++;
  }
  assert_true(failures > 300);
}

static void test_protobuf_is_sound(void **state) {
  (void)state;
  assert_true(rpc_protobuf_is_sound());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole_messages),
      cmocka_unit_test(test_empty_message),
      cmocka_unit_test(test_strings),
      cmocka_unit_test(test_nested_strings),
      cmocka_unit_test(test_unknown_fields_and_bytes),
      cmocka_unit_test(test_enums),
      cmocka_unit_test(test_lists_of_enums),
      cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_budget),
      cmocka_unit_test(test_largest_chunk_fits_the_budget),
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_every_failing_allocation),
      cmocka_unit_test(test_protobuf_is_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
