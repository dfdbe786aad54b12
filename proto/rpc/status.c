/* struct err to migd.v1.Error and google.rpc.Status, and back. What is read came from a peer: it is
 * cut to struct err's fields and cleaned by err_copy. Any thread.
 */
#include "proto/rpc/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "google/rpc/status.pb-c.h"
#include "migd/v1/common.pb-c.h"
#include "proto/rpc/unpack.h"

#define ERROR_TYPE "migd.v1.Error"
#define ERROR_TYPE_URL "type.googleapis.com/" ERROR_TYPE

/* Every text of struct err, its message twice, tags and lengths: as base64 still below the limit,
 * which leaves room for the other trailers in the 8 KiB that clients accept. */
#define PACKED_MOST (sizeof(struct err) + sizeof(((struct err *)0)->text) + 256)
_Static_assert(PACKED_MOST * 4 / 3 + 4 < RPC_STATUS_TRAILER_MAX, "a status fits its trailer");
_Static_assert((int)ERR_INTERNAL == MIGD__V1__ERROR_KIND__ERROR_KIND_INTERNAL &&
                   (int)ERR_INPUT == MIGD__V1__ERROR_KIND__ERROR_KIND_INPUT,
               "kinds have the numbers of the API");

/* Copies through err_copy: whoever filled the field may not have, and a peer refuses a whole
 * message for one byte that is no UTF-8. */
static char *clean(struct arena *arena, const char *field, size_t size) {
  char *copy = arena_alloc(arena, size);
  err_copy(copy, size, field, strnlen(field, size));
  return copy;
}
#define CLEAN(arena, field) clean((arena), (field), sizeof(field))

struct Migd__V1__Error *rpc_error_message(struct arena *arena, const struct err *e) {
  Migd__V1__Error *m = ARENA_NEW(arena, Migd__V1__Error);
  migd__v1__error__init(m);
  m->kind = (Migd__V1__ErrorKind)e->kind;
  m->message = CLEAN(arena, e->text);
  m->target = CLEAN(arena, e->target);
  m->revision = CLEAN(arena, e->revision);
  m->file = CLEAN(arena, e->file);
  m->line = e->line;
  m->column = e->column;
  m->sqlstate = CLEAN(arena, e->sqlstate);
  m->hint = CLEAN(arena, e->hint);
  m->detail = arena_alloc(arena, sizeof e->detail);
  err_copy_lines(m->detail, sizeof e->detail, e->detail, strnlen(e->detail, sizeof e->detail));
  m->source_line = CLEAN(arena, e->source);
  return m;
}

static void add_packed(struct buf *out, const ProtobufCMessage *m) {
  size_t len = protobuf_c_message_get_packed_size(m);
  buf_reserve(out, len);
  out->len += protobuf_c_message_pack(m, (uint8_t *)out->s + out->len);
  out->s[out->len] = '\0';
}

void rpc_status_pack(struct buf *out, const struct err *e) {
  struct arena arena;
  arena_init(&arena, 0);
  struct buf packed BUF_SCOPED = BUF_INIT;
  Migd__V1__Error *m = rpc_error_message(&arena, e);
  add_packed(&packed, &m->base);
  Google__Protobuf__Any any;
  google__protobuf__any__init(&any);
  char url[] = ERROR_TYPE_URL;
  any.type_url = url;
  any.value.data = (uint8_t *)packed.s;
  any.value.len = packed.len;
  Google__Protobuf__Any *details[] = {&any};
  Google__Rpc__Status status;
  google__rpc__status__init(&status);
  status.code = err_row(e->kind)->grpc_status;
  status.message = m->message;
  status.n_details = 1;
  status.details = details;
  add_packed(out, &status.base);
  arena_release(&arena);
}

static void copy(char *field, size_t size, const char *text) {
  err_copy(field, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}
#define COPY(field, text) copy((field), sizeof(field), (text))

void rpc_error_read(struct err *e, const struct Migd__V1__Error *m) {
  err_clear(e);
  if (m == NULL)
    return;
  bool known = (int)m->kind > ERR_NONE && (int)m->kind < ERR_KINDS;
  e->kind = known ? (enum err_kind)m->kind : ERR_INTERNAL;
  COPY(e->text, m->message);
  COPY(e->target, m->target);
  COPY(e->revision, m->revision);
  COPY(e->file, m->file);
  e->line = m->line;
  e->column = m->column;
  COPY(e->sqlstate, m->sqlstate);
  COPY(e->hint, m->hint);
  if (m->detail != NULL)
    err_copy_lines(e->detail, sizeof e->detail, m->detail, strlen(m->detail));
  COPY(e->source, m->source_line);
}

/* The host before the last slash says nothing (google/protobuf/any.proto). */
static bool is_our_error(const char *type_url) {
  const char *slash = strrchr(type_url, '/');
  return slash != NULL && strcmp(slash + 1, ERROR_TYPE) == 0;
}

static bool read_details(struct err *e, const uint8_t *details, size_t len, struct arena *arena) {
  struct err ignored;
  const Google__Rpc__Status *status = (const Google__Rpc__Status *)rpc_unpack(
      &google__rpc__status__descriptor, details, len, arena, &ignored);
  for (size_t i = 0; status != NULL && i < status->n_details; i++) {
    const Google__Protobuf__Any *any = status->details[i];
    if (!is_our_error(any->type_url))
      continue;
    const Migd__V1__Error *m = (const Migd__V1__Error *)rpc_unpack(
        &migd__v1__error__descriptor, any->value.data, any->value.len, arena, &ignored);
    if (m == NULL || m->kind == MIGD__V1__ERROR_KIND__ERROR_KIND_UNSPECIFIED)
      return false;
    rpc_error_read(e, m);
    return true;
  }
  return false;
}

void rpc_status_read(struct err *e, int grpc_status, const char *message, const uint8_t *details,
                     size_t details_len) {
  err_clear(e);
  if (grpc_status == 0)
    return;
  struct arena arena;
  arena_init(&arena, 0);
  bool read = details != NULL && read_details(e, details, details_len, &arena);
  arena_release(&arena);
  if (read)
    return;
  (void)err_set(e, err_kind_of_grpc(grpc_status), "the call ended with status %d", grpc_status);
  if (message != NULL && message[0] != '\0')
    COPY(e->text, message);
}
