/* First the plan's probes, each a question for one kind of offence; where none answers, rows are
 * copied in portions until the one that cannot be is alone. Both read the old table, which is still
 * there. Thread: the walk's worker.
 */
#include "server/engine/rebuild_row.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/engine/schema.h"

#define VALUE_SHOWN 80 /* bytes of one value of a key */

static void replace_all(char *field, size_t size, const char *what, const char *with) {
  struct buf out BUF_SCOPED = BUF_INIT;
  size_t len = strlen(what);
  const char *from = field, *hit = strstr(from, what);
  if (!hit)
    return;
  for (; hit; hit = strstr(from, what)) {
    buf_add(&out, from, (size_t)(hit - from));
    buf_adds(&out, with);
    from = hit + len;
  }
  buf_adds(&out, from);
  err_copy(field, size, buf_str(&out), out.len);
}

void rebuild_hide_name(const struct rebuild *plan, struct err *e) {
  if (!plan->temporary)
    return;
  replace_all(e->text, sizeof e->text, plan->temporary, plan->table);
  replace_all(e->detail, sizeof e->detail, plan->temporary, plan->table);
}

/* What a key says, "id = 5, name = 'x'". */
struct key_text {
  const struct rebuild *plan;
  struct buf text;
};

/* A search for a row. */
struct search {
  struct walk *w;
  const struct rebuild *plan;
  const char *copy; /* the statement that failed */
  unsigned flags;
};

static void add_value(struct buf *out, const struct db_value *v) {
  char cut[VALUE_SHOWN + 1];
  if (v->type == DB_INT) {
    buf_addf(out, "%" PRId64, v->i);
  } else if (v->type == DB_TEXT) {
    err_copy(cut, sizeof cut, v->s, v->len);
    buf_addf(out, "'%s'%s", cut, v->len > VALUE_SHOWN ? "..." : "");
  } else if (v->type == DB_BLOB) {
    buf_adds(out, "x'");
    for (size_t i = 0; i < v->len && i < VALUE_SHOWN / 2; i++)
      buf_addf(out, "%02x", (unsigned char)v->s[i]);
    buf_adds(out, v->len > VALUE_SHOWN / 2 ? "'..." : "'");
  } else {
    buf_adds(out, "NULL");
  }
}

static int on_key(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct key_text *k = ctx;
  (void)e;
  buf_clear(&k->text);
  for (int i = 0; i < count; i++) {
    const char *name = (size_t)i < k->plan->key_count ? k->plan->key[i] : "?";
    buf_addf(&k->text, "%s%s = ", i ? ", " : "", name);
    add_value(&k->text, &v[i]);
  }
  return 0;
}

static void tell(struct err *e, const char *what, const char *key) {
  struct buf text BUF_SCOPED = BUF_INIT;
  buf_addf(&text, "%s (the row with %s%s%s)", e->text, key, what ? ": " : "", what ? what : "");
  err_copy(e->text, sizeof e->text, text.s, text.len);
}

/* The question has expressions of the revision in it. */
static int ask(const struct search *q, const char *sql, struct key_text *key) {
  struct db_statement s = {.sql = sql, .len = strlen(sql), .flags = q->flags};
  struct err ignored;
  return q->w->db->driver->exec(q->w->db, &s, key ? on_key : NULL, key, NULL, q->w->job, &ignored);
}

static bool probe(const struct search *q, struct rebuild_place *place, struct err *e) {
  for (size_t i = 0; i < q->plan->probe_count; i++) {
    const struct rebuild_probe *p = &q->plan->probes[i];
    struct key_text key = {q->plan, BUF_INIT};
    bool found = !ask(q, p->sql, &key) && key.text.len;
    if (found) {
      *place = p->place;
      tell(e, p->what, buf_str(&key.text));
    }
    buf_release(&key.text);
    if (found)
      return true;
  }
  return false;
}

static void add_key(struct buf *sql, const struct rebuild *plan) {
  for (size_t i = 0; i < plan->key_count; i++) {
    buf_adds(sql, i ? ", " : "");
    schema_add_name(sql, NULL, plan->key[i]);
  }
}

static void add_portion(struct buf *sql, const struct rebuild *plan, int64_t offset,
                        int64_t limit) {
  buf_adds(sql, " ORDER BY ");
  add_key(sql, plan);
  buf_addf(sql, " LIMIT %" PRId64 " OFFSET %" PRId64, limit, offset);
}

/* Copies a portion: how many rows came over, or -1 when one of them cannot be copied. */
static int64_t copy_portion(const struct search *q, int64_t offset, int64_t limit, struct err *e) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  struct db *db = q->w->db;
  int64_t copied = 0;
  buf_adds(&sql, q->copy);
  add_portion(&sql, q->plan, offset, limit);
  struct db_statement s = {.sql = sql.s, .len = sql.len, .flags = q->flags};
  return db->driver->exec(db, &s, NULL, NULL, &copied, q->w->job, e) ? -1 : copied;
}

/* A portion that fails leaves nothing, and is halved; one that comes over is doubled: about twice
 * the work of the whole copy. -1: every row can be copied, or something else is wrong. */
static int64_t first_offender(const struct search *q) {
  struct db *db = q->w->db;
  int64_t offset = 0, limit = 1024;
  bool growing = true;
  while (limit > 0) {
    struct err e;
    int64_t copied = copy_portion(q, offset, limit, &e);
    if (copied < 0 && (e.kind != ERR_MIGRATION || !db->driver->in_transaction(db)))
      return -1;
    if (copied >= 0 && copied < limit)
      return -1;
    offset += copied >= 0 ? limit : 0;
    growing = growing && copied >= 0;
    limit = growing ? 2 * limit : limit / 2;
  }
  return offset;
}

static void name_row(const struct search *q, int64_t offset, struct err *e) {
  struct key_text key = {q->plan, BUF_INIT};
  struct buf sql BUF_SCOPED = BUF_INIT;
  buf_adds(&sql, "SELECT ");
  add_key(&sql, q->plan);
  buf_adds(&sql, " FROM ");
  schema_add_name(&sql, q->plan->schema, q->plan->table);
  add_portion(&sql, q->plan, offset, 1);
  if (!ask(q, buf_str(&sql), &key) && key.text.len)
    tell(e, NULL, buf_str(&key.text));
  buf_release(&key.text);
}

/* What does not even compile is no row's fault. */
static bool compiles(const struct search *q) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  buf_addf(&sql, "EXPLAIN %s", q->copy);
  return !ask(q, buf_str(&sql), NULL);
}

/* Nor are a full disk, a timeout and the like. */
static bool by_a_row(const struct search *q, const struct err *e) {
  return e->kind == ERR_MIGRATION && strcmp(e->sqlstate, "53100") != 0 &&
         strcmp(e->sqlstate, "57014") != 0 && !q->w->offline &&
         q->w->db->driver->in_transaction(q->w->db) && q->plan->key_count && compiles(q);
}

void rebuild_explain_row(struct walk *w, const struct rebuild *plan,
                         const struct rebuild_statement *copy, unsigned secret,
                         struct rebuild_place *place, struct err *e) {
  struct search q = {w, plan, copy->sql, DB_REBUILD | secret};
  rebuild_hide_name(plan, e);
  if (!by_a_row(&q, e) || (!secret && probe(&q, place, e)))
    return;
  int64_t offset = first_offender(&q);
  if (offset >= 0)
    name_row(&q, offset, e);
}

void rebuild_explain_index(struct walk *w, const struct rebuild *plan,
                           const struct rebuild_statement *index, unsigned secret, struct err *e) {
  const struct search q = {w, plan, NULL, DB_REBUILD | secret};
  struct key_text key = {plan, BUF_INIT};
  if (strcmp(e->sqlstate, "23505") == 0 && !ask(&q, index->probe, &key) && key.text.len)
    tell(e, "another row is the same to a unique index", buf_str(&key.text));
  buf_release(&key.text);
}
