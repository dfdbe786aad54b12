/* Offline SQL; runs.c lists it as GenerateScript. */
#ifndef MIGD_RPC_SCRIPT_H
#define MIGD_RPC_SCRIPT_H

#include "server/rpc/call.h"

enum call_next script_step(struct call *call, const ProtobufCMessage *in, struct err *e);

#endif
