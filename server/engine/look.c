/* Looking at targets without changing them: `current`, `--dry-run`, and whether a target can be
 * reached. On the caller's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/engine/state.h"
#include "server/store/bundle.h"

void password_free(char **password) {
  if (*password)
    wipe(*password, strlen(*password));
  free(*password);
  *password = NULL;
}

/* What any walk over a target needs, whoever asks. */
static void options_fill(const struct engine *g, const struct target_policy *policy,
                         const struct db_url *url, struct db_options *out) {
  *out = (struct db_options){
      .url = url,
      .guard = true,
      .allow_superuser = policy->allow_superuser,
      .allow_socket = g->o.allow_socket,
      .postgres_files = g->o.postgres_files,
      .sqlite_roots = g->o.sqlite_roots,
      .lock_timeout_ms = policy->lock_timeout_ms ? policy->lock_timeout_ms : LOCK_TIMEOUT_MS,
      .statement_timeout_ms = policy->statement_timeout_ms,
      .idle_timeout_ms = policy->idle_timeout_ms ? policy->idle_timeout_ms : IDLE_TIMEOUT_MS,
  };
}

int target_options(struct engine *g, struct db *db, const struct target *target,
                   struct arena *arena, struct db_options *out, struct db_url *url, char **password,
                   struct err *e) {
  const char *ca;
  if (db_url_parse(target->url, url, e) || target_ca_certificate(db, target->id, arena, &ca, e) ||
      target_password(db, g->o.keys, target->id, password, e))
    return err_in(e, "%s", target->name);
  options_fill(g, &target->policy, url, out);
  out->ca_certificate = ca;
  out->password = *password;
  return 0;
}

int walk_variables(struct engine *g, struct db *db, const struct target *target,
                   struct variables *values, struct walk *w, struct err *e) {
  if (variables_read(db, g->o.keys, target->id, target->catalog, values, e))
    return err_in(e, "%s", target->name);
  const char **secrets = ARENA_ARRAY(w->arena, const char *, values->count + 1);
  size_t count = 0;
  for (size_t i = 0; i < values->count; i++)
    if (values->items[i].secret)
      secrets[count++] = values->items[i].value;
  w->variables = *values;
  w->secrets = (struct secrets){secrets, count};
  return 0;
}

void walk_variables_hide(struct walk *w) {
  size_t count = w->variables.count;
  struct variable *items = ARENA_ARRAY(w->arena, struct variable, count + 1);
  for (size_t i = 0; i < count; i++) {
    const struct variable *v = &w->variables.items[i];
    items[i] = (struct variable){arena_strdup(w->arena, v->name),
                                 v->secret ? NULL : arena_strdup(w->arena, v->value), v->secret};
  }
  w->variables = (struct variables){.items = items, .count = count, .hide_secrets = true};
  w->secrets = (struct secrets){0};
}

struct seen {
  const struct target *target;
  const struct walk *walk;
  int64_t at;
};

static int write_seen(struct db *db, void *ctx, struct err *e) {
  const struct seen *s = ctx;
  return target_seen(db, s->target->id, s->walk->ledger.rows, s->walk->ledger.row_count, s->at, e);
}

/* Only what is news is written: asking a thousand targets that stand still writes nothing. */
static bool is_news(const struct target *t, const struct walk *w) {
  if (!t->seen_at || t->current_count != w->ledger.row_count)
    return true;
  for (size_t i = 0; i < t->current_count; i++)
    if (strcmp(t->current[i], w->ledger.rows[i]))
      return true;
  return false;
}

int engine_look(struct engine *g, const struct target *target, enum walk_stage last,
                const struct run_request *request, const struct job *job, struct arena *arena,
                struct walk *w, struct catalog_ref **ref, struct err *e) {
  char *password PASSWORD_SCOPED = NULL;
  struct db_url url;
  struct bundle_info bundle;
  struct variables values VARIABLES_SCOPED = {0};
  *w = (struct walk){.hooks = w->hooks};
  *ref = NULL;
  struct db *db = store_reader(g->o.store, e);
  if (!db)
    return -1;
  int rc = target_options(g, db, target, arena, &w->options, &url, &password, e);
  if (!rc)
    rc = bundle_get(db, target->catalog, arena, &bundle, e);
  w->arena = arena;
  if (!rc && last >= WALK_PLAN)
    rc = walk_variables(g, db, target, &values, w, e);
  store_reader_done(g->o.store, db);
  if (rc || engine_catalog(g, bundle.digest, ref, e)) {
    walk_variables_hide(w);
    return -1;
  }
  w->target = target->name;
  w->adopt_table = bundle.adopt_table;
  w->adopt_revision = bundle.adopt_revision;
  w->catalog = catalog_ref_get(*ref);
  w->store_id = store_id(g->o.store);
  w->epoch = target->epoch + 1;
  w->job = job;
  w->log = g->o.log;
  if (request)
    w->request = (struct plan_request){.operation = request->operation,
                                       .dialect = target->dialect,
                                       .revisions = request->revisions,
                                       .revision_count = request->revision_count,
                                       .purge = request->purge};
  if (request && request->adopt) {
    w->adopt = ARENA_NEW(arena, struct adoption);
    w->adopt->asked = request->adopt;
  }
  int64_t at = clock_wall_us();
  rc = walk_to(w, last, e);
  w->options.password = NULL;
  walk_variables_hide(w);
  bool read = w->ledger.exists || w->ledger.empty_database;
  if (read && is_news(target, w)) {
    struct seen seen = {target, w, at};
    struct err ignored; /* what was found is answered all the same */
    store_write(g->o.store, write_seen, &seen, &ignored);
  }
  return rc;
}

/* One of several looks; the last one to end tells whoever waits for all. */
struct look {
  struct work work;
  struct looks *all;
  size_t i;
};

struct looks {
  pthread_mutex_t mutex;
  pthread_cond_t over;
  size_t open;
  void (*one)(void *ctx, size_t i);
  void *ctx;
};

static void look_run(struct work *work) {
  struct look *look = (struct look *)work;
  struct looks *all = look->all;
  all->one(all->ctx, look->i);
  pthread_mutex_lock(&all->mutex);
  if (--all->open == 0)
    pthread_cond_signal(&all->over);
  pthread_mutex_unlock(&all->mutex);
}

void engine_side_by_side(struct engine *g, size_t count, void (*one)(void *ctx, size_t i),
                         void *ctx) {
  struct looks all = {.open = count, .one = one, .ctx = ctx};
  struct look *looks = xcalloc(count + 1, sizeof *looks);
  struct err ignored;
  pthread_mutex_init(&all.mutex, NULL);
  pthread_cond_init(&all.over, NULL);
  for (size_t i = 0; i < count; i++) {
    looks[i] = (struct look){.work.run = look_run, .all = &all, .i = i};
    if (pool_submit(g->looks, &looks[i].work, &ignored))
      look_run(&looks[i].work); /* the server stops: without company */
  }
  pthread_mutex_lock(&all.mutex);
  while (all.open)
    pthread_cond_wait(&all.over, &all.mutex);
  pthread_mutex_unlock(&all.mutex);
  pthread_cond_destroy(&all.over);
  pthread_mutex_destroy(&all.mutex);
  free(looks);
}

int engine_probe(struct engine *g, const struct db_url *url, const char *password,
                 const char *ca_certificate, bool create, const struct target_policy *policy,
                 const struct job *job, struct err *e) {
  struct db_options options;
  struct db *db DB_SCOPED = NULL;
  struct arena arena __attribute__((cleanup(arena_release)));
  struct ledger_state ledger;
  arena_init(&arena, 0);
  options_fill(g, policy, url, &options);
  options.password = password;
  options.ca_certificate = ca_certificate;
  options.create = create;
  options.guard = !create; /* only our own statements follow */
  if (db_open(&db, &options, job, e))
    return -1;
  /* SQLite reads a file only when it is asked something. */
  return ledger_read(db, &arena, &ledger, job, e);
}
