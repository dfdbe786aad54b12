/* The encodings of gRPC's metadata: grpc-timeout, grpc-message, and base64 for names that end in
 * -bin. Pure. Source: gRPC's PROTOCOL-HTTP2.md.
 */
#ifndef MIGD_RPC_CODEC_H
#define MIGD_RPC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"

#define RPC_TIMEOUT_MAX_NS                                                                         \
  (INT64_MAX / 2) /* longer ones are cut to this: now + timeout never overflows */

/* `12S`, `250m`, … to nanoseconds; at most 8 digits and a unit. */
int rpc_timeout_parse(const char *value, size_t len, int64_t *ns, struct err *e);
/* Rounded up to what 8 digits can say; a past deadline is `0n`. */
void rpc_timeout_format(struct buf *out, int64_t ns);

/* grpc-message: %x20-7E except `%` stand for themselves, every other byte is %XX; cut at 1 KiB,
 * between characters. */
void rpc_percent_encode(struct buf *out, const char *text);
/* What is no %XX stays as it is. The result is a peer's: it may hold any byte. */
void rpc_percent_decode(struct buf *out, const char *text, size_t len);
/* Without padding when encoding, with or without when decoding. */
void rpc_base64_encode(struct buf *out, const void *data, size_t len);
int rpc_base64_decode(struct buf *out, const char *text, size_t len, struct err *e);

#endif
