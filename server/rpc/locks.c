/* migd.v1.Locks: maintenance locks, which people hold. */
#include "server/rpc/services.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"

#define REASON_MAX 500

/* A change of one lock, inside a write. */
struct lock_change {
  const struct call *call;
  const char *target;
  bool force;
  int64_t duration_us;     /* to take it for; 0: until released */
  struct target_lock lock; /* to take, or the one that was released */
  int64_t target_id;
  struct arena *arena;
};

static int acquire_write(struct db *db, void *ctx, struct err *e) {
  struct lock_change *c = ctx;
  struct target t;
  if (target_get(db, c->target, c->arena, &t, e) != 0)
    return -1;
  c->lock.since = clock_wall_us();
  c->lock.expires = c->duration_us > 0 ? c->lock.since + c->duration_us : 0;
  return lock_acquire(db, t.id, &c->lock, c->lock.since, e);
}

static bool blank(const char *text) {
  return text[strspn(text, " \t\r\n")] == '\0';
}

static int read_reason(const char *reason, struct err *e) {
  if (blank(reason))
    return err_set(e, ERR_INPUT, "say why: whoever meets the lock is shown the reason");
  if (strlen(reason) > REASON_MAX)
    return err_set(e, ERR_INPUT, "the reason is longer than %d bytes", REASON_MAX);
  return 0;
}

static enum call_next acquire_lock(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__AcquireLockRequest *m = (const void *)in;
  struct lock_change c = {.call = call, .target = m->target, .arena = &call->arena};
  int64_t ns;
  if (read_reason(m->reason, e) != 0 || duration_ns(m->duration, "duration", &ns, e) != 0)
    return CALL_FAIL;
  c.lock.holder = call->principal.name;
  c.lock.reason = m->reason;
  c.duration_us = (ns + 999) / 1000;
  if (store_write(call->server->store, acquire_write, &c, e) != 0)
    return CALL_FAIL;
  call_reply(call, &proto_lock(&call->arena, m->target, &c.lock)->base);
  return CALL_DONE;
}

/* That it is somebody else's is a state of the system, which --force overrides; it is no lack of a
 * role. */
static int check_holder(const struct lock_change *c, const struct target_lock *lock,
                        struct err *e) {
  const char *me = c->call->principal.name;
  if (lock == NULL || lock->run != 0 || c->force || strcmp(lock->holder, me) == 0)
    return 0;
  err_set(e, ERR_REFUSED, "%s is locked by %s, not by %s: %s", c->target, lock->holder, me,
          lock->reason);
  return err_hint(e, "ask %s, or release it with --force", lock->holder);
}

static int release_write(struct db *db, void *ctx, struct err *e) {
  struct lock_change *c = ctx;
  struct target t;
  if (target_get(db, c->target, c->arena, &t, e) != 0 || check_holder(c, t.lock, e) != 0 ||
      lock_release(db, c->target, c->call->principal.name, c->force, e) != 0)
    return -1;
  c->target_id = t.id;
  if (t.lock != NULL)
    c->lock = *t.lock;
  return 0;
}

static enum call_next release_lock(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__ReleaseLockRequest *m = (const void *)in;
  struct lock_change c = {
      .call = call, .target = m->target, .force = m->force != 0, .arena = &call->arena};
  if (store_write(call->server->store, release_write, &c, e) != 0)
    return CALL_FAIL;
  engine_unlocked(call->server->engine, c.target_id);
  call_reply(call, &proto_lock(&call->arena, m->target, &c.lock)->base);
  return CALL_DONE;
}

static enum call_next list_locks(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)in;
  struct store *store = call->server->store;
  Migd__V1__ListLocksResponse reply = MIGD__V1__LIST_LOCKS_RESPONSE__INIT;
  struct held_lock *locks;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return CALL_FAIL;
  int rc = lock_list(db, clock_wall_us(), &call->arena, &locks, &reply.n_locks, e);
  store_reader_done(store, db);
  if (rc != 0)
    return CALL_FAIL;
  reply.locks = ARENA_ARRAY(&call->arena, Migd__V1__Lock *, reply.n_locks + 1);
  for (size_t i = 0; i < reply.n_locks; i++)
    reply.locks[i] = proto_lock(&call->arena, locks[i].target, &locks[i].lock);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static const struct method methods[] = {
    {
        .name = "AcquireLock",
        METHOD_TYPES(acquire_lock_request, lock),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = acquire_lock,
    },
    {
        .name = "ReleaseLock",
        METHOD_TYPES(release_lock_request, lock),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = release_lock,
    },
    {
        .name = "ListLocks",
        METHOD_TYPES(list_locks_request, list_locks_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = list_locks,
    },
};

const struct service rpc_locks = {.name = "migd.v1.Locks", SERVICE_METHODS(methods)};
