/* Bytes from a peer to a message in an arena, with limits and checks that protobuf-c does not have:
 * a budget, a depth, no NUL and no invalid UTF-8 in strings, no enum values that nobody knows. No
 * globals, any thread.
 */
#ifndef MIGD_RPC_UNPACK_H
#define MIGD_RPC_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include <protobuf-c/protobuf-c.h>

#define RPC_UNPACK_BUDGET (16u << 20) /* bytes that one message may unpack to */
#define RPC_UNPACK_DEPTH 32           /* messages in messages */

/* Unpacks into the arena with RPC_UNPACK_BUDGET; ERR_INPUT for what is malformed, over budget, has
 * a string with NUL or invalid UTF-8, or an enum value that the descriptor does not know. The text
 * names the field: `targets[3].name: not UTF-8`. */
ProtobufCMessage *rpc_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
                             size_t len, struct arena *arena, struct err *e);

/* False when the protobuf-c that is loaded is older than 1.4.1 (CVE-2022-48468): programs refuse to
 * start then, since another library may have brought its own old copy. */
bool rpc_protobuf_is_sound(void);

#endif
