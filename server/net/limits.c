/* Token buckets as one number each (the time at which the bucket is full again), and the tables of
 * parties. Loop thread only.
 */
#include "server/net/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"

#define SWEEP_MIN 1024

bool bucket_take(struct bucket *b, unsigned per_second, unsigned burst, int64_t now_ns) {
  if (per_second == 0)
    return true;
  int64_t token_ns = NS_PER_S / per_second;
  int64_t full_ns = b->full_ns > now_ns ? b->full_ns : now_ns;
  if (full_ns + token_ns - now_ns > token_ns * burst)
    return false;
  b->full_ns = full_ns + token_ns;
  return true;
}

bool bucket_full(const struct bucket *b, int64_t now_ns) {
  return b->full_ns <= now_ns;
}

void party_table_init(struct party_table *t) {
  for (size_t i = 0; i < PARTY_BUCKETS; i++)
    LIST_INIT(&t->buckets[i]);
  t->count = 0;
  t->sweep_at = SWEEP_MIN;
}

static void party_free(struct party *p) {
  LIST_REMOVE(p, link);
  p->table->count--;
  free(p);
}

void party_table_release(struct party_table *t) {
  for (size_t i = 0; i < PARTY_BUCKETS; i++)
    while (!LIST_EMPTY(&t->buckets[i]))
      party_free(LIST_FIRST(&t->buckets[i]));
}

/* Frees what is kept only for its bucket. Each token comes back within a second or so, so what a
 * flood from many addresses leaves is short-lived. */
static void sweep(struct party_table *t, int64_t now_ns) {
  for (size_t i = 0; i < PARTY_BUCKETS; i++) {
    struct party *next;
    for (struct party *p = LIST_FIRST(&t->buckets[i]); p; p = next) {
      next = LIST_NEXT(p, link);
      if (p->refs == 0 && bucket_full(&p->accepts, now_ns))
        party_free(p);
    }
  }
  t->sweep_at = t->count * 2 > SWEEP_MIN ? t->count * 2 : SWEEP_MIN;
}

static struct party_list *bucket_of(struct party_table *t, const char *name) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (const char *c = name; *c; c++)
    hash = (hash ^ (uint8_t)*c) * 16777619u;
  return &t->buckets[hash % PARTY_BUCKETS];
}

struct party *party_get(struct party_table *t, const char *name, int64_t now_ns) {
  struct party_list *bucket = bucket_of(t, name);
  struct party *p;
  LIST_FOREACH(p, bucket, link) {
    if (strcmp(p->name, name) == 0)
      return party_ref(p);
  }
  if (t->count >= t->sweep_at)
    sweep(t, now_ns);
  p = xcalloc(1, sizeof *p);
  p->table = t;
  TAILQ_INIT(&p->waiting);
  snprintf(p->name, sizeof p->name, "%s", name);
  LIST_INSERT_HEAD(bucket, p, link);
  t->count++;
  return party_ref(p);
}

struct party *party_ref(struct party *p) {
  p->refs++;
  return p;
}

void party_put(struct party *p, int64_t now_ns) {
  if (p == NULL || --p->refs > 0)
    return;
  if (bucket_full(&p->accepts, now_ns))
    party_free(p);
}

void address_party(const struct sockaddr *address, char out[PARTY_NAME]) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, address, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
      inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      memset(&in6.sin6_addr.s6_addr[8], 0, 8);
      inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
    }
  }
  snprintf(out, PARTY_NAME, "%s", text);
}
