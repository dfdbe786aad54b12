/* PushCatalog: files come in, are read as a catalog, compared with what is stored, and stored, all
 * or nothing. What decides whether they may be is checked in the same write that stores them.
 */
#include "server/rpc/push.h"

#include <string.h>

#include "proto/base/buf.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/findings.h"
#include "server/rpc/upload.h"

#define NAMED_MAX 10 /* things that an error names */
#define TRIES 5      /* against pushes of others that come between */

/* A push, from its header on. Strings in the call's arena. */
struct push {
  struct upload upload;
  const char *catalog, *expected;
  bool any_digest, replace, dry_run, allow_branches, compare_only;
};

static void push_free(void *state) {
  struct push *p = state;
  upload_release(&p->upload);
}

static int push_begin(struct call *call, const Migd__V1__PushHeader *header, struct err *e) {
  if (header == NULL)
    return err_set(e, ERR_INPUT, "the first message of a push has the header");
  if (!bundle_name_valid(header->catalog))
    return err_set(e, ERR_INPUT,
                   "\"%.80s\" is no name of a catalog: 1 to 63 of a-z, 0-9, '.', '_', '-', "
                   "beginning with a letter or digit",
                   header->catalog);
  struct push *p = ARENA_NEW(&call->arena, struct push);
  p->upload.spool.fd = -1;
  p->catalog = arena_strdup(&call->arena, header->catalog);
  p->expected = arena_strdup(&call->arena, header->expected_digest);
  p->any_digest = header->any_digest;
  p->replace = header->replace;
  p->dry_run = header->dry_run;
  p->allow_branches = header->allow_branches;
  p->compare_only = header->compare_only;
  call->state = p;
  call->state_free = push_free;
  return upload_begin(&p->upload, call, e);
}

static int push_receive(struct call *call, const Migd__V1__PushCatalogRequest *m, struct err *e) {
  struct push *p = call->state;
  if (p == NULL && push_begin(call, m->header, e) != 0)
    return -1;
  if (p != NULL && m->header != NULL)
    return err_set(e, ERR_INPUT, "a push has one header, in its first message");
  p = call->state;
  return upload_parts(&p->upload, m->parts, m->n_parts, e);
}

/* --- what may not change */

/* One try at storing. */
struct attempt {
  struct call *call;
  const struct push *push;
  const struct catalog_file *files;
  size_t file_count;
  const struct catalog *next, *old; /* old NULL: there is none */
  char old_digest[DIGEST_TEXT];     /* "" */
  struct catalog_diff diff;
  struct arena *arena;
  bool again;     /* another push came between */
  bool unchanged; /* the same content is stored */
  struct bundle_info info;
  bool stored; /* info is filled */
  /* What the rules found at an earlier try, and about which revisions. */
  bool asked;
  unsigned *news;
  size_t news_count;
  struct lint_result found;
  struct findings findings; /* the same under the policy of this try */
};

/* Revisions that may not change, and for whose sake: names, each once, the first few. */
struct objections {
  const char *revisions[NAMED_MAX], *holders[NAMED_MAX];
  size_t revision_count, holder_count; /* in all for holders */
};

static void object_to(struct objections *o, const char *revision) {
  for (size_t i = 0; i < o->revision_count; i++)
    if (strcmp(o->revisions[i], revision) == 0)
      return;
  if (o->revision_count < NAMED_MAX)
    o->revisions[o->revision_count++] = revision;
}

static void object_for(struct objections *o, const char *holder) {
  if (o->holder_count < NAMED_MAX)
    o->holders[o->holder_count] = holder;
  o->holder_count++;
}

static void add_list(struct buf *out, const char *const *names, size_t count) {
  size_t shown = count < NAMED_MAX ? count : NAMED_MAX;
  for (size_t i = 0; i < shown; i++)
    buf_addf(out, "%s%s", i > 0 ? ", " : "", names[i]);
  if (count > shown)
    buf_addf(out, " and %zu more", count - shown);
}

/* Whether any of the ids is among the marked revisions of the catalog. */
static bool any_marked(const struct catalog *c, const unsigned char *marks, const char **ids,
                       size_t count, struct objections *o) {
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    long at = catalog_find(c, ids[i]);
    if (at >= 0 && (marks == NULL || marks[at])) {
      object_to(o, ids[i]);
      found = true;
    }
  }
  return found;
}

/* `marks` NULL: every revision of it. */
static bool touches(const struct attempt *a, const struct catalog *c, const unsigned char *marks,
                    struct objections *o) {
  bool changed = any_marked(c, marks, a->diff.changed, a->diff.changed_count, o);
  bool removed = any_marked(c, marks, a->diff.removed, a->diff.removed_count, o);
  return changed || removed;
}

/* Marks what a target has applied, by what the store last saw. */
static void mark_applied(const struct catalog *c, const struct target *t, struct arena *arena,
                         unsigned char *marks) {
  struct revision_set rows = {ARENA_ARRAY(arena, unsigned, t->current_count + 1), 0};
  for (size_t i = 0; i < t->current_count; i++) {
    long at = catalog_find(c, t->current[i]);
    if (at >= 0)
      rows.items[rows.count++] = (unsigned)at;
  }
  memset(marks, 0, c->count);
  catalog_mark_ancestors(c, &rows, true, marks);
}

static int check_targets(const struct attempt *a, struct db *db, struct err *e) {
  struct target_query query = {.all = true, .catalog = a->push->catalog};
  struct target *targets;
  size_t count;
  if (target_select(db, &query, a->arena, &targets, &count, e) != 0)
    return -1;
  struct objections o = {0};
  unsigned char *marks = arena_alloc(a->arena, a->old->count + 1);
  for (size_t i = 0; i < count; i++) {
    mark_applied(a->old, &targets[i], a->arena, marks);
    if (touches(a, a->old, marks, &o))
      object_for(&o, targets[i].name);
  }
  if (o.holder_count == 0)
    return 0;
  struct buf text BUF_SCOPED = BUF_INIT;
  add_list(&text, o.revisions, o.revision_count);
  buf_adds(&text, " would change or disappear, but is applied on ");
  add_list(&text, o.holders, o.holder_count);
  err_set(e, ERR_REFUSED, "%s", buf_str(&text));
  return err_hint(e, "an applied revision never changes: add a new one that makes the difference");
}

/* A catalog version as a task has it pinned; the one before is at hand. */
static int pinned_catalog(const struct attempt *a, struct db *db, const char *digest,
                          struct catalog *built, const struct catalog **out, struct err *e) {
  struct catalog_file *files;
  size_t count;
  *out = a->old;
  if (strcmp(digest, a->old_digest) == 0)
    return 0;
  if (bundle_files(db, digest, a->arena, &files, &count, e) != 0)
    return -1;
  struct problems problems = {.arena = a->arena};
  catalog_build(built, files, count, a->arena, &problems);
  *out = built;
  return 0;
}

/* Tasks that failed or were cancelled do not hold anything: mending their revision is how one goes
 * on. */
static int check_tasks(const struct attempt *a, struct db *db, struct err *e) {
  const unsigned states = 1u << TASK_QUEUED | 1u << TASK_WAITING | 1u << TASK_RUNNING |
                          1u << TASK_INTERRUPTED | 1u << TASK_IN_DOUBT;
  struct task *tasks;
  size_t count;
  struct objections o = {0};
  int64_t run = 0;
  const char *digest = "";
  struct catalog built;
  const struct catalog *pinned = NULL;
  if (task_list(db, 0, states, a->arena, &tasks, &count, e) != 0)
    return -1;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(tasks[i].catalog, a->push->catalog) != 0)
      continue;
    if (strcmp(tasks[i].digest, digest) != 0 &&
        pinned_catalog(a, db, digest = tasks[i].digest, &built, &pinned, e) != 0)
      return -1;
    if (touches(a, pinned, NULL, &o)) {
      object_for(&o, tasks[i].target_name);
      run = tasks[i].run;
    }
  }
  if (o.holder_count == 0)
    return 0;
  struct buf text BUF_SCOPED = BUF_INIT;
  add_list(&text, o.revisions, o.revision_count);
  buf_adds(&text, " would change or disappear, but a run is not done with it on ");
  add_list(&text, o.holders, o.holder_count);
  err_set(e, ERR_REFUSED, "%s", buf_str(&text));
  return err_hint(e, "let run %lld end, resume it or cancel it first", (long long)run);
}

static int check_replace(const struct attempt *a, struct err *e) {
  if (a->push->replace)
    return 0;
  struct buf text BUF_SCOPED = BUF_INIT;
  add_list(&text, a->diff.changed, a->diff.changed_count);
  if (a->diff.changed_count > 0)
    buf_adds(&text, " would change");
  if (a->diff.changed_count > 0 && a->diff.removed_count > 0)
    buf_adds(&text, ", ");
  add_list(&text, a->diff.removed, a->diff.removed_count);
  if (a->diff.removed_count > 0)
    buf_adds(&text, " would disappear");
  err_set(e, ERR_REFUSED, "%s; no target has applied them", buf_str(&text));
  return err_hint(e, "push with --replace to allow it");
}

static int check_changes(const struct attempt *a, struct db *db, struct err *e) {
  if (a->old == NULL || a->diff.changed_count + a->diff.removed_count == 0)
    return 0;
  return check_targets(a, db, e) != 0 || check_tasks(a, db, e) != 0 || check_replace(a, e) != 0 ? -1
                                                                                                : 0;
}

/* --- heads */

/* How many heads the catalog may have: one, and those that it has already. */
static size_t heads_allowed(const struct attempt *a) {
  size_t had = a->old != NULL ? a->old->heads.count : 0;
  return had > 1 ? had : 1;
}

/* A head that was one before is not the push's doing. */
static bool new_head(const struct attempt *a, unsigned head) {
  const struct catalog *c = a->next;
  long was = a->old != NULL ? catalog_find(a->old, c->revisions[head].id) : -1;
  return was < 0 || a->old->nodes[was].children.count > 0;
}

/* Where the line of a new head leaves what was stored: the first revision of it that is new. */
static unsigned line_start(const struct attempt *a, unsigned head) {
  const struct catalog *c = a->next;
  unsigned at = head;
  while (
      c->nodes[at].parents.count == 1 &&
      c->nodes[c->nodes[at].parents.items[0]].children.count == 1 &&
      (a->old == NULL || catalog_find(a->old, c->revisions[c->nodes[at].parents.items[0]].id) < 0))
    at = c->nodes[at].parents.items[0];
  return at;
}

/* A push that makes a further head is two people's work that nobody has put together yet. */
static int check_heads(const struct attempt *a, struct err *e) {
  const struct catalog *c = a->next;
  struct buf text BUF_SCOPED = BUF_INIT;
  const char **heads = ARENA_ARRAY(a->arena, const char *, c->heads.count);
  long mine = -1, other = -1;
  if (a->push->allow_branches || c->heads.count <= heads_allowed(a))
    return 0;
  for (size_t i = 0; i < c->heads.count; i++) {
    unsigned head = c->heads.items[i];
    heads[i] = c->revisions[head].id;
    if (new_head(a, head) && (mine < 0 || other >= 0))
      mine = head;
    else
      other = head;
  }
  add_list(&text, heads, c->heads.count);
  err_set(e, ERR_REFUSED, "the catalog would have %zu heads: %s", c->heads.count, buf_str(&text));
  const struct revision *from = &c->revisions[line_start(a, (unsigned)mine)];
  err_copy(e->revision, sizeof e->revision, from->id, strlen(from->id));
  err_copy(e->file, sizeof e->file, from->file, strlen(from->file));
  return err_hint(
      e,
      "join them: `migctl merge %s %s DIR`; or write `-- migd:parent %s` in %s; or push "
      "with --allow-branches",
      c->revisions[other].id, c->revisions[mine].id, c->revisions[other].id, from->file);
}

/* --- storing */

static int check_expected(const struct attempt *a, struct err *e) {
  const struct push *p = a->push;
  const char *stored = a->old_digest;
  if (p->any_digest || strcmp(p->expected, stored) == 0)
    return 0;
  if (stored[0] == '\0')
    err_set(e, ERR_CONFLICT, "there is no catalog %s, but the push expects %s", p->catalog,
            p->expected);
  else
    err_set(e, ERR_CONFLICT, "somebody else pushed to %s: it is %s now, not %s", p->catalog, stored,
            p->expected[0] != '\0' ? p->expected : "absent");
  return err_hint(e, "look at what is stored, then push again");
}

/* The stored catalog, *found false when there is none. */
static int stored_now(struct db *db, const char *name, struct arena *arena,
                      struct bundle_info *info, bool *found, struct err *e) {
  int rc = bundle_get(db, name, arena, info, e);
  *found = rc == 0;
  return rc != 0 && e->kind == ERR_NOT_FOUND ? 0 : rc;
}

/* Runs on the store's writer thread. */
static int push_write(struct db *db, void *ctx, struct err *e) {
  struct attempt *a = ctx;
  const struct push *p = a->push;
  if (stored_now(db, p->catalog, a->arena, &a->info, &a->stored, e) != 0)
    return -1;
  const char *digest = a->stored ? a->info.digest : "";
  a->unchanged = strcmp(digest, a->next->digest) == 0;
  if (a->unchanged)
    return 0;
  a->again = strcmp(digest, a->old_digest) != 0;
  if (a->again)
    return 0;
  if (p->compare_only)
    return 0;
  if (check_changes(a, db, e) != 0 || check_heads(a, e) != 0)
    return -1;
  if (p->dry_run)
    return 0;
  if (bundle_put(db, p->catalog, digest, a->next, a->files, a->file_count, a->call->principal.name,
                 e) != 0)
    return -1;
  return stored_now(db, p->catalog, a->arena, &a->info, &a->stored, e);
}

/* What is stored now, to be compared with outside the write: reading a catalog can take long. */
static int read_old(struct attempt *a, struct bundle_info *info, struct catalog_ref **ref,
                    struct err *e) {
  const struct server *s = a->call->server;
  bool found = false;
  struct db *db = store_reader(s->store, e);
  if (db == NULL)
    return -1;
  int rc = stored_now(db, a->push->catalog, a->arena, info, &found, e);
  store_reader_done(s->store, db);
  if (rc != 0)
    return -1;
  a->old = NULL;
  err_copy(a->old_digest, sizeof a->old_digest, found ? info->digest : "",
           found ? strlen(info->digest) : 0);
  if (found && engine_catalog(s->engine, info->digest, ref, e) != 0)
    return -1;
  if (found)
    a->old = catalog_ref_get(*ref);
  catalog_compare(a->old, a->next, a->arena, &a->diff);
  return 0;
}

static void reply_result(const struct attempt *a) {
  struct arena *arena = a->arena;
  PROTO_NEW(result, PushResult, push_result, arena);
  Migd__V1__PushCatalogResponse reply = MIGD__V1__PUSH_CATALOG_RESPONSE__INIT;
  struct bundle_info none = {.name = a->push->catalog};
  result->catalog = proto_catalog(arena, a->stored ? &a->info : &none);
  result->unchanged = a->unchanged;
  if (!a->unchanged) {
    result->n_added = a->diff.added_count;
    result->added = proto_texts(arena, a->diff.added, a->diff.added_count);
    result->n_changed = a->diff.changed_count;
    result->changed = proto_texts(arena, a->diff.changed, a->diff.changed_count);
    result->n_removed = a->diff.removed_count;
    result->removed = proto_texts(arena, a->diff.removed, a->diff.removed_count);
  }
  result->lint_unavailable = proto_text(arena, a->findings.unavailable);
  result->not_understood = a->findings.not_understood;
  result->first_not_understood = proto_text(arena, a->findings.first_not_understood);
  reply.answer_case = MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_RESULT;
  reply.result = result;
  call_reply(a->call, &reply.base);
}

/* --- what the lint rules say of what is new */

static void reply_findings(const struct attempt *a) {
  Migd__V1__PushCatalogResponse reply = MIGD__V1__PUSH_CATALOG_RESPONSE__INIT;
  reply.answer_case = MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_FINDING;
  for (size_t i = 0; i < a->findings.count; i++) {
    reply.finding = a->findings.items[i];
    call_reply(a->call, &reply.base);
  }
}

/* Another push that came between mostly leaves the same revisions new: what was found about them
 * holds. */
static int ask_rules(struct attempt *a, struct err *e) {
  unsigned *news;
  size_t count = findings_news(a->next, a->old, a->arena, &news);
  if (a->asked && count == a->news_count && memcmp(news, a->news, count * sizeof *news) == 0)
    return 0;
  if (lint_run(&a->call->server->lint, a->next, news, count, &a->call->job, a->arena, &a->found,
               e) != 0)
    return -1;
  a->asked = true;
  a->news = news;
  a->news_count = count;
  return 0;
}

static int check_lint(struct attempt *a, const struct bundle_info *stored, struct err *e) {
  if (ask_rules(a, e) != 0)
    return -1;
  struct findings_request request = {
      .catalog = a->next,
      .revisions = a->news,
      .count = a->news_count,
      .dialects = stored->dialects,
      .policy = proto_lint_policy(a->arena, stored->lint_policy, stored->lint_policy_len)};
  findings_judge(&request, &a->found, a->arena, &a->findings);
  if (request.dialects == 0) { /* no target yet: nobody said that it is for PostgreSQL */
    a->findings.not_understood = 0;
    a->findings.first_not_understood = "";
  }
  if (a->findings.blocking == 0 && a->findings.more)
    return err_set(e, ERR_REFUSED,
                   "more findings than are looked at, and catalog %s blocks some; push it in parts",
                   a->push->catalog);
  if (a->findings.blocking == 0)
    return 0;
  reply_findings(a);
  err_set(e, ERR_REFUSED, "the policy of catalog %s blocks %zu finding%s; nothing was stored",
          a->push->catalog, a->findings.blocking, a->findings.blocking == 1 ? "" : "s");
  return err_hint(e, "mend the revision, or write `-- migd:ignore RULE why` above the statement");
}

/* What is checked outside the write, against what was stored before it; the write sees that it is
 * still that. */
static int check_before(struct attempt *a, const struct bundle_info *stored, struct err *e) {
  if (a->push->compare_only || strcmp(a->old_digest, a->next->digest) == 0)
    return 0;
  return check_expected(a, e) != 0 ? -1 : check_lint(a, stored, e);
}

static int push_store(struct attempt *a, struct err *e) {
  for (int i = 0; i < TRIES; i++) {
    struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
    struct bundle_info stored = {0};
    if (read_old(a, &stored, &ref, e) != 0 || check_before(a, &stored, e) != 0 ||
        store_write(a->call->server->store, push_write, a, e) != 0)
      return -1;
    if (!a->again) {
      reply_findings(a);
      reply_result(a);
      return 0;
    }
  }
  return err_set(e, ERR_CONFLICT, "others push to %s all the time", a->push->catalog);
}

static void reply_problem(struct call *call, struct arena *arena, const struct problem *p) {
  Migd__V1__PushCatalogResponse reply = MIGD__V1__PUSH_CATALOG_RESPONSE__INIT;
  reply.answer_case = MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_PROBLEM;
  reply.problem = proto_problem(arena, p);
  call_reply(call, &reply.base);
}

static size_t files_with_problems(const struct problems *problems) {
  size_t count = 0;
  for (size_t i = 0; i < problems->count; i++) {
    size_t k = 0;
    while (k < i && strcmp(problems->items[k].file, problems->items[i].file) != 0)
      k++;
    count += k == i;
  }
  return count;
}

static int push_refuse(struct call *call, struct arena *arena, const struct problems *problems,
                       struct err *e) {
  size_t files = files_with_problems(problems);
  for (size_t i = 0; i < problems->count; i++)
    reply_problem(call, arena, &problems->items[i]);
  return err_set(e, ERR_INPUT, "%zu problem%s in %zu file%s; nothing was stored", problems->count,
                 problems->count == 1 ? "" : "s", files, files == 1 ? "" : "s");
}

static int push_finish(struct call *call, struct err *e) {
  struct push *p = call->state;
  struct arena arena __attribute__((cleanup(arena_release)));
  struct catalog_file *files;
  struct catalog next;
  arena_init(&arena, 0);
  if (p == NULL)
    return err_set(e, ERR_INPUT, "nothing was pushed");
  if (spool_finish(&p->upload.spool, &files, e) != 0)
    return -1;
  struct problems problems = {.arena = &arena};
  if (catalog_build(&next, files, p->upload.spool.count, &arena, &problems) != 0)
    return push_refuse(call, &arena, &problems, e);
  struct attempt a = {
      .call = call,
      .push = p,
      .files = files,
      .file_count = p->upload.spool.count,
      .next = &next,
      .arena = &arena,
  };
  return push_store(&a, e);
}

enum call_next push_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  if (in != NULL)
    return push_receive(call, (const Migd__V1__PushCatalogRequest *)in, e) == 0 ? CALL_MORE
                                                                                : CALL_FAIL;
  return push_finish(call, e) == 0 ? CALL_DONE : CALL_FAIL;
}
