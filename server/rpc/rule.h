/* What a catalog says of its databases; catalogs.c lists it as UpdateCatalog. */
#ifndef MIGD_RPC_RULE_H
#define MIGD_RPC_RULE_H

#include "server/rpc/call.h"

enum call_next rule_step(struct call *call, const ProtobufCMessage *in, struct err *e);

#endif
