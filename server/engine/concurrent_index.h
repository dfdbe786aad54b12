/* PostgreSQL's CREATE INDEX CONCURRENTLY leaves an INVALID index when it is cut off or fails: the
 * one statement outside a transaction whose effect migd can see and undo by itself.
 */
#ifndef MIGD_ENGINE_CONCURRENT_INDEX_H
#define MIGD_ENGINE_CONCURRENT_INDEX_H

#include "server/engine/walk.h"

enum index_found {
  INDEX_ERROR = -1, /* it could not be asked */
  INDEX_UNKNOWN,    /* the statement is none of these */
  INDEX_MISSING,    /* there is no such index (any more): the statement did not take effect */
  INDEX_THERE,      /* the index is there and valid: it took effect */
};

/* Looks for the index that the statement makes; one that is INVALID is dropped. */
enum index_found concurrent_index_settle(struct walk *w, const char *sql, size_t len,
                                         struct err *e);

#endif
