/* init, revision, merge, edit: the files of a catalog's working directory. What a new revision
 * stands on, its id and the text of its file are the server's answer to the files that are there;
 * here a file is written, or an editor opened.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/session.h"
#include "client/text.h"
#include "client/upload.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"
#include "proto/rpc/frame.h"

extern const struct command cmd_init, cmd_revision, cmd_merge, cmd_edit;

enum { SQL_MAX = 3 * 1024 * 1024 /* a message has room for so much */ };

struct drafting {
  struct session *s;
  struct upload upload;
  Migd__V1__DraftHeader header;
  size_t problems;
  char *file, *id, *parents; /* the answer, in the session's arena; NULL: none yet */
  ProtobufCBinaryData content;
};

static void fill_message(void *ctx, bool first, Migd__V1__FilePart **parts, size_t count,
                         struct buf *out) {
  struct drafting *d = ctx;
  Migd__V1__DraftRevisionRequest message = MIGD__V1__DRAFT_REVISION_REQUEST__INIT;
  message.header = first ? &d->header : NULL;
  message.parts = parts;
  message.n_parts = count;
  rpc_frame(out, &message.base);
}

static void print_problem(struct drafting *d, const Migd__V1__Problem *problem) {
  d->problems++;
  upload_problem(&d->upload, problem);
}

static void keep_draft(struct drafting *d, const Migd__V1__Draft *draft) {
  const Migd__V1__Revision *r = draft->revision;
  struct arena *arena = &d->s->arena;
  d->file = arena_strdup(arena, r->file);
  d->id = arena_strdup(arena, r->id);
  d->parents = arena_strdup(arena, words_list(d->s, r->n_parents, r->parents, "<base>"));
  d->content.len = draft->content.len;
  d->content.data = arena_alloc(arena, draft->content.len + 1);
  if (draft->content.len)
    memcpy(d->content.data, draft->content.data, draft->content.len);
}

static int on_answer(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct drafting *d = ctx;
  const Migd__V1__DraftRevisionResponse *answer = (const void *)m;
  (void)e;
  if (d->s->json)
    session_json(d->s, answer, true);
  if (answer->answer_case == MIGD__V1__DRAFT_REVISION_RESPONSE__ANSWER_PROBLEM && !d->s->json)
    print_problem(d, answer->problem);
  if (answer->answer_case == MIGD__V1__DRAFT_REVISION_RESPONSE__ANSWER_DRAFT &&
      answer->draft->revision)
    keep_draft(d, answer->draft);
  return 0;
}

/* Sends the header and the files of the folder, and takes the answer. */
static int ask(struct drafting *d, const char *folder, struct err *e) {
  struct session *s = d->s;
  d->upload = (struct upload){.session = s,
                              .service = &migd__v1__catalogs__descriptor,
                              .method = "DraftRevision",
                              .message = fill_message,
                              .answer = on_answer,
                              .ctx = d};
  if (folder_list(&d->upload.folder, &s->arena, folder, e) < 0)
    return -1;
  int rc = upload_run(&d->upload, e);
  if (rc != 0 && d->problems)
    err_hint(e, "mend %s first", d->problems == 1 ? "it" : "them");
  if (rc == 0 && !d->file)
    return err_set(e, ERR_INTERNAL, "the server did not answer a revision");
  return rc;
}

static int write_draft(struct drafting *d, const char *folder, struct err *e) {
  struct folder_file file = {0};
  int rc = folder_create(&file, &d->s->arena, folder, d->file, e);
  if (rc == 0)
    rc = folder_write(&file, d->content.data, d->content.len, e);
  if (rc == 0)
    rc = folder_keep(&file, false, e) < 0 ? -1 : 0;
  folder_drop(&file);
  return rc;
}

static void say_draft(struct drafting *d, const char *folder) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (d->s->json)
    return;
  buf_addf(&text, "%s/%s\n", text_cleaned(&d->s->arena, folder),
           text_cleaned(&d->s->arena, d->file));
  session_print(d->s, &text);
  say(d->s, "%s -> %s", d->parents, d->id);
}

static int make(struct drafting *d, const char *folder, struct err *e) {
  if (ask(d, folder, e) != 0 || write_draft(d, folder, e) != 0)
    return -1;
  say_draft(d, folder);
  return EXIT_DONE;
}

/* All values of an option, as protobuf-c wants them. */
static void take_list(struct session *s, const char *option, size_t *count, char ***out) {
  *count = options_count(&s->options, option);
  *out = ARENA_ARRAY(&s->arena, char *, *count + 1);
  for (size_t i = 0; i < *count; i++)
    (*out)[i] = arena_strdup(&s->arena, options_nth(&s->options, option, i));
}

static int read_stdin(struct session *s, ProtobufCBinaryData *out, struct err *e) {
  out->data = arena_alloc(&s->arena, SQL_MAX + 1);
  for (;;) {
    ssize_t n = read(STDIN_FILENO, out->data + out->len, SQL_MAX + 1 - out->len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_errno(e, ERR_INPUT, errno, "cannot read standard input");
    if (n == 0)
      return 0;
    out->len += (size_t)n;
    if (out->len > SQL_MAX)
      return err_set(e, ERR_INPUT, "standard input holds more than 3 MiB");
  }
}

static int read_sql(struct session *s, ProtobufCBinaryData *out, struct err *e) {
  const char *text = options_value(&s->options, "sql");
  if (!text)
    return 0;
  if (strcmp(text, "-") == 0)
    return read_stdin(s, out, e);
  if (strlen(text) > SQL_MAX)
    return err_set(e, ERR_INPUT, "--sql is longer than 3 MiB");
  out->data = (uint8_t *)arena_strdup(&s->arena, text);
  out->len = strlen(text);
  return 0;
}

static int run_revision(struct session *s, struct err *e) {
  struct drafting d = {.s = s};
  Migd__V1__DraftHeader *h = &d.header;
  migd__v1__draft_header__init(h);
  take_list(s, "head", &h->n_heads, &h->heads);
  take_list(s, "branch-label", &h->n_labels, &h->labels);
  take_list(s, "depends-on", &h->n_depends_on, &h->depends_on);
  h->splice = session_flag(s, "splice");
  h->id = session_text(s, "rev-id");
  h->message = session_text(s, "message");
  if (read_sql(s, &h->up, e) != 0)
    return -1;
  return make(&d, session_argument(s, 0), e);
}

static int run_merge(struct session *s, struct err *e) {
  struct drafting d = {.s = s};
  Migd__V1__DraftHeader *h = &d.header;
  size_t count = s->options.argument_count - 1;
  migd__v1__draft_header__init(h);
  h->merge = true;
  h->splice = session_flag(s, "splice");
  h->heads = ARENA_ARRAY(&s->arena, char *, count + 1);
  for (size_t i = 0; i < count; i++)
    h->heads[h->n_heads++] = arena_strdup(&s->arena, session_argument(s, i));
  take_list(s, "branch-label", &h->n_labels, &h->labels);
  h->id = session_text(s, "rev-id");
  h->message = session_text(s, "message");
  return make(&d, session_argument(s, count), e);
}

/* ---- edit ---- */

/* $VISUAL and $EDITOR may have arguments: a shell cuts them, the file's name is not its to read. */
static int open_editor(const char *path, struct err *e) {
  const char *editor = getenv("VISUAL");
  if (!editor || !*editor)
    editor = getenv("EDITOR");
  if (!editor || !*editor)
    editor = "vi";
  pid_t pid = fork();
  if (pid < 0)
    return err_errno(e, ERR_INTERNAL, errno, "cannot start %s", editor);
  if (pid == 0) {
    char command[4200];
    snprintf(command, sizeof command, "%s \"$1\"", editor);
    execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return err_errno(e, ERR_INTERNAL, errno, "cannot wait for %s", editor);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return 0;
  err_set(e, ERR_INPUT, "the editor `%s` failed", editor);
  return err_hint(e, "EDITOR names another one");
}

static int run_edit(struct session *s, struct err *e) {
  struct drafting d = {.s = s};
  const char *folder = session_argument(s, 1);
  migd__v1__draft_header__init(&d.header);
  d.header.find = arena_strdup(&s->arena, session_argument(s, 0));
  if (ask(&d, folder, e) != 0)
    return -1;
  if (!folder_name_ok(d.file))
    return err_set(e, ERR_REFUSED, "the server answered a file with the name `%s`", d.file);
  return open_editor(arena_printf(&s->arena, "%s/%s", folder, d.file), e) == 0 ? EXIT_DONE : -1;
}

/* ---- init ---- */

static const char first_name[] = "0001_first.sql";
static const char first_file[] =
    "-- migd:revision 0001\n"
    "-- migd:parent base\n"
    "-- migd:message first\n"
    "\n"
    "-- A revision: what is to be done going up, and what takes it back. `migctl revision` makes "
    "the\n"
    "-- next file, `migctl catalog push` hands the folder to the server, `migctl upgrade` applies "
    "it.\n"
    "-- Lines like this one are comments; those that begin `-- migd:` are read.\n"
    "--\n"
    "-- Sections run in the order of the file. They may be for one dialect only, and run outside "
    "of a\n"
    "-- transaction:\n"
    "--     -- migd:up on=postgresql transaction=off\n"
    "\n"
    "-- migd:up\n"
    "CREATE TABLE example (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  name TEXT NOT NULL\n"
    ");\n"
    "\n"
    "-- migd:down\n"
    "DROP TABLE example;\n";

static int run_init(struct session *s, struct err *e) {
  const char *folder = session_argument(s, 0);
  struct drafting d = {.s = s};
  if (mkdir(folder, 0777) != 0 && errno != EEXIST)
    return err_errno(e, ERR_INPUT, errno, "cannot make the folder %s", folder);
  if (folder_list(&d.upload.folder, &s->arena, folder, e) < 0)
    return -1;
  if (d.upload.folder.file_count > 0) {
    err_set(e, ERR_EXISTS, "%s has revisions already", folder);
    return err_hint(e, "`migctl revision -m TEXT %s` makes the next one", folder);
  }
  d.file = arena_strdup(&s->arena, first_name);
  d.content.data = (uint8_t *)arena_strdup(&s->arena, first_file);
  d.content.len = strlen(first_file);
  if (write_draft(&d, folder, e) != 0)
    return -1;
  struct buf text BUF_SCOPED = BUF_INIT;
  buf_addf(&text, "%s/%s\n", text_cleaned(&s->arena, folder), first_name);
  session_print(s, &text);
  say(s, "next: change it as you like, then `migctl catalog push %s -c NAME`", folder);
  return EXIT_DONE;
}

const struct command cmd_init = {
    .name = "init",
    .group = GROUP_CATALOGS,
    .arguments = "DIR",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "begin a catalog: a folder with a first revision file, explained",
    .example = "migctl init ./migrations",
    .local = true,
    .run = run_init,
};

#define FILE_OPTIONS                                                                                \
  {"message", 'm', OPTION_VALUE, "TEXT", "one line that says what it does", NULL},                  \
      {"splice", 0, OPTION_FLAG, NULL, "follow a revision that another one follows already", NULL}, \
      {"branch-label", 0, OPTION_LIST, "LABEL", "a name for its branch; may be repeated", NULL}, {  \
    "rev-id", 0, OPTION_VALUE, "ID", "its id, instead of one made of the time", NULL                \
  }

static const struct option revision_options[] = {
    FILE_OPTIONS,
    {"head", 0, OPTION_LIST, "REV", "what it follows; `base` for a new root; may be repeated",
     NULL},
    {"depends-on", 0, OPTION_LIST, "REV",
     "what must be applied before it, of another branch; may be repeated", NULL},
    {"sql", 0, OPTION_VALUE, "TEXT", "the SQL of its up section; `-` reads standard input", NULL},
    {NULL},
};

const struct command cmd_revision = {
    .name = "revision",
    .group = GROUP_CATALOGS,
    .arguments = "DIR",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = revision_options,
    .summary = "make the file of a new revision in a folder",
    .help =
        "The server reads the files of the folder and answers what the new one follows: the "
        "head, where there is one only. Nothing is stored there; `migctl catalog push` does that. "
        "The path of the file is printed.\n\n"
        "With --sql it has no down section: add one, or leave it irreversible.",
    .example = "migctl revision -m 'add invoices' ./migrations\n"
               "migctl revision -m hotfix --head 20260129050441 --splice ./migrations\n"
               "pg_dump -s shop | migctl revision -m initial --sql - ./migrations",
    .run = run_revision,
};

static const struct option merge_options[] = {FILE_OPTIONS, {NULL}};

const struct command cmd_merge = {
    .name = "merge",
    .group = GROUP_CATALOGS,
    .arguments = "REV... DIR",
    .min_arguments = 2,
    .max_arguments = ANY_NUMBER,
    .options = merge_options,
    .summary = "make the file of a revision that joins branches",
    .help = "REV are two heads or more, or `heads` for all of them.",
    .example = "migctl merge heads ./migrations",
    .run = run_merge,
};

const struct command cmd_edit = {
    .name = "edit",
    .group = GROUP_CATALOGS,
    .arguments = "REV DIR",
    .min_arguments = 2,
    .max_arguments = 2,
    .summary = "open the file of a revision of a folder in $EDITOR",
    .help = "REV is an id, a label, a unique prefix, `head` and so on.",
    .example = "migctl edit head ./migrations",
    .run = run_edit,
};
