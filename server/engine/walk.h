/* The walk: everything that migd does to a target is one walk over it, open → lock → ledger → plan
 * → apply, stopped at a different stage. The stage table in walk.c is the architecture. Knows no
 * store and no network. One worker thread from begin to end.
 */
#ifndef MIGD_ENGINE_WALK_H
#define MIGD_ENGINE_WALK_H

#include "server/engine/adopt.h"
#include "server/engine/ledger.h"
#include "server/sql/variable.h"

enum walk_stage { WALK_OPEN, WALK_LOCK, WALK_LEDGER, WALK_PLAN, WALK_APPLY };

enum doubt_answer { DOUBT_NONE, DOUBT_SKIP, DOUBT_RETRY }; /* of migd.v1.DoubtAnswer */

/* Where neither the target nor the run says otherwise. */
#define LOCK_TIMEOUT_MS 5000
#define LOCK_RETRY_MS 30000
#define IDLE_TIMEOUT_MS 60000

struct walk;

/* How far a statement came that runs batch by batch. */
struct walk_batch {
  unsigned index;        /* the step */
  int64_t statement;     /* as in struct ledger_entry */
  int64_t batches, rows; /* done, also by earlier runs, and changed by them */
  int64_t pause_ms;      /* before the next one */
};

/* What the walk tells while it goes; any may be NULL. On the walk's thread; everything is borrowed.
 */
struct walk_hooks {
  void *ctx;
  /* There is something to do and it begins now; -1 (with `e`) keeps it from beginning. */
  int (*planned)(void *ctx, const struct walk *w, struct err *e);
  /* `attempt`: the next try for a lock inside the target, from 1, and who holds it as far as that
   * was seen (or NULL); 0: the target's own lock, which is told once. */
  void (*waiting)(void *ctx, unsigned attempt, const struct err *why,
                  const struct db_blockers *blockers);
  /* The walk ends with its plan: the last chance to ask the database something. */
  void (*looked)(void *ctx, struct walk *w);
  void (*step_started)(void *ctx, const struct walk *w, unsigned index);
  /* `resolved`: the commit's answer was lost and the ledger said that it is applied. */
  void (*step_finished)(void *ctx, const struct walk *w, unsigned index, int64_t duration_us,
                        bool resolved);
  void (*notice)(void *ctx, const char *severity, const char *text);
  /* A batch is committed; not told of each, but of the last one. */
  void (*batch_finished)(void *ctx, const struct walk *w, const struct walk_batch *batch);
};

struct walk {
  /* Given. */
  const char *target; /* its name, for messages */
  struct db_options options;
  /* How the target is opened; NULL: db_open. Tests put faults in between. */
  int (*open)(struct db **out, const struct db_options *options, const struct job *job,
              struct err *e);
  const struct catalog *catalog;
  struct plan_request request;
  struct adoption *adopt; /* request is a stamp at what another tool did; NULL: as it is asked */
  /* A database without a ledger that has this table is at this revision; NULL or "": none. */
  const char *adopt_table, *adopt_revision;
  struct variables variables; /* what `${name}` stands for; borrowed */
  struct secrets secrets;     /* what the target says of these goes nowhere; borrowed */
  bool single_transaction;
  enum doubt_answer doubt;
  const char *store_id, *principal;
  int64_t run, epoch;
  int64_t lock_wait_ns;  /* how long to try for the target's own lock; 0: one try */
  int64_t lock_retry_ms; /* how long to go on trying for a lock inside it; 0: one try */
  bool locked;           /* take the target's own lock also where nothing is changed */
  const struct job *job;
  const atomic_bool *drain; /* when set no further step begins; may be NULL */
  struct walk_hooks hooks;
  bool offline; /* nobody is there: what would be run is written down (offline.h) */
  struct arena *arena;
  struct log *log;
  /* Found. */
  struct db *db;
  bool by_rule;               /* adopt_table is there, and no ledger */
  struct ledger_state ledger; /* kept true while steps are applied */
  struct plan plan;
  const struct shown {
    const char **sql;
    size_t count;
  } * shown; /* dry run: a row a step of the plan, its statements; NULL: they are as written */
  unsigned steps_done;
  bool lock_given_up;      /* a batch was tried as often as a lock is: the step is not tried anew */
  bool pragmas;            /* SQLite: a revision may have set some for the session */
  const char *search_path; /* PostgreSQL: as it was when the walk began */
};

/* Walks to `last` and leaves the target again. What was found stays readable in `w` also on
 * failure. A walk that does not end at WALK_APPLY takes no lock and changes nothing. */
int walk_to(struct walk *w, enum walk_stage last, struct err *e);

/* What a step of the plan leads from and to, as Alembic prints it: a stamp by its rows, the others
 * by the graph. Empty is base. */
struct walk_ends {
  const char *const *from, *const *to;
  size_t from_count, to_count;
};
struct walk_ends walk_step_ends(const struct walk *w, unsigned index);

#endif
