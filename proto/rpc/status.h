/* struct err as it travels: as the message migd.v1.Error, and as the google.rpc.Status in the
 * trailer grpc-status-details-bin of a failed call. No globals, any thread.
 */
#ifndef MIGD_RPC_STATUS_H
#define MIGD_RPC_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"

struct Migd__V1__Error;

#define RPC_STATUS_TRAILER_MAX                                                                     \
  6144 /* bytes of base64 that rpc_status_pack's result never exceeds */

/* An error as migd.v1.Error fields; keeps nothing of `e`. */
struct Migd__V1__Error *rpc_error_message(struct arena *arena, const struct err *e);
/* Appends the bytes of a google.rpc.Status that carries it. */
void rpc_status_pack(struct buf *out, const struct err *e);
/* Fills `e` from what a call ended with: `message` is decoded already and may be NULL, `details`
 * are the bytes of the Status and may be NULL. Status 0 clears it. */
void rpc_status_read(struct err *e, int grpc_status, const char *message, const uint8_t *details,
                     size_t details_len);
/* A message of a kind that this program does not know becomes ERR_INTERNAL. */
void rpc_error_read(struct err *e, const struct Migd__V1__Error *m);

#endif
