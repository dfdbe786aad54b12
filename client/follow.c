/* See follow.h. A follower is an integer, the sequence number of the next event: after a lost
 * connection the server replays from there.
 */
#include "client/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/call.h"
#include "client/duration.h"
#include "client/interrupt.h"
#include "client/json.h"
#include "client/progress.h"
#include "client/report.h"
#include "client/text.h"
#include "client/words.h"
#include "proto/rpc/frame.h"

#define RETRY_FIRST (100 * NS_PER_MS)
#define RETRY_MOST (4 * NS_PER_S)
enum {
  RETRIES = 12,          /* without any event between: about half a minute */
  BLOCKERS_SHOWN = 5,    /* of who is in the way of a lock */
  LINES_BESIDE_BAR = 10, /* tasks, up to which each gets its line though there is a bar */
};
#define BATCHES_SAID (10 * NS_PER_S) /* between two lines, where there is no bar */

/* What is told of a statement that runs batch by batch. By the events' clock: a run can be followed
 * after it is over. */
struct batches {
  uint32_t statement;
  uint64_t first_rows, rows, count;
  int64_t began, at, said;
};

struct follower {
  struct session *s;
  const char *run;
  struct progress bar;
  struct arena brief; /* for one event */
  uint64_t next_seq;
  uint32_t tasks; /* of the run */
  uint64_t steps; /* planned so far */
  uint64_t steps_done;
  uint64_t tasks_done;
  size_t failures;    /* since the run was started or resumed */
  int failure_code;   /* the exit code of all of them, or EXIT_MIGRATION_FAILED when they differ */
  struct err failure; /* the first */
  bool finished;
  Migd__V1__RunState state;
  Migd__V1__TaskCounts counts;
  int64_t began, ended;   /* by the server's clock, since it was started or resumed; 0: unknown */
  bool stamps;            /* the steps are ledger rows only */
  bool lost;              /* the connection is, and that has been said */
  struct batches batches; /* of one task only; count 0: none at work */
};

/* A line of talk makes way for the bar, which a tick draws again. */
#define LINE(f, ...)                                                                               \
  do {                                                                                             \
    progress_hide(&(f)->bar);                                                                      \
    say((f)->s, __VA_ARGS__);                                                                      \
  } while (0)

/* One target: each step is a line and the bar counts steps. Many: a line a target. */
static bool in_detail(const struct follower *f) {
  return f->tasks <= 1 || f->s->verbose;
}

/* A bar counts the many that go well; lines are for those that do not. */
static bool only_counted(const struct follower *f) {
  return f->bar.on && f->tasks > LINES_BESIDE_BAR && !f->s->verbose;
}

static void update_bar(struct follower *f) {
  bool steps = f->tasks <= 1;
  f->bar.unit = steps ? "revisions" : "targets";
  f->bar.total = steps ? f->steps : f->tasks;
  f->bar.done = steps ? f->steps_done : f->tasks_done;
  f->bar.failed = f->failures;
}

static const char *list(struct follower *f, size_t count, char *const *items, const char *none) {
  struct buf b BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count; i++)
    buf_addf(&b, "%s%s", i ? ", " : "", items[i]);
  return count ? arena_strdup(&f->brief, buf_str(&b)) : none;
}

static const char *duration(struct follower *f, const Google__Protobuf__Duration *d) {
  struct buf b BUF_SCOPED = BUF_INIT;
  duration_format(&b, duration_ns(d));
  return arena_strdup(&f->brief, buf_str(&b));
}

static void on_run_started(struct follower *f, const Migd__V1__RunStarted *m) {
  f->tasks = m->tasks;
  if (!m->resumed)
    return;
  /* What failed before is tried again: it counts anew. */
  f->failures = 0;
  f->tasks_done = f->steps = f->steps_done = 0;
  f->finished = false;
  LINE(f, "run %s goes on", f->run);
}

/* "process 4711 (psql, role app), idle in transaction for 12 s, holds AccessShareLock on
 * public.orders: SELECT …" */
static void add_blocker(struct follower *f, struct buf *line, const Migd__V1__Blocker *b) {
  if (b->pid)
    buf_addf(line, "process %d (%s, role %s)", b->pid,
             b->application[0] ? b->application : "unnamed", b->user[0] ? b->user : "unknown");
  else
    buf_adds(line, "a transaction that is prepared");
  if (b->state[0])
    buf_addf(line, ", %s", b->state);
  if (b->query_start)
    buf_addf(line, ", its query began %s", time_relative(&f->brief, b->query_start, now_ns()));
  buf_addf(line, ", holds %s", b->lock_mode[0] ? b->lock_mode : "a lock");
  if (b->relation[0])
    buf_addf(line, " on %s", b->relation);
  if (b->state[0] && b->query[0])
    buf_addf(line, ": %s", b->query);
  else if (b->pid && !b->state[0])
    buf_adds(line, "; its state and query are hidden from migd's role");
}

/* A lock inside the target. One target is told of every try, many of the first one. */
static void on_lock_missed(struct follower *f, const char *target, const Migd__V1__TaskWaiting *m) {
  if (m->attempt > 1 && !in_detail(f))
    return;
  LINE(f, "%s: try %u for a lock: %s", target, m->attempt + 1, m->reason);
  for (size_t i = 0; i < m->n_blockers && (i < BLOCKERS_SHOWN || f->s->verbose); i++) {
    struct buf line BUF_SCOPED = BUF_INIT;
    add_blocker(f, &line, m->blockers[i]);
    LINE(f, "%s:   %s", target, buf_str(&line));
  }
  if (m->n_blockers > BLOCKERS_SHOWN && !f->s->verbose)
    LINE(f, "%s:   and %zu more", target, m->n_blockers - BLOCKERS_SHOWN);
}

static void on_waiting(struct follower *f, const char *target, const Migd__V1__TaskWaiting *m) {
  if (m->attempt)
    on_lock_missed(f, target, m);
  else if (m->run[0])
    LINE(f, "%s: waits for a lock that run %s of %s holds", target, m->run, m->holder);
  else
    LINE(f, "%s: waits for a lock that %s holds%s%s", target,
         m->holder[0] ? m->holder : "another session", m->reason[0] ? ": " : "", m->reason);
}

static void on_step_started(struct follower *f, const char *target,
                            const Migd__V1__StepStarted *m) {
  struct buf line BUF_SCOPED = BUF_INIT;
  f->stamps = m->direction == MIGD__V1__DIRECTION__DIRECTION_STAMP;
  if (!in_detail(f))
    return;
  words_step(&line, m->direction, list(f, m->n_from, m->from, "<base>"),
             list(f, m->n_to, m->to, "<base>"), m->message);
  LINE(f, "%s: %s", target, buf_str(&line));
}

static void on_step_finished(struct follower *f, const char *target,
                             const Migd__V1__StepFinished *m) {
  f->steps_done++;
  if (m->resolved)
    LINE(f, "%s: %s: the commit's answer was lost, the ledger says that it is applied", target,
         m->revision);
}

static void add_batches(struct buf *out, const struct batches *b) {
  int64_t took = b->at - b->began;
  text_count(out, b->rows, "row", "rows");
  buf_adds(out, " in ");
  text_count(out, b->count, "batch", "batches");
  if (took > 0 && b->rows > b->first_rows)
    buf_addf(out, ", %.0f/s", (double)(b->rows - b->first_rows) * 1e9 / (double)took);
}

/* Something else follows: the statement is over, or the task. */
static void end_batches(struct follower *f, const char *target) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (!f->batches.count || !target[0])
    return;
  add_batches(&text, &f->batches);
  LINE(f, "%s: %s", target, buf_str(&text));
  f->batches.count = 0;
  f->bar.note[0] = 0;
}

static void on_batch(struct follower *f, const char *target, const Migd__V1__BatchFinished *m,
                     int64_t at) {
  struct batches *b = &f->batches;
  struct buf text BUF_SCOPED = BUF_INIT;
  if (f->tasks > 1)
    return;
  if (b->count && b->statement != m->statement)
    end_batches(f, target);
  if (!b->count)
    *b =
        (struct batches){.statement = m->statement, .first_rows = m->rows, .began = at, .said = at};
  b->rows = m->rows;
  b->count = m->batches;
  b->at = at;
  add_batches(&text, b);
  if (m->pause && duration_ns(m->pause) > 0)
    buf_addf(&text, ", pause %s", duration(f, m->pause));
  if (f->bar.on)
    snprintf(f->bar.note, sizeof f->bar.note, "%s", buf_str(&text));
  else if (at - b->said >= BATCHES_SAID) {
    LINE(f, "%s: %s: %s", target, m->revision, buf_str(&text));
    b->said = at;
  }
}

static void on_notice(struct follower *f, const char *target, const Migd__V1__Notice *m) {
  LINE(f, "%s: %s: %s", target, m->severity, m->text);
}

static bool failed(Migd__V1__TaskState state) {
  return state == MIGD__V1__TASK_STATE__TASK_STATE_FAILED ||
         state == MIGD__V1__TASK_STATE__TASK_STATE_IN_DOUBT;
}

static void note_failure(struct follower *f, const char *target, const Migd__V1__TaskFinished *m) {
  struct err e;
  rpc_error_read(&e, m->error);
  if (!m->error)
    err_set(&e, ERR_MIGRATION, "failed");
  if (!e.target[0])
    err_copy(e.target, sizeof e.target, target, strlen(target));
  if (m->state == MIGD__V1__TASK_STATE__TASK_STATE_IN_DOUBT && !e.hint[0])
    err_hint(&e,
             "look at the target, then `migctl run resume %s --skip` (it took effect) or "
             "`--retry` (it did not)",
             f->run);
  int code = err_row(e.kind)->exit_code;
  if (f->failures == 0) {
    f->failure_code = code;
    f->failure = e;
  } else if (code != f->failure_code) {
    f->failure_code = EXIT_MIGRATION_FAILED;
  }
  f->failures++;
  progress_hide(&f->bar);
  session_report(f->s, &e);
}

static void on_task_finished(struct follower *f, const char *target,
                             const Migd__V1__TaskFinished *m) {
  const char *now_at = list(f, m->n_current, m->current, "base");
  f->tasks_done++;
  if (failed(m->state))
    note_failure(f, target, m);
  else if (m->state != MIGD__V1__TASK_STATE__TASK_STATE_SUCCEEDED)
    LINE(f, "%s: %s%s%s", target, words_task_state(m->state).text, m->n_current ? ", at " : "",
         m->n_current ? now_at : "");
  else if (only_counted(f))
    return;
  else if (m->steps == 0)
    LINE(f, "%s: nothing to do, at %s", target, now_at);
  else if (f->stamps)
    LINE(f, "%s: stamped, now at %s", target, now_at);
  else
    LINE(f, "%s: %s in %s, now at %s", target, counted(f->s, m->steps, "revision", "revisions"),
         duration(f, m->duration), now_at);
}

static void on_run_finished(struct follower *f, const Migd__V1__RunFinished *m, int64_t at) {
  f->finished = true;
  f->ended = at;
  f->state = m->state;
  migd__v1__task_counts__init(&f->counts);
  if (m->counts)
    f->counts = *m->counts;
}

static void take_event(struct follower *f, const Migd__V1__RunEvent *event) {
  const char *target = event->target;
  if (event->event_case == MIGD__V1__RUN_EVENT__EVENT_STEP_FINISHED ||
      event->event_case == MIGD__V1__RUN_EVENT__EVENT_TASK_FINISHED)
    end_batches(f, target);
  switch ((int)event->event_case) {
  case MIGD__V1__RUN_EVENT__EVENT_RUN_STARTED:
    f->began = timestamp_ns(event->time);
    return on_run_started(f, event->run_started);
  case MIGD__V1__RUN_EVENT__EVENT_TASK_STARTED:
    f->steps += event->task_started->steps;
    return;
  case MIGD__V1__RUN_EVENT__EVENT_TASK_WAITING:
    return on_waiting(f, target, event->task_waiting);
  case MIGD__V1__RUN_EVENT__EVENT_STEP_STARTED:
    return on_step_started(f, target, event->step_started);
  case MIGD__V1__RUN_EVENT__EVENT_STEP_FINISHED:
    return on_step_finished(f, target, event->step_finished);
  case MIGD__V1__RUN_EVENT__EVENT_NOTICE:
    return on_notice(f, target, event->notice);
  case MIGD__V1__RUN_EVENT__EVENT_BATCH_FINISHED:
    return on_batch(f, target, event->batch_finished, timestamp_ns(event->time));
  case MIGD__V1__RUN_EVENT__EVENT_TASK_FINISHED:
    return on_task_finished(f, target, event->task_finished);
  case MIGD__V1__RUN_EVENT__EVENT_RUN_FINISHED:
    return on_run_finished(f, event->run_finished, timestamp_ns(event->time));
  default:
    return; /* of a newer server */
  }
}

static int on_event(void *ctx, const ProtobufCMessage *m, struct err *e) {
  struct follower *f = ctx;
  const Migd__V1__RunEvent *event = (const void *)m;
  (void)e;
  if (event->seq < f->next_seq)
    return 0;
  f->next_seq = event->seq + 1;
  if (f->lost)
    LINE(f, "connected again");
  f->lost = false;
  if (f->s->json)
    session_json(f->s, event, true);
  take_event(f, event);
  arena_release(&f->brief);
  update_bar(f);
  progress_tick(&f->bar);
  return 0;
}

static void on_tick(void *ctx) {
  progress_tick(&((struct follower *)ctx)->bar);
}

static int watch_once(struct follower *f, struct err *e) {
  Migd__V1__WatchRunRequest request = MIGD__V1__WATCH_RUN_REQUEST__INIT;
  request.id = arena_strdup(&f->s->arena, f->run);
  request.from_seq = f->next_seq;
  struct channel *ch = session_channel(f->s, e);
  if (!ch)
    return -1;
  channel_on_tick(ch, on_tick, f);
  int rc = session_stream(f->s, &migd__v1__runs__descriptor, "WatchRun", &request, on_event, f, e);
  channel_on_tick(ch, NULL, NULL);
  return rc;
}

static bool worth_another_try(enum err_kind kind) {
  return kind == ERR_UNREACHABLE || kind == ERR_BUSY;
}

/* Waits longer each time, never in step with other followers. -1: interrupted. */
static int pause_before(unsigned attempt, struct err *e) {
  int64_t most = RETRY_FIRST << (attempt < 6 ? attempt : 6);
  most = most > RETRY_MOST ? RETRY_MOST : most;
  int64_t wait = most / 2 + (monotonic_ns() / 1000) % (most / 2);
  return interrupts_sleep(wait) ? err_set(e, ERR_CANCELLED, "interrupted") : 0;
}

static int watch(struct follower *f, struct err *e) {
  unsigned attempt = 0;
  for (;;) {
    uint64_t before = f->next_seq;
    int rc = watch_once(f, e);
    if (rc == 0 || !worth_another_try(e->kind))
      return rc;
    if (f->next_seq != before)
      attempt = 0;
    if (++attempt > RETRIES || (f->s->deadline && monotonic_ns() >= f->s->deadline))
      return -1;
    if (!f->lost)
      LINE(f, "%s: connecting again; the run goes on", e->text);
    f->lost = true;
    if (pause_before(attempt, e) < 0)
      return -1;
  }
}

/* The stream ended, or this program is to: how the run is now. */
static int ask_state(struct follower *f, struct err *e) {
  Migd__V1__GetRunRequest request = MIGD__V1__GET_RUN_REQUEST__INIT;
  request.id = arena_strdup(&f->s->arena, f->run);
  const Migd__V1__Run *run = session_ask(f->s, &migd__v1__runs__descriptor, "GetRun", &request, e);
  if (!run)
    return -1;
  f->state = run->state;
  migd__v1__task_counts__init(&f->counts);
  if (run->counts)
    f->counts = *run->counts;
  return 0;
}

/* "3 of 50 targets failed, 47 succeeded"; nothing for one target, whose lines said it. */
static const char *outcome_words(struct follower *f) {
  struct buf b BUF_SCOPED = BUF_INIT;
  const char *total = counted(f->s, f->counts.total, "target", "targets");
  const struct {
    uint32_t count;
    const char *words;
  } parts[] = {{f->counts.failed, "failed"},
               {f->counts.cancelled, "cancelled"},
               {f->counts.interrupted, "interrupted"},
               {f->counts.open, "not finished"},
               {f->counts.succeeded, "succeeded"}};
  for (size_t i = 0; f->counts.total > 1 && i < sizeof parts / sizeof parts[0]; i++)
    if (parts[i].count && b.len == 0)
      buf_addf(&b, ": %u of %s %s", parts[i].count, total, parts[i].words);
    else if (parts[i].count)
      buf_addf(&b, ", %u %s", parts[i].count, parts[i].words);
  return arena_strdup(&f->s->arena, buf_str(&b));
}

static void say_outcome(struct follower *f) {
  const char *total = counted(f->s, f->counts.total, "target", "targets");
  const char *state = words_run_state(f->state).text;
  bool known = f->began && f->ended;
  if (f->state == MIGD__V1__RUN_STATE__RUN_STATE_SUCCEEDED)
    say(f->s, "run %s %s: %s in %s", f->run, state, total,
        words_duration(f->s, known ? f->ended - f->began : monotonic_ns() - f->bar.began));
  else
    say(f->s, "run %s %s%s", f->run, state, outcome_words(f));
  if (f->state == MIGD__V1__RUN_STATE__RUN_STATE_CANCELLED)
    say(f->s, "  go on with it: migctl run resume %s", f->run);
}

/* A failed run ends with its first error, for who reads the JSON. */
static void print_failure(struct follower *f) {
  struct buf text BUF_SCOPED = BUF_INIT;
  if (!f->s->json || f->failures == 0)
    return;
  json_error(&text, &f->failure, true, f->s->tty_out);
  session_print(f->s, &text);
}

static int exit_code(struct follower *f, struct err *e) {
  switch ((int)f->state) {
  case MIGD__V1__RUN_STATE__RUN_STATE_SUCCEEDED:
    return EXIT_DONE;
  case MIGD__V1__RUN_STATE__RUN_STATE_FAILED:
    print_failure(f);
    return f->failures ? f->failure_code : EXIT_MIGRATION_FAILED;
  case MIGD__V1__RUN_STATE__RUN_STATE_CANCELLED:
    return EXIT_CANCELLED;
  case MIGD__V1__RUN_STATE__RUN_STATE_INTERRUPTED:
    err_set(e, ERR_UNREACHABLE, "the server stopped before run %s was done", f->run);
    return err_hint(e, "`migctl run resume %s` goes on with it", f->run);
  default:
    err_set(e, ERR_UNREACHABLE, "run %s is not finished, and its events ended", f->run);
    return err_hint(e, "`migctl run watch %s` follows it again", f->run);
  }
}

/* This program stops, the run does not. */
static int left_alone(struct follower *f, struct err *e) {
  if (e->kind == ERR_CANCELLED) {
    say(f->s, "run %s goes on without you", f->run);
    say(f->s, "  follow it again: migctl run watch %s", f->run);
    say(f->s, "  stop it:         migctl run cancel %s", f->run);
    return EXIT_CANCELLED;
  }
  if (e->kind == ERR_DEADLINE)
    err_set(e, ERR_DEADLINE, "run %s is not finished in the time given; it goes on", f->run);
  else if (!worth_another_try(e->kind))
    return -1;
  return err_hint(e,
                  "`migctl run watch %s` follows the run again, `migctl run show %s` tells how it "
                  "stands",
                  f->run, f->run);
}

int follow_run(struct session *s, const struct following *what, struct err *e) {
  struct follower f = {.s = s, .run = what->run, .next_seq = what->from_seq, .tasks = what->tasks};
  arena_init(&f.brief, 0);
  progress_start(&f.bar, what->verb, "targets", s->tty_err && !s->quiet && !s->json, s->color_err);
  int rc = watch(&f, e);
  progress_hide(&f.bar);
  arena_release(&f.brief);
  if (rc != 0)
    return left_alone(&f, e);
  if (!f.finished && ask_state(&f, e) < 0)
    return -1;
  say_outcome(&f);
  return exit_code(&f, e);
}
