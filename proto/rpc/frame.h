/* gRPC's length-prefixed messages, and the umbrella of the parts of gRPC over HTTP/2 that do no
 * I/O, shared by server and client. Source: gRPC's PROTOCOL-HTTP2.md. No globals, any thread.
 */
#ifndef MIGD_RPC_FRAME_H
#define MIGD_RPC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/rpc/codec.h"
#include "proto/rpc/status.h"
#include "proto/rpc/unpack.h"
#include <protobuf-c/protobuf-c.h>

#define RPC_MESSAGE_MAX (4u << 20) /* bytes of one message */

/* Cuts a byte stream into messages. Start it as {0}; `pending.len` not 0 at the stream's end means
 * that a message was cut short. */
struct rpc_deframer {
  struct buf pending; /* an incomplete message with its 5 bytes of prefix */
};
void rpc_deframer_release(struct rpc_deframer *d);
/* Feeds bytes; calls `message` for each whole one (its bytes are borrowed for the call). A message
 * over RPC_MESSAGE_MAX is ERR_BUSY (RESOURCE_EXHAUSTED), a compressed one ERR_UNIMPLEMENTED. A
 * non-zero answer of `message` ends the feed and is answered. After a failure the stream is lost.
 */
int rpc_deframe(struct rpc_deframer *d, const uint8_t *bytes, size_t len,
                int (*message)(void *ctx, const uint8_t *bytes, size_t len), void *ctx,
                struct err *e);
/* Appends prefix and packed message. */
void rpc_frame(struct buf *out, const ProtobufCMessage *message);
void rpc_frame_bytes(struct buf *out, const void *packed, size_t len);

#endif
