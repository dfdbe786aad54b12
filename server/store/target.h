/* Targets: the registered databases, their labels, policy, secret and last known state. */
#ifndef MIGD_STORE_TARGET_H
#define MIGD_STORE_TARGET_H

#include "server/db/db.h"
#include "server/store/secret.h"

struct label {
  const char *key, *value;
};

struct target_policy {
  int64_t lock_timeout_ms;      /* 0: the default, 5 s */
  int64_t statement_timeout_ms; /* 0: none */
  bool allow_superuser;
  int64_t idle_timeout_ms; /* 0: the default, 60 s */
  int64_t lock_retry_ms;   /* 0: the default, 30 s */
};

struct target_lock {
  int64_t run;        /* 0: a maintenance lock */
  const char *holder; /* the principal */
  const char *reason;
  int64_t since, expires; /* wall, microseconds; expires 0: never */
};

/* All pointers in the arena it was read into. */
struct target {
  int64_t id;
  const char *name, *url, *catalog;
  enum dialect dialect;
  struct label *labels; /* by key */
  size_t label_count;
  struct target_policy policy;
  bool has_password;
  int64_t epoch; /* grows with each task: fences a restored store or a second server */
  int64_t added_at;
  /* What was last seen; seen_at 0: never. */
  int64_t seen_at;
  const char **current;
  size_t current_count;
  int64_t last_run;       /* 0: none */
  int last_state;         /* migd.v1.TaskState of its last task; 0: none */
  const void *last_error; /* packed migd.v1.Error of its last task, or NULL */
  size_t last_error_len;
  struct target_lock *lock; /* or NULL */
};

/* Which targets: names, or a parsed selector, or all. See selector.h. */
struct target_query {
  const char *const *names;
  size_t name_count;
  const char *selector; /* "" or NULL: none */
  bool all;
  const char *catalog; /* "" or NULL: any */
};

bool target_name_valid(const char *name); /* [A-Za-z0-9_.-]{1,100}, not beginning with - or . */
/* By name, in the arena. Each name that does not exist is ERR_NOT_FOUND with the nearest one; a
 * selector that matches nothing answers no targets. A query that says nothing is ERR_INPUT. */
int target_select(struct db *db, const struct target_query *query, struct arena *arena,
                  struct target **out, size_t *count, struct err *e);
int target_get(struct db *db, const char *name, struct arena *arena, struct target *out,
               struct err *e);
/* Inside store_write. `id` is answered. ERR_EXISTS for the name, or for another target of that
 * place (named); ERR_NOT_FOUND for the catalog. `place` from db_url. */
int target_add(struct db *db, const struct target *t, const char *place, int64_t *id,
               struct err *e);
/* Writes name, url, place, dialect, catalog, labels and policy of a target that was read before (by
 * its id). Errors as target_add's. At another place what was last seen is forgotten. */
int target_update(struct db *db, const struct target *t, const char *place, struct err *e);
/* ERR_LOCKED while a lock is held; its history in runs stays. */
int target_remove(struct db *db, const char *name, struct err *e);
/* What its ledger said just now. `taken_at` wall microseconds. */
int target_seen(struct db *db, int64_t id, const char *const *current, size_t count,
                int64_t taken_at, struct err *e);

/* The password: sealed under the keyring with the target's id and the field's name as additional
 * data. */
int target_set_password(struct db *db, const struct keyring *keys, int64_t id, const char *password,
                        struct err *e); /* NULL: forget it */
/* *out is malloc'd, to be wiped and freed by the caller; NULL when none is stored. */
int target_password(struct db *db, const struct keyring *keys, int64_t id, char **out,
                    struct err *e);

/* The CA of a PostgreSQL target, PEM; "" or NULL: the host's. Apart from the rest, since a fleet of
 * targets is read without them. */
int target_set_ca_certificate(struct db *db, int64_t id, const char *pem, struct err *e);
/* In the arena; NULL when there is none. */
int target_ca_certificate(struct db *db, int64_t id, struct arena *arena, const char **out,
                          struct err *e);

#endif
