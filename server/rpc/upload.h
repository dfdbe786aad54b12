/* The files that a client streams to a method: spooled to disk, a few uploads at a time. Owned by
 * one call.
 */
#ifndef MIGD_RPC_UPLOAD_H
#define MIGD_RPC_UPLOAD_H

#include "migd/v1/catalogs.pb-c.h"

#include "server/rpc/call.h"
#include "server/rpc/spool.h"

struct upload {
  atomic_uint *slots; /* NULL: none is held */
  struct spool spool;
};

/* `u` zeroed. To be released also when it failed. */
int upload_begin(struct upload *u, struct call *call, struct err *e);
void upload_release(struct upload *u);
int upload_parts(struct upload *u, Migd__V1__FilePart *const *parts, size_t count, struct err *e);
/* All files as a catalog, whose bytes are the upload's. ERR_INPUT with what is wrong in them added
 * to `problems`, which has its arena. */
int upload_catalog(struct upload *u, struct problems *problems, struct catalog *out, struct err *e);

#endif
