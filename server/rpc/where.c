/* Texts of URLs are put together here and parsed by their own parser afterwards: nothing that a
 * request says goes around it.
 */
#include "server/rpc/where.h"

#include <string.h>

#include "server/base/certificate.h"
#include "server/base/digest.h"
#include "server/rpc/convert.h"
#include "server/store/store.h"
#include "server/store/target.h"

int where_service(struct call *call, char **url, char **password, struct err *e) {
  struct buf found BUF_SCOPED = BUF_INIT, secret BUF_SCOPED = BUF_INIT;
  int rc = db_url_service(*url, call->server->postgres_files, &found, &secret, e);
  if (rc > 0) {
    *url = arena_strdup(&call->arena, buf_str(&found));
    if ((*password)[0] == '\0')
      *password = arena_strdup(&call->arena, buf_str(&secret));
  }
  wipe(secret.s, secret.len);
  return rc < 0 ? -1 : 0;
}

static const char *with_schema(const char *url, const char *schema, struct arena *arena) {
  struct buf b BUF_SCOPED = BUF_INIT;
  db_url_with_schema(url, schema, &b);
  return arena_strdup(arena, buf_str(&b));
}

int where_schema(const char **out, const char *url, const char *schema, struct arena *arena,
                 struct err *e) {
  struct db_url parsed;
  if (schema[0] == '\0') {
    *out = url;
    return 0;
  }
  if (db_url_parse(url, &parsed, e) != 0)
    return -1;
  if (parsed.dialect != DIALECT_POSTGRESQL)
    return err_set(e, ERR_INPUT, "a SQLite database has no schemas");
  if (parsed.schema_count > 0)
    return err_set(e, ERR_INPUT, "the schema is given twice, once in the URL");
  *out = with_schema(url, schema, arena);
  return 0;
}

/* `url` with the schemas of another one, in that one's own words: a name may have a comma in it,
 * which only those tell from two names. */
static const char *with_schemas_of(const char *url, const char *other, struct arena *arena) {
  const char *s = other + strcspn(other, "?");
  while (*s != '\0' && strncmp(s + 1, "schema=", 7) != 0)
    s += 1 + strcspn(s + 1, "&");
  if (*s == '\0')
    return url;
  return arena_printf(arena, "%s%c%.*s", url, strchr(url, '?') != NULL ? '&' : '?',
                      (int)strcspn(s + 1, "&"), s + 1);
}

int where_move(const char **url, const char *new_url, const char *schema, struct arena *arena,
               struct err *e) {
  struct db_url old, next;
  const char *text = new_url[0] != '\0' ? new_url : *url;
  if (new_url[0] != '\0' && schema[0] != '\0')
    return where_schema(url, new_url, schema, arena, e);
  if (db_url_parse(*url, &old, e) != 0 || db_url_parse(text, &next, e) != 0)
    return -1;
  if (schema[0] != '\0' && old.dialect != DIALECT_POSTGRESQL)
    return err_set(e, ERR_INPUT, "a SQLite database has no schemas");
  if (schema[0] != '\0')
    *url = with_schema(text, schema, arena);
  else
    *url = next.schema_count == 0 ? with_schemas_of(text, *url, arena) : text;
  return 0;
}

bool where_same_database(const struct db_url *a, const struct db_url *b) {
  size_t len = strcspn(a->place, "?");
  return strcspn(b->place, "?") == len && strncmp(a->place, b->place, len) == 0;
}

int where_check_ca(const char *pem, const struct db_url *url, struct err *e) {
  if (pem[0] == '\0')
    return 0;
  if (url->dialect != DIALECT_POSTGRESQL)
    return err_set(e, ERR_INPUT, "a SQLite database has no certificate");
  if (strncmp(url->sslmode, "verify", 6) != 0) {
    err_set(e, ERR_INPUT,
            "a CA is of use only where the server's certificate is checked: the URL "
            "has sslmode=%s",
            url->sslmode);
    return err_hint(e, "say sslmode=verify-full, or verify-ca");
  }
  if (url->files[DB_SSLROOTCERT][0] != '\0')
    return err_set(e, ERR_INPUT, "the CA is given twice, once as the URL's sslrootcert");
  return certificates_check(pem, e);
}

int where_show_ca(struct call *call, const char *name, Migd__V1__TargetPolicy *out, struct err *e) {
  struct target t;
  const char *pem = NULL;
  struct db *db = store_reader(call->server->store, e);
  if (db == NULL)
    return -1;
  int rc = target_get(db, name, &call->arena, &t, e);
  if (rc == 0)
    rc = target_ca_certificate(db, t.id, &call->arena, &pem, e);
  store_reader_done(call->server->store, db);
  if (rc == 0 && pem != NULL)
    out->ca_certificate = proto_text(&call->arena, pem);
  return rc;
}
