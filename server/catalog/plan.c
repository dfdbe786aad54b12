/* Plans: from the rows of a ledger and what was asked to the steps in order. Pure.
 *
 * The rows are the ends of what is applied: the applied revisions that no other applied one stands
 * on, be it as a parent or as a dependency. Each step keeps that true, which gives the same rows as
 * Alembic's HeadMaintainer (alembic/runtime/migration.py): up, what the new revision stands on and
 * was an end goes and it comes; down, it goes and what it stood on comes back where nothing else
 * applied stands on it. All is linear in the catalog's size.
 */
#include "server/catalog/plan.h"

#include <string.h>

#include "proto/base/buf.h"
#include "server/catalog/ident.h"

enum { SHOWN = 8 };

struct planner {
  const struct catalog *c;
  const struct plan_request *request;
  struct arena *arena;
  struct revision_set rows; /* in the catalog's order */
  unsigned char *is_row;    /* by revision; kept current as steps are added */
  unsigned char *applied;   /* by revision: before the plan */
  struct plan *out;
};

/* Adds "a, b, c and 4 more" of the marked ones. */
static void list_marked(const struct catalog *c, const unsigned char *marks, struct buf *out) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) {
    if (!marks[i])
      continue;
    if (n < SHOWN)
      buf_addf(out, "%s%s", n ? ", " : "", c->revisions[i].id);
    n++;
  }
  if (n > SHOWN)
    buf_addf(out, " and %zu more", n - SHOWN);
}

static void collect_marked(struct planner *p, const unsigned char *marks,
                           struct revision_set *out) {
  out->items = ARENA_ARRAY(p->arena, unsigned, p->c->count);
  out->count = 0;
  for (size_t i = 0; i < p->c->count; i++)
    if (marks[i])
      out->items[out->count++] = (unsigned)i;
}

/* ---- the rows ---- */

/* Marks what the revisions of a set stand on, themselves only where another stands on them. */
static void mark_below(const struct catalog *c, const struct revision_set *set,
                       unsigned char *marks) {
  for (size_t i = 0; i < set->count; i++) {
    const struct node *n = &c->nodes[set->items[i]];
    const struct revision_set *below[] = {&n->parents, &n->depends_on};
    for (size_t k = 0; k < 2; k++)
      for (size_t j = 0; j < below[k]->count; j++)
        marks[below[k]->items[j]] = 1;
  }
  for (size_t i = c->count; i-- > 0;) {
    if (!marks[i])
      continue;
    for (size_t k = 0; k < c->nodes[i].parents.count; k++)
      marks[c->nodes[i].parents.items[k]] = 1;
    for (size_t k = 0; k < c->nodes[i].depends_on.count; k++)
      marks[c->nodes[i].depends_on.items[k]] = 1;
  }
}

/* Whether one of a set stands on another of it; *below and *above get the first such pair. */
static bool overlap(const struct planner *p, const struct revision_set *set, unsigned *below,
                    unsigned *above) {
  unsigned char *lower = arena_alloc(p->arena, p->c->count);
  unsigned char *higher = arena_alloc(p->arena, p->c->count);
  size_t found = 0;
  mark_below(p->c, set, lower);
  while (found < set->count && !lower[set->items[found]])
    found++;
  if (found == set->count)
    return false;
  struct revision_set one = {.items = &set->items[found], .count = 1};
  catalog_mark_descendants(p->c, &one, true, higher);
  *below = set->items[found];
  for (size_t i = set->count; i-- > 0;)
    if (i != found && higher[set->items[i]])
      *above = set->items[i];
  return true;
}

static int unknown_row(const struct planner *p, const char *row, struct err *e) {
  const char *near = catalog_nearest(p->c, row);
  err_set(e, ERR_REFUSED, "the ledger holds revision '%.64s', which the catalog does not have",
          row);
  err_copy(e->revision, sizeof e->revision, row, strlen(row));
  return err_hint(e,
                  "push the catalog that has it%s%s%s, or say what is applied with `migctl "
                  "stamp --purge REVISION`",
                  near ? " (the nearest here is " : "", near ? near : "", near ? ")" : "");
}

static int read_rows(struct planner *p, const char *const *rows, size_t count, struct err *e) {
  unsigned below = 0, above = 0;
  for (size_t i = 0; i < count; i++) {
    long r = catalog_find(p->c, rows[i]);
    if (r < 0)
      return unknown_row(p, rows[i], e);
    p->is_row[r] = 1;
  }
  collect_marked(p, p->is_row, &p->rows);
  if (overlap(p, &p->rows, &below, &above)) {
    err_set(e, ERR_REFUSED, "the ledger names both %s and %s, which stands on it",
            p->c->revisions[below].id, p->c->revisions[above].id);
    return err_hint(e, "somebody changed migd_revision by hand; say what is applied with `migctl "
                       "stamp --purge REVISION`");
  }
  catalog_mark_ancestors(p->c, &p->rows, true, p->applied);
  return 0;
}

static struct plan_step *add_step(struct planner *p, unsigned revision, enum direction direction,
                                  size_t removes, size_t inserts) {
  struct plan_step *s = &p->out->steps[p->out->count++];
  *s = (struct plan_step){.revision = revision,
                          .direction = direction,
                          .remove = ARENA_ARRAY(p->arena, const char *, removes),
                          .insert = ARENA_ARRAY(p->arena, const char *, inserts)};
  return s;
}

static void step_remove(struct planner *p, struct plan_step *s, unsigned revision) {
  s->remove[s->remove_count++] = p->c->revisions[revision].id;
  p->is_row[revision] = 0;
}

static void step_insert(struct planner *p, struct plan_step *s, unsigned revision) {
  s->insert[s->insert_count++] = p->c->revisions[revision].id;
  p->is_row[revision] = 1;
}

/* ---- upgrade ---- */

static void step_up(struct planner *p, unsigned revision) {
  const struct node *n = &p->c->nodes[revision];
  const struct revision_set *below[] = {&n->parents, &n->depends_on};
  struct plan_step *s = add_step(p, revision, DIR_UP, n->parents.count + n->depends_on.count, 1);
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < below[k]->count; i++)
      if (p->is_row[below[k]->items[i]])
        step_remove(p, s, below[k]->items[i]);
  step_insert(p, s, revision);
}

/* The id of the one revision, or base. */
static const char *name_of(const struct planner *p, const struct revision_set *s) {
  return s->count ? p->c->revisions[s->items[0]].id : "base";
}

static int upgrade(struct planner *p, struct err *e) {
  const struct catalog *c = p->c;
  const char *text = p->request->revisions[0];
  struct ident_answer to;
  unsigned char *wanted = arena_alloc(p->arena, c->count);
  if (ident_answer(c, text, IDENT_UPGRADE, &p->rows, p->arena, &to, e))
    return -1;
  p->out->goal = to.counted ? name_of(p, &to.found) : text;
  catalog_mark_ancestors(c, &to.found, true, wanted);
  for (size_t i = 0; i < c->count; i++)
    if (wanted[i] && !p->applied[i])
      step_up(p, (unsigned)i);
  return 0;
}

/* ---- downgrade ---- */

/* How many applied revisions stand on each applied one. */
static unsigned *count_above(const struct planner *p) {
  unsigned *above = ARENA_ARRAY(p->arena, unsigned, p->c->count);
  for (size_t i = 0; i < p->c->count; i++) {
    const struct node *n = &p->c->nodes[i];
    for (size_t k = 0; p->applied[i] && k < n->parents.count; k++)
      above[n->parents.items[k]]++;
    for (size_t k = 0; p->applied[i] && k < n->depends_on.count; k++)
      above[n->depends_on.items[k]]++;
  }
  return above;
}

static void step_down(struct planner *p, unsigned revision, unsigned *above) {
  const struct node *n = &p->c->nodes[revision];
  const struct revision_set *below[] = {&n->parents, &n->depends_on};
  struct plan_step *s = add_step(p, revision, DIR_DOWN, 1, n->parents.count + n->depends_on.count);
  step_remove(p, s, revision);
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < below[k]->count; i++)
      if (--above[below[k]->items[i]] == 0)
        step_insert(p, s, below[k]->items[i]);
}

static int no_way(const struct planner *p, const struct revision_set *to, long branch,
                  struct err *e) {
  err_set(e, ERR_REFUSED, "'%s': of what stands on %s, nothing leads to %s",
          p->request->revisions[0], name_of(p, to), p->c->revisions[branch].id);
  return err_hint(e, "without a branch, `%s` takes back all that stands on it", name_of(p, to));
}

/* The revisions right above the destination. Where there are several, a branch that is named
 * chooses those on the way to it, and a count from a row those on the way to that row. */
static int mark_roots(struct planner *p, const struct ident_answer *to, unsigned char *roots,
                      struct err *e) {
  const struct revision_set *ways =
      to->found.count ? &p->c->nodes[to->found.items[0]].children : &p->c->bases;
  long guide = to->counted ? to->start : to->branch;
  unsigned char *lineage = arena_alloc(p->arena, p->c->count);
  bool choose = guide != IDENT_NONE && ways->count > 1, any = false;
  if (choose) {
    unsigned from = (unsigned)guide;
    catalog_mark_ancestors(p->c, &(struct revision_set){&from, 1}, false, lineage);
  }
  for (size_t i = 0; i < ways->count; i++) {
    roots[ways->items[i]] = !choose || lineage[ways->items[i]];
    any |= roots[ways->items[i]];
  }
  p->out->goal = name_of(p, &to->found);
  if (to->counted && choose)
    p->out->goal = arena_printf(p->arena, "%s@%s", p->c->revisions[guide].id, p->out->goal);
  else if (!to->counted)
    p->out->goal = p->request->revisions[0];
  return choose && !any ? no_way(p, &to->found, guide, e) : 0;
}

static int not_below(const struct planner *p, unsigned to, struct err *e) {
  struct buf rows BUF_SCOPED = BUF_INIT;
  list_marked(p->c, p->is_row, &rows);
  if (rows.len == 0)
    err_set(e, ERR_REFUSED, "%s is not applied: nothing is", p->c->revisions[to].id);
  else
    err_set(e, ERR_REFUSED, "%s is not applied: it is not below %s", p->c->revisions[to].id,
            buf_str(&rows));
  return err_hint(e, "a downgrade goes to a revision that is applied, or to base");
}

static int check_reversible(const struct planner *p, const unsigned char *drop, struct err *e) {
  unsigned char *bad = arena_alloc(p->arena, p->c->count);
  long first = -1;
  for (size_t i = p->c->count; i-- > 0;) {
    if (!drop[i] || revision_reversible(&p->c->revisions[i], p->request->dialect))
      continue;
    bad[i] = 1;
    first = first < 0 ? (long)i : first;
  }
  if (first < 0)
    return 0;
  struct buf ids BUF_SCOPED = BUF_INIT;
  list_marked(p->c, bad, &ids);
  err_set(e, ERR_REFUSED, "cannot go down across %s: no `-- migd:down` section for %s",
          buf_str(&ids), dialect_name(p->request->dialect));
  const struct revision *r = &p->c->revisions[first];
  err_copy(e->revision, sizeof e->revision, r->id, strlen(r->id));
  err_copy(e->file, sizeof e->file, r->file, strlen(r->file));
  return err_hint(e, "nothing was changed; restore a backup, or write an upgrade that undoes it");
}

static int downgrade(struct planner *p, struct err *e) {
  const struct catalog *c = p->c;
  const char *text = p->request->revisions[0];
  struct ident_answer to;
  struct revision_set roots;
  unsigned char *root = arena_alloc(p->arena, c->count), *drop = arena_alloc(p->arena, c->count);
  if (ident_answer(c, text, IDENT_DOWNGRADE, &p->rows, p->arena, &to, e))
    return -1;
  if (to.found.count > 1)
    return err_set(e, ERR_INPUT, "'%s' are %zu revisions; a downgrade goes to one", text,
                   to.found.count);
  if (to.found.count == 1 && !p->applied[to.found.items[0]])
    return not_below(p, to.found.items[0], e);
  if (mark_roots(p, &to, root, e))
    return -1;
  collect_marked(p, root, &roots);
  catalog_mark_descendants(c, &roots, true, drop);
  for (size_t i = 0; i < c->count; i++)
    drop[i] &= p->applied[i];
  if (check_reversible(p, drop, e))
    return -1;
  unsigned *above = count_above(p);
  for (size_t i = c->count; i-- > 0;)
    if (drop[i])
      step_down(p, (unsigned)i, above);
  return 0;
}

/* ---- stamp ---- */

/* Marks the revisions of a set, without those that another of it stands on as a dependency. */
static void mark_ends(const struct planner *p, const struct revision_set *set,
                      unsigned char *marks) {
  unsigned char *below = arena_alloc(p->arena, p->c->count);
  if (set->count > 1)
    mark_below(p->c, set, below);
  for (size_t i = 0; i < set->count; i++)
    if (!below[set->items[i]])
      marks[set->items[i]] = 1;
}

/* What a stamp moves: the rows below and above a revision that it names; those of a branch that it
 * sets to base. */
static void mark_related(const struct planner *p, const struct ident_answer *to,
                         unsigned char *related) {
  unsigned branch = (unsigned)to->branch;
  struct revision_set from = to->found;
  if (from.count == 0 && to->branch == IDENT_NONE)
    from = p->rows;
  else if (from.count == 0)
    from = (struct revision_set){&branch, 1};
  catalog_mark_ancestors(p->c, &from, true, related);
  catalog_mark_descendants(p->c, &from, true, related);
}

static int stamp_targets(struct planner *p, unsigned char *to, unsigned char *related,
                         struct err *e) {
  const struct plan_request *q = p->request;
  for (size_t i = 0; i < q->revision_count; i++) {
    struct ident_answer answer;
    if (ident_answer(p->c, q->revisions[i], IDENT_STAMP, &p->rows, p->arena, &answer, e))
      return -1;
    if (answer.found.count == 0 && answer.branch == IDENT_NONE && q->revision_count > 1)
      return err_set(e, ERR_INPUT, "'%s' is no revision at all and goes with no other",
                     q->revisions[i]);
    mark_ends(p, &answer.found, to);
    mark_related(p, &answer, related);
  }
  return 0;
}

static int check_targets(struct planner *p, const struct revision_set *to, struct err *e) {
  unsigned below = 0, above = 0;
  if (!overlap(p, to, &below, &above))
    return 0;
  err_set(e, ERR_INPUT, "%s stands on %s already", p->c->revisions[above].id,
          p->c->revisions[below].id);
  return err_hint(e, "leave %s out", p->c->revisions[below].id);
}

static void step_stamp(struct planner *p, const struct revision_set *go,
                       const struct revision_set *come) {
  if (go->count + come->count == 0)
    return;
  unsigned first = come->count ? come->items[0] : go->items[0];
  struct plan_step *s = add_step(p, first, DIR_STAMP, go->count, come->count);
  for (size_t i = 0; i < go->count; i++)
    step_remove(p, s, go->items[i]);
  for (size_t i = 0; i < come->count; i++)
    step_insert(p, s, come->items[i]);
}

/* Rows above or below a new one go, and it comes; rows of other lineages stay. */
static int stamp(struct planner *p, struct err *e) {
  const struct catalog *c = p->c;
  unsigned char *to = arena_alloc(p->arena, c->count), *related = arena_alloc(p->arena, c->count);
  unsigned char *go = arena_alloc(p->arena, c->count), *come = arena_alloc(p->arena, c->count);
  struct revision_set targets, goes, comes;
  if (stamp_targets(p, to, related, e))
    return -1;
  collect_marked(p, to, &targets);
  if (check_targets(p, &targets, e))
    return -1;
  for (size_t i = 0; i < c->count; i++) {
    go[i] = p->is_row[i] && !to[i] && related[i];
    come[i] = to[i] && !p->is_row[i];
  }
  collect_marked(p, go, &goes);
  collect_marked(p, come, &comes);
  step_stamp(p, &goes, &comes);
  return 0;
}

/* ---- the whole ---- */

static int check_request(const struct plan_request *q, struct err *e) {
  if (q->revision_count > REVISION_LIST_MAX)
    return err_set(e, ERR_INPUT, "more than %d revisions are named", REVISION_LIST_MAX);
  if (q->revision_count == 0)
    return err_set(e, ERR_INPUT, "no revision is named");
  if (q->operation != OP_STAMP && q->revision_count > 1)
    return err_set(e, ERR_INPUT, "%zu revisions are named; %s takes one", q->revision_count,
                   q->operation == OP_UPGRADE ? "an upgrade" : "a downgrade");
  if (q->purge && q->operation != OP_STAMP)
    return err_set(e, ERR_INPUT, "only a stamp can purge");
  return 0;
}

static int make(struct planner *p, struct err *e) {
  switch (p->request->operation) {
  case OP_UPGRADE:
    return upgrade(p, e);
  case OP_DOWNGRADE:
    return downgrade(p, e);
  case OP_STAMP:
    return stamp(p, e);
  }
  return err_set(e, ERR_INPUT, "unknown operation %d", (int)p->request->operation);
}

static void keep_rows(struct planner *p) {
  p->out->after = ARENA_ARRAY(p->arena, const char *, p->c->count);
  for (size_t i = 0; i < p->c->count; i++)
    if (p->is_row[i])
      p->out->after[p->out->after_count++] = p->c->revisions[i].id;
}

int plan_make(const struct catalog *c, const struct plan_request *request, const char *const *rows,
              size_t row_count, struct arena *arena, struct plan *out, struct err *e) {
  struct plan plan = {.steps = ARENA_ARRAY(arena, struct plan_step, c->count + 1)};
  struct planner p = {.c = c,
                      .request = request,
                      .arena = arena,
                      .is_row = arena_alloc(arena, c->count),
                      .applied = arena_alloc(arena, c->count),
                      .out = &plan};
  bool purge = request->operation == OP_STAMP && request->purge;
  if (check_request(request, e) || read_rows(&p, rows, purge ? 0 : row_count, e) || make(&p, e))
    return -1;
  keep_rows(&p);
  *out = plan;
  return 0;
}

static struct revision_set known_rows(const struct catalog *c, const char *const *rows,
                                      size_t row_count, struct arena *arena) {
  struct revision_set known = {.items = ARENA_ARRAY(arena, unsigned, row_count)};
  for (size_t i = 0; i < row_count; i++) {
    long r = catalog_find(c, rows[i]);
    if (r >= 0)
      known.items[known.count++] = (unsigned)r;
  }
  return known;
}

void plan_implied(const struct catalog *c, const char *const *rows, size_t row_count,
                  struct arena *arena, struct revision_set *out) {
  struct revision_set known = known_rows(c, rows, row_count, arena);
  unsigned char *applied = arena_alloc(arena, c->count), *hidden = arena_alloc(arena, c->count);
  catalog_mark_ancestors(c, &known, true, applied);
  for (size_t i = 0; i < known.count; i++)
    hidden[known.items[i]] = 1;
  for (size_t i = 0; i < c->count; i++)
    for (size_t k = 0; applied[i] && k < c->nodes[i].parents.count; k++)
      hidden[c->nodes[i].parents.items[k]] = 1;
  out->items = ARENA_ARRAY(arena, unsigned, c->count);
  out->count = 0;
  for (size_t i = 0; i < c->count; i++)
    if (applied[i] && !hidden[i])
      out->items[out->count++] = (unsigned)i;
}

size_t plan_behind(const struct catalog *c, const char *const *rows, size_t row_count,
                   size_t *unknown) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct revision_set known = known_rows(c, rows, row_count, &arena);
  unsigned char *applied = arena_alloc(&arena, c->count);
  size_t behind = 0;
  catalog_mark_ancestors(c, &known, true, applied);
  for (size_t i = 0; i < c->count; i++)
    behind += !applied[i];
  if (unknown)
    *unknown = row_count - known.count;
  return behind;
}
