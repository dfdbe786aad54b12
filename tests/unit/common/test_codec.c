/* Tests the encodings of gRPC's metadata, there and back and with what is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/base/utf8.h"
#include "proto/rpc/codec.h"

static void test_timeouts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ns;
  } good[] = {
      {"12S", INT64_C(12000000000)},
      {"250m", INT64_C(250000000)},
      {"7u", 7000},
      {"1n", 1},
      {"0S", 0},
      {"2M", INT64_C(120000000000)},
      {"1H", INT64_C(3600000000000)},
      {"99999999n", 99999999},
      {"99999999H", RPC_TIMEOUT_MAX_NS},
  };
  struct err e;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t ns = -1;
    assert_int_equal(rpc_timeout_parse(good[i].text, strlen(good[i].text), &ns, &e), 0);
    assert_true(ns == good[i].ns);
  }
  static const char *const bad[] = {"",     "S",   "12",  "123456789S", "-1S", "+1S",
                                    "1.5S", " 1S", "1S ", "1s",         "1h",  "0x1S"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t ns = 77;
    assert_int_equal(rpc_timeout_parse(bad[i], strlen(bad[i]), &ns, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(ns, 77);
  }
}

/* Never shorter than was asked, and never longer by more than one part in a hundred thousand. */
static void test_formatted_timeouts(void **state) {
  (void)state;
  for (int64_t ns = 1; ns < RPC_TIMEOUT_MAX_NS / 3; ns = ns * 3 + 1) {
    struct buf text BUF_SCOPED = BUF_INIT;
    rpc_timeout_format(&text, ns);
    int64_t back = 0;
    struct err e;
    assert_int_equal(rpc_timeout_parse(text.s, text.len, &back, &e), 0);
    assert_true(back >= ns);
    assert_true(back - ns <= ns / 100000 + 1);
  }
  struct buf text BUF_SCOPED = BUF_INIT;
  rpc_timeout_format(&text, INT64_C(99999999));
  buf_addc(&text, ' ');
  rpc_timeout_format(&text, INT64_C(30000000000));
  buf_addc(&text, ' ');
  rpc_timeout_format(&text, -5);
  buf_addc(&text, ' ');
  rpc_timeout_format(&text, INT64_MAX);
  assert_string_equal(buf_str(&text), "99999999n 30000000u 0n 2562048H");
}

static void test_percent(void **state) {
  (void)state;
  struct buf out BUF_SCOPED = BUF_INIT, back BUF_SCOPED = BUF_INIT;
  static const char text[] = "a b~%\n\x7f\xc3\xa4";
  rpc_percent_encode(&out, text);
  assert_string_equal(buf_str(&out), "a b~%25%0A%7F%C3%A4");
  rpc_percent_decode(&back, out.s, out.len);
  assert_string_equal(buf_str(&back), text);
  buf_clear(&back);
  static const char odd[] = "%c3%A4%%41%4%zz%4";
  rpc_percent_decode(&back, odd, sizeof odd - 1);
  assert_string_equal(buf_str(&back), "\xc3\xa4%A%4%zz%4");
}

static void test_percent_is_cut(void **state) {
  (void)state;
  for (int shift = 0; shift < 6; shift++) {
    struct buf text BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT, back BUF_SCOPED = BUF_INIT;
    buf_add(&text, "abcdef", (size_t)shift);
    for (int i = 0; i < 1000; i++)
      buf_adds(&text, "\xc3\xa4");
    rpc_percent_encode(&out, text.s);
    assert_true(out.len <= 1024 && out.len > 1018);
    rpc_percent_decode(&back, out.s, out.len);
    assert_true(utf8_valid(back.s, back.len));
    assert_memory_equal(back.s, text.s, back.len);
  }
}

static void check_base64(const char *data, size_t len, const char *text, const char *padded) {
  struct buf out BUF_SCOPED = BUF_INIT, back BUF_SCOPED = BUF_INIT;
  struct err e;
  rpc_base64_encode(&out, data, len);
  assert_string_equal(buf_str(&out), text);
  assert_int_equal(rpc_base64_decode(&back, text, strlen(text), &e), 0);
  assert_int_equal(rpc_base64_decode(&back, padded, strlen(padded), &e), 0);
  assert_int_equal(back.len, 2 * len);
  assert_memory_equal(buf_str(&back), data, len);
  assert_memory_equal(buf_str(&back) + len, data, len);
}

/* RFC 4648, section 10, and the last two digits of the alphabet. */
static void test_base64(void **state) {
  (void)state;
  check_base64("", 0, "", "");
  check_base64("f", 1, "Zg", "Zg==");
  check_base64("fo", 2, "Zm8", "Zm8=");
  check_base64("foo", 3, "Zm9v", "Zm9v");
  check_base64("foob", 4, "Zm9vYg", "Zm9vYg==");
  check_base64("\0\xff\xfe\xfb\xf0", 5, "AP/++/A", "AP/++/A=");
  char all[256];
  for (int i = 0; i < 256; i++)
    all[i] = (char)i;
  struct buf out BUF_SCOPED = BUF_INIT, back BUF_SCOPED = BUF_INIT;
  struct err e;
  rpc_base64_encode(&out, all, sizeof all);
  assert_int_equal(rpc_base64_decode(&back, out.s, out.len, &e), 0);
  assert_int_equal(back.len, sizeof all);
  assert_memory_equal(back.s, all, sizeof all);
}

static void test_base64_refusals(void **state) {
  (void)state;
  static const char *const bad[] = {
      "Z", "Zg=", "Zg===", "=", "====", "Z===", "Zm9v=", "Z g=", "Zm-_", "Zm9\n", "Zg==Zg=="};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct buf out BUF_SCOPED = BUF_INIT;
    struct err e;
    assert_int_equal(rpc_base64_decode(&out, bad[i], strlen(bad[i]), &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(out.len, 0);
  }
  struct buf out BUF_SCOPED = BUF_INIT;
  struct err e;
  assert_int_equal(rpc_base64_decode(&out, "A\0AA", 4, &e), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_timeouts), cmocka_unit_test(test_formatted_timeouts),
      cmocka_unit_test(test_percent),  cmocka_unit_test(test_percent_is_cut),
      cmocka_unit_test(test_base64),   cmocka_unit_test(test_base64_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
