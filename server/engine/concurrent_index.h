/* PostgreSQL's CREATE, DROP and REINDEX … CONCURRENTLY leave INVALID indexes when they are cut off
 * or fail: the statements outside a transaction whose effect migd can see, and undo by itself.
 */
#ifndef MIGD_ENGINE_CONCURRENT_INDEX_H
#define MIGD_ENGINE_CONCURRENT_INDEX_H

#include "server/engine/walk.h"

enum index_effect {
  EFFECT_ERROR = -1, /* it could not be asked */
  EFFECT_UNKNOWN,    /* the statement is none of these */
  EFFECT_NONE,       /* it did not take effect, or may run again; nothing of it is left */
  EFFECT_DONE,       /* it took effect */
};

/* Looks for what the statement makes or drops; what it left INVALID is dropped. */
enum index_effect concurrent_index_settle(struct walk *w, const char *sql, size_t len,
                                          struct err *e);
/* Whether it must be settled before it runs at all: IF NOT EXISTS takes an INVALID index for one.
 */
bool concurrent_index_is_blind(const struct walk *w, const char *sql, size_t len);

#endif
