/* An error: what kind it is, in terms of what the caller should do, and what to tell a person.
 *
 * It lives on the caller's stack and is every fallible function's last parameter. A failing
 * function fills it and returns -1 (or NULL) and leaves its out-parameters untouched; it never
 * logs. Context is added on the way up with err_in(). Thread: none of its own.
 */
#ifndef MIGD_BASE_ERR_H
#define MIGD_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers are those of migd.v1.ErrorKind; err.c asserts nothing else than that order. */
enum err_kind {
  ERR_NONE,
  ERR_INPUT,           /* malformed or invalid request: mend it */
  ERR_NOT_FOUND,       /* a named thing does not exist */
  ERR_EXISTS,          /* the thing to be made exists */
  ERR_CONFLICT,        /* somebody changed it first: read again */
  ERR_REFUSED,         /* the system's state forbids it */
  ERR_LOCKED,          /* another task or person holds the target */
  ERR_DENIED,          /* the role does not allow it */
  ERR_UNAUTHENTICATED, /* no known principal */
  ERR_UNREACHABLE,     /* the migd server cannot be reached */
  ERR_TARGET,        /* a target database cannot be reached or opened, or its connection is lost */
  ERR_MIGRATION,     /* a statement of a migration failed and is rolled back */
  ERR_IN_DOUBT,      /* whether it took effect cannot be known here */
  ERR_CANCELLED,     /* the caller or an operator cancelled */
  ERR_DEADLINE,      /* the deadline passed */
  ERR_BUSY,          /* a limit is reached: later */
  ERR_STORAGE,       /* the server's disk is full or failing */
  ERR_UNIMPLEMENTED, /* no such method or option */
  ERR_INTERNAL,      /* a fault of ours */
  ERR_KINDS
};

struct err {
  enum err_kind kind;
  long offset;      /* drivers: byte offset in the statement they were given; -1 unknown */
  unsigned line;    /* 1-based in `file`; 0 unknown */
  unsigned column;  /* 1-based, bytes; 0 unknown */
  char text[768];   /* the message, one line, without control characters */
  char target[104]; /* each of the rest may be empty */
  char revision[65];
  char file[160];
  char sqlstate[6];
  char hint[320];    /* what to do next */
  char detail[1024]; /* may have several lines */
  char source[200];  /* the text of line `line` */
};

/* One row a kind: how it leaves the process. */
struct err_row {
  const char *name; /* "not found" */
  int grpc_status;  /* grpc/status.h codes, 0 to 16 */
  int exit_code;    /* migctl's, product.md */
  bool retryable;   /* the same request may succeed later, unchanged */
};

/* Never NULL; kinds out of range answer the row of ERR_INTERNAL. */
const struct err_row *err_row(enum err_kind kind);
/* The kind that a status without details stands for. */
enum err_kind err_kind_of_grpc(int grpc_status);

/* Empties it. A struct err must be cleared, or set, before it is read. */
void err_clear(struct err *e);
/* Sets kind and text, empties the rest (offset becomes -1); returns -1. */
int err_set(struct err *e, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_set, with errno's words after the text. */
int err_errno(struct err *e, enum err_kind kind, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "context: " before the text; returns -1. */
int err_in(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sets the hint, what to do next; returns -1. */
int err_hint(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Copies text into a field of fixed size: cut at a character's boundary, control characters made
 * spaces. `size` is the field's. */
void err_copy(char *field, size_t size, const char *text, size_t len);
/* As err_copy, but line ends stay: for the detail. */
void err_copy_lines(char *field, size_t size, const char *text, size_t len);

#endif
