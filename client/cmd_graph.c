/* heads, branches, history, show: the revision graph, in the shapes in which Alembic prints it. */
#include <string.h>

#include "client/graph.h"
#include "client/selection.h"
#include "client/session.h"
#include "client/text.h"
#include "client/words.h"
#include "migd/v1/catalogs.pb-c.h"

extern const struct command cmd_heads, cmd_branches, cmd_history, cmd_show;

static void print_text(struct session *s, const struct buf *text) {
  struct buf clean BUF_SCOPED = BUF_INIT;
  text_clean(&clean, buf_str(text), text->len, true);
  buf_addc(&clean, '\n');
  session_print(s, &clean);
}

static void print_revision(struct session *s, const Migd__V1__Revision *r, unsigned parts) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (s->verbose)
    graph_entry(s, &text, r);
  else
    graph_line(s, &text, r, parts);
  print_text(s, &text);
}

/* The profile's catalog says nothing about a target, which follows one of its own. */
static char *catalog_beside(struct session *s, const char *target) {
  return target[0] ? session_text(s, "catalog") : session_catalog(s);
}

static int list(struct session *s, Migd__V1__ListRevisionsRequest *request, struct err *e) {
  request->catalog = catalog_beside(s, request->target);
  const Migd__V1__ListRevisionsResponse *reply =
      session_ask_print(s, &migd__v1__catalogs__descriptor, "ListRevisions", request, e);
  if (!reply)
    return -1;
  for (size_t i = 0; !s->json && i < reply->n_revisions; i++)
    print_revision(s, reply->revisions[i],
                   request->heads_only ? GRAPH_LABELS
                                       : GRAPH_LABELS | GRAPH_PARENTS | GRAPH_TREE | GRAPH_MESSAGE);
  if (reply->n_revisions == 0)
    say(s, "catalog %s has no revisions%s", reply->catalog, request->range[0] ? " there" : "");
  return EXIT_DONE;
}

static int run_heads(struct session *s, struct err *e) {
  Migd__V1__ListRevisionsRequest request = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  request.heads_only = true;
  request.resolve_dependencies = session_flag(s, "resolve-dependencies");
  return list(s, &request, e);
}

static const Migd__V1__Revision *find_revision(const Migd__V1__ListRevisionsResponse *reply,
                                               const char *id) {
  for (size_t i = 0; i < reply->n_revisions; i++)
    if (strcmp(reply->revisions[i]->id, id) == 0)
      return reply->revisions[i];
  return NULL;
}

/* The branch point, then an arrow to each revision that follows it. */
static void print_branches(struct session *s, const Migd__V1__ListRevisionsResponse *reply,
                           const Migd__V1__Revision *r) {
  struct buf text BUF_SCOPED = BUF_INIT;
  unsigned parts = GRAPH_LABELS | GRAPH_TREE;
  if (s->verbose)
    graph_entry(s, &text, r);
  else
    graph_line(s, &text, r, parts);
  for (size_t i = 0; i < r->n_branches_into; i++) {
    const Migd__V1__Revision *child = find_revision(reply, r->branches_into[i]);
    buf_addf(&text, "\n%*s -> ", (int)text_width(r->id, strlen(r->id)), "");
    if (child)
      graph_line(s, &text, child, s->verbose ? parts | GRAPH_MESSAGE : parts);
    else
      buf_adds(&text, r->branches_into[i]);
  }
  buf_addc(&text, '\n');
  print_text(s, &text);
}

static int run_branches(struct session *s, struct err *e) {
  Migd__V1__ListRevisionsRequest request = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  size_t points = 0;
  request.branch_points_only = true;
  request.catalog = session_catalog(s);
  const Migd__V1__ListRevisionsResponse *reply =
      session_ask_print(s, &migd__v1__catalogs__descriptor, "ListRevisions", &request, e);
  if (!reply)
    return -1;
  for (size_t i = 0; i < reply->n_revisions; i++) {
    if (!reply->revisions[i]->is_branch_point)
      continue;
    points++;
    if (!s->json)
      print_branches(s, reply, reply->revisions[i]);
  }
  if (points == 0)
    say(s, "catalog %s has no branch points", reply->catalog);
  return EXIT_DONE;
}

static int run_history(struct session *s, struct err *e) {
  Migd__V1__ListRevisionsRequest request = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  request.range = session_text(s, "rev-range");
  request.target = session_text(s, "target");
  request.with_targets = session_flag(s, "indicate-current") && !request.target[0];
  if (request.range[0] && !strchr(request.range, ':'))
    return session_usage(s, e, "a range is `a:b`, `a:` or `:b`, not `%s`", request.range);
  return list(s, &request, e);
}

static int run_show(struct session *s, struct err *e) {
  Migd__V1__GetRevisionRequest request = MIGD__V1__GET_REVISION_REQUEST__INIT;
  request.target = session_text(s, "target");
  request.catalog = catalog_beside(s, request.target);
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
  print_revision(s, reply->revision, 0);
  s->verbose = verbose;
  text_clean(&content, (const char *)reply->content.data, reply->content.len, true);
  if (content.len && content.s[content.len - 1] != '\n')
    buf_addc(&content, '\n');
  session_print(s, &content);
  return EXIT_DONE;
}

#define TARGET_OPTION                                                                              \
  { "target", 't', OPTION_VALUE, "NAME", "the target that `current` is about", NULL }

static const struct option heads_options[] = {
    {"resolve-dependencies", 0, OPTION_FLAG, NULL,
     "leave out heads that another revision depends on", NULL},
    CATALOG_OPTION,
    {NULL},
};

const struct command cmd_heads = {
    .name = "heads",
    .group = GROUP_CATALOGS,
    .arguments = "",
    .options = heads_options,
    .summary = "list the revisions that no other revision follows",
    .help =
        "An effective head is one that another revision depends on: it is applied with that one. "
        "-v prints each in full.",
    .example = "migctl heads -c shop",
    .run = run_heads,
};

static const struct option branches_options[] = {CATALOG_OPTION, {NULL}};

const struct command cmd_branches = {
    .name = "branches",
    .group = GROUP_CATALOGS,
    .arguments = "",
    .options = branches_options,
    .summary = "list the revisions that several others follow, and those",
    .help = "-v prints each branch point in full.",
    .example = "migctl branches -c shop",
    .run = run_branches,
};

static const struct option show_options[] = {TARGET_OPTION, CATALOG_OPTION, {NULL}};

static const struct option history_options[] = {
    {"rev-range", 'r', OPTION_VALUE, "RANGE", "only `a:b`, `a:` or `:b`, both ends included", NULL},
    {"indicate-current", 'i', OPTION_FLAG, NULL, "say of each revision which targets are there",
     NULL},
    TARGET_OPTION,
    CATALOG_OPTION,
    {NULL},
};

const struct command cmd_history = {
    .name = "history",
    .group = GROUP_CATALOGS,
    .arguments = "",
    .options = history_options,
    .summary = "list the revisions of a catalog, newest first",
    .help =
        "A line reads `parents -> revision (marks), message`; `<base>` stands for no parent. "
        "-v prints each in full. -i tells from the server's store where the targets are.\n\n"
        "The ends of a range are revisions as everywhere: `LABEL@head`, `head-2`. `-3:X` are the "
        "three below X, and `X:+3` the three above. With -t NAME `current` is where that target "
        "is: `-2:current`, `current:+1`.",
    .example = "migctl history -c shop -r 20260129050441: -i\n"
               "migctl history -t shop-eu -r current:",
    .run = run_history,
};

const struct command cmd_show = {
    .name = "show",
    .group = GROUP_CATALOGS,
    .arguments = "REV",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = show_options,
    .summary = "show one revision with its file",
    .help =
        "REV is an id, a label, a unique prefix, `head`, `base+2`, `LABEL@head` and so on; with -t "
        "NAME also `current` and `current-1`.",
    .example = "migctl show head -c shop",
    .run = run_show,
};
