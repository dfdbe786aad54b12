/* What a catalog says of its databases; catalogs.c lists it as UpdateCatalog. */
#ifndef MIGD_RPC_SETTINGS_H
#define MIGD_RPC_SETTINGS_H

#include "server/rpc/call.h"
#include "server/store/bundle.h"

/* One catalog, with its variables. */
int reply_catalog(struct call *call, const struct bundle_info *info, struct err *e);
enum call_next settings_step(struct call *call, const ProtobufCMessage *in, struct err *e);

#endif
