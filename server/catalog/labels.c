/* Branch labels as Alembic spreads them. Two passes over the graph, one upwards, one downwards;
 * revisions that have the same labels share a list.
 */
#include "server/catalog/labels.h"

#include <string.h>

struct spreader {
  const struct catalog *c;
  struct arena *arena;
  struct label_list *above; /* declared here or below: what it says or stands on says */
  struct label_list *below; /* declared here or above, on the line without forks */
};

static bool has(const struct label_list *l, const char *label) {
  for (size_t i = 0; i < l->count; i++)
    if (strcmp(l->items[i], label) == 0)
      return true;
  return false;
}

static struct label_list join(struct arena *arena, const struct label_list *a,
                              const struct label_list *b) {
  if (a->count == 0 || b->count == 0)
    return a->count ? *a : *b;
  const char **items = ARENA_ARRAY(arena, const char *, LABELS_SHOWN);
  struct label_list l = {.items = items};
  const struct label_list *parts[] = {a, b};
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < parts[k]->count && l.count < LABELS_SHOWN; i++)
      if (!has(&l, parts[k]->items[i]))
        items[l.count++] = parts[k]->items[i];
  return l;
}

static struct label_list own(const struct catalog *c, size_t revision) {
  const struct revision *r = &c->revisions[revision];
  size_t count = r->label_count < LABELS_SHOWN ? r->label_count : LABELS_SHOWN;
  return (struct label_list){.items = r->labels, .count = count};
}

static void spread_up(struct spreader *s) {
  for (size_t i = 0; i < s->c->count; i++) {
    const struct revision_set *parents = &s->c->nodes[i].parents;
    s->above[i] = own(s->c, i);
    for (size_t k = 0; k < parents->count; k++)
      s->above[i] = join(s->arena, &s->above[i], &s->above[parents->items[k]]);
  }
}

/* A branch point, by dependencies too, and a merge neither get labels from above nor pass them on.
 */
static void spread_down(struct spreader *s) {
  for (size_t i = s->c->count; i-- > 0;) {
    const struct node *n = &s->c->nodes[i];
    if (n->parents.count > 1 || n->children.count + n->dependents.count > 1)
      continue;
    s->below[i] = own(s->c, i);
    if (n->children.count == 1)
      s->below[i] = join(s->arena, &s->below[i], &s->below[n->children.items[0]]);
  }
}

const struct label_list *labels_spread(const struct catalog *c, struct arena *arena) {
  struct spreader s = {.c = c,
                       .arena = arena,
                       .above = ARENA_ARRAY(arena, struct label_list, c->count),
                       .below = ARENA_ARRAY(arena, struct label_list, c->count)};
  spread_up(&s);
  spread_down(&s);
  for (size_t i = 0; i < c->count; i++)
    s.above[i] = join(arena, &s.above[i], &s.below[i]);
  return s.above;
}
