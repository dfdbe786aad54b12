/* A real net instance on a port of its own, in a thread, with certificates and made-up methods, for
 * the tests of server/net. What it logs is kept in a file, to be asked about, and shown when it
 * stops.
 */
#ifndef MIGD_TESTS_NET_FIXTURE_H
#define MIGD_TESTS_NET_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>

#include "server/net/net.h"
#include "tests/support/certs.h"
#include "tests/support/h2_client.h"

#define FIXTURE_URI "migd://store/user/ann"

/* The made-up methods, under /t.T/, and what each does:
 *   Echo, EchoHere (on the loop)   answers its message
 *   Big         answers as many bytes as its message says (uint32_t)
 *   Refuse      fails; RefuseLate: after one reply
 *   Count       streams as many replies of 4 bytes as its message says (uint32_t)
 *   Flood       streams replies of 64 KiB without an end
 *   Hang        waits until it is cancelled, or for its deadline
 *   Gate        waits for fixture_open_gate, whatever is cancelled
 *   Watch       streams the journal's events (8 bytes each) until that is closed
 *   Restless    waits for a run that nobody works at, for ever
 *   Forever     one reply, then waits without an end
 *   Push        takes messages; at the end answers their number and their bytes (two uint64_t)
 *   PushGated   the same, each message through the gate
 *   PushRefuse  fails at the first message
 *   Talk        answers each message as it comes (on the loop)
 *   Who         answers the URI
 */
struct fixture {
  char dir[64];
  struct net_options options;
  struct net *net;
  struct pool *pool;
  struct mailbox *mailbox;
  struct log *log;
  struct server server;
  pthread_t thread;
  bool running;
  int run_rc;
  struct err run_err;
  unsigned reloads; /* by SIGHUP */
  int log_fd, stderr_fd;
  /* What the methods did; under the mutex, `changed` says when. */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool gate_open;
  unsigned hanging, cancelled, gated, gated_now, gated_most, floods, pushed, freed, restless;
  uint64_t journal;
  bool journal_closed;
};

/* Certificates and nothing running yet; the limits are the defaults, without those on addresses. */
struct fixture *fixture_new(void);
void fixture_start(struct fixture *f, unsigned workers, size_t queue);
/* Stops what still runs and frees everything; answers net_run's result. */
int fixture_free(struct fixture *f);
/* Waits for net_run to return by itself. */
int fixture_join(struct fixture *f);

struct h2_options fixture_options(struct fixture *f);
struct h2 *fixture_client(struct fixture *f);
/* An honest client's call on a connection of its own is answered. */
bool fixture_serves(struct fixture *f);
/* A path in the fixture's folder; overwritten after 16 more calls. */
const char *fixture_file(struct fixture *f, const char *name);
bool fixture_logged(struct fixture *f, const char *text);
/* Waits until a counter of the fixture has reached `least`; false: it did not. */
bool fixture_wait(struct fixture *f, const unsigned *counter, unsigned least);
unsigned fixture_read(struct fixture *f, const unsigned *counter);
void fixture_open_gate(struct fixture *f);
/* Commits events up to `seq` of the run that Watch watches, and says so; 0: closes the journal. */
void fixture_publish(struct fixture *f, uint64_t seq);
/* The same, without saying so. */
void fixture_commit(struct fixture *f, uint64_t seq);

#endif
