/* The table of error kinds, and filling of struct err. The struct is the caller's; nothing here
 * allocates, logs or keeps anything. Every text that enters is one line (a detail: lines) of valid
 * UTF-8 without control characters, so that it can be shown on a terminal and packed into a message
 * as it is.
 */
#include "proto/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/utf8.h"

/* The status codes of gRPC (grpc/status.h). */
enum grpc {
  GRPC_OK = 0,
  GRPC_CANCELLED = 1,
  GRPC_UNKNOWN = 2,
  GRPC_INVALID_ARGUMENT = 3,
  GRPC_DEADLINE_EXCEEDED = 4,
  GRPC_NOT_FOUND = 5,
  GRPC_ALREADY_EXISTS = 6,
  GRPC_PERMISSION_DENIED = 7,
  GRPC_RESOURCE_EXHAUSTED = 8,
  GRPC_FAILED_PRECONDITION = 9,
  GRPC_ABORTED = 10,
  GRPC_OUT_OF_RANGE = 11,
  GRPC_UNIMPLEMENTED = 12,
  GRPC_INTERNAL = 13,
  GRPC_UNAVAILABLE = 14,
  GRPC_DATA_LOSS = 15,
  GRPC_UNAUTHENTICATED = 16,
};

static const struct err_row rows[] = {
    [ERR_NONE] = {"ok", GRPC_OK, 0, false},
    [ERR_INPUT] = {"invalid", GRPC_INVALID_ARGUMENT, 7, false},
    [ERR_NOT_FOUND] = {"not found", GRPC_NOT_FOUND, 7, false},
    [ERR_EXISTS] = {"exists", GRPC_ALREADY_EXISTS, 7, false},
    [ERR_CONFLICT] = {"conflict", GRPC_ABORTED, 7, false},
    [ERR_REFUSED] = {"refused", GRPC_FAILED_PRECONDITION, 7, false},
    [ERR_LOCKED] = {"locked", GRPC_ABORTED, 4, true},
    [ERR_DENIED] = {"denied", GRPC_PERMISSION_DENIED, 5, false},
    [ERR_UNAUTHENTICATED] = {"unauthenticated", GRPC_UNAUTHENTICATED, 5, false},
    [ERR_UNREACHABLE] = {"unreachable", GRPC_UNAVAILABLE, 6, true},
    [ERR_TARGET] = {"target unreachable", GRPC_UNAVAILABLE, 1, true},
    [ERR_MIGRATION] = {"migration failed", GRPC_FAILED_PRECONDITION, 1, false},
    [ERR_IN_DOUBT] = {"in doubt", GRPC_UNKNOWN, 1, false},
    [ERR_CANCELLED] = {"cancelled", GRPC_CANCELLED, 8, false},
    [ERR_DEADLINE] = {"deadline exceeded", GRPC_DEADLINE_EXCEEDED, 8, false},
    [ERR_BUSY] = {"busy", GRPC_RESOURCE_EXHAUSTED, 9, true},
    [ERR_STORAGE] = {"storage", GRPC_RESOURCE_EXHAUSTED, 9, true},
    [ERR_UNIMPLEMENTED] = {"unimplemented", GRPC_UNIMPLEMENTED, 9, false},
    [ERR_INTERNAL] = {"internal", GRPC_INTERNAL, 9, false},
};
_Static_assert(sizeof rows / sizeof rows[0] == ERR_KINDS, "a row for each kind");

static const enum err_kind kinds_of_grpc[] = {
    [GRPC_OK] = ERR_NONE,
    [GRPC_CANCELLED] = ERR_CANCELLED,
    [GRPC_UNKNOWN] = ERR_INTERNAL,
    [GRPC_INVALID_ARGUMENT] = ERR_INPUT,
    [GRPC_DEADLINE_EXCEEDED] = ERR_DEADLINE,
    [GRPC_NOT_FOUND] = ERR_NOT_FOUND,
    [GRPC_ALREADY_EXISTS] = ERR_EXISTS,
    [GRPC_PERMISSION_DENIED] = ERR_DENIED,
    [GRPC_RESOURCE_EXHAUSTED] = ERR_BUSY,
    [GRPC_FAILED_PRECONDITION] = ERR_REFUSED,
    [GRPC_ABORTED] = ERR_CONFLICT,
    [GRPC_OUT_OF_RANGE] = ERR_INPUT,
    [GRPC_UNIMPLEMENTED] = ERR_UNIMPLEMENTED,
    [GRPC_INTERNAL] = ERR_INTERNAL,
    [GRPC_UNAVAILABLE] = ERR_UNREACHABLE,
    [GRPC_DATA_LOSS] = ERR_INTERNAL,
    [GRPC_UNAUTHENTICATED] = ERR_UNAUTHENTICATED,
};

const struct err_row *err_row(enum err_kind kind) {
  unsigned at = (unsigned)kind;
  return &rows[at < ERR_KINDS ? at : ERR_INTERNAL];
}

enum err_kind err_kind_of_grpc(int grpc_status) {
  size_t count = sizeof kinds_of_grpc / sizeof kinds_of_grpc[0];
  return grpc_status >= 0 && (size_t)grpc_status < count ? kinds_of_grpc[grpc_status]
                                                         : ERR_INTERNAL;
}

void err_clear(struct err *e) {
  *e = (struct err){.kind = ERR_NONE, .offset = -1};
}

/* C0, DEL and C1 (U+0080 to U+009F), which a terminal may obey. */
static bool is_control(const char *s, size_t len) {
  unsigned char c = (unsigned char)s[0];
  return c < 0x20 || c == 0x7f || (len == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

static void copy_clean(char *field, size_t size, const char *text, size_t len, bool lines) {
  size_t at = 0;
  for (size_t i = 0; i < len;) {
    size_t n = utf8_char(text + i, len - i);
    size_t width = n != 0 ? n : 1;
    if (at + width >= size)
      break;
    /* Byte for byte, so that a column in the original is the same column here. */
    if (n == 0)
      field[at] = '?';
    else if (is_control(text + i, n) && !(lines && text[i] == '\n'))
      memset(field + at, ' ', n);
    else
      memcpy(field + at, text + i, n);
    at += width;
    i += width;
  }
  field[at] = '\0';
}

void err_copy(char *field, size_t size, const char *text, size_t len) {
  copy_clean(field, size, text, len, false);
}

void err_copy_lines(char *field, size_t size, const char *text, size_t len) {
  copy_clean(field, size, text, len, true);
}

/* Formats apart from the struct first: the arguments may point into it. */
static void copy_format(char *field, size_t size, const char *prefix_of, const char *format,
                        va_list args) __attribute__((format(printf, 4, 0)));
static void copy_format(char *field, size_t size, const char *prefix_of, const char *format,
                        va_list args) {
  char text[2 * sizeof((struct err *)0)->text];
  int len = vsnprintf(text, sizeof text, format, args);
  if (len < 0)
    len = 0;
  size_t used = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
  if (prefix_of != NULL) {
    int more = snprintf(text + used, sizeof text - used, ": %s", prefix_of);
    if (more > 0)
      used += (size_t)more < sizeof text - used ? (size_t)more : sizeof text - used - 1;
  }
  err_copy(field, size, text, used);
}

int err_set(struct err *e, enum err_kind kind, const char *format, ...) {
  char text[sizeof e->text];
  va_list args;
  va_start(args, format);
  copy_format(text, sizeof text, NULL, format, args);
  va_end(args);
  err_clear(e);
  e->kind = kind;
  memcpy(e->text, text, sizeof text);
  return -1;
}

int err_errno(struct err *e, enum err_kind kind, int errnum, const char *format, ...) {
  char text[sizeof e->text], words[128];
  const char *reason = strerror_r(errnum, words, sizeof words);
  va_list args;
  va_start(args, format);
  copy_format(text, sizeof text, reason, format, args);
  va_end(args);
  err_clear(e);
  e->kind = kind;
  memcpy(e->text, text, sizeof text);
  return -1;
}

int err_in(struct err *e, const char *format, ...) {
  char before[sizeof e->text];
  memcpy(before, e->text, sizeof before);
  va_list args;
  va_start(args, format);
  copy_format(e->text, sizeof e->text, before, format, args);
  va_end(args);
  return -1;
}

int err_hint(struct err *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  copy_format(e->hint, sizeof e->hint, NULL, format, args);
  va_end(args);
  return -1;
}
