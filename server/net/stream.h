/* One gRPC call on one HTTP/2 stream: request headers, messages, replies, trailers. What becomes of
 * the call between two messages is handoff.c's. Loop thread only.
 */
#ifndef MIGD_NET_STREAM_H
#define MIGD_NET_STREAM_H

#include "proto/rpc/frame.h"
#include "server/net/conn.h"

enum stream_phase {
  STREAM_HEADERS,  /* its headers are coming in */
  STREAM_IDLE,     /* waits for the client, or to be advanced */
  STREAM_QUEUED,   /* waits for one of the jobs that its connection and principal may have */
  STREAM_AT_WORK,  /* a worker has the call */
  STREAM_DRAINING, /* is stepped again when its replies are out */
  STREAM_PARKED,   /* waits for an event of a run, for a while, or for its end */
  STREAM_ENDED,    /* the status is known and on its way, or the stream is reset */
};

struct stream {
  struct conn *conn;
  LIST_ENTRY(stream) link;        /* conn->streams */
  TAILQ_ENTRY(stream) ready_link; /* conn->ready */
  TAILQ_ENTRY(stream) queue_link; /* conn->queued: STREAM_QUEUED */
  LIST_ENTRY(stream) park_link;   /* net->parked: on_board */
  int32_t id;
  enum stream_phase phase;
  bool ready, on_board;
  bool is_post, is_grpc, bad_encoding, bad_timeout; /* as the headers say */
  bool half_closed;                                 /* the client has ended its side */
  bool started;                                     /* the first step was handed over */
  bool end_told;                                    /* the method knows that the client has ended */
  bool responded;                                   /* response headers are submitted */
  bool deferred;                                    /* nghttp2 waits to be told of more data */
  bool cut;                                         /* RST_STREAM is submitted */
  bool wasted;                                      /* it ended while a worker had its call */
  unsigned messages;
  char path[128];
  const struct method *method;
  int64_t deadline_ns; /* 0: none */
  int64_t request_ns;  /* the client must have gone on by then */
  int64_t retry_ns;    /* STREAM_PARKED for a while; 0: not so */
  int64_t sent_ns;     /* the last time that the client took some of `out` */
  unsigned fruitless;  /* steps in a row that answered CALL_WAIT, no replies, and no wait was due */

  struct rpc_deframer deframer;
  struct buf inbox; /* whole messages, each behind its length (uint32_t) */
  size_t inbox_at;
  struct buf raw; /* came while the inbox was full: not consumed, so the client's window is shut */
  struct buf out; /* replies */
  size_t out_at;
  size_t held; /* counted in principal->bytes */

  struct handoff *handoff; /* its call, once there is one */
  char grpc_status[12];
  struct buf grpc_message, grpc_details;
};

struct stream *stream_new(struct conn *c, int32_t id);
void stream_free(struct stream *s);
void stream_header(struct stream *s, const char *name, size_t name_len, const char *value,
                   size_t value_len);
void stream_headers_done(struct stream *s);
void stream_data(struct stream *s, const uint8_t *bytes, size_t len);
void stream_half_closed(struct stream *s);
bool stream_is_half_closed(const struct stream *s);
/* True when it ends while work for it goes on, or its request never came. */
bool stream_wasted(const struct stream *s);

/* Takes the replies out of `replies` and sends them. */
void stream_reply(struct stream *s, struct buf *replies);
/* Ends with OK (NULL) or the error, after the replies made so far. Lets go of the call. */
void stream_end(struct stream *s, const struct err *e);
/* Ends by RST_STREAM with this HTTP/2 error: nothing queued leaves any more. */
void stream_cut(struct stream *s, uint32_t h2_error);
size_t stream_unsent(const struct stream *s);
/* A whole message is in the inbox. */
bool stream_has_message(const struct stream *s);
/* Its bytes, malloc'd, never NULL. */
void *stream_take_message(struct stream *s, size_t *len);
/* To be advanced before the loop sleeps. */
void stream_make_ready(struct stream *s);

/* For a connection: all of its streams. */
void stream_run_ready(struct conn *c);
void stream_expire_all(struct conn *c, int64_t now_ns);
void stream_drop_all(struct conn *c);
/* Those that are parked until they end. */
void stream_end_idle(struct conn *c);
/* All, with this error. */
void stream_end_all(struct conn *c, const struct err *e);
int64_t stream_due(const struct stream *s);

#endif
