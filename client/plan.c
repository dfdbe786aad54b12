/* See plan.h. In a fleet most plans are the same but for the target's name: such are printed once.
 */
#include "client/plan.h"

#include <stdlib.h>
#include <string.h>

#include "client/findings.h"
#include "client/report.h"
#include "client/text.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"
#include "proto/rpc/frame.h"

enum { NAMES_SHOWN = 3 };

struct group {
  struct buf key; /* the packed plan without the target's name */
  const Migd__V1__TargetPlan *plan;
  char **names;
  size_t count, room;
};

struct planning {
  struct session *s;
  struct group *groups;
  size_t count, room;
  size_t failed;
  int failure_code;
  const Migd__V1__ListRevisionsResponse *graph; /* of the last catalog asked about */
};

/* Without what is each target's own: its name, and how large its tables are. */
static void pack_without_name(struct planning *p, struct buf *key,
                              const Migd__V1__TargetPlan *plan) {
  static char nothing[] = "";
  Migd__V1__TargetPlan nameless = *plan;
  nameless.target = nothing;
  nameless.findings = ARENA_ARRAY(&p->s->arena, Migd__V1__Finding *, plan->n_findings + 1);
  for (size_t i = 0; i < plan->n_findings; i++) {
    nameless.findings[i] = ARENA_NEW(&p->s->arena, Migd__V1__Finding);
    *nameless.findings[i] = *plan->findings[i];
    nameless.findings[i]->rows = -1;
  }
  size_t len = protobuf_c_message_get_packed_size(&nameless.base);
  buf_reserve(key, len);
  protobuf_c_message_pack(&nameless.base, (uint8_t *)key->s);
  key->len = len;
}

/* Of the targets that are alike the one with the largest table speaks. */
static void note_rows(struct group *g, const Migd__V1__TargetPlan *plan) {
  for (size_t i = 0; g->plan && i < g->plan->n_findings; i++)
    if (g->plan->findings[i]->rows < plan->findings[i]->rows)
      g->plan->findings[i]->rows = plan->findings[i]->rows;
}

static bool same_key(const struct buf *a, const struct buf *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->s, b->s, a->len) == 0);
}

/* The group of this plan, which is made where there is none. Errors name their target: each of
 * those is a group of its own. Takes the key. */
static struct group *group_of(struct planning *p, const Migd__V1__TargetPlan *plan,
                              struct buf *key) {
  for (size_t i = 0; i < p->count; i++)
    if (same_key(&p->groups[i].key, key)) {
      buf_release(key);
      return &p->groups[i];
    }
  if (p->count == p->room) {
    p->room = p->room ? 2 * p->room : 8;
    p->groups = xrealloc(p->groups, p->room * sizeof *p->groups);
  }
  struct group *g = &p->groups[p->count++];
  /* The plan is borrowed for the call; its own bytes, unpacked again, stay. */
  struct err ignored;
  *g = (struct group){.key = *key};
  g->plan = (const void *)rpc_unpack(plan->base.descriptor, (const uint8_t *)buf_str(key), key->len,
                                     &p->s->arena, &ignored);
  return g;
}

static void add_name(struct group *g, char *name) {
  if (g->count == g->room) {
    g->room = g->room ? 2 * g->room : 8;
    g->names = xrealloc(g->names, g->room * sizeof *g->names);
  }
  g->names[g->count++] = name;
}

static int on_plan(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct planning *p = ctx;
  const Migd__V1__TargetPlan *plan = (const void *)m;
  struct buf key = BUF_INIT;
  (void)e;
  if (p->s->json)
    session_json(p->s, plan, true);
  pack_without_name(p, &key, plan);
  struct group *g = group_of(p, plan, &key);
  add_name(g, arena_strdup(&p->s->arena, plan->target));
  note_rows(g, plan);
  return 0;
}

/* What stands left of the arrow: a plan says what it applies, the catalog says upon what. */
static const Migd__V1__Revision *revision_of(struct planning *p, const char *catalog,
                                             const char *id) {
  struct err ignored;
  if (!p->graph || strcmp(p->graph->catalog, catalog) != 0) {
    Migd__V1__ListRevisionsRequest request = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
    request.catalog = arena_strdup(&p->s->arena, catalog);
    p->graph =
        session_ask(p->s, &migd__v1__catalogs__descriptor, "ListRevisions", &request, &ignored);
  }
  for (size_t i = 0; p->graph && i < p->graph->n_revisions; i++)
    if (strcmp(p->graph->revisions[i]->id, id) == 0)
      return p->graph->revisions[i];
  return NULL;
}

static void add_step(struct planning *p, struct buf *out, const Migd__V1__TargetPlan *plan,
                     const Migd__V1__PlanStep *step) {
  const Migd__V1__Revision *r = revision_of(p, plan->catalog, step->revision);
  const char *parents = r ? words_list(p->s, r->n_parents, r->parents, "<base>") : "?";
  buf_adds(out, "  ");
  if (step->direction == MIGD__V1__DIRECTION__DIRECTION_DOWN)
    words_step(out, step->direction, step->revision, parents, step->message);
  else
    words_step(out, step->direction, parents, step->revision, step->message);
  if (step->direction != MIGD__V1__DIRECTION__DIRECTION_STAMP)
    buf_addf(out, " (%s%s%s)", counted(p->s, step->statements, "statement", "statements"),
             step->n_sql > step->statements ? ", with the rebuild of a table" : "",
             step->batched          ? ", batched"
             : step->no_transaction ? ", outside a transaction"
                                    : "");
  buf_addc(out, '\n');
  for (size_t i = 0; p->s->verbose && i < step->n_sql; i++)
    buf_addf(out, "\n%s;\n", step->sql[i]);
  if (p->s->verbose && step->n_sql)
    buf_addc(out, '\n');
}

static void add_adoption(struct planning *p, struct buf *out, const Migd__V1__Adoption *a) {
  buf_addf(out, "  from %s (%s), %s\n", a->tool, a->table,
           counted(p->s, a->n_versions, "version", "versions"));
  for (size_t i = 0; i < a->n_versions; i++) {
    const Migd__V1__AdoptedVersion *v = a->versions[i];
    buf_addf(out, "  %s is %s%s%s\n", v->version,
             *v->revision ? v->revision : "left out: it may run again",
             *v->checksum ? ", checksum " : "", v->checksum);
  }
}

static const char *names(struct planning *p, const struct group *g) {
  struct buf b BUF_SCOPED = BUF_INIT;
  size_t shown = p->s->verbose || g->count <= NAMES_SHOWN + 1 ? g->count : NAMES_SHOWN;
  for (size_t i = 0; i < shown; i++)
    buf_addf(&b, "%s%s", i ? ", " : "", g->names[i]);
  if (shown < g->count)
    buf_addf(&b, " and %s", counted(p->s, g->count - shown, "more", "more"));
  return arena_strdup(&p->s->arena, buf_str(&b));
}

static void add_findings(struct planning *p, struct buf *out, const Migd__V1__TargetPlan *plan) {
  if (plan->lint_unavailable[0])
    buf_addf(out, "  not all was looked at by the lint rules: %s\n", plan->lint_unavailable);
  for (size_t i = 0; i < plan->n_findings; i++)
    if (p->s->verbose || plan->findings[i]->severity != MIGD__V1__SEVERITY__SEVERITY_NOTE)
      finding_add(out, "", plan->findings[i], p->s->color_out);
}

static void print_group(struct planning *p, const struct group *g) {
  struct buf text BUF_SCOPED = BUF_INIT, clean BUF_SCOPED = BUF_INIT;
  const Migd__V1__TargetPlan *plan = g->plan;
  const char *after = words_list(p->s, plan->n_after, plan->after, "base");
  if (plan->adoption ? plan->adoption->known : plan->n_steps == 0)
    buf_addf(&text, "%s: nothing to do, at %s\n", names(p, g), after);
  else if (plan->adoption)
    buf_addf(&text, "%s: adopted at %s\n", names(p, g), after);
  else
    buf_addf(&text, "%s: %s, then at %s\n", names(p, g),
             counted(p->s, plan->n_steps, "revision", "revisions"), after);
  if (plan->adoption)
    add_adoption(p, &text, plan->adoption);
  for (size_t i = 0; i < plan->n_steps; i++)
    add_step(p, &text, plan, plan->steps[i]);
  text_clean(&clean, buf_str(&text), text.len, true);
  add_findings(p, &clean, plan);
  session_print(p->s, &clean);
}

static void report_group(struct planning *p, const struct group *g) {
  for (size_t i = 0; i < g->count; i++) {
    struct err e;
    rpc_error_read(&e, g->plan->error);
    if (!e.target[0])
      err_copy(e.target, sizeof e.target, g->names[i], strlen(g->names[i]));
    int code = err_row(e.kind)->exit_code;
    p->failure_code = p->failed == 0 || p->failure_code == code ? code : EXIT_REFUSED;
    p->failed++;
    session_report(p->s, &e);
  }
}

static void print_groups(struct planning *p) {
  size_t targets = 0;
  for (size_t i = 0; i < p->count; i++) {
    const struct group *g = &p->groups[i];
    targets += g->count;
    if (g->plan->error)
      report_group(p, g);
    else if (!p->s->json)
      print_group(p, g);
  }
  if (targets == 0)
    say(p->s, "no target matches");
  else
    say(p->s, "dry run: nothing was changed");
}

static void release(struct planning *p) {
  for (size_t i = 0; i < p->count; i++) {
    buf_release(&p->groups[i].key);
    free(p->groups[i].names);
  }
  free(p->groups);
}

int plan_print(struct session *s, const Migd__V1__StartRunRequest *request, struct err *e) {
  struct planning p = {.s = s};
  int rc = session_stream(s, &migd__v1__runs__descriptor, "PlanRun", request, on_plan, &p, e);
  if (rc == 0)
    print_groups(&p);
  release(&p);
  if (rc != 0)
    return -1;
  return p.failed ? p.failure_code : EXIT_DONE;
}
