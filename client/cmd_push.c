/* catalog push, check, diff: send the revision files of a folder; the server validates all of them
 * and says everything that is wrong at once, or stores them, or says what would change.
 */
#include <stdio.h>
#include <string.h>

#include "client/findings.h"
#include "client/session.h"
#include "client/text.h"
#include "client/upload.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"
#include "proto/rpc/frame.h"

extern const struct command cmd_catalog_push, cmd_catalog_check, cmd_catalog_diff;

#define SERVICE (&migd__v1__catalogs__descriptor)

enum { IGNORED_SHOWN = 5, IDS_SHOWN = 8 };

enum purpose { PUSH, CHECK, DIFF };

struct push {
  struct session *s;
  enum purpose purpose;
  struct upload upload;
  Migd__V1__PushHeader header;
  size_t problems;
  bool done; /* the server answered a result */
};

static void fill_message(void *ctx, bool first, Migd__V1__FilePart **parts, size_t count,
                         struct buf *out) {
  struct push *p = ctx;
  Migd__V1__PushCatalogRequest message = MIGD__V1__PUSH_CATALOG_REQUEST__INIT;
  message.header = first ? &p->header : NULL;
  message.parts = parts;
  message.n_parts = count;
  rpc_frame(out, &message.base);
}

static void print_problem(struct push *p, const Migd__V1__Problem *problem) {
  p->problems++;
  if (!p->s->json)
    upload_problem(&p->upload, problem);
}

/* Notes are for `migctl lint`, or for who asks for them. */
static void print_finding(struct push *p, const Migd__V1__Finding *finding) {
  bool note = finding->severity == MIGD__V1__SEVERITY__SEVERITY_NOTE && !finding->blocks;
  if (!p->s->json && (!note || p->s->verbose))
    findings_say(p->s, p->upload.folder.path, finding);
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

static void print_lines(struct session *s, char sign, size_t count, char *const *ids) {
  struct buf text BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count; i++)
    buf_addf(&text, "%c %s\n", sign, text_cleaned(&s->arena, ids[i]));
  session_print(s, &text);
}

static void print_diff(struct session *s, const Migd__V1__PushResult *r) {
  print_lines(s, '+', r->n_added, r->added);
  print_lines(s, '~', r->n_changed, r->changed);
  print_lines(s, '-', r->n_removed, r->removed);
}

static void print_result(struct push *p, const Migd__V1__PushResult *r) {
  struct session *s = p->s;
  const Migd__V1__Catalog *c = r->catalog;
  bool dry = p->header.dry_run;
  p->done = true;
  if (s->json || !c)
    return;
  if (p->purpose == DIFF && !r->unchanged) {
    print_diff(s, r);
    return;
  }
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
  if (r->lint_unavailable[0])
    say(s, "not all was looked at by the lint rules: %s", r->lint_unavailable);
  findings_not_understood(s, r->not_understood, r->first_not_understood);
}

static int on_answer(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct push *p = ctx;
  const Migd__V1__PushCatalogResponse *answer = (const void *)m;
  (void)e;
  if (p->s->json)
    session_json(p->s, answer, true);
  if (answer->answer_case == MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_PROBLEM)
    print_problem(p, answer->problem);
  else if (answer->answer_case == MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_FINDING)
    print_finding(p, answer->finding);
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
  h->allow_branches = session_flag(s, "allow-branches");
  h->dry_run = p->purpose != PUSH || session_flag(s, "dry-run");
  h->compare_only = p->purpose == DIFF;
  h->any_digest = p->purpose != PUSH;
  if (!h->catalog[0])
    return session_usage(s, e, "which catalog is this? -c NAME; it is made where there is none");
  if (h->any_digest)
    return 0;
  h->expected_digest =
      session_flag(s, "expect") ? session_text(s, "expect") : stored_digest(s, h->catalog, e);
  return h->expected_digest ? 0 : -1;
}

static void note_ignored(struct push *p) {
  const struct folder *f = &p->upload.folder;
  size_t shown = f->ignored_count < IGNORED_SHOWN ? f->ignored_count : IGNORED_SHOWN;
  if (shown == 0)
    return;
  say(p->s, "not pushed, as only *.sql files are revisions: %s%s",
      words_list(p->s, shown, f->ignored, ""), shown < f->ignored_count ? ", ..." : "");
}

static int send_folder(struct session *s, enum purpose purpose, struct err *e) {
  struct push p = {.s = s, .purpose = purpose};
  p.upload = (struct upload){.session = s,
                             .service = SERVICE,
                             .method = "PushCatalog",
                             .message = fill_message,
                             .answer = on_answer,
                             .ctx = &p};
  const char *folder = session_argument(s, 0);
  if (folder_list(&p.upload.folder, &s->arena, folder, e) < 0)
    return -1;
  note_ignored(&p);
  if (p.upload.folder.file_count == 0)
    return err_set(e, ERR_INPUT, "%s holds no *.sql file", folder);
  if (read_header(&p, e) < 0 || upload_run(&p.upload, e) < 0) {
    if (p.problems)
      err_hint(e, "mend %s and push again", p.problems == 1 ? "it" : "them");
    return -1;
  }
  return p.done ? EXIT_DONE : err_set(e, ERR_INTERNAL, "the server did not say what it stored");
}

static int run_push(struct session *s, struct err *e) {
  return send_folder(s, PUSH, e);
}

static int run_check(struct session *s, struct err *e) {
  return send_folder(s, CHECK, e);
}

static int run_diff(struct session *s, struct err *e) {
  return send_folder(s, DIFF, e);
}

#define ALLOW_BRANCHES                                                                             \
  { "allow-branches", 0, OPTION_FLAG, NULL, "allow the push to make a further head", NULL }

static const struct option push_options[] = {
    {"catalog", 'c', OPTION_VALUE, "CATALOG", "its name; it is made where there is none", NULL},
    {"dry-run", 'n', OPTION_FLAG, NULL, "validate and compare, but store nothing", NULL},
    {"replace", 0, OPTION_FLAG, NULL,
     "allow revisions to change or disappear that no target has applied", NULL},
    ALLOW_BRANCHES,
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
            "in between, the push is refused: look at what they did, then push again. A push that "
            "makes a "
            "second head is refused too, and says what would join the two.\n\n"
            "What the lint rules find in it is said too (notes with -v). It blocks the push only "
            "where the catalog's policy says so: `migctl catalog set --lint-block`.",
    .example = "migctl catalog push ./migrations -c shop",
    .run = run_push,
};

static const struct option check_options[] = {
    {"catalog", 'c', OPTION_VALUE, "CATALOG", "the catalog it is to be pushed to", NULL},
    {"replace", 0, OPTION_FLAG, NULL,
     "allow revisions to change or disappear that no target has applied", NULL},
    ALLOW_BRANCHES,
    {NULL},
};

const struct command cmd_catalog_check = {
    .name = "catalog check",
    .group = GROUP_CATALOGS,
    .arguments = "DIR",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = check_options,
    .summary = "say what a push of a folder would be refused for, and store nothing",
    .help = "For the pipeline of a pull request: it ends with 0 when a push would be accepted.",
    .example = "migctl catalog check ./migrations -c shop",
    .run = run_check,
};

static const struct option diff_options[] = {
    {"catalog", 'c', OPTION_VALUE, "CATALOG", "the catalog to compare with", NULL},
    {NULL},
};

const struct command cmd_catalog_diff = {
    .name = "catalog diff",
    .group = GROUP_CATALOGS,
    .arguments = "DIR",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = diff_options,
    .summary = "say which revisions of a folder are not as they are stored",
    .help =
        "A line a revision: `+ ID` is new, `~ ID` has another content, `- ID` is missing in the "
        "folder. Whether a push would be accepted says `migctl catalog check`.",
    .example = "migctl catalog diff ./migrations -c shop",
    .run = run_diff,
};
