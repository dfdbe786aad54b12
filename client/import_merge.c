/* The scripts of all sources made into revisions, and each revision into a file: see import.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/import.h"
#include "proto/base/buf.h"
#include "proto/base/utf8.h"

enum { MESSAGE_MAX = 500, LABEL_MAX = 64 }; /* as the server has it */

/* The scripts of one revision, by dialect and direction. */
struct group {
  const struct import_script *of[IMPORT_DIALECTS][2], *first;
  const char *parent;           /* in a chain */
  size_t next[IMPORT_DIALECTS]; /* in the order of a dialect's source; SIZE_MAX: none */
  unsigned before;              /* revisions that must come first and have not */
};

struct merge {
  struct import *im;
  struct group *groups; /* sorted by id */
  size_t count;
  struct group **order;
};

/* ---- groups ---- */

static int compare_scripts(const void *a, const void *b, void *ctx) {
  const struct import *im = ctx;
  const struct import_script *x = &im->scripts[*(const size_t *)a];
  const struct import_script *y = &im->scripts[*(const size_t *)b];
  int order = strcmp(x->id, y->id);
  return order ? order : (*(const size_t *)a > *(const size_t *)b) ? 1 : -1;
}

static const char *called(const struct import_script *s) {
  return s->description ? s->description : s->id;
}

static void twice(struct import *im, const struct import_script *s,
                  const struct import_script *other) {
  const char *also =
      strcmp(called(s), called(other)) == 0 ? "" : arena_printf(im->arena, " (%s)", called(other));
  if (other->line > 0)
    import_problem(im, s->path, s->line, 0, "revision %s has this script already: %s:%u%s", s->id,
                   other->path, other->line, also);
  else
    import_problem(im, s->path, s->line, 0, "revision %s has this script already: %s%s", s->id,
                   other->path, also);
}

static void take(struct import *im, struct group *g, const struct import_script *s) {
  const struct import_script *clash = g->of[s->dialect][s->down];
  for (int d = 0; !clash && d < IMPORT_DIALECTS; d++)
    if (d == IMPORT_BOTH || s->dialect == IMPORT_BOTH)
      clash = g->of[d][s->down];
  if (clash)
    twice(im, s, clash);
  else
    g->of[s->dialect][s->down] = s;
}

static void make_groups(struct merge *m) {
  struct import *im = m->im;
  size_t n = im->script_count, *index = ARENA_ARRAY(im->arena, size_t, n + 1);
  for (size_t i = 0; i < n; i++)
    index[i] = i;
  if (n > 0)
    qsort_r(index, n, sizeof *index, compare_scripts, im);
  m->groups = ARENA_ARRAY(im->arena, struct group, n + 1);
  for (size_t i = 0; i < n; i++) {
    const struct import_script *s = &im->scripts[index[i]];
    if (i == 0 || strcmp(s->id, im->scripts[index[i - 1]].id) != 0)
      m->groups[m->count++].first = s;
    take(im, &m->groups[m->count - 1], s);
  }
  m->order = ARENA_ARRAY(im->arena, struct group *, m->count + 1);
  for (size_t i = 0; i < m->count; i++)
    m->order[i] = &m->groups[i];
}

static struct group *find(const struct merge *m, const char *id) {
  size_t low = 0, high = m->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int order = strcmp(m->groups[mid].first->id, id);
    if (order == 0)
      return &m->groups[mid];
    if (order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return NULL;
}

/* ---- order ---- */

static int compare_keys(const void *a, const void *b, void *ctx) {
  const struct import *im = ctx;
  const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
  int order = im->importer->compare(x->first->order, y->first->order);
  return order ? order : strcmp(x->first->id, y->first->id);
}

static void sort(struct merge *m) {
  struct import *im = m->im;
  if (m->count > 0)
    qsort_r(m->order, m->count, sizeof *m->order, compare_keys, im);
  for (size_t i = 1; i < m->count; i++) {
    const struct import_script *a = m->order[i - 1]->first, *b = m->order[i]->first;
    if (im->importer->compare(a->order, b->order) == 0)
      import_problem(im, b->path, b->line, 0, "%s and %s are one version; name both alike",
                     called(a), called(b));
  }
}

static int compare_places(const void *a, const void *b) {
  const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
  return (x->first > y->first) - (x->first < y->first);
}

/* Which revision follows which in the scripts of a dialect. */
static void link_dialect(struct merge *m, enum import_dialect d) {
  struct group *last = NULL;
  for (size_t i = 0; i < m->count; i++)
    m->groups[i].next[d] = SIZE_MAX;
  for (size_t i = 0; i < m->im->script_count; i++) {
    const struct import_script *s = &m->im->scripts[i];
    struct group *g = find(m, s->id);
    if (s->down || (s->dialect != d && s->dialect != IMPORT_BOTH) || g->of[s->dialect][0] != s)
      continue;
    if (last) {
      last->next[d] = (size_t)(g - m->groups);
      g->before++;
    }
    last = g;
  }
}

/* A heap of revisions, the first read on top. */
struct heap {
  struct group **items;
  size_t count;
};

static bool earlier(const struct heap *h, size_t a, size_t b) {
  return h->items[a]->first < h->items[b]->first;
}

static void swap(struct heap *h, size_t a, size_t b) {
  struct group *g = h->items[a];
  h->items[a] = h->items[b];
  h->items[b] = g;
}

static void heap_add(struct heap *h, struct group *g) {
  size_t i = h->count++;
  h->items[i] = g;
  for (; i > 0 && earlier(h, i, (i - 1) / 2); i = (i - 1) / 2)
    swap(h, i, (i - 1) / 2);
}

static struct group *heap_take(struct heap *h) {
  struct group *top = h->items[0];
  h->items[0] = h->items[--h->count];
  for (size_t i = 0;;) {
    size_t least = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
      if (child < h->count && earlier(h, child, least))
        least = child;
    if (least == i)
      return top;
    swap(h, i, least);
    i = least;
  }
}

/* The orders of both dialects become one that keeps both. */
static void interleave(struct merge *m) {
  struct heap ready = {ARENA_ARRAY(m->im->arena, struct group *, m->count + 1), 0};
  size_t done = 0;
  link_dialect(m, IMPORT_SQLITE);
  link_dialect(m, IMPORT_POSTGRESQL);
  for (size_t i = 0; i < m->count; i++)
    if (m->groups[i].before == 0)
      heap_add(&ready, &m->groups[i]);
  while (ready.count > 0) {
    struct group *g = heap_take(&ready);
    m->order[done++] = g;
    for (int d = IMPORT_SQLITE; d < IMPORT_DIALECTS; d++) {
      struct group *next = g->next[d] == SIZE_MAX ? NULL : &m->groups[g->next[d]];
      if (next && --next->before == 0)
        heap_add(&ready, next);
    }
  }
  for (size_t i = 0; done < m->count && i < m->count; i++)
    if (m->groups[i].before > 0) {
      import_problem(m->im, m->groups[i].first->path, m->groups[i].first->line, 0,
                     "%s stands in another order in the other dialect's source",
                     called(m->groups[i].first));
      return;
    }
}

static void chain(struct merge *m) {
  const char *parent = "base";
  for (size_t i = 0; i < m->count && m->order[i]; i++) {
    m->order[i]->parent = parent;
    parent = m->order[i]->first->id;
  }
}

static void put_in_order(struct merge *m) {
  switch (m->im->importer->order) {
  case IMPORT_SORTED:
    sort(m);
    chain(m);
    break;
  case IMPORT_READ:
    interleave(m);
    chain(m);
    break;
  case IMPORT_GIVEN:
    if (m->count > 0)
      qsort(m->order, m->count, sizeof *m->order, compare_places);
    break;
  }
}

/* ---- what it stands on ---- */

static void check_known(struct merge *m, const struct import_script *s,
                        const struct import_list *ids, const char *what) {
  for (size_t i = 0; i < ids->count; i++)
    if (strcmp(ids->items[i], s->id) == 0)
      import_problem(m->im, s->path, s->line, 0, "%s is its own %s", called(s), what);
    else if (!find(m, ids->items[i]))
      import_problem(m->im, s->path, s->line, 0, "the %s %s of %s is not in the sources", what,
                     ids->items[i], called(s));
}

static bool same_list(const struct import_list *a, const struct import_list *b) {
  if (a->count != b->count)
    return false;
  for (size_t i = 0; i < a->count; i++) {
    size_t j = 0;
    while (j < b->count && strcmp(a->items[i], b->items[j]) != 0)
      j++;
    if (j == b->count)
      return false;
  }
  return true;
}

static void check_parents(struct merge *m, const struct group *g) {
  for (int d = 0; d < IMPORT_DIALECTS; d++) {
    for (int down = 0; down < 2; down++) {
      const struct import_script *s = g->of[d][down];
      if (s && !same_list(&s->parents, &g->first->parents))
        import_problem(m->im, s->path, s->line, 0, "%s has other parents in %s", called(s),
                       g->first->path);
    }
  }
}

static bool label_ok(const char *label) {
  return label[0] && strlen(label) <= LABEL_MAX;
}

static bool label_used(const struct merge *m, const char *label, size_t before) {
  for (size_t i = 0; i < before; i++) {
    const struct import_list *labels = &m->order[i]->first->labels;
    for (size_t j = 0; j < labels->count; j++)
      if (strcmp(labels->items[j], label) == 0)
        return true;
  }
  return false;
}

/* The labels that the catalog can have; what is left out is noted. */
static struct import_list labels_of(const struct merge *m, size_t at) {
  const struct import_script *s = m->order[at]->first;
  struct import_list kept = {0};
  for (size_t i = 0; i < s->labels.count; i++) {
    const char *label = s->labels.items[i];
    if (!label_ok(label) || find(m, label) || label_used(m, label, at))
      import_note(m->im, s->path, s->line, 0, "the label '%s' of %s is not carried: it names %s",
                  label, called(s), label_ok(label) ? "another revision" : "none");
    else
      import_push(m->im, &kept, label);
  }
  return kept;
}

/* ---- files ---- */

static void add_section(struct buf *b, const struct import_script *s, const char *dialect) {
  buf_addf(b, "-- migd:%s%s%s%s\n", s->down ? "down" : "up", dialect[0] ? " on=" : "", dialect,
           s->transaction ? "" : " transaction=off");
  buf_add(b, s->body, s->len);
  if (s->len && s->body[s->len - 1] != '\n')
    buf_addc(b, '\n');
}

static bool equal(const struct import_script *a, const struct import_script *b) {
  return a && b && a->len == b->len && a->transaction == b->transaction &&
         memcmp(a->body, b->body, a->len) == 0;
}

static void add_sections(struct buf *b, const struct group *g, int down) {
  if (equal(g->of[IMPORT_SQLITE][down], g->of[IMPORT_POSTGRESQL][down])) {
    add_section(b, g->of[IMPORT_SQLITE][down], "");
    return;
  }
  for (int d = 0; d < IMPORT_DIALECTS; d++)
    if (g->of[d][down])
      add_section(b, g->of[d][down], import_dialect_names[d]);
}

/* One line, no longer than a message may be. */
static void add_message(struct buf *b, const struct import_script *s) {
  bool words = !s->message;
  const char *text = words ? s->slug : s->message, *end = text + strcspn(text, "\r\n");
  while (text < end && (*text == ' ' || *text == '\t'))
    text++;
  size_t len = 0;
  for (size_t n; (n = utf8_char(text + len, (size_t)(end - text) - len)) > 0;) {
    if (len + n > MESSAGE_MAX)
      break;
    len += n;
  }
  if (len > 0)
    buf_adds(b, "-- migd:message ");
  for (size_t i = 0; i < len; i++) {
    bool blank = words && (text[i] == '_' || text[i] == '-');
    bool control = (unsigned char)text[i] < ' ' || text[i] == 0x7F;
    buf_addc(b, blank || control ? ' ' : text[i]);
  }
  buf_adds(b, len > 0 ? "\n\n" : "\n");
}

static void add_list(struct buf *b, const char *directive, const struct import_list *list) {
  for (size_t i = 0; i < list->count; i++)
    buf_addf(b, "%s%s", i ? ", " : directive, list->items[i]);
  if (list->count)
    buf_addc(b, '\n');
}

static void add_header(const struct merge *m, struct buf *b, size_t at) {
  const struct group *g = m->order[at];
  const struct import_script *first = g->first;
  struct import_list labels = labels_of(m, at);
  buf_addf(b, "-- migd:revision %s\n", first->id);
  if (g->parent)
    buf_addf(b, "-- migd:parent %s\n", g->parent);
  else if (first->parents.count == 0)
    buf_adds(b, "-- migd:parent base\n");
  add_list(b, "-- migd:parent ", &first->parents);
  add_list(b, "-- migd:depends-on ", &first->depends);
  add_list(b, "-- migd:label ", &labels);
  add_message(b, first);
}

static void count(struct import *im, const struct group *g) {
  const struct import_script *both = g->of[IMPORT_BOTH][0];
  const struct import_script *sqlite = g->of[IMPORT_SQLITE][0];
  const struct import_script *postgresql = g->of[IMPORT_POSTGRESQL][0];
  bool down = true;
  for (int d = 0; d < IMPORT_DIALECTS; d++)
    if (g->of[d][0] && !g->of[d][1] && !g->of[IMPORT_BOTH][1])
      down = false;
  im->without_down += !down;
  if (both || (sqlite && postgresql))
    im->own[IMPORT_BOTH]++;
  else
    im->own[sqlite ? IMPORT_SQLITE : IMPORT_POSTGRESQL]++;
}

static void check_down(struct import *im, const struct group *g) {
  for (int d = 0; d < IMPORT_DIALECTS; d++) {
    const struct import_script *s = g->of[d][1];
    bool up = g->of[d][0] || g->of[IMPORT_BOTH][0];
    if (s && !up && (d != IMPORT_BOTH || !(g->of[IMPORT_SQLITE][0] || g->of[IMPORT_POSTGRESQL][0])))
      import_problem(im, s->path, s->line, 0, "goes down from what has no script up");
  }
}

static void make_file(struct merge *m, size_t at) {
  struct import *im = m->im;
  struct buf b BUF_SCOPED = BUF_INIT;
  const struct group *g = m->order[at];
  check_down(im, g);
  check_known(m, g->first, &g->first->parents, "parent");
  check_known(m, g->first, &g->first->depends, "dependency");
  check_parents(m, g);
  add_header(m, &b, at);
  add_sections(&b, g, 0);
  add_sections(&b, g, 1);
  im->files[im->file_count++] = (struct import_file){
      .name = arena_printf(im->arena, "%s_%s.sql", g->first->id, g->first->slug),
      .text = arena_strndup(im->arena, buf_str(&b), b.len),
      .len = b.len};
  count(im, g);
}

void import_merge(struct import *im) {
  struct merge m = {.im = im};
  make_groups(&m);
  put_in_order(&m);
  im->files = ARENA_ARRAY(im->arena, struct import_file, m.count + 1);
  for (size_t i = 0; i < m.count; i++)
    make_file(&m, i);
}

static int nothing_in(const struct import *im, unsigned source, struct err *e) {
  err_set(e, ERR_INPUT, "no migrations in %s", im->sources[source].path);
  return err_hint(e, "%s looks like this: %s", im->importer->name, im->importer->looks);
}

int import_make(struct import *im, struct err *e) {
  for (unsigned i = 0; i < im->source_count; i++) {
    size_t before = im->script_count + im->problem_count;
    if (im->importer->read(im, i, e))
      return -1;
    if (!im->importer->finish && im->script_count + im->problem_count == before)
      return nothing_in(im, i, e);
  }
  if (im->importer->finish)
    im->importer->finish(im);
  if (im->script_count + im->problem_count == 0)
    return nothing_in(im, 0, e);
  import_merge(im);
  if (im->problem_count == 0)
    return 0;
  err_set(e, ERR_INPUT, "%zu problem%s in the sources: nothing is written", im->problem_count,
          im->problem_count == 1 ? "" : "s");
  return -1;
}
