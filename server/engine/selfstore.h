/* The store's own schema: the catalog in migrations/store/, embedded at build time, applied at
 * start by the same walk that serves every target.
 */
#ifndef MIGD_ENGINE_SELFSTORE_H
#define MIGD_ENGINE_SELFSTORE_H

#include "proto/base/err.h"

struct log;

/* Brings the store's file to the embedded head, making it where `create`. A store whose ledger has
 * a revision that is not embedded is ERR_REFUSED: it is newer than this program. `revision` (may be
 * NULL, 65 bytes) is answered the head. */
int selfstore_migrate(const char *path, int create, char revision[65], struct log *log,
                      struct err *e);

#endif
