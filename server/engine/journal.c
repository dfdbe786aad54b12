/* Statement by statement, each with an entry before and after; sections in a transaction in between
 * keep their transaction, with the entry inside. Thread: the walk's worker.
 */
#include "server/engine/journal.h"

#include <inttypes.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/engine/backfill.h"
#include "server/engine/concurrent_index.h"
#include "server/engine/rebuild.h"
#include "server/engine/statements.h"
#include "server/engine/transaction.h"

bool journal_needed(const struct revision *r, enum direction direction, enum dialect dialect) {
  for (size_t i = 0; i < r->section_count; i++)
    if (r->sections[i].direction == direction && (r->sections[i].dialects & dialect) &&
        !r->sections[i].transaction)
      return true;
  return false;
}

int journal_mark(struct journal *j, int64_t statement, enum ledger_mark what, int64_t started_at,
                 struct err *e) {
  struct ledger_entry entry = step_entry(j->w, j->index, started_at);
  entry.statement = statement;
  entry.mark = what;
  if (ledger_append(j->w->db, &entry, &j->seq, j->w->job, e))
    return -1;
  j->now.revision = j->r->id;
  j->now.direction = entry.direction;
  j->now.checksum = j->r->checksum;
  j->now.doubt = what == LEDGER_STARTED ? statement : 0;
  j->now.failed = what == LEDGER_FAILED ? statement : 0;
  j->now.batch = what == LEDGER_BATCH ? statement : 0;
  j->now.batch_entry = j->seq;
  if (what == LEDGER_DONE)
    j->now.done = statement;
  return 0;
}

/* What pg_index says of the index that the statement makes or drops. `blind`: only where the
 * statement would not see for itself. */
static enum index_effect settle_index(struct journal *j, const struct section_statement *s,
                                      bool blind, struct err *e) {
  struct sql_text text;
  if (statement_text(j->w, j->r, s, NULL, j->w->arena, &text, e))
    return EFFECT_ERROR;
  enum index_effect effect = EFFECT_UNKNOWN;
  if (!blind || concurrent_index_is_blind(j->w, text.s, text.len))
    effect = concurrent_index_settle(j->w, text.s, text.len, e);
  sql_text_wipe(&text);
  return effect;
}

/* What to do about the statement that was cut off. 1: it took effect, 0: it did not, -1: nobody
 * knows. */
static int judge(struct journal *j, const struct section_statement *s, struct err *e) {
  struct walk *w = j->w;
  if (w->doubt != DOUBT_NONE)
    return w->doubt == DOUBT_SKIP;
  enum index_effect found = settle_index(j, s, false, e);
  if (found != EFFECT_UNKNOWN)
    return found == EFFECT_ERROR ? -1 : found == EFFECT_DONE;
  err_set(e, ERR_IN_DOUBT,
          "this statement was cut off when it ran outside a transaction: whether it took effect "
          "cannot be known here");
  statement_locate(j->r, s, e);
  return err_hint(e, "look at the database, then `migctl run resume RUN --skip` (it did) or "
                     "`--retry` (it did not)");
}

/* The database itself said that the statement failed, or ended it when it was told to: no doubt. */
static bool is_known(enum err_kind kind) {
  return kind == ERR_MIGRATION || kind == ERR_LOCKED || kind == ERR_CANCELLED ||
         kind == ERR_DEADLINE;
}

/* Also under a job that is cancelled, which begins nothing any more. */
static void mark_failed(struct journal *j, int64_t number, int64_t started_at) {
  struct walk *w = j->w;
  const struct job *job = w->job;
  struct err ignored;
  w->job = NULL;
  if (!session_pin(w, &ignored))
    journal_mark(j, number, LEDGER_FAILED, started_at, &ignored);
  w->job = job;
}

/* A statement outside a transaction: started, run, done. */
static int run_outside(struct journal *j, const struct section_statement *s, int64_t number,
                       struct err *e) {
  struct walk *w = j->w;
  int64_t started_at = clock_wall_us();
  if (number == j->from.doubt) {
    int judged = judge(j, s, e);
    if (judged)
      return judged < 0 ? -1 : journal_mark(j, number, LEDGER_DONE, started_at, e);
  }
  if (!w->offline && settle_index(j, s, number != j->from.failed, e) == EFFECT_ERROR)
    return -1;
  if (journal_mark(j, number, LEDGER_STARTED, started_at, e))
    return -1;
  if (!statement_run(w, j->r, s, false, e))
    return session_pin(w, e) ? -1 : journal_mark(j, number, LEDGER_DONE, started_at, e);
  tx_rollback(w);
  if (is_known(e->kind))
    mark_failed(j, number, started_at);
  return -1;
}

static int check_orphans(struct journal *j, struct err *e) {
  struct orphans now;
  if (j->w->offline) {
    orphans_refuse(j->w);
    return 0;
  }
  if (orphans_read(j->w, &now, e))
    return -1;
  if (!orphans_compare(&now, j->orphans, e))
    return 0;
  orphans_locate(j->w, j->r, j->w->plan.steps[j->index].direction, e);
  return -1;
}

/* Statements with a transaction, all or nothing, from number `first` on. */
static int run_inside(struct journal *j, const struct section_statement *s, size_t count,
                      int64_t first, struct err *e) {
  struct walk *w = j->w;
  if (!count)
    return 0;
  int64_t started_at = clock_wall_us(), seq = j->seq;
  struct ledger_partial now = j->now;
  if (tx_begin(w, e))
    return -1;
  int rc = statements_run(w, j->r, s, count, e);
  if (!rc)
    rc = session_pin(w, e);
  if (!rc && j->orphans)
    rc = check_orphans(j, e);
  if (!rc)
    rc = journal_mark(j, first + (int64_t)count - 1, LEDGER_DONE, started_at, e);
  if (!rc)
    rc = w->db->driver->lock_check(w->db, e);
  if (!rc)
    rc = db_exec(w->db, "COMMIT", NULL, 0, NULL, NULL, NULL, NULL, e);
  if (rc) {
    tx_rollback(w);
    j->seq = seq;
    j->now = now;
  }
  return rc;
}

/* ALTER TABLEs of a SQLite table: they need a transaction, and foreign keys that are not broken
 * by them. */
static int run_alters(struct journal *j, const struct section_statement *s, size_t count,
                      int64_t first, struct err *e) {
  struct orphans before = {0};
  if (!j->w->offline && orphans_read(j->w, &before, e))
    return -1;
  j->orphans = &before;
  int rc = run_inside(j, s, count, first, e);
  j->orphans = NULL;
  return rc;
}

/* Statements outside a transaction, from number `first` on. */
static int run_apart(struct journal *j, const struct section_statement *s, size_t count,
                     int64_t first, struct err *e) {
  for (size_t k = 0; k < count;) {
    int64_t number = first + (int64_t)k;
    bool later = number > j->from.done;
    size_t alters =
        later && number != j->from.doubt ? rebuild_gather(j->w, j->r, s + k, count - k) : 0;
    if (alters ? run_alters(j, s + k, alters, number, e)
               : later && run_outside(j, s + k, number, e))
      return -1;
    k += alters ? alters : 1;
  }
  return 0;
}

static int run_sections(struct journal *j, enum direction direction, struct err *e) {
  enum dialect dialect = j->w->db->driver->dialect;
  int64_t number = 1;
  for (size_t i = 0; i < j->r->section_count; i++) {
    const struct section *section = &j->r->sections[i];
    if (section->direction != direction || !(section->dialects & dialect))
      continue;
    const struct section_statement *s = section->statements[dialect].items;
    size_t count = section->statements[dialect].count;
    if (section->batch) {
      if (count && number > j->from.done && backfill_run(j, section, number, e))
        return -1;
    } else if (section->transaction ? number > j->from.done && run_inside(j, s, count, number, e)
                                    : run_apart(j, s, count, number, e)) {
      return -1;
    }
    number += (int64_t)count;
  }
  return 0;
}

/* The ledger must be there before the first statement, outside of any of its transactions. */
static int ensure_ledger(struct walk *w, struct err *e) {
  if (w->ledger.exists)
    return 0;
  if (tx_begin(w, e))
    return -1;
  if (ledger_create(w->db, w->job, e) ||
      db_exec(w->db, "COMMIT", NULL, 0, NULL, NULL, NULL, NULL, e)) {
    tx_rollback(w);
    return -1;
  }
  w->ledger.exists = true;
  return 0;
}

int journal_step(struct walk *w, unsigned index, int64_t *seq, bool *resolved, struct err *e) {
  const struct plan_step *step = &w->plan.steps[index];
  struct journal j = {.w = w,
                      .r = &w->catalog->revisions[step->revision],
                      .index = index,
                      .from = w->ledger.partial,
                      .now = w->ledger.partial,
                      .seq = w->ledger.last_seq};
  int64_t started_at = clock_wall_us();
  if (ensure_ledger(w, e))
    return -1;
  int rc = run_sections(&j, step->direction, e);
  w->ledger.last_seq = j.seq;
  w->ledger.partial = j.now;
  if (rc)
    return -1;
  struct ledger_entry entry = step_entry(w, index, started_at);
  if (tx_begin(w, e))
    return -1;
  rc = ledger_change(w->db, step, w->job, e);
  if (!rc)
    rc = ledger_append(w->db, &entry, &j.seq, w->job, e);
  if (!rc)
    rc = tx_commit(w, index + 1, resolved, e);
  if (rc)
    tx_rollback(w);
  *seq = j.seq;
  return rc;
}
