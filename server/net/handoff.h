/* The way of a call between the loop and the workers: when it is stepped, which limits it waits
 * for, where it parks, and who frees it. A worker sees the handoff's call and message, never
 * streams or connections.
 */
#ifndef MIGD_NET_HANDOFF_H
#define MIGD_NET_HANDOFF_H

#include "server/net/stream.h"

/* A call with all that it needs to travel. One for each call, made at its first step. */
struct handoff {
  struct call call;
  struct work work;
  struct mail mail;
  struct mailbox *mailbox;
  void *bytes; /* the message of this step; NULL: none */
  size_t len;
  enum call_next next; /* what the step answered, … */
  struct err err;      /* … and why it failed */
  /* The loop's, which workers do not touch: */
  LIST_ENTRY(handoff) link; /* conn->handoffs while at work */
  struct net *net;
  struct stream *stream; /* NULL: nobody waits for it any more */
  struct conn *conn;     /* NULL: gone */
  struct party *principal;
};

/* Does what comes next for a stream that is STREAM_IDLE, if anything. */
void handoff_advance(struct stream *s);
/* Hands over what waits for a job, as far as the limits allow. */
void handoff_run_queued(struct conn *c);
/* Lets go of the stream's call: a worker that has it is asked to stop. */
void handoff_release(struct stream *s);
/* The connection goes; calls that workers have go on without. */
void handoff_forget_conn(struct conn *c);
/* Takes a stream off whatever it waits on. */
void handoff_unwait(struct stream *s);
/* board_listen's callback. */
void handoff_published(void *loop, int64_t run, uint64_t seq);

#endif
