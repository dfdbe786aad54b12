/* Receiving a catalog; catalogs.c lists it as PushCatalog. */
#ifndef MIGD_RPC_PUSH_H
#define MIGD_RPC_PUSH_H

#include "server/rpc/call.h"

enum call_next push_step(struct call *call, const ProtobufCMessage *in, struct err *e);

#endif
