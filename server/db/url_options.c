/* The options of a PostgreSQL URL, a row each. Pure, as all of parsing: whether a file may be named
 * is the connection's to say (postgres_files.c).
 */
#include "server/db/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MAX_S 600

/* How a value is read: `len` bytes of the URL. */
struct option {
  const char *name;
  int (*set)(const struct option *o, const char *s, size_t len, struct db_url *out, struct err *e);
  const char *values; /* separated by spaces */
  size_t field, size; /* where it goes to in struct db_url */
};

static char *field_of(const struct option *o, struct db_url *out) {
  return (char *)out + o->field;
}

static bool listed(const char *value, const char *values) {
  size_t len = strlen(value);
  for (const char *v = values; *v; v += strcspn(v, " "), v += *v == ' ')
    if (len && strcspn(v, " ") == len && memcmp(v, value, len) == 0)
      return true;
  return false;
}

static int set_choice(const struct option *o, const char *s, size_t len, struct db_url *out,
                      struct err *e) {
  char value[64] = "";
  if (url_decode(s, len, value, sizeof value, o->name, e) < 0)
    return -1;
  if (!listed(value, o->values))
    return err_set(e, ERR_INPUT, "%s must be one of: %s", o->name, o->values);
  snprintf(field_of(o, out), o->size, "%s", value);
  return 0;
}

static int set_timeout(const struct option *o, const char *s, size_t len, struct db_url *out,
                       struct err *e) {
  char value[64] = "";
  if (url_decode(s, len, value, sizeof value, o->name, e) < 0)
    return -1;
  if (strlen(value) > 3 || !*value || strspn(value, "0123456789") != strlen(value) ||
      atoi(value) < 1 || atoi(value) > CONNECT_TIMEOUT_MAX_S)
    return err_set(e, ERR_INPUT, "%s must be a number of seconds from 1 to %d", o->name,
                   CONNECT_TIMEOUT_MAX_S);
  out->connect_timeout_s = (unsigned)atoi(value);
  return 0;
}

static int set_file(const struct option *o, const char *s, size_t len, struct db_url *out,
                    struct err *e) {
  char *path = field_of(o, out);
  if (url_decode(s, len, path, o->size, o->name, e) < 0)
    return -1;
  if (path[0] != '/')
    return err_set(e, ERR_INPUT, "%s must be the absolute path of a file on the server's machine",
                   o->name);
  return url_path(path, o->name, e);
}

/* PostgreSQL takes `$user` for the role's name, quoted or not, and keeps `pg_` to itself. */
static int check_schema(const struct db_url *url, const char *name, struct err *e) {
  if (!*name)
    return err_set(e, ERR_INPUT, "schema: a name is empty");
  if (!strncmp(name, "pg_", 3) || !strcmp(name, "information_schema") || !strcmp(name, "$user"))
    return err_set(e, ERR_INPUT, "schema: %s is PostgreSQL's own", name);
  for (unsigned i = 0; i < url->schema_count; i++)
    if (!strcmp(url->schemas[i], name))
      return err_set(e, ERR_INPUT, "schema: %s is named twice", name);
  return 0;
}

/* A comma separates; one that is encoded is part of a name. */
static int set_schemas(const struct option *o, const char *s, size_t len, struct db_url *out,
                       struct err *e) {
  const char *end = s + len;
  if (out->schema_count)
    return err_set(e, ERR_INPUT, "%s is given twice", o->name);
  for (;; s++) {
    const char *comma = memchr(s, ',', (size_t)(end - s));
    const char *stop = comma ? comma : end;
    if (out->schema_count == DB_SCHEMAS_MAX)
      return err_set(e, ERR_INPUT, "%s: at most %d can be searched", o->name, DB_SCHEMAS_MAX);
    char *name = out->schemas[out->schema_count];
    if (url_decode(s, (size_t)(stop - s), name, sizeof out->schemas[0], o->name, e) < 0 ||
        check_schema(out, name, e) < 0)
      return -1;
    out->schema_count++;
    if (!comma)
      return 0;
    s = comma;
  }
}

#define FIELD(name) offsetof(struct db_url, name), sizeof((struct db_url){0}.name)
#define FILE_ROW(name, file)                                                                       \
  { name, set_file, NULL, FIELD(files[file]) }

static const struct option options[] = {
    {"sslmode", set_choice, "disable allow prefer require verify-ca verify-full", FIELD(sslmode)},
    {"target_session_attrs", set_choice, "any primary read-write", FIELD(session)},
    {"connect_timeout", set_timeout, NULL, 0, 0},
    {"schema", set_schemas, NULL, 0, 0},
    FILE_ROW("sslcert", DB_SSLCERT),
    FILE_ROW("sslkey", DB_SSLKEY),
    FILE_ROW("sslrootcert", DB_SSLROOTCERT),
    FILE_ROW("sslcrl", DB_SSLCRL),
    FILE_ROW("passfile", DB_PASSFILE),
};

static const struct option *option_of(const char *name) {
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    if (strcmp(options[i].name, name) == 0)
      return &options[i];
  return NULL;
}

static int unknown(const char *name, struct err *e) {
  if (!strcmp(name, "service")) {
    err_set(e, ERR_INPUT, "a service says where the server is: the URL must not");
    return err_hint(e, "postgresql:///?service=NAME, with a user and a database where the service "
                       "names none: postgresql://user@/database?service=NAME");
  }
  err_set(e, ERR_INPUT, "the URL's option %s is not known", name);
  return err_hint(e,
                  "allowed are sslmode, target_session_attrs, connect_timeout, schema, and, where "
                  "the server's configuration says so, files");
}

int url_options(const char *s, struct db_url *out, struct err *e) {
  while (*s) {
    char name[64] = "";
    size_t len = strcspn(s, "&"), key = strcspn(s, "=&");
    if (key == len)
      return err_set(e, ERR_INPUT, "an option of the URL is name=value");
    if (url_decode(s, key, name, sizeof name, "option", e) < 0)
      return -1;
    const struct option *o = option_of(name);
    if (!o)
      return unknown(name, e);
    if (o->set(o, s + key + 1, len - key - 1, out, e) < 0)
      return -1;
    s += len + (s[len] == '&');
  }
  return 0;
}

/* What libpq would make of half of it is not what was meant. */
int url_files(const struct db_url *url, struct err *e) {
  bool verifies = strncmp(url->sslmode, "verify", 6) == 0;
  if (!url->files[DB_SSLCERT][0] != !url->files[DB_SSLKEY][0])
    return err_set(e, ERR_INPUT, "sslcert and sslkey go together");
  if ((url->files[DB_SSLROOTCERT][0] || url->files[DB_SSLCRL][0]) && !verifies) {
    err_set(e, ERR_INPUT, "%s is of use only where the server's certificate is checked",
            url->files[DB_SSLROOTCERT][0] ? "sslrootcert" : "sslcrl");
    return err_hint(e, "say sslmode=verify-full, or verify-ca");
  }
  return 0;
}

void db_url_schema(const struct db_url *url, struct buf *out) {
  for (unsigned i = 0; i < url->schema_count; i++)
    buf_addf(out, "%s%s", i ? "," : "", url->schemas[i]);
}

static void add_encoded_list(struct buf *out, const char *list) {
  char one[2] = "";
  for (; *list; list++) {
    one[0] = *list;
    if (*list == ',')
      buf_addc(out, ',');
    else
      url_encode(out, one);
  }
}

void db_url_with_schema(const char *text, const char *schema, struct buf *out) {
  size_t head = strcspn(text, "?");
  char mark = '?';
  buf_add(out, text, head);
  for (const char *s = text + head + (text[head] == '?'); *s;) {
    size_t len = strcspn(s, "&");
    if (strncmp(s, "schema=", 7) != 0) {
      buf_addc(out, mark);
      buf_add(out, s, len);
      mark = '&';
    }
    s += len + (s[len] == '&');
  }
  buf_addf(out, "%cschema=", mark);
  add_encoded_list(out, schema);
}
