/* A catalog in memory: its revisions and their graph, immutable once built, safe to share between
 * threads. Pure. Everything is linear in the size of the graph.
 */
#ifndef MIGD_CATALOG_CATALOG_H
#define MIGD_CATALOG_CATALOG_H

#include "proto/base/err.h"
#include "server/catalog/revision.h"

enum { CATALOG_MAX = 100000 }; /* revisions */

struct catalog_file {
  const char *name; /* without a folder */
  const char *bytes;
  size_t len;
};

/* A set of revisions by their place in catalog.revisions. */
struct revision_set {
  unsigned *items;
  size_t count;
};

/* A revision's place in the graph. Lists are in the order of catalog.revisions. */
struct node {
  struct revision_set parents, children; /* by `parent` */
  struct revision_set depends_on;        /* by `depends-on` */
  struct revision_set dependents;
  unsigned order; /* topological: parents and dependencies have smaller ones */
};

struct catalog {
  struct revision *revisions; /* in topological order: revisions[i] has nodes[i].order == i */
  struct node *nodes;
  size_t count;
  struct revision_set heads; /* no children */
  struct revision_set ends;  /* heads that nothing depends on; the other heads are effective ones */
  struct revision_set bases; /* no parents */
  struct id_table *ids;      /* private: id and label to index */
  char digest[DIGEST_TEXT];  /* of the files: names and original bytes */
  struct arena *arena;       /* borrowed; everything is in it */
};

/* The digest of a set of files: independent of their order. */
void catalog_digest(const struct catalog_file *files, size_t count, char out[DIGEST_TEXT]);
/* Parses all files (one at least) and builds the graph: names that disagree, duplicates, unknown
 * parents, cycles, used labels: all are added to `problems`. 0, or -1 when there are any. */
int catalog_build(struct catalog *out, const struct catalog_file *files, size_t count,
                  struct arena *arena, struct problems *problems);
/* The index of an exact id; -1 when there is none. */
long catalog_find(const struct catalog *c, const char *id);
/* Marks[i] = 1 for each of `from` and all that they stand on (parents and, with `dependencies`,
 * depends-on). `marks` has count bytes and is not cleared. */
void catalog_mark_ancestors(const struct catalog *c, const struct revision_set *from,
                            bool dependencies, unsigned char *marks);
void catalog_mark_descendants(const struct catalog *c, const struct revision_set *from,
                              bool dependencies, unsigned char *marks);
/* A head that another revision depends on: applied with that one, without a row of its own. */
bool catalog_effective_head(const struct catalog *c, size_t revision);
/* The nearest id or label to a mistyped one, or NULL. */
const char *catalog_nearest(const struct catalog *c, const char *text);

/* What a push of `next` over `old` (may be NULL) changes. Ids in the arena. */
struct catalog_diff {
  const char **added, **changed, **removed;
  size_t added_count, changed_count, removed_count;
};
void catalog_compare(const struct catalog *old, const struct catalog *next, struct arena *arena,
                     struct catalog_diff *out);

#endif
