/* The network side: one event loop that owns libevent, TLS, HTTP/2 and every connection, and
 * nothing else. It never blocks. Requests cross to the worker pool once each; results come back by
 * the mailbox.
 */
#ifndef MIGD_NET_NET_H
#define MIGD_NET_NET_H

#include "server/engine/mailbox.h"
#include "server/engine/pool.h"
#include "server/rpc/call.h"

struct net;

/* Limits and timers: defaults (net_limits_default) are those of safety.md section 2; tests shorten
 * them. */
struct net_limits {
  unsigned connections_per_address; /* 64; loopback counts like any other unless 0 = no limit */
  unsigned handshakes;              /* 256 at the same time */
  unsigned accepts_per_second;      /* per address, 100 with a burst of as many */
  unsigned streams;                 /* 64 per connection */
  unsigned jobs_per_connection;     /* 16 unfinished */
  unsigned jobs_per_principal;      /* 64 unfinished, cancelled ones included */
  unsigned resets;                  /* 100 streams closed with unfinished jobs, then 20/s */
  unsigned control_frames;          /* 1,000/s per connection, a burst of as many */
  unsigned header_list;             /* 16 KiB */
  unsigned stream_buffer;           /* 1 MiB of replies not yet sent */
  size_t principal_buffer;          /* 64 MiB of requests and replies held for one principal */
  int handshake_ms;                 /* 10 s, absolute */
  int request_ms;           /* 30 s to finish a request's headers and messages; a push is given
                               as long as it makes progress */
  int stall_ms;             /* 30 s without a byte taken by a reader that owes a window */
  int ping_ms, ping_ack_ms; /* 30 s, 10 s */
  int grace_ms;             /* 10 s from SIGTERM for calls to end by themselves */
  int linger_ms;            /* 1 s for a peer to read our last words before the close */
};
void net_limits_default(struct net_limits *limits);

struct net_options {
  const char *listen;                         /* ADDR:PORT or [ADDR]:PORT; port 0: any */
  const char *cert_file, *key_file, *ca_file; /* PEM; read at start and on reload */
  struct net_limits limits;
  struct mailbox *mailbox;
  struct pool *workers;
  const struct server *server;
  struct log *log;
};

/* Listens; serves nothing before net_run. Signals that come from here on wait for the loop. */
int net_new(struct net **out, const struct net_options *options, struct err *e);
/* The address that it listens on, as text. */
const char *net_address(const struct net *n);
/* Runs the loop on this thread until it has drained. SIGTERM and SIGINT drain (a second one
 * hurries), SIGHUP calls `reload`. Once it has returned, the pool may be stopped. */
int net_run(struct net *n, void (*reload)(void *ctx), void *ctx, struct err *e);
/* Reads certificates again; connections that exist keep theirs. Loop thread. */
int net_reload(struct net *n, struct err *e);
/* As SIGTERM does: drains. Any thread, any number of times (only the first counts), before
 * net_free. */
void net_stop(struct net *n);
unsigned net_connections(const struct net *n); /* any thread */
/* After pool_stop: no worker may hold a call any more. Takes NULL. */
void net_free(struct net *n);

#endif
