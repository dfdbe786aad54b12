/* The walk and its table of stages. Also the two ways in that applying needs once more when a
 * connection is lost in the middle: opening and locking.
 */
#include "server/engine/walk.h"

#include <inttypes.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/engine/apply.h"
#include "server/engine/plan_check.h"
#include "server/engine/shadow.h"

int walk_open(struct walk *w, struct err *e) {
  db_close(w->db);
  w->db = NULL;
  db_open_fn *open = w->open ? w->open : db_open;
  if (w->secrets.count ? db_scrubbed(&w->db, open, &w->options, &w->secrets, w->job, e)
                       : open(&w->db, &w->options, w->job, e))
    return -1;
  if (log_on(w->log, LOG_DEBUG))
    w->db = db_traced(w->db, w->log, w->target);
  return 0;
}

int walk_lock(struct walk *w, int64_t wait_ns, struct err *e) {
  int64_t until = clock_mono_ns() + wait_ns;
  for (unsigned attempt = 1;; attempt++) {
    int got = w->db->driver->lock(w->db, w->job, e);
    if (got != 0)
      return got > 0 ? 0 : -1;
    if (clock_mono_ns() >= until)
      return -1;
    if (w->hooks.waiting && attempt == 1)
      w->hooks.waiting(w->hooks.ctx, 0, e, NULL);
    struct err cut;
    if (job_pause(w->job, attempt < 10 ? 50 * (int)attempt : 500, &cut)) {
      *e = cut;
      return -1;
    }
  }
}

static int stage_open(struct walk *w, enum walk_stage last, struct err *e) {
  (void)last;
  return walk_open(w, e);
}

static int stage_lock(struct walk *w, enum walk_stage last, struct err *e) {
  return last == WALK_APPLY || w->locked ? walk_lock(w, w->lock_wait_ns, e) : 0;
}

/* A second server, or a store that was restored from an old backup, must not act on what it does
 * not know: the ledger's last entry says who wrote it and how far that one had counted. */
static int check_fence(const struct walk *w, struct err *e) {
  if (!w->ledger.store_id || !w->epoch || w->request.purge)
    return 0;
  if (strcmp(w->ledger.store_id, w->store_id)) {
    err_set(e, ERR_REFUSED, "this database is kept by another migd server (store %s)",
            w->ledger.store_id);
    return err_hint(e,
                    "remove the target there first; then `migctl stamp --purge REVISION` makes it "
                    "this server's");
  }
  if (w->ledger.epoch >= w->epoch) {
    err_set(e, ERR_REFUSED,
            "the ledger knows of changes that this server does not (epoch %" PRId64
            " there, %" PRId64 " here): was the server's store restored from a backup?",
            w->ledger.epoch, w->epoch - 1);
    return err_hint(e,
                    "see `migctl current`; `migctl stamp --purge REVISION` says what is applied");
  }
  return 0;
}

static int stage_ledger(struct walk *w, enum walk_stage last, struct err *e) {
  if (ledger_read(w->db, w->arena, &w->ledger, w->job, e))
    return err_in(e, "read the ledger");
  if (last == WALK_LEDGER)
    return 0;
  bool strange = !w->ledger.exists && !w->ledger.empty_database;
  if (strange && w->request.operation == OP_UPGRADE && adopt_by_rule(w, &w->by_rule, e))
    return -1;
  if (strange && w->request.operation == OP_UPGRADE && !w->by_rule) {
    err_set(e, ERR_REFUSED, "the database has tables but no ledger: what is applied is not known");
    return err_hint(e,
                    "`migctl adopt` takes over what another tool wrote down there; `migctl stamp "
                    "REVISION` says which revision it is at");
  }
  return check_fence(w, e);
}

/* A step that was cut off outside a transaction must be ended before anything else is begun. */
static int check_partial(const struct walk *w, struct err *e) {
  const struct ledger_partial *p = &w->ledger.partial;
  if (!p->revision || w->request.operation == OP_STAMP)
    return 0;
  const struct plan_step *first = w->plan.count ? &w->plan.steps[0] : NULL;
  const struct revision *r = first ? &w->catalog->revisions[first->revision] : NULL;
  if (r && !strcmp(r->id, p->revision) && first->direction == p->direction) {
    if (!strcmp(r->checksum, p->checksum))
      return 0;
    err_set(e, ERR_REFUSED, "%s is applied in part, with other content than the catalog has now",
            p->revision);
    return err_hint(e, "push the content it was begun with, or end it by hand and `migctl stamp`");
  }
  err_set(e, ERR_REFUSED, "%s is %s in part: that must end first", p->revision,
          p->direction == DIR_UP ? "applied" : "taken back");
  return err_hint(e, "`migctl %s %s` goes on with it",
                  p->direction == DIR_UP ? "upgrade" : "downgrade",
                  p->direction == DIR_UP ? p->revision : "to a revision below");
}

static int stage_plan(struct walk *w, enum walk_stage last, struct err *e) {
  if (w->adopt && adopt_find(w, e))
    return -1;
  if (w->adopt && w->adopt->known) {
    w->plan = (struct plan){.after = w->ledger.rows, .after_count = w->ledger.row_count};
    return 0;
  }
  if (w->by_rule)
    return adopt_rule_plan(w, e) || plan_check(w, e) ? -1 : 0;
  if (plan_make(w->catalog, &w->request, w->ledger.rows, w->ledger.row_count, w->arena, &w->plan,
                e))
    return -1;
  if (check_partial(w, e) || plan_check(w, e))
    return -1;
  return last == WALK_PLAN ? shadow_show(w, e) : 0;
}

static int stage_apply(struct walk *w, enum walk_stage last, struct err *e) {
  (void)last;
  bool purge = w->request.operation == OP_STAMP && w->request.purge;
  if (!w->plan.count && !purge)
    return 0;
  if (w->hooks.planned && w->hooks.planned(w->hooks.ctx, w, e))
    return -1;
  return apply_plan(w, e);
}

/* The stages, in their order. Every verb is a walk to one of them. */
static int (*const stages[])(struct walk *w, enum walk_stage last, struct err *e) = {
    [WALK_OPEN] = stage_open,     /* connected; the target is what its URL says */
    [WALK_LOCK] = stage_lock,     /* to change it: nobody else does */
    [WALK_LEDGER] = stage_ledger, /* what is applied is known, and ours to change */
    [WALK_PLAN] = stage_plan,     /* the steps are known */
    [WALK_APPLY] = stage_apply,   /* the steps are done */
};

int walk_to(struct walk *w, enum walk_stage last, struct err *e) {
  int rc = 0;
  for (enum walk_stage stage = WALK_OPEN; !rc && stage <= last; stage++)
    rc = job_check(w->job, e) ? -1 : stages[stage](w, last, e);
  if (!rc && last == WALK_PLAN && w->hooks.looked)
    w->hooks.looked(w->hooks.ctx, w);
  if (w->db && (last == WALK_APPLY || w->locked))
    w->db->driver->unlock(w->db);
  db_close(w->db);
  w->db = NULL;
  if (rc) {
    err_copy(e->target, sizeof e->target, w->target, strlen(w->target));
    err_in(e, "%s", w->target);
  }
  return rc;
}

struct walk_ends walk_step_ends(const struct walk *w, unsigned index) {
  const struct plan_step *step = &w->plan.steps[index];
  const struct revision *r = &w->catalog->revisions[step->revision];
  if (step->direction == DIR_STAMP)
    return (struct walk_ends){step->remove, step->insert, step->remove_count, step->insert_count};
  if (step->direction == DIR_DOWN)
    return (struct walk_ends){&r->id, r->parents, 1, r->parent_count};
  return (struct walk_ends){r->parents, &r->id, r->parent_count, 1};
}
