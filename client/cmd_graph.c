/* heads, history, show: the revision graph, in the shapes in which Alembic prints it. */
#include <string.h>

#include "client/selection.h"
#include "client/session.h"
#include "client/text.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"

extern const struct command cmd_heads, cmd_history, cmd_show;

/* "a, b", "<base>" for none; Alembic's names for both. */
static const char *parents(struct session *s, const Migd__V1__Revision *r) {
  return words_list(s, r->n_parents, r->parents, "<base>");
}

/* ` (label) (head) (branchpoint) (mergepoint)`, as far as they apply. */
static void add_marks(struct session *s, struct buf *out, const Migd__V1__Revision *r, bool tree) {
  if (r->n_labels)
    buf_addf(out, " (%s)", words_list(s, r->n_labels, r->labels, ""));
  if (r->is_head)
    buf_adds(out, " (head)");
  if (r->n_targets_here)
    buf_addf(out, " (current: %s)", words_list(s, r->n_targets_here, r->targets_here, ""));
  if (tree && r->is_branch_point)
    buf_adds(out, " (branchpoint)");
  if (tree && r->is_merge_point)
    buf_adds(out, " (mergepoint)");
}

static void add_line(struct session *s, struct buf *out, const Migd__V1__Revision *r, bool parent) {
  if (parent && r->n_depends_on)
    buf_addf(out, "%s (%s) -> ", parents(s, r), words_list(s, r->n_depends_on, r->depends_on, ""));
  else if (parent)
    buf_addf(out, "%s -> ", parents(s, r));
  buf_adds(out, r->id);
  add_marks(s, out, r, parent);
  if (parent && r->message[0])
    buf_addf(out, ", %s", r->message);
}

static void add_entry(struct session *s, struct buf *out, const Migd__V1__Revision *r) {
  buf_addf(out, "Rev: %s", r->id);
  add_marks(s, out, r, true);
  buf_addf(out, "\n%s: %s\n", r->n_parents > 1 ? "Merges" : "Parent", parents(s, r));
  if (r->n_depends_on)
    buf_addf(out, "Also depends on: %s\n", words_list(s, r->n_depends_on, r->depends_on, ""));
  if (r->n_labels)
    buf_addf(out, "Branch names: %s\n", words_list(s, r->n_labels, r->labels, ""));
  buf_addf(out, "Path: %s\nChecksum: %s\n", r->file, r->checksum);
  if (!r->reversible)
    buf_adds(out, "Irreversible: it has no down section\n");
  buf_addf(out, "\n    %s\n", r->message[0] ? r->message : "(no message)");
}

static void print_revision(struct session *s, const Migd__V1__Revision *r, bool parent) {
  struct buf text BUF_SCOPED = BUF_INIT, clean BUF_SCOPED = BUF_INIT;
  if (s->verbose)
    add_entry(s, &text, r);
  else
    add_line(s, &text, r, parent);
  text_clean(&clean, buf_str(&text), text.len, true);
  buf_addc(&clean, '\n');
  session_print(s, &clean);
}

static int list(struct session *s, Migd__V1__ListRevisionsRequest *request, struct err *e) {
  request->catalog = session_catalog(s);
  const Migd__V1__ListRevisionsResponse *reply =
      session_ask_print(s, &migd__v1__catalogs__descriptor, "ListRevisions", request, e);
  if (!reply)
    return -1;
  for (size_t i = 0; !s->json && i < reply->n_revisions; i++)
    print_revision(s, reply->revisions[i], !request->heads_only);
  if (reply->n_revisions == 0)
    say(s, "catalog %s has no revisions%s", reply->catalog, request->range[0] ? " there" : "");
  return EXIT_DONE;
}

static int run_heads(struct session *s, struct err *e) {
  Migd__V1__ListRevisionsRequest request = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  request.heads_only = true;
  return list(s, &request, e);
}

static int run_history(struct session *s, struct err *e) {
  Migd__V1__ListRevisionsRequest request = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  request.range = session_text(s, "rev-range");
  request.with_targets = session_flag(s, "indicate-current");
  if (request.range[0] && !strchr(request.range, ':'))
    return session_usage(s, e, "a range is `a:b`, `a:` or `:b`, not `%s`", request.range);
  return list(s, &request, e);
}

static int run_show(struct session *s, struct err *e) {
  Migd__V1__GetRevisionRequest request = MIGD__V1__GET_REVISION_REQUEST__INIT;
  request.catalog = session_catalog(s);
  request.revision = arena_strdup(&s->arena, session_argument(s, 0));
  const Migd__V1__GetRevisionResponse *reply =
      session_ask_print(s, &migd__v1__catalogs__descriptor, "GetRevision", &request, e);
  if (!reply)
    return -1;
  if (s->json || !reply->revision)
    return EXIT_DONE;
  struct buf content BUF_SCOPED = BUF_INIT;
  bool verbose = s->verbose;
  s->verbose = true;
  print_revision(s, reply->revision, true);
  s->verbose = verbose;
  text_clean(&content, (const char *)reply->content.data, reply->content.len, true);
  if (content.len && content.s[content.len - 1] != '\n')
    buf_addc(&content, '\n');
  session_print(s, &content);
  return EXIT_DONE;
}

static const struct option heads_options[] = {CATALOG_OPTION, {NULL}};

const struct command cmd_heads = {
    .name = "heads",
    .group = GROUP_CATALOGS,
    .arguments = "",
    .options = heads_options,
    .summary = "list the revisions that no other revision follows",
    .help = "-v prints each in full.",
    .example = "migctl heads -c shop",
    .run = run_heads,
};

static const struct option history_options[] = {
    {"rev-range", 'r', OPTION_VALUE, "RANGE", "only `a:b`, `a:` or `:b`, both ends included", NULL},
    {"indicate-current", 'i', OPTION_FLAG, NULL, "say of each revision which targets are there",
     NULL},
    CATALOG_OPTION,
    {NULL},
};

const struct command cmd_history = {
    .name = "history",
    .group = GROUP_CATALOGS,
    .arguments = "",
    .options = history_options,
    .summary = "list the revisions of a catalog, newest first",
    .help = "A line reads `parents -> revision (marks), message`; `<base>` stands for no parent. "
            "-v prints each in full. -i tells from the server's store where the targets are.",
    .example = "migctl history -c shop -r 20260129050441: -i",
    .run = run_history,
};

const struct command cmd_show = {
    .name = "show",
    .group = GROUP_CATALOGS,
    .arguments = "REV",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = heads_options,
    .summary = "show one revision with its file",
    .help = "REV is an id, a unique prefix, `head`, `base+2` and so on.",
    .example = "migctl show head -c shop",
    .run = run_show,
};
