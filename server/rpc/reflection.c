/* Server reflection, so that clients without the .proto files can ask for them: answered from the
 * FileDescriptorSet that the build embedded. v1alpha is v1 under its old name: the same bytes on
 * the wire. A call keeps the unpacked set as its state. Source: gRPC's server reflection protocol.
 */
#include "server/rpc/services.h"

#include "google/protobuf/descriptor.pb-c.h"
#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/base/embedded.h"

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__ServiceDescriptorProto service_proto;
typedef Grpc__Reflection__V1__ServerReflectionRequest question;
typedef Grpc__Reflection__V1__ServerReflectionResponse response;

static void set_free(void *state) {
  google__protobuf__file_descriptor_set__free_unpacked(state, NULL);
}

static const Google__Protobuf__FileDescriptorSet *descriptors(struct call *call) {
  const struct embedded_file *f = &proto_descriptors_files[0];
  if (call->state == NULL && f->name != NULL) {
    call->state =
        google__protobuf__file_descriptor_set__unpack(NULL, f->len, (const uint8_t *)f->bytes);
    call->state_free = set_free;
  }
  return call->state;
}

/* When `symbol` begins with `name` as a whole component: what follows the dot, "" for nothing, else
 * NULL. */
static const char *after(const char *symbol, const char *name) {
  size_t len = strlen(name);
  if (len == 0)
    return symbol;
  if (strncmp(symbol, name, len) != 0)
    return NULL;
  return symbol[len] == '\0' ? "" : symbol[len] == '.' ? symbol + len + 1 : NULL;
}

static bool enum_among(Google__Protobuf__EnumDescriptorProto *const *enums, size_t n,
                       const char *symbol) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(enums[i]->name, symbol) == 0)
      return true;
  return false;
}

/* Messages nest in our own files only, and there two deep. */
static bool message_among(message_proto *const *messages, size_t n, const char *symbol) {
  for (size_t i = 0; i < n; i++) {
    const message_proto *m = messages[i];
    const char *rest = after(symbol, m->name);
    if (rest == NULL)
      continue;
    if (*rest == '\0' || enum_among(m->enum_type, m->n_enum_type, rest) ||
        message_among(m->nested_type, m->n_nested_type, rest))
      return true;
  }
  return false;
}

static bool service_among(service_proto *const *services, size_t n, const char *symbol) {
  for (size_t i = 0; i < n; i++) {
    const char *rest = after(symbol, services[i]->name);
    if (rest == NULL)
      continue;
    if (*rest == '\0')
      return true;
    for (size_t m = 0; m < services[i]->n_method; m++)
      if (strcmp(services[i]->method[m]->name, rest) == 0)
        return true;
  }
  return false;
}

static bool declares(const file_proto *f, const char *symbol) {
  const char *rest = after(symbol, f->package != NULL ? f->package : "");
  return rest != NULL && *rest != '\0' &&
         (service_among(f->service, f->n_service, rest) ||
          message_among(f->message_type, f->n_message_type, rest) ||
          enum_among(f->enum_type, f->n_enum_type, rest));
}

static long file_named(const Google__Protobuf__FileDescriptorSet *set, const char *name) {
  for (size_t i = 0; i < set->n_file; i++)
    if (strcmp(set->file[i]->name, name) == 0)
      return (long)i;
  return -1;
}

static long file_declaring(const Google__Protobuf__FileDescriptorSet *set, const char *symbol) {
  for (size_t i = 0; i < set->n_file; i++)
    if (declares(set->file[i], symbol))
      return (long)i;
  return -1;
}

/* Marks a file and all that it imports. */
static void mark(const Google__Protobuf__FileDescriptorSet *set, size_t i, unsigned char *marks) {
  if (marks[i])
    return;
  marks[i] = 1;
  for (size_t d = 0; d < set->file[i]->n_dependency; d++) {
    long next = file_named(set, set->file[i]->dependency[d]);
    if (next >= 0)
      mark(set, (size_t)next, marks);
  }
}

static void answer_error(struct arena *arena, response *out, enum err_kind kind, const char *text,
                         const char *what) {
  Grpc__Reflection__V1__ErrorResponse *m = ARENA_NEW(arena, Grpc__Reflection__V1__ErrorResponse);
  grpc__reflection__v1__error_response__init(m);
  m->error_code = err_row(kind)->grpc_status;
  m->error_message = arena_printf(arena, "%s%s", text, what);
  out->error_response = m;
  out->message_response_case =
      GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
}

static void add_file(struct arena *arena, const file_proto *f,
                     Grpc__Reflection__V1__FileDescriptorResponse *m) {
  ProtobufCBinaryData *d = &m->file_descriptor_proto[m->n_file_descriptor_proto++];
  d->len = google__protobuf__file_descriptor_proto__get_packed_size(f);
  d->data = arena_alloc(arena, d->len + 1);
  google__protobuf__file_descriptor_proto__pack(f, d->data);
}

/* The file asked for comes first. */
static void answer_file(struct arena *arena, const Google__Protobuf__FileDescriptorSet *set,
                        size_t i, response *out) {
  Grpc__Reflection__V1__FileDescriptorResponse *m =
      ARENA_NEW(arena, Grpc__Reflection__V1__FileDescriptorResponse);
  grpc__reflection__v1__file_descriptor_response__init(m);
  unsigned char *marks = arena_alloc(arena, set->n_file);
  mark(set, i, marks);
  m->file_descriptor_proto = ARENA_ARRAY(arena, ProtobufCBinaryData, set->n_file);
  add_file(arena, set->file[i], m);
  for (size_t f = 0; f < set->n_file; f++)
    if (marks[f] && f != i)
      add_file(arena, set->file[f], m);
  out->file_descriptor_response = m;
  out->message_response_case =
      GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
}

static void answer_services(struct arena *arena, response *out) {
  Grpc__Reflection__V1__ListServiceResponse *m =
      ARENA_NEW(arena, Grpc__Reflection__V1__ListServiceResponse);
  grpc__reflection__v1__list_service_response__init(m);
  while (rpc_services[m->n_service] != NULL)
    m->n_service++;
  m->service = ARENA_ARRAY(arena, Grpc__Reflection__V1__ServiceResponse *, m->n_service);
  for (size_t i = 0; i < m->n_service; i++) {
    m->service[i] = ARENA_NEW(arena, Grpc__Reflection__V1__ServiceResponse);
    grpc__reflection__v1__service_response__init(m->service[i]);
    m->service[i]->name = arena_strdup(arena, rpc_services[i]->name);
  }
  out->list_services_response = m;
  out->message_response_case =
      GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
}

static void answer_found(struct arena *arena, const Google__Protobuf__FileDescriptorSet *set,
                         long i, const char *what, response *out) {
  if (i >= 0)
    answer_file(arena, set, (size_t)i, out);
  else
    answer_error(arena, out, ERR_NOT_FOUND, "not found: ", what);
}

/* There are no extensions in our files. */
static void answer(struct arena *arena, const Google__Protobuf__FileDescriptorSet *set,
                   const question *q, response *out) {
  switch (q->message_request_case) {
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
    answer_found(arena, set, file_named(set, q->file_by_filename), q->file_by_filename, out);
    break;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
    answer_found(arena, set, file_declaring(set, q->file_containing_symbol),
                 q->file_containing_symbol, out);
    break;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
    answer_services(arena, out);
    break;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
    answer_error(arena, out, ERR_NOT_FOUND, "there are no extensions", "");
    break;
  default:
    answer_error(arena, out, ERR_INPUT, "the request asks nothing", "");
  }
}

static enum call_next info(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in == NULL)
    return CALL_DONE;
  const Google__Protobuf__FileDescriptorSet *set = descriptors(call);
  if (set == NULL) {
    err_set(e, ERR_INTERNAL, "the embedded descriptors cannot be read");
    return CALL_FAIL;
  }
  const question *q = (const question *)in;
  struct arena arena;
  arena_init(&arena, 0);
  response out = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
  question echo = *q;
  out.valid_host = q->host;
  out.original_request = &echo;
  answer(&arena, set, q, &out);
  call_reply(call, &out.base);
  arena_release(&arena);
  return CALL_MORE;
}

static const struct method methods[] = {
    {
        .name = "ServerReflectionInfo",
        .in = &grpc__reflection__v1__server_reflection_request__descriptor,
        .out = &grpc__reflection__v1__server_reflection_response__descriptor,
        .role = ROLE_NONE,
        .lane = LANE_WORKER,
        .client_streams = true,
        .server_streams = true,
        .step = info,
    },
};

const struct service rpc_reflection = {
    .name = "grpc.reflection.v1.ServerReflection",
    SERVICE_METHODS(methods),
};
const struct service rpc_reflection_alpha = {
    .name = "grpc.reflection.v1alpha.ServerReflection",
    SERVICE_METHODS(methods),
};
