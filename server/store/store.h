/* The server's state: principals, catalogs, targets, runs, tasks, events, locks, over the driver
 * interface (SQLite by default).
 *
 * Reading: borrow a connection with store_reader(), give it back with store_reader_done(). Writing:
 * one writer thread takes what is queued, runs it in one transaction (each write in its own
 * savepoint) and answers everybody after the commit: group commit. The functions of the resources
 * (principal.h, bundle.h, target.h, run.h, lock.h) take the `struct db` that either way provides.
 * Any worker thread; never the loop.
 */
#ifndef MIGD_STORE_STORE_H
#define MIGD_STORE_STORE_H

#include "server/db/db.h"

struct store;
struct keyring; /* secret.h */

struct store_options {
  const char *path; /* the SQLite file; exists and is migrated already (engine/selfstore.h) */
  unsigned readers; /* reading connections; opened as needed, kept */
  struct log *log;
  /* Called on the writer thread after a commit, once for each run with new events, before the
   * writes of that commit are answered. Must not write. May be NULL. */
  void (*published)(void *ctx, int64_t run, uint64_t last_seq);
  void *published_ctx;
};

int store_open(struct store **out, const struct store_options *options, struct err *e);
/* Waits for what is queued. Takes NULL. */
void store_close(struct store *s);
/* The id of this store: 16 hex digits, made with it. Valid while the store is open. */
const char *store_id(const struct store *s);
/* The path that was opened. */
const char *store_path(const struct store *s);

/* Waits for a free connection. A read transaction is open on it, so that several reads agree. */
struct db *store_reader(struct store *s, struct err *e);
void store_reader_done(struct store *s, struct db *db); /* takes NULL */

/* Runs on the writer thread, inside a transaction; -1 rolls back this write alone. No blocking, no
 * waiting for other writes. */
typedef int store_write_fn(struct db *db, void *ctx, struct err *e);
/* Queues and waits until it is durable (or failed). ERR_STORAGE when the disk is full or failing.
 */
int store_write(struct store *s, store_write_fn *fn, void *ctx, struct err *e);

/* Appends an event to a run without waiting: `packed` is a migd.v1.RunEvent without seq, which the
 * store adds (as field 1 behind it). Order is kept, also with store_write. Copies. While the disk
 * is full up to 16 MiB of events are kept and tried again; what cannot be stored is logged. */
void store_post_event(struct store *s, int64_t run, const char *latest, const void *packed,
                      size_t len);

#endif
