/* current: asks the databases themselves what is applied. */
#include <string.h>

#include "client/graph.h"
#include "client/report.h"
#include "client/selection.h"
#include "client/session.h"
#include "client/text.h"
#include "client/words.h"
#include "proto/rpc/frame.h"

extern const struct command cmd_current;

struct asking {
  struct session *s;
  bool alone; /* one target was named: its name is not said again */
  bool check; /* --check-heads */
  size_t seen, failed, not_at_heads;
  enum err_kind kind; /* of the failures, when all are alike */
  struct err last;
};

/* `id (head)`, `id (effective head)`; in full with -v. */
static void add_revision(const struct asking *a, struct buf *out, const Migd__V1__Current *c,
                         const Migd__V1__CurrentRevision *r) {
  if (!a->alone && !(a->s->verbose && r->revision))
    buf_addf(out, "%s: ", c->target);
  if (!r->revision)
    buf_addf(out, "%s (unknown)", r->id);
  else if (a->s->verbose)
    graph_entry(a->s, out, r->revision);
  else
    graph_line(a->s, out, r->revision, GRAPH_TREE);
  buf_addc(out, '\n');
}

static void print_current(const struct asking *a, const Migd__V1__Current *c) {
  struct buf text BUF_SCOPED = BUF_INIT, clean BUF_SCOPED = BUF_INIT;
  if (a->s->verbose && c->n_revisions)
    buf_addf(&text, "Current revision(s) for %s%s:\n", c->target,
             c->behind ? arena_printf(&a->s->arena, " (%s behind)",
                                      counted(a->s, c->behind, "revision", "revisions"))
                       : "");
  for (size_t i = 0; i < c->n_revisions; i++)
    add_revision(a, &text, c, c->revisions[i]);
  text_clean(&clean, buf_str(&text), text.len, true);
  session_print(a->s, &clean);
  if (c->n_revisions == 0)
    say(a->s, "%s: %s", c->target, c->no_ledger ? "no ledger yet" : "at base");
}

static void note_failure(struct asking *a, const Migd__V1__Current *c) {
  struct err e;
  rpc_error_read(&e, c->error);
  if (!e.target[0])
    err_copy(e.target, sizeof e.target, c->target, strlen(c->target));
  if (a->failed++ == 0)
    a->kind = e.kind;
  else if (err_row(a->kind)->exit_code != err_row(e.kind)->exit_code)
    a->kind = ERR_TARGET;
  a->last = e;
  session_report(a->s, &e);
}

static int on_current(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct asking *a = ctx;
  const Migd__V1__Current *c = (const void *)m;
  (void)e;
  a->seen++;
  if (a->s->json)
    session_json(a->s, c, true);
  if (c->error)
    note_failure(a, c);
  else if (!a->s->json)
    print_current(a, c);
  if (a->check && !c->error && !c->at_heads) {
    a->not_at_heads++;
    say(a->s, "%s: not on all heads", c->target);
  }
  return 0;
}

static int run_current(struct session *s, struct err *e) {
  Migd__V1__GetCurrentRequest request = MIGD__V1__GET_CURRENT_REQUEST__INIT;
  struct asking a = {.s = s, .alone = options_count(&s->options, "target") == 1};
  a.check = session_flag(s, "check-heads");
  request.selection = selection_read(s, false, e);
  if (!request.selection)
    return -1;
  if (session_stream(s, &migd__v1__targets__descriptor, "GetCurrent", &request, on_current, &a,
                     e) != 0)
    return -1;
  if (a.seen == 0 && a.check)
    return err_set(e, ERR_NOT_FOUND, "no target matches: nothing was checked");
  if (a.seen == 0)
    say(s, "no target matches");
  if (a.failed)
    return err_row(a.kind)->exit_code;
  return a.not_at_heads ? EXIT_NOT_AT_HEAD : EXIT_DONE;
}

static const struct option current_options[] = {
    {"check-heads", 0, OPTION_FLAG, NULL, "exit with 3 unless all heads are applied", NULL},
    SELECTION_OPTIONS,
    {NULL},
};

const struct command cmd_current = {
    .name = "current",
    .group = GROUP_FLEET,
    .arguments = "",
    .options = current_options,
    .summary = "ask the databases themselves what is applied",
    .help =
        "Without a selection all targets are asked. `migctl status` tells the same from the "
        "server's store, at once. A revision that is applied because another one depends on it has "
        "no row in the ledger and is listed after the rows. -v prints each in full, and how far "
        "behind a target is.",
    .example = "migctl current -t shop-eu\n"
               "migctl current --all --check-heads",
    .run = run_current,
};
