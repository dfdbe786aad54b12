/* Locks of targets in the store. Runs on the writer: looking and then writing is one step. */
#include "server/store/lock.h"

#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/store/row.h"

#define HELD_SQL                                                                                   \
  "SELECT t.name, l.run_id, l.holder, l.reason, l.since, l.expires"                                \
  " FROM target t LEFT JOIN target_lock l ON l.target_id = t.id"

struct locks {
  struct arena *arena;
  struct held_lock *items;
  size_t count, capacity;
};

/* A target without a lock has a NULL holder. */
static int take_lock(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct locks *locks = ctx;
  (void)count, (void)e;
  if (locks->count == locks->capacity) {
    size_t capacity = locks->capacity ? locks->capacity * 2 : 4;
    struct held_lock *items = ARENA_ARRAY(locks->arena, struct held_lock, capacity);
    if (locks->count)
      memcpy(items, locks->items, locks->count * sizeof *items);
    locks->items = items;
    locks->capacity = capacity;
  }
  struct held_lock *held = &locks->items[locks->count++];
  held->target = row_string(locks->arena, &v[0]);
  held->lock =
      (struct target_lock){v[1].i, v[2].type == DB_NULL ? NULL : row_string(locks->arena, &v[2]),
                           row_string(locks->arena, &v[3]), v[4].i, v[5].i};
  return 0;
}

static bool holds(const struct target_lock *lock, int64_t now) {
  return lock->holder && (lock->expires == 0 || lock->expires > now);
}

static int locked(struct err *e, const struct held_lock *held) {
  const struct target_lock *lock = &held->lock;
  char since[TIME_TEXT], until[TIME_TEXT], what[40] = "for maintenance by";
  if (lock->run)
    snprintf(what, sizeof what, "by run %lld of", (long long)lock->run);
  err_set(e, ERR_LOCKED, "%s is locked %s %s since %s%s%s: %s", held->target, what, lock->holder,
          time_text(lock->since, since), lock->expires ? " until " : "",
          lock->expires ? time_text(lock->expires, until) : "", lock->reason);
  err_copy(e->target, sizeof e->target, held->target, strlen(held->target));
  if (lock->run)
    return err_hint(e, "wait for it (--wait), or: migctl run cancel %lld", (long long)lock->run);
  return err_hint(e, "wait for it (--wait), or: migctl unlock %s", held->target);
}

/* The lock of one target in an arena of its own. `found`: there is such a target. */
static int read_lock(struct db *db, const char *sql, struct db_value key, struct arena *arena,
                     struct held_lock *out, bool *found, struct err *e) {
  struct locks locks = {.arena = arena};
  if (row_each(db, sql, &key, 1, take_lock, &locks, e))
    return -1;
  *found = locks.count > 0;
  if (*found)
    *out = locks.items[0];
  return 0;
}

static int write_lock(struct db *db, int64_t target, const struct target_lock *lock,
                      struct err *e) {
  return row_change(db,
                    "INSERT INTO target_lock (target_id, run_id, holder, reason, since, expires)"
                    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (target_id) DO UPDATE SET"
                    " run_id = excluded.run_id, holder = excluded.holder,"
                    " reason = excluded.reason, since = excluded.since,"
                    " expires = excluded.expires",
                    PARAMS(db_int(target), db_int(lock->run), db_text(lock->holder),
                           db_text(lock->reason), db_int(lock->since), db_int(lock->expires)),
                    NULL, e);
}

/* A run that holds it already holds it still. */
int lock_acquire(struct db *db, int64_t target, const struct target_lock *lock, int64_t now,
                 struct err *e) {
  struct arena arena;
  struct held_lock held = {0};
  bool found = false;
  arena_init(&arena, 0);
  int rc = read_lock(db, HELD_SQL " WHERE t.id = $1", db_int(target), &arena, &held, &found, e);
  if (rc == 0 && !found)
    rc = err_set(e, ERR_NOT_FOUND, "the target does not exist any more");
  else if (rc == 0 && holds(&held.lock, now) && !(lock->run && held.lock.run == lock->run))
    rc = locked(e, &held);
  else if (rc == 0)
    rc = write_lock(db, target, lock, e);
  arena_release(&arena);
  return rc;
}

int lock_release_run(struct db *db, int64_t target, int64_t run, struct err *e) {
  return row_change(db,
                    "DELETE FROM target_lock WHERE target_id = $1 AND run_id = $2 AND run_id <> 0",
                    PARAMS(db_int(target), db_int(run)), NULL, e);
}

static int check_release(const struct held_lock *held, const char *principal, bool force,
                         struct err *e) {
  if (!holds(&held->lock, clock_wall_us()))
    return err_set(e, ERR_NOT_FOUND, "the target \"%s\" is not locked", held->target);
  if (held->lock.run) {
    err_set(e, ERR_REFUSED, "the target \"%s\" is locked by run %lld, which is at work",
            held->target, (long long)held->lock.run);
    return err_hint(e, "migctl run cancel %lld", (long long)held->lock.run);
  }
  if (!force && strcmp(held->lock.holder, principal) != 0) {
    err_set(e, ERR_DENIED, "the target \"%s\" is locked by %s: %s", held->target, held->lock.holder,
            held->lock.reason);
    return err_hint(e, "migctl unlock --force %s", held->target);
  }
  return 0;
}

int lock_release(struct db *db, const char *target, const char *principal, bool force,
                 struct err *e) {
  struct arena arena;
  struct held_lock held = {0};
  bool found = false;
  arena_init(&arena, 0);
  int rc = read_lock(db, HELD_SQL " WHERE t.name = $1", db_text(target), &arena, &held, &found, e);
  if (rc == 0 && !found)
    rc = not_found(db, "SELECT name FROM target ORDER BY name", "target", target, e);
  else if (rc == 0)
    rc = check_release(&held, principal, force, e);
  arena_release(&arena);
  if (rc)
    return rc;
  return row_change(db,
                    "DELETE FROM target_lock WHERE run_id = 0 AND target_id ="
                    " (SELECT id FROM target WHERE name = $1)",
                    PARAMS(db_text(target)), NULL, e);
}

int lock_list(struct db *db, int64_t now, struct arena *arena, struct held_lock **out,
              size_t *count, struct err *e) {
  struct locks locks = {.arena = arena};
  if (row_each(db, HELD_SQL " WHERE l.expires = 0 OR l.expires > $1 ORDER BY t.name",
               PARAMS(db_int(now)), take_lock, &locks, e))
    return -1;
  *out = locks.items;
  *count = locks.count;
  return 0;
}

int lock_release_all_runs(struct db *db, struct err *e) {
  return row_change(db, "DELETE FROM target_lock WHERE run_id <> 0", NO_PARAMS, NULL, e);
}
