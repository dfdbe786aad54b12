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
static int ask(struct walk *w, const char *sql, struct key_text *key) {
  struct db_statement s = {.sql = sql, .len = strlen(sql), .flags = DB_REBUILD};
  struct err ignored;
  return w->db->driver->exec(w->db, &s, key ? on_key : NULL, key, NULL, w->job, &ignored);
}

static bool probe(struct walk *w, const struct rebuild *plan, struct rebuild_place *place,
                  struct err *e) {
  for (size_t i = 0; i < plan->probe_count; i++) {
    const struct rebuild_probe *p = &plan->probes[i];
    struct key_text key = {plan, BUF_INIT};
    bool found = !ask(w, p->sql, &key) && key.text.len;
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
static int64_t copy_portion(struct walk *w, const struct rebuild *plan,
                            const struct rebuild_statement *copy, int64_t offset, int64_t limit,
                            struct err *e) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  int64_t copied = 0;
  buf_adds(&sql, copy->sql);
  add_portion(&sql, plan, offset, limit);
  struct db_statement s = {.sql = sql.s, .len = sql.len, .flags = DB_REBUILD};
  return w->db->driver->exec(w->db, &s, NULL, NULL, &copied, w->job, e) ? -1 : copied;
}

/* A portion that fails leaves nothing, and is halved; one that comes over is doubled: about twice
 * the work of the whole copy. -1: every row can be copied, or something else is wrong. */
static int64_t first_offender(struct walk *w, const struct rebuild *plan,
                              const struct rebuild_statement *copy, struct err *e) {
  int64_t offset = 0, limit = 1024;
  bool growing = true;
  while (limit > 0) {
    int64_t copied = copy_portion(w, plan, copy, offset, limit, e);
    if (copied < 0 && (e->kind != ERR_MIGRATION || !w->db->driver->in_transaction(w->db)))
      return -1;
    if (copied >= 0 && copied < limit)
      return -1;
    offset += copied >= 0 ? limit : 0;
    growing = growing && copied >= 0;
    limit = growing ? 2 * limit : limit / 2;
  }
  return offset;
}

static void name_row(struct walk *w, const struct rebuild *plan, int64_t offset, struct err *e) {
  struct key_text key = {plan, BUF_INIT};
  struct buf sql BUF_SCOPED = BUF_INIT;
  buf_adds(&sql, "SELECT ");
  add_key(&sql, plan);
  buf_adds(&sql, " FROM ");
  schema_add_name(&sql, plan->schema, plan->table);
  add_portion(&sql, plan, offset, 1);
  if (!ask(w, buf_str(&sql), &key) && key.text.len)
    tell(e, NULL, buf_str(&key.text));
  buf_release(&key.text);
}

/* What does not even compile is no row's fault. */
static bool compiles(struct walk *w, const char *copy) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  buf_addf(&sql, "EXPLAIN %s", copy);
  return !ask(w, buf_str(&sql), NULL);
}

void rebuild_explain_row(struct walk *w, const struct rebuild *plan,
                         const struct rebuild_statement *copy, struct rebuild_place *place,
                         struct err *e) {
  rebuild_hide_name(plan, e);
  /* A full disk, a timeout and the like are no row's fault. */
  bool rows =
      e->kind == ERR_MIGRATION && strcmp(e->sqlstate, "53100") && strcmp(e->sqlstate, "57014");
  if (!rows || w->offline || !w->db->driver->in_transaction(w->db) || !plan->key_count ||
      !compiles(w, copy->sql) || probe(w, plan, place, e))
    return;
  struct err last = *e;
  int64_t offset = first_offender(w, plan, copy, &last);
  if (offset >= 0)
    name_row(w, plan, offset, e);
}
