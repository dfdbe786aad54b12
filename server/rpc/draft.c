/* DraftRevision: the files of a folder come in and are read as a catalog; what a new revision of it
 * would be goes out. Nothing is stored.
 */
#include "server/rpc/draft.h"

#include <string.h>
#include <time.h>

#include "proto/rpc/unpack.h"
#include "server/base/clock.h"
#include "server/catalog/draft.h"
#include "server/catalog/ident.h"
#include "server/rpc/convert.h"
#include "server/rpc/upload.h"

/* A question, from its header on. */
struct drafting {
  struct upload upload;
  const Migd__V1__DraftHeader *header; /* a copy, in the call's arena */
};

static void drafting_free(void *state) {
  struct drafting *d = state;
  upload_release(&d->upload);
}

/* The messages of a stream live for a step only. */
static const Migd__V1__DraftHeader *
keep_header(struct call *call, const Migd__V1__DraftHeader *header, struct err *e) {
  size_t len = protobuf_c_message_get_packed_size(&header->base);
  uint8_t *bytes = arena_alloc(&call->arena, len + 1);
  protobuf_c_message_pack(&header->base, bytes);
  return (const void *)rpc_unpack(&migd__v1__draft_header__descriptor, bytes, len, &call->arena, e);
}

static int drafting_begin(struct call *call, const Migd__V1__DraftHeader *header, struct err *e) {
  if (header == NULL)
    return err_set(e, ERR_INPUT, "the first message has the header");
  struct drafting *d = ARENA_NEW(&call->arena, struct drafting);
  d->upload.spool.fd = -1;
  d->header = keep_header(call, header, e);
  call->state = d;
  call->state_free = drafting_free;
  return d->header != NULL ? upload_begin(&d->upload, call, e) : -1;
}

static int receive(struct call *call, const Migd__V1__DraftRevisionRequest *m, struct err *e) {
  struct drafting *d = call->state;
  if (d == NULL && drafting_begin(call, m->header, e) != 0)
    return -1;
  if (d != NULL && m->header != NULL)
    return err_set(e, ERR_INPUT, "there is one header, in the first message");
  d = call->state;
  return upload_parts(&d->upload, m->parts, m->n_parts, e);
}

/* --- answers */

static void reply_problem(struct call *call, struct arena *arena, const struct problem *p) {
  Migd__V1__DraftRevisionResponse reply = MIGD__V1__DRAFT_REVISION_RESPONSE__INIT;
  reply.answer_case = MIGD__V1__DRAFT_REVISION_RESPONSE__ANSWER_PROBLEM;
  reply.problem = proto_problem(arena, p);
  call_reply(call, &reply.base);
}

static void reply_draft(struct call *call, Migd__V1__Draft *draft) {
  Migd__V1__DraftRevisionResponse reply = MIGD__V1__DRAFT_REVISION_RESPONSE__INIT;
  reply.answer_case = MIGD__V1__DRAFT_REVISION_RESPONSE__ANSWER_DRAFT;
  reply.draft = draft;
  call_reply(call, &reply.base);
}

/* An id that sorts by time and is no other's: a second later where two are made at once. */
static const char *id_of_now(const struct catalog *c, struct arena *arena) {
  time_t now = (time_t)(clock_wall_us() / 1000000);
  for (;; now++) {
    char id[16];
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(id, sizeof id, "%Y%m%d%H%M%S", &tm);
    if (c == NULL || catalog_find(c, id) < 0)
      return arena_strdup(arena, id);
  }
}

static int find(struct call *call, const struct catalog *c, const char *text, struct arena *arena,
                struct err *e) {
  struct revision_set found;
  PROTO_NEW(draft, Draft, draft, arena);
  if (c == NULL)
    return err_set(e, ERR_NOT_FOUND, "no revision '%.100s': the folder has no files", text);
  if (ident_resolve(c, text, IDENT_SHOW, NULL, arena, &found, e) != 0)
    return -1;
  if (found.count != 1)
    return err_set(e, ERR_INPUT, "'%.100s' names %zu revisions, not one", text, found.count);
  draft->revision = proto_revision(arena, c, labels_spread(c, arena), found.items[0]);
  reply_draft(call, draft);
  return 0;
}

static Migd__V1__Revision *drafted_revision(const struct revision *r, struct arena *arena) {
  PROTO_NEW(m, Revision, revision, arena);
  m->id = proto_text(arena, r->id);
  m->n_parents = r->parent_count;
  m->parents = proto_texts(arena, r->parents, r->parent_count);
  m->n_depends_on = r->depends_on_count;
  m->depends_on = proto_texts(arena, r->depends_on, r->depends_on_count);
  m->n_labels = r->label_count;
  m->labels = proto_texts(arena, r->labels, r->label_count);
  m->message = proto_text(arena, r->message);
  m->file = proto_text(arena, r->file);
  m->checksum = proto_text(arena, r->checksum);
  m->is_head = true;
  m->is_merge_point = r->parent_count > 1;
  m->reversible =
      revision_reversible(r, DIALECT_SQLITE) && revision_reversible(r, DIALECT_POSTGRESQL);
  return m;
}

static int make(struct call *call, const struct catalog *c, const Migd__V1__DraftHeader *h,
                struct arena *arena, struct err *e) {
  struct draft draft;
  struct draft_request request = {.heads = (const char *const *)h->heads,
                                  .head_count = h->n_heads,
                                  .merge = h->merge,
                                  .splice = h->splice,
                                  .labels = (const char *const *)h->labels,
                                  .label_count = h->n_labels,
                                  .depends_on = (const char *const *)h->depends_on,
                                  .depends_on_count = h->n_depends_on,
                                  .id = h->id[0] != '\0' ? h->id : id_of_now(c, arena),
                                  .message = h->message,
                                  .up = (const char *)h->up.data,
                                  .up_len = h->up.len};
  if (draft_make(c, &request, arena, &draft, e) != 0)
    return -1;
  PROTO_NEW(answer, Draft, draft, arena);
  answer->revision = drafted_revision(&draft.revision, arena);
  answer->content.len = draft.content_len;
  answer->content.data =
      memcpy(arena_alloc(arena, draft.content_len + 1), draft.content, draft.content_len);
  reply_draft(call, answer);
  return 0;
}

/* The files as a catalog; *out NULL for none. */
static int read_files(struct call *call, struct drafting *d, struct arena *arena,
                      struct catalog *built, const struct catalog **out, struct err *e) {
  struct problems problems = {.arena = arena};
  *out = NULL;
  if (d->upload.spool.count == 0)
    return 0;
  *out = built;
  int rc = upload_catalog(&d->upload, &problems, built, e);
  for (size_t i = 0; i < problems.count; i++)
    reply_problem(call, arena, &problems.items[i]);
  return rc;
}

static int finish(struct call *call, struct err *e) {
  struct drafting *d = call->state;
  struct arena arena __attribute__((cleanup(arena_release)));
  struct catalog built;
  const struct catalog *c;
  arena_init(&arena, 0);
  if (d == NULL)
    return err_set(e, ERR_INPUT, "nothing was asked");
  if (read_files(call, d, &arena, &built, &c, e) != 0)
    return -1;
  if (d->header->find[0] != '\0')
    return find(call, c, d->header->find, &arena, e);
  return make(call, c, d->header, &arena, e);
}

enum call_next draft_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in != NULL)
    return receive(call, (const Migd__V1__DraftRevisionRequest *)in, e) == 0 ? CALL_MORE
                                                                             : CALL_FAIL;
  return finish(call, e) == 0 ? CALL_DONE : CALL_FAIL;
}
