/* A walk's last stage over a database that writes down what it is told (script.h). Where the script
 * begins is what a stamp there would leave. Thread: the caller's.
 */
#include "server/engine/offline.h"

#include <string.h>

#include "server/engine/apply.h"
#include "server/engine/plan_check.h"
#include "server/engine/rebuild.h"
#include "server/engine/script.h"
#include "server/engine/shadow.h"
#include "server/engine/statements.h"
#include "server/engine/transaction.h"

/* The rows of the ledger that the script expects. */
static int start_rows(struct walk *w, const char *from, struct err *e) {
  struct plan plan;
  struct plan_request at = {.operation = OP_STAMP,
                            .dialect = w->request.dialect,
                            .revisions = &from,
                            .revision_count = 1};
  if (plan_make(w->catalog, &at, NULL, 0, w->arena, &plan, e))
    return err_in(e, "where the script starts");
  w->ledger.rows = plan.after;
  w->ledger.row_count = plan.after_count;
  return 0;
}

static void add_ids(struct buf *b, const char *const *ids, size_t count) {
  for (size_t i = 0; i < count; i++)
    buf_addf(b, "%s%s", i ? ", " : "", ids[i]);
}

static void on_step(void *ctx, const struct walk *w, unsigned index) {
  static const char *const verbs[] = {
      [DIR_UP] = "upgrade", [DIR_DOWN] = "downgrade", [DIR_STAMP] = "stamp_revision"};
  const struct plan_step *step = &w->plan.steps[index];
  const struct walk_ends ends = walk_step_ends(w, index);
  const char *message = w->catalog->revisions[step->revision].message;
  struct buf text BUF_SCOPED = BUF_INIT;
  (void)ctx;
  buf_addf(&text, "Running %s ", verbs[step->direction]);
  add_ids(&text, ends.from, ends.from_count);
  buf_adds(&text, " -> ");
  add_ids(&text, ends.to, ends.to_count);
  if (message[0])
    buf_addf(&text, ", %s", message);
  script_comment(w->db, buf_str(&text));
}

static bool any_orphans(const struct walk *w) {
  for (size_t i = 0; i < w->plan.count; i++)
    if (w->plan.steps[i].direction != DIR_STAMP &&
        orphans_possible(w, &w->catalog->revisions[w->plan.steps[i].revision],
                         w->plan.steps[i].direction))
      return true;
  return false;
}

/* A database that is at base may have no ledger yet. As when migd runs it, nothing else may be
 * there then, but for a stamp. */
static int make_ledger(struct walk *w, struct err *e) {
  if (w->request.operation == OP_UPGRADE) {
    struct buf fresh BUF_SCOPED = BUF_INIT;
    ledger_add_fresh(&fresh, w->request.dialect, w->db->schema);
    script_check(w->db, CHECK_START, buf_str(&fresh));
  }
  if (tx_begin(w, e) || ledger_create(w->db, w->job, e))
    return -1;
  return db_exec(w->db, "COMMIT", NULL, 0, NULL, NULL, NULL, w->job, e);
}

static int prepare(struct walk *w, const struct offline_request *q, struct err *e) {
  struct buf at BUF_SCOPED = BUF_INIT;
  script_begin(w->db, q->lock_timeout_ms ? q->lock_timeout_ms : LOCK_TIMEOUT_MS,
               q->statement_timeout_ms, q->idle_timeout_ms ? q->idle_timeout_ms : IDLE_TIMEOUT_MS);
  if (session_note(w, e) || (!w->ledger.row_count && make_ledger(w, e)))
    return -1;
  ledger_add_at(&at, w->ledger.rows, w->ledger.row_count, w->store_id);
  script_check(w->db, CHECK_START, buf_str(&at));
  if (any_orphans(w) && orphans_note(w, e))
    return -1;
  return rebuild_possible(w, &w->plan) ? shadow_replay(w, e) : 0;
}

static void add_head(struct walk *w, const struct offline_request *q) {
  struct buf line BUF_SCOPED = BUF_INIT;
  buf_addf(&line, "migd: catalog %s, %s", q->catalog, dialect_name(q->dialect));
  if (w->db->schema)
    buf_addf(&line, ", schema %s", w->db->schema);
  buf_adds(&line, ": ");
  if (w->ledger.row_count)
    add_ids(&line, w->ledger.rows, w->ledger.row_count);
  else
    buf_adds(&line, "base");
  buf_adds(&line, " -> ");
  if (w->plan.after_count)
    add_ids(&line, w->plan.after, w->plan.after_count);
  else
    buf_adds(&line, "base");
  script_comment(w->db, buf_str(&line));
  script_comment(w->db, q->dialect == DIALECT_SQLITE ? "Run it with: sqlite3 -bail DATABASE < FILE"
                                                     : "Run it with: psql -X -v ON_ERROR_STOP=1 "
                                                       "-f FILE");
}

static int make(struct walk *w, const struct offline_request *q, struct err *e) {
  if (start_rows(w, q->from && q->from[0] ? q->from : "base", e) ||
      plan_make(w->catalog, &w->request, w->ledger.rows, w->ledger.row_count, w->arena, &w->plan,
                e) ||
      plan_check(w, e))
    return -1;
  add_head(w, q);
  if (!w->plan.count) {
    script_comment(w->db, "Nothing to do.");
    return 0;
  }
  if (prepare(w, q, e))
    return -1;
  w->ledger.exists = true;
  return apply_plan(w, e);
}

int offline_script(const struct catalog *c, const struct offline_request *q, const struct job *job,
                   struct buf *out, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct db *db DB_SCOPED = script_db(q->dialect, out);
  arena_init(&arena, 0);
  struct walk w = {.catalog = c,
                   .request = {.operation = q->operation,
                               .dialect = q->dialect,
                               .revisions = q->revisions,
                               .revision_count = q->revision_count},
                   .variables = q->variables,
                   .single_transaction = q->single_transaction,
                   .store_id = q->store_id,
                   .principal = q->principal,
                   .job = job,
                   .hooks = {.step_started = on_step},
                   .offline = true,
                   .arena = &arena,
                   .db = db};
  if (q->dialect == DIALECT_POSTGRESQL)
    script_target(db, q->url);
  return make(&w, q, e);
}
