/* migd.v1.Lint: what the rules say of a folder, and the rules themselves. Nothing is stored. */
#include "server/rpc/services.h"

#include <string.h>

#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/findings.h"
#include "server/rpc/upload.h"

/* A question about a folder, from its header on. In the call's arena. */
struct linting {
  struct upload upload;
  const char *catalog;
  bool all;
  unsigned dialects;
};

static void linting_free(void *state) {
  struct linting *l = state;
  upload_release(&l->upload);
}

static int linting_begin(struct call *call, const Migd__V1__LintFilesHeader *header,
                         struct err *e) {
  if (header == NULL)
    return err_set(e, ERR_INPUT, "the first message has the header");
  struct linting *l = ARENA_NEW(&call->arena, struct linting);
  l->upload.spool.fd = -1;
  l->catalog = arena_strdup(&call->arena, header->catalog);
  l->all = header->all;
  l->dialects = (unsigned)header->dialect;
  call->state = l;
  call->state_free = linting_free;
  return upload_begin(&l->upload, call, e);
}

static int receive(struct call *call, const Migd__V1__LintFilesRequest *m, struct err *e) {
  struct linting *l = call->state;
  if (l == NULL && linting_begin(call, m->header, e) != 0)
    return -1;
  if (l != NULL && m->header != NULL)
    return err_set(e, ERR_INPUT, "there is one header, in the first message");
  l = call->state;
  return upload_parts(&l->upload, m->parts, m->n_parts, e);
}

static void reply_problem(struct call *call, struct arena *arena, const struct problem *p) {
  Migd__V1__LintFilesResponse reply = MIGD__V1__LINT_FILES_RESPONSE__INIT;
  reply.answer_case = MIGD__V1__LINT_FILES_RESPONSE__ANSWER_PROBLEM;
  reply.problem = proto_problem(arena, p);
  call_reply(call, &reply.base);
}

static void reply_findings(struct call *call, const struct findings *found, struct arena *arena) {
  Migd__V1__LintFilesResponse reply = MIGD__V1__LINT_FILES_RESPONSE__INIT;
  PROTO_NEW(summary, LintSummary, lint_summary, arena);
  reply.answer_case = MIGD__V1__LINT_FILES_RESPONSE__ANSWER_FINDING;
  for (size_t i = 0; i < found->count; i++) {
    reply.finding = found->items[i];
    call_reply(call, &reply.base);
  }
  summary->revisions = found->revisions;
  summary->statements = found->statements;
  summary->not_understood = found->not_understood;
  summary->first_not_understood = proto_text(arena, found->first_not_understood);
  summary->unavailable = proto_text(arena, found->unavailable);
  reply.answer_case = MIGD__V1__LINT_FILES_RESPONSE__ANSWER_SUMMARY;
  reply.summary = summary;
  call_reply(call, &reply.base);
}

/* What is stored of the catalog that the question names. */
static int read_stored(struct call *call, const struct linting *l, struct arena *arena,
                       struct bundle_info *info, struct catalog_ref **ref, struct err *e) {
  struct store *store = call->server->store;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = bundle_get(db, l->catalog, arena, info, e);
  store_reader_done(store, db);
  return rc != 0 ? -1 : engine_catalog(call->server->engine, info->digest, ref, e);
}

static int ask(struct call *call, struct linting *l, const struct catalog *next,
               struct arena *arena, struct err *e) {
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct bundle_info info = {0};
  struct findings found;
  unsigned *revisions;
  if (l->catalog[0] != '\0' && read_stored(call, l, arena, &info, &ref, e) != 0)
    return -1;
  const struct catalog *old = ref != NULL && !l->all ? catalog_ref_get(ref) : NULL;
  struct findings_request request = {
      .catalog = next,
      .count = findings_news(next, old, arena, &revisions),
      .dialects = l->dialects != 0 ? l->dialects : info.dialects,
      .policy = proto_lint_policy(arena, info.lint_policy, info.lint_policy_len),
  };
  request.revisions = revisions;
  if (findings_ask(call->server, &request, &call->job, arena, &found, e) != 0)
    return -1;
  reply_findings(call, &found, arena);
  return 0;
}

static int finish(struct call *call, struct err *e) {
  struct linting *l = call->state;
  struct arena arena __attribute__((cleanup(arena_release)));
  struct catalog next;
  arena_init(&arena, 0);
  struct problems problems = {.arena = &arena};
  if (l == NULL)
    return err_set(e, ERR_INPUT, "nothing was asked");
  int rc = upload_catalog(&l->upload, &problems, &next, e);
  for (size_t i = 0; i < problems.count; i++)
    reply_problem(call, &arena, &problems.items[i]);
  return rc != 0 ? -1 : ask(call, l, &next, &arena, e);
}

static enum call_next lint_files(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in != NULL)
    return receive(call, (const Migd__V1__LintFilesRequest *)in, e) == 0 ? CALL_MORE : CALL_FAIL;
  return finish(call, e) == 0 ? CALL_DONE : CALL_FAIL;
}

static Migd__V1__LintRule *proto_rule(const struct lint_rule *rule, struct arena *arena) {
  PROTO_NEW(m, LintRule, lint_rule, arena);
  m->name = proto_text(arena, rule->name);
  m->severity = (Migd__V1__Severity)rule->severity;
  m->dialects = findings_dialects(rule->dialects, arena, &m->n_dialects);
  m->summary = proto_text(arena, rule->summary);
  m->lock = proto_text(arena, rule->lock);
  m->duration = proto_text(arena, rule->duration);
  m->why = proto_text(arena, rule->why);
  m->instead = proto_text(arena, rule->instead);
  m->bad = proto_text(arena, rule->bad);
  m->good = proto_text(arena, rule->good);
  return m;
}

static enum call_next list_rules(struct call *call, const ProtobufCMessage *in, struct err *e) {
  Migd__V1__ListLintRulesResponse reply = MIGD__V1__LIST_LINT_RULES_RESPONSE__INIT;
  (void)in, (void)e;
  size_t count = 0;
  while (lint_rules[count] != NULL)
    count++;
  reply.rules = ARENA_ARRAY(&call->arena, Migd__V1__LintRule *, count + 1);
  for (; reply.n_rules < count; reply.n_rules++)
    reply.rules[reply.n_rules] = proto_rule(lint_rules[reply.n_rules], &call->arena);
  call_reply(call, &reply.base);
  return CALL_DONE;
}

static const struct method methods[] = {
    {
        .name = "LintFiles",
        METHOD_TYPES(lint_files_request, lint_files_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .client_streams = true,
        .server_streams = true,
        .step = lint_files,
    },
    {
        .name = "ListLintRules",
        METHOD_TYPES(list_lint_rules_request, list_lint_rules_response),
        .role = ROLE_VIEWER,
        .lane = LANE_WORKER,
        .step = list_rules,
    },
};

const struct service rpc_lint = {.name = "migd.v1.Lint", SERVICE_METHODS(methods)};
