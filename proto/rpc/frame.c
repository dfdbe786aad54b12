/* Length-prefixed messages: one byte of flags (0: not compressed), four bytes of length, the
 * message. The deframer is its stream's; memory for a message grows with the bytes that came, never
 * with the length that was announced.
 */
#include "proto/rpc/frame.h"

#include <string.h>

#define PREFIX 5

void rpc_deframer_release(struct rpc_deframer *d) {
  buf_release(&d->pending);
}

static uint32_t prefix_length(const uint8_t *p) {
  return (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
}

static int check_prefix(const uint8_t *p, struct err *e) {
  if (p[0] == 1)
    return err_set(e, ERR_UNIMPLEMENTED, "compressed messages are not supported");
  if (p[0] != 0)
    return err_set(e, ERR_INPUT, "message with unknown flags 0x%02x", p[0]);
  uint32_t len = prefix_length(p);
  if (len > RPC_MESSAGE_MAX)
    return err_set(e, ERR_BUSY, "message of %u bytes; the limit is %u", (unsigned)len,
                   RPC_MESSAGE_MAX);
  return 0;
}

/* Moves bytes into the pending message until it has `want` of them. True when it has. */
static bool gather(struct buf *pending, size_t want, const uint8_t **bytes, size_t *len) {
  size_t missing = want > pending->len ? want - pending->len : 0;
  size_t take = missing < *len ? missing : *len;
  if (take > 0)
    buf_add(pending, *bytes, take);
  *bytes += take;
  *len -= take;
  return take == missing;
}

/* Completes the pending message as far as the bytes reach. 1: complete, 0: more is needed. */
static int complete(struct rpc_deframer *d, const uint8_t **bytes, size_t *len, struct err *e) {
  if (!gather(&d->pending, PREFIX, bytes, len))
    return 0;
  const uint8_t *prefix = (const uint8_t *)d->pending.s;
  if (check_prefix(prefix, e) != 0)
    return -1;
  return gather(&d->pending, PREFIX + (size_t)prefix_length(prefix), bytes, len) ? 1 : 0;
}

/* A message that lies whole in the input is handed over from there. 1: done, 0: it does not. */
static int message_in_place(const uint8_t **bytes, size_t *len,
                            int (*message)(void *, const uint8_t *, size_t), void *ctx, int *answer,
                            struct err *e) {
  if (*len < PREFIX)
    return 0;
  if (check_prefix(*bytes, e) != 0)
    return -1;
  size_t size = prefix_length(*bytes);
  if (*len - PREFIX < size)
    return 0;
  *answer = message(ctx, *bytes + PREFIX, size);
  *bytes += PREFIX + size;
  *len -= PREFIX + size;
  return 1;
}

int rpc_deframe(struct rpc_deframer *d, const uint8_t *bytes, size_t len,
                int (*message)(void *ctx, const uint8_t *bytes, size_t len), void *ctx,
                struct err *e) {
  while (len > 0) {
    int answer = 0, got = 0;
    if (d->pending.len == 0)
      got = message_in_place(&bytes, &len, message, ctx, &answer, e);
    if (got == 0) {
      got = complete(d, &bytes, &len, e);
      if (got > 0) {
        answer = message(ctx, (const uint8_t *)d->pending.s + PREFIX, d->pending.len - PREFIX);
        buf_release(&d->pending);
      }
    }
    if (got < 0)
      return -1;
    if (answer != 0)
      return answer;
  }
  return 0;
}

static void add_prefix(struct buf *out, size_t len) {
  const uint8_t prefix[PREFIX] = {0, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                                  (uint8_t)(len >> 8), (uint8_t)len};
  buf_add(out, prefix, sizeof prefix);
}

void rpc_frame_bytes(struct buf *out, const void *packed, size_t len) {
  buf_reserve(out, PREFIX + len);
  add_prefix(out, len);
  buf_add(out, packed, len);
}

void rpc_frame(struct buf *out, const ProtobufCMessage *message) {
  size_t len = protobuf_c_message_get_packed_size(message);
  buf_reserve(out, PREFIX + len);
  add_prefix(out, len);
  out->len += protobuf_c_message_pack(message, (uint8_t *)out->s + out->len);
  out->s[out->len] = '\0';
}
