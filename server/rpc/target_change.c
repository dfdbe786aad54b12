/* migd.v1.Targets: what is said of a target when it is added or changed, checked, tried on the
 * database itself, and written. No reader of the store is held while a database is asked.
 */
#include "server/rpc/target_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/rpc/services.h"
#include "server/rpc/variables.h"
#include "server/rpc/where.h"
#include "server/store/selector.h"

#define PASSWORD_MAX 1024
#define LABELS_MAX 64

/* --- what a request says of a target */

static int read_policy(const Migd__V1__TargetPolicy *m, struct target_policy *out, struct err *e) {
  if (m == NULL)
    return 0;
  out->allow_superuser = m->allow_superuser != 0;
  return duration_ms(m->lock_timeout, "lock_timeout", &out->lock_timeout_ms, e) != 0 ||
                 duration_ms(m->statement_timeout, "statement_timeout", &out->statement_timeout_ms,
                             e) != 0 ||
                 duration_ms(m->idle_in_transaction_timeout, "idle_in_transaction_timeout",
                             &out->idle_timeout_ms, e) != 0 ||
                 duration_ms(m->lock_retry, "lock_retry", &out->lock_retry_ms, e) != 0
             ? -1
             : 0;
}

static bool is_asked(char *const *keys, size_t count, const char *key) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(keys[i], key) == 0)
      return true;
  return false;
}

/* The old ones without those to remove, then those to set; sorted by key. */
struct label_change {
  Migd__V1__Label *const *set;
  size_t set_count;
  char *const *remove;
  size_t remove_count;
};

static struct label *label_slot(struct label *labels, size_t *count, const char *key) {
  size_t at = 0;
  while (at < *count && strcmp(labels[at].key, key) < 0)
    at++;
  if (at == *count || strcmp(labels[at].key, key) != 0) {
    memmove(&labels[at + 1], &labels[at], (*count - at) * sizeof *labels);
    ++*count;
  }
  labels[at].key = key;
  return &labels[at];
}

static int change_labels(struct target *t, const struct label_change *change, struct arena *arena,
                         struct err *e) {
  struct label *labels = ARENA_ARRAY(arena, struct label, t->label_count + change->set_count + 1);
  size_t count = 0;
  for (size_t i = 0; i < t->label_count; i++)
    if (!is_asked(change->remove, change->remove_count, t->labels[i].key))
      *label_slot(labels, &count, t->labels[i].key) = t->labels[i];
  for (size_t i = 0; i < change->set_count; i++) {
    struct label label = {change->set[i]->key, change->set[i]->value};
    if (!label_valid(&label)) {
      err_set(e, ERR_INPUT, "\"%.70s=%.70s\" is no label", label.key, label.value);
      return err_hint(e,
                      "a key is up to 63 of a-z 0-9 . _ / -, beginning with a letter or digit; a "
                      "value up to 63 characters without white space, quotes and , ( ) = !");
    }
    *label_slot(labels, &count, label.key) = label;
  }
  if (count > LABELS_MAX)
    return err_set(e, ERR_INPUT, "a target has at most %d labels", LABELS_MAX);
  t->labels = labels;
  t->label_count = count;
  return 0;
}

static int check_password(const char *password, struct err *e) {
  if (strlen(password) > PASSWORD_MAX)
    return err_set(e, ERR_INPUT, "the password is longer than %d bytes", PASSWORD_MAX);
  return 0;
}

/* --- AddTarget */

struct add {
  const struct server *server;
  struct target target;
  struct db_url url;
  const char *password;       /* NULL: none */
  const char *ca_certificate; /* "": none */
  struct variable_change variables;
};

static int add_read(struct add *a, const Migd__V1__AddTargetRequest *m, struct arena *arena,
                    struct err *e) {
  const struct label_change labels = {.set = m->labels, .set_count = m->n_labels};
  if (!target_name_valid(m->name))
    return err_set(e, ERR_INPUT,
                   "\"%.120s\" is no name of a target: 1 to 100 of A-Z, a-z, 0-9, '_', '.', '-', "
                   "not beginning with '-' or '.'",
                   m->name);
  a->target.url = m->url;
  a->ca_certificate = m->policy != NULL ? m->policy->ca_certificate : "";
  if (where_schema(&a->target.url, m->url, m->schema, arena, e) != 0 ||
      db_url_parse(a->target.url, &a->url, e) != 0 ||
      where_check_ca(a->ca_certificate, &a->url, e) != 0 ||
      read_policy(m->policy, &a->target.policy, e) != 0 ||
      change_labels(&a->target, &labels, arena, e) != 0 || check_password(m->password, e) != 0 ||
      variables_asked(m->variables, m->n_variables, NULL, 0, arena, &a->variables, e) != 0)
    return -1;
  if (m->password[0] != '\0' && a->url.dialect == DIALECT_SQLITE)
    return err_set(e, ERR_INPUT, "a SQLite database has no password");
  a->target.name = m->name;
  a->target.catalog = m->catalog;
  a->target.dialect = a->url.dialect;
  a->target.added_at = clock_wall_us();
  a->password = m->password[0] != '\0' ? m->password : NULL;
  return 0;
}

/* What the store would refuse is refused before a database is asked, or made. */
static int add_check(struct call *call, struct add *a, struct err *e) {
  struct store *store = call->server->store;
  struct bundle_info info;
  struct target found;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = bundle_get(db, a->target.catalog, &call->arena, &info, e);
  if (rc == 0) {
    a->target.catalog = info.name;
    rc = target_get(db, a->target.name, &call->arena, &found, e);
    if (rc == 0)
      rc = err_set(e, ERR_EXISTS, "there is a target %s already", a->target.name);
    else if (e->kind == ERR_NOT_FOUND)
      rc = 0;
  }
  store_reader_done(store, db);
  return rc;
}

static int add_write(struct db *db, void *ctx, struct err *e) {
  struct add *a = ctx;
  int64_t id;
  if (target_add(db, &a->target, a->url.place, &id, e) != 0 ||
      (a->ca_certificate[0] != '\0' &&
       target_set_ca_certificate(db, id, a->ca_certificate, e) != 0) ||
      variable_change(db, a->server->keys, &(struct variable_owner){.target = id}, &a->variables,
                      e) != 0)
    return -1;
  return a->password == NULL ? 0 : target_set_password(db, a->server->keys, id, a->password, e);
}

/* A database that cannot be reached is refused: the request must be mended, nothing has failed. */
static int probe(struct call *call, const struct db_url *url, const char *password, const char *ca,
                 bool create, const struct target_policy *policy, struct err *e) {
  int rc = engine_probe(call->server->engine, url, password, ca[0] != '\0' ? ca : NULL, create,
                        policy, &call->job, e);
  if (rc != 0 && e->kind == ERR_TARGET)
    e->kind = ERR_REFUSED;
  return rc;
}

enum call_next target_add_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  Migd__V1__AddTargetRequest asked = *(const Migd__V1__AddTargetRequest *)(const void *)in;
  const Migd__V1__AddTargetRequest *m = &asked;
  struct add a = {.server = call->server};
  if (where_service(call, &asked.url, &asked.password, e) != 0 ||
      add_read(&a, m, &call->arena, e) != 0 || add_check(call, &a, e) != 0)
    return CALL_FAIL;
  if (probe(call, &a.url, a.password, a.ca_certificate, m->create != 0, &a.target.policy, e) != 0) {
    if (a.url.dialect == DIALECT_SQLITE && e->hint[0] == '\0' && access(a.url.path, F_OK) != 0 &&
        errno == ENOENT)
      err_hint(e, "--create makes a new database there");
    return CALL_FAIL;
  }
  int rc = store_write(call->server->store, add_write, &a, e);
  wipe(m->password, strlen(m->password)); /* the call's arena outlives its need */
  variables_wipe(&a.variables);
  return rc == 0 ? target_reply(call, a.target.name, e) : CALL_FAIL;
}

/* --- UpdateTarget */

struct update {
  struct call *call;
  const Migd__V1__UpdateTargetRequest *m;
  struct target target; /* as it is, then as it shall be */
  struct db_url url;
  const char *ca_certificate; /* as it shall be; "": none */
  bool moves;                 /* to another database */
  bool another_ca;
  struct variable_change variables;
  struct arena *arena;
};

/* What decides where and how a task works; labels may change under it. */
static bool changes_place(const Migd__V1__UpdateTargetRequest *m) {
  return m->url[0] != '\0' || m->catalog[0] != '\0' || m->password[0] != '\0' ||
         m->schema[0] != '\0' || m->clear_password || m->policy != NULL ||
         m->n_set_variables != 0 || m->n_remove_variables != 0;
}

/* The stored password was given for one place: another one does not get it unasked. */
static int check_password_moves(const struct update *u, struct err *e) {
  if (!u->target.has_password || u->m->password[0] != '\0' || u->m->clear_password || !u->moves)
    return 0;
  err_set(e, ERR_REFUSED, "the password of %s was given for another database: it is not sent to %s",
          u->target.name, u->url.place);
  return err_hint(e, "give it anew (--password-file), or clear it (--clear-password)");
}

static int update_apply(struct update *u, struct err *e) {
  const Migd__V1__UpdateTargetRequest *m = u->m;
  const struct label_change labels = {m->set_labels, m->n_set_labels, m->remove_labels,
                                      m->n_remove_labels};
  struct target *t = &u->target;
  const char *old_url = t->url;
  struct db_url old;
  if (where_move(&t->url, m->url, m->schema, u->arena, e) != 0)
    return -1;
  if (m->catalog[0] != '\0')
    t->catalog = m->catalog;
  if (m->policy != NULL)
    t->policy = (struct target_policy){0};
  if (db_url_parse(t->url, &u->url, e) != 0 || read_policy(m->policy, &t->policy, e) != 0 ||
      change_labels(t, &labels, u->arena, e) != 0 || check_password(m->password, e) != 0)
    return -1;
  u->moves = db_url_parse(old_url, &old, e) != 0 || !where_same_database(&old, &u->url);
  u->another_ca = m->policy != NULL && strcmp(m->policy->ca_certificate, u->ca_certificate) != 0;
  if (m->policy != NULL)
    u->ca_certificate = m->policy->ca_certificate;
  if (where_check_ca(u->ca_certificate, &u->url, e) != 0)
    return -1;
  if (u->url.dialect != t->dialect)
    return err_set(e, ERR_INPUT, "%s is a %s database: register a new target instead", t->name,
                   dialect_name(t->dialect));
  if (m->password[0] != '\0' && t->dialect == DIALECT_SQLITE)
    return err_set(e, ERR_INPUT, "a SQLite database has no password");
  return check_password_moves(u, e);
}

/* Secret variables were given for one place, as the password was. */
static int check_variables_move(const struct update *u, struct db *db, struct err *e) {
  return u->moves ? variables_may_move(db, &u->target, &u->variables, u->url.place, e) : 0;
}

static int update_password(struct update *u, struct db *db, struct err *e) {
  const struct keyring *keys = u->call->server->keys;
  if (u->m->password[0] == '\0' && !u->m->clear_password)
    return 0;
  return target_set_password(db, keys, u->target.id,
                             u->m->password[0] != '\0' ? u->m->password : NULL, e);
}

static int update_get(struct update *u, struct db *db, struct err *e) {
  const char *ca = NULL;
  if (target_get(db, u->m->name, u->arena, &u->target, e) != 0 ||
      target_ca_certificate(db, u->target.id, u->arena, &ca, e) != 0)
    return -1;
  u->ca_certificate = ca != NULL ? ca : "";
  return 0;
}

/* Reads it again: what another request changed in between stays. */
static int update_write(struct db *db, void *ctx, struct err *e) {
  struct update *u = ctx;
  struct bundle_info info;
  if (update_get(u, db, e) != 0)
    return -1;
  const struct target_lock *lock = u->target.lock;
  if (lock != NULL && lock->run != 0 && changes_place(u->m))
    return err_set(e, ERR_LOCKED, "run %lld works on %s: change it when that is done",
                   (long long)lock->run, u->target.name);
  if (update_apply(u, e) != 0 || check_variables_move(u, db, e) != 0 ||
      bundle_get(db, u->target.catalog, u->arena, &info, e) != 0 ||
      target_update(db, &u->target, u->url.place, e) != 0 ||
      (u->another_ca && target_set_ca_certificate(db, u->target.id, u->ca_certificate, e) != 0) ||
      variable_change(db, u->call->server->keys, &(struct variable_owner){.target = u->target.id},
                      &u->variables, e) != 0)
    return -1;
  return update_password(u, db, e);
}

/* The password that the target will have: malloc'd, or NULL. */
static int update_secret(struct update *u, struct db *db, char **out, struct err *e) {
  const Migd__V1__UpdateTargetRequest *m = u->m;
  *out = NULL;
  if (m->password[0] != '\0')
    *out = xstrdup(m->password);
  else if (!m->clear_password)
    return target_password(db, u->call->server->keys, u->target.id, out, e);
  return 0;
}

static void secret_free(char *secret) {
  if (secret == NULL)
    return;
  wipe(secret, strlen(secret));
  free(secret);
}

/* Where it leads now must be reachable before it is written down. */
static int update_probe(struct update *u, struct err *e) {
  const struct server *s = u->call->server;
  char *password = NULL;
  struct db *db = store_reader(s->store, e);
  if (db == NULL)
    return -1;
  int rc = update_get(u, db, e);
  if (rc == 0)
    rc = update_apply(u, e);
  if (rc == 0)
    rc = check_variables_move(u, db, e);
  if (rc == 0)
    rc = update_secret(u, db, &password, e);
  store_reader_done(s->store, db);
  bool moved = u->m->url[0] != '\0' || u->m->schema[0] != '\0' || u->m->password[0] != '\0' ||
               u->m->clear_password || u->another_ca;
  if (rc == 0 && moved)
    rc = probe(u->call, &u->url, password, u->ca_certificate, false, &u->target.policy, e);
  secret_free(password);
  return rc;
}

/* Another database has another ledger: what was seen is of the old one. That it cannot be read now
 * is no failure of the update. */
static void look_again(struct call *call, const struct target *t) {
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct walk w = {0};
  struct err ignored;
  engine_look(call->server->engine, t, WALK_LEDGER, NULL, &call->job, &call->arena, &w, &ref,
              &ignored);
}

enum call_next target_update_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  Migd__V1__UpdateTargetRequest asked = *(const Migd__V1__UpdateTargetRequest *)(const void *)in;
  const Migd__V1__UpdateTargetRequest *m = &asked;
  struct update u = {.call = call, .m = m, .arena = &call->arena};
  if (where_service(call, &asked.url, &asked.password, e) != 0)
    return CALL_FAIL;
  if (m->password[0] != '\0' && m->clear_password) {
    err_set(e, ERR_INPUT, "a new password, or none: not both");
    return CALL_FAIL;
  }
  if (variables_asked(m->set_variables, m->n_set_variables, m->remove_variables,
                      m->n_remove_variables, u.arena, &u.variables, e) != 0)
    return CALL_FAIL;
  int rc = update_probe(&u, e) != 0 ? -1 : store_write(call->server->store, update_write, &u, e);
  wipe(m->password, strlen(m->password));
  variables_wipe(&u.variables);
  if (rc != 0)
    return CALL_FAIL;
  if (m->url[0] != '\0' || m->schema[0] != '\0')
    look_again(call, &u.target);
  return target_reply(call, u.target.name, e);
}
