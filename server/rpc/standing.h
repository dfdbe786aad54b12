/* How targets stand to their catalogs, from what the store last saw of them: at head, behind,
 * failing. Asking for many targets costs little: catalogs are looked up once, and equal rows are
 * counted once. Lives in the arena of one call.
 */
#ifndef MIGD_RPC_STANDING_H
#define MIGD_RPC_STANDING_H

#include "server/engine/engine.h"
#include "server/rpc/convert.h"

struct standing_catalog; /* private */
struct standing_count;

struct standings {
  struct engine *engine;
  struct arena *arena;
  struct standing_catalog *catalogs; /* by name */
  size_t catalog_count;
  struct standing_count **counts; /* a hash table */
  size_t size;                    /* of the table, a power of 2 */
};

/* Reads the catalogs' names with `db`. `targets` is about how many will be asked for. */
int standings_init(struct standings *s, struct engine *engine, struct db *db, struct arena *arena,
                   size_t targets, struct err *e);
/* Gives the catalogs back. Takes a zeroed one. */
void standings_release(struct standings *s);
/* Fills `state` and `behind`. Not while a reader of the store is held: it may need one. */
int standing_of(struct standings *s, const struct target *t, Migd__V1__Target *out, struct err *e);

#endif
