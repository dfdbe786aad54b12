/* SQLite's grammar of constraints (parse.y), of columns and of tables, over the array of tokens. A
 * slice goes from the end of one token to the end of another, so that nothing between can be lost.
 */
#include "server/sql/cutter.h"

#include "server/sql/foreign.h"

int cutter_fail(struct cutter *c, size_t i, const char *what) {
  const struct lex_token *token = &c->t.items[i < c->t.count ? i : c->t.count];
  (void)err_set(c->e, ERR_MIGRATION, "%s, not `%.*s`", what,
                (int)(token->len < 60 ? token->len : 60), c->t.lex.text + token->start);
  if (token->kind == LEX_END)
    (void)err_set(c->e, ERR_MIGRATION, "%s, not the end", what);
  c->e->offset = (long)token->start;
  return -1;
}

bool cutter_is(const struct cutter *c, const char *keyword) {
  return tokens_is(&c->t, c->i, keyword);
}

bool cutter_take(struct cutter *c, const char *keyword) {
  bool found = cutter_is(c, keyword);
  c->i += found;
  return found;
}

bool cutter_char(struct cutter *c, char mark) {
  bool found = tokens_char(&c->t, c->i, mark);
  c->i += found;
  return found;
}

struct slice cutter_between(const struct cutter *c, size_t start, size_t end) {
  return (struct slice){c->t.lex.text + start, end - start};
}

/* Where the last token that was taken ends. */
static size_t taken(const struct cutter *c) {
  return c->i > 0 ? tokens_end(&c->t, c->i - 1) : 0;
}

struct slice cutter_lead(struct cutter *c) {
  size_t start = c->t.items[c->i].start;
  struct slice lead = cutter_between(c, c->at, start);
  c->at = start;
  return lead;
}

struct slice cutter_text(struct cutter *c) {
  struct slice text = cutter_between(c, c->at, taken(c));
  c->at = taken(c);
  return text;
}

int cutter_parens(struct cutter *c, struct slice *inside) {
  if (!tokens_char(&c->t, c->i, '('))
    return cutter_fail(c, c->i, "`(` is expected");
  size_t close = tokens_close(&c->t, c->i);
  if (close == c->t.count)
    return cutter_fail(c, close, "`)` is expected");
  if (inside != NULL)
    *inside = cutter_between(c, tokens_end(&c->t, c->i), c->t.items[close].start);
  c->i = close + 1;
  return 0;
}

int cutter_name(struct cutter *c, char **name) {
  if (!tokens_name(&c->t, c->i))
    return cutter_fail(c, c->i, "a name is expected");
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

/* `(a, (b) COLLATE c DESC, …)`: the first word of each. */
static int take_columns(struct cutter *c, char ***names, size_t *count, bool *autoincrement) {
  size_t from = c->i + 1;
  if (cutter_parens(c, NULL) != 0)
    return -1;
  size_t close = c->i - 1;
  char **list = ARENA_ARRAY(c->arena, char *, count_commas(c, from, close) + 1);
  size_t n = 0;
  for (size_t i = from; i < close; i++) {
    if (i == from || tokens_char(&c->t, i - 1, ',')) {
      while (tokens_char(&c->t, i, '('))
        i++;
      if (!tokens_name(&c->t, i))
        return cutter_fail(c, i, "a column's name is expected");
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
  if (!cutter_is(c, "ON") || !tokens_is(&c->t, c->i + 1, "CONFLICT"))
    return 0;
  c->i += 2;
  return cutter_name(c, NULL);
}

static bool at_deferrable(const struct cutter *c) {
  return cutter_is(c, "DEFERRABLE") ||
         (cutter_is(c, "NOT") && tokens_is(&c->t, c->i + 1, "DEFERRABLE"));
}

static void take_deferrable(struct cutter *c) {
  (void)cutter_take(c, "NOT");
  (void)cutter_take(c, "DEFERRABLE");
  if (cutter_take(c, "INITIALLY"))
    (void)(cutter_take(c, "DEFERRED") || cutter_take(c, "IMMEDIATE"));
}

static int take_refarg(struct cutter *c) {
  static const char *const two[] = {"SET", "NO", NULL};
  if (cutter_take(c, "MATCH"))
    return cutter_name(c, NULL);
  c->i += 2; /* ON DELETE */
  c->i += tokens_is_any(&c->t, c->i, two);
  return cutter_name(c, NULL);
}

static bool at_refarg(const struct cutter *c) {
  static const char *const events[] = {"DELETE", "UPDATE", "INSERT", NULL};
  return cutter_is(c, "MATCH") || (cutter_is(c, "ON") && tokens_is_any(&c->t, c->i + 1, events));
}

/* Behind REFERENCES. */
static int take_reference(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_FOREIGN_KEY;
  if (cutter_name(c, &out->parent) != 0)
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

static bool at_number(const struct cutter *c) {
  return (c->i < c->t.count && c->t.items[c->i].kind == LEX_NUMBER) ||
         tokens_char(&c->t, c->i, '.');
}

static void take_sign(struct cutter *c) {
  if (!cutter_char(c, '-'))
    (void)cutter_char(c, '+');
}

int cutter_sizes(struct cutter *c) {
  size_t n = 0;
  c->i++;
  do {
    take_sign(c);
    if (!at_number(c))
      return cutter_fail(c, c->i, "a number is expected");
    take_number(c);
  } while (++n < 2 && cutter_char(c, ','));
  return cutter_char(c, ')') ? 0 : cutter_fail(c, c->i, "`)` is expected");
}

static int take_term(struct cutter *c) {
  if (at_number(c)) {
    take_number(c);
    return 0;
  }
  if (!tokens_name(&c->t, c->i))
    return cutter_fail(c, c->i, "a value is expected");
  c->i++;
  if (!tokens_char(&c->t, c->i, '('))
    return 0;
  (void)cutter_fail(c, c->i - 1, "a value, or an expression in parentheses, is expected");
  return err_hint(c->e, "SQLite wants parentheses around an expression: DEFAULT (…)");
}

static int take_default(struct cutter *c, struct table_constraint *out) {
  size_t start = c->t.items[c->i].start;
  out->kind = CONSTRAINT_DEFAULT;
  if (tokens_char(&c->t, c->i, '(')) {
    if (cutter_parens(c, NULL) != 0)
      return -1;
  } else {
    take_sign(c);
    if (take_term(c) != 0)
      return -1;
  }
  out->expr = cutter_between(c, start, taken(c));
  return 0;
}

/* The next token is AS. */
static int take_generated(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_GENERATED;
  c->i++;
  if (cutter_parens(c, &out->expr) != 0)
    return err_hint(c->e, "identity columns are PostgreSQL's; SQLite has INTEGER PRIMARY KEY");
  if (!cutter_take(c, "STORED"))
    (void)cutter_take(c, "VIRTUAL");
  return 0;
}

/* PRIMARY KEY of a column. */
static int take_primary(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_PRIMARY_KEY;
  if (!cutter_take(c, "KEY"))
    return cutter_fail(c, c->i, "KEY is expected");
  out->descending = cutter_take(c, "DESC");
  if (!out->descending)
    (void)cutter_take(c, "ASC");
  if (take_conflict(c) != 0)
    return -1;
  out->autoincrement = cutter_take(c, "AUTOINCREMENT");
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
  return cutter_take(c, "NULL") ? take_conflict(c) : cutter_fail(c, c->i, "NULL is expected");
}

static int take_check(struct cutter *c, struct table_constraint *out) {
  out->kind = CONSTRAINT_CHECK;
  return cutter_parens(c, &out->expr) != 0 ? -1 : take_conflict(c);
}

static bool at_generated(const struct cutter *c, size_t i) {
  return tokens_is(&c->t, i, "GENERATED") && tokens_is(&c->t, i + 1, "ALWAYS");
}

bool cutter_at_column_constraint(const struct cutter *c) {
  static const char *const words[] = {"CONSTRAINT", "PRIMARY", "NOT",        "NULL",
                                      "UNIQUE",     "CHECK",   "DEFAULT",    "COLLATE",
                                      "REFERENCES", "AS",      "DEFERRABLE", NULL};
  return tokens_is_any(&c->t, c->i, words) || at_generated(c, c->i);
}

static int take_column_body(struct cutter *c, struct table_constraint *out) {
  if (cutter_is(c, "NOT") || cutter_is(c, "DEFERRABLE"))
    return take_not(c, out);
  if (cutter_take(c, "PRIMARY"))
    return take_primary(c, out);
  if (cutter_take(c, "CHECK"))
    return take_check(c, out);
  if (cutter_take(c, "DEFAULT"))
    return take_default(c, out);
  if (cutter_take(c, "REFERENCES"))
    return take_reference(c, out);
  if (cutter_take(c, "NULL")) {
    out->kind = CONSTRAINT_NULL;
    return take_conflict(c);
  }
  if (cutter_take(c, "UNIQUE")) {
    out->kind = CONSTRAINT_UNIQUE;
    return take_conflict(c);
  }
  if (cutter_take(c, "COLLATE")) {
    out->kind = CONSTRAINT_COLLATE;
    if (cutter_name(c, NULL) != 0)
      return -1;
    out->expr = cutter_between(c, c->t.items[c->i - 1].start, taken(c));
    return 0;
  }
  bool always = at_generated(c, c->i);
  c->i += always ? 2 : 0;
  out->kind = CONSTRAINT_NAME; /* without AS these are two words that say nothing */
  return always && !cutter_is(c, "AS") ? 0 : take_generated(c, out);
}

bool cutter_at_table_constraint(const struct cutter *c) {
  static const char *const words[] = {"PRIMARY", "UNIQUE", "CHECK", "FOREIGN", NULL};
  return tokens_is_any(&c->t, c->i, words);
}

static int take_table_body(struct cutter *c, struct table_constraint *out) {
  if (cutter_take(c, "CHECK"))
    return take_check(c, out);
  if (cutter_take(c, "FOREIGN")) {
    out->kind = CONSTRAINT_FOREIGN_KEY;
    if (!cutter_take(c, "KEY"))
      return cutter_fail(c, c->i, "KEY is expected");
    if (take_columns(c, &out->columns, &out->column_count, NULL) != 0)
      return -1;
    return cutter_take(c, "REFERENCES") ? take_reference(c, out)
                                        : cutter_fail(c, c->i, "REFERENCES is expected");
  }
  out->kind = cutter_is(c, "UNIQUE") ? CONSTRAINT_UNIQUE : CONSTRAINT_PRIMARY_KEY;
  c->i++;
  if (out->kind == CONSTRAINT_PRIMARY_KEY && !cutter_take(c, "KEY"))
    return cutter_fail(c, c->i, "KEY is expected");
  if (take_columns(c, &out->columns, &out->column_count, &out->autoincrement) != 0)
    return -1;
  return take_conflict(c);
}

int cutter_constraint(struct cutter *c, bool of_column, struct table_constraint *out) {
  if (cutter_take(c, "CONSTRAINT") && cutter_name(c, &out->name) != 0)
    return -1;
  out->kind = CONSTRAINT_NAME;
  size_t start = c->t.items[c->i].start;
  bool is_name = out->name != NULL && cutter_is(c, "CONSTRAINT");
  if (of_column ? cutter_at_column_constraint(c) && !is_name : cutter_at_table_constraint(c)) {
    if (of_column ? take_column_body(c, out) != 0 : take_table_body(c, out) != 0)
      return -1;
    out->body = cutter_between(c, start, taken(c));
  }
  out->text = cutter_text(c);
  return 0;
}
