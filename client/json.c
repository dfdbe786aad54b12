/* See json.h. The mapping: https://protobuf.dev/programming-guides/json/ */
#include "client/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "client/duration.h"
#include "client/text.h"
#include "migd/v1/common.pb-c.h"
#include "proto/rpc/frame.h"

static json_t *of_message(const ProtobufCMessage *m);

static void camel(char *out, size_t size, const char *name) {
  size_t n = 0;
  bool upper = false;
  for (; *name && n + 1 < size; name++) {
    if (*name != '_')
      out[n++] = upper ? (char)toupper((unsigned char)*name) : *name;
    upper = *name == '_';
  }
  out[n] = 0;
}

static json_t *of_buf(const struct buf *b) {
  return json_stringn(buf_str(b), b->len);
}

static json_t *of_text(const char *s) {
  json_t *text = json_string(s);
  if (text)
    return text;
  /* No UTF-8: unpacking has refused that already, so this is text of our own. */
  struct buf b BUF_SCOPED = BUF_INIT;
  text_clean(&b, s, strlen(s), true);
  return of_buf(&b);
}

static json_t *of_bytes(const ProtobufCBinaryData *bytes) {
  struct buf b BUF_SCOPED = BUF_INIT;
  rpc_base64_encode(&b, bytes->data, bytes->len);
  while (b.len % 4 != 0)
    buf_addc(&b, '=');
  return of_buf(&b);
}

static json_t *of_enum(const ProtobufCEnumDescriptor *type, int value) {
  const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);
  return known ? json_string(known->name) : json_integer(value);
}

static json_t *of_int64(int64_t value) {
  char s[24];
  snprintf(s, sizeof s, "%" PRId64, value);
  return json_string(s);
}

static json_t *of_uint64(uint64_t value) {
  char s[24];
  snprintf(s, sizeof s, "%" PRIu64, value);
  return json_string(s);
}

static json_t *of_real(double value) {
  if (value != value)
    return json_string("NaN");
  if (value - value != 0)
    return json_string(value > 0 ? "Infinity" : "-Infinity");
  return json_real(value);
}

static json_t *of_field(const ProtobufCFieldDescriptor *f, const void *at) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_SINT32:
  case PROTOBUF_C_TYPE_SFIXED32:
    return json_integer(*(const int32_t *)at);
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_FIXED32:
    return json_integer(*(const uint32_t *)at);
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64:
    return of_int64(*(const int64_t *)at);
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64:
    return of_uint64(*(const uint64_t *)at);
  case PROTOBUF_C_TYPE_FLOAT:
    return of_real((double)*(const float *)at);
  case PROTOBUF_C_TYPE_DOUBLE:
    return of_real(*(const double *)at);
  case PROTOBUF_C_TYPE_BOOL:
    return json_boolean(*(const protobuf_c_boolean *)at);
  case PROTOBUF_C_TYPE_ENUM:
    return of_enum(f->descriptor, *(const int *)at);
  case PROTOBUF_C_TYPE_STRING:
    return of_text(*(const char *const *)at);
  case PROTOBUF_C_TYPE_BYTES:
    return of_bytes(at);
  case PROTOBUF_C_TYPE_MESSAGE:
    return of_message(*(const ProtobufCMessage *const *)at);
  }
  return json_null();
}

static size_t size_of(ProtobufCType type) {
  switch (type) {
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_SFIXED64:
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_FIXED64:
  case PROTOBUF_C_TYPE_DOUBLE:
    return 8;
  case PROTOBUF_C_TYPE_BOOL:
    return sizeof(protobuf_c_boolean);
  case PROTOBUF_C_TYPE_STRING:
  case PROTOBUF_C_TYPE_MESSAGE:
    return sizeof(void *);
  case PROTOBUF_C_TYPE_BYTES:
    return sizeof(ProtobufCBinaryData);
  default:
    return 4;
  }
}

static json_t *of_list(const ProtobufCFieldDescriptor *f, const char *items, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, of_field(f, items + i * size_of(f->type)));
  return list;
}

/* A field without presence that has its default value is left out. */
static bool is_default(const ProtobufCFieldDescriptor *f, const void *at) {
  static const char zeros[8];
  switch (f->type) {
  case PROTOBUF_C_TYPE_STRING: {
    const char *s = *(const char *const *)at;
    return !s || !*s;
  }
  case PROTOBUF_C_TYPE_BYTES:
    return ((const ProtobufCBinaryData *)at)->len == 0;
  case PROTOBUF_C_TYPE_MESSAGE:
    return *(const void *const *)at == NULL;
  default:
    return memcmp(at, zeros, size_of(f->type)) == 0;
  }
}

static bool is_absent(const ProtobufCFieldDescriptor *f, const char *m) {
  const void *at = m + f->offset;
  if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
    return *(const uint32_t *)(const void *)(m + f->quantifier_offset) != f->id;
  return is_default(f, at);
}

static void put_field(json_t *object, const ProtobufCFieldDescriptor *f, const char *m) {
  const void *at = m + f->offset;
  char name[80];
  camel(name, sizeof name, f->name);
  if (f->label == PROTOBUF_C_LABEL_REPEATED) {
    size_t count = *(const size_t *)(const void *)(m + f->quantifier_offset);
    if (count > 0)
      json_object_set_new(object, name, of_list(f, *(const char *const *)at, count));
  } else if (!is_absent(f, m)) {
    json_object_set_new(object, name, of_field(f, at));
  }
}

static json_t *of_timestamp(const ProtobufCMessage *m) {
  struct buf b BUF_SCOPED = BUF_INIT;
  timestamp_format(&b, (const Google__Protobuf__Timestamp *)m);
  return of_buf(&b);
}

static json_t *of_duration(const ProtobufCMessage *m) {
  const Google__Protobuf__Duration *d = (const void *)m;
  struct buf b BUF_SCOPED = BUF_INIT;
  int32_t nanos = d->nanos < 0 ? -d->nanos : d->nanos;
  bool negative = d->seconds < 0 || d->nanos < 0;
  buf_addf(&b, "%s%" PRId64, negative ? "-" : "", d->seconds < 0 ? -d->seconds : d->seconds);
  if (nanos != 0) {
    buf_addf(&b, ".%09d", nanos);
    while (b.s[b.len - 1] == '0')
      b.s[--b.len] = 0;
  }
  buf_addc(&b, 's');
  return of_buf(&b);
}

static json_t *of_message(const ProtobufCMessage *m) {
  if (m->descriptor == &google__protobuf__timestamp__descriptor)
    return of_timestamp(m);
  if (m->descriptor == &google__protobuf__duration__descriptor)
    return of_duration(m);
  json_t *object = json_object();
  for (unsigned i = 0; i < m->descriptor->n_fields; i++)
    put_field(object, &m->descriptor->fields[i], (const char *)m);
  return object;
}

static int append(const char *bytes, size_t len, void *out) {
  buf_add(out, bytes, len);
  return 0;
}

/* Takes the value. */
static void dump(struct buf *out, json_t *value, bool compact, bool ascii) {
  size_t flags = compact ? JSON_COMPACT : JSON_INDENT(2);
  json_dump_callback(value, append, out, JSON_ENCODE_ANY | flags | (ascii ? JSON_ENSURE_ASCII : 0));
  buf_addc(out, '\n');
  json_decref(value);
}

void json_message(struct buf *out, const ProtobufCMessage *m, bool compact, bool ascii) {
  dump(out, of_message(m), compact, ascii);
}

void json_error(struct buf *out, const struct err *e, bool compact, bool ascii) {
  struct arena arena;
  arena_init(&arena, 0);
  json_t *object = json_object();
  const struct Migd__V1__Error *m = rpc_error_message(&arena, e);
  json_object_set_new(object, "error", of_message((const ProtobufCMessage *)m));
  dump(out, object, compact, ascii);
  arena_release(&arena);
}
