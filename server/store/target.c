/* Reading targets: the fleet in three ordered queries that are merged (targets, labels, locks),
 * never one for each target; single targets by name.
 */
#include "server/store/target.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/store/row.h"
#include "server/store/selector.h"

#define TARGET_SQL                                                                                 \
  "SELECT id, name, url, catalog, dialect, lock_timeout_ms, statement_timeout_ms,"                 \
  " allow_superuser, password IS NOT NULL, epoch, added_at, seen_at, current_rows, last_run,"      \
  " last_state, last_error, idle_timeout_ms, lock_retry_ms FROM target"
#define LABEL_SQL "SELECT target_id, label_key, label_value FROM target_label"
#define LOCK_SQL                                                                                   \
  "SELECT target_id, run_id, holder, reason, since, expires FROM target_lock"                      \
  " WHERE (expires = 0 OR expires > $1)"
#define NAMES_SQL "SELECT name FROM target ORDER BY name"

/* Targets by id while they are read; `at`: how far a merged query has come. */
struct reading {
  struct arena *arena;
  struct target *items;
  size_t count, capacity, at;
  const char *catalog; /* only of this one; NULL: any */
};

bool target_name_valid(const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  size_t len = strspn(name, letters);
  return len >= 1 && len <= 100 && name[len] == '\0' && name[0] != '-' && name[0] != '.';
}

static struct target *new_target(struct reading *r) {
  if (r->count == r->capacity) {
    size_t capacity = r->capacity ? r->capacity * 2 : 16;
    struct target *items = ARENA_ARRAY(r->arena, struct target, capacity);
    if (r->count)
      memcpy(items, r->items, r->count * sizeof *items);
    r->items = items;
    r->capacity = capacity;
  }
  return &r->items[r->count++];
}

static int take_target(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct reading *r = ctx;
  (void)count, (void)e;
  if (r->catalog && strcmp(r->catalog, v[3].s) != 0)
    return 0;
  struct target *t = new_target(r);
  t->id = v[0].i;
  t->name = row_string(r->arena, &v[1]);
  t->url = row_string(r->arena, &v[2]);
  t->catalog = row_string(r->arena, &v[3]);
  t->dialect = (enum dialect)v[4].i;
  t->policy = (struct target_policy){v[5].i, v[6].i, v[7].i != 0, v[16].i, v[17].i};
  t->has_password = v[8].i != 0;
  t->epoch = v[9].i;
  t->added_at = v[10].i;
  t->seen_at = v[11].i;
  list_read(r->arena, &v[12], &t->current, &t->current_count);
  t->last_run = v[13].i;
  t->last_state = (int)v[14].i;
  t->last_error = row_bytes(r->arena, &v[15], &t->last_error_len);
  return 0;
}

/* The target that a row of a query ordered by target_id belongs to; NULL when it was not asked for.
 */
static struct target *owner_of(struct reading *r, int64_t id) {
  while (r->at < r->count && r->items[r->at].id < id)
    r->at++;
  return r->at < r->count && r->items[r->at].id == id ? &r->items[r->at] : NULL;
}

static int take_label(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct reading *r = ctx;
  struct target *t = owner_of(r, v[0].i);
  (void)count, (void)e;
  if (!t)
    return 0;
  if ((t->label_count & (t->label_count - 1)) == 0) { /* full at each power of two */
    struct label *labels =
        ARENA_ARRAY(r->arena, struct label, t->label_count ? t->label_count * 2 : 1);
    if (t->label_count)
      memcpy(labels, t->labels, t->label_count * sizeof *labels);
    t->labels = labels;
  }
  t->labels[t->label_count++] =
      (struct label){row_string(r->arena, &v[1]), row_string(r->arena, &v[2])};
  return 0;
}

static int take_lock(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct reading *r = ctx;
  struct target *t = owner_of(r, v[0].i);
  (void)count, (void)e;
  if (!t)
    return 0;
  t->lock = ARENA_NEW(r->arena, struct target_lock);
  *t->lock = (struct target_lock){v[1].i, row_string(r->arena, &v[2]), row_string(r->arena, &v[3]),
                                  v[4].i, v[5].i};
  return 0;
}

static int read_all(struct db *db, struct reading *r, struct err *e) {
  if (row_each(db, TARGET_SQL " ORDER BY id", NO_PARAMS, take_target, r, e))
    return -1;
  r->at = 0;
  if (row_each(db, LABEL_SQL " ORDER BY target_id, label_key", NO_PARAMS, take_label, r, e))
    return -1;
  r->at = 0;
  return row_each(db, LOCK_SQL " ORDER BY target_id", PARAMS(db_int(clock_wall_us())), take_lock, r,
                  e);
}

/* Adds the target of this name, or none. */
static int read_one(struct db *db, struct reading *r, const char *name, struct err *e) {
  size_t before = r->count;
  if (row_each(db, TARGET_SQL " WHERE name = $1", PARAMS(db_text(name)), take_target, r, e))
    return -1;
  if (r->count == before)
    return 0;
  struct reading single = {.arena = r->arena, .items = &r->items[before], .count = 1};
  int64_t id = single.items->id;
  if (row_each(db, LABEL_SQL " WHERE target_id = $1 ORDER BY label_key", PARAMS(db_int(id)),
               take_label, &single, e))
    return -1;
  return row_each(db, LOCK_SQL " AND target_id = $2", PARAMS(db_int(clock_wall_us()), db_int(id)),
                  take_lock, &single, e);
}

int target_get(struct db *db, const char *name, struct arena *arena, struct target *out,
               struct err *e) {
  struct reading r = {.arena = arena};
  if (read_one(db, &r, name, e))
    return -1;
  if (r.count == 0)
    return not_found(db, NAMES_SQL, "target", name, e);
  *out = r.items[0];
  return 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct target *)a)->name, ((const struct target *)b)->name);
}

/* All that are missing are named at once, with a suggestion for the first. */
static int name_missing(struct db *db, const struct buf *missing, const char *first, size_t count,
                        struct err *e) {
  if (count == 1)
    return not_found(db, NAMES_SQL, "target", first, e);
  not_found(db, NAMES_SQL, "target", first, e);
  if (e->kind != ERR_NOT_FOUND)
    return -1;
  struct err all;
  err_set(&all, ERR_NOT_FOUND, "there are no targets %s", buf_str(missing));
  if (e->hint[0])
    err_hint(&all, "for \"%s\": %s", first, e->hint);
  *e = all;
  return -1;
}

static int read_named(struct db *db, const struct target_query *q, struct reading *r,
                      struct err *e) {
  struct buf missing BUF_SCOPED = BUF_INIT;
  const char *first = NULL;
  size_t missing_count = 0;
  for (size_t i = 0; i < q->name_count; i++) {
    size_t before = r->count;
    if (read_one(db, r, q->names[i], e))
      return -1;
    if (r->count > before)
      continue;
    if (!first)
      first = q->names[i];
    missing_count++;
    buf_addf(&missing, "%s\"%s\"", missing_count > 1 ? ", " : "", q->names[i]);
  }
  return first ? name_missing(db, &missing, first, missing_count, e) : 0;
}

static int check_catalogs(const struct reading *r, const char *catalog, struct err *e) {
  for (size_t i = 0; catalog && i < r->count; i++)
    if (strcmp(r->items[i].catalog, catalog) != 0)
      return err_set(e, ERR_INPUT, "the target \"%s\" follows the catalog \"%s\", not \"%s\"",
                     r->items[i].name, r->items[i].catalog, catalog);
  return 0;
}

/* Named twice is named once. */
static void sort_unique(struct reading *r) {
  size_t kept = 0;
  if (r->count)
    qsort(r->items, r->count, sizeof *r->items, by_name);
  for (size_t i = 0; i < r->count; i++)
    if (kept == 0 || r->items[i].id != r->items[kept - 1].id)
      r->items[kept++] = r->items[i];
  r->count = kept;
}

static void keep_matching(struct reading *r, const struct selector *s) {
  size_t kept = 0;
  for (size_t i = 0; i < r->count; i++)
    if (selector_matches(s, r->items[i].labels, r->items[i].label_count))
      r->items[kept++] = r->items[i];
  r->count = kept;
}

static int check_query(const struct target_query *q, bool has_selector, struct err *e) {
  int ways = (q->name_count > 0) + has_selector + q->all;
  if (ways == 1)
    return 0;
  err_set(e, ERR_INPUT, ways ? "targets are selected in more than one way" : "no target is named");
  return err_hint(e, "use one of: -t NAME (repeatable), -l SELECTOR, --all");
}

static int catalog_exists(struct db *db, const char *name, struct err *e) {
  int64_t n = 0;
  if (row_int(db, "SELECT COUNT(*) FROM catalog WHERE name = $1", PARAMS(db_text(name)), &n, NULL,
              e))
    return -1;
  return n ? 0 : not_found(db, "SELECT name FROM catalog ORDER BY name", "catalog", name, e);
}

int target_select(struct db *db, const struct target_query *query, struct arena *arena,
                  struct target **out, size_t *count, struct err *e) {
  const char *catalog = query->catalog && query->catalog[0] ? query->catalog : NULL;
  bool has_selector = query->selector && query->selector[0];
  struct reading r = {.arena = arena};
  struct selector *selector = NULL;
  if (check_query(query, has_selector, e))
    return -1;
  if (has_selector && !(selector = selector_parse(query->selector, arena, e)))
    return -1;
  if (catalog && catalog_exists(db, catalog, e))
    return -1;
  if (query->name_count) {
    if (read_named(db, query, &r, e) || check_catalogs(&r, catalog, e))
      return -1;
  } else {
    r.catalog = catalog;
    if (read_all(db, &r, e))
      return -1;
  }
  if (selector)
    keep_matching(&r, selector);
  sort_unique(&r);
  *out = r.items;
  *count = r.count;
  return 0;
}
