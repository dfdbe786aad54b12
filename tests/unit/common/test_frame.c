/* Tests framing: messages come out whole however the stream is cut, and hostile prefixes cost
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "migd/v1/common.pb-c.h"
#include "proto/rpc/frame.h"

struct heard {
  struct buf all; /* `<message>` each */
  int answer, calls;
};

static int hear(void *ctx, const uint8_t *bytes, size_t len) {
  struct heard *h = ctx;
  h->calls++;
  buf_addc(&h->all, '<');
  buf_add(&h->all, bytes, len);
  buf_addc(&h->all, '>');
  return h->answer;
}

static void three_messages(struct buf *out) {
  rpc_frame_bytes(out, "hello", 5);
  rpc_frame_bytes(out, "", 0);
  rpc_frame_bytes(out, "to the world", 12);
}

/* In steps of every size, each step in memory of its own for the sanitizer's sake. */
static void test_any_cut(void **state) {
  (void)state;
  struct buf stream BUF_SCOPED = BUF_INIT;
  three_messages(&stream);
  assert_int_equal(stream.len, 15 + 17);
  for (size_t step = 1; step <= stream.len; step++) {
    struct rpc_deframer d = {0};
    struct heard h = {0};
    struct err e;
    for (size_t at = 0; at < stream.len; at += step) {
      size_t n = stream.len - at < step ? stream.len - at : step;
      uint8_t *piece = malloc(n);
      assert_non_null(piece);
      memcpy(piece, stream.s + at, n);
      assert_int_equal(rpc_deframe(&d, piece, n, hear, &h, &e), 0);
      free(piece);
    }
    assert_string_equal(buf_str(&h.all), "<hello><><to the world>");
    assert_int_equal(d.pending.len, 0);
    rpc_deframer_release(&d);
    buf_release(&h.all);
  }
}

static void test_cut_short_is_seen(void **state) {
  (void)state;
  struct rpc_deframer d = {0};
  struct heard h = {0};
  struct err e;
  assert_int_equal(rpc_deframe(&d, (const uint8_t *)"\0\0\0\0\5hell", 9, hear, &h, &e), 0);
  assert_int_equal(h.calls, 0);
  assert_int_equal(d.pending.len, 9);
  rpc_deframer_release(&d);
}

static int feed(const char *bytes, size_t len, size_t step, struct err *e) {
  struct rpc_deframer d = {0};
  struct heard h = {0};
  int answer = 0;
  for (size_t at = 0; at < len && answer == 0; at += step)
    answer = rpc_deframe(&d, (const uint8_t *)bytes + at, step, hear, &h, e);
  assert_int_equal(h.calls, 0);
  assert_true(d.pending.cap <= 32);
  rpc_deframer_release(&d);
  return answer;
}

static void test_refused_prefixes(void **state) {
  (void)state;
  struct err e;
  for (size_t step = 1; step <= 5; step += 4) {
    assert_int_equal(feed("\0\0\x40\0\1", 5, step, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    assert_int_equal(feed("\0\xff\xff\xff\xff", 5, step, &e), -1);
    assert_int_equal(e.kind, ERR_BUSY);
    assert_int_equal(feed("\1\0\0\0\1", 5, step, &e), -1);
    assert_int_equal(e.kind, ERR_UNIMPLEMENTED);
    assert_int_equal(feed("\2\0\0\0\1", 5, step, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    /* The largest that is allowed takes no memory before it comes. */
    assert_int_equal(feed("\0\0\x40\0\0", 5, step, &e), 0);
  }
}

static void test_largest_message(void **state) {
  (void)state;
  struct buf stream BUF_SCOPED = BUF_INIT, payload BUF_SCOPED = BUF_INIT;
  buf_reserve(&payload, RPC_MESSAGE_MAX);
  memset(payload.s, 'z', RPC_MESSAGE_MAX);
  rpc_frame_bytes(&stream, payload.s, RPC_MESSAGE_MAX);
  struct rpc_deframer d = {0};
  struct heard h = {0};
  struct err e;
  for (size_t at = 0; at < stream.len; at += 16384) {
    size_t n = stream.len - at < 16384 ? stream.len - at : 16384;
    assert_int_equal(rpc_deframe(&d, (const uint8_t *)stream.s + at, n, hear, &h, &e), 0);
  }
  assert_int_equal(h.calls, 1);
  assert_int_equal(h.all.len, RPC_MESSAGE_MAX + 2);
  /* The memory of a large message is not kept for the small ones that follow. */
  assert_null(d.pending.s);
  buf_release(&h.all);
  rpc_deframer_release(&d);
}

static void test_the_receiver_can_stop(void **state) {
  (void)state;
  struct buf stream BUF_SCOPED = BUF_INIT;
  three_messages(&stream);
  struct heard h = {.answer = 42};
  struct rpc_deframer d = {0};
  struct err e;
  assert_int_equal(rpc_deframe(&d, (const uint8_t *)stream.s, stream.len, hear, &h, &e), 42);
  assert_int_equal(h.calls, 1);
  buf_release(&h.all);
  rpc_deframer_release(&d);
}

static int unpack_label(void *ctx, const uint8_t *bytes, size_t len) {
  Migd__V1__Label *label = migd__v1__label__unpack(NULL, len, bytes);
  assert_non_null(label);
  assert_string_equal(label->key, "env");
  assert_string_equal(label->value, "prod");
  migd__v1__label__free_unpacked(label, NULL);
  ++*(int *)ctx;
  return 0;
}

static void test_messages(void **state) {
  (void)state;
  struct buf stream BUF_SCOPED = BUF_INIT;
  char key[] = "env", value[] = "prod";
  Migd__V1__Label label;
  migd__v1__label__init(&label);
  label.key = key;
  label.value = value;
  rpc_frame(&stream, &label.base);
  rpc_frame(&stream, &label.base);
  struct rpc_deframer d = {0};
  struct err e;
  int count = 0;
  assert_int_equal(rpc_deframe(&d, (const uint8_t *)stream.s, stream.len, unpack_label, &count, &e),
                   0);
  assert_int_equal(count, 2);
  rpc_deframer_release(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_any_cut),
      cmocka_unit_test(test_cut_short_is_seen),
      cmocka_unit_test(test_refused_prefixes),
      cmocka_unit_test(test_largest_message),
      cmocka_unit_test(test_the_receiver_can_stop),
      cmocka_unit_test(test_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
