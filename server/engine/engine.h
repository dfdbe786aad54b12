/* The engine: turns what was asked (runs in the store) into walks over targets, on its own threads.
 *
 * It owns the task pool, the waiting list and the catalogs in memory. RPC handlers call it on their
 * worker threads; nothing here touches the loop but through the mailbox (by the store's
 * `published`).
 */
#ifndef MIGD_ENGINE_ENGINE_H
#define MIGD_ENGINE_ENGINE_H

#include "server/catalog/plan.h"
#include "server/engine/mailbox.h"
#include "server/engine/walk.h"
#include "server/store/run.h"
#include "server/store/store.h"
#include "server/store/target.h"

struct engine;

struct engine_options {
  struct store *store;
  const struct keyring *keys;
  struct mailbox *mailbox;
  struct log *log;
  unsigned parallel;               /* tasks at the same time */
  uint64_t min_free;               /* bytes; with less on the store's disk no run is begun */
  const char *const *sqlite_roots; /* NULL-terminated; outlives the engine */
  bool allow_socket;               /* PostgreSQL by a socket's folder */
  /* Folders of the files that PostgreSQL URLs may name; NULL-terminated, outlives the engine. */
  const char *const *postgres_files;
};

/* Starts its threads. */
int engine_new(struct engine **out, const struct engine_options *options, struct err *e);
/* After a crash: what was at work is marked interrupted and its target's ledger is read into the
 * store. Returns when the store says so for every unfinished run; reading the ledgers goes on
 * behind. */
int engine_recover(struct engine *g, struct err *e);
/* No new tasks; running steps may end for `grace_ms`, then are cancelled (rolled back); tasks that
 * are not done are marked interrupted. Returns when all threads ended. */
void engine_stop(struct engine *g, int grace_ms);
void engine_free(struct engine *g); /* takes NULL */

/* A catalog version in memory, shared and counted. */
struct catalog_ref;
const struct catalog *catalog_ref_get(const struct catalog_ref *r);
/* By digest, from memory or from the store. Release it when done. */
int engine_catalog(struct engine *g, const char *digest, struct catalog_ref **out, struct err *e);
void catalog_ref_release(struct catalog_ref *r); /* takes NULL */
#define CATALOG_REF_SCOPED __attribute__((cleanup(catalog_ref_release_scoped)))
void catalog_ref_release_scoped(struct catalog_ref **r);

/* migd.v1.Operation has one that the plan does not: it becomes a stamp there. */
enum { OP_ADOPT = 4 };

/* What a run is asked to do: the request in C. Borrowed for the call. */
struct run_request {
  const char *request_id; /* "" for none */
  const char *principal;
  enum operation operation; /* OP_STAMP with `adopt` */
  const char *adopt;        /* the tool to adopt from, "" for any; NULL: no adoption */
  struct target_query targets;
  const char *const *revisions;
  size_t revision_count;
  bool purge, single_transaction;
  int64_t wait_ns;              /* how long a task may wait for its target's lock */
  int64_t lock_timeout_ms;      /* 0: the target's */
  int64_t statement_timeout_ms; /* 0: the target's */
  int64_t idle_timeout_ms;      /* 0: the target's */
  int64_t lock_retry_ms;        /* 0: the target's */
  const void *packed;           /* the migd.v1.StartRunRequest, as it is stored */
  size_t packed_len;
};

/* Writes the run and its tasks, durable when it returns, and sets them going. ERR_INPUT for
 * identifiers that no catalog of the targets resolves, no targets, or a wrong combination. */
int engine_run_start(struct engine *g, const struct run_request *request, struct arena *arena,
                     int64_t *run, struct err *e);
int engine_run_cancel(struct engine *g, int64_t run, struct err *e);
int engine_run_resume(struct engine *g, int64_t run, enum doubt_answer doubt, const char *principal,
                      struct err *e);
/* How far the task is in a section that runs batch by batch; false: it is in none. */
struct task_batch {
  char revision[REVISION_ID_MAX + 1];
  struct walk_batch at;
};
bool engine_batch(struct engine *g, int64_t run, int64_t target, struct task_batch *out);
/* A lock was released by hand: whoever waits for the target may try. */
void engine_unlocked(struct engine *g, int64_t target);

/* A read-only walk over one target for GetCurrent (`last` WALK_LEDGER) and PlanRun (WALK_PLAN), on
 * the caller's thread. `request` NULL for WALK_LEDGER. Fills w->ledger and w->plan; keeps the
 * catalog in *ref for the caller to release, also on failure (may be NULL then). What the ledger
 * says is put down in the store. w->hooks are the caller's, the rest of *w is not read. */
int engine_look(struct engine *g, const struct target *target, enum walk_stage last,
                const struct run_request *request, const struct job *job, struct arena *arena,
                struct walk *w, struct catalog_ref **ref, struct err *e);
/* Runs one(ctx, 0) to one(ctx, count - 1), several at a time on threads for looking; returns when
 * all are done. */
void engine_side_by_side(struct engine *g, size_t count, void (*one)(void *ctx, size_t i),
                         void *ctx);
/* Opens a target to see that it can be reached and is what its URL says (AddTarget, UpdateTarget).
 * `create`: make the file, or the schema. `ca_certificate` PEM, or NULL. ERR_TARGET with the
 * reason.
 */
int engine_probe(struct engine *g, const struct db_url *url, const char *password,
                 const char *ca_certificate, bool create, const struct target_policy *policy,
                 const struct job *job, struct err *e);

#endif
