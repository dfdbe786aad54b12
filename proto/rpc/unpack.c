/* Unpacking in two passes. The first reads the wire against the descriptor and checks what
 * protobuf-c leaves unchecked; it has to be the wire, for in the unpacked struct a string has no
 * length and a NUL in it cannot be told from its end. The second is protobuf-c's, with an allocator
 * that takes from the caller's arena up to the budget. Any thread.
 */
#include "proto/rpc/unpack.h"

#include <string.h>

#include "proto/base/buf.h"
#include "proto/base/utf8.h"

#define TAG_BYTES 5
#define VARINT_BYTES 10
#define PROTOBUF_C_FIXED 1004001 /* 1.4.1 */

/* A field as it stands on the wire. */
struct wire_field {
  const uint8_t *start; /* of its tag */
  const uint8_t *bytes; /* of its value */
  size_t len;
  uint64_t number; /* the value, of a varint */
  uint32_t id;
  unsigned type;
};

/* A message on the way down; `up` is the one it lies in. For the name of the field that is wrong.
 */
struct level {
  const struct level *up;
  const ProtobufCMessageDescriptor *type;
  const uint8_t *start, *end;
  const struct wire_field *at;
  const ProtobufCFieldDescriptor *field;
  unsigned depth;
};

static bool read_varint(const uint8_t **at, const uint8_t *end, unsigned most, uint64_t *value) {
  uint64_t v = 0;
  for (unsigned i = 0; i < most && *at < end; i++) {
    uint8_t byte = *(*at)++;
    v |= (uint64_t)(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      *value = v;
      return true;
    }
  }
  return false;
}

static bool read_fixed(const uint8_t **at, const uint8_t *end, size_t size) {
  if ((size_t)(end - *at) < size)
    return false;
  *at += size;
  return true;
}

static bool read_value(const uint8_t **at, const uint8_t *end, struct wire_field *f) {
  f->bytes = *at;
  switch (f->type) {
  case PROTOBUF_C_WIRE_TYPE_VARINT:
    return read_varint(at, end, VARINT_BYTES, &f->number);
  case PROTOBUF_C_WIRE_TYPE_64BIT:
    return read_fixed(at, end, 8);
  case PROTOBUF_C_WIRE_TYPE_32BIT:
    return read_fixed(at, end, 4);
  case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
    if (!read_varint(at, end, TAG_BYTES, &f->number))
      return false;
    f->bytes = *at;
    f->len = (size_t)f->number;
    return read_fixed(at, end, f->len);
  default: /* groups, which are not of proto3 */
    return false;
  }
}

static bool read_field(const uint8_t **at, const uint8_t *end, struct wire_field *f) {
  uint64_t tag = 0;
  *f = (struct wire_field){.start = *at};
  if (!read_varint(at, end, TAG_BYTES, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
    return false;
  f->id = (uint32_t)(tag >> 3);
  f->type = (unsigned)(tag & 7);
  return read_value(at, end, f);
}

/* How often the level's field came before: its index, when it is repeated. */
static unsigned index_of(const struct level *l) {
  const uint8_t *at = l->start;
  struct wire_field f;
  unsigned n = 0;
  while (at < l->at->start && read_field(&at, l->end, &f))
    n += f.id == l->at->id;
  return n;
}

static void add_path(struct buf *out, const struct level *l) {
  if (l->up != NULL) {
    add_path(out, l->up);
    buf_addc(out, '.');
  }
  buf_adds(out, l->field->name);
  if (l->field->label == PROTOBUF_C_LABEL_REPEATED)
    buf_addf(out, "[%u]", index_of(l));
}

static int wrong(const struct level *l, const char *what, struct err *e) {
  struct buf path BUF_SCOPED = BUF_INIT;
  add_path(&path, l);
  return err_set(e, ERR_INPUT, "%s: %s", buf_str(&path), what);
}

static int malformed(const ProtobufCMessageDescriptor *type, struct err *e) {
  return err_set(e, ERR_INPUT, "the message is no %s", type->name);
}

static int check_string(const struct level *l, struct err *e) {
  const struct wire_field *f = l->at;
  if (f->len > 0 && memchr(f->bytes, '\0', f->len) != NULL)
    return wrong(l, "has a NUL byte", e);
  if (!utf8_valid((const char *)f->bytes, f->len))
    return wrong(l, "not UTF-8", e);
  return 0;
}

/* Enum values are 32 bits wide; protobuf-c, as others, drops what is above them. */
static int check_enum_value(const struct level *l, uint64_t number, struct err *e) {
  int value = (int)(int32_t)(uint32_t)number;
  const ProtobufCEnumDescriptor *type = l->field->descriptor;
  if (protobuf_c_enum_descriptor_get_value(type, value) != NULL)
    return 0;
  struct buf what BUF_SCOPED = BUF_INIT;
  buf_addf(&what, "%d is no %s", value, type->name);
  return wrong(l, buf_str(&what), e);
}

static int check_enum(const struct level *l, struct err *e) {
  const struct wire_field *f = l->at;
  if (f->type == PROTOBUF_C_WIRE_TYPE_VARINT)
    return check_enum_value(l, f->number, e);
  if (f->type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
    return wrong(l, "not an enum value", e);
  for (const uint8_t *at = f->bytes, *end = f->bytes + f->len; at < end;) {
    uint64_t number = 0;
    if (!read_varint(&at, end, VARINT_BYTES, &number))
      return wrong(l, "not a list of enum values", e);
    if (check_enum_value(l, number, e) != 0)
      return -1;
  }
  return 0;
}

static int check_message(struct level *l, struct err *e);

static int check_field(const struct level *l, struct err *e) {
  const struct wire_field *f = l->at;
  if (l->field->type == PROTOBUF_C_TYPE_ENUM)
    return check_enum(l, e);
  if (f->type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
    return 0; /* protobuf-c compares the wire's type with the field's */
  if (l->field->type == PROTOBUF_C_TYPE_STRING)
    return check_string(l, e);
  if (l->field->type != PROTOBUF_C_TYPE_MESSAGE)
    return 0;
  if (l->depth + 1 >= RPC_UNPACK_DEPTH)
    return wrong(l, "nested too deep", e);
  struct level inner = {.up = l,
                        .type = l->field->descriptor,
                        .start = f->bytes,
                        .end = f->bytes + f->len,
                        .depth = l->depth + 1};
  return check_message(&inner, e);
}

static int check_message(struct level *l, struct err *e) {
  const uint8_t *at = l->start;
  while (at < l->end) {
    struct wire_field f;
    if (!read_field(&at, l->end, &f))
      return malformed(l->type, e);
    l->at = &f;
    l->field = protobuf_c_message_descriptor_get_field(l->type, f.id);
    if (l->field != NULL && check_field(l, e) != 0)
      return -1;
  }
  return 0;
}

/* protobuf-c's allocator over an arena. What it frees is freed with the arena, and counts until
 * then. */
struct budget {
  struct arena *arena;
  size_t left;
  bool refused;
};

static void *budget_alloc(void *ctx, size_t size) {
  struct budget *b = ctx;
  void *p = size <= b->left ? arena_try(b->arena, 1, size) : NULL;
  if (p == NULL)
    b->refused = true;
  else
    b->left -= size;
  return p;
}

static void budget_free(void *ctx, void *p) {
  (void)ctx;
  (void)p;
}

ProtobufCMessage *rpc_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
                             size_t len, struct arena *arena, struct err *e) {
  static const uint8_t nothing[1];
  const uint8_t *start = len > 0 ? bytes : nothing;
  struct level top = {.type = type, .start = start, .end = start + len};
  if (check_message(&top, e) != 0)
    return NULL;
  struct budget budget = {.arena = arena, .left = RPC_UNPACK_BUDGET};
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
  ProtobufCMessage *m = protobuf_c_message_unpack(type, &allocator, len, start);
  if (m == NULL && budget.refused)
    (void)err_set(e, ERR_INPUT, "%s: takes more than %u bytes of memory", type->name,
                  RPC_UNPACK_BUDGET);
  else if (m == NULL)
    (void)malformed(type, e);
  return m;
}

bool rpc_protobuf_is_sound(void) {
  return protobuf_c_version_number() >= PROTOBUF_C_FIXED;
}
