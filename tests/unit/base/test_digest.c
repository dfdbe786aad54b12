/* Tests SHA-256 by the vectors of FIPS 180-2, and wiping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/base/digest.h"

static void test_vectors(void **state) {
  (void)state;
  char out[DIGEST_TEXT];
  digest_of("", 0, out);
  assert_string_equal(out,
                      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  digest_of("abc", 3, out);
  assert_string_equal(out,
                      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  digest_of(NULL, 0, out);
  assert_string_equal(out,
                      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_in_pieces(void **state) {
  (void)state;
  static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  struct digest *d = digest_new();
  for (size_t i = 0; i < sizeof text - 1; i++)
    digest_add(d, text + i, 1);
  char out[DIGEST_TEXT];
  digest_finish(d, out);
  assert_string_equal(out,
                      "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_wipe(void **state) {
  (void)state;
  char secret[] = "secret", nothing[sizeof secret] = {0};
  wipe(secret, sizeof secret);
  assert_memory_equal(secret, nothing, sizeof secret);
  wipe(NULL, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_in_pieces),
      cmocka_unit_test(test_wipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
