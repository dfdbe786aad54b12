/* Cleaning of foreign text and display width. The tables hold the ranges that matter in practice:
 * East Asian Wide of UAX #11, the combining marks of the common scripts, emoji.
 */
#include "client/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/utf8.h"

struct range {
  uint32_t first, last;
};

static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26AA, 0x26AB},
    {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x2753, 0x2755},   {0x2795, 0x2797},
    {0x2B50, 0x2B50},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

static const struct range combining[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A},   {0x064B, 0x065F},
    {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x0E31, 0x0E31},   {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF},   {0x302A, 0x302D},
    {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF},
};

/* Characters without a picture, or that change how their neighbours are shown. */
static const struct range hidden[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x061C, 0x061C}, {0x200B, 0x200F},
    {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool within(const struct range *ranges, size_t count, uint32_t c) {
  for (size_t i = 0; i < count; i++)
    if (c >= ranges[i].first && c <= ranges[i].last)
      return true;
  return false;
}

/* The code point of the `n` bytes that utf8_char() found. */
static uint32_t decode(const char *s, size_t n) {
  static const uint8_t lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t c = (uint8_t)s[0] & lead[n];
  for (size_t i = 1; i < n; i++)
    c = c << 6 | ((uint8_t)s[i] & 0x3F);
  return c;
}

static void write_out(struct buf *out, uint32_t c) {
  buf_addf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
}

void text_clean(struct buf *out, const char *s, size_t len, bool lines) {
  for (size_t i = 0; i < len;) {
    size_t n = utf8_char(s + i, len - i);
    if (n == 0) {
      write_out(out, (uint8_t)s[i++]);
      continue;
    }
    uint32_t c = decode(s + i, n);
    if (c == '\t' || (lines && c == '\n'))
      buf_addc(out, c == '\t' && !lines ? ' ' : (char)c);
    else if (lines && c == '\r' && i + 1 < len && s[i + 1] == '\n')
      ;
    else if (within(hidden, COUNT(hidden), c))
      write_out(out, c);
    else
      buf_add(out, s + i, n);
    i += n;
  }
}

char *text_cleaned(struct arena *arena, const char *s) {
  struct buf b BUF_SCOPED = BUF_INIT;
  text_clean(&b, s, strlen(s), false);
  return arena_strndup(arena, buf_str(&b), b.len);
}

static size_t width_of(uint32_t c) {
  if (c < 0x300)
    return 1;
  if (within(combining, COUNT(combining), c))
    return 0;
  return within(wide, COUNT(wide), c) ? 2 : 1;
}

/* Walks over `len` bytes or as far as `columns` allow; answers the bytes, and the columns used. */
static size_t walk(const char *s, size_t len, size_t columns, size_t *used) {
  size_t i = 0;
  *used = 0;
  while (i < len) {
    size_t n = utf8_char(s + i, len - i);
    size_t w = n ? width_of(decode(s + i, n)) : 1;
    if (*used + w > columns)
      break;
    *used += w;
    i += n ? n : 1;
  }
  return i;
}

size_t text_width(const char *s, size_t len) {
  size_t used;
  walk(s, len, SIZE_MAX, &used);
  return used;
}

size_t text_fit(const char *s, size_t len, size_t columns) {
  size_t used;
  return walk(s, len, columns, &used);
}

void text_count(struct buf *out, uint64_t n, const char *one, const char *many) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0)
      buf_addc(out, ',');
    buf_addc(out, digits[i]);
  }
  buf_addf(out, " %s", n == 1 ? one : many);
}
