/* Begin, commit, roll back; and what is done when the answer of a COMMIT is lost. Thread: the
 * walk's worker.
 */
#include "server/engine/transaction.h"

#include "server/base/clock.h"
#include "server/engine/apply.h"

/* How long a lost connection's session may keep the target's lock before it is given up. */
#define RESOLVE_WAIT_NS (60 * NS_PER_S)

int tx_begin(struct walk *w, struct err *e) {
  return db_exec(w->db, w->db->driver->begin, NULL, 0, NULL, NULL, NULL, w->job, e);
}

/* Never fails: what cannot be rolled back is ended by closing, and the walk then reads the ledger
 * again. */
void tx_rollback(struct walk *w) {
  struct err ignored;
  if (w->db && w->db->driver->in_transaction(w->db))
    db_exec(w->db, "ROLLBACK", NULL, 0, NULL, NULL, NULL, NULL, &ignored);
}

int tx_reopen(struct walk *w, struct err *e) {
  return walk_open(w, e) || walk_lock(w, RESOLVE_WAIT_NS, e) ||
                 ledger_read(w->db, w->arena, &w->ledger, w->job, e)
             ? -1
             : 0;
}

/* What a COMMIT that failed has done. 1: step `step` is applied; 0: it is not (e says why); -1:
 * nobody can say now (e says so). On 1 the walk goes on with a new connection. */
static int resolve(struct walk *w, unsigned step, struct err *e) {
  struct err why = *e;
  if (!tx_reopen(w, e)) {
    int applied = w->ledger.exists ? ledger_has_step(w->db, w->run, w->epoch, step, w->job, e) : 0;
    if (applied > 0)
      return 1;
    if (applied == 0) {
      *e = why;
      err_in(e, "COMMIT failed, and the ledger says that nothing of the step was kept");
      return 0;
    }
  }
  e->kind = ERR_TARGET; /* also where the lost session keeps the lock: not to be tried again here */
  err_in(e, "the answer of COMMIT was lost (%s) and the target cannot be asked", why.text);
  err_hint(e, "`migctl run resume` reads its ledger and goes on from there");
  return -1;
}

int tx_commit(struct walk *w, unsigned step, bool *resolved, struct err *e) {
  if (w->db->driver->lock_check(w->db, e))
    return err_in(e, "before COMMIT");
  if (!w->db->driver->in_transaction(w->db))
    return err_set(e, ERR_MIGRATION, "the transaction was ended by one of its statements");
  if (!db_exec(w->db, "COMMIT", NULL, 0, NULL, NULL, NULL, NULL, e))
    return 0;
  if (w->db->driver->in_transaction(w->db) ||
      (w->db->driver->dialect == DIALECT_POSTGRESQL && e->kind == ERR_MIGRATION))
    return -1; /* the database itself said no */
  if (resolve(w, step, e) <= 0)
    return -1;
  *resolved = true;
  return 0;
}

struct ledger_entry step_entry(const struct walk *w, unsigned index, int64_t started_at) {
  const struct plan_step *step = &w->plan.steps[index];
  const struct revision *r = &w->catalog->revisions[step->revision];
  return (struct ledger_entry){
      .revision = r->id,
      .direction = step->direction,
      .checksum = r->checksum,
      .store_id = w->store_id,
      .principal = w->principal,
      .run = w->run,
      .epoch = w->epoch,
      .step = index + 1,
      .started_at = started_at,
      .duration_us = w->offline ? 0 : clock_wall_us() - started_at,
      .offline = w->offline,
  };
}
