/* Who is in the way of a statement that waits for a lock. Only while it waits can the server say so
 * (pg_blocking_pids): afterwards the holder may be gone, and what the statement wanted is not known
 * without reading it. So a second connection looks while the first one waits; it is made when a
 * statement takes long enough to be waiting, and kept until the end. Thread: the connection's.
 */
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/digest.h"
#include "server/db/postgres.h"

#define CONNECT_NS (2 * NS_PER_S)
#define LOOK_NS (1 * NS_PER_S)
#define PERIOD_MAX_NS (500 * NS_PER_MS)
#define PERIOD_MIN_NS (5 * NS_PER_MS)

/* $1: the process that may wait. What it waits for is in `wanted`; the row lock that it queued for
 * tells the table where it waits for a whole transaction. The cheap question comes first:
 * pg_blocking_pids stops the whole lock table for a moment. What another session of migd's runs is
 * not shown: it may hold the value of a secret variable of its target's. */
static const char look_sql[] =
    "WITH wanted AS (SELECT l.* FROM pg_catalog.pg_locks l"
    "  WHERE l.pid = $1::int4 AND NOT l.granted LIMIT 1),"
    " holder AS (SELECT DISTINCT p.pid FROM pg_catalog.unnest(CASE WHEN EXISTS"
    "  (SELECT FROM wanted) THEN pg_catalog.pg_blocking_pids($1::int4) END) p(pid))"
    " SELECT h.pid, a.application_name, a.usename::text, a.state,"
    "  (EXTRACT(EPOCH FROM a.query_start) * 1000000)::int8,"
    "  CASE WHEN a.state IS NOT NULL AND a.application_name <> 'migd' THEN "
    "pg_catalog.left(a.query, 160) END,"
    "  CASE w.locktype WHEN 'transactionid' THEN 'a row lock'"
    "   WHEN 'virtualxid' THEN 'a snapshot' ELSE k.mode END,"
    "  (SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c"
    "   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = COALESCE(w.relation,"
    "    (SELECT t.relation FROM pg_catalog.pg_locks t"
    "     WHERE t.pid = $1::int4 AND t.locktype = 'tuple' LIMIT 1)))"
    " FROM holder h CROSS JOIN wanted w"
    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = h.pid AND h.pid <> 0"
    " LEFT JOIN LATERAL (SELECT l.mode FROM pg_catalog.pg_locks l WHERE l.pid = h.pid"
    "  AND (l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,"
    "       l.transactionid::text, l.classid, l.objid, l.objsubid)"
    "  IS NOT DISTINCT FROM (w.locktype, w.database, w.relation, w.page, w.tuple, w.virtualxid,"
    "       w.transactionid::text, w.classid, w.objid, w.objsubid)"
    "  ORDER BY l.granted DESC LIMIT 1) k ON true"
    " ORDER BY a.query_start, h.pid";

/* What hides one connection's end from the server hides the other's: a session that is left there
 * would wait for the network's return. */
static void end_left(struct postgres *p) {
  static const char sql[] = "SELECT pg_catalog.pg_terminate_backend(pid) FROM "
                            "pg_catalog.pg_stat_activity WHERE pid = $1::int4 AND "
                            "application_name = 'migd' AND usename = current_user";
  struct err ignored;
  struct db_value pid = db_int(p->left_pid);
  if (p->left_pid && postgres_query(p->aside, sql, &pid, 1, NULL, NULL, NULL, &ignored) == 0)
    p->left_pid = 0;
}

struct postgres *postgres_aside(struct postgres *p, int64_t ends_ns, const struct job *job,
                                struct err *e) {
  PGconn *conn;
  if (p->aside && !p->aside->broken && PQstatus(p->aside->conn) == CONNECTION_OK)
    return p->aside;
  postgres_aside_give_up(p);
  if (postgres_connect(&conn, &p->url, p->password, PQhostaddr(p->conn), ends_ns, job, e) < 0)
    return NULL;
  p->aside = xcalloc(1, sizeof *p->aside);
  p->aside->conn = conn;
  p->aside->ends_ns = ends_ns;
  end_left(p);
  return p->aside;
}

void postgres_aside_give_up(struct postgres *p) {
  if (p->aside)
    p->left_pid = PQbackendPID(p->aside->conn);
  postgres_aside_close(p);
}

void postgres_aside_close(struct postgres *p) {
  if (p->aside)
    PQfinish(p->aside->conn);
  free(p->aside);
  p->aside = NULL;
}

static void take_text(char *field, size_t size, const struct db_value *v) {
  field[0] = '\0';
  if (v->type == DB_TEXT)
    err_copy(field, size, v->s, v->len);
}
#define TAKE(field, value) take_text((field), sizeof(field), (value))

static int on_blocker(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct db_blockers *seen = ctx;
  if (count != 8)
    return err_set(e, ERR_TARGET, "the server answers nonsense");
  seen->total++;
  if (seen->count == DB_BLOCKERS_MAX)
    return 0;
  struct db_blocker *b = &seen->items[seen->count++];
  b->pid = (int)v[0].i;
  TAKE(b->application, &v[1]);
  TAKE(b->user, &v[2]);
  TAKE(b->state, &v[3]);
  b->query_start = v[4].type == DB_INT ? v[4].i : 0;
  TAKE(b->query, &v[5]);
  TAKE(b->lock_mode, &v[6]);
  TAKE(b->relation, &v[7]);
  return 0;
}

int64_t postgres_look_period(const struct postgres *p) {
  int64_t period = p->lock_wait_ms * NS_PER_MS * 2 / 5;
  if (!p->lock_wait_ms || p->no_look)
    return 0;
  return period > PERIOD_MAX_NS ? PERIOD_MAX_NS : period < PERIOD_MIN_NS ? PERIOD_MIN_NS : period;
}

void postgres_look(struct postgres *p, const struct job *job, struct db_blockers *seen) {
  struct err ignored;
  struct db_value pid = db_int(PQbackendPID(p->conn));
  struct postgres *aside = postgres_aside(p, clock_mono_ns() + CONNECT_NS, job, &ignored);
  struct db_blockers found = {0};
  if (!aside) { /* of no use: too many connections, say. Not tried again and again. */
    p->no_look = job_check(job, &ignored) == 0;
    return;
  }
  aside->ends_ns = clock_mono_ns() + LOOK_NS;
  if (postgres_query(aside, look_sql, &pid, 1, on_blocker, &found, NULL, &ignored) == 0)
    *seen = found;
}
