/* What several rules read of the tree. Nothing is kept; names are copied into the caller's hands.
 */
#include "server/lint/tree.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct tree_name tree_table(const PgQuery__RangeVar *r) {
  struct tree_name n = {""};
  if (!r || !r->relname)
    return n;
  bool schema = r->schemaname && r->schemaname[0];
  (void)snprintf(n.s, sizeof n.s, "%s%s%s", schema ? r->schemaname : "", schema ? "." : "",
                 r->relname);
  return n;
}

const char *tree_string(const PgQuery__Node *n) {
  const PgQuery__String *s = NODE(n, STRING, string);
  const PgQuery__AConst *c = NODE(n, A_CONST, a_const);
  if (c && c->val_case == PG_QUERY__A__CONST__VAL_SVAL)
    s = c->sval;
  return s && s->sval ? s->sval : "";
}

struct tree_name tree_path(size_t count, PgQuery__Node *const *names) {
  struct tree_name n = {""};
  for (size_t i = 0, len = 0; i < count && len < sizeof n.s; i++)
    len +=
        (size_t)snprintf(n.s + len, sizeof n.s - len, "%s%s", i ? "." : "", tree_string(names[i]));
  return n;
}

const char *tree_last(size_t count, PgQuery__Node *const *names) {
  return count ? tree_string(names[count - 1]) : "";
}

bool tree_is_new(const struct lint_statement *s, const PgQuery__RangeVar *r) {
  return tree_is_temporary(r) || s->scope->made(s->scope, tree_table(r).s);
}

bool tree_is_temporary(const PgQuery__RangeVar *r) {
  return r && ((r->relpersistence && r->relpersistence[0] == 't') ||
               (r->schemaname && strcmp(r->schemaname, "pg_temp") == 0));
}

/* ---- the commands of an ALTER TABLE ---- */

struct tree_command tree_first_command(const struct lint_statement *s) {
  struct tree_command c = {.s = s, .alter = STATEMENT(s, ALTER_TABLE_STMT, alter_table_stmt)};
  if (!c.alter || c.alter->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE || !c.alter->relation ||
      tree_is_new(s, c.alter->relation))
    return c;
  c.table = tree_table(c.alter->relation);
  tree_next_command(&c);
  return c;
}

void tree_next_command(struct tree_command *c) {
  c->cmd = NULL;
  while (!c->cmd && c->next < c->alter->n_cmds)
    c->cmd = NODE(c->alter->cmds[c->next], ALTER_TABLE_CMD, alter_table_cmd), c->next++;
}

static bool next_token(struct lexer *l, struct lex_token *t) {
  struct err e;
  return lex_next(l, t, &e) == 0 && t->kind != LEX_END;
}

static bool is_char(const struct lexer *l, const struct lex_token *t, char c) {
  return t->len == 1 && l->text[t->start] == c;
}

/* Behind the table's name, which may be quoted, qualified, and followed by a star. */
static void skip_table(struct tree_command *c) {
  struct lex_token t;
  c->lex = (struct lexer){.dialect = DIALECT_POSTGRESQL,
                          .text = c->s->sql,
                          .len = c->s->len,
                          .at = (size_t)c->alter->relation->location};
  while (next_token(&c->lex, &t)) {
    struct lexer ahead = c->lex;
    if (!next_token(&ahead, &t) || (!is_char(&ahead, &t, '.') && !is_char(&ahead, &t, '*')))
      return;
    c->lex = ahead;
    if (is_char(&ahead, &t, '*'))
      return;
  }
}

/* From its first token to the comma behind it. */
static void take_command(struct tree_command *c) {
  struct lex_token t;
  int depth = 0;
  c->offset = -1, c->len = 0;
  while (next_token(&c->lex, &t)) {
    bool open = is_char(&c->lex, &t, '(') || is_char(&c->lex, &t, '[');
    bool close = is_char(&c->lex, &t, ')') || is_char(&c->lex, &t, ']');
    if (depth == 0 && is_char(&c->lex, &t, ','))
      return;
    depth += open - close;
    if (c->offset < 0)
      c->offset = (int)t.start;
    c->len = t.start + t.len - (size_t)c->offset;
  }
}

void tree_find_command(struct tree_command *c) {
  if (c->found == 0 && c->next)
    skip_table(c);
  for (; c->found < c->next; c->found++)
    take_command(c);
}

/* ---- columns and constraints ---- */

/* What a statement says of a table's columns: the element at `i`; false beyond the last. */
static bool element(const struct lint_statement *s, size_t i, const PgQuery__Node **out) {
  const PgQuery__CreateStmt *create = STATEMENT(s, CREATE_STMT, create_stmt);
  const PgQuery__AlterTableStmt *alter = STATEMENT(s, ALTER_TABLE_STMT, alter_table_stmt);
  if (create && i < create->n_table_elts) {
    *out = create->table_elts[i];
    return true;
  }
  if (!alter || i >= alter->n_cmds || alter->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
    return false;
  const PgQuery__AlterTableCmd *cmd = NODE(alter->cmds[i], ALTER_TABLE_CMD, alter_table_cmd);
  bool adds = cmd && (cmd->subtype == AT(AddColumn) || cmd->subtype == AT(AddConstraint));
  *out = adds ? cmd->def : NULL;
  return true;
}

static const PgQuery__RangeVar *table_of(const struct lint_statement *s) {
  const PgQuery__CreateStmt *create = STATEMENT(s, CREATE_STMT, create_stmt);
  const PgQuery__AlterTableStmt *alter = STATEMENT(s, ALTER_TABLE_STMT, alter_table_stmt);
  return create ? create->relation : alter ? alter->relation : NULL;
}

static bool table_existed(const struct lint_statement *s) {
  return s->tree->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_STMT &&
         !tree_is_new(s, table_of(s));
}

struct tree_column tree_first_column(const struct lint_statement *s) {
  struct tree_column c = {.table = tree_table(table_of(s)), .existing = table_existed(s)};
  tree_next_column(s, &c);
  return c;
}

void tree_next_column(const struct lint_statement *s, struct tree_column *c) {
  const PgQuery__Node *n;
  c->def = NULL;
  while (!c->def && element(s, c->next, &n))
    c->def = NODE(n, COLUMN_DEF, column_def), c->next++;
}

struct tree_constraint tree_first_constraint(const struct lint_statement *s) {
  struct tree_constraint c = {.table = tree_table(table_of(s)), .existing = table_existed(s)};
  tree_next_constraint(s, &c);
  return c;
}

void tree_next_constraint(const struct lint_statement *s, struct tree_constraint *c) {
  const PgQuery__Node *n;
  c->is = NULL;
  while (!c->is && element(s, c->next, &n)) {
    c->column = NODE(n, COLUMN_DEF, column_def);
    if (c->column && c->inner < c->column->n_constraints) {
      c->is = NODE(c->column->constraints[c->inner], CONSTRAINT, constraint);
      c->inner++;
      continue;
    }
    c->is = NODE(n, CONSTRAINT, constraint);
    c->next++, c->inner = 0;
  }
}

const PgQuery__Constraint *tree_column_constraint(const PgQuery__ColumnDef *def,
                                                  PgQuery__ConstrType kind) {
  for (size_t i = 0; i < def->n_constraints; i++) {
    const PgQuery__Constraint *c = NODE(def->constraints[i], CONSTRAINT, constraint);
    if (c && c->contype == kind)
      return c;
  }
  return NULL;
}

struct tree_name tree_constraint_columns(const struct tree_constraint *c) {
  struct tree_name out = {""};
  bool foreign = c->is->contype == CONSTRAINT(FOREIGN);
  size_t count = foreign ? c->is->n_fk_attrs : c->is->n_keys;
  PgQuery__Node *const *keys = foreign ? c->is->fk_attrs : c->is->keys;
  if (c->column && c->column->colname)
    (void)snprintf(out.s, sizeof out.s, "%s", c->column->colname);
  else
    for (size_t i = 0, len = 0; i < count && len < sizeof out.s; i++)
      len += (size_t)snprintf(out.s + len, sizeof out.s - len, "%s%s", i ? ", " : "",
                              tree_string(keys[i]));
  return out;
}

/* ---- words ---- */

bool tree_one_of(const char *word, const char *list) {
  size_t n = strlen(word);
  for (const char *at = list; n && (at = strstr(at, word)); at += n)
    if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
      return true;
  return false;
}

const char *tree_type(const PgQuery__TypeName *t) {
  return t && !t->n_array_bounds && !t->setof ? tree_last(t->n_names, t->names) : "";
}

struct tree_name tree_word_at(const struct lint_statement *s, int location) {
  struct tree_name out = {""};
  if (location < 0 || (size_t)location >= s->len)
    return out;
  struct lexer l = {.dialect = s->dialect, .text = s->sql, .len = s->len, .at = (size_t)location};
  struct lex_token t;
  if (next_token(&l, &t))
    (void)snprintf(out.s, sizeof out.s, "%.*s", (int)(t.len < 100 ? t.len : 100), s->sql + t.start);
  return out;
}

bool tree_option(size_t count, PgQuery__Node *const *options, const char *name) {
  for (size_t i = 0; i < count; i++) {
    const PgQuery__DefElem *d = NODE(options[i], DEF_ELEM, def_elem);
    if (!d || !d->defname || strcmp(d->defname, name) != 0)
      continue;
    const PgQuery__Integer *number = NODE(d->arg, INTEGER, integer);
    const PgQuery__Boolean *boolean = NODE(d->arg, BOOLEAN, boolean);
    const char *word = tree_string(d->arg);
    return number ? number->ival != 0
                  : !(boolean && !boolean->boolval) && strcasecmp(word, "off") != 0 &&
                        strcasecmp(word, "false") != 0;
  }
  return false;
}
