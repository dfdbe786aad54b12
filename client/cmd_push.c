/* catalog push: sends the revision files of a folder; the server validates all of them and says
 * everything that is wrong at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/call.h"
#include "client/folder.h"
#include "client/report.h"
#include "client/session.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"
#include "proto/rpc/frame.h"

extern const struct command cmd_catalog_push;

#define SERVICE (&migd__v1__catalogs__descriptor)

enum {
  PART = 256 * 1024, /* bytes of files in one message */
  PARTS = 512,       /* files in one message */
  IGNORED_SHOWN = 5,
  IDS_SHOWN = 8,
};

struct push {
  struct session *s;
  struct folder folder;
  Migd__V1__PushHeader header;
  bool begun; /* the header is on its way */
  size_t next_file;
  int fd; /* of the file being sent; -1 between files */
  size_t problems;
  bool done; /* the server answered a result */
};

static Migd__V1__FilePart *new_part(struct push *p, struct arena *arena) {
  Migd__V1__FilePart *part = ARENA_NEW(arena, Migd__V1__FilePart);
  migd__v1__file_part__init(part);
  part->name = p->folder.files[p->next_file];
  part->data.data = arena_alloc(arena, PART);
  return part;
}

/* Reads up to `room` bytes of the file that is on; -1 on failure. */
static ssize_t fill_part(struct push *p, Migd__V1__FilePart *part, size_t room, struct err *e) {
  while (part->data.len < room) {
    ssize_t n = read(p->fd, part->data.data + part->data.len, room - part->data.len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_errno(e, ERR_INPUT, errno, "cannot read %s/%s", p->folder.path, part->name);
    if (n == 0)
      return (ssize_t)part->data.len;
    part->data.len += (size_t)n;
  }
  part->more = true;
  return (ssize_t)part->data.len;
}

/* The next part of the next file. */
static Migd__V1__FilePart *next_part(struct push *p, struct arena *arena, size_t room,
                                     struct err *e) {
  if (p->fd < 0 && (p->fd = folder_open(&p->folder, p->folder.files[p->next_file], e)) < 0)
    return NULL;
  Migd__V1__FilePart *part = new_part(p, arena);
  if (fill_part(p, part, room, e) < 0)
    return NULL;
  if (!part->more) {
    close(p->fd);
    p->fd = -1;
    p->next_file++;
  }
  return part;
}

static int fill_message(struct push *p, struct arena *arena, struct buf *out, struct err *e) {
  Migd__V1__PushCatalogRequest message = MIGD__V1__PUSH_CATALOG_REQUEST__INIT;
  Migd__V1__FilePart *parts[PARTS];
  size_t room = PART;
  message.parts = parts;
  if (!p->begun)
    message.header = &p->header;
  while (p->next_file < p->folder.file_count && message.n_parts < PARTS && room > 0) {
    Migd__V1__FilePart *part = next_part(p, arena, room, e);
    if (!part)
      return -1;
    room -= part->data.len;
    parts[message.n_parts++] = part;
  }
  p->begun = true;
  rpc_frame(out, &message.base);
  return p->next_file < p->folder.file_count;
}

static int next_message(void *ctx, struct buf *out, struct err *e) {
  struct arena arena;
  arena_init(&arena, 0);
  int rc = fill_message(ctx, &arena, out, e);
  arena_release(&arena);
  return rc;
}

static void print_problem(struct push *p, const Migd__V1__Problem *problem) {
  struct buf text BUF_SCOPED = BUF_INIT;
  p->problems++;
  if (p->s->json)
    return;
  report_problem(&text, p->folder.path, problem, p->s->color_err);
  fwrite(buf_str(&text), 1, text.len, stderr);
}

static void say_ids(struct session *s, const char *what, size_t count, char *const *ids) {
  size_t shown = s->verbose || count <= IDS_SHOWN ? count : IDS_SHOWN - 1;
  if (count == 0)
    return;
  if (shown < count)
    say(s, "  %s: %s and %s", what, words_list(s, shown, ids, ""),
        counted(s, count - shown, "more", "more"));
  else
    say(s, "  %s: %s", what, words_list(s, count, ids, ""));
}

static void print_result(struct push *p, const Migd__V1__PushResult *r) {
  struct session *s = p->s;
  const Migd__V1__Catalog *c = r->catalog;
  bool dry = p->header.dry_run;
  p->done = true;
  if (s->json || !c)
    return;
  if (r->unchanged) {
    say(s, "catalog %s is unchanged: the server has exactly this content", c->name);
    return;
  }
  if (dry)
    say(s, "nothing is wrong; pushed, catalog %s would change:", p->header.catalog);
  else
    say(s, "catalog %s: %s, head %s", c->name, counted(s, c->revisions, "revision", "revisions"),
        words_list(s, c->n_heads, c->heads, "none"));
  say_ids(s, "added", r->n_added, r->added);
  say_ids(s, "changed", r->n_changed, r->changed);
  say_ids(s, "removed", r->n_removed, r->removed);
}

static int on_answer(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct push *p = ctx;
  const Migd__V1__PushCatalogResponse *answer = (const void *)m;
  (void)e;
  if (p->s->json)
    session_json(p->s, answer, true);
  if (answer->answer_case == MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_PROBLEM)
    print_problem(p, answer->problem);
  else if (answer->answer_case == MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_RESULT)
    print_result(p, answer->result);
  return 0;
}

/* The digest that is stored now, "" where there is no such catalog yet. */
static char *stored_digest(struct session *s, char *catalog, struct err *e) {
  Migd__V1__GetCatalogRequest request = MIGD__V1__GET_CATALOG_REQUEST__INIT;
  request.name = catalog;
  const Migd__V1__Catalog *c = session_ask(s, SERVICE, "GetCatalog", &request, e);
  if (c)
    return c->digest;
  return e->kind == ERR_NOT_FOUND ? arena_strdup(&s->arena, "") : NULL;
}

static int read_header(struct push *p, struct err *e) {
  struct session *s = p->s;
  Migd__V1__PushHeader *h = &p->header;
  migd__v1__push_header__init(h);
  h->catalog = session_catalog(s);
  h->replace = session_flag(s, "replace");
  h->dry_run = session_flag(s, "dry-run");
  if (!h->catalog[0])
    return session_usage(s, e, "which catalog is this? -c NAME; it is made where there is none");
  h->expected_digest =
      session_flag(s, "expect") ? session_text(s, "expect") : stored_digest(s, h->catalog, e);
  return h->expected_digest ? 0 : -1;
}

static void note_ignored(struct push *p) {
  const struct folder *f = &p->folder;
  size_t shown = f->ignored_count < IGNORED_SHOWN ? f->ignored_count : IGNORED_SHOWN;
  if (shown == 0)
    return;
  say(p->s, "not pushed, as only *.sql files are revisions: %s%s",
      words_list(p->s, shown, f->ignored, ""), shown < f->ignored_count ? ", ..." : "");
}

static int send_files(struct push *p, struct err *e) {
  struct session *s = p->s;
  struct channel *ch = session_channel(s, e);
  struct call call = {.service = SERVICE,
                      .method = "PushCatalog",
                      .next = next_message,
                      .message = on_answer,
                      .ctx = p,
                      .deadline = s->deadline};
  int rc = ch ? call_run(ch, &call, e) : -1;
  if (p->fd >= 0)
    close(p->fd);
  return rc;
}

static int run_push(struct session *s, struct err *e) {
  struct push p = {.s = s, .fd = -1};
  const char *folder = session_argument(s, 0);
  if (folder_list(&p.folder, &s->arena, folder, e) < 0)
    return -1;
  note_ignored(&p);
  if (p.folder.file_count == 0)
    return err_set(e, ERR_INPUT, "%s holds no *.sql file", folder);
  if (read_header(&p, e) < 0 || send_files(&p, e) < 0) {
    if (p.problems)
      err_hint(e, "mend %s and push again", p.problems == 1 ? "it" : "them");
    return -1;
  }
  return p.done ? EXIT_DONE : err_set(e, ERR_INTERNAL, "the server did not say what it stored");
}

static const struct option push_options[] = {
    {"catalog", 'c', OPTION_VALUE, "CATALOG", "its name; it is made where there is none", NULL},
    {"dry-run", 'n', OPTION_FLAG, NULL, "validate and compare, but store nothing", NULL},
    {"replace", 0, OPTION_FLAG, NULL,
     "allow revisions to change or disappear that no target has applied", NULL},
    {"expect", 0, OPTION_VALUE, "DIGEST",
     "refuse unless this is stored now (`catalog show` prints it)", NULL},
    {NULL},
};

const struct command cmd_catalog_push = {
    .name = "catalog push",
    .group = GROUP_CATALOGS,
    .arguments = "DIR",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = push_options,
    .summary = "validate the revision files of a folder and store them",
    .help = "Everything that is wrong is said at once, with file, line and column; nothing is "
            "stored then. A revision that some target has applied can never change.\n\n"
            "Pushing the same content again does nothing and says so. When somebody else pushed "
            "in between, the push is refused: look at what they did, then push again.",
    .example = "migctl catalog push ./migrations -c shop",
    .run = run_push,
};
