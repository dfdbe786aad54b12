/* Catalog versions in memory: parsed once, shared, counted; a few unused ones are kept. */
#include <stdlib.h>
#include <string.h>

#include "server/engine/state.h"
#include "server/store/bundle.h"

struct catalog_ref {
  struct catalog_ref *next;
  struct engine *engine;
  unsigned users; /* under catalogs_mutex */
  struct arena arena;
  struct catalog catalog;
};

const struct catalog *catalog_ref_get(const struct catalog_ref *r) {
  return &r->catalog;
}

static void ref_free(struct catalog_ref *r) {
  arena_release(&r->arena);
  free(r);
}

/* Under the mutex: the version, moved to the front. */
static struct catalog_ref *find(struct engine *g, const char *digest) {
  for (struct catalog_ref **slot = &g->catalogs; *slot; slot = &(*slot)->next) {
    struct catalog_ref *r = *slot;
    if (strcmp(r->catalog.digest, digest))
      continue;
    *slot = r->next;
    r->next = g->catalogs;
    g->catalogs = r;
    r->users++;
    return r;
  }
  return NULL;
}

/* Under the mutex: drops the oldest unused versions beyond those that are kept. */
static void trim(struct engine *g) {
  unsigned unused = 0;
  for (struct catalog_ref **slot = &g->catalogs; *slot;) {
    struct catalog_ref *r = *slot;
    if (r->users || ++unused <= CATALOGS_KEPT) {
      slot = &r->next;
    } else {
      *slot = r->next;
      ref_free(r);
    }
  }
}

/* The files are needed while they are parsed only: what the catalog keeps is in its own arena. */
static int load(struct engine *g, const char *digest, struct catalog_ref *r, struct err *e) {
  struct arena files_arena __attribute__((cleanup(arena_release)));
  arena_init(&files_arena, 0);
  struct catalog_file *files;
  size_t count;
  struct db *db = store_reader(g->o.store, e);
  if (!db)
    return -1;
  int rc = bundle_files(db, digest, &files_arena, &files, &count, e);
  store_reader_done(g->o.store, db);
  if (rc)
    return -1;
  struct problems problems = {.arena = &r->arena};
  if (catalog_build(&r->catalog, files, count, &r->arena, &problems))
    return err_set(e, ERR_INTERNAL, "catalog version %s is stored but not valid: %s: %s", digest,
                   problems.items[0].file, problems.items[0].message);
  if (strcmp(r->catalog.digest, digest))
    return err_set(e, ERR_INTERNAL, "catalog version %s is stored with other content (%s)", digest,
                   r->catalog.digest);
  return 0;
}

int engine_catalog(struct engine *g, const char *digest, struct catalog_ref **out, struct err *e) {
  pthread_mutex_lock(&g->catalogs_mutex);
  struct catalog_ref *r = find(g, digest);
  pthread_mutex_unlock(&g->catalogs_mutex);
  if (r) {
    *out = r;
    return 0;
  }
  r = xcalloc(1, sizeof *r);
  r->engine = g;
  r->users = 1;
  arena_init(&r->arena, 0);
  if (load(g, digest, r, e)) {
    ref_free(r);
    return -1;
  }
  pthread_mutex_lock(&g->catalogs_mutex);
  struct catalog_ref *other = find(g, digest); /* somebody else was as fast */
  if (!other) {
    r->next = g->catalogs;
    g->catalogs = r;
  }
  pthread_mutex_unlock(&g->catalogs_mutex);
  if (other)
    ref_free(r);
  *out = other ? other : r;
  return 0;
}

void catalog_ref_release(struct catalog_ref *r) {
  if (!r)
    return;
  struct engine *g = r->engine;
  pthread_mutex_lock(&g->catalogs_mutex);
  r->users--;
  trim(g);
  pthread_mutex_unlock(&g->catalogs_mutex);
}

void catalog_ref_release_scoped(struct catalog_ref **r) {
  catalog_ref_release(*r);
}

void cache_free(struct engine *g) {
  while (g->catalogs) {
    struct catalog_ref *r = g->catalogs;
    g->catalogs = r->next;
    ref_free(r);
  }
}
