/* The services of this server: each is a file, which ends with its rows. methods.c lists them. */
#ifndef MIGD_RPC_SERVICES_H
#define MIGD_RPC_SERVICES_H

#include "server/rpc/call.h"

extern const struct service rpc_catalogs, rpc_targets, rpc_runs, rpc_lint, rpc_locks, rpc_server;
extern const struct service rpc_health, rpc_reflection, rpc_reflection_alpha;

/* Fills .in and .out of a row from the names of two messages of migd.v1. */
#define METHOD_TYPES(in_, out_)                                                                    \
  .in = &migd__v1__##in_##__descriptor, .out = &migd__v1__##out_##__descriptor

#define SERVICE_METHODS(rows) .methods = (rows), .count = sizeof(rows) / sizeof((rows)[0])

#endif
