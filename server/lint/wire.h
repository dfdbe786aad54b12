/* What the server and migd-lint say to each other over a socket: frames of a length (4 bytes,
 * little endian, of what follows), a kind (1 byte) and fields. Private to the room; pure.
 *
 * migd-lint greets with HELLO. Then, for each unit: the server sends UNIT and its STATEMENTs;
 * migd-lint answers each statement in its turn with any FOUND and one DONE.
 */
#ifndef MIGD_LINT_WIRE_H
#define MIGD_LINT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"

enum wire_kind {
  WIRE_HELLO = 'H',     /* u32 wire_version() */
  WIRE_UNIT = 'U',      /* u32 direction */
  WIRE_STATEMENT = 'S', /* u32 flags, u32 section, u32 transaction_number, text */
  WIRE_FOUND = 'F',     /* text rule, u32 severity, u32 offset, u32 len, text message, text table */
  WIRE_DONE = 'D',      /* u32 1: understood, 0: not */
};

enum {
  WIRE_TRANSACTION = 1, /* flags of a statement: its section runs in one */
  WIRE_SKIP = 2,        /* the parser has died of it: only the scope is to follow it */
  WIRE_BATCH = 4,
  WIRE_ASK_MAX = 65 * 1024 * 1024, /* bytes of a frame to migd-lint: a file and a little */
  WIRE_ANSWER_MAX = 8 * 1024,      /* bytes of a frame from there */
};

/* A number that two programs with the same rules share. */
uint32_t wire_version(void);

/* Writing: begin, fields, end with what begin answered. */
size_t wire_begin(struct buf *b, enum wire_kind kind);
void wire_u32(struct buf *b, uint32_t value);
void wire_text(struct buf *b, const char *s, size_t len);
void wire_end(struct buf *b, size_t begun);

/* Reading the fields of one frame; `bad` once a field is not there. */
struct wire_frame {
  enum wire_kind kind;
  const char *at, *end;
  bool bad;
};

/* The first frame of some bytes. The bytes it takes; 0: not all here yet; -1: longer than `max`. */
long wire_frame(const char *bytes, size_t len, size_t max, struct wire_frame *out);
uint32_t wire_get_u32(struct wire_frame *f);
/* Borrowed of the bytes; no NUL behind. */
const char *wire_get_text(struct wire_frame *f, size_t *len);
/* Whether all fields were there, and nothing else. */
bool wire_whole(const struct wire_frame *f);

#endif
