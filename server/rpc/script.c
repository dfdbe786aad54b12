/* A script is made whole, in memory, and sent in parts: it is as large as the revisions that are in
 * it.
 */
#include "server/rpc/script.h"

#include <stdlib.h>
#include <string.h>

#include "server/engine/engine.h"
#include "server/engine/offline.h"
#include "server/rpc/variables.h"

#define PART (1u << 20) /* bytes of the script in one message */
#define REVISIONS_MAX 100
#define REVISION_TEXT_MAX 200

/* How much of the script is sent. */
struct sending {
  struct buf text;
  size_t sent;
};

static void sending_free(void *state) {
  struct sending *s = state;
  buf_release(&s->text);
  free(s);
}

static int check_text(const char *text, bool empty, struct err *e) {
  if ((text[0] == '\0' && !empty) || strlen(text) > REVISION_TEXT_MAX)
    return err_set(e, ERR_INPUT, "\"%.80s\" names no revision", text);
  return 0;
}

static int check_revisions(const Migd__V1__GenerateScriptRequest *m, struct err *e) {
  bool upgrade = m->operation == MIGD__V1__OPERATION__OPERATION_UPGRADE;
  bool downgrade = m->operation == MIGD__V1__OPERATION__OPERATION_DOWNGRADE;
  if (m->n_to > REVISIONS_MAX)
    return err_set(e, ERR_INPUT, "a script names at most %d revisions", REVISIONS_MAX);
  if (m->n_to == 0 && !upgrade)
    return err_set(e, ERR_INPUT, "say which revision the script leads to");
  if (downgrade && m->from[0] == '\0')
    return err_set(e, ERR_INPUT, "a downgrade without a database needs both ends: FROM:TO");
  for (size_t i = 0; i < m->n_to; i++)
    if (check_text(m->to[i], false, e) != 0)
      return -1;
  return check_text(m->from, true, e);
}

/* What a target says of how its scripts are run. */
static int read_target(struct call *call, const struct target *t, struct offline_request *out,
                       struct err *e) {
  struct db_url *url = ARENA_NEW(&call->arena, struct db_url);
  out->lock_timeout_ms = t->policy.lock_timeout_ms;
  out->statement_timeout_ms = t->policy.statement_timeout_ms;
  out->idle_timeout_ms = t->policy.idle_timeout_ms;
  out->url = url;
  return db_url_parse(t->url, url, e);
}

/* A target says which catalog and which dialect, unless the request does. */
static int read_place(struct call *call, const Migd__V1__GenerateScriptRequest *m,
                      struct offline_request *out, struct bundle_info *info, struct err *e) {
  struct store *store = call->server->store;
  struct target t = {0};
  const char *catalog = m->catalog;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = 0;
  if (m->target[0] != '\0') {
    rc = target_get(db, m->target, &call->arena, &t, e);
    if (rc == 0 && catalog[0] == '\0')
      catalog = t.catalog;
    if (rc == 0)
      rc = read_target(call, &t, out, e);
    if (rc == 0 && m->dialect == MIGD__V1__DIALECT__DIALECT_UNSPECIFIED)
      out->dialect = t.dialect;
  }
  if (rc == 0)
    rc = bundle_get(db, catalog, &call->arena, info, e);
  if (rc == 0) /* without keys: no stored secret gets into a script */
    rc = variables_read(db, NULL, t.id, info->name, &out->variables, e);
  store_reader_done(store, db);
  out->catalog = info->name;
  return rc;
}

static int read_request(struct call *call, const Migd__V1__GenerateScriptRequest *m,
                        struct offline_request *out, struct bundle_info *info, struct err *e) {
  static const char *const head[] = {"head"};
  *out = (struct offline_request){
      .operation = (enum operation)m->operation,
      .dialect = (enum dialect)m->dialect,
      .from = m->from,
      .revisions = m->n_to ? (const char *const *)m->to : head,
      .revision_count = m->n_to ? m->n_to : 1,
      .single_transaction = m->single_transaction != 0,
      .store_id = store_id(call->server->store),
      .principal = call->principal.name,
  };
  if (m->operation < MIGD__V1__OPERATION__OPERATION_UPGRADE ||
      m->operation > MIGD__V1__OPERATION__OPERATION_STAMP)
    return err_set(e, ERR_INPUT, "say what the script does: upgrade, downgrade or stamp");
  if (check_revisions(m, e) != 0 || read_place(call, m, out, info, e) != 0)
    return -1;
  if (out->dialect != DIALECT_SQLITE && out->dialect != DIALECT_POSTGRESQL)
    return err_set(e, ERR_INPUT, "say for which dialect: sqlite or postgresql");
  return 0;
}

/* The request's own go before the stored ones, and into the script also where they are secret. */
static int add_variables(struct call *call, const Migd__V1__GenerateScriptRequest *m,
                         struct offline_request *out, struct err *e) {
  struct variable_change asked;
  if (variables_asked(m->variables, m->n_variables, NULL, 0, &call->arena, &asked, e) != 0)
    return -1;
  for (size_t i = 0; i < asked.set_count; i++)
    variables_put(&out->variables,
                  &(struct variable){asked.set[i].name, asked.set[i].value, false});
  variables_wipe(&asked);
  return 0;
}

static int script_make(struct call *call, const Migd__V1__GenerateScriptRequest *m, struct err *e) {
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct sending *s = xcalloc(1, sizeof *s);
  struct offline_request request;
  struct bundle_info info = {0};
  call->state = s;
  call->state_free = sending_free;
  int rc = read_request(call, m, &request, &info, e);
  if (rc == 0)
    rc = add_variables(call, m, &request, e);
  if (rc == 0)
    rc = engine_catalog(call->server->engine, info.digest, &ref, e);
  if (rc == 0)
    rc = offline_script(catalog_ref_get(ref), &request, &call->job, &s->text, e);
  variables_release(&request.variables);
  return rc;
}

enum call_next script_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  Migd__V1__GenerateScriptResponse reply = MIGD__V1__GENERATE_SCRIPT_RESPONSE__INIT;
  if (in != NULL && script_make(call, (const void *)in, e) != 0)
    return CALL_FAIL;
  struct sending *s = call->state;
  size_t left = s->text.len - s->sent;
  if (left == 0)
    return CALL_DONE;
  reply.text.len = left < PART ? left : PART;
  reply.text.data = (uint8_t *)s->text.s + s->sent;
  call_reply(call, &reply.base);
  s->sent += reply.text.len;
  return CALL_MORE;
}
