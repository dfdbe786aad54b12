/* The order of a graph of revisions, and its cycles.
 *
 * Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1 (1972): strongly
 * connected components come out with what they stand on first, which is the topological order where
 * each is one node, and the cycles where one is more. The stack is an array: a hostile chain of
 * 100,000 revisions must not exhaust the thread's.
 */
#include "server/catalog/graph.h"

#include <stdlib.h>

struct visit {
  unsigned index, low; /* 0: not seen yet */
  unsigned component;  /* 0: still on the stack */
  size_t next;         /* its next edge */
};

struct sorter {
  const struct edges *edges;
  struct visit *visits;
  unsigned *path, *stack; /* depth-first path; nodes without a component */
  size_t depth, height, done;
  unsigned last_index, last_component;
  struct arena *arena;
  struct graph_order *out;
};

static void enter(struct sorter *s, unsigned node) {
  struct visit *v = &s->visits[node];
  v->index = v->low = ++s->last_index;
  v->next = s->edges->first[node];
  s->path[s->depth++] = node;
  s->stack[s->height++] = node;
}

/* The next node of a cycle: one in the same component. */
static unsigned follow(const struct sorter *s, unsigned node) {
  size_t i = s->edges->first[node];
  while (s->visits[s->edges->to[i]].component != s->visits[node].component)
    i++;
  return s->edges->to[i];
}

/* Walks inside the component until a node comes again: what lies between is a cycle. */
static void add_cycle(struct sorter *s, unsigned node, size_t members) {
  unsigned *path = ARENA_ARRAY(s->arena, unsigned, members);
  size_t *place = xcalloc(s->last_index + 1, sizeof *place); /* by index; 1-based */
  size_t len = 0;
  while (place[s->visits[node].index] == 0) {
    path[len++] = node;
    place[s->visits[node].index] = len;
    node = follow(s, node);
  }
  size_t from = place[s->visits[node].index] - 1;
  free(place);
  s->out->cycles[s->out->cycle_count++] = (struct cycle){path + from, len - from};
}

static void close_component(struct sorter *s, unsigned root) {
  size_t members = 0;
  unsigned node;
  s->last_component++;
  do {
    node = s->stack[--s->height];
    s->visits[node].component = s->last_component;
    s->out->order[s->done++] = node;
    members++;
  } while (node != root);
  if (members > 1 && s->out->cycle_count < CYCLES_MAX)
    add_cycle(s, root, members);
}

static void leave(struct sorter *s, unsigned node) {
  struct visit *v = &s->visits[node];
  s->depth--;
  if (s->depth > 0) {
    struct visit *up = &s->visits[s->path[s->depth - 1]];
    up->low = v->low < up->low ? v->low : up->low;
  }
  if (v->low == v->index)
    close_component(s, node);
}

static void visit_from(struct sorter *s, unsigned root) {
  enter(s, root);
  while (s->depth > 0) {
    unsigned node = s->path[s->depth - 1];
    struct visit *v = &s->visits[node];
    if (v->next == s->edges->first[node + 1]) {
      leave(s, node);
      continue;
    }
    unsigned to = s->edges->to[v->next++];
    const struct visit *w = &s->visits[to];
    if (w->index == 0)
      enter(s, to);
    else if (w->component == 0 && w->index < v->low)
      v->low = w->index;
  }
}

void graph_sort(const struct edges *e, const unsigned *roots, size_t count, struct arena *arena,
                struct graph_order *out) {
  *out = (struct graph_order){.order = ARENA_ARRAY(arena, unsigned, count + 1),
                              .cycles = ARENA_ARRAY(arena, struct cycle, CYCLES_MAX)};
  struct sorter s = {.edges = e, .arena = arena, .out = out};
  s.visits = xcalloc(count + 1, sizeof *s.visits);
  s.path = xcalloc(count + 1, sizeof *s.path);
  s.stack = xcalloc(count + 1, sizeof *s.stack);
  for (size_t i = 0; i < count; i++)
    if (s.visits[roots[i]].index == 0)
      visit_from(&s, roots[i]);
  free(s.visits);
  free(s.path);
  free(s.stack);
}
