/* run list, show, watch, cancel, resume: runs, also after the client that asked is gone. */
#include <stdlib.h>
#include <string.h>

#include "client/duration.h"
#include "client/follow.h"
#include "client/report.h"
#include "client/session.h"
#include "client/words.h"
#include "migd/v1/runs.pb-c.h"
#include "proto/rpc/frame.h"

extern const struct command cmd_run_list, cmd_run_show, cmd_run_watch, cmd_run_cancel,
    cmd_run_resume;

#define SERVICE (&migd__v1__runs__descriptor)

static char *run_id(struct session *s) {
  return arena_strdup(&s->arena, session_argument(s, 0));
}

/* "3 of 50", and what went wrong. */
static const char *count_words(struct session *s, const Migd__V1__TaskCounts *c) {
  struct buf b BUF_SCOPED = BUF_INIT;
  if (!c)
    return "";
  buf_addf(&b, "%u/%u", c->succeeded, c->total);
  if (c->failed)
    buf_addf(&b, ", %u failed", c->failed);
  if (c->cancelled)
    buf_addf(&b, ", %u cancelled", c->cancelled);
  if (c->interrupted)
    buf_addf(&b, ", %u interrupted", c->interrupted);
  return arena_strdup(&s->arena, buf_str(&b));
}

static const char *took(struct session *s, const Google__Protobuf__Timestamp *from,
                        const Google__Protobuf__Timestamp *to) {
  return from && to ? words_duration(s, timestamp_ns(to) - timestamp_ns(from)) : "";
}

static void add_run(struct session *s, struct table *t, const Migd__V1__Run *run) {
  struct words state = words_run_state(run->state);
  table_add(t, PAINT_NONE, "%s", run->id);
  table_add(t, PAINT_NONE, "%s", words_request(s, run));
  table_add(t, state.paint, "%s", state.text);
  table_add(t, PAINT_NONE, "%s", count_words(s, run->counts));
  table_add(t, PAINT_NONE, "%s", run->principal);
  table_add(t, PAINT_NONE, "%s", time_relative(&s->arena, run->created_at, now_ns()));
  table_add(t, PAINT_NONE, "%s", took(s, run->created_at, run->finished_at));
}

static int read_limit(struct session *s, uint32_t *limit, struct err *e) {
  const char *text = options_value(&s->options, "limit");
  char *end = NULL;
  unsigned long n = text ? strtoul(text, &end, 10) : 0;
  if (text && (*end || end == text || n < 1 || n > 1000))
    return session_usage(s, e, "--limit is a number from 1 to 1000, not `%s`", text);
  *limit = (uint32_t)n;
  return 0;
}

static int run_list(struct session *s, struct err *e) {
  static const char *const headings[] = {">RUN", "WHAT", "STATE", "TARGETS",
                                         "BY",   "WHEN", "TOOK",  NULL};
  Migd__V1__ListRunsRequest request = MIGD__V1__LIST_RUNS_REQUEST__INIT;
  struct table t;
  struct buf text BUF_SCOPED = BUF_INIT;
  request.target = session_text(s, "target");
  request.unfinished = session_flag(s, "unfinished");
  if (read_limit(s, &request.limit, e) < 0)
    return -1;
  const Migd__V1__ListRunsResponse *reply = session_ask_print(s, SERVICE, "ListRuns", &request, e);
  if (!reply)
    return -1;
  if (reply->n_runs == 0)
    say(s, "no runs");
  if (s->json)
    return EXIT_DONE;
  table_init(&t, &s->arena, headings);
  for (size_t i = 0; i < reply->n_runs; i++)
    add_run(s, &t, reply->runs[i]);
  table_print(&t, &text, s->color_out, words_width(s));
  session_print(s, &text);
  return EXIT_DONE;
}

static const struct option list_options[] = {
    {"target", 't', OPTION_VALUE, "NAME", "only runs with a task on this target", NULL},
    {"unfinished", 'u', OPTION_FLAG, NULL, "only runs that are not finished", NULL},
    {"limit", 'n', OPTION_VALUE, "N", "at most so many (50)", NULL},
    {NULL},
};

const struct command cmd_run_list = {
    .name = "run list",
    .group = GROUP_RUNS,
    .arguments = "",
    .options = list_options,
    .summary = "list runs, newest first",
    .example = "migctl run list -t shop-eu",
    .run = run_list,
};

static void print_run(struct session *s, struct buf *text, const Migd__V1__Run *run) {
  words_field(text, "run", run->id);
  words_field(text, "what", words_request(s, run));
  words_field(text, "state", words_run_state(run->state).text);
  words_field(text, "targets", count_words(s, run->counts));
  words_field(text, "by", run->principal);
  words_field(text, "when", time_relative(&s->arena, run->created_at, now_ns()));
  words_field(text, "took", took(s, run->created_at, run->finished_at));
}

static const char *steps_words(struct session *s, const Migd__V1__Task *task) {
  if (task->steps_total == 0)
    return "";
  if (task->batch)
    return arena_printf(&s->arena, "%u/%u, %s", task->steps_done, task->steps_total,
                        counted(s, task->batch->rows, "row", "rows"));
  return arena_printf(&s->arena, "%u/%u", task->steps_done, task->steps_total);
}

static void print_tasks(struct session *s, struct buf *text, const Migd__V1__Run *run) {
  static const char *const headings[] = {"TARGET", "STATE", ">STEPS", "AT", "TOOK", "ERROR", NULL};
  struct table t;
  table_init(&t, &s->arena, headings);
  for (size_t i = 0; i < run->n_tasks; i++) {
    const Migd__V1__Task *task = run->tasks[i];
    struct words state = words_task_state(task->state);
    table_add(&t, PAINT_NONE, "%s", task->target);
    table_add(&t, state.paint, "%s", state.text);
    table_add(&t, PAINT_NONE, "%s", steps_words(s, task));
    table_add(&t, PAINT_NONE, "%s", words_list(s, task->n_current, task->current, ""));
    table_add(&t, PAINT_NONE, "%s", took(s, task->started_at, task->finished_at));
    table_add(&t, PAINT_NONE, "%s", task->error ? task->error->message : "");
  }
  buf_addc(text, '\n');
  table_print(&t, text, s->color_out, words_width(s));
}

/* The first errors in full: with file, line and caret. */
static void print_errors(struct session *s, struct buf *text, const Migd__V1__Run *run) {
  size_t shown = 0, most = s->verbose ? run->n_tasks : 3;
  for (size_t i = 0; i < run->n_tasks && shown < most; i++) {
    struct err e;
    if (!run->tasks[i]->error)
      continue;
    rpc_error_read(&e, run->tasks[i]->error);
    if (!e.source[0] && !e.hint[0] && !e.detail[0] && !s->verbose)
      continue;
    buf_addc(text, '\n');
    report_error(text, &e, s->color_out);
    shown++;
  }
}

static int run_show(struct session *s, struct err *e) {
  Migd__V1__GetRunRequest request = MIGD__V1__GET_RUN_REQUEST__INIT;
  struct buf text BUF_SCOPED = BUF_INIT;
  request.id = run_id(s);
  const Migd__V1__Run *run = session_ask_print(s, SERVICE, "GetRun", &request, e);
  if (!run || s->json)
    return run ? EXIT_DONE : -1;
  print_run(s, &text, run);
  if (run->n_tasks)
    print_tasks(s, &text, run);
  print_errors(s, &text, run);
  session_print(s, &text);
  return EXIT_DONE;
}

const struct command cmd_run_show = {
    .name = "run show",
    .group = GROUP_RUNS,
    .arguments = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "show a run with its tasks",
    .help = "-v prints every error in full.",
    .example = "migctl run show 12",
    .run = run_show,
};

static int run_watch(struct session *s, struct err *e) {
  struct following what = {.run = session_argument(s, 0), .verb = "run", .from_seq = 1};
  return follow_run(s, &what, e);
}

const struct command cmd_run_watch = {
    .name = "run watch",
    .group = GROUP_RUNS,
    .arguments = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "follow a run from its beginning to its end",
    .help = "What happened already is told again. The exit code is that of the run's outcome.",
    .example = "migctl run watch 12",
    .run = run_watch,
};

static int run_cancel(struct session *s, struct err *e) {
  Migd__V1__CancelRunRequest request = MIGD__V1__CANCEL_RUN_REQUEST__INIT;
  request.id = run_id(s);
  const Migd__V1__Run *run = session_ask_print(s, SERVICE, "CancelRun", &request, e);
  if (!run)
    return -1;
  if (run->state == MIGD__V1__RUN_STATE__RUN_STATE_RUNNING)
    say(s,
        "run %s is being cancelled: what is running is rolled back, and its target stays at the "
        "last revision, or batch, that was done",
        run->id);
  else
    say(s, "run %s: %s", run->id, words_run_state(run->state).text);
  return EXIT_DONE;
}

const struct command cmd_run_cancel = {
    .name = "run cancel",
    .group = GROUP_RUNS,
    .arguments = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .summary = "stop a run: targets stay at the revision they have reached",
    .example = "migctl run cancel 12",
    .run = run_cancel,
};

/* What happened before it was resumed is known and not told again. */
static int resume(struct session *s, Migd__V1__ResumeRunRequest *request, struct err *e) {
  Migd__V1__GetRunRequest question = MIGD__V1__GET_RUN_REQUEST__INIT;
  question.id = request->id;
  const Migd__V1__Run *before = session_ask(s, SERVICE, "GetRun", &question, e);
  const Migd__V1__Run *run = before ? session_ask(s, SERVICE, "ResumeRun", request, e) : NULL;
  if (!run)
    return -1;
  if (s->json)
    session_json(s, run, !session_flag(s, "detach"));
  if (session_flag(s, "detach")) {
    say(s, "run %s goes on; `migctl run watch %s` follows it", run->id, run->id);
    return EXIT_DONE;
  }
  struct following what = {.run = run->id,
                           .verb = words_operation(run->operation),
                           .from_seq = before->next_seq,
                           .tasks = run->counts ? run->counts->total : 0};
  return follow_run(s, &what, e);
}

static int run_resume(struct session *s, struct err *e) {
  Migd__V1__ResumeRunRequest request = MIGD__V1__RESUME_RUN_REQUEST__INIT;
  request.id = run_id(s);
  if (session_flag(s, "skip") && session_flag(s, "retry"))
    return session_usage(s, e, "a statement either took effect (--skip) or did not (--retry)");
  if (session_flag(s, "skip"))
    request.doubt = MIGD__V1__DOUBT_ANSWER__DOUBT_ANSWER_SKIP;
  if (session_flag(s, "retry"))
    request.doubt = MIGD__V1__DOUBT_ANSWER__DOUBT_ANSWER_RETRY;
  return resume(s, &request, e);
}

static const struct option resume_options[] = {
    {"skip", 0, OPTION_FLAG, NULL, "statements in doubt took effect: go on after them", NULL},
    {"retry", 0, OPTION_FLAG, NULL, "statements in doubt did not: run them again", NULL},
    {"detach", 'd', OPTION_FLAG, NULL, "do not follow the run", NULL},
    {NULL},
};

const struct command cmd_run_resume = {
    .name = "run resume",
    .group = GROUP_RUNS,
    .arguments = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = resume_options,
    .summary = "go on with tasks that were interrupted, failed, cancelled or left in doubt",
    .help = "A statement outside a transaction that was cut off by a crash is in doubt: whether it "
            "took effect only a look at the database can tell. Say it with --skip or --retry; "
            "without either such tasks are left as they are.",
    .example = "migctl run resume 12 --retry",
    .run = run_resume,
};
