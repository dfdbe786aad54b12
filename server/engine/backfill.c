/* The loop over the batches: one batch, what follows from its failure, and the rest before the
 * next.
 *
 * A connection that is lost, at COMMIT too, is opened again and the ledger says how far the
 * statement came. Foreign keys are not enforced on SQLite while migrations run; how many rows were
 * without their parent before the first batch stands in the ledger, and at the end there may be no
 * more.
 */
#include "server/engine/backfill.h"

#include <inttypes.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/catalog/batch.h"
#include "server/engine/apply.h"
#include "server/engine/pace.h"
#include "server/engine/script.h"
#include "server/engine/statements.h"
#include "server/engine/transaction.h"

#define TELL_NS (200 * NS_PER_MS)
#define NAP_MS 100 /* how often a pause looks whether the server stops */

enum { LOSSES_MAX = 8 }; /* lost connections without a batch in between: about half a minute */

/* For a script of SQLite, which has no loop: more rows than there are. */
#define ALL_ROWS "1000000000000"

struct backfill {
  struct journal *j;
  const struct section_statement *s;
  int64_t number;
  struct pace pace;
  struct ledger_batches count;
  int64_t entry; /* the ledger's entry that counts; 0: this run has none yet */
  bool over;
  struct pace_seen seen;
  int64_t told_ns;
  unsigned losses;
  int64_t first_rows; /* what was counted when this run began */
  int64_t room;       /* rows that it may change; 0: any number */
};

static struct walk *walk_of(const struct backfill *b) {
  return b->j->w;
}

static bool on_sqlite(const struct backfill *b) {
  return walk_of(b)->db->driver->dialect == DIALECT_SQLITE;
}

/* Where the ledger says that the statement is. An entry of an earlier run is not gone on with: this
 * run's own says its epoch, and begins with what that one had counted. */
static int find_place(struct backfill *b, struct err *e) {
  struct walk *w = walk_of(b);
  const struct ledger_partial *p = &w->ledger.partial;
  b->entry = 0;
  b->over = p->done >= b->number;
  if (b->over || p->batch != b->number)
    return 0;
  if (ledger_batch_read(w->db, p->batch_entry, &b->count, w->job, e))
    return -1;
  if (w->ledger.epoch == w->epoch)
    b->entry = p->batch_entry;
  return 0;
}

static int on_int(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(int64_t *)ctx = v[0].i;
  return 0;
}

/* An UPDATE whose rows still match when it has changed them would run for ever. It must have
 * changed rows again when it has changed more than the database has room for: a row takes 28 bytes
 * in PostgreSQL (its header and its pointer), 6 in SQLite. */
static int find_room(struct backfill *b, struct err *e) {
  struct walk *w = walk_of(b);
  const char *sql = b->j->r->content + b->s->start;
  b->first_rows = b->count.rows;
  if (!batch_updates(w->db->driver->dialect, sql, b->s->len))
    return 0;
  return db_exec(w->db,
                 on_sqlite(b)
                     ? "SELECT page_count * page_size / 6 FROM pragma_page_count, pragma_page_size"
                     : "SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) / 28",
                 NULL, 0, on_int, &b->room, NULL, w->job, e);
}

static int check_room(const struct backfill *b, struct err *e) {
  int64_t changed = b->count.rows - b->first_rows;
  if (!b->room || changed <= b->room)
    return 0;
  err_set(e, ERR_MIGRATION,
          "%" PRId64 " rows are changed, more than the database has room for: the statement "
          "changes rows that it has changed before",
          changed);
  statement_locate(b->j->r, b->s, e);
  return err_hint(e,
                  "a row that is changed must no longer match; the batches are committed: end it "
                  "by hand and `migctl stamp`, or `migctl run resume` goes on for as many again");
}

/* --- one batch --- */

static int count_orphans(struct backfill *b, struct orphans *out, struct err *e) {
  struct walk *w = walk_of(b);
  *out = (struct orphans){0};
  if (!on_sqlite(b) || !orphans_possible(w, b->j->r, w->plan.steps[b->j->index].direction))
    return 0;
  return orphans_read(w, out, e);
}

/* What a batch that changed rows writes down. */
static int note_batch(struct backfill *b, int64_t changed, int64_t started_at, struct err *e) {
  struct walk *w = walk_of(b);
  struct ledger_batches after = b->count;
  after.batches++;
  after.rows += changed;
  if (b->entry ? ledger_batch_add(w->db, b->entry, &b->count, &after, w->job, e)
               : journal_mark(b->j, b->number, LEDGER_BATCH, started_at, e) ||
                     ledger_batch_begin(w->db, b->j->seq, &after, false, w->job, e))
    return -1;
  if (!b->entry)
    b->entry = b->j->seq;
  b->count = after;
  return 0;
}

/* The one that changed none ends the statement. */
static int note_end(struct backfill *b, int64_t started_at, struct err *e) {
  struct orphans now;
  if (count_orphans(b, &now, e))
    return -1;
  if ((int64_t)now.count > b->count.orphans) {
    err_set(e, ERR_MIGRATION, "a foreign key is violated: %s", now.rows[now.count - 1]);
    err_copy(e->file, sizeof e->file, b->j->r->file, strlen(b->j->r->file));
    err_copy(e->revision, sizeof e->revision, b->j->r->id, strlen(b->j->r->id));
    err_hint(e,
             "%zu rows are without their parent, %" PRId64
             " were before the first batch, and the batches are committed: mend the rows, then "
             "`migctl run resume`",
             now.count, b->count.orphans);
    return err_in(e, "%s: ERROR", b->j->r->file);
  }
  b->over = true;
  return journal_mark(b->j, b->number, LEDGER_DONE, started_at, e);
}

static int on_bool(void *ctx, const struct db_value *v, int count, struct err *e) {
  (void)count, (void)e;
  *(bool *)ctx = v[0].i != 0;
  return 0;
}

/* Asked while the batch holds its locks, just before its COMMIT. */
static int see_others(struct backfill *b, bool waited, int64_t began_ns, struct err *e) {
  struct walk *w = walk_of(b);
  b->seen = (struct pace_seen){.others_wait = waited,
                               .keeps_all = on_sqlite(b),
                               .took_ms = (clock_mono_ns() - began_ns) / NS_PER_MS};
  if (on_sqlite(b))
    return 0;
  return db_exec(w->db,
                 "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE NOT l.granted AND "
                 "pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(l.pid)))",
                 NULL, 0, on_bool, &b->seen.others_wait, NULL, w->job, e);
}

static int commit(struct backfill *b, struct err *e) {
  struct walk *w = walk_of(b);
  if (w->db->driver->lock_check(w->db, e))
    return -1;
  if (!db_exec(w->db, "COMMIT", NULL, 0, NULL, NULL, NULL, NULL, e))
    return 0;
  /* Unless the database itself said no, the ledger must be asked. */
  if (!w->db->driver->in_transaction(w->db) && (on_sqlite(b) || e->kind != ERR_MIGRATION))
    e->kind = ERR_TARGET;
  return -1;
}

static int inside(struct backfill *b, bool waited, struct err *e) {
  int64_t changed = 0, started_at = clock_wall_us(), began_ns = clock_mono_ns();
  struct orphans before = {0};
  if (!b->entry && !b->count.batches && count_orphans(b, &before, e))
    return -1;
  if (!b->count.batches)
    b->count.orphans = (int64_t)before.count;
  if (statement_run_batch(walk_of(b), b->j->r, b->s, b->pace.batch, &changed, e) ||
      session_pin(walk_of(b), e) ||
      (changed ? note_batch(b, changed, started_at, e) : note_end(b, started_at, e)) ||
      see_others(b, waited, began_ns, e))
    return -1;
  return commit(b, e);
}

static int batch_once(struct walk *w, void *ctx, struct err *e) {
  struct backfill *b = ctx, before = *b;
  struct journal journal = *b->j;
  uint64_t waits = w->db->waits;
  if (!tx_begin(w, e) && !inside(b, w->db->waits != waits, e))
    return 0;
  tx_rollback(w);
  *b->j = journal;
  *b = before;
  if (e->kind == ERR_LOCKED)
    pace_after(&b->pace, &(struct pace_seen){.others_wait = true});
  return -1;
}

/* --- between batches --- */

/* The ledger that is found must be the one that was left: ours, and no further than we know. */
static int take_up(struct backfill *b, struct err *e) {
  struct walk *w = walk_of(b);
  const struct ledger_state *l = &w->ledger;
  const struct ledger_partial *p = &l->partial;
  bool ours = l->exists && l->epoch <= w->epoch &&
              (!l->store_id || !strcmp(l->store_id, w->store_id)) && p->done <= b->number &&
              (p->revision ? !strcmp(p->revision, b->j->r->id) && p->done >= b->number - 1
                           : b->number == 1);
  if (!ours)
    return err_set(e, ERR_CONFLICT,
                   "the ledger was changed by somebody else while the connection was lost");
  b->j->seq = l->last_seq;
  b->j->now = b->j->from = *p;
  return session_pin(w, e) || find_place(b, e) ? -1 : 0;
}

/* Opens the target again; the batch that was at work is either in its ledger or never was. */
static int find_again(struct backfill *b, struct err *e) {
  struct walk *w = walk_of(b);
  struct err why = *e, cut;
  while (++b->losses <= LOSSES_MAX) {
    int64_t most = INT64_C(100) << b->losses;
    if (b->losses > 1 && job_pause(w->job, (int)(most / 2 + clock_mono_ns() % (most / 2)), &cut)) {
      *e = cut;
      return -1;
    }
    if (!tx_reopen(w, e) && !take_up(b, e))
      return 0;
    if (e->kind != ERR_TARGET)
      return -1;
  }
  *e = why;
  return err_hint(e, "`migctl run resume` goes on where it was");
}

static int next_batch(struct backfill *b, struct err *e) {
  int rc = with_lock_tries(walk_of(b), batch_once, b, true, e);
  if (!rc) {
    b->losses = 0;
    pace_after(&b->pace, &b->seen);
    return 0;
  }
  if (e->kind == ERR_LOCKED)
    walk_of(b)->lock_given_up = true;
  return e->kind == ERR_TARGET ? find_again(b, e) : -1;
}

static void tell(struct backfill *b) {
  struct walk *w = walk_of(b);
  int64_t now = clock_mono_ns();
  struct walk_batch batch = {.index = b->j->index,
                             .statement = b->number,
                             .batches = b->count.batches,
                             .rows = b->count.rows,
                             .pause_ms = b->over ? 0 : b->pace.pause_ms};
  if (!w->hooks.batch_finished || !b->count.batches || (!b->over && now - b->told_ns < TELL_NS))
    return;
  w->hooks.batch_finished(w->hooks.ctx, w, &batch);
  b->told_ns = now;
}

/* No transaction is open meanwhile. */
static int rest(struct backfill *b, struct err *e) {
  struct walk *w = walk_of(b);
  int64_t until = clock_mono_ns() + b->pace.pause_ms * NS_PER_MS;
  for (;;) {
    if (w->drain && atomic_load(w->drain))
      return err_set(e, ERR_CANCELLED, "the server is stopping");
    int64_t left = (until - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
    if (left <= 0)
      return job_check(w->job, e);
    if (job_pause(w->job, left < NAP_MS ? (int)left : NAP_MS, e))
      return -1;
  }
}

/* --- a script --- */

static int begin_script(struct backfill *b, int64_t started_at, struct err *e) {
  struct walk *w = walk_of(b);
  return tx_begin(w, e) || journal_mark(b->j, b->number, LEDGER_BATCH, started_at, e) ||
                 ledger_batch_begin(w->db, b->j->seq, &b->count, true, w->job, e)
             ? -1
             : 0;
}

static int own(struct walk *w, const char *sql, size_t len, struct err *e) {
  struct db_statement statement = {.sql = sql, .len = len, .flags = DB_OURS};
  return w->db->driver->exec(w->db, &statement, NULL, NULL, NULL, w->job, e);
}

/* A transaction for all of it. */
static int script_once(struct backfill *b, const struct sql_text *text, int64_t started_at,
                       struct err *e) {
  struct walk *w = walk_of(b);
  struct buf count BUF_SCOPED = BUF_INIT;
  ledger_add_batch(&count, "changes()");
  script_comment(w->db, "migd runs this batch by batch; a script for sqlite3 has no loop: here it "
                        "is one transaction.");
  if (begin_script(b, started_at, e) || own(w, text->s, text->len, e) ||
      own(w, count.s, count.len, e) || journal_mark(b->j, b->number, LEDGER_DONE, started_at, e))
    return -1;
  orphans_refuse(w);
  return own(w, "COMMIT", 6, e);
}

static int script_batches(struct backfill *b, const struct sql_text *text, unsigned pause_ms,
                          int64_t started_at, struct err *e) {
  struct walk *w = walk_of(b);
  struct buf count BUF_SCOPED = BUF_INIT;
  ledger_add_batch(&count, "migd_rows");
  if (begin_script(b, started_at, e) || own(w, "COMMIT", 6, e))
    return -1;
  script_loop(w->db, text->s, text->len, buf_str(&count), pause_ms);
  return session_pin(w, e) ? -1 : journal_mark(b->j, b->number, LEDGER_DONE, started_at, e);
}

static int write_script(struct backfill *b, const struct section *section, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct sql_text text;
  int64_t started_at = clock_wall_us();
  arena_init(&arena, 0);
  const char *rows = on_sqlite(b) ? ALL_ROWS : arena_printf(&arena, "%u", section->batch);
  if (statement_text(walk_of(b), b->j->r, b->s, rows, &arena, &text, e))
    return -1;
  int rc = on_sqlite(b) ? script_once(b, &text, started_at, e)
                        : script_batches(b, &text, section->pause_ms, started_at, e);
  sql_text_wipe(&text);
  return rc;
}

int backfill_run(struct journal *j, const struct section *section, int64_t number, struct err *e) {
  struct walk *w = j->w;
  struct backfill b = {
      .j = j, .s = &section->statements[w->db->driver->dialect].items[0], .number = number};
  pace_init(&b.pace, section->batch, section->pause_ms);
  if (w->offline)
    return write_script(&b, section, e);
  w->ledger.partial = j->now;
  if (find_place(&b, e) || find_room(&b, e))
    return -1;
  while (!b.over) {
    if (check_room(&b, e) || next_batch(&b, e))
      return -1;
    w->ledger.partial = j->now;
    w->ledger.last_seq = j->seq;
    tell(&b);
    if (!b.over && rest(&b, e))
      return -1;
  }
  return 0;
}
