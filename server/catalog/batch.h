/* Sections that run batch by batch: the values of `batch=` and `pause=`, and what their
 * statement must be. Pure: no I/O, no clock, no globals.
 */
#ifndef MIGD_CATALOG_BATCH_H
#define MIGD_CATALOG_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "server/base/dialect.h"

enum {
  BATCH_MAX = 1000000,
  BATCH_PAUSE_MAX = 60000, /* ms */
  /* ms, where the section does not say. Not 0: who polls for SQLite's lock gets a turn. */
  BATCH_PAUSE = 10,
};

/* The values of the options; false: they are none. `50ms`, `2s`, `1.5s`, `0`. */
bool batch_read_size(const char *s, size_t len, unsigned *out);
bool batch_read_pause(const char *s, size_t len, unsigned *out_ms);

/* Why a statement cannot run batch by batch; NULL: it can. */
const char *batch_problem(enum dialect dialect, const char *sql, size_t len);
/* Whether it is an UPDATE: one that could change the same rows for ever. */
bool batch_updates(enum dialect dialect, const char *sql, size_t len);

#endif
