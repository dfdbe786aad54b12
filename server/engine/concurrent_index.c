/* Reads the heads of CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY]
 * [schema.]table, DROP INDEX CONCURRENTLY [IF EXISTS] name and REINDEX … CONCURRENTLY name, and
 * asks pg_index for what they left. Thread: the walk's worker.
 */
#include "server/engine/concurrent_index.h"

#include <string.h>

#include "server/sql/lex.h"

enum verb { VERB_OTHER, VERB_CREATE, VERB_DROP, VERB_REINDEX };

struct head {
  struct lexer lexer;
  struct lex_token token; /* LEX_END behind the last one */
  struct arena *arena;
  enum verb verb;
  bool if_not_exists;
  bool dotted;       /* the last name that was read has a schema */
  const char *name;  /* as SQL; of DROP and REINDEX with the schema that it names */
  const char *table; /* of CREATE: as SQL, with the schema that it names */
  bool qualified;    /* of DROP: it names a schema */
  bool schema;       /* of REINDEX: `name` is a schema's, or NULL for the database */
};

static void next(struct head *h) {
  struct err ignored;
  if (lex_next(&h->lexer, &h->token, &ignored))
    h->token.kind = LEX_END;
}

/* Steps over a keyword when it is the next one. */
static bool accept(struct head *h, const char *keyword) {
  if (!lex_is(&h->lexer, &h->token, keyword))
    return false;
  next(h);
  return true;
}

static bool accept_dot(struct head *h) {
  if (h->token.kind != LEX_OTHER || h->lexer.text[h->token.start] != '.')
    return false;
  next(h);
  return true;
}

/* A name without its schema, as SQL; NULL when there is none. */
static const char *read_name(struct head *h) {
  if (h->token.kind != LEX_WORD && h->token.kind != LEX_NAME)
    return NULL;
  const char *name = arena_strndup(h->arena, h->lexer.text + h->token.start, h->token.len);
  next(h);
  return name;
}

static const char *read_qualified(struct head *h) {
  const char *name = read_name(h);
  if (!name || !accept_dot(h))
    return name;
  const char *last = read_name(h);
  h->dotted = true;
  return last ? arena_printf(h->arena, "%s.%s", name, last) : NULL;
}

static bool read_create(struct head *h) {
  accept(h, "UNIQUE");
  if (!accept(h, "INDEX") || !accept(h, "CONCURRENTLY"))
    return false;
  h->if_not_exists = accept(h, "IF");
  if (h->if_not_exists && !(accept(h, "NOT") && accept(h, "EXISTS")))
    return false;
  if (lex_is(&h->lexer, &h->token, "ON"))
    return false;
  const char *index = read_name(h);
  if (!index || !accept(h, "ON"))
    return false;
  accept(h, "ONLY");
  h->name = index;
  h->table = read_qualified(h);
  h->verb = VERB_CREATE;
  return h->table != NULL;
}

static bool read_drop(struct head *h) {
  if (!accept(h, "INDEX") || !accept(h, "CONCURRENTLY"))
    return false;
  if (accept(h, "IF") && !accept(h, "EXISTS"))
    return false;
  h->name = read_qualified(h);
  h->qualified = h->dotted;
  h->verb = VERB_DROP;
  return h->name != NULL;
}

/* REINDEX [(options)] what [CONCURRENTLY] [name]; the word may be among the options. */
static bool read_reindex(struct head *h) {
  bool concurrently = false;
  if (h->token.kind == LEX_OPEN) {
    for (; h->token.kind != LEX_CLOSE && h->token.kind != LEX_END; next(h))
      concurrently |= lex_is(&h->lexer, &h->token, "CONCURRENTLY");
    next(h);
  }
  bool relation = accept(h, "INDEX") || accept(h, "TABLE");
  h->schema = !relation;
  bool one_schema = !relation && accept(h, "SCHEMA");
  if (!relation && !one_schema && !accept(h, "DATABASE") && !accept(h, "SYSTEM"))
    return false;
  if (!accept(h, "CONCURRENTLY") && !concurrently)
    return false;
  h->name = relation || one_schema ? read_qualified(h) : NULL;
  h->verb = VERB_REINDEX;
  return h->name || (!relation && !one_schema);
}

/* False when the statement is none of these. */
static bool read_head(struct head *h, const struct walk *w, const char *sql, size_t len) {
  *h = (struct head){.lexer = {.dialect = DIALECT_POSTGRESQL, .text = sql, .len = len},
                     .arena = w->arena};
  if (w->db->driver->dialect != DIALECT_POSTGRESQL)
    return false;
  next(h);
  if (accept(h, "CREATE"))
    return read_create(h);
  if (accept(h, "DROP"))
    return read_drop(h);
  return accept(h, "REINDEX") && read_reindex(h);
}

struct found {
  struct arena *arena;
  int valid;        /* -1: there is none */
  const char *name; /* as SQL, with its schema */
  bool own;         /* it is in the schema that is made in */
};

#define FOUND                                                                                      \
  "SELECT x.indisvalid::int, pg_catalog.quote_ident(n.nspname) || '.' ||"                          \
  " pg_catalog.quote_ident(c.relname), (n.nspname = pg_catalog.current_schema())::int"             \
  " FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid"                 \
  " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"

static int on_found(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct found *f = ctx;
  (void)count, (void)e;
  f->valid = v[0].i != 0;
  f->name = arena_strndup(f->arena, v[1].s, v[1].len);
  f->own = v[2].i != 0;
  return 0;
}

/* 1 valid, 0 INVALID, -1 not there, -2 failed. Where a table is known the index is one of that
 * table: one of this name that the search path finds elsewhere is not it. */
static int look(struct walk *w, const struct head *h, struct found *out, struct err *e) {
  static const char of_table[] =
      FOUND " WHERE x.indrelid = pg_catalog.to_regclass($2) AND c.relname"
            " = ((pg_catalog.parse_ident($1))[1])::name";
  static const char anywhere[] = FOUND " WHERE c.oid = pg_catalog.to_regclass($1)";
  struct db_value params[] = {db_text(h->name), db_text(h->table)};
  *out = (struct found){.arena = w->arena, .valid = -1};
  return db_exec(w->db, h->table ? of_table : anywhere, params, h->table ? 2 : 1, on_found, out,
                 NULL, w->job, e)
             ? -2
             : out->valid;
}

static int drop(struct walk *w, const char *name, struct err *e) {
  return db_exec(w->db, arena_printf(w->arena, "DROP INDEX CONCURRENTLY IF EXISTS %s", name), NULL,
                 0, NULL, NULL, NULL, w->job, e);
}

/* The transient indexes of a REINDEX that did not end. Where somebody else's is at work now, its
 * lock on the table keeps the DROP waiting until their names are gone. */
#define LEFT                                                                                       \
  "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i"             \
  " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"                                            \
  " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                                      \
  " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"                                              \
  " LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = t.oid AND t.relkind = 't'"                \
  " WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'"

static const char left_in_relation[] =
    LEFT " AND COALESCE(o.oid, t.oid) IN (SELECT COALESCE(x.indrelid, r.oid) FROM"
         " (SELECT pg_catalog.to_regclass($1)::pg_catalog.oid UNION SELECT"
         "  p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) p) r(oid)"
         " LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = r.oid)";
static const char left_in_schema[] =
    LEFT " AND ($1::text IS NULL OR COALESCE(o.relnamespace, t.relnamespace) ="
         " pg_catalog.to_regnamespace($1))";

struct names {
  struct arena *arena;
  const char *items[64]; /* what is left beyond these is found the next time */
  size_t count;
};

static int on_name(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct names *names = ctx;
  (void)count, (void)e;
  if (names->count < sizeof names->items / sizeof names->items[0])
    names->items[names->count++] = arena_strndup(names->arena, v[0].s, v[0].len);
  return 0;
}

static enum index_effect settle_reindex(struct walk *w, const struct head *h, struct err *e) {
  struct names names = {.arena = w->arena};
  struct db_value param = db_text(h->name);
  if (db_exec(w->db, h->schema ? left_in_schema : left_in_relation, &param, 1, on_name, &names,
              NULL, w->job, e))
    return EFFECT_ERROR;
  for (size_t i = 0; i < names.count; i++)
    if (drop(w, names.items[i], e))
      return EFFECT_ERROR;
  return EFFECT_NONE;
}

/* An index that the search path finds in a schema that is only searched may be another one than the
 * statement dropped: a person must say. */
static enum index_effect settle_drop(struct walk *w, const struct head *h, struct err *e) {
  struct found found;
  int valid = look(w, h, &found, e);
  if (valid == -2)
    return EFFECT_ERROR;
  if (valid == -1)
    return EFFECT_DONE;
  return found.own || h->qualified || !w->db->schema ? EFFECT_NONE : EFFECT_UNKNOWN;
}

enum index_effect concurrent_index_settle(struct walk *w, const char *sql, size_t len,
                                          struct err *e) {
  struct head h;
  struct found found;
  if (!read_head(&h, w, sql, len))
    return EFFECT_UNKNOWN;
  if (h.verb == VERB_REINDEX)
    return settle_reindex(w, &h, e);
  if (h.verb == VERB_DROP)
    return settle_drop(w, &h, e);
  int valid = look(w, &h, &found, e);
  if (valid == -2)
    return EFFECT_ERROR;
  if (valid == 1)
    return EFFECT_DONE;
  return valid == 0 && drop(w, found.name, e) ? EFFECT_ERROR : EFFECT_NONE;
}

bool concurrent_index_is_blind(const struct walk *w, const char *sql, size_t len) {
  struct head h;
  return read_head(&h, w, sql, len) && h.if_not_exists;
}
