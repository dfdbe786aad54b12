/* gRPC calls over one HTTP/2 connection, one at a time: unary, a stream of replies, an upload.
 * Plain poll, no threads. A channel that lost its connection stays useless; open another.
 */
#ifndef MIGD_CLIENT_CALL_H
#define MIGD_CLIENT_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/wire.h"
#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include <protobuf-c/protobuf-c.h>

struct channel;

/* `deadline`: CLOCK_MONOTONIC ns, 0: none, here and below. */
struct channel *channel_open(const struct wire_settings *settings, int64_t deadline, struct err *e);
void channel_close(struct channel *ch); /* Takes NULL. */
/* Another call may be made: the connection stands and the server is not going away. */
bool channel_usable(const struct channel *ch);
const char *channel_name(const struct channel *ch);
/* Called about five times a second while a call waits; NULL: not. */
void channel_on_tick(struct channel *ch, void (*tick)(void *ctx), void *ctx);

struct call {
  const ProtobufCServiceDescriptor *service;
  const char *method;              /* "StartRun" */
  const ProtobufCMessage *request; /* the only request, or NULL when `next` gives them */
  /* Adds the next request with rpc_frame(); answers 1: more follow, 0: that was the last (or
   * nothing was added and there is none), -1: `e` says why the call is to be given up. */
  int (*next)(void *ctx, struct buf *out, struct err *e);
  /* Gets each reply, borrowed for the call. A non-zero answer ends the call and is answered. */
  int (*message)(void *ctx, const ProtobufCMessage *m, struct err *e);
  void *ctx;           /* for both */
  struct arena *arena; /* replies are unpacked into it and stay; NULL: borrowed as said */
  int64_t deadline;
};

/* 0, or -1 with what the call ended with, or what `message` answered. */
int call_run(struct channel *ch, const struct call *call, struct err *e);
/* One request, one reply, which is unpacked into the arena. */
const ProtobufCMessage *call_unary(struct channel *ch, const ProtobufCServiceDescriptor *service,
                                   const char *method, const ProtobufCMessage *request,
                                   int64_t deadline, struct arena *arena, struct err *e);

#endif
