/* A plan applied: a step is one transaction that holds its statements, its ledger row and the
 * change of migd_revision. When the answer of a COMMIT is lost, the ledger is asked, over a new
 * connection and behind the target's lock: never a guess. Thread: the walk's worker.
 */
#include "server/engine/apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server/base/clock.h"
#include "server/engine/journal.h"
#include "server/engine/retry.h"
#include "server/engine/statements.h"
#include "server/engine/transaction.h"

/* The ledger rows that a step leaves, without asking the database. */
static void note_rows(struct walk *w, const struct plan_step *step) {
  struct ledger_state *l = &w->ledger;
  const char **rows = ARENA_ARRAY(w->arena, const char *, l->row_count + step->insert_count + 1);
  size_t n = 0;
  for (size_t i = 0; i < l->row_count; i++) {
    bool gone = false;
    for (size_t k = 0; k < step->remove_count && !gone; k++)
      gone = !strcmp(l->rows[i], step->remove[k]);
    if (!gone)
      rows[n++] = l->rows[i];
  }
  for (size_t k = 0; k < step->insert_count; k++)
    rows[n++] = step->insert[k];
  l->rows = rows;
  l->row_count = n;
}

/* After a commit; one that was resolved has read the ledger already. */
static void note_done(struct walk *w, unsigned first, unsigned count, int64_t last_seq,
                      bool resolved) {
  w->steps_done += count;
  if (resolved)
    return;
  for (unsigned i = first; i < first + count; i++)
    note_rows(w, &w->plan.steps[i]);
  w->ledger.exists = true;
  w->ledger.last_seq = last_seq;
  memset(&w->ledger.partial, 0, sizeof w->ledger.partial);
}

static int step_statements(struct walk *w, const struct revision *r, enum direction direction,
                           struct err *e) {
  enum dialect dialect = w->db->driver->dialect;
  for (size_t i = 0; i < r->section_count; i++) {
    const struct section *section = &r->sections[i];
    if (section->direction != direction || !(section->dialects & dialect))
      continue;
    if (statements_run(w, r, section->statements[dialect].items, section->statements[dialect].count,
                       e))
      return -1;
  }
  return 0;
}

/* One step inside the transaction that is open. The compare-and-swap comes first, so that a second
 * writer is met before anything else is done. */
static int step_inside(struct walk *w, unsigned index, const struct orphans *before,
                       struct orphans *now, int64_t *seq, struct err *e) {
  const struct plan_step *step = &w->plan.steps[index];
  const struct revision *r = &w->catalog->revisions[step->revision];
  int64_t started_at = clock_wall_us();
  if (ledger_change(w->db, step, w->job, e) || step_statements(w, r, step->direction, e) ||
      session_pin(w, e))
    return -1;
  struct ledger_entry entry = step_entry(w, index, started_at);
  if (ledger_append(w->db, &entry, seq, w->job, e))
    return -1;
  if (!orphans_possible(w, r, step->direction))
    return 0;
  if (w->offline) {
    orphans_refuse(w);
    return 0;
  }
  if (orphans_read(w, now, e))
    return -1;
  if (!now->count || !orphans_compare(now, before, e))
    return 0;
  orphans_locate(w, r, step->direction, e);
  return -1;
}

/* Steps `first` to `first + count - 1` in one transaction, once. */
static int transaction_once(struct walk *w, unsigned first, unsigned count,
                            const struct orphans *before, struct orphans *now, bool *resolved,
                            struct err *e) {
  int64_t seq = w->ledger.last_seq;
  if (tx_begin(w, e))
    return -1;
  int rc = w->ledger.exists ? 0 : ledger_create(w->db, w->job, e);
  for (unsigned i = first; !rc && i < first + count; i++)
    rc = step_inside(w, i, before, now, &seq, e);
  if (!rc)
    rc = tx_commit(w, first + count, resolved, e);
  if (rc)
    tx_rollback(w);
  else
    note_done(w, first, count, seq, *resolved);
  return rc;
}

/* Orphans that were there before are not the step's fault: they are read, once, when there are any.
 */
static int transaction_try(struct walk *w, unsigned first, unsigned count, bool *resolved,
                           struct err *e) {
  struct orphans before = {0}, now = {0};
  int rc = transaction_once(w, first, count, &before, &now, resolved, e);
  if (!rc || !now.count || !w->db)
    return rc;
  struct err cut;
  if (orphans_read(w, &before, &cut) || !before.count)
    return rc;
  return transaction_once(w, first, count, &before, &now, resolved, e);
}

/* So that a thousand tasks that were stopped by one lock do not come back as one. */
static uint64_t retry_seed(void) {
  uint64_t seed;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
    seed = (uint64_t)clock_mono_ns();
  return seed;
}

static int gave_up(const struct retry *r, int64_t since_ns, struct err *e) {
  if (!r->failed || e->hint[0])
    return -1;
  return err_hint(e,
                  "given up after %u tries in %" PRId64 " s: end what holds the lock, or try again "
                  "for longer (--lock-retry)",
                  r->failed + 1, (clock_mono_ns() - since_ns) / NS_PER_S);
}

/* The pauses are outside of any transaction: nobody waits for us meanwhile. */
int with_lock_tries(struct walk *w, int (*once)(struct walk *w, void *ctx, struct err *e),
                    void *ctx, bool whole, struct err *e) {
  struct retry r = retry_begin(w->options.lock_timeout_ms, w->lock_retry_ms, whole, retry_seed());
  for (int64_t since_ns = 0;;) {
    if (w->db->driver->lock_wait(w->db, retry_wait_ms(&r), w->job, e))
      return -1;
    int rc = once(w, ctx, e);
    if (!rc || e->kind != ERR_LOCKED || w->lock_given_up)
      return rc;
    int64_t now_ns = clock_mono_ns(), pause_ms;
    since_ns = since_ns ? since_ns : now_ns;
    if (!retry_again(&r, (now_ns - since_ns) / NS_PER_MS, &pause_ms))
      return gave_up(&r, since_ns, e);
    if (w->hooks.waiting)
      w->hooks.waiting(w->hooks.ctx, r.failed, e, w->db->driver->blockers(w->db));
    struct err cut;
    if (job_pause(w->job, (int)pause_ms, &cut)) {
      *e = cut;
      return -1;
    }
  }
}

struct batch {
  unsigned first, count;
  bool resolved;
};

static int journal_once(struct walk *w, void *ctx, struct err *e) {
  struct batch *b = ctx;
  int64_t seq = 0;
  if (journal_step(w, b->first, &seq, &b->resolved, e))
    return -1;
  note_done(w, b->first, 1, seq, b->resolved);
  return 0;
}

static int batch_once(struct walk *w, void *ctx, struct err *e) {
  struct batch *b = ctx;
  return transaction_try(w, b->first, b->count, &b->resolved, e);
}

static void tell_started(const struct walk *w, unsigned index) {
  if (w->hooks.step_started)
    w->hooks.step_started(w->hooks.ctx, w, index);
}

static void tell_finished(const struct walk *w, unsigned index, int64_t since_ns, bool resolved) {
  if (w->hooks.step_finished)
    w->hooks.step_finished(w->hooks.ctx, w, index, (clock_mono_ns() - since_ns) / 1000, resolved);
}

static bool has_journal(const struct walk *w, const struct plan_step *step) {
  return journal_needed(&w->catalog->revisions[step->revision], step->direction,
                        w->request.dialect);
}

/* All steps in one transaction: all or nothing. */
static int apply_single(struct walk *w, struct err *e) {
  for (unsigned i = 0; i < w->plan.count; i++)
    if (has_journal(w, &w->plan.steps[i])) {
      const struct revision *r = &w->catalog->revisions[w->plan.steps[i].revision];
      return err_set(e, ERR_REFUSED, "%s runs outside a transaction: not with --transaction run",
                     r->id);
    }
  int64_t since = clock_mono_ns();
  for (unsigned i = 0; i < w->plan.count; i++)
    tell_started(w, i);
  struct batch batch = {0, (unsigned)w->plan.count, false};
  if (with_lock_tries(w, batch_once, &batch, false, e))
    return -1;
  for (unsigned i = 0; i < w->plan.count; i++)
    tell_finished(w, i, since, batch.resolved);
  return 0;
}

static int apply_steps(struct walk *w, struct err *e) {
  for (unsigned i = 0; i < w->plan.count; i++) {
    int64_t since = clock_mono_ns();
    struct batch batch = {i, 1, false};
    if (w->drain && atomic_load(w->drain))
      return err_set(e, ERR_CANCELLED, "the server is stopping");
    if (job_check(w->job, e))
      return -1;
    tell_started(w, i);
    /* What CREATE INDEX CONCURRENTLY has built is lost when it does not get its last lock. */
    bool journal = has_journal(w, &w->plan.steps[i]);
    if (with_lock_tries(w, journal ? journal_once : batch_once, &batch, journal, e))
      return -1;
    tell_finished(w, i, since, batch.resolved);
  }
  return 0;
}

/* A stamp changes rows and runs nothing: one transaction for all of it. */
static int stamp_once(struct walk *w, void *ctx, struct err *e) {
  bool *resolved = ctx;
  int64_t seq = w->ledger.last_seq, now = clock_wall_us();
  struct ledger_entry entry = {.revision = "base",
                               .direction = DIR_STAMP,
                               .checksum = "",
                               .store_id = w->store_id,
                               .principal = w->principal,
                               .run = w->run,
                               .epoch = w->epoch,
                               .step = 1,
                               .started_at = now,
                               .offline = w->offline};
  if (tx_begin(w, e))
    return -1;
  int rc = w->ledger.exists ? 0 : ledger_create(w->db, w->job, e);
  if (!rc && w->request.purge)
    rc = ledger_purge(w->db, w->job, e);
  for (unsigned i = 0; !rc && i < w->plan.count; i++) {
    entry = step_entry(w, i, now);
    rc = ledger_change(w->db, &w->plan.steps[i], w->job, e);
    if (!rc)
      rc = ledger_append(w->db, &entry, &seq, w->job, e);
  }
  if (!rc && !w->plan.count)
    rc = ledger_append(w->db, &entry, &seq, w->job, e);
  if (!rc)
    rc = tx_commit(w, w->plan.count ? (unsigned)w->plan.count : 1, resolved, e);
  if (rc) {
    tx_rollback(w);
    return -1;
  }
  if (w->request.purge && !*resolved)
    w->ledger.row_count = 0;
  note_done(w, 0, (unsigned)w->plan.count, seq, *resolved);
  return 0;
}

static int apply_stamp(struct walk *w, struct err *e) {
  int64_t since = clock_mono_ns();
  bool resolved = false;
  for (unsigned i = 0; i < w->plan.count; i++)
    tell_started(w, i);
  if (with_lock_tries(w, stamp_once, &resolved, false, e))
    return -1;
  for (unsigned i = 0; i < w->plan.count; i++)
    tell_finished(w, i, since, resolved);
  return 0;
}

int apply_plan(struct walk *w, struct err *e) {
  if (w->request.operation == OP_STAMP)
    return apply_stamp(w, e);
  if (session_pin(w, e))
    return -1;
  return w->single_transaction && w->plan.count ? apply_single(w, e) : apply_steps(w, e);
}
