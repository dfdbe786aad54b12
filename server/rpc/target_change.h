/* Adding a target and changing one; targets.c lists them as AddTarget and UpdateTarget. */
#ifndef MIGD_RPC_TARGET_CHANGE_H
#define MIGD_RPC_TARGET_CHANGE_H

#include "server/rpc/call.h"

enum call_next target_add_step(struct call *call, const ProtobufCMessage *in, struct err *e);
enum call_next target_update_step(struct call *call, const ProtobufCMessage *in, struct err *e);

/* targets.c: replies with the target as it is now, and is done. */
enum call_next target_reply(struct call *call, const char *name, struct err *e);

#endif
