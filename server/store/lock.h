/* Locks of targets in the store: one row a target, held by a task or by a person. The row is the
 * right to start; the target's own lock and the compare-and-swap in its ledger are what keeps a
 * second writer out. */
#ifndef MIGD_STORE_LOCK_H
#define MIGD_STORE_LOCK_H

#include "server/db/db.h"
#include "server/store/target.h"

/* One lock with the name of its target. */
struct held_lock {
  const char *target;
  struct target_lock lock;
};

/* Inside store_write. 0 taken, also when this run held it already. -1 with ERR_LOCKED: who holds
 * it, since when and for what; a lock that has expired at `now` (wall, microseconds) is replaced.
 */
int lock_acquire(struct db *db, int64_t target, const struct target_lock *lock, int64_t now,
                 struct err *e);
/* Releases the lock that this run holds; nothing when it holds none. */
int lock_release_run(struct db *db, int64_t target, int64_t run, struct err *e);
/* Releases a maintenance lock by the target's name. ERR_NOT_FOUND when it is not locked,
 * ERR_REFUSED when a task holds it, ERR_DENIED when another principal does and `force` is false. */
int lock_release(struct db *db, const char *target, const char *principal, bool force,
                 struct err *e);
/* Held now, by target; in the arena. */
int lock_list(struct db *db, int64_t now, struct arena *arena, struct held_lock **out,
              size_t *count, struct err *e);
/* Releases every lock that a run holds: at start, when no task can be running. */
int lock_release_all_runs(struct db *db, struct err *e);

#endif
