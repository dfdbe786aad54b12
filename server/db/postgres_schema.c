/* A target that is one schema of a database: the search path is the URL's list and nothing else,
 * and all of it is there. PostgreSQL itself passes over schemas that are missing or not ours to
 * use, so that a table would be made in the next one.
 */
#include "server/db/postgres.h"

struct found {
  int64_t exists, usable;
};

static int on_found(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct found *f = ctx;
  (void)count, (void)e;
  f->exists = v[0].i;
  f->usable = v[1].i;
  return 0;
}

static int look(struct postgres *p, const char *schema, struct found *out, const struct job *job,
                struct err *e) {
  static const char sql[] = "SELECT pg_catalog.count(*), coalesce(pg_catalog.bool_or("
                            "pg_catalog.has_schema_privilege(n.oid, 'USAGE')), false)"
                            " FROM pg_catalog.pg_namespace n WHERE n.nspname = $1";
  struct db_value name = db_text(schema);
  return postgres_query(p, sql, &name, 1, on_found, out, job, e);
}

static int make(struct postgres *p, const char *schema, const struct job *job, struct err *e) {
  struct buf sql BUF_SCOPED = BUF_INIT;
  buf_adds(&sql, "CREATE SCHEMA ");
  db_add_name(&sql, schema);
  if (postgres_query(p, buf_str(&sql), NULL, 0, NULL, NULL, job, e) == 0)
    return 0;
  if (e->kind == ERR_MIGRATION)
    e->kind = ERR_TARGET;
  return err_in(e, "make the schema %s", schema);
}

static int check_one(struct postgres *p, const char *schema, bool create, const struct job *job,
                     struct err *e) {
  struct found found = {0};
  if (look(p, schema, &found, job, e) < 0)
    return -1;
  if (!found.exists && create)
    return make(p, schema, job, e);
  if (!found.exists) {
    err_set(e, ERR_TARGET, "the database has no schema %s", schema);
    return err_hint(e, "it must be made first: CREATE SCHEMA, or `migctl target add --create` for "
                       "the target's own");
  }
  if (found.usable)
    return 0;
  err_set(e, ERR_TARGET, "the role %s may not use the schema %s", p->url.user, schema);
  return err_hint(e, "GRANT USAGE ON SCHEMA; to migrate it, CREATE as well");
}

int postgres_schema(struct postgres *p, const struct db_options *options, const struct job *job,
                    struct err *e) {
  struct buf path BUF_SCOPED = BUF_INIT;
  for (unsigned i = 0; i < p->url.schema_count; i++) {
    if (check_one(p, p->url.schemas[i], options->create && i == 0, job, e) < 0)
      return -1;
    buf_adds(&path, i ? ", " : "");
    db_add_name(&path, p->url.schemas[i]);
  }
  struct db_value value = db_text(buf_str(&path));
  return !p->url.schema_count ||
                 postgres_query(p, "SELECT pg_catalog.set_config('search_path', $1, false)", &value,
                                1, NULL, NULL, job, e) == 0
             ? 0
             : -1;
}
