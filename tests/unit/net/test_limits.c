/* Buckets and parties, without a loop: time is a number here. */
#include "server/net/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"

static void a_bucket_holds_its_burst_and_refills_at_its_rate(void **state) {
  (void)state;
  struct bucket b = {0};
  int64_t now = 5 * NS_PER_S;
  for (int i = 0; i < 100; i++)
    assert_true(bucket_take(&b, 20, 100, now));
  assert_false(bucket_take(&b, 20, 100, now));
  assert_false(bucket_take(&b, 20, 100, now + 49 * NS_PER_MS));
  assert_true(bucket_take(&b, 20, 100, now + 50 * NS_PER_MS));
  assert_false(bucket_take(&b, 20, 100, now + 50 * NS_PER_MS));
  now += NS_PER_S;
  int got = 0;
  while (bucket_take(&b, 20, 100, now))
    got++;
  assert_int_equal(got, 19);
  assert_false(bucket_full(&b, now));
  assert_true(bucket_full(&b, now + 5 * NS_PER_S));
}

static void a_rate_of_zero_is_no_limit(void **state) {
  (void)state;
  struct bucket b = {0};
  for (int i = 0; i < 10000; i++)
    assert_true(bucket_take(&b, 0, 0, 1));
}

static void a_party_is_one_by_name_while_it_is_used(void **state) {
  (void)state;
  struct party_table t;
  party_table_init(&t);
  struct party *a = party_get(&t, "a", 0), *b = party_get(&t, "b", 0);
  assert_ptr_not_equal(a, b);
  assert_ptr_equal(party_get(&t, "a", 0), a);
  party_put(a, 0);
  party_put(a, 0);
  party_put(b, 0);
  party_put(NULL, 0);
  assert_int_equal(t.count, 0);
  party_table_release(&t);
}

/* Else every reconnect would buy a full bucket. */
static void a_party_that_left_keeps_its_empty_bucket(void **state) {
  (void)state;
  struct party_table t;
  party_table_init(&t);
  int64_t now = NS_PER_S;
  struct party *a = party_get(&t, "a", now);
  while (bucket_take(&a->accepts, 10, 10, now))
    continue;
  party_put(a, now);
  a = party_get(&t, "a", now + 1);
  assert_false(bucket_take(&a->accepts, 10, 10, now + 1));
  party_put(a, now + 1);
  party_table_release(&t);
}

static void a_flood_of_addresses_is_forgotten(void **state) {
  (void)state;
  struct party_table t;
  party_table_init(&t);
  int64_t now = NS_PER_S;
  for (int i = 0; i < 100000; i++) {
    char name[32];
    snprintf(name, sizeof name, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
    now += NS_PER_MS;
    struct party *p = party_get(&t, name, now);
    assert_true(bucket_take(&p->accepts, 100, 100, now));
    party_put(p, now);
    assert_true(t.count < 2048);
  }
  party_table_release(&t);
}

static void parties_of(const char *address, char out[PARTY_NAME]) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
    address_party((const struct sockaddr *)&in, out);
  else if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1)
    address_party((const struct sockaddr *)&in6, out);
}

static void an_address_is_a_party_by_host_or_network(void **state) {
  (void)state;
  char a[PARTY_NAME], b[PARTY_NAME];
  parties_of("192.0.2.1", a);
  assert_string_equal(a, "192.0.2.1");
  parties_of("::ffff:192.0.2.1", b);
  assert_string_equal(a, b);
  parties_of("2001:db8:1:2::1", a);
  parties_of("2001:db8:1:2:ffff::9", b);
  assert_string_equal(a, b); /* who has one has the whole /64 */
  parties_of("2001:db8:1:3::1", b);
  assert_string_not_equal(a, b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bucket_holds_its_burst_and_refills_at_its_rate),
      cmocka_unit_test(a_rate_of_zero_is_no_limit),
      cmocka_unit_test(a_party_is_one_by_name_while_it_is_used),
      cmocka_unit_test(a_party_that_left_keeps_its_empty_bucket),
      cmocka_unit_test(a_flood_of_addresses_is_forgotten),
      cmocka_unit_test(an_address_is_a_party_by_host_or_network),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
