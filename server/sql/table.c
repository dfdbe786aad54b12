/* SQLite's grammar of CREATE TABLE (parse.y), over the array of tokens. A slice goes from the end
 * of one token to the end of another, so that nothing between can be lost.
 */
#include "server/sql/table.h"

#include <string.h>

#include "server/sql/foreign.h"
#include "server/sql/tokens.h"

struct cutter {
  struct tokens t;
  size_t i;  /* the next token */
  size_t at; /* the first byte that is in no slice yet */
  struct arena *arena;
  struct err *e;
};

static int fail_at(struct cutter *c, size_t i, const char *what) {
  const struct lex_token *token = &c->t.items[i < c->t.count ? i : c->t.count];
  (void)err_set(c->e, ERR_MIGRATION, "%s, not `%.*s`", what,
                (int)(token->len < 60 ? token->len : 60), c->t.lex.text + token->start);
  if (token->kind == LEX_END)
    (void)err_set(c->e, ERR_MIGRATION, "%s, not the end", what);
  c->e->offset = (long)token->start;
  return -1;
}

static bool is(const struct cutter *c, const char *keyword) {
  return tokens_is(&c->t, c->i, keyword);
}

static bool take(struct cutter *c, const char *keyword) {
  bool found = is(c, keyword);
  c->i += found;
  return found;
}

static bool take_char(struct cutter *c, char mark) {
  bool found = tokens_char(&c->t, c->i, mark);
  c->i += found;
  return found;
}

static struct slice between(const struct cutter *c, size_t start, size_t end) {
  return (struct slice){c->t.lex.text + start, end - start};
}

/* Where the last token that was taken ends. */
static size_t taken(const struct cutter *c) {
  return c->i > 0 ? tokens_end(&c->t, c->i - 1) : 0;
}

/* From the first byte that is in no slice to the next token. */
static struct slice cut_lead(struct cutter *c) {
  size_t start = c->t.items[c->i].start;
  struct slice lead = between(c, c->at, start);
  c->at = start;
  return lead;
}

/* What was taken since the last cut. */
static struct slice cut_taken(struct cutter *c) {
  struct slice text = between(c, c->at, taken(c));
  c->at = taken(c);
  return text;
}

/* `(` … `)`; the slice is what is between. */
static int take_parens(struct cutter *c, struct slice *inside) {
  if (!tokens_char(&c->t, c->i, '('))
    return fail_at(c, c->i, "`(` is expected");
  size_t close = tokens_close(&c->t, c->i);
  if (close == c->t.count)
    return fail_at(c, close, "`)` is expected");
  if (inside != NULL)
    *inside = between(c, tokens_end(&c->t, c->i), c->t.items[close].start);
  c->i = close + 1;
  return 0;
}

static int take_name(struct cutter *c, char **name) {
  if (!tokens_name(&c->t, c->i))
    return fail_at(c, c->i, "a name is expected");
  if (name != NULL)
    *name = tokens_unquote(&c->t, c->i, c->arena);
  c->i++;
  return 0;
}

static size_t count_commas(const struct cutter *c, size_t from, size_t to) {
  size_t n = 0;
  for (; from < to; from++)
    n += tokens_char(&c->t, from, ',');
  return n;
}

/* `(a, b COLLATE c DESC, …)`: the first word of each. */
static int take_columns(struct cutter *c, char ***names, size_t *count, bool *autoincrement) {
  size_t from = c->i + 1;
  if (take_parens(c, NULL) != 0)
    return -1;
  size_t close = c->i - 1;
  char **list = ARENA_ARRAY(c->arena, char *, count_commas(c, from, close) + 1);
  size_t n = 0;
  for (size_t i = from; i < close; i++) {
    if (i == from || tokens_char(&c->t, i - 1, ',')) {
      if (!tokens_name(&c->t, i))
        return fail_at(c, i, "a column's name is expected");
      list[n++] = tokens_unquote(&c->t, i, c->arena);
    } else if (autoincrement != NULL && tokens_is(&c->t, i, "AUTOINCREMENT")) {
      *autoincrement = true;
    }
  }
  *names = list;
  *count = n;
  return 0;
}

static int take_conflict(struct cutter *c) {
  if (!is(c, "ON") || !tokens_is(&c->t, c->i + 1, "CONFLICT"))
    return 0;
  c->i += 2;
  return take_name(c, NULL);
}

static bool at_deferrable(const struct cutter *c) {
  return is(c, "DEFERRABLE") || (is(c, "NOT") && tokens_is(&c->t, c->i + 1, "DEFERRABLE"));
}

static void take_deferrable(struct cutter *c) {
  (void)take(c, "NOT");
  (void)take(c, "DEFERRABLE");
  if (take(c, "INITIALLY"))
    (void)(take(c, "DEFERRED") || take(c, "IMMEDIATE"));
}

static int take_refarg(struct cutter *c) {
  static const char *const two[] = {"SET", "NO", NULL};
  if (take(c, "MATCH"))
    return take_name(c, NULL);
  c->i += 2; /* ON DELETE */
  c->i += tokens_is_any(&c->t, c->i, two);
  return take_name(c, NULL);
}

static bool at_refarg(const struct cutter *c) {
  static const char *const events[] = {"DELETE", "UPDATE", "INSERT", NULL};
  return is(c, "MATCH") || (is(c, "ON") && tokens_is_any(&c->t, c->i + 1, events));
}

/* Behind REFERENCES. */
static int take_reference(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_FOREIGN_KEY;
  if (take_name(c, &out->parent) != 0)
    return -1;
  if (tokens_char(&c->t, c->i, '(') &&
      take_columns(c, &out->parent_columns, &out->parent_count, NULL) != 0)
    return -1;
  for (;;) {
    if (at_refarg(c)) {
      if (take_refarg(c) != 0)
        return -1;
    } else if (at_deferrable(c)) {
      take_deferrable(c);
    } else {
      return 0;
    }
  }
}

/* A number's tokens touch each other: 1.5e-3 has six. */
static void take_number(struct cutter *c) {
  size_t end;
  do {
    char last = c->t.lex.text[tokens_end(&c->t, c->i) - 1];
    end = tokens_end(&c->t, c->i++);
    bool exponent = (last == 'e' || last == 'E') &&
                    (tokens_char(&c->t, c->i, '-') || tokens_char(&c->t, c->i, '+'));
    if (exponent && c->t.items[c->i].start == end)
      end = tokens_end(&c->t, c->i++);
  } while (c->i < c->t.count && c->t.items[c->i].start == end &&
           (c->t.items[c->i].kind == LEX_NUMBER || c->t.items[c->i].kind == LEX_WORD ||
            tokens_char(&c->t, c->i, '.')));
}

static int take_term(struct cutter *c) {
  if (c->i < c->t.count && c->t.items[c->i].kind == LEX_NUMBER) {
    take_number(c);
    return 0;
  }
  if (tokens_char(&c->t, c->i, '.')) {
    take_number(c);
    return 0;
  }
  bool blob = (is(c, "X")) && c->i + 1 < c->t.count &&
              c->t.items[c->i + 1].start == tokens_end(&c->t, c->i) &&
              c->t.items[c->i + 1].kind == LEX_STRING;
  if (!tokens_name(&c->t, c->i))
    return fail_at(c, c->i, "a value is expected");
  c->i += blob ? 2 : 1;
  if (!tokens_char(&c->t, c->i, '('))
    return 0;
  (void)fail_at(c, c->i - 1, "a value, or an expression in parentheses, is expected");
  return err_hint(c->e, "SQLite wants parentheses around an expression: DEFAULT (…)");
}

static int take_default(struct cutter *c, struct table_constraint *out) {
  size_t start = c->t.items[c->i].start;
  out->kind = CONSTRAINT_DEFAULT;
  if (tokens_char(&c->t, c->i, '(')) {
    if (take_parens(c, NULL) != 0)
      return -1;
  } else {
    if (!take_char(c, '-'))
      (void)take_char(c, '+');
    if (take_term(c) != 0)
      return -1;
  }
  out->expr = between(c, start, taken(c));
  return 0;
}

static int take_generated(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_GENERATED;
  if (!take(c, "AS")) {
    (void)fail_at(c, c->i, "AS is expected");
    return err_hint(c->e, "identity columns are PostgreSQL's; SQLite has INTEGER PRIMARY KEY");
  }
  if (take_parens(c, &out->expr) != 0)
    return -1;
  if (!take(c, "STORED"))
    (void)take(c, "VIRTUAL");
  return 0;
}

/* PRIMARY KEY of a column. */
static int take_primary(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_PRIMARY_KEY;
  if (!take(c, "KEY"))
    return fail_at(c, c->i, "KEY is expected");
  out->descending = take(c, "DESC");
  if (!out->descending)
    (void)take(c, "ASC");
  if (take_conflict(c) != 0)
    return -1;
  out->autoincrement = take(c, "AUTOINCREMENT");
  return 0;
}

static int take_not(struct cutter *c, struct table_constraint *out) {
  if (at_deferrable(c)) {
    out->kind = CONSTRAINT_DEFERRABLE;
    take_deferrable(c);
    return 0;
  }
  out->kind = CONSTRAINT_NOT_NULL;
  c->i++;
  return take(c, "NULL") ? take_conflict(c) : fail_at(c, c->i, "NULL is expected");
}

static int take_check(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_CHECK;
  return take_parens(c, &out->expr) != 0 ? -1 : take_conflict(c);
}

static bool at_generated(const struct cutter *c, size_t i) {
  return tokens_is(&c->t, i, "GENERATED") && tokens_is(&c->t, i + 1, "ALWAYS");
}

static bool at_column_constraint(const struct cutter *c) {
  static const char *const words[] = {"CONSTRAINT", "PRIMARY", "NOT",        "NULL",
                                      "UNIQUE",     "CHECK",   "DEFAULT",    "COLLATE",
                                      "REFERENCES", "AS",      "DEFERRABLE", NULL};
  return tokens_is_any(&c->t, c->i, words) || at_generated(c, c->i);
}

static int take_column_body(struct cutter *c, struct table_constraint *out) {
  if (is(c, "NOT") || is(c, "DEFERRABLE"))
    return take_not(c, out);
  if (take(c, "PRIMARY"))
    return take_primary(c, out);
  if (take(c, "CHECK"))
    return take_check(c, out);
  if (take(c, "DEFAULT"))
    return take_default(c, out);
  if (take(c, "REFERENCES"))
    return take_reference(c, out);
  if (take(c, "NULL")) {
    out->kind = CONSTRAINT_NULL;
    return take_conflict(c);
  }
  if (take(c, "UNIQUE")) {
    out->kind = CONSTRAINT_UNIQUE;
    return take_conflict(c);
  }
  if (take(c, "COLLATE")) {
    out->kind = CONSTRAINT_COLLATE;
    if (take_name(c, NULL) != 0)
      return -1;
    out->expr = between(c, c->t.items[c->i - 1].start, taken(c));
    return 0;
  }
  c->i += at_generated(c, c->i) ? 2 : 0;
  return take_generated(c, out);
}

static bool at_table_constraint(const struct cutter *c) {
  static const char *const words[] = {"PRIMARY", "UNIQUE", "CHECK", "FOREIGN", NULL};
  return tokens_is_any(&c->t, c->i, words);
}

static int take_table_body(struct cutter *c, struct table_constraint *out) {
  if (take(c, "CHECK"))
    return take_check(c, out);
  if (take(c, "FOREIGN")) {
    out->kind = CONSTRAINT_FOREIGN_KEY;
    if (!take(c, "KEY"))
      return fail_at(c, c->i, "KEY is expected");
    if (take_columns(c, &out->columns, &out->column_count, NULL) != 0)
      return -1;
    return take(c, "REFERENCES") ? take_reference(c, out)
                                 : fail_at(c, c->i, "REFERENCES is expected");
  }
  out->kind = is(c, "UNIQUE") ? CONSTRAINT_UNIQUE : CONSTRAINT_PRIMARY_KEY;
  c->i++;
  if (out->kind == CONSTRAINT_PRIMARY_KEY && !take(c, "KEY"))
    return fail_at(c, c->i, "KEY is expected");
  if (take_columns(c, &out->columns, &out->column_count, &out->autoincrement) != 0)
    return -1;
  return take_conflict(c);
}

/* With its name; the lead is cut already. */
static int take_constraint(struct cutter *c, bool of_column, struct table_constraint *out) {
  if (take(c, "CONSTRAINT") && take_name(c, &out->name) != 0)
    return -1;
  out->kind = CONSTRAINT_NAME;
  size_t start = c->t.items[c->i].start;
  bool is_name = out->name != NULL && is(c, "CONSTRAINT");
  if (of_column ? at_column_constraint(c) && !is_name : at_table_constraint(c)) {
    if (of_column ? take_column_body(c, out) != 0 : take_table_body(c, out) != 0)
      return -1;
    out->body = between(c, start, taken(c));
  }
  out->text = cut_taken(c);
  return 0;
}

static void keep_constraint(struct cutter *c, struct table_column *column,
                            struct table_constraint *constraint) {
  if (column->count == column->cap) {
    size_t cap = column->cap == 0 ? 4 : column->cap * 2;
    struct table_constraint **list = ARENA_ARRAY(c->arena, struct table_constraint *, cap);
    if (column->count > 0)
      memcpy(list, column->constraints, column->count * sizeof(struct table_constraint *));
    column->constraints = list;
    column->cap = cap;
  }
  column->constraints[column->count++] = constraint;
}

static int take_type(struct cutter *c, struct table_column *out) {
  size_t from = c->i;
  while (tokens_name(&c->t, c->i) && !at_column_constraint(c))
    c->i++;
  if (c->i == from)
    return 0;
  if (tokens_char(&c->t, c->i, '(') && take_parens(c, NULL) != 0)
    return -1;
  size_t to = c->i;
  c->i = from;
  out->type_lead = cut_lead(c);
  c->i = to;
  out->type = cut_taken(c);
  return 0;
}

/* The lead is cut already. */
static int take_column(struct cutter *c, struct table_column *out) {
  if (take_name(c, &out->name) != 0)
    return -1;
  out->written = cut_taken(c);
  if (take_type(c, out) != 0)
    return -1;
  while (at_column_constraint(c)) {
    struct table_constraint *constraint = ARENA_NEW(c->arena, struct table_constraint);
    constraint->lead = cut_lead(c);
    if (take_constraint(c, true, constraint) != 0)
      return -1;
    keep_constraint(c, out, constraint);
  }
  return 0;
}

static int take_element(struct cutter *c, struct table_element *out) {
  out->lead = cut_lead(c);
  if (at_table_constraint(c) || is(c, "CONSTRAINT")) {
    out->constraint = ARENA_NEW(c->arena, struct table_constraint);
    return take_constraint(c, false, out->constraint);
  }
  out->column = ARENA_NEW(c->arena, struct table_column);
  return take_column(c, out->column);
}

static void keep_element(struct cutter *c, struct table *t, struct table_element *element) {
  if (t->count == t->cap) {
    size_t cap = t->cap == 0 ? 16 : t->cap * 2;
    struct table_element **list = ARENA_ARRAY(c->arena, struct table_element *, cap);
    if (t->count > 0)
      memcpy(list, t->elements, t->count * sizeof(struct table_element *));
    t->elements = list;
    t->cap = cap;
  }
  t->elements[t->count++] = element;
}

/* Constraints of a table may follow each other without a comma. */
static int take_elements(struct cutter *c, struct table *t) {
  bool comma = false;
  for (;;) {
    struct table_element *element = ARENA_NEW(c->arena, struct table_element);
    element->comma = comma;
    if (take_element(c, element) != 0)
      return -1;
    keep_element(c, t, element);
    comma = tokens_char(&c->t, c->i, ',');
    if (!comma && element->constraint != NULL && (at_table_constraint(c) || is(c, "CONSTRAINT")))
      continue; /* what lies between is the next one's lead */
    element->trail = cut_lead(c);
    if (!comma)
      return 0;
    c->i++;
    c->at = taken(c);
  }
}

static void read_options(struct cutter *c, struct table *t) {
  for (size_t i = c->i; i < c->t.count; i++) {
    if (tokens_is(&c->t, i, "WITHOUT") && tokens_is(&c->t, i + 1, "ROWID"))
      t->without_rowid = true;
    else if (tokens_is(&c->t, i, "STRICT"))
      t->strict = true;
  }
}

static int take_head(struct cutter *c, struct table *t) {
  if (!take(c, "TABLE"))
    return fail_at(c, c->i, "TABLE is expected");
  c->i += is(c, "IF") && tokens_is(&c->t, c->i + 1, "NOT") ? 3 : 0;
  size_t from = c->i;
  if (take_name(c, &t->name) != 0)
    return -1;
  if (take_char(c, '.') && take_name(c, &t->name) != 0)
    return -1;
  size_t to = c->i;
  c->i = from;
  t->head = cut_lead(c);
  c->i = to;
  t->written = cut_taken(c);
  if (!take_char(c, '('))
    return fail_at(c, c->i, "`(` is expected");
  t->open = cut_taken(c);
  return 0;
}

int table_cut(const char *sql, size_t len, struct arena *arena, struct table *out, struct err *e) {
  struct cutter c = {.arena = arena, .e = e};
  struct table t = {0};
  if (tokens_read(sql, len, arena, &c.t, e) != 0)
    return -1;
  if (!take(&c, "CREATE"))
    return fail_at(&c, c.i, "CREATE is expected");
  if (is(&c, "VIRTUAL"))
    return 0;
  if (!take(&c, "TEMP"))
    (void)take(&c, "TEMPORARY");
  if (take_head(&c, &t) != 0 || take_elements(&c, &t) != 0)
    return -1;
  if (!take_char(&c, ')'))
    return fail_at(&c, c.i, "`,` or `)` is expected");
  t.tail = between(&c, c.at, len);
  read_options(&c, &t);
  *out = t;
  return 1;
}

int table_cut_column(const char *sql, size_t len, struct arena *arena, struct table_column *out,
                     struct err *e) {
  struct cutter c = {.arena = arena, .e = e};
  struct table_column column = {0};
  if (tokens_read(sql, len, arena, &c.t, e) != 0)
    return -1;
  (void)cut_lead(&c);
  if (take_column(&c, &column) != 0)
    return -1;
  if (c.i < c.t.count) {
    (void)fail_at(&c, c.i, "a column's constraint is expected");
    return err_hint(e, FOREIGN_HINT);
  }
  *out = column;
  return 1;
}

int table_cut_constraint(const char *sql, size_t len, struct arena *arena,
                         struct table_constraint *out, struct err *e) {
  struct cutter c = {.arena = arena, .e = e};
  struct table_constraint constraint = {0};
  if (tokens_read(sql, len, arena, &c.t, e) != 0)
    return -1;
  (void)cut_lead(&c);
  if (take_constraint(&c, false, &constraint) != 0)
    return -1;
  if (c.i < c.t.count || constraint.kind == CONSTRAINT_NAME) {
    (void)fail_at(&c, c.i, "a constraint that SQLite has is expected");
    return err_hint(e, FOREIGN_HINT);
  }
  *out = constraint;
  return 1;
}
