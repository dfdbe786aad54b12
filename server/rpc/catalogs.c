/* migd.v1.Catalogs: stored catalogs and their revisions. Pushing is in push.c,
 * drafting in draft.c. */
#include "server/rpc/services.h"

#include <string.h>

#include "server/catalog/ident.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/draft.h"
#include "server/rpc/push.h"
#include "server/rpc/settings.h"

#define PULL_PART (1u << 20) /* bytes of files in one message */
#define TARGETS_HERE 20

/* A stored catalog, read. */
struct opened {
  struct bundle_info info;
  struct catalog_ref *ref;
  const struct catalog *catalog;
};

/* `name` "" for the only one. The reader is given back before the catalog is loaded, which takes
 * one. */
static int find_catalog(struct call *call, const char *name, struct bundle_info *info,
                        struct err *e) {
  struct store *store = call->server->store;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = bundle_get(db, name, &call->arena, info, e);
  store_reader_done(store, db);
  return rc;
}

/* To be released also when it failed. */
static int open_catalog(struct call *call, const char *name, struct opened *o, struct err *e) {
  *o = (struct opened){0};
  if (find_catalog(call, name, &o->info, e) != 0 ||
      engine_catalog(call->server->engine, o->info.digest, &o->ref, e) != 0)
    return -1;
  o->catalog = catalog_ref_get(o->ref);
  return 0;
}

static void opened_release(struct opened *o) {
  catalog_ref_release(o->ref);
}
#define OPENED_SCOPED __attribute__((cleanup(opened_release)))

/* --- whole catalogs */

static enum call_next list_catalogs(struct call *call, const ProtobufCMessage *in, struct err *e) {
  (void)in;
  struct store *store = call->server->store;
  struct bundle_info *infos;
  Migd__V1__ListCatalogsResponse reply = MIGD__V1__LIST_CATALOGS_RESPONSE__INIT;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return CALL_FAIL;
  int rc = bundle_list(db, &call->arena, &infos, &reply.n_catalogs, e);
  store_reader_done(store, db);
  if (rc != 0)
    return CALL_FAIL;
  reply.catalogs = ARENA_ARRAY(&call->arena, Migd__V1__Catalog *, reply.n_catalogs + 1);
  for (size_t i = 0; i < reply.n_catalogs; i++)
    reply.catalogs[i] = proto_catalog(&call->arena, &infos[i]);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static enum call_next get_catalog(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__GetCatalogRequest *m = (const void *)in;
  struct bundle_info info;
  if (find_catalog(call, m->name, &info, e) != 0)
    return CALL_FAIL;
  return reply_catalog(call, &info, e) == 0 ? CALL_DONE : CALL_FAIL;
}

/* --- the files */

/* How far a pull has come. In the call's arena, as the files are. */
struct pull {
  struct catalog_file *files;
  size_t count, file, offset;
};

static int pull_begin(struct call *call, const Migd__V1__PullCatalogRequest *m, struct err *e) {
  struct store *store = call->server->store;
  struct pull *p = ARENA_NEW(&call->arena, struct pull);
  struct bundle_info info;
  if (find_catalog(call, m->catalog, &info, e) != 0)
    return -1;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = bundle_files(db, m->digest[0] != '\0' ? m->digest : info.digest, &call->arena, &p->files,
                        &p->count, e);
  store_reader_done(store, db);
  call->state = p;
  return rc;
}

/* The next part of the pull, at most `room` bytes. */
static Migd__V1__FilePart *pull_part(struct pull *p, size_t room, struct arena *arena) {
  const struct catalog_file *f = &p->files[p->file];
  size_t len = f->len - p->offset < room ? f->len - p->offset : room;
  PROTO_NEW(part, FilePart, file_part, arena);
  part->name = proto_text(arena, f->name);
  part->data.data = arena_alloc(arena, len + 1);
  part->data.len = len;
  memcpy(part->data.data, f->bytes + p->offset, len);
  p->offset += len;
  part->more = p->offset < f->len;
  if (!part->more) {
    p->file++;
    p->offset = 0;
  }
  return part;
}

/* Small files travel together; each part has its name's cost too. */
static void pull_message(struct call *call, struct pull *p) {
  struct arena arena __attribute__((cleanup(arena_release)));
  Migd__V1__PullCatalogResponse reply = MIGD__V1__PULL_CATALOG_RESPONSE__INIT;
  arena_init(&arena, 0);
  reply.parts = ARENA_ARRAY(&arena, Migd__V1__FilePart *, p->count - p->file);
  for (size_t used = 0; used < PULL_PART && p->file < p->count;) {
    Migd__V1__FilePart *part = pull_part(p, PULL_PART - used, &arena);
    reply.parts[reply.n_parts++] = part;
    used += part->data.len + strlen(part->name) + 16;
  }
  call_reply(call, &reply.base);
}

static enum call_next pull_catalog(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in != NULL && pull_begin(call, (const void *)in, e) != 0)
    return CALL_FAIL;
  struct pull *p = call->state;
  if (p->file == p->count)
    return CALL_DONE;
  pull_message(call, p);
  return CALL_MORE;
}

/* --- revisions */

/* The catalog of a question about revisions, and the rows of the target that it names, known
 * revisions only; `rows` is NULL without a target. */
struct subject {
  struct opened o;
  struct revision_set rows_known, *rows;
};

static int find_target(struct call *call, const char *name, struct target *t, struct err *e) {
  struct store *store = call->server->store;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = target_get(db, name, &call->arena, t, e);
  store_reader_done(store, db);
  return rc;
}

/* To be released also when it failed. */
static int open_subject(struct call *call, const char *catalog, const char *target,
                        struct subject *s, struct err *e) {
  struct target t;
  *s = (struct subject){0};
  if (target[0] == '\0')
    return open_catalog(call, catalog, &s->o, e);
  if (find_target(call, target, &t, e) != 0)
    return -1;
  if (catalog[0] != '\0' && strcmp(catalog, t.catalog) != 0)
    return err_set(e, ERR_INPUT, "target %s follows catalog %s, not %s", t.name, t.catalog,
                   catalog);
  if (open_catalog(call, t.catalog, &s->o, e) != 0)
    return -1;
  s->rows_known.items = ARENA_ARRAY(&call->arena, unsigned, t.current_count + 1);
  for (size_t i = 0; i < t.current_count; i++) {
    long at = catalog_find(s->o.catalog, t.current[i]);
    if (at >= 0)
      s->rows_known.items[s->rows_known.count++] = (unsigned)at;
  }
  s->rows = &s->rows_known;
  return 0;
}

static void subject_release(struct subject *s) {
  opened_release(&s->o);
}
#define SUBJECT_SCOPED __attribute__((cleanup(subject_release)))

static void all_newest_first(const struct catalog *c, struct arena *arena,
                             struct revision_set *out) {
  out->items = ARENA_ARRAY(arena, unsigned, c->count + 1);
  out->count = c->count;
  for (size_t i = 0; i < c->count; i++)
    out->items[i] = (unsigned)(c->count - 1 - i);
}

/* Whether it is asked for by what it is in the graph. */
static bool is_asked(const struct catalog *c, size_t i, const Migd__V1__ListRevisionsRequest *m) {
  const struct node *n = &c->nodes[i];
  if (m->heads_only)
    return n->children.count == 0 && !(m->resolve_dependencies && catalog_effective_head(c, i));
  if (!m->branch_points_only || n->children.count > 1)
    return true;
  for (size_t k = 0; k < n->parents.count; k++)
    if (c->nodes[n->parents.items[k]].children.count > 1)
      return true;
  return false;
}

static int choose_revisions(struct call *call, const struct subject *s,
                            const Migd__V1__ListRevisionsRequest *m, struct revision_set *out,
                            struct err *e) {
  const struct catalog *c = s->o.catalog;
  if (m->range[0] == '\0')
    all_newest_first(c, &call->arena, out);
  else if (ident_range(c, m->range, s->rows, &call->arena, out, e) != 0)
    return -1;
  size_t kept = 0;
  for (size_t i = 0; i < out->count; i++)
    if (is_asked(c, out->items[i], m))
      out->items[kept++] = out->items[i];
  out->count = kept;
  return 0;
}

/* Writes the names of targets to the revisions that they are at; `at` is by revision, NULL where it
 * is not listed. */
static void place_target(const struct catalog *c, const struct target *t, Migd__V1__Revision **at,
                         struct arena *arena) {
  for (size_t i = 0; i < t->current_count; i++) {
    long index = catalog_find(c, t->current[i]);
    Migd__V1__Revision *m = index >= 0 ? at[index] : NULL;
    if (m == NULL || m->n_targets_here == TARGETS_HERE)
      continue;
    if (m->targets_here == NULL)
      m->targets_here = ARENA_ARRAY(arena, char *, TARGETS_HERE);
    m->targets_here[m->n_targets_here++] = proto_text(arena, t->name);
  }
}

static int place_targets(struct call *call, const struct opened *o, Migd__V1__Revision **at,
                         struct err *e) {
  struct store *store = call->server->store;
  struct target_query query = {.all = true, .catalog = o->info.name};
  struct target *targets;
  size_t count;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = target_select(db, &query, &call->arena, &targets, &count, e);
  store_reader_done(store, db);
  for (size_t i = 0; rc == 0 && i < count; i++)
    place_target(o->catalog, &targets[i], at, &call->arena);
  return rc;
}

static enum call_next list_revisions(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__ListRevisionsRequest *m = (const void *)in;
  Migd__V1__ListRevisionsResponse reply = MIGD__V1__LIST_REVISIONS_RESPONSE__INIT;
  struct subject s SUBJECT_SCOPED;
  struct revision_set chosen;
  if (open_subject(call, m->catalog, m->target, &s, e) != 0 ||
      choose_revisions(call, &s, m, &chosen, e) != 0)
    return CALL_FAIL;
  const struct catalog *c = s.o.catalog;
  const struct label_list *labels = labels_spread(c, &call->arena);
  Migd__V1__Revision **at = ARENA_ARRAY(&call->arena, Migd__V1__Revision *, c->count + 1);
  reply.catalog = proto_text(&call->arena, s.o.info.name);
  reply.n_revisions = chosen.count;
  reply.revisions = ARENA_ARRAY(&call->arena, Migd__V1__Revision *, chosen.count + 1);
  for (size_t i = 0; i < chosen.count; i++)
    reply.revisions[i] = at[chosen.items[i]] =
        proto_revision(&call->arena, c, labels, chosen.items[i]);
  for (size_t i = 0; i < s.rows_known.count; i++)
    if (at[s.rows_known.items[i]] != NULL)
      at[s.rows_known.items[i]]->is_current = true;
  if (m->with_targets && place_targets(call, &s.o, at, e) != 0)
    return CALL_FAIL;
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static int one_revision(const struct catalog *c, const char *text, const struct revision_set *rows,
                        struct arena *arena, unsigned *out, struct err *e) {
  struct revision_set found;
  if (ident_resolve(c, text, IDENT_SHOW, rows, arena, &found, e) != 0)
    return -1;
  if (found.count == 1) {
    *out = found.items[0];
    return 0;
  }
  if (found.count == 0)
    return err_set(e, ERR_INPUT, "\"%.100s\" names no revision", text);
  return err_set(e, ERR_INPUT, "\"%.100s\" names %zu revisions: %s, %s%s", text, found.count,
                 c->revisions[found.items[0]].id, c->revisions[found.items[1]].id,
                 found.count > 2 ? ", …" : "");
}

/* The original bytes; what the catalog holds in memory is canonical. */
static int read_file(struct call *call, const struct opened *o, const char *name,
                     ProtobufCBinaryData *out, struct err *e) {
  struct store *store = call->server->store;
  struct catalog_file *files;
  size_t count;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = bundle_files(db, o->info.digest, &call->arena, &files, &count, e);
  store_reader_done(store, db);
  for (size_t i = 0; rc == 0 && i < count; i++)
    if (strcmp(files[i].name, name) == 0) {
      out->len = files[i].len;
      out->data = memcpy(arena_alloc(&call->arena, files[i].len + 1), files[i].bytes, files[i].len);
    }
  return rc;
}

static enum call_next get_revision(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__GetRevisionRequest *m = (const void *)in;
  Migd__V1__GetRevisionResponse reply = MIGD__V1__GET_REVISION_RESPONSE__INIT;
  struct subject s SUBJECT_SCOPED;
  unsigned index;
  if (open_subject(call, m->catalog, m->target, &s, e) != 0)
    return CALL_FAIL;
  const struct catalog *c = s.o.catalog;
  if (one_revision(c, m->revision, s.rows, &call->arena, &index, e) != 0 ||
      read_file(call, &s.o, c->revisions[index].file, &reply.content, e) != 0)
    return CALL_FAIL;
  reply.catalog = proto_text(&call->arena, s.o.info.name);
  reply.revision = proto_revision(&call->arena, c, labels_spread(c, &call->arena), index);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static const struct method methods[] = {
    {
        .name = "PushCatalog",
        METHOD_TYPES(push_catalog_request, push_catalog_response),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .client_streams = true,
        .server_streams = true,
        .step = push_step,
    },
    {
        .name = "PullCatalog",
        METHOD_TYPES(pull_catalog_request, pull_catalog_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .server_streams = true,
        .step = pull_catalog,
    },
    {
        .name = "ListCatalogs",
        METHOD_TYPES(list_catalogs_request, list_catalogs_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = list_catalogs,
    },
    {
        .name = "GetCatalog",
        METHOD_TYPES(get_catalog_request, catalog),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = get_catalog,
    },
    {
        .name = "UpdateCatalog",
        METHOD_TYPES(update_catalog_request, catalog),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = settings_step,
    },
    {
        .name = "ListRevisions",
        METHOD_TYPES(list_revisions_request, list_revisions_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = list_revisions,
    },
    {
        .name = "GetRevision",
        METHOD_TYPES(get_revision_request, get_revision_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = get_revision,
    },
    {
        .name = "DraftRevision",
        METHOD_TYPES(draft_revision_request, draft_revision_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .client_streams = true,
        .server_streams = true,
        .step = draft_step,
    },
};

const struct service rpc_catalogs = {.name = "migd.v1.Catalogs", SERVICE_METHODS(methods)};
