/* Findings of plans, as bad as the target's tables make them. */
#include "server/rpc/danger.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/size.h"
#include "server/rpc/convert.h"
#include "server/rpc/findings.h"

#define SMALL_TABLE_ROWS 10000 /* where the policy does not say */
#define KEPT_MAX 20000         /* findings that are kept for other targets */
#define TOLD_MAX 200           /* of one plan: it is one message, and has its statements as well */

/* What was found about some revisions of a catalog's version; a part of them may be all of a plan.
 */
struct known {
  const struct known *next;
  const char *catalog; /* whose targets were all looked at for it; NULL: asked for late */
  const char *digest;
  const unsigned *revisions; /* ascending */
  size_t count;
  struct findings findings;
  const Migd__V1__LintPolicy *policy;
};

struct danger {
  const struct server *server;
  pthread_mutex_t asking;              /* held while the rules are asked in a look */
  struct arena arena;                  /* under it */
  size_t kept;                         /* under it: findings of all that is known */
  _Atomic(const struct known *) known; /* what it points to is never changed again */
};

struct danger *danger_new(const struct server *server) {
  struct danger *d = xcalloc(1, sizeof *d);
  d->server = server;
  pthread_mutex_init(&d->asking, NULL);
  arena_init(&d->arena, 0);
  return d;
}

void danger_free(struct danger *d) {
  if (d == NULL)
    return;
  arena_release(&d->arena);
  pthread_mutex_destroy(&d->asking);
  free(d);
}

/* The revisions of a plan, marked. */
static void mark_plan(const struct plan *plan, unsigned char *marks) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->steps[i].direction != DIR_STAMP)
      marks[plan->steps[i].revision] = 1;
}

static unsigned *marked(const struct catalog *c, const unsigned char *marks, struct arena *arena,
                        size_t *count) {
  unsigned *list = ARENA_ARRAY(arena, unsigned, c->count + 1);
  *count = 0;
  for (size_t i = 0; i < c->count; i++)
    if (marks[i])
      list[(*count)++] = (unsigned)i;
  return list;
}

/* The catalog as it is stored now; zeros where there is none. */
static struct bundle_info stored(const struct danger *d, const char *catalog, struct arena *arena) {
  struct bundle_info info = {0};
  struct err ignored;
  struct db *db = store_reader(d->server->store, &ignored);
  if (db != NULL && bundle_get(db, catalog, arena, &info, &ignored) != 0)
    info = (struct bundle_info){0};
  store_reader_done(d->server->store, db);
  return info;
}

/* NULL when the call has ended. `revisions` are in `arena`. */
static struct known *ask(const struct danger *d, const struct bundle_info *info,
                         const struct catalog *c, const unsigned *revisions, size_t count,
                         const struct job *job, struct arena *arena) {
  struct known *k = ARENA_NEW(arena, struct known);
  struct err ignored;
  *k = (struct known){.digest = arena_strdup(arena, c->digest),
                      .revisions = revisions,
                      .count = count,
                      .policy = proto_lint_policy(arena, info->lint_policy, info->lint_policy_len)};
  struct findings_request request = {
      .catalog = c, .revisions = revisions, .count = count, .policy = k->policy};
  return findings_ask(d->server, &request, job, arena, &k->findings, &ignored) == 0 ? k : NULL;
}

static void keep(struct danger *d, struct known *k) {
  k->next = d->known;
  d->kept += k->findings.count + 1;
  d->known = k;
}

/* ---- before the looks ---- */

static bool is_expected(const struct danger *d, const char *catalog) {
  for (const struct known *k = d->known; k != NULL; k = k->next)
    if (k->catalog != NULL && strcmp(k->catalog, catalog) == 0)
      return true;
  return false;
}

/* Of all targets of the catalog. One whose plan cannot be made is told so by its look. */
static const unsigned *expected(const struct catalog *c, const char *catalog,
                                const struct run_request *request, const struct target *targets,
                                size_t count, struct arena *arena, size_t *found) {
  unsigned char *marks = ARENA_ARRAY(arena, unsigned char, c->count + 1);
  for (size_t i = 0; i < count; i++) {
    const struct target *t = &targets[i];
    struct plan_request q = {.operation = request->operation,
                             .dialect = t->dialect,
                             .revisions = request->revisions,
                             .revision_count = request->revision_count,
                             .purge = request->purge};
    struct arena scratch __attribute__((cleanup(arena_release)));
    struct plan plan;
    struct err ignored;
    arena_init(&scratch, 0);
    if (strcmp(t->catalog, catalog) == 0 &&
        plan_make(c, &q, t->current, t->current_count, &scratch, &plan, &ignored) == 0)
      mark_plan(&plan, marks);
  }
  return marked(c, marks, arena, found);
}

void danger_expect(struct danger *d, const struct run_request *request,
                   const struct target *targets, size_t count, const struct job *job) {
  for (size_t i = 0; i < count && request->adopt == NULL; i++) {
    struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
    const char *name = targets[i].catalog;
    struct err ignored;
    size_t found;
    if (is_expected(d, name))
      continue;
    struct bundle_info info = stored(d, name, &d->arena);
    if (info.digest == NULL || engine_catalog(d->server->engine, info.digest, &ref, &ignored) != 0)
      return; /* the looks say why */
    const struct catalog *c = catalog_ref_get(ref);
    const unsigned *list = expected(c, name, request, targets, count, &d->arena, &found);
    struct known *k = ask(d, &info, c, list, found, job, &d->arena);
    if (k == NULL)
      return;
    k->catalog = name;
    keep(d, k);
  }
}

/* ---- a look ---- */

static bool covers(const struct known *k, const char *digest, const unsigned *revisions,
                   size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    while (at < k->count && k->revisions[at] < revisions[i])
      at++;
    if (at == k->count || k->revisions[at] != revisions[i])
      return false;
  }
  return strcmp(k->digest, digest) == 0;
}

static const struct known *find(const struct danger *d, const char *digest,
                                const unsigned *revisions, size_t count) {
  const struct known *k = d->known;
  while (k != NULL && !covers(k, digest, revisions, count))
    k = k->next;
  return k;
}

/* A target that is not where the store saw it last. Its neighbours may have moved with it, so they
 * wait for one answer. Where every target has a plan of its own, what was found about the later
 * ones is for one target alone, and as short-lived as its answer. */
static const struct known *ask_late(struct danger *d, const struct walk *w, const char *catalog,
                                    const unsigned *revisions, size_t count, struct arena *own) {
  pthread_mutex_lock(&d->asking);
  const struct known *k = find(d, w->catalog->digest, revisions, count);
  if (k == NULL) {
    bool keeps = d->kept < KEPT_MAX;
    struct arena *arena = keeps ? &d->arena : own;
    unsigned *copy = ARENA_ARRAY(arena, unsigned, count + 1);
    memcpy(copy, revisions, count * sizeof *copy);
    struct bundle_info info = stored(d, catalog, arena);
    struct known *found = ask(d, &info, w->catalog, copy, count, w->job, arena);
    if (found != NULL && keeps)
      keep(d, found);
    k = found;
  }
  pthread_mutex_unlock(&d->asking);
  return k;
}

static const struct known *findings_of(struct danger *d, const struct walk *w, const char *catalog,
                                       struct arena *arena) {
  unsigned char *marks = ARENA_ARRAY(arena, unsigned char, w->catalog->count + 1);
  size_t count;
  mark_plan(&w->plan, marks);
  const unsigned *revisions = marked(w->catalog, marks, arena, &count);
  if (count == 0)
    return NULL;
  const struct known *k = find(d, w->catalog->digest, revisions, count);
  return k != NULL ? k : ask_late(d, w, catalog, revisions, count, arena);
}

/* The way that the plan goes over the revision. */
static bool goes(const struct walk *w, const char *revision, uint32_t direction) {
  for (size_t i = 0; i < w->plan.count; i++)
    if ((uint32_t)w->plan.steps[i].direction == direction &&
        strcmp(w->catalog->revisions[w->plan.steps[i].revision].id, revision) == 0)
      return true;
  return false;
}

static bool runs_on(const Migd__V1__Finding *f, enum dialect dialect) {
  for (size_t i = 0; i < f->n_dialects; i++)
    if ((int)f->dialects[i] == (int)dialect)
      return true;
  return false;
}

/* The rows of the finding's table. Findings of one table mostly stand together. */
static int64_t rows_of(const Migd__V1__Finding *f, const Migd__V1__Finding *before,
                       const struct walk *w, int64_t small) {
  if (before != NULL && strcmp(before->table, f->table) == 0)
    return before->rows;
  return table_rows(w->db, f->table, small, w->job);
}

/* A finding as it is on this target. The one that is shared stays as it is. */
static Migd__V1__Finding *judged(const Migd__V1__Finding *f, const Migd__V1__Finding *before,
                                 const struct walk *w, int64_t small, struct arena *arena) {
  Migd__V1__Finding *here = ARENA_NEW(arena, Migd__V1__Finding);
  *here = *f;
  if (f->table[0] == '\0')
    return here;
  here->rows = rows_of(f, before, w, small);
  if (here->rows >= 0 && here->rows < small)
    here->severity = MIGD__V1__SEVERITY__SEVERITY_NOTE;
  return here;
}

static void tell_more(Migd__V1__TargetPlan *m, size_t more, struct arena *arena) {
  const char *said = m->lint_unavailable;
  m->lint_unavailable =
      arena_printf(arena, "%s%s%zu more findings are not told here: `migctl lint` tells all", said,
                   said[0] != '\0' ? "; " : "", more);
}

void danger_judge(struct danger *d, const struct walk *w, const char *catalog, struct arena *arena,
                  Migd__V1__TargetPlan *m) {
  size_t more = 0;
  const struct known *k = findings_of(d, w, catalog, arena);
  if (k == NULL)
    return;
  int64_t small = k->policy->small_table_rows != 0 && k->policy->small_table_rows < INT64_MAX
                      ? (int64_t)k->policy->small_table_rows
                      : SMALL_TABLE_ROWS;
  m->lint_unavailable = proto_text(arena, k->findings.unavailable);
  m->findings = ARENA_ARRAY(arena, Migd__V1__Finding *, TOLD_MAX);
  for (size_t i = 0; i < k->findings.count; i++) {
    const Migd__V1__Finding *f = k->findings.items[i];
    if (f->ignored[0] != '\0' || !runs_on(f, w->request.dialect) ||
        !goes(w, f->revision, f->direction))
      continue;
    if (m->n_findings == TOLD_MAX) {
      more++;
      continue;
    }
    const Migd__V1__Finding *before = m->n_findings > 0 ? m->findings[m->n_findings - 1] : NULL;
    m->findings[m->n_findings++] = judged(f, before, w, small, arena);
  }
  if (more > 0)
    tell_more(m, more, arena);
}
