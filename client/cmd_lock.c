/* lock, unlock, locks: holding targets still for maintenance. */
#include <string.h>

#include "client/duration.h"
#include "client/session.h"
#include "client/words.h"
#include "migd/v1/locks.pb-c.h"

extern const struct command cmd_lock, cmd_unlock, cmd_locks;

#define SERVICE (&migd__v1__locks__descriptor)

static int run_lock(struct session *s, struct err *e) {
  Migd__V1__AcquireLockRequest request = MIGD__V1__ACQUIRE_LOCK_REQUEST__INIT;
  int64_t duration = 0;
  request.target = arena_strdup(&s->arena, session_argument(s, 0));
  request.reason = session_text(s, "reason");
  if (!request.reason[0])
    return session_usage(s, e, "say why, for those who meet the lock: --reason TEXT");
  int given = session_duration(s, "for", &duration, e);
  if (given < 0)
    return -1;
  if (given)
    request.duration = duration_message(&s->arena, duration);
  const Migd__V1__Lock *lock = session_ask_print(s, SERVICE, "AcquireLock", &request, e);
  if (!lock)
    return -1;
  if (given)
    say(s, "%s is locked for %s", lock->target, words_duration(s, duration));
  else
    say(s, "%s is locked until `migctl unlock %s`", lock->target, lock->target);
  return EXIT_DONE;
}

static const struct option lock_options[] = {
    {"reason", 0, OPTION_VALUE, "TEXT", "why; shown to everyone who meets the lock", NULL},
    {"for", 0, OPTION_VALUE, "DURATION", "release it by itself after this time", NULL},
    {NULL},
};

const struct command cmd_lock = {
    .name = "lock",
    .group = GROUP_FLEET,
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = lock_options,
    .summary = "hold a target still: no run changes it until it is unlocked",
    .example = "migctl lock shop-eu --reason 'moving to new disks' --for 2h",
    .run = run_lock,
};

static int run_unlock(struct session *s, struct err *e) {
  Migd__V1__ReleaseLockRequest request = MIGD__V1__RELEASE_LOCK_REQUEST__INIT;
  request.target = arena_strdup(&s->arena, session_argument(s, 0));
  request.force = session_flag(s, "force");
  const Migd__V1__Lock *lock = session_ask_print(s, SERVICE, "ReleaseLock", &request, e);
  if (!lock)
    return -1;
  say(s, "%s is unlocked; it was %s", request.target, words_lock(s, lock));
  return EXIT_DONE;
}

static const struct option unlock_options[] = {
    {"force", 0, OPTION_FLAG, NULL, "also when somebody else holds the lock", NULL},
    {NULL},
};

const struct command cmd_unlock = {
    .name = "unlock",
    .group = GROUP_FLEET,
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = unlock_options,
    .summary = "release a maintenance lock",
    .help = "The lock of a running task is not released by hand: `migctl run cancel ID` ends it.",
    .example = "migctl unlock shop-eu",
    .run = run_unlock,
};

static void print_locks(struct session *s, const Migd__V1__ListLocksResponse *reply) {
  static const char *const headings[] = {"TARGET",  "HOLDER", "RUN", "SINCE",
                                         "EXPIRES", "REASON", NULL};
  struct table t;
  struct buf text BUF_SCOPED = BUF_INIT;
  int64_t now = now_ns();
  table_init(&t, &s->arena, headings);
  for (size_t i = 0; i < reply->n_locks; i++) {
    const Migd__V1__Lock *lock = reply->locks[i];
    table_add(&t, PAINT_NONE, "%s", lock->target);
    table_add(&t, PAINT_NONE, "%s", lock->holder);
    table_add(&t, PAINT_NONE, "%s", lock->run);
    table_add(&t, PAINT_NONE, "%s", time_relative(&s->arena, lock->since, now));
    table_add(&t, PAINT_NONE, "%s",
              lock->expires ? time_relative(&s->arena, lock->expires, now) : "");
    table_add(&t, PAINT_NONE, "%s", lock->reason);
  }
  table_print(&t, &text, s->color_out, words_width(s));
  session_print(s, &text);
}

static int run_locks(struct session *s, struct err *e) {
  Migd__V1__ListLocksRequest request = MIGD__V1__LIST_LOCKS_REQUEST__INIT;
  const Migd__V1__ListLocksResponse *reply =
      session_ask_print(s, SERVICE, "ListLocks", &request, e);
  if (!reply)
    return -1;
  if (!s->json)
    print_locks(s, reply);
  if (reply->n_locks == 0)
    say(s, "no target is locked");
  return EXIT_DONE;
}

const struct command cmd_locks = {
    .name = "locks",
    .group = GROUP_FLEET,
    .arguments = "",
    .summary = "list the locks that tasks and people hold",
    .example = "migctl locks",
    .run = run_locks,
};
