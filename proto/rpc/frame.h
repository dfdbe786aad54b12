/* The parts of gRPC over HTTP/2 that do no I/O, shared by server and client: length-prefixed messages,
 * grpc-timeout, percent-encoding of grpc-message, base64 of -bin metadata, the status trailer.
 * Source: gRPC's PROTOCOL-HTTP2.md. No globals, any thread.
 */
#ifndef MIGD_RPC_FRAME_H
#define MIGD_RPC_FRAME_H

#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include <protobuf-c/protobuf-c.h>

#define RPC_MESSAGE_MAX (4u << 20)    /* bytes of one message */
#define RPC_UNPACK_BUDGET (16u << 20) /* bytes that one message may unpack to */

/* Cuts a byte stream into messages. */
struct rpc_deframer {
  struct buf pending; /* an incomplete message with its 5 bytes of prefix */
};
void rpc_deframer_release(struct rpc_deframer *d);
/* Feeds bytes; calls `message` for each whole one (its bytes are borrowed for the call). A message
 * over RPC_MESSAGE_MAX is ERR_BUSY (RESOURCE_EXHAUSTED), a compressed one ERR_UNIMPLEMENTED. A
 * non-zero answer of `message` ends the feed and is answered. */
int rpc_deframe(struct rpc_deframer *d, const uint8_t *bytes, size_t len,
                int (*message)(void *ctx, const uint8_t *bytes, size_t len), void *ctx,
                struct err *e);
/* Appends prefix and packed message. */
void rpc_frame(struct buf *out, const ProtobufCMessage *message);
void rpc_frame_bytes(struct buf *out, const void *packed, size_t len);

/* Unpacks into the arena with RPC_UNPACK_BUDGET; ERR_INPUT for what is malformed, over budget, has a
 * string with NUL or invalid UTF-8, or an enum value that the descriptor does not know. */
ProtobufCMessage *rpc_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
                             size_t len, struct arena *arena, struct err *e);

/* `12S`, `250m`, … to nanoseconds; at most 8 digits and a unit. */
int rpc_timeout_parse(const char *value, size_t len, int64_t *ns, struct err *e);
void rpc_timeout_format(struct buf *out, int64_t ns);

/* grpc-message: %x20-7E except `%` stand for themselves, every other byte is %XX; cut at 1 KiB. */
void rpc_percent_encode(struct buf *out, const char *text);
void rpc_percent_decode(struct buf *out, const char *text, size_t len);
/* Without padding when encoding, with or without when decoding. */
void rpc_base64_encode(struct buf *out, const void *data, size_t len);
int rpc_base64_decode(struct buf *out, const char *text, size_t len, struct err *e);

/* An error as migd.v1.Error fields, and as the bytes of a google.rpc.Status that carries it. */
struct Migd__V1__Error *rpc_error_message(struct arena *arena, const struct err *e);
void rpc_status_pack(struct buf *out, const struct err *e);
/* Fills `e` from what a call ended with; `details` may be NULL. Status 0 clears it. */
void rpc_status_read(struct err *e, int grpc_status, const char *message, const uint8_t *details,
                     size_t details_len);
void rpc_error_read(struct err *e, const struct Migd__V1__Error *m);

#endif
