/* A SQLite target for tests: a file in a folder of its own, a catalog whose revisions r1, r2, … are
 * given as SQL, and walks over them. Failures of what is not under test end the test.
 */
#ifndef MIGD_TESTS_LITE_WORLD_H
#define MIGD_TESTS_LITE_WORLD_H

#include "server/engine/walk.h"

struct world {
  char dir[64];
  char file[96]; /* the database's */
  struct db_url url;
  struct db_options options;
  struct arena arena;
  struct catalog catalog;
  struct variables variables; /* none until a test gives some */
  struct secrets secrets;     /* the same */
  int64_t epoch;
};

void world_begin(struct world *x);
void world_end(struct world *x);
/* The catalog is r1 to rN from here on: each a line of its own of SQL, or with its own `--
 * migd:up`. The SQL begins at line 5 of its file. */
void world_catalog(struct world *x, const char *const *sql, size_t count);
/* A walk to `last`; the arena is the world's. */
int world_walk(struct world *x, enum operation operation, const char *revision,
               enum walk_stage last, struct walk *out, struct err *e);
/* Upgrades. */
int world_go(struct world *x, const char *revision, struct err *e);
/* Runs SQL past migd; any number of statements. */
void world_run(struct world *x, const char *sql);
/* The rows of a query past migd: `|` between values, a line a row. In the arena. */
const char *world_ask(struct world *x, const char *sql);

#endif
