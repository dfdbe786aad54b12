/* Frames between the server and migd-lint. Pure; what is read is never believed. */
#include "server/lint/wire.h"

#include <string.h>

#include "server/lint/rule.h"

enum { FORMAT = 1 }; /* of the frames; one more when they change */

uint32_t wire_version(void) {
  uint32_t hash = 2166136261U ^ FORMAT;
  for (size_t i = 0; lint_rules[i]; i++)
    for (const char *c = lint_rules[i]->name; *c; c++)
      hash = (hash ^ (unsigned char)*c) * 16777619U;
  return hash;
}

static void put(char *at, uint32_t value) {
  for (int i = 0; i < 4; i++)
    at[i] = (char)(value >> (8 * i) & 0xff);
}

static uint32_t get(const char *at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++)
    value |= (uint32_t)(unsigned char)at[i] << (8 * i);
  return value;
}

size_t wire_begin(struct buf *b, enum wire_kind kind) {
  size_t begun = b->len;
  wire_u32(b, 0);
  buf_addc(b, (char)kind);
  return begun;
}

void wire_u32(struct buf *b, uint32_t value) {
  char bytes[4];
  put(bytes, value);
  buf_add(b, bytes, sizeof bytes);
}

void wire_text(struct buf *b, const char *s, size_t len) {
  wire_u32(b, (uint32_t)len);
  buf_add(b, s, len);
}

void wire_end(struct buf *b, size_t begun) {
  put(b->s + begun, (uint32_t)(b->len - begun - 4));
}

long wire_frame(const char *bytes, size_t len, size_t max, struct wire_frame *out) {
  if (len < 4)
    return 0;
  size_t n = get(bytes);
  if (n == 0 || n > max)
    return -1;
  if (len - 4 < n)
    return 0;
  *out = (struct wire_frame){
      .kind = (enum wire_kind)(unsigned char)bytes[4], .at = bytes + 5, .end = bytes + 4 + n};
  return (long)(n + 4);
}

uint32_t wire_get_u32(struct wire_frame *f) {
  if (f->bad || f->end - f->at < 4) {
    f->bad = true;
    return 0;
  }
  f->at += 4;
  return get(f->at - 4);
}

const char *wire_get_text(struct wire_frame *f, size_t *len) {
  *len = wire_get_u32(f);
  if (f->bad || (size_t)(f->end - f->at) < *len) {
    f->bad = true;
    *len = 0;
    return "";
  }
  f->at += *len;
  return f->at - *len;
}

bool wire_whole(const struct wire_frame *f) {
  return !f->bad && f->at == f->end;
}
