/* The encodings of gRPC's metadata. Decoders take what any peer may send, and refuse or keep what
 * they do not understand; they allocate only for what they produce, which is never longer than the
 * input. Pure.
 */
#include "proto/rpc/codec.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "proto/base/utf8.h"

#define TIMEOUT_DIGITS 8
#define TIMEOUT_LARGEST 99999999
#define PERCENT_MAX 1024

struct unit {
  char letter;
  int64_t ns;
};

/* Finest first: rpc_timeout_format takes the first that is coarse enough. */
static const struct unit units[] = {
    {'n', INT64_C(1)},          {'u', INT64_C(1000)},        {'m', INT64_C(1000000)},
    {'S', INT64_C(1000000000)}, {'M', INT64_C(60000000000)}, {'H', INT64_C(3600000000000)},
};
#define UNITS (sizeof units / sizeof units[0])

static int64_t unit_ns(char letter) {
  for (size_t i = 0; i < UNITS; i++) {
    if (units[i].letter == letter)
      return units[i].ns;
  }
  return 0;
}

static bool read_digits(const char *s, size_t len, int64_t *value) {
  int64_t v = 0;
  for (size_t i = 0; i < len; i++) {
    if (s[i] < '0' || s[i] > '9')
      return false;
    v = v * 10 + (s[i] - '0');
  }
  *value = v;
  return true;
}

int rpc_timeout_parse(const char *value, size_t len, int64_t *ns, struct err *e) {
  int64_t count = 0, unit = 0;
  if (len >= 2 && len <= TIMEOUT_DIGITS + 1)
    unit = unit_ns(value[len - 1]);
  if (unit == 0 || !read_digits(value, len - 1, &count))
    return err_set(e, ERR_INPUT, "grpc-timeout is no timeout");
  *ns = count > RPC_TIMEOUT_MAX_NS / unit ? RPC_TIMEOUT_MAX_NS : count * unit;
  return 0;
}

void rpc_timeout_format(struct buf *out, int64_t ns) {
  if (ns < 0)
    ns = 0;
  for (size_t i = 0; i < UNITS; i++) {
    int64_t count = ns / units[i].ns + (ns % units[i].ns != 0);
    if (count <= TIMEOUT_LARGEST) {
      buf_addf(out, "%" PRId64 "%c", count, units[i].letter);
      return;
    }
  }
}

static bool stands_for_itself(unsigned char c) {
  return c >= 0x20 && c <= 0x7e && c != '%';
}

void rpc_percent_encode(struct buf *out, const char *text) {
  size_t len = strlen(text), used = 0;
  for (size_t i = 0; i < len;) {
    size_t n = utf8_char(text + i, len - i);
    if (n == 0)
      n = 1;
    bool plain = n == 1 && stands_for_itself((unsigned char)text[i]);
    size_t width = plain ? 1 : 3 * n;
    if (used + width > PERCENT_MAX)
      return;
    used += width;
    if (plain) {
      buf_addc(out, text[i++]);
      continue;
    }
    for (size_t end = i + n; i < end; i++)
      buf_addf(out, "%%%02X", (unsigned char)text[i]);
  }
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void rpc_percent_decode(struct buf *out, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    int high = text[i] == '%' && len - i > 2 ? hex_value(text[i + 1]) : -1;
    int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      buf_addc(out, text[i]);
      continue;
    }
    buf_addc(out, (char)(high << 4 | low));
    i += 2;
  }
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void rpc_base64_encode(struct buf *out, const void *data, size_t len) {
  const uint8_t *bytes = data;
  buf_reserve(out, len / 3 * 4 + 4);
  for (size_t i = 0; i < len; i += 3) {
    size_t n = len - i < 3 ? len - i : 3;
    uint32_t bits = (uint32_t)bytes[i] << 16;
    if (n > 1)
      bits |= (uint32_t)bytes[i + 1] << 8;
    if (n > 2)
      bits |= bytes[i + 2];
    for (size_t k = 0; k <= n; k++)
      buf_addc(out, alphabet[bits >> (18 - 6 * k) & 63]);
  }
}

static int base64_value(char c) {
  const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
  return at != NULL ? (int)(at - alphabet) : -1;
}

/* The length without the padding; padding is right only when it fills up a group of four. */
static size_t unpadded(const char *text, size_t len) {
  size_t cut = 0;
  while (len % 4 == 0 && cut < 2 && cut < len && text[len - 1 - cut] == '=')
    cut++;
  return len - cut;
}

int rpc_base64_decode(struct buf *out, const char *text, size_t len, struct err *e) {
  size_t digits = unpadded(text, len);
  if (digits % 4 == 1)
    return err_set(e, ERR_INPUT, "base64 is cut short");
  struct buf bytes BUF_SCOPED = BUF_INIT;
  uint32_t bits = 0;
  for (size_t i = 0; i < digits; i++) {
    int value = base64_value(text[i]);
    if (value < 0)
      return err_set(e, ERR_INPUT, "not base64");
    bits = bits << 6 | (uint32_t)value;
    if (i % 4 != 0)
      buf_addc(&bytes, (char)(bits >> (6 - 2 * (i % 4))));
  }
  buf_add(out, buf_str(&bytes), bytes.len);
  return 0;
}
