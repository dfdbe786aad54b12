/* Findings of plans, as bad as the target's tables make them. */
#include "server/rpc/danger.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/engine.h"
#include "server/engine/size.h"
#include "server/rpc/convert.h"
#include "server/rpc/findings.h"

#define SMALL_TABLE_ROWS 10000 /* where the policy does not say */
#define KEPT_MAX 20000         /* findings that are kept for other targets */
#define TOLD_MAX 200           /* of one plan: it is one message, and has its statements as well */

/* What was found about a set of revisions of a catalog's version. */
struct known {
  struct known *next;
  const char *digest;
  const unsigned *revisions;
  size_t count;
  struct findings findings;
  const Migd__V1__LintPolicy *policy;
};

struct danger {
  const struct server *server;
  pthread_mutex_t mutex;
  struct arena arena; /* under the mutex; what `known` points to is never changed again */
  struct known *known;
  size_t kept; /* findings of all of them */
};

struct danger *danger_new(const struct server *server) {
  struct danger *d = xcalloc(1, sizeof *d);
  d->server = server;
  pthread_mutex_init(&d->mutex, NULL);
  arena_init(&d->arena, 0);
  return d;
}

void danger_free(struct danger *d) {
  if (d == NULL)
    return;
  arena_release(&d->arena);
  pthread_mutex_destroy(&d->mutex);
  free(d);
}

static int compare(const void *a, const void *b) {
  unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return (x > y) - (x < y);
}

/* The plan's revisions, ascending, each once: they are in the order of the graph or against it. */
static unsigned *plan_revisions(const struct walk *w, struct arena *arena, size_t *count) {
  unsigned *list = ARENA_ARRAY(arena, unsigned, w->plan.count + 1);
  size_t n = 0, kept = 0;
  for (size_t i = 0; i < w->plan.count; i++)
    if (w->plan.steps[i].direction != DIR_STAMP)
      list[n++] = w->plan.steps[i].revision;
  qsort(list, n, sizeof *list, compare);
  for (size_t i = 0; i < n; i++)
    if (kept == 0 || list[kept - 1] != list[i])
      list[kept++] = list[i];
  *count = kept;
  return list;
}

static const Migd__V1__LintPolicy *read_policy(struct danger *d, const char *catalog,
                                               struct arena *arena) {
  struct bundle_info info = {0};
  struct err ignored;
  struct db *db = store_reader(d->server->store, &ignored);
  if (db != NULL && bundle_get(db, catalog, arena, &info, &ignored) != 0)
    info = (struct bundle_info){0};
  store_reader_done(d->server->store, db);
  return proto_lint_policy(arena, info.lint_policy, info.lint_policy_len);
}

/* Under the mutex. NULL when the call has ended. Where every target has a plan of its own, what was
 * found about the later ones is for one target alone, and as short-lived as its answer. */
static struct known *ask(struct danger *d, const struct walk *w, const char *catalog,
                         const unsigned *revisions, size_t count, struct arena *own) {
  bool keeps = d->kept < KEPT_MAX;
  struct arena *arena = keeps ? &d->arena : own;
  struct known *k = ARENA_NEW(arena, struct known);
  struct err ignored;
  unsigned *copy = ARENA_ARRAY(arena, unsigned, count + 1);
  memcpy(copy, revisions, count * sizeof *copy);
  *k = (struct known){.next = d->known,
                      .digest = arena_strdup(arena, w->catalog->digest),
                      .revisions = copy,
                      .count = count,
                      .policy = read_policy(d, catalog, arena)};
  struct findings_request request = {
      .catalog = w->catalog, .revisions = copy, .count = count, .policy = k->policy};
  if (findings_ask(d->server, &request, w->job, arena, &k->findings, &ignored) != 0)
    return NULL;
  if (keeps) {
    d->kept += k->findings.count + 1;
    d->known = k;
  }
  return k;
}

static const struct known *findings_of(struct danger *d, const struct walk *w, const char *catalog,
                                       const unsigned *revisions, size_t count, struct arena *own) {
  pthread_mutex_lock(&d->mutex);
  struct known *k = d->known;
  while (k != NULL && (k->count != count || strcmp(k->digest, w->catalog->digest) != 0 ||
                       memcmp(k->revisions, revisions, count * sizeof *revisions) != 0))
    k = k->next;
  if (k == NULL)
    k = ask(d, w, catalog, revisions, count, own);
  pthread_mutex_unlock(&d->mutex);
  return k;
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
  size_t count, more = 0;
  const unsigned *revisions = plan_revisions(w, arena, &count);
  const struct known *k = count > 0 ? findings_of(d, w, catalog, revisions, count, arena) : NULL;
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
