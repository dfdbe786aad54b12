/* Feeds any bytes to what reads a peer's: the deframer with its stream cut anywhere, unpacking of
 * messages, the encodings of metadata, the status trailer. The first byte chooses. A libFuzzer
 * target; no main of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "google/rpc/status.pb-c.h"
#include "migd/v1/catalogs.pb-c.h"
#include "migd/v1/runs.pb-c.h"
#include "migd/v1/targets.pb-c.h"
#include "proto/base/utf8.h"
#include "proto/rpc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
  if (!holds)
    abort();
}

static const ProtobufCMessageDescriptor *const types[] = {
    &migd__v1__start_run_request__descriptor,     &migd__v1__add_target_request__descriptor,
    &migd__v1__push_catalog_request__descriptor,  &migd__v1__run_event__descriptor,
    &migd__v1__list_targets_response__descriptor, &google__rpc__status__descriptor,
};
#define TYPES (sizeof types / sizeof types[0])

/* What was accepted must be accepted again after packing. */
static void unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len) {
  struct arena arena;
  arena_init(&arena, 0);
  struct err e;
  const ProtobufCMessage *m = rpc_unpack(type, bytes, len, &arena, &e);
  if (m == NULL) {
    must(e.kind == ERR_INPUT && e.text[0] != '\0' && utf8_valid(e.text, strlen(e.text)));
  } else {
    struct buf packed BUF_SCOPED = BUF_INIT;
    rpc_frame(&packed, m);
    must(rpc_unpack(type, (const uint8_t *)packed.s + 5, packed.len - 5, &arena, &e) != NULL);
  }
  arena_release(&arena);
}

struct heard {
  struct buf all;
};

static int hear(void *ctx, const uint8_t *bytes, size_t len) {
  struct heard *h = ctx;
  buf_addc(&h->all, '|');
  buf_add(&h->all, bytes, len);
  return 0;
}

/* In one piece and in pieces of `step` the same messages come out. */
static void deframe(const uint8_t *data, size_t size, size_t step) {
  struct rpc_deframer whole = {0}, cut = {0};
  struct heard a = {0}, b = {0};
  struct err e;
  int first = rpc_deframe(&whole, data, size, hear, &a, &e), second = 0;
  for (size_t at = 0; at < size && second == 0; at += step)
    second = rpc_deframe(&cut, data + at, size - at < step ? size - at : step, hear, &b, &e);
  must(first == second && a.all.len == b.all.len);
  must(memcmp(buf_str(&a.all), buf_str(&b.all), a.all.len) == 0);
  rpc_deframer_release(&whole);
  rpc_deframer_release(&cut);
  buf_release(&a.all);
  buf_release(&b.all);
}

static void metadata(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  struct err e;
  int64_t ns = 0;
  if (rpc_timeout_parse(text, size, &ns, &e) == 0)
    must(ns >= 0 && ns <= RPC_TIMEOUT_MAX_NS);
  struct buf out BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
  rpc_percent_decode(&out, text, size);
  must(out.len <= size);
  rpc_percent_encode(&again, buf_str(&out));
  buf_clear(&out);
  rpc_base64_encode(&out, data, size);
  buf_clear(&again);
  must(rpc_base64_decode(&again, buf_str(&out), out.len, &e) == 0);
  must(again.len == size && (size == 0 || memcmp(again.s, data, size) == 0));
  (void)rpc_base64_decode(&again, text, size, &e);
}

static void status(const uint8_t *data, size_t size) {
  struct err e;
  rpc_status_read(&e, 13, NULL, data, size);
  must(e.kind != ERR_NONE && utf8_valid(e.text, strlen(e.text)));
  struct buf packed BUF_SCOPED = BUF_INIT;
  rpc_status_pack(&packed, &e);
  must(packed.len * 4 / 3 + 4 < RPC_STATUS_TRAILER_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  unsigned choice = *data++;
  size--;
  if (choice < TYPES)
    unpack(types[choice], data, size);
  else if (choice == TYPES)
    metadata(data, size);
  else if (choice == TYPES + 1)
    status(data, size);
  else
    deframe(data, size, choice);
  return 0;
}
