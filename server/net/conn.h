/* A connection: from accept to close. Its state is the list it is on; it is freed by the reaper
 * alone, never inside one of libevent's or nghttp2's callbacks. Loop thread only.
 */
#ifndef MIGD_NET_CONN_H
#define MIGD_NET_CONN_H

#include <event2/bufferevent.h>

#include "server/net/loop.h"
#include "server/net/tls.h"

#define CONN_PEER 80

enum conn_state {
  CONN_PEEKING,   /* nothing has come yet: it costs a descriptor and this struct */
  CONN_HANDSHAKE, /* TLS */
  CONN_OPEN,
  CONN_DEAD,      /* waits for the reaper */
  CONN_LINGERING, /* written shut; what the peer still sends is read, so that it can read our alert
                   */
};

TAILQ_HEAD(stream_queue, stream);

struct conn {
  struct net *net;
  TAILQ_ENTRY(conn) link;         /* by state */
  TAILQ_ENTRY(conn) dirty_link;   /* net->dirty */
  TAILQ_ENTRY(conn) waiting_link; /* principal->waiting, while `queued` is not empty */
  enum conn_state state;
  int fd;
  bool dirty;
  bool failing; /* GOAWAY is queued for its misbehaviour; nothing it sends is read any more */
  bool closing; /* closed when its output is out, or at close_ns */
  bool linger;
  char peer[CONN_PEER];
  struct party *address, *principal;
  char uri[TLS_URI];
  int64_t expires_us;

  struct event *io; /* peeking and lingering */
  struct event *timer;
  int64_t armed_ns; /* when the timer fires; 0: it does not */
  SSL *ssl;
  struct bufferevent *bev;
  nghttp2_session *session;

  LIST_HEAD(, stream) streams;
  LIST_HEAD(, handoff) handoffs;     /* calls of it that workers have */
  struct stream_queue ready, queued; /* to be advanced in this turn; waiting for a job */
  unsigned jobs;

  int64_t opened_ns, read_ns, close_ns;
  int64_t ping_ns;        /* our ping went out then; 0: none is out */
  int64_t drain_ns;       /* the last GOAWAY goes out then, or when the drain's ping is answered */
  int64_t headers_ns;     /* a header block has begun then and has not ended; 0: none */
  uint64_t written;       /* bytes given to TLS so far, … */
  uint64_t taken;         /* … and those that had left when we last looked, … */
  int64_t taken_ns;       /* … the last time that there were more */
  size_t header_bytes;    /* of the header block at hand, as SETTINGS_MAX_HEADER_LIST_SIZE counts */
  unsigned update_credit; /* WINDOW_UPDATEs that the DATA we sent may bring */
  struct bucket resets, control;
  size_t lingered;
};

/* Takes fd and the reference on `address`. */
void conn_new(struct net *n, int fd, const char *peer, struct party *address);
/* To be settled before the loop sleeps. */
void conn_touch(struct conn *c);
/* Runs what is ready, sends, closes, sets the timer. Called by net_settle for what was touched. */
void conn_settle(struct conn *c);
/* Says GOAWAY with this HTTP/2 error, says why in the log, then closes. */
void conn_fail(struct conn *c, uint32_t h2_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Lets go of everything at once but the memory. */
void conn_dead(struct conn *c, bool linger);
/* First and last word of an orderly end: GOAWAY with no stream named, then with the last one
 * served. */
void conn_drain(struct conn *c);
void conn_drained(struct conn *c);
/* The reaper's: frees the dead, or has them linger. */
void conn_reap(struct conn *c);
/* Frees one that lingers. */
void conn_free(struct conn *c);

extern const uint8_t conn_drain_ping[8];

#endif
