/* migd.v1.Runs: starting runs, planning them, watching them. A watcher is an integer: the sequence
 * number of the next event that it wants.
 */
#include "server/rpc/services.h"
#include "server/rpc/survey.h"

#include <string.h>

#include "proto/rpc/frame.h"
#include "proto/rpc/status.h"
#include "server/base/clock.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/danger.h"
#include "server/rpc/script.h"
#include "server/sql/variable.h"

#define REQUEST_ID_MAX 64
#define REVISIONS_MAX 100
#define REVISION_TEXT_MAX 200
#define LIST_DEFAULT 50
#define LIST_MAX 1000
#define WATCH_EVENTS 1000       /* of one step; event_replay keeps to about 256 KiB as well */
#define PLAN_SQL_MAX (3u << 20) /* of one target, so that its plan fits into a message */
#define WAIT_MAX_NS (INT64_C(86400) * 30 * NS_PER_S)

/* --- what is asked */

static int check_adoption(const Migd__V1__StartRunRequest *m, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  if (m->n_revisions != 0 || m->purge)
    return err_set(e, ERR_INPUT,
                   "an adoption names no revision: the database says what is applied");
  if (m->from_tool[0] == '\0' || adopt_knows(m->from_tool))
    return 0;
  err_set(e, ERR_INPUT, "\"%.40s\" is no tool that is known here", m->from_tool);
  return err_hint(e, "it is one of: %s", adopt_names(&arena));
}

static int check_revisions(const Migd__V1__StartRunRequest *m, struct err *e) {
  if (m->n_revisions > REVISIONS_MAX)
    return err_set(e, ERR_INPUT, "a run names at most %d revisions", REVISIONS_MAX);
  for (size_t i = 0; i < m->n_revisions; i++)
    if (m->revisions[i][0] == '\0' || strlen(m->revisions[i]) > REVISION_TEXT_MAX)
      return err_set(e, ERR_INPUT, "\"%.80s\" names no revision", m->revisions[i]);
  bool stamp = m->operation == MIGD__V1__OPERATION__OPERATION_STAMP;
  if (m->operation == MIGD__V1__OPERATION__OPERATION_ADOPT)
    return check_adoption(m, e);
  if (m->from_tool[0] != '\0')
    return err_set(e, ERR_INPUT, "only an adoption is from a tool");
  if (m->n_revisions == 0 || (m->n_revisions > 1 && !stamp))
    return err_set(e, ERR_INPUT,
                   stamp ? "a stamp names one revision or more"
                         : "an upgrade or downgrade names one revision");
  if (m->purge && !stamp)
    return err_set(e, ERR_INPUT, "only a stamp can purge the ledger");
  return 0;
}

/* Borrows from the message; the packed request is in the arena. */
static int read_request(struct call *call, const Migd__V1__StartRunRequest *m,
                        struct run_request *out, struct err *e) {
  bool adopts = m->operation == MIGD__V1__OPERATION__OPERATION_ADOPT;
  *out = (struct run_request){
      .request_id = m->request_id,
      .principal = call->principal.name,
      .operation = adopts ? OP_STAMP : (enum operation)m->operation,
      .adopt = adopts ? m->from_tool : NULL,
      .revisions = (const char *const *)m->revisions,
      .revision_count = m->n_revisions,
      .purge = m->purge != 0,
      .single_transaction = m->single_transaction != 0,
  };
  if (m->operation == MIGD__V1__OPERATION__OPERATION_UNSPECIFIED)
    return err_set(e, ERR_INPUT, "say what to do: upgrade, downgrade, stamp or adopt");
  if (strlen(m->request_id) > REQUEST_ID_MAX)
    return err_set(e, ERR_INPUT, "a request_id has at most %d characters", REQUEST_ID_MAX);
  if (selection_query(m->selection, &out->targets, e) != 0 || check_revisions(m, e) != 0 ||
      duration_ns(m->wait, "wait", &out->wait_ns, e) != 0 ||
      duration_ms(m->lock_timeout, "lock_timeout", &out->lock_timeout_ms, e) != 0 ||
      duration_ms(m->statement_timeout, "statement_timeout", &out->statement_timeout_ms, e) != 0 ||
      duration_ms(m->idle_in_transaction_timeout, "idle_in_transaction_timeout",
                  &out->idle_timeout_ms, e) != 0 ||
      duration_ms(m->lock_retry, "lock_retry", &out->lock_retry_ms, e) != 0)
    return -1;
  if (out->wait_ns > WAIT_MAX_NS)
    return err_set(e, ERR_INPUT, "a task waits for its lock for at most 30 days");
  uint8_t *packed = arena_alloc(&call->arena, migd__v1__start_run_request__get_packed_size(m) + 1);
  out->packed_len = migd__v1__start_run_request__pack(m, packed);
  out->packed = packed;
  return 0;
}

/* --- answering runs */

static int reply_run(struct call *call, int64_t id, bool with_tasks, struct err *e) {
  struct store *store = call->server->store;
  struct run run;
  struct task *tasks = NULL;
  size_t count = 0;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = run_get(db, id, &call->arena, &run, e);
  if (rc == 0 && with_tasks)
    rc = task_list(db, id, 0, &call->arena, &tasks, &count, e);
  store_reader_done(store, db);
  if (rc != 0)
    return rc;
  Migd__V1__Run *m = proto_run(&call->arena, &run, tasks, count);
  struct task_batch batch;
  for (size_t i = 0; i < count; i++)
    if (engine_batch(call->server->engine, id, tasks[i].target, &batch))
      m->tasks[i]->batch = proto_batch(&call->arena, &batch);
  call_reply(call, &m->base);
  return 0;
}

static enum call_next start_run(struct call *call, const ProtobufCMessage *in, struct err *e) {
  struct run_request request;
  int64_t id;
  if (read_request(call, (const void *)in, &request, e) != 0 ||
      engine_run_start(call->server->engine, &request, &call->arena, &id, e) != 0)
    return CALL_FAIL;
  return reply_run(call, id, false, e) == 0 ? CALL_DONE : CALL_FAIL;
}

static enum call_next get_run(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__GetRunRequest *m = (const void *)in;
  int64_t id;
  if (run_id_parse(m->id, &id, e) != 0 || reply_run(call, id, true, e) != 0)
    return CALL_FAIL;
  return CALL_DONE;
}

static enum call_next list_runs(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__ListRunsRequest *m = (const void *)in;
  struct store *store = call->server->store;
  unsigned limit = m->limit == 0 ? LIST_DEFAULT : m->limit < LIST_MAX ? m->limit : LIST_MAX;
  Migd__V1__ListRunsResponse reply = MIGD__V1__LIST_RUNS_RESPONSE__INIT;
  struct run *runs;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return CALL_FAIL;
  int rc =
      run_list(db, m->target, m->unfinished != 0, limit, &call->arena, &runs, &reply.n_runs, e);
  store_reader_done(store, db);
  if (rc != 0)
    return CALL_FAIL;
  reply.runs = ARENA_ARRAY(&call->arena, Migd__V1__Run *, reply.n_runs + 1);
  for (size_t i = 0; i < reply.n_runs; i++)
    reply.runs[i] = proto_run(&call->arena, &runs[i], NULL, 0);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static enum call_next cancel_run(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__CancelRunRequest *m = (const void *)in;
  int64_t id;
  if (run_id_parse(m->id, &id, e) != 0 || engine_run_cancel(call->server->engine, id, e) != 0 ||
      reply_run(call, id, false, e) != 0)
    return CALL_FAIL;
  return CALL_DONE;
}

static enum call_next resume_run(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__ResumeRunRequest *m = (const void *)in;
  int64_t id;
  if (run_id_parse(m->id, &id, e) != 0 ||
      engine_run_resume(call->server->engine, id, (enum doubt_answer)m->doubt, call->principal.name,
                        e) != 0 ||
      reply_run(call, id, false, e) != 0)
    return CALL_FAIL;
  return CALL_DONE;
}

/* --- watching */

/* How far a watcher has come. In the call's arena. */
struct watch {
  int64_t run;
  uint64_t next; /* the sequence number that it wants next */
};

/* One step of it. */
struct replay {
  struct call *call;
  struct watch *watch;
};

static int replay_event(void *ctx, uint64_t seq, const void *packed, size_t len) {
  struct replay *r = ctx;
  rpc_frame_bytes(&r->call->replies, packed, len);
  r->watch->next = seq + 1;
  return 0;
}

static int watch_begin(struct call *call, const Migd__V1__WatchRunRequest *m, struct err *e) {
  struct watch *w = ARENA_NEW(&call->arena, struct watch);
  w->next = m->from_seq > 1 ? m->from_seq : 1;
  call->state = w;
  return run_id_parse(m->id, &w->run, e);
}

/* The run and its events are read in one snapshot: a run that is over there has all its events
 * there. */
static int watch_read(struct call *call, struct watch *w, struct run *run, struct err *e) {
  struct store *store = call->server->store;
  struct replay replay = {call, w};
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = run_get(db, w->run, &arena, run, e);
  if (rc == 0)
    rc = event_replay(db, w->run, w->next, WATCH_EVENTS, replay_event, &replay, e);
  store_reader_done(store, db);
  return rc;
}

static enum call_next watch_run(struct call *call, const ProtobufCMessage *in, struct err *e) {
  struct run run;
  if (in != NULL && watch_begin(call, (const void *)in, e) != 0)
    return CALL_FAIL;
  struct watch *w = call->state;
  if (watch_read(call, w, &run, e) != 0)
    return CALL_FAIL;
  if (w->next < run.next_seq)
    return CALL_MORE;
  if (run.state != RUN_RUNNING)
    return CALL_DONE;
  call->wait_run = w->run;
  call->wait_seq = w->next;
  return CALL_WAIT;
}

/* --- planning */

/* As it will be sent; a secret stays `${name}`. */
static char *shown_statement(const char *sql, size_t len, enum dialect dialect,
                             const struct variables *values, struct arena *arena) {
  struct sql_text text = {.s = sql, .len = len};
  struct err ignored; /* the plan was made with these values */
  (void)variable_replace(dialect, sql, len, values, arena, &text, &ignored);
  return arena_strndup(arena, text.s, text.len);
}

static void add_section(Migd__V1__PlanStep *m, const struct revision *r, const struct section *s,
                        enum dialect dialect, const struct variables *values, struct arena *arena) {
  m->no_transaction = m->no_transaction || !s->transaction;
  m->batched = m->batched || s->batch;
  for (size_t i = 0; i < s->statements[dialect].count; i++) {
    const struct section_statement *st = &s->statements[dialect].items[i];
    m->sql[m->n_sql++] = shown_statement(r->content + st->start, st->len, dialect, values, arena);
  }
}

static bool section_applies(const struct section *s, enum direction direction,
                            enum dialect dialect) {
  return s->direction == direction && (s->dialects & dialect) != 0;
}

/* `shown`: what runs in place of the revision's own text; NULL: that. */
static Migd__V1__PlanStep *proto_step(const struct catalog *c, const struct plan_step *step,
                                      enum dialect dialect, const struct variables *values,
                                      const struct shown *shown, struct arena *arena) {
  const struct revision *r = &c->revisions[step->revision];
  PROTO_NEW(m, PlanStep, plan_step, arena);
  m->revision = proto_text(arena, r->id);
  m->direction = (Migd__V1__Direction)step->direction;
  m->message = proto_text(arena, r->message);
  m->file = proto_text(arena, r->file);
  for (size_t i = 0; i < r->section_count; i++)
    if (section_applies(&r->sections[i], step->direction, dialect))
      m->statements += (uint32_t)r->sections[i].statements[dialect].count;
  m->sql = ARENA_ARRAY(arena, char *, m->statements + 1);
  for (size_t i = 0; i < r->section_count; i++)
    if (section_applies(&r->sections[i], step->direction, dialect))
      add_section(m, r, &r->sections[i], dialect, values, arena);
  if (shown) {
    m->sql = proto_texts(arena, shown->sql, shown->count);
    m->n_sql = shown->count;
  }
  return m;
}

static size_t sql_size(const Migd__V1__PlanStep *m) {
  size_t size = 0;
  for (size_t i = 0; i < m->n_sql; i++)
    size += strlen(m->sql[i]) + 4;
  return size;
}

static Migd__V1__Adoption *proto_adoption(const struct adoption *a, struct arena *arena) {
  PROTO_NEW(m, Adoption, adoption, arena);
  m->tool = proto_text(arena, a->tool);
  m->table = proto_text(arena, a->table);
  m->known = a->known;
  m->versions = ARENA_ARRAY(arena, Migd__V1__AdoptedVersion *, a->count + 1);
  m->n_versions = a->count;
  for (size_t i = 0; i < a->count; i++) {
    PROTO_NEW(version, AdoptedVersion, adopted_version, arena);
    version->version = proto_text(arena, a->items[i].version);
    version->revision = proto_text(arena, a->items[i].revision);
    version->checksum = proto_text(arena, a->items[i].note);
    m->versions[i] = version;
  }
  return m;
}

static int fill_plan(Migd__V1__TargetPlan *m, const struct walk *w, const struct catalog *c,
                     enum dialect dialect, struct arena *arena, struct err *e) {
  size_t size = 0;
  m->n_current = w->ledger.row_count;
  m->current = proto_texts(arena, w->ledger.rows, w->ledger.row_count);
  m->n_after = w->plan.after_count;
  m->after = proto_texts(arena, w->plan.after, w->plan.after_count);
  m->steps = ARENA_ARRAY(arena, Migd__V1__PlanStep *, w->plan.count + 1);
  for (size_t i = 0; i < w->plan.count; i++) {
    m->steps[i] = proto_step(c, &w->plan.steps[i], dialect, &w->variables,
                             w->shown ? &w->shown[i] : NULL, arena);
    size += sql_size(m->steps[i]);
    if (size > PLAN_SQL_MAX) {
      err_set(e, ERR_BUSY, "%s: the plan's statements are over the %u MiB that one answer holds",
              m->target, PLAN_SQL_MAX >> 20);
      return err_hint(e, "plan to an earlier revision first: %s is too far", m->steps[i]->revision);
    }
  }
  m->n_steps = w->plan.count;
  if (w->adopt)
    m->adoption = proto_adoption(w->adopt, arena);
  return 0;
}

/* A planning: what is asked, and what the lint rules said of plans so far. */
struct planning {
  struct survey survey; /* first: the call's state */
  struct run_request request;
  struct danger *danger;
};

static void planning_free(void *state) {
  struct planning *p = state;
  danger_free(p->danger);
}

/* One target's. */
struct plan_look {
  struct planning *planning;
  Migd__V1__TargetPlan *plan;
  struct arena *arena;
};

static void on_looked(void *ctx, struct walk *w) {
  struct plan_look *look = ctx;
  danger_judge(look->planning->danger, w, look->plan->catalog, look->arena, look->plan);
}

static ProtobufCMessage *ask_plan(const struct call *call, void *ctx, const struct target *t,
                                  struct arena *arena) {
  struct planning *p = ctx;
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct err e;
  PROTO_NEW(m, TargetPlan, target_plan, arena);
  struct plan_look look = {p, m, arena};
  struct walk w = {.hooks = {.ctx = &look, .looked = on_looked}};
  m->target = proto_text(arena, t->name);
  m->catalog = proto_text(arena, t->catalog);
  int rc =
      engine_look(call->server->engine, t, WALK_PLAN, &p->request, &call->job, arena, &w, &ref, &e);
  if (rc == 0)
    rc = fill_plan(m, &w, catalog_ref_get(ref), t->dialect, arena, &e);
  if (rc != 0)
    m->error = rpc_error_message(arena, &e);
  return &m->base;
}

static int plan_begin(struct call *call, const Migd__V1__StartRunRequest *m, struct err *e) {
  struct planning *p = ARENA_NEW(&call->arena, struct planning);
  p->survey.ask = ask_plan;
  p->survey.ctx = p;
  p->danger = danger_new(call->server);
  call->state = p;
  call->state_free = planning_free;
  if (read_request(call, m, &p->request, e) != 0)
    return -1;
  if (survey_begin(call, &p->survey, &p->request.targets, e) != 0)
    return -1;
  danger_expect(p->danger, &p->request, p->survey.targets, p->survey.count, &call->job);
  return 0;
}

static enum call_next plan_run(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in != NULL && plan_begin(call, (const void *)in, e) != 0)
    return CALL_FAIL;
  return survey_step(call, e);
}

static const struct method methods[] = {
    {
        .name = "StartRun",
        METHOD_TYPES(start_run_request, run),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = start_run,
    },
    {
        .name = "PlanRun",
        METHOD_TYPES(start_run_request, target_plan),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .server_streams = true,
        .step = plan_run,
    },
    {
        .name = "GenerateScript",
        METHOD_TYPES(generate_script_request, generate_script_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .server_streams = true,
        .step = script_step,
    },
    {
        .name = "GetRun",
        METHOD_TYPES(get_run_request, run),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = get_run,
    },
    {
        .name = "ListRuns",
        METHOD_TYPES(list_runs_request, list_runs_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = list_runs,
    },
    {
        .name = "WatchRun",
        METHOD_TYPES(watch_run_request, run_event),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .server_streams = true,
        .step = watch_run,
    },
    {
        .name = "CancelRun",
        METHOD_TYPES(cancel_run_request, run),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = cancel_run,
    },
    {
        .name = "ResumeRun",
        METHOD_TYPES(resume_run_request, run),
        .role = ROLE_ADMIN,
        .lane = LANE_WORKER,
        .step = resume_run,
    },
};

const struct service rpc_runs = {.name = "migd.v1.Runs", SERVICE_METHODS(methods)};
