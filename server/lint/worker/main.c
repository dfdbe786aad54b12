/* migd-lint: asks the rules that read a tree, for migd, which starts it with a socket as descriptor
 * 0 and reads nothing else of it (server/lint/child.c). It may die at any byte; nothing is lost by
 * that. The work is done on one thread with a large stack, because the parser's depth is that of
 * the SQL; the first thread only waits.
 *
 * Arguments: seconds of processor time for a statement, bytes of memory for all.
 */
#include <errno.h>
#include <protobuf-c/protobuf-c.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/lint/frame.h"
#include "server/lint/wire.h"
#include "server/lint/worker/parse.h"
#include "server/lint/worker/sandbox.h"

enum {
  STATUS_USAGE = 2,
  STATUS_PROTOBUF = 3, /* linked with a protobuf-c that has known holes */
  STATUS_SANDBOX = 4,
  STATUS_TALK = 5, /* the other side is gone or says what it cannot */
  PROTOBUF_C_MENDED = 1004001,
  STACK = 256 * 1024 * 1024,
  PIECE = 64 * 1024
};

static void say(struct buf *out) {
  for (size_t at = 0; at < out->len;) {
    ssize_t n = write(0, out->s + at, out->len - at);
    if (n < 0 && errno != EINTR)
      _exit(STATUS_TALK);
    at += n > 0 ? (size_t)n : 0;
  }
  buf_clear(out);
}

static void add_found(struct buf *out, const struct found *f) {
  size_t frame = wire_begin(out, WIRE_FOUND);
  wire_text(out, f->rule->page.name, strlen(f->rule->page.name));
  wire_u32(out, f->severity);
  wire_u32(out, (uint32_t)f->offset);
  wire_u32(out, (uint32_t)f->len);
  wire_text(out, f->message, strlen(f->message));
  wire_text(out, f->table, strlen(f->table));
  wire_end(out, frame);
}

struct session {
  struct buf in, out;
  size_t at; /* what of `in` was read */
  struct arena arena, statement;
  struct frame frame;
  bool in_unit;
  long cpu_s; /* for a statement */
};

static void begin_unit(struct session *s, struct wire_frame *f) {
  uint32_t direction = wire_get_u32(f);
  if (!wire_whole(f) || (direction != DIR_UP && direction != DIR_DOWN))
    _exit(STATUS_TALK);
  arena_release(&s->arena);
  frame_begin(&s->frame, DIALECT_POSTGRESQL, (enum direction)direction, false, &s->arena);
  s->in_unit = true;
}

/* Each statement is answered before the next one is looked at: when that one is the end of us, what
 * is known of the others is not lost. */
static void look_at(struct session *s, struct wire_frame *f) {
  size_t len;
  uint32_t flags = wire_get_u32(f), section = wire_get_u32(f), transaction = wire_get_u32(f);
  struct step step = {.transaction = flags & WIRE_TRANSACTION,
                      .batch = flags & WIRE_BATCH,
                      .section = section,
                      .transaction_number = transaction};
  const char *text = wire_get_text(f, &len);
  if (!wire_whole(f) || !s->in_unit)
    _exit(STATUS_TALK);
  char *sql = arena_strndup(&s->statement, text, len);
  sandbox_spend(s->cpu_s);
  PgQuery__ParseResult *tree = flags & WIRE_SKIP ? NULL : parse_statement(sql, len);
  frame_statement(&s->frame, sql, len, &step, tree ? tree->stmts[0]->stmt : NULL, NULL, 0);
  for (size_t i = 0; i < s->frame.report.count; i++)
    add_found(&s->out, &s->frame.report.items[i]);
  size_t frame = wire_begin(&s->out, WIRE_DONE);
  wire_u32(&s->out, tree != NULL);
  wire_end(&s->out, frame);
  parse_free(tree);
  arena_release(&s->statement);
  say(&s->out);
}

static void take_frames(struct session *s) {
  for (;;) {
    struct wire_frame f;
    long n = wire_frame(buf_str(&s->in) + s->at, s->in.len - s->at, WIRE_ASK_MAX, &f);
    if (n == 0)
      break;
    if (n > 0 && f.kind == WIRE_UNIT)
      begin_unit(s, &f);
    else if (n > 0 && f.kind == WIRE_STATEMENT)
      look_at(s, &f);
    else
      _exit(STATUS_TALK);
    s->at += (size_t)n;
  }
  s->in.len -= s->at;
  if (s->in.len)
    memmove(s->in.s, s->in.s + s->at, s->in.len);
  s->at = 0;
}

static void *serve(void *cpu_s) {
  struct session s = {.cpu_s = *(const long *)cpu_s};
  if (sandbox_close() != 0)
    _exit(STATUS_SANDBOX);
  arena_init(&s.arena, 0);
  arena_init(&s.statement, 0);
  size_t frame = wire_begin(&s.out, WIRE_HELLO);
  wire_u32(&s.out, wire_version());
  wire_end(&s.out, frame);
  say(&s.out);
  for (;;) {
    buf_reserve(&s.in, PIECE);
    ssize_t n = read(0, s.in.s + s.in.len, PIECE);
    if (n == 0)
      _exit(0);
    if (n < 0 && errno != EINTR)
      _exit(STATUS_TALK);
    s.in.len += n > 0 ? (size_t)n : 0;
    take_frames(&s);
  }
}

static int run(long cpu_s) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, STACK) != 0 ||
      pthread_create(&thread, &attributes, serve, &cpu_s) != 0)
    return STATUS_SANDBOX;
  (void)pthread_join(thread, NULL);
  return 0;
}

int main(int argc, char **argv) {
  int type = 0;
  socklen_t size = sizeof type;
  long cpu_s = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
  long memory = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
  if (cpu_s <= 0 || memory <= 0 || getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    (void)fprintf(stderr, "migd-lint is a part of migd, which starts it to look at revisions; "
                          "`migctl lint` asks for that\n");
    return STATUS_USAGE;
  }
  if (protobuf_c_version_number() < PROTOBUF_C_MENDED)
    return STATUS_PROTOBUF;
  return sandbox_limits(cpu_s, memory) == 0 ? run(cpu_s) : STATUS_SANDBOX;
}
