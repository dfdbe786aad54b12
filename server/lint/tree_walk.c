/* Over every node of a tree, by the descriptions that protobuf's messages carry with them, and what
 * can be told of the functions that an expression calls.
 */
#include "server/lint/tree.h"

#include <string.h>

typedef bool visitor(void *ctx, const PgQuery__Node *n);

static bool walk(const ProtobufCMessage *m, visitor *visit, void *ctx);

/* A field that holds one message or many. */
static bool walk_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, visitor *visit,
                       void *ctx) {
  const char *at = (const char *)m;
  if (f->label == PROTOBUF_C_LABEL_REPEATED) {
    size_t count;
    const ProtobufCMessage *const *items;
    memcpy(&count, at + f->quantifier_offset, sizeof count);
    memcpy(&items, at + f->offset, sizeof items);
    for (size_t i = 0; i < count; i++)
      if (!walk(items[i], visit, ctx))
        return false;
    return true;
  }
  int which = (int)f->id;
  if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
    memcpy(&which, at + f->quantifier_offset, sizeof which);
  const ProtobufCMessage *one = NULL;
  if (which == (int)f->id)
    memcpy(&one, at + f->offset, sizeof one);
  return walk(one, visit, ctx);
}

static bool walk(const ProtobufCMessage *m, visitor *visit, void *ctx) {
  if (!m)
    return true;
  if (strcmp(m->descriptor->name, "pg_query.Node") == 0 && !visit(ctx, (const PgQuery__Node *)m))
    return false;
  for (unsigned i = 0; i < m->descriptor->n_fields; i++)
    if (m->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
        !walk_field(m, &m->descriptor->fields[i], visit, ctx))
      return false;
  return true;
}

bool tree_walk(const void *message, visitor *visit, void *ctx) {
  return walk(message, visit, ctx);
}

/* PostgreSQL's own that give another value for each row. */
static const char always[] =
    "random random_normal gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc "
    "uuid_generate_v4 gen_random_bytes gen_salt clock_timestamp timeofday nextval currval lastval "
    "setval pg_sleep txid_current_snapshot";
/* Computed once, before the first row. */
static const char never[] =
    "now transaction_timestamp statement_timestamp current_setting date_trunc date_part extract "
    "timezone to_timestamp to_date to_char to_number age make_date make_time make_timestamp "
    "make_timestamptz make_interval justify_days justify_hours lower upper initcap concat "
    "concat_ws format left right lpad rpad btrim ltrim rtrim replace substr substring length "
    "md5 sha224 sha256 sha384 sha512 encode decode abs ceil floor round power sqrt array_append "
    "array_cat array_fill json_build_object json_build_array jsonb_build_object "
    "jsonb_build_array json_object jsonb_object to_json to_jsonb row_to_json int4range int8range "
    "numrange tsrange tstzrange daterange text2ltree to_tsvector to_tsquery current_schema "
    "current_database version pg_backend_pid txid_current inet_client_addr hashtext repeat "
    "string_to_array regexp_replace uuid_nil uuid_ns_url uuid_generate_v3 uuid_generate_v5";

struct volatile_search {
  const PgQuery__FuncCall *sure, *perhaps;
};

static bool look(void *ctx, const PgQuery__Node *n) {
  struct volatile_search *v = ctx;
  const PgQuery__FuncCall *f = NODE(n, FUNC_CALL, func_call);
  const char *name = f ? tree_last(f->n_funcname, f->funcname) : "";
  if (f && tree_one_of(name, always))
    v->sure = f;
  else if (f && !v->perhaps && !tree_one_of(name, never))
    v->perhaps = f;
  return v->sure == NULL;
}

const PgQuery__FuncCall *tree_volatile(const PgQuery__Node *expression, bool *known) {
  struct volatile_search v = {0};
  (void)tree_walk(expression, look, &v);
  *known = v.sure != NULL;
  return v.sure ? v.sure : v.perhaps;
}

/* ---- rows ---- */

static const PgQuery__Node *where_of(const struct lint_statement *s) {
  const PgQuery__UpdateStmt *u = STATEMENT(s, UPDATE_STMT, update_stmt);
  const PgQuery__DeleteStmt *d = STATEMENT(s, DELETE_STMT, delete_stmt);
  return u ? u->where_clause : d ? d->where_clause : NULL;
}

static bool is_constant(const PgQuery__Node *n) {
  const PgQuery__TypeCast *cast = NODE(n, TYPE_CAST, type_cast);
  const PgQuery__List *list = NODE(n, LIST, list);
  for (size_t i = 0; list && i < list->n_items; i++)
    if (!is_constant(list->items[i]))
      return false;
  return list || (cast ? is_constant(cast->arg) : NODE(n, A_CONST, a_const) != NULL);
}

/* `column = constant` or `column IN (constants)`. */
static bool picks(const PgQuery__Node *n) {
  const PgQuery__AExpr *e = NODE(n, A_EXPR, a_expr);
  return e &&
         (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP ||
          e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN) &&
         strcmp(tree_last(e->n_name, e->name), "=") == 0 &&
         NODE(e->lexpr, COLUMN_REF, column_ref) && is_constant(e->rexpr);
}

/* A key is called so: a flag or a state picks a part of the table that may be all of it. */
static bool is_key(const PgQuery__Node *n) {
  const PgQuery__AExpr *e = n->a_expr;
  const PgQuery__ColumnRef *c = e->lexpr->column_ref;
  const char *name = tree_last(c->n_fields, c->fields);
  size_t len = strlen(name);
  return tree_one_of(name, "id uuid key name slug code email version") ||
         (len > 3 && (strcmp(name + len - 3, "_id") == 0 || strcmp(name + len - 3, "_no") == 0));
}

bool tree_one_row(const struct lint_statement *s) {
  const PgQuery__Node *where = where_of(s);
  const PgQuery__BoolExpr *all = NODE(where, BOOL_EXPR, bool_expr);
  if (!all || all->boolop != PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
    return picks(where) && is_key(where);
  for (size_t i = 0; i < all->n_args; i++)
    if (picks(all->args[i]) && is_key(all->args[i]))
      return true;
  return false;
}

static bool limit(void *ctx, const PgQuery__Node *n) {
  const PgQuery__SelectStmt *q = NODE(n, SELECT_STMT, select_stmt);
  bool *found = ctx;
  *found = *found || (q && q->limit_count);
  return !*found;
}

bool tree_limited(const struct lint_statement *s) {
  bool found = false;
  (void)tree_walk(s->tree, limit, &found);
  return found;
}
