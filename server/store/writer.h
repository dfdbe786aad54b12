/* The one thread that writes the store, and the queue before it. Private to the room; store.h is
 * what others see.
 */
#ifndef MIGD_STORE_WRITER_H
#define MIGD_STORE_WRITER_H

#include "server/store/store.h"

struct writer;

/* How much of posted events may wait to be stored, in bytes; what comes above it is dropped and
 * logged. */
#define EVENTS_WAITING_MAX (16U << 20)

/* Starts the thread. Takes `db` (also when it fails). `options` is copied; its strings outlive the
 * writer. */
int writer_new(struct writer **out, const struct store_options *options, struct db *db,
               struct err *e);
/* Writes what is queued, then ends the thread. Takes NULL. */
void writer_free(struct writer *w);
int writer_write(struct writer *w, store_write_fn *fn, void *ctx, struct err *e);
void writer_post(struct writer *w, int64_t run, const char *latest, const void *packed, size_t len);
/* event_append tells that a run has a new event. Means something only on a writer's db; does
 * nothing on another. */
void writer_fresh(struct db *db, int64_t run, uint64_t seq);

/* Opens the store's file: for the writer, or a reading connection. */
int store_connect(const char *path, bool read_only, struct db **out, struct err *e);

#endif
