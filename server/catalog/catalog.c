/* A catalog in memory: its revisions and their graph, immutable once built. Pure.
 *
 * Building it reads every file first and reports all that is wrong with any of them and with how
 * they refer to each other. A file with problems takes part in the graph as far as it could be
 * read, so that one mistake is not reported again by all that stand on it.
 */
#include "server/catalog/catalog.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/catalog/graph.h"
#include "server/catalog/names.h"
#include "server/catalog/text.h"

enum { SUGGESTIONS = 20, SOURCE_MAX = 200, SHOWN = 12 };

/* ---- digest ---- */

static int compare_files(const void *a, const void *b) {
  const struct catalog_file *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  if (order == 0 && x->len != y->len)
    order = x->len < y->len ? -1 : 1;
  return order ? order : memcmp(x->bytes, y->bytes, x->len);
}

void catalog_digest(const struct catalog_file *files, size_t count, char out[DIGEST_TEXT]) {
  struct catalog_file *sorted = xcalloc(count + 1, sizeof *sorted);
  for (size_t i = 0; i < count; i++) {
    sorted[i] = files[i];
    if (!sorted[i].bytes)
      sorted[i].bytes = "";
  }
  qsort(sorted, count, sizeof *sorted, compare_files);
  struct digest *d = digest_new();
  for (size_t i = 0; i < count; i++) {
    char size[32];
    int n = snprintf(size, sizeof size, "%zu", sorted[i].len);
    digest_add(d, sorted[i].name, strlen(sorted[i].name) + 1);
    digest_add(d, size, (size_t)n + 1);
    digest_add(d, sorted[i].bytes, sorted[i].len);
  }
  digest_finish(d, out);
  free(sorted);
}

/* ---- building ---- */

struct builder {
  struct catalog *out;
  struct arena *arena;
  struct problems *problems;
  struct revision *revisions; /* in the order of the files */
  size_t count;
  struct id_table *names;
  struct edges edges; /* of each revision its parents, then its dependencies */
  struct graph_order sorted;
  unsigned suggestions;
};

static bool name_char(char c) {
  return revision_id_valid(&c, 1);
}

/* The place of a name in a line: a whole word behind the directive. */
static unsigned column_of(const char *line, const char *name) {
  size_t len = strlen(name);
  const char *from = strchr(line, ' ');
  from = from ? strchr(from + 1, ' ') : NULL;
  for (const char *p = from ? strstr(from, name) : NULL; p; p = strstr(p + 1, name))
    if (!name_char(p[-1]) && !name_char(p[len]))
      return (unsigned)(p - line) + 1;
  return 0;
}

/* A problem where a directive in `line` of the file mentions the name. */
static void __attribute__((format(printf, 5, 6)))
mention(struct builder *b, const struct revision *r, unsigned line, const char *name,
        const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *message = arena_vprintf(b->arena, format, args);
  va_end(args);
  struct text_line at = {0};
  const char *source = "";
  while (line && text_next_line(r->content, r->content_len, &at))
    if (at.number == line) {
      source =
          arena_strndup(b->arena, r->content + at.start, at.len < SOURCE_MAX ? at.len : SOURCE_MAX);
      break;
    }
  problem_add(b->problems, r->file, line, column_of(source, name), source, "%s", message);
}

static void collect_names(struct builder *b) {
  size_t max = 0;
  for (size_t i = 0; i < b->count; i++)
    max += 1 + b->revisions[i].label_count;
  b->names = ARENA_NEW(b->arena, struct id_table);
  b->names->names = ARENA_ARRAY(b->arena, struct name, max);
  for (size_t i = 0; i < b->count; i++) {
    const struct revision *r = &b->revisions[i];
    if (r->id)
      b->names->names[b->names->count++] = (struct name){r->id, (unsigned)i, false};
    for (size_t k = 0; k < r->label_count; k++)
      b->names->names[b->names->count++] = (struct name){r->labels[k], (unsigned)i, true};
  }
  names_sort(b->names);
}

static void report_duplicate(struct builder *b, const struct name *first,
                             const struct name *again) {
  const struct revision *r = &b->revisions[again->revision], *of = &b->revisions[first->revision];
  if (!again->label)
    mention(b, r, r->id_line, again->text,
            "revision %s is in %s as well; every revision has an id of its own", again->text,
            of->file);
  else if (!first->label)
    mention(b, r, r->labels_line, again->text,
            "label '%s' is the id of the revision in %s; choose another", again->text, of->file);
  else
    mention(b, r, r->labels_line, again->text,
            "label '%s' is used by revision %s already; choose another", again->text,
            of->id ? of->id : of->file);
}

static void check_duplicates(struct builder *b) {
  size_t first = 0;
  for (size_t i = 1; i < b->names->count; i++) {
    const struct name *names = b->names->names;
    if (strcmp(names[first].text, names[i].text) != 0)
      first = i;
    else
      report_duplicate(b, &names[first], &names[i]);
  }
}

/* A file whose id could not be read may be the one that is missed. */
static bool may_be_unread(const struct builder *b, const char *id) {
  size_t len = strlen(id);
  for (size_t i = 0; i < b->count; i++) {
    const struct revision *r = &b->revisions[i];
    if (!r->id && strncmp(r->file, id, len) == 0 && r->file[len] == '_')
      return true;
  }
  return false;
}

static void report_unknown(struct builder *b, const struct revision *r, unsigned line,
                           const char *id, const char *what) {
  const char *near = NULL;
  if (b->problems->count > PROBLEMS_MAX || may_be_unread(b, id))
    return;
  if (b->suggestions++ < SUGGESTIONS)
    near = names_nearest(b->names, id);
  if (near)
    mention(b, r, line, id, "%s %s is no revision of this catalog; did you mean %s?", what, id,
            near);
  else
    mention(b, r, line, id, "%s %s is no revision of this catalog; add its file or correct the id",
            what, id);
}

static void add_edge(struct builder *b, unsigned from, unsigned to) {
  b->edges.to[b->edges.first[from + 1]++] = to;
}

static void resolve_parents(struct builder *b, unsigned from) {
  const struct revision *r = &b->revisions[from];
  for (size_t i = 0; i < r->parent_count; i++) {
    const struct name *n = names_find(b->names, r->parents[i], strlen(r->parents[i]));
    if (!n || n->label)
      report_unknown(b, r, r->parents_line, r->parents[i], "parent");
    else if (n->revision != from)
      add_edge(b, from, n->revision);
  }
}

/* A revision may be named by an id and by its label: it is one dependency. */
static void resolve_dependencies(struct builder *b, unsigned from, long *seen) {
  const struct revision *r = &b->revisions[from];
  for (size_t i = 0; i < r->depends_on_count; i++) {
    const struct name *n = names_find(b->names, r->depends_on[i], strlen(r->depends_on[i]));
    if (!n) {
      report_unknown(b, r, r->depends_on_line, r->depends_on[i], "the dependency");
    } else if (n->revision == from && n->label) {
      mention(b, r, r->depends_on_line, n->text, "label '%s' is of this very revision", n->text);
    } else if (n->revision != from && seen[n->revision] != (long)from + 1) {
      seen[n->revision] = (long)from + 1;
      add_edge(b, from, n->revision);
    }
  }
}

static void resolve_all(struct builder *b) {
  size_t max = 0;
  for (size_t i = 0; i < b->count; i++)
    max += b->revisions[i].parent_count + b->revisions[i].depends_on_count;
  b->edges.first = ARENA_ARRAY(b->arena, size_t, b->count + 1);
  b->edges.to = ARENA_ARRAY(b->arena, unsigned, max);
  long *seen = xcalloc(b->count + 1, sizeof *seen);
  for (unsigned i = 0; i < b->count; i++) {
    b->edges.first[i + 1] = b->edges.first[i];
    resolve_parents(b, i);
    resolve_dependencies(b, i, seen);
  }
  free(seen);
}

static void sort(struct builder *b) {
  unsigned *roots = ARENA_ARRAY(b->arena, unsigned, b->count + 1);
  size_t n = 0;
  for (size_t i = 0; i < b->names->count; i++)
    if (!b->names->names[i].label)
      roots[n++] = b->names->names[i].revision;
  graph_sort(&b->edges, roots, n, b->arena, &b->sorted);
}

static bool by_parents(const struct builder *b, unsigned node, unsigned next) {
  const struct revision *r = &b->revisions[node];
  for (size_t i = 0; i < r->parent_count; i++)
    if (strcmp(r->parents[i], b->revisions[next].id) == 0)
      return true;
  return false;
}

/* The path, beginning with its smallest id so that the message is always the same. */
static void report_cycle(struct builder *b, const struct cycle *c) {
  struct buf text BUF_SCOPED = BUF_INIT;
  bool parents = true;
  size_t first = 0;
  for (size_t i = 1; i < c->len; i++)
    if (strcmp(b->revisions[c->path[i]].id, b->revisions[c->path[first]].id) < 0)
      first = i;
  for (size_t i = 0; i <= c->len; i++) {
    unsigned node = c->path[(first + i) % c->len];
    if (i < SHOWN || i == c->len)
      buf_addf(&text, "%s%s", i ? " -> " : "", b->revisions[node].id);
    else if (i == SHOWN)
      buf_addf(&text, " -> ... (%zu more)", c->len - SHOWN);
    if (i < c->len)
      parents &= by_parents(b, node, c->path[(first + i + 1) % c->len]);
  }
  const struct revision *r = &b->revisions[c->path[first]];
  problem_add(b->problems, r->file, r->parents_line ? r->parents_line : r->depends_on_line, 0, "",
              "revisions stand on each other in a cycle: %s; correct a `-- migd:%s` among them",
              buf_str(&text), parents ? "parent" : "parent` or `-- migd:depends-on");
}

/* ---- the finished graph ---- */

static void size_set(struct builder *b, struct revision_set *s) {
  s->items = ARENA_ARRAY(b->arena, unsigned, s->count);
  s->count = 0;
}

/* Fills children or dependents, in order because the nodes are taken in order. */
static void relate(struct builder *b, const unsigned *places, bool dependencies) {
  struct node *nodes = b->out->nodes;
  for (int filling = 0; filling < 2; filling++) {
    for (size_t i = 0; filling && i < b->count; i++)
      size_set(b, dependencies ? &nodes[i].dependents : &nodes[i].children);
    for (size_t i = 0; i < b->count; i++) {
      unsigned old = b->sorted.order[i];
      size_t middle = b->edges.first[old] + b->revisions[old].parent_count;
      size_t from = dependencies ? middle : b->edges.first[old];
      size_t to = dependencies ? b->edges.first[old + 1] : middle;
      for (size_t k = from; k < to; k++) {
        struct node *below = &nodes[places[b->edges.to[k]]];
        struct revision_set *s = dependencies ? &below->dependents : &below->children;
        if (filling)
          s->items[s->count] = (unsigned)i;
        s->count++;
      }
    }
  }
}

/* Fills parents or depends_on from what relate() made, in order for the same reason. */
static void relate_back(struct builder *b, bool dependencies) {
  struct node *nodes = b->out->nodes;
  for (size_t i = 0; i < b->count; i++) {
    const struct revision *r = &b->out->revisions[i];
    struct revision_set *s = dependencies ? &nodes[i].depends_on : &nodes[i].parents;
    s->count = dependencies ? r->depends_on_count : r->parent_count;
    size_set(b, s);
  }
  for (size_t i = 0; i < b->count; i++) {
    const struct revision_set *down = dependencies ? &nodes[i].dependents : &nodes[i].children;
    for (size_t k = 0; k < down->count; k++) {
      struct node *above = &nodes[down->items[k]];
      struct revision_set *s = dependencies ? &above->depends_on : &above->parents;
      s->items[s->count++] = (unsigned)i;
    }
  }
}

static void collect_ends(struct builder *b) {
  struct catalog *c = b->out;
  c->heads.items = ARENA_ARRAY(b->arena, unsigned, c->count);
  c->ends.items = ARENA_ARRAY(b->arena, unsigned, c->count);
  c->bases.items = ARENA_ARRAY(b->arena, unsigned, c->count);
  for (size_t i = 0; i < c->count; i++) {
    if (c->nodes[i].children.count == 0)
      c->heads.items[c->heads.count++] = (unsigned)i;
    if (c->nodes[i].children.count + c->nodes[i].dependents.count == 0)
      c->ends.items[c->ends.count++] = (unsigned)i;
    if (c->nodes[i].parents.count == 0)
      c->bases.items[c->bases.count++] = (unsigned)i;
  }
}

static void finish(struct builder *b) {
  struct catalog *c = b->out;
  unsigned *places = ARENA_ARRAY(b->arena, unsigned, b->count);
  assert(b->sorted.order != NULL);
  c->count = b->count;
  c->revisions = ARENA_ARRAY(b->arena, struct revision, b->count);
  c->nodes = ARENA_ARRAY(b->arena, struct node, b->count);
  c->ids = b->names;
  c->arena = b->arena;
  for (size_t i = 0; i < b->count; i++) {
    places[b->sorted.order[i]] = (unsigned)i;
    c->revisions[i] = b->revisions[b->sorted.order[i]];
    c->nodes[i].order = (unsigned)i;
  }
  for (size_t i = 0; i < b->names->count; i++)
    b->names->names[i].revision = places[b->names->names[i].revision];
  for (int dependencies = 0; dependencies < 2; dependencies++) {
    relate(b, places, dependencies);
    relate_back(b, dependencies);
  }
  collect_ends(b);
}

static int check_count(size_t count, struct problems *problems) {
  if (count > 0 && count <= CATALOG_MAX)
    return 0;
  if (count == 0)
    problem_add(problems, "catalog", 0, 0, "",
                "no revision files; a catalog holds one `<id>_<slug>.sql` at least");
  else
    problem_add(problems, "catalog", 0, 0, "", "more than %d revision files", CATALOG_MAX);
  return -1;
}

int catalog_build(struct catalog *out, const struct catalog_file *files, size_t count,
                  struct arena *arena, struct problems *problems) {
  size_t before = problems->count;
  struct builder b = {.out = out, .arena = arena, .problems = problems, .count = count};
  *out = (struct catalog){.arena = arena};
  if (check_count(count, problems))
    return -1;
  b.revisions = xcalloc(count, sizeof *b.revisions);
  for (size_t i = 0; i < count; i++)
    revision_parse(files[i].name, files[i].bytes, files[i].len, arena, problems, &b.revisions[i]);
  collect_names(&b);
  check_duplicates(&b);
  resolve_all(&b);
  sort(&b);
  for (size_t i = 0; i < b.sorted.cycle_count; i++)
    report_cycle(&b, &b.sorted.cycles[i]);
  bool good = problems->count == before && before <= PROBLEMS_MAX;
  if (good) {
    finish(&b);
    catalog_digest(files, count, out->digest);
  }
  free(b.revisions);
  return good ? 0 : -1;
}

/* ---- questions ---- */

long catalog_find(const struct catalog *c, const char *id) {
  const struct name *n = names_find(c->ids, id, strlen(id));
  return n && !n->label ? (long)n->revision : -1;
}

static void mark(unsigned char *marks, const struct revision_set *s) {
  for (size_t i = 0; i < s->count; i++)
    marks[s->items[i]] = 1;
}

/* What was marked before is not followed: each call answers for its own `from`. */
static void add_marks(const unsigned char *found, size_t count, unsigned char *marks) {
  for (size_t i = 0; i < count; i++)
    marks[i] |= found[i];
}

void catalog_mark_ancestors(const struct catalog *c, const struct revision_set *from,
                            bool dependencies, unsigned char *marks) {
  unsigned char *found = xcalloc(c->count + 1, 1);
  mark(found, from);
  for (size_t i = c->count; i-- > 0;) {
    if (!found[i])
      continue;
    mark(found, &c->nodes[i].parents);
    if (dependencies)
      mark(found, &c->nodes[i].depends_on);
  }
  add_marks(found, c->count, marks);
  free(found);
}

void catalog_mark_descendants(const struct catalog *c, const struct revision_set *from,
                              bool dependencies, unsigned char *marks) {
  unsigned char *found = xcalloc(c->count + 1, 1);
  mark(found, from);
  for (size_t i = 0; i < c->count; i++) {
    if (!found[i])
      continue;
    mark(found, &c->nodes[i].children);
    if (dependencies)
      mark(found, &c->nodes[i].dependents);
  }
  add_marks(found, c->count, marks);
  free(found);
}

bool catalog_effective_head(const struct catalog *c, size_t revision) {
  return c->nodes[revision].children.count == 0 && c->nodes[revision].dependents.count > 0;
}

const char *catalog_nearest(const struct catalog *c, const char *text) {
  return names_nearest(c->ids, text);
}

void catalog_compare(const struct catalog *old, const struct catalog *next, struct arena *arena,
                     struct catalog_diff *out) {
  size_t olds = old ? old->count : 0;
  *out = (struct catalog_diff){.added = ARENA_ARRAY(arena, const char *, next->count),
                               .changed = ARENA_ARRAY(arena, const char *, next->count),
                               .removed = ARENA_ARRAY(arena, const char *, olds)};
  for (size_t i = 0; i < next->count; i++) {
    const struct revision *r = &next->revisions[i];
    long was = old ? catalog_find(old, r->id) : -1;
    if (was < 0)
      out->added[out->added_count++] = arena_strdup(arena, r->id);
    else if (strcmp(old->revisions[was].checksum, r->checksum) != 0)
      out->changed[out->changed_count++] = arena_strdup(arena, r->id);
  }
  for (size_t i = 0; i < olds; i++)
    if (catalog_find(next, old->revisions[i].id) < 0)
      out->removed[out->removed_count++] = arena_strdup(arena, old->revisions[i].id);
}
