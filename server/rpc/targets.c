/* migd.v1.Targets: the fleet as the store knows it, and asking the databases themselves. No reader
 * of the store is held while a database is asked.
 */
#include "server/rpc/services.h"

#include <string.h>
#include <unistd.h>

#include "proto/rpc/status.h"
#include "server/base/clock.h"
#include "server/rpc/standing.h"
#include "server/rpc/survey.h"
#include "server/rpc/target_change.h"
#include "server/rpc/variables.h"
#include "server/rpc/where.h"

/* --- answering targets */

/* A lock that has run out is no lock, though its row may still be there. */
static void forget_expired(struct target *t) {
  if (t->lock != NULL && t->lock->expires != 0 && t->lock->expires <= clock_wall_us())
    t->lock = NULL;
}

#define PAGE_TARGETS 5000
#define PAGE_BYTES (3u << 20) /* of an answer, which is one message */

/* A part of the targets, by name. */
struct page {
  const char *after; /* "": from the first */
  size_t size;       /* 0 or too many: PAGE_TARGETS */
  bool more;         /* answered: there are more behind these */
};

/* Answers how many; `out` has room for all. -1 on failure. */
static ssize_t convert_targets(struct standings *s, struct page *page, struct target *targets,
                               size_t count, struct arena *arena, Migd__V1__Target **out,
                               struct err *e) {
  size_t limit = page->size == 0 || page->size > PAGE_TARGETS ? PAGE_TARGETS : page->size;
  size_t n = 0, bytes = 0;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(targets[i].name, page->after) <= 0)
      continue;
    page->more = n == limit || bytes > PAGE_BYTES;
    if (page->more)
      break;
    forget_expired(&targets[i]);
    out[n] = proto_target(arena, &targets[i]);
    if (standing_of(s, &targets[i], out[n], e) != 0)
      return -1;
    bytes += protobuf_c_message_get_packed_size(&out[n++]->base) + 8;
  }
  return (ssize_t)n;
}

/* What a query finds, as messages in the call's arena. */
static int read_targets(struct call *call, const struct target_query *query, struct page *page,
                        Migd__V1__Target ***out, size_t *out_count, struct err *e) {
  struct store *store = call->server->store;
  struct standings standings __attribute__((cleanup(standings_release))) = {0};
  struct target *targets;
  size_t count;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = target_select(db, query, &call->arena, &targets, &count, e);
  if (rc == 0)
    rc = standings_init(&standings, call->server->engine, db, &call->arena, count, e);
  store_reader_done(store, db);
  if (rc != 0)
    return -1;
  *out = ARENA_ARRAY(&call->arena, Migd__V1__Target *, count + 1);
  ssize_t n = convert_targets(&standings, page, targets, count, &call->arena, *out, e);
  *out_count = n > 0 ? (size_t)n : 0;
  return n < 0 ? -1 : 0;
}

static int answer_variables(struct call *call, const char *name, Migd__V1__Target *m,
                            struct err *e) {
  struct store *store = call->server->store;
  struct target t;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = target_get(db, name, &call->arena, &t, e);
  store_reader_done(store, db);
  return rc != 0 ? -1
                 : variables_answer(store, &(struct variable_owner){.target = t.id}, &call->arena,
                                    &m->variables, &m->n_variables, e);
}

enum call_next target_reply(struct call *call, const char *name, struct err *e) {
  const struct target_query query = {.names = &name, .name_count = 1};
  struct page page = {.after = ""};
  Migd__V1__Target **targets;
  size_t count;
  if (read_targets(call, &query, &page, &targets, &count, e) != 0 ||
      where_show_ca(call, name, targets[0]->policy, e) != 0 ||
      answer_variables(call, name, targets[0], e) != 0)
    return CALL_FAIL;
  call_reply(call, &targets[0]->base);
  return CALL_DONE;
}

static enum call_next get_target(struct call *call, const ProtobufCMessage *in, struct err *e) {
  return target_reply(call, ((const Migd__V1__GetTargetRequest *)in)->name, e);
}

static bool selects_nothing(const Migd__V1__TargetSelection *s) {
  return s == NULL || (s->n_names == 0 && s->selector[0] == '\0' && !s->all);
}

static enum call_next list_targets(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__ListTargetsRequest *m = (const void *)in;
  Migd__V1__ListTargetsResponse reply = MIGD__V1__LIST_TARGETS_RESPONSE__INIT;
  struct target_query query = {.all = true};
  if (selects_nothing(m->selection))
    query.catalog = m->selection != NULL ? m->selection->catalog : "";
  else if (selection_query(m->selection, &query, e) != 0)
    return CALL_FAIL;
  struct page page = {.after = m->page_after, .size = m->page_size};
  if (read_targets(call, &query, &page, &reply.targets, &reply.n_targets, e) != 0)
    return CALL_FAIL;
  if (page.more)
    reply.next_page_after = reply.targets[reply.n_targets - 1]->name;
  call_reply(call, &reply.base);
  return CALL_DONE;
}

/* --- RemoveTarget */

static int remove_write(struct db *db, void *ctx, struct err *e) {
  return target_remove(db, ctx, e);
}

static enum call_next remove_target(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__RemoveTargetRequest *m = (const void *)in;
  Migd__V1__RemoveTargetResponse reply = MIGD__V1__REMOVE_TARGET_RESPONSE__INIT;
  if (store_write(call->server->store, remove_write, m->name, e) != 0)
    return CALL_FAIL;
  call_reply(call, &reply.base);
  return CALL_DONE;
}

/* --- GetCurrent */

/* A row, which the catalog may not know, or what is applied without one. */
static void add_current(Migd__V1__Current *m, const struct catalog *c,
                        const struct label_list *labels, const char *id, bool implied,
                        struct arena *arena) {
  PROTO_NEW(r, CurrentRevision, current_revision, arena);
  long at = c != NULL ? catalog_find(c, id) : -1;
  r->id = proto_text(arena, id);
  r->unknown = at < 0;
  r->implied = implied;
  if (at >= 0) {
    r->revision = proto_revision(arena, c, labels, (size_t)at);
    r->is_head = r->revision->is_head;
    r->message = r->revision->message;
  }
  m->revisions[m->n_revisions++] = r;
}

static void fill_current(Migd__V1__Current *m, const struct ledger_state *ledger,
                         const struct catalog *c, struct arena *arena) {
  struct revision_set implied = {0};
  const struct label_list *labels = c != NULL ? labels_spread(c, arena) : NULL;
  size_t unknown = 0;
  if (c != NULL)
    plan_implied(c, ledger->rows, ledger->row_count, arena, &implied);
  m->no_ledger = !ledger->exists;
  m->revisions =
      ARENA_ARRAY(arena, Migd__V1__CurrentRevision *, ledger->row_count + implied.count + 1);
  for (size_t i = 0; i < ledger->row_count; i++)
    add_current(m, c, labels, ledger->rows[i], false, arena);
  for (size_t i = 0; i < implied.count; i++)
    add_current(m, c, labels, c->revisions[implied.items[i]].id, true, arena);
  if (c != NULL)
    m->behind = (uint32_t)plan_behind(c, ledger->rows, ledger->row_count, &unknown);
  m->at_heads = c != NULL && m->behind == 0 && unknown == 0;
}

static ProtobufCMessage *ask_current(const struct call *call, void *ctx, const struct target *t,
                                     struct arena *arena) {
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct walk w = {0};
  struct err e;
  (void)ctx;
  PROTO_NEW(m, Current, current, arena);
  m->target = proto_text(arena, t->name);
  m->catalog = proto_text(arena, t->catalog);
  if (engine_look(call->server->engine, t, WALK_LEDGER, NULL, &call->job, arena, &w, &ref, &e) == 0)
    fill_current(m, &w.ledger, ref != NULL ? catalog_ref_get(ref) : NULL, arena);
  else
    m->error = rpc_error_message(arena, &e);
  return &m->base;
}

static int current_begin(struct call *call, const Migd__V1__GetCurrentRequest *m, struct err *e) {
  struct survey *s = ARENA_NEW(&call->arena, struct survey);
  struct target_query query;
  s->ask = ask_current;
  if (selection_query(m->selection, &query, e) != 0)
    return -1;
  return survey_begin(call, s, &query, e);
}

static enum call_next get_current(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in != NULL && current_begin(call, (const void *)in, e) != 0)
    return CALL_FAIL;
  return survey_step(call, e);
}

static const struct method methods[] = {
    {
        .name = "AddTarget",
        METHOD_TYPES(add_target_request, target),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = target_add_step,
    },
    {
        .name = "UpdateTarget",
        METHOD_TYPES(update_target_request, target),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = target_update_step,
    },
    {
        .name = "RemoveTarget",
        METHOD_TYPES(remove_target_request, remove_target_response),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = remove_target,
    },
    {
        .name = "GetTarget",
        METHOD_TYPES(get_target_request, target),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = get_target,
    },
    {
        .name = "ListTargets",
        METHOD_TYPES(list_targets_request, list_targets_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = list_targets,
    },
    {
        .name = "GetCurrent",
        METHOD_TYPES(get_current_request, current),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .server_streams = true,
        .step = get_current,
    },
};

const struct service rpc_targets = {.name = "migd.v1.Targets", SERVICE_METHODS(methods)};
