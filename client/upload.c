/* See upload.h. */
#include "client/upload.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "client/call.h"
#include "client/report.h"

enum { PART = 256 * 1024 /* bytes of files in one message */ };

static Migd__V1__FilePart *new_part(struct upload *u, struct arena *arena) {
  Migd__V1__FilePart *part = ARENA_NEW(arena, Migd__V1__FilePart);
  migd__v1__file_part__init(part);
  part->name = u->folder.files[u->next_file];
  part->data.data = arena_alloc(arena, PART);
  return part;
}

/* Reads up to `room` bytes of the file that is on; -1 on failure. */
static ssize_t fill_part(struct upload *u, Migd__V1__FilePart *part, size_t room, struct err *e) {
  while (part->data.len < room) {
    ssize_t n = read(u->fd, part->data.data + part->data.len, room - part->data.len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_errno(e, ERR_INPUT, errno, "cannot read %s/%s", u->folder.path, part->name);
    if (n == 0)
      return (ssize_t)part->data.len;
    part->data.len += (size_t)n;
  }
  part->more = true;
  return (ssize_t)part->data.len;
}

/* The next part of the next file. */
static Migd__V1__FilePart *next_part(struct upload *u, struct arena *arena, size_t room,
                                     struct err *e) {
  if (u->fd < 0 && (u->fd = folder_open(&u->folder, u->folder.files[u->next_file], e)) < 0)
    return NULL;
  Migd__V1__FilePart *part = new_part(u, arena);
  if (fill_part(u, part, room, e) < 0)
    return NULL;
  if (!part->more) {
    close(u->fd);
    u->fd = -1;
    u->next_file++;
  }
  return part;
}

/* The next parts, in the arena. 1: more follow, 0: these are the last, -1: a file cannot be read.
 */
static int read_parts(struct upload *u, struct arena *arena, Migd__V1__FilePart **parts,
                      size_t *count, struct err *e) {
  size_t room = PART;
  *count = 0;
  while (u->next_file < u->folder.file_count && *count < UPLOAD_PARTS && room > 0) {
    Migd__V1__FilePart *part = next_part(u, arena, room, e);
    if (!part)
      return -1;
    room -= part->data.len;
    parts[(*count)++] = part;
  }
  return u->next_file < u->folder.file_count;
}

static int next_message(void *ctx, struct buf *out, struct err *e) {
  struct upload *u = ctx;
  Migd__V1__FilePart *parts[UPLOAD_PARTS];
  struct arena arena;
  size_t count = 0;
  if (!u->begun) { /* the header may be large */
    u->message(u->ctx, true, NULL, 0, out);
    u->begun = true;
    return u->folder.file_count > 0;
  }
  arena_init(&arena, 0);
  int more = read_parts(u, &arena, parts, &count, e);
  if (more >= 0)
    u->message(u->ctx, false, parts, count, out);
  arena_release(&arena);
  return more;
}

static int on_answer(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct upload *u = ctx;
  return u->answer(u->ctx, m, e);
}

int upload_run(struct upload *u, struct err *e) {
  struct channel *ch = session_channel(u->session, e);
  struct call call = {.service = u->service,
                      .method = u->method,
                      .next = next_message,
                      .message = on_answer,
                      .ctx = u,
                      .deadline = u->session->deadline};
  u->begun = false;
  u->next_file = 0;
  u->fd = -1;
  int rc = ch ? call_run(ch, &call, e) : -1;
  if (u->fd >= 0)
    close(u->fd);
  u->fd = -1;
  return rc;
}

void upload_problem(const struct upload *u, const Migd__V1__Problem *problem) {
  struct buf text BUF_SCOPED = BUF_INIT;
  report_problem(&text, u->folder.path, problem, u->session->color_err);
  fwrite(buf_str(&text), 1, text.len, stderr);
}
