/* Files that a client is sending: their bytes go to a nameless file on disk as they come, and are
 * read back by memory map when all are there. Owned by one call; whichever worker runs its step.
 */
#ifndef MIGD_RPC_SPOOL_H
#define MIGD_RPC_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "server/catalog/catalog.h"

#define SPOOL_FILES_MAX 100000

struct spool {
  int fd;             /* -1: none */
  uint64_t size, max; /* bytes received, bytes allowed */
  struct spooled {
    const char *name; /* in the arena */
    uint64_t start, len;
  } * files;
  size_t count, capacity;
  bool open; /* more of the last file follows */
  struct arena *arena;
  void *map;
  size_t map_len;
};

/* In `dir`, for at most `max` bytes. Names go to the arena. To be released in any case. */
int spool_open(struct spool *s, const char *dir, uint64_t max, struct arena *arena, struct err *e);
void spool_release(struct spool *s);
/* The next bytes of a file. ERR_INPUT for a name that no revision file can have or a part out of
 * its turn, ERR_BUSY, naming it, for a limit, ERR_STORAGE when the disk is full or failing. */
int spool_part(struct spool *s, const char *name, const void *bytes, size_t len, bool more,
               struct err *e);
/* All files, in the arena; their bytes are the map's, until release. ERR_INPUT when there are none
 * or the last one is not whole. */
int spool_finish(struct spool *s, struct catalog_file **files, struct err *e);

#endif
