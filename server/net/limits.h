/* What a peer may take: token buckets, and what one party (an address, or a principal) has in use
 * over all its connections. Loop thread only.
 */
#ifndef MIGD_NET_LIMITS_H
#define MIGD_NET_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct sockaddr;

/* Zeroed: full. */
struct bucket {
  int64_t full_ns; /* when it will be full again */
};
/* Takes a token if there is one: `burst` fit in, `per_second` come back. A rate of 0 is no limit.
 */
bool bucket_take(struct bucket *b, unsigned per_second, unsigned burst, int64_t now_ns);
bool bucket_full(const struct bucket *b, int64_t now_ns);

#define PARTY_NAME 256

struct conn;
TAILQ_HEAD(conn_queue, conn);

struct party {
  LIST_ENTRY(party) link;
  struct party_table *table;
  unsigned refs;
  unsigned connections;
  unsigned jobs; /* calls that workers have, cancelled ones included */
  size_t bytes;  /* held for it in requests and replies */
  struct bucket accepts;
  struct conn_queue waiting; /* its connections with streams that wait for a job, in turn */
  char name[PARTY_NAME];
};

#define PARTY_BUCKETS 256

struct party_table {
  LIST_HEAD(party_list, party) buckets[PARTY_BUCKETS];
  size_t count, sweep_at;
};

void party_table_init(struct party_table *t);
void party_table_release(struct party_table *t);
/* Finds or makes it; the caller holds a reference. */
struct party *party_get(struct party_table *t, const char *name, int64_t now_ns);
struct party *party_ref(struct party *p);
/* Takes NULL. One that is not referenced is kept until its bucket is full: reconnecting does not
 * buy new tokens. */
void party_put(struct party *p, int64_t now_ns);

/* The party an address belongs to: an IPv4 address, or the /64 of an IPv6 one. */
void address_party(const struct sockaddr *address, char out[PARTY_NAME]);

#endif
