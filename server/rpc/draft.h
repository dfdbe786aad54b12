/* Drafting a revision for a folder; catalogs.c lists it as DraftRevision. */
#ifndef MIGD_RPC_DRAFT_H
#define MIGD_RPC_DRAFT_H

#include "server/rpc/call.h"

enum call_next draft_step(struct call *call, const ProtobufCMessage *in, struct err *e);

#endif
