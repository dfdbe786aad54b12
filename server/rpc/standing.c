/* See standing.h. */
#include "server/rpc/standing.h"

#include <string.h>

struct standing_catalog {
  const char *name, *digest;
  struct catalog_ref *ref; /* NULL until needed */
};

struct standing_count {
  struct standing_count *next;
  const struct standing_catalog *catalog;
  const char *const *rows;
  size_t row_count;
  size_t behind, unknown;
};

int standings_init(struct standings *s, struct engine *engine, struct db *db, struct arena *arena,
                   size_t targets, struct err *e) {
  struct bundle_info *infos;
  size_t count;
  *s = (struct standings){.engine = engine, .arena = arena, .size = 16};
  if (bundle_list(db, arena, &infos, &count, e) != 0)
    return -1;
  s->catalogs = ARENA_ARRAY(arena, struct standing_catalog, count + 1);
  s->catalog_count = count;
  for (size_t i = 0; i < count; i++)
    s->catalogs[i] = (struct standing_catalog){infos[i].name, infos[i].digest, NULL};
  while (s->size < targets && s->size < 65536)
    s->size *= 2;
  s->counts = ARENA_ARRAY(arena, struct standing_count *, s->size);
  return 0;
}

void standings_release(struct standings *s) {
  for (size_t i = 0; i < s->catalog_count; i++)
    catalog_ref_release(s->catalogs[i].ref);
  *s = (struct standings){0};
}

/* By bisection: bundle_list answers them by name. */
static struct standing_catalog *catalog_named(struct standings *s, const char *name) {
  size_t low = 0, high = s->catalog_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strcmp(name, s->catalogs[middle].name);
    if (order == 0)
      return &s->catalogs[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

/* FNV-1a over the rows. */
static uint64_t hash_rows(const struct target *t) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < t->current_count; i++)
    for (const char *p = t->current[i];; p++) {
      h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
      if (*p == '\0')
        break;
    }
  return h;
}

static bool same_rows(const struct standing_count *c, const struct target *t) {
  if (c->row_count != t->current_count)
    return false;
  for (size_t i = 0; i < c->row_count; i++)
    if (strcmp(c->rows[i], t->current[i]) != 0)
      return false;
  return true;
}

static int count_new(struct standings *s, struct standing_catalog *catalog, const struct target *t,
                     struct standing_count **out, struct err *e) {
  if (catalog->ref == NULL && engine_catalog(s->engine, catalog->digest, &catalog->ref, e) != 0)
    return -1;
  struct standing_count *c = ARENA_NEW(s->arena, struct standing_count);
  *c = (struct standing_count){
      .catalog = catalog,
      .rows = t->current,
      .row_count = t->current_count,
  };
  c->behind = plan_behind(catalog_ref_get(catalog->ref), t->current, t->current_count, &c->unknown);
  *out = c;
  return 0;
}

/* NULL in *out when its catalog is gone. */
static int count_of(struct standings *s, const struct target *t, const struct standing_count **out,
                    struct err *e) {
  struct standing_catalog *catalog = catalog_named(s, t->catalog);
  *out = NULL;
  if (catalog == NULL)
    return 0;
  struct standing_count **slot = &s->counts[hash_rows(t) & (s->size - 1)];
  for (const struct standing_count *c = *slot; c != NULL; c = c->next)
    if (c->catalog == catalog && same_rows(c, t)) {
      *out = c;
      return 0;
    }
  struct standing_count *made;
  if (count_new(s, catalog, t, &made, e) != 0)
    return -1;
  made->next = *slot;
  *slot = made;
  *out = made;
  return 0;
}

/* What a task left behind matters more than how many revisions are missing. */
static Migd__V1__TargetState state_of(const struct target *t, const struct standing_count *c) {
  if (t->last_state == TASK_INTERRUPTED)
    return MIGD__V1__TARGET_STATE__TARGET_STATE_INTERRUPTED;
  if (t->last_state == TASK_FAILED || t->last_state == TASK_IN_DOUBT)
    return MIGD__V1__TARGET_STATE__TARGET_STATE_FAILING;
  if (t->seen_at == 0 || c == NULL)
    return MIGD__V1__TARGET_STATE__TARGET_STATE_NEVER_SEEN;
  if (c->unknown > 0)
    return MIGD__V1__TARGET_STATE__TARGET_STATE_UNKNOWN_REVISION;
  return c->behind > 0 ? MIGD__V1__TARGET_STATE__TARGET_STATE_BEHIND
                       : MIGD__V1__TARGET_STATE__TARGET_STATE_AT_HEAD;
}

int standing_of(struct standings *s, const struct target *t, Migd__V1__Target *out, struct err *e) {
  const struct standing_count *c;
  if (count_of(s, t, &c, e) != 0)
    return -1;
  out->state = state_of(t, c);
  out->behind = c != NULL ? (uint32_t)c->behind : 0;
  return 0;
}
