/* Messages as proto3 JSON, by their descriptors: lowerCamelCase names, enums by name, 64-bit
 * integers as strings, bytes in base64, Timestamp and Duration in their short forms, what has its
 * default value left out. Pure.
 */
#ifndef MIGD_CLIENT_JSON_H
#define MIGD_CLIENT_JSON_H

#include <stdbool.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include <protobuf-c/protobuf-c.h>

/* Appends the message as JSON, with a line end: indented, or on one line. With `ascii`, every
 * character beyond ASCII is escaped (a terminal gets that). */
void json_message(struct buf *out, const ProtobufCMessage *m, bool compact, bool ascii);
/* The same of an error: {"error": migd.v1.Error}. */
void json_error(struct buf *out, const struct err *e, bool compact, bool ascii);

#endif
