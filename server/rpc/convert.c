/* From structs to messages; see convert.h. */
#include "server/rpc/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rpc/frame.h"
#include "proto/rpc/unpack.h"
#include "server/base/clock.h"

char *proto_text(struct arena *arena, const char *text) {
  return arena_strdup(arena, text != NULL ? text : "");
}

char **proto_texts(struct arena *arena, const char *const *texts, size_t count) {
  char **out = ARENA_ARRAY(arena, char *, count + 1);
  for (size_t i = 0; i < count; i++)
    out[i] = proto_text(arena, texts[i]);
  return out;
}

Google__Protobuf__Timestamp *proto_time(struct arena *arena, int64_t us) {
  if (us == 0)
    return NULL;
  Google__Protobuf__Timestamp *t = ARENA_NEW(arena, Google__Protobuf__Timestamp);
  google__protobuf__timestamp__init(t);
  t->seconds = us / 1000000;
  t->nanos = (int32_t)(us % 1000000) * 1000;
  if (t->nanos < 0) {
    t->seconds--;
    t->nanos += 1000000000;
  }
  return t;
}

Google__Protobuf__Duration *proto_duration_ms(struct arena *arena, int64_t ms) {
  if (ms == 0)
    return NULL;
  Google__Protobuf__Duration *d = ARENA_NEW(arena, Google__Protobuf__Duration);
  google__protobuf__duration__init(d);
  d->seconds = ms / 1000;
  d->nanos = (int32_t)(ms % 1000) * 1000000;
  return d;
}

#define DURATION_MAX_S INT64_C(316224000) /* ten years */

int duration_ns(const Google__Protobuf__Duration *d, const char *what, int64_t *ns, struct err *e) {
  if (d == NULL) {
    *ns = 0;
    return 0;
  }
  if (d->seconds < 0 || d->nanos < 0)
    return err_set(e, ERR_INPUT, "%s is negative", what);
  if (d->seconds > DURATION_MAX_S || d->nanos > 999999999)
    return err_set(e, ERR_INPUT, "%s is no duration of at most ten years", what);
  *ns = d->seconds * NS_PER_S + d->nanos;
  return 0;
}

int duration_ms(const Google__Protobuf__Duration *d, const char *what, int64_t *ms, struct err *e) {
  int64_t ns;
  if (duration_ns(d, what, &ns, e) != 0)
    return -1;
  *ms = (ns + NS_PER_MS - 1) / NS_PER_MS;
  return 0;
}

Migd__V1__Error *proto_error(struct arena *arena, const void *packed, size_t len) {
  struct err ignored;
  if (packed == NULL)
    return NULL;
  return (Migd__V1__Error *)rpc_unpack(&migd__v1__error__descriptor, packed, len, arena, &ignored);
}

/* Empty when it is no run: a maintenance lock's, a target's without any. */
static char *run_id_text(struct arena *arena, int64_t run) {
  return run == 0 ? arena_strdup(arena, "") : arena_printf(arena, "%lld", (long long)run);
}

Migd__V1__Lock *proto_lock(struct arena *arena, const char *target,
                           const struct target_lock *lock) {
  PROTO_NEW(m, Lock, lock, arena);
  m->target = proto_text(arena, target);
  m->holder = proto_text(arena, lock->holder);
  m->reason = proto_text(arena, lock->reason);
  m->run = run_id_text(arena, lock->run);
  m->since = proto_time(arena, lock->since);
  m->expires = proto_time(arena, lock->expires);
  return m;
}

Migd__V1__LintPolicy *proto_lint_policy(struct arena *arena, const void *packed, size_t len) {
  struct err ignored;
  PROTO_NEW(none, LintPolicy, lint_policy, arena);
  if (packed == NULL)
    return none;
  ProtobufCMessage *m =
      rpc_unpack(&migd__v1__lint_policy__descriptor, packed, len, arena, &ignored);
  return m != NULL ? (Migd__V1__LintPolicy *)m : none;
}

Migd__V1__Catalog *proto_catalog(struct arena *arena, const struct bundle_info *info) {
  PROTO_NEW(m, Catalog, catalog, arena);
  m->name = proto_text(arena, info->name);
  m->digest = proto_text(arena, info->digest);
  m->revisions = info->revisions;
  m->n_heads = info->head_count;
  m->heads = proto_texts(arena, info->heads, info->head_count);
  m->targets = info->targets;
  m->pushed_at = proto_time(arena, info->pushed_at);
  m->pushed_by = proto_text(arena, info->pushed_by);
  if (info->adopt_table != NULL && info->adopt_table[0] != '\0') {
    PROTO_NEW(rule, AdoptRule, adopt_rule, arena);
    rule->table = proto_text(arena, info->adopt_table);
    rule->revision = proto_text(arena, info->adopt_revision);
    m->adopt_rule = rule;
  }
  if (info->lint_policy != NULL)
    m->lint_policy = proto_lint_policy(arena, info->lint_policy, info->lint_policy_len);
  return m;
}

static void branches_into(Migd__V1__Revision *m, const struct catalog *c, size_t revision,
                          struct arena *arena) {
  const struct revision_set *children = &c->nodes[revision].children;
  m->branches_into = ARENA_ARRAY(arena, char *, children->count + 1);
  for (size_t i = 0; i < children->count; i++)
    m->branches_into[m->n_branches_into++] = proto_text(arena, c->revisions[children->items[i]].id);
}

Migd__V1__Revision *proto_revision(struct arena *arena, const struct catalog *c,
                                   const struct label_list *labels, size_t revision) {
  const struct revision *r = &c->revisions[revision];
  const struct node *n = &c->nodes[revision];
  const struct label_list own = {r->labels, r->label_count};
  const struct label_list *shown = labels != NULL ? &labels[revision] : &own;
  PROTO_NEW(m, Revision, revision, arena);
  m->id = proto_text(arena, r->id);
  m->n_parents = r->parent_count;
  m->parents = proto_texts(arena, r->parents, r->parent_count);
  m->n_depends_on = r->depends_on_count;
  m->depends_on = proto_texts(arena, r->depends_on, r->depends_on_count);
  m->n_labels = shown->count;
  m->labels = proto_texts(arena, shown->items, shown->count);
  m->message = proto_text(arena, r->message);
  m->file = proto_text(arena, r->file);
  m->checksum = proto_text(arena, r->checksum);
  m->is_head = n->children.count == 0;
  m->is_effective_head = catalog_effective_head(c, revision);
  m->is_branch_point = n->children.count > 1;
  m->is_merge_point = n->parents.count > 1;
  m->reversible =
      revision_reversible(r, DIALECT_SQLITE) && revision_reversible(r, DIALECT_POSTGRESQL);
  if (m->is_branch_point)
    branches_into(m, c, revision, arena);
  return m;
}

Migd__V1__Problem *proto_problem(struct arena *arena, const struct problem *p) {
  PROTO_NEW(m, Problem, problem, arena);
  m->file = proto_text(arena, p->file);
  m->line = p->line;
  m->column = p->column;
  m->message = proto_text(arena, p->message);
  m->source_line = proto_text(arena, p->source);
  return m;
}

static Migd__V1__Label *proto_label(struct arena *arena, const struct label *label) {
  PROTO_NEW(m, Label, label, arena);
  m->key = proto_text(arena, label->key);
  m->value = proto_text(arena, label->value);
  return m;
}

static Migd__V1__TargetPolicy *proto_policy(struct arena *arena,
                                            const struct target_policy *policy) {
  PROTO_NEW(m, TargetPolicy, target_policy, arena);
  m->lock_timeout = proto_duration_ms(arena, policy->lock_timeout_ms);
  m->statement_timeout = proto_duration_ms(arena, policy->statement_timeout_ms);
  m->allow_superuser = policy->allow_superuser;
  m->idle_in_transaction_timeout = proto_duration_ms(arena, policy->idle_timeout_ms);
  m->lock_retry = proto_duration_ms(arena, policy->lock_retry_ms);
  return m;
}

static char *proto_schema(struct arena *arena, const char *text) {
  struct buf b BUF_SCOPED = BUF_INIT;
  struct db_url url;
  struct err ignored;
  if (db_url_parse(text, &url, &ignored) == 0)
    db_url_schema(&url, &b);
  return proto_text(arena, buf_str(&b));
}

Migd__V1__Target *proto_target(struct arena *arena, const struct target *t) {
  PROTO_NEW(m, Target, target, arena);
  m->name = proto_text(arena, t->name);
  m->url = proto_text(arena, t->url);
  m->schema = proto_schema(arena, t->url);
  m->catalog = proto_text(arena, t->catalog);
  m->dialect = (Migd__V1__Dialect)t->dialect;
  m->n_labels = t->label_count;
  m->labels = ARENA_ARRAY(arena, Migd__V1__Label *, t->label_count + 1);
  for (size_t i = 0; i < t->label_count; i++)
    m->labels[i] = proto_label(arena, &t->labels[i]);
  m->policy = proto_policy(arena, &t->policy);
  m->has_password = t->has_password;
  m->n_current = t->current_count;
  m->current = proto_texts(arena, t->current, t->current_count);
  m->seen_at = proto_time(arena, t->seen_at);
  if (t->lock != NULL)
    m->lock = proto_lock(arena, t->name, t->lock);
  m->last_error = proto_error(arena, t->last_error, t->last_error_len);
  m->last_run = run_id_text(arena, t->last_run);
  m->added_at = proto_time(arena, t->added_at);
  return m;
}

static Migd__V1__Task *proto_task(struct arena *arena, const struct task *t) {
  PROTO_NEW(m, Task, task, arena);
  m->target = proto_text(arena, t->target_name);
  m->state = (Migd__V1__TaskState)t->state;
  m->steps_done = t->steps_done;
  m->steps_total = t->steps_total;
  m->n_current = t->current_count;
  m->current = proto_texts(arena, t->current, t->current_count);
  m->error = proto_error(arena, t->error, t->error_len);
  m->started_at = proto_time(arena, t->started_at);
  m->finished_at = proto_time(arena, t->finished_at);
  return m;
}

static Migd__V1__TaskCounts *proto_counts(struct arena *arena, const struct run *run) {
  PROTO_NEW(m, TaskCounts, task_counts, arena);
  m->total = run->total;
  m->open = run->open;
  m->succeeded = run->succeeded;
  m->failed = run->failed;
  m->cancelled = run->cancelled;
  m->interrupted = run->interrupted;
  return m;
}

Migd__V1__Run *proto_run(struct arena *arena, const struct run *run, const struct task *tasks,
                         size_t count) {
  PROTO_NEW(m, Run, run, arena);
  struct err ignored;
  const Migd__V1__StartRunRequest *asked =
      (void *)rpc_unpack(&migd__v1__start_run_request__descriptor, run->packed_request,
                         run->packed_request_len, arena, &ignored);
  m->id = run_id_text(arena, run->id);
  if (asked != NULL) {
    m->operation = asked->operation;
    m->n_revisions = asked->n_revisions;
    m->revisions = asked->revisions;
  }
  m->state = (Migd__V1__RunState)run->state;
  m->principal = proto_text(arena, run->principal);
  m->created_at = proto_time(arena, run->created_at);
  m->finished_at = proto_time(arena, run->finished_at);
  m->counts = proto_counts(arena, run);
  m->next_seq = run->next_seq;
  m->n_tasks = count;
  m->tasks = ARENA_ARRAY(arena, Migd__V1__Task *, count + 1);
  for (size_t i = 0; i < count; i++)
    m->tasks[i] = proto_task(arena, &tasks[i]);
  return m;
}

Migd__V1__BatchFinished *proto_batch(struct arena *arena, const struct task_batch *batch) {
  PROTO_NEW(m, BatchFinished, batch_finished, arena);
  m->index = batch->at.index + 1;
  m->revision = proto_text(arena, batch->revision);
  m->statement = (uint32_t)batch->at.statement;
  m->batches = (uint64_t)batch->at.batches;
  m->rows = (uint64_t)batch->at.rows;
  m->pause = proto_duration_ms(arena, batch->at.pause_ms);
  return m;
}

int selection_query(const Migd__V1__TargetSelection *selection, struct target_query *out,
                    struct err *e) {
  if (selection == NULL)
    return err_set(e, ERR_INPUT, "the request does not say which targets it is about");
  int ways = (selection->n_names > 0) + (selection->selector[0] != '\0') + (selection->all != 0);
  if (ways != 1)
    return err_set(e, ERR_INPUT,
                   ways == 0 ? "name targets, give a selector, or ask for all of them"
                             : "targets are chosen by names, by a selector or all of them: "
                               "one of these ways at a time");
  *out = (struct target_query){
      .names = (const char *const *)selection->names,
      .name_count = selection->n_names,
      .selector = selection->selector,
      .all = selection->all,
      .catalog = selection->catalog,
  };
  return 0;
}

int run_id_parse(const char *text, int64_t *id, struct err *e) {
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (text[0] < '1' || text[0] > '9' || *end != '\0' || errno != 0)
    return err_set(e, ERR_INPUT, "\"%.40s\" is no id of a run: it is a number", text);
  *id = n;
  return 0;
}
