/* Inside of the room: what the loop owns. Everything here is touched by the loop's thread alone,
 * but for `open`, which anyone may read.
 */
#ifndef MIGD_NET_LOOP_H
#define MIGD_NET_LOOP_H

#include <event2/event.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/base/log.h"
#include "server/net/limits.h"
#include "server/net/net.h"

struct stream;

#define NET_PARKED 256
#define NET_SCRATCH 16384 /* one TLS record */

enum net_stage {
  NET_SERVING,
  NET_DRAINING, /* no new connections; calls end by themselves */
  NET_HURRIED,  /* what has not ended is told UNAVAILABLE */
  NET_CUT,      /* connections are closed as they are */
};

struct net {
  struct event_base *base;
  struct net_limits limits;
  char *cert_file, *key_file, *ca_file;
  struct mailbox *mailbox;
  struct pool *workers;
  const struct server *server;
  struct log *log;

  int listen_fd, reserve_fd;
  int fd_limit; /* a connection with a higher number is not taken */
  struct event *accepting;
  char address[80];

  SSL_CTX *tls;
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *options;

  struct party_table addresses, principals;
  struct conn_queue handshaking, serving, lingering, dead; /* a connection's list is its state */
  struct conn_queue dirty;
  unsigned handshakes;
  unsigned handed_over;                   /* calls that workers have */
  LIST_HEAD(, stream) parked[NET_PARKED]; /* by run */
  atomic_uint open;

  struct event *mail, *reaper, *stage_timer;
  struct event *signals[3];
  struct bucket refusal_lines;
  unsigned refusals_unsaid;
  enum net_stage stage;
  struct mail stop_mail;
  atomic_flag stop_sent;
  void (*reload)(void *ctx);
  void *reload_ctx;
  uint8_t scratch[NET_SCRATCH];
};

/* Ends every callback of libevent: runs, sends and closes what it touched. */
void net_settle(struct net *n);
/* One line for a peer that was refused or cut off, but not more than a few a second. */
void net_refused(struct net *n, const char *peer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* listener.c */
int listener_open(struct net *n, const char *listen, struct err *e);
void listener_close(struct net *n);

#endif
