/* What a catalog says of its databases and of pushes to it: the rule by which a database that was
 * there before migd is taken over at its first upgrade (the revision is kept as an id: what `head`
 * is may change), the policy of the lint rules, and variables. What a request does not give stays;
 * all of it changes, or nothing.
 */
#include "server/rpc/settings.h"

#include <ctype.h>
#include <string.h>

#include "server/catalog/ident.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/findings.h"
#include "server/rpc/variables.h"

#define TABLE_MAX 128
#define REVISION_TEXT_MAX 200

struct change {
  const struct server *server;
  const char *catalog;
  const char *table, *revision;       /* of the adopt rule; NULL: it stays, "": it goes */
  const Migd__V1__LintPolicy *policy; /* NULL: it stays */
  struct variable_change variables;
};

/* A name, or schema.name, without quotes: both dialects read it alike. */
static bool table_valid(const char *s) {
  if (strlen(s) > TABLE_MAX || (!isalpha((unsigned char)s[0]) && s[0] != '_'))
    return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && *s != '_' && (*s != '.' || s[1] == '.' || !s[1]))
      return false;
  return true;
}

static int read_info(struct call *call, const char *name, struct bundle_info *info, struct err *e) {
  struct store *store = call->server->store;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = bundle_get(db, name, &call->arena, info, e);
  store_reader_done(store, db);
  return rc;
}

static int read_rule(struct call *call, const struct bundle_info *info,
                     const Migd__V1__AdoptRule *m, struct change *out, struct err *e) {
  struct catalog_ref *ref CATALOG_REF_SCOPED = NULL;
  struct revision_set found;
  if (!table_valid(m->table))
    return err_set(e, ERR_INPUT, "\"%.80s\" is no name of a table", m->table);
  if (m->revision[0] == '\0' || strlen(m->revision) > REVISION_TEXT_MAX)
    return err_set(e, ERR_INPUT, "\"%.80s\" names no revision", m->revision);
  if (engine_catalog(call->server->engine, info->digest, &ref, e) != 0 ||
      ident_resolve(catalog_ref_get(ref), m->revision, IDENT_SHOW, NULL, &call->arena, &found, e) !=
          0)
    return -1;
  if (found.count != 1)
    return err_set(e, ERR_INPUT, "\"%.80s\" is not one revision", m->revision);
  out->table = m->table;
  out->revision = arena_strdup(&call->arena, catalog_ref_get(ref)->revisions[found.items[0]].id);
  return 0;
}

static int write_policy(struct db *db, const struct change *c, struct err *e) {
  size_t len = protobuf_c_message_get_packed_size(&c->policy->base);
  struct buf packed BUF_SCOPED = BUF_INIT;
  buf_reserve(&packed, len + 1);
  protobuf_c_message_pack(&c->policy->base, (uint8_t *)packed.s);
  return bundle_set_lint_policy(db, c->catalog, packed.s, len, e);
}

static int write_change(struct db *db, void *ctx, struct err *e) {
  const struct change *c = ctx;
  if (c->table != NULL && bundle_set_rule(db, c->catalog, c->table, c->revision, e) != 0)
    return -1;
  if (c->policy != NULL && write_policy(db, c, e) != 0)
    return -1;
  return variable_change(db, c->server->keys, &(struct variable_owner){.catalog = c->catalog},
                         &c->variables, e);
}

static int read_change(struct call *call, const Migd__V1__UpdateCatalogRequest *m,
                       const struct bundle_info *info, struct change *out, struct err *e) {
  *out = (struct change){.server = call->server, .catalog = info->name, .policy = m->lint_policy};
  if (variables_asked(m->set_variables, m->n_set_variables, m->remove_variables,
                      m->n_remove_variables, &call->arena, &out->variables, e) != 0)
    return -1;
  if (m->adopt_rule == NULL && !m->clear_adopt_rule && m->lint_policy == NULL &&
      !variables_asks(&out->variables))
    return err_set(e, ERR_INPUT, "say what is to change");
  if (m->adopt_rule != NULL && m->clear_adopt_rule)
    return err_set(e, ERR_INPUT, "a rule is set or cleared");
  if (m->clear_adopt_rule)
    out->table = out->revision = "";
  if (m->adopt_rule != NULL && read_rule(call, info, m->adopt_rule, out, e) != 0)
    return -1;
  return m->lint_policy != NULL ? findings_check_policy(m->lint_policy, e) : 0;
}

int reply_catalog(struct call *call, const struct bundle_info *info, struct err *e) {
  Migd__V1__Catalog *m = proto_catalog(&call->arena, info);
  if (variables_answer(call->server->store, &(struct variable_owner){.catalog = info->name},
                       &call->arena, &m->variables, &m->n_variables, e) != 0)
    return -1;
  call_reply(call, &m->base);
  return 0;
}

enum call_next settings_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__UpdateCatalogRequest *m = (const void *)in;
  struct bundle_info info;
  struct change change;
  if (read_info(call, m->name, &info, e) != 0 || read_change(call, m, &info, &change, e) != 0)
    return CALL_FAIL;
  int rc = store_write(call->server->store, write_change, &change, e);
  variables_wipe(&change.variables);
  if (rc != 0 || read_info(call, info.name, &info, e) != 0)
    return CALL_FAIL;
  return reply_catalog(call, &info, e) == 0 ? CALL_DONE : CALL_FAIL;
}
