/* The rule by which a database that was there before migd is taken over at its first upgrade. The
 * revision is kept as an id: what `head` is may change.
 */
#include "server/rpc/rule.h"

#include <ctype.h>
#include <string.h>

#include "server/catalog/ident.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"

#define TABLE_MAX 128
#define REVISION_TEXT_MAX 200

struct rule {
  const char *catalog, *table, *revision;
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
                     const Migd__V1__AdoptRule *m, struct rule *out, struct err *e) {
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

static int write_rule(struct db *db, void *ctx, struct err *e) {
  const struct rule *r = ctx;
  return bundle_set_rule(db, r->catalog, r->table, r->revision, e);
}

enum call_next rule_step(struct call *call, const ProtobufCMessage *in, struct err *e) {
  const Migd__V1__UpdateCatalogRequest *m = (const void *)in;
  struct bundle_info info;
  if ((m->adopt_rule != NULL) == (m->clear_adopt_rule != 0)) {
    err_set(e, ERR_INPUT, "a rule is set or cleared");
    return CALL_FAIL;
  }
  if (read_info(call, m->name, &info, e) != 0)
    return CALL_FAIL;
  struct rule rule = {info.name, "", ""};
  if ((m->adopt_rule != NULL && read_rule(call, &info, m->adopt_rule, &rule, e) != 0) ||
      store_write(call->server->store, write_rule, &rule, e) != 0 ||
      read_info(call, info.name, &info, e) != 0)
    return CALL_FAIL;
  call_reply(call, &proto_catalog(&call->arena, &info)->base);
  return CALL_DONE;
}
