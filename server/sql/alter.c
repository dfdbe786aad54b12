/* A parser by hand over the statement's tokens: one function a kind of action, each consumes its
 * action to the comma or the end. What PostgreSQL has and SQLite has not is refused here, where its
 * place in the text is known. Results are in the caller's arena.
 */
#include "server/sql/alter.h"

#include <string.h>

#include "server/sql/foreign.h"
#include "server/sql/table.h"
#include "server/sql/tokens.h"

/* PostgreSQL has at most 1600 columns. */
enum { ACTIONS_MAX = 1600 };

struct parser {
  struct tokens t;
  size_t i; /* the next token */
  struct arena *arena;
  struct err *e;
  struct alter_table out;
  size_t cap;
  bool ours; /* it has words that SQLite's own ALTER TABLE has not */
};

static bool is(const struct parser *p, const char *keyword) {
  return tokens_is(&p->t, p->i, keyword);
}

/* Whether the next token is this keyword; then it is taken. */
static bool take(struct parser *p, const char *keyword) {
  bool found = is(p, keyword);
  p->i += found;
  return found;
}

static bool take2(struct parser *p, const char *first, const char *second) {
  bool found = is(p, first) && tokens_is(&p->t, p->i + 1, second);
  p->i += found ? 2 : 0;
  return found;
}

static struct sql_range range_of(const struct parser *p, size_t from, size_t to) {
  struct sql_range range = {p->t.items[from].start, 0};
  if (to > from)
    range.len = tokens_end(&p->t, to - 1) - range.start;
  return range;
}

static int fail_at(struct parser *p, size_t i, const char *what) {
  const struct lex_token *token = &p->t.items[i < p->t.count ? i : p->t.count];
  if (token->kind == LEX_END)
    (void)err_set(p->e, ERR_MIGRATION, "%s, not the end of the statement", what);
  else
    (void)err_set(p->e, ERR_MIGRATION, "%s, not `%.*s`", what,
                  (int)(token->len < 60 ? token->len : 60), p->t.lex.text + token->start);
  p->e->offset = (long)token->start;
  return -1;
}

/* What is well-formed and has no meaning in SQLite. */
static int refuse_at(struct parser *p, size_t i, const char *what) {
  (void)err_set(p->e, ERR_MIGRATION, "SQLite has nothing like %s", what);
  p->e->offset = (long)p->t.items[i < p->t.count ? i : p->t.count].start;
  return err_hint(p->e, FOREIGN_HINT);
}

static int expect(struct parser *p, const char *keyword, const char *what) {
  return take(p, keyword) ? 0 : fail_at(p, p->i, what);
}

static int read_name(struct parser *p, struct sql_range *out, const char *what) {
  if (!tokens_name(&p->t, p->i))
    return fail_at(p, p->i, what);
  *out = range_of(p, p->i, p->i + 1);
  p->i++;
  return 0;
}

static int read_column(struct parser *p, struct alter_action *a) {
  return read_name(p, &a->column, "a column's name is expected");
}

/* The index of the token that ends the action, or of one of `stops` before it; -1 for a parenthesis
 * that does not match. */
static int find_end(struct parser *p, const char *const *stops, size_t *end) {
  for (size_t i = p->i; i < p->t.count; i++) {
    if (tokens_char(&p->t, i, ',') || (stops != NULL && tokens_is_any(&p->t, i, stops))) {
      *end = i;
      return 0;
    }
    if (p->t.items[i].kind == LEX_CLOSE)
      return fail_at(p, i, "an action is expected to end");
    size_t close = p->t.items[i].kind == LEX_OPEN ? tokens_close(&p->t, i) : i;
    if (close == p->t.count)
      return fail_at(p, close, "a parenthesis is expected to be closed");
    i = close;
  }
  *end = p->t.count;
  return 0;
}

static const char *const nothing[] = {NULL};

/* The text up to the action's end (or a keyword of `stops`), at least one token. */
static int read_text(struct parser *p, const char *const *stops, const char *what,
                     struct sql_range *out) {
  size_t end = p->i;
  if (find_end(p, stops, &end) != 0)
    return -1;
  if (end == p->i)
    return fail_at(p, p->i, what);
  if (foreign_refuse(&p->t, p->i, end, p->e) != 0)
    return -1;
  *out = range_of(p, p->i, end);
  p->i = end;
  return 0;
}

static bool at_constraint(const struct parser *p) {
  static const char *const words[] = {"CONSTRAINT", "CHECK",   "UNIQUE", "PRIMARY",
                                      "FOREIGN",    "EXCLUDE", NULL};
  return tokens_is_any(&p->t, p->i, words);
}

/* NOT VALID at the end of the action. */
static int read_constraint_body(struct parser *p, struct alter_action *a) {
  size_t from = p->i;
  if (read_text(p, nothing, "a constraint is expected", &a->body) != 0)
    return -1;
  size_t end = p->i;
  if (end - from > 2 && tokens_is(&p->t, end - 2, "NOT") && tokens_is(&p->t, end - 1, "VALID"))
    a->body = range_of(p, from, end - 2);
  return 0;
}

static int add_constraint(struct parser *p, struct alter_action *a) {
  a->kind = ALTER_ADD_CONSTRAINT;
  size_t from = p->i;
  if (take(p, "CONSTRAINT") && read_name(p, &a->name, "a constraint's name is expected") != 0)
    return -1;
  if (is(p, "EXCLUDE"))
    return refuse_at(p, p->i, "EXCLUDE constraints");
  if (!at_constraint(p) || is(p, "CONSTRAINT"))
    return fail_at(p, p->i, "CHECK, UNIQUE, PRIMARY KEY or FOREIGN KEY is expected");
  p->i = from;
  return read_constraint_body(p, a);
}

static int add(struct parser *p, struct alter_action *a) {
  bool column = take(p, "COLUMN");
  if (!column && at_constraint(p))
    return add_constraint(p, a);
  a->kind = ALTER_ADD_COLUMN;
  if (take(p, "IF")) {
    if (!take2(p, "NOT", "EXISTS"))
      return fail_at(p, p->i, "NOT EXISTS is expected");
    p->ours = a->if_not_exists = true;
  }
  size_t from = p->i;
  if (read_column(p, a) != 0)
    return -1;
  p->i = from;
  return read_text(p, nothing, "a column's definition is expected", &a->body);
}

static void read_behaviour(struct parser *p, struct alter_action *a) {
  a->cascade = take(p, "CASCADE");
  p->ours |= a->cascade || take(p, "RESTRICT");
}

static int drop(struct parser *p, struct alter_action *a) {
  bool constraint = take(p, "CONSTRAINT");
  a->kind = constraint ? ALTER_DROP_CONSTRAINT : ALTER_DROP_COLUMN;
  if (!constraint)
    (void)take(p, "COLUMN");
  a->if_exists = take2(p, "IF", "EXISTS");
  p->ours |= a->if_exists;
  if (constraint ? read_name(p, &a->name, "a constraint's name is expected") : read_column(p, a))
    return -1;
  read_behaviour(p, a);
  return 0;
}

/* What SQLite takes for a type is what can stand behind a column's name. */
static int check_type(struct parser *p, size_t at, struct sql_range type) {
  struct table_column c;
  struct err ignored;
  const char *text = arena_printf(p->arena, "x %.*s", (int)type.len, p->t.lex.text + type.start);
  if (table_cut_column(text, type.len + 2, p->arena, &c, &ignored) == 1 && c.count == 0)
    return 0;
  return refuse_at(p, at, "this type");
}

static int alter_type(struct parser *p, struct alter_action *a) {
  static const char *const stops[] = {"COLLATE", "USING", NULL};
  a->kind = ALTER_TYPE;
  size_t from = p->i;
  if (read_text(p, stops, "a type is expected", &a->type) != 0 || check_type(p, from, a->type) != 0)
    return -1;
  if (take(p, "COLLATE") && read_name(p, &a->collate, "a collation's name is expected") != 0)
    return -1;
  if (take(p, "USING"))
    return read_text(p, nothing, "an expression is expected", &a->using);
  return 0;
}

static int set_column(struct parser *p, struct alter_action *a) {
  if (take(p, "DEFAULT")) {
    a->kind = ALTER_SET_DEFAULT;
    return read_text(p, nothing, "an expression is expected", &a->body);
  }
  if (take2(p, "NOT", "NULL")) {
    a->kind = ALTER_SET_NOT_NULL;
    return 0;
  }
  if (take2(p, "DATA", "TYPE"))
    return alter_type(p, a);
  return refuse_at(p, p->i - 1, "this SET of a column");
}

static int drop_of_column(struct parser *p, struct alter_action *a) {
  if (take(p, "DEFAULT")) {
    a->kind = ALTER_DROP_DEFAULT;
    return 0;
  }
  if (take2(p, "NOT", "NULL")) {
    a->kind = ALTER_DROP_NOT_NULL;
    return 0;
  }
  if (take(p, "EXPRESSION")) {
    a->kind = ALTER_DROP_EXPRESSION;
    a->if_exists = take2(p, "IF", "EXISTS");
    return 0;
  }
  if (is(p, "IDENTITY"))
    return refuse_at(p, p->i, "IDENTITY");
  return fail_at(p, p->i, "DEFAULT, NOT NULL or EXPRESSION is expected");
}

static int alter_column(struct parser *p, struct alter_action *a) {
  if (is(p, "CONSTRAINT"))
    return refuse_at(p, p->i - 1, "ALTER CONSTRAINT");
  if (is(p, "COLUMN"))
    p->i++;
  if (read_column(p, a) != 0)
    return -1;
  if (take(p, "TYPE"))
    return alter_type(p, a);
  if (take(p, "SET"))
    return set_column(p, a);
  if (take(p, "DROP"))
    return drop_of_column(p, a);
  if (is(p, "ADD") || is(p, "RESTART"))
    return refuse_at(p, p->i, "identity columns");
  if (is(p, "RESET"))
    return refuse_at(p, p->i, "RESET of a column");
  return fail_at(p, p->i, "TYPE, SET or DROP is expected");
}

static int rename_what(struct parser *p, struct alter_action *a) {
  static const char *const what = "a new name is expected";
  if (take(p, "TO")) {
    a->kind = ALTER_RENAME_TABLE;
    return read_name(p, &a->to, what);
  }
  if (take(p, "CONSTRAINT")) {
    a->kind = ALTER_RENAME_CONSTRAINT;
    if (read_name(p, &a->name, "a constraint's name is expected") != 0)
      return -1;
  } else {
    a->kind = ALTER_RENAME_COLUMN;
    if (is(p, "COLUMN") && !tokens_is(&p->t, p->i + 1, "TO"))
      p->i++;
    if (read_column(p, a) != 0)
      return -1;
  }
  return expect(p, "TO", "TO is expected") != 0 ? -1 : read_name(p, &a->to, what);
}

/* PostgreSQL allows it in a statement of its own only. */
static int rename_alone(struct parser *p, struct alter_action *a) {
  size_t from = p->i - 1;
  if (rename_what(p, a) != 0)
    return -1;
  if (p->out.count == 0 && p->i == p->t.count)
    return 0;
  (void)err_set(p->e, ERR_MIGRATION, "RENAME cannot be combined with other actions");
  p->e->offset = (long)p->t.items[from].start;
  return err_hint(p->e, "write an ALTER TABLE of its own for it");
}

static int validate(struct parser *p, struct alter_action *a) {
  a->kind = ALTER_NOTHING;
  if (expect(p, "CONSTRAINT", "CONSTRAINT is expected") != 0)
    return -1;
  return read_name(p, &a->name, "a constraint's name is expected");
}

static int refuse_action(struct parser *p) {
  static const char *const known[] = {"SET",     "RESET",  "OWNER",  "ENABLE",  "DISABLE",
                                      "CLUSTER", "FORCE",  "NO",     "INHERIT", "OF",
                                      "NOT",     "ATTACH", "DETACH", "REPLICA", NULL};
  if (!tokens_is_any(&p->t, p->i, known))
    return fail_at(p, p->i, "ADD, DROP, ALTER, RENAME or VALIDATE is expected");
  const struct lex_token *token = &p->t.items[p->i];
  char what[80];
  size_t end = tokens_end(&p->t, p->i + 1 < p->t.count ? p->i + 1 : p->i), len = end - token->start;
  err_copy(what, sizeof what, p->t.lex.text + token->start, len);
  return refuse_at(p, p->i, what);
}

static int read_action(struct parser *p, struct alter_action *a) {
  if (take(p, "ADD"))
    return add(p, a);
  if (take(p, "DROP"))
    return drop(p, a);
  if (take(p, "ALTER"))
    return alter_column(p, a);
  if (take(p, "RENAME"))
    return rename_alone(p, a);
  if (take(p, "VALIDATE"))
    return validate(p, a);
  return refuse_action(p);
}

static int keep_action(struct parser *p, const struct alter_action *a) {
  if (p->out.count == ACTIONS_MAX)
    return fail_at(p, p->i, "an ALTER TABLE of fewer actions is expected");
  if (p->out.count == p->cap) {
    size_t cap = p->cap == 0 ? 4 : p->cap * 2;
    struct alter_action *actions = ARENA_ARRAY(p->arena, struct alter_action, cap);
    if (p->out.count > 0)
      memcpy(actions, p->out.actions, p->out.count * sizeof *actions);
    p->out.actions = actions;
    p->cap = cap;
  }
  p->out.actions[p->out.count++] = *a;
  return 0;
}

static int read_actions(struct parser *p) {
  do {
    struct alter_action a = {0};
    size_t from = p->i;
    if (read_action(p, &a) != 0)
      return -1;
    a.whole = range_of(p, from, p->i);
    if (keep_action(p, &a) != 0)
      return -1;
  } while (tokens_char(&p->t, p->i, ',') && p->i++ < p->t.count);
  return p->i == p->t.count ? 0 : fail_at(p, p->i, "a comma or the statement's end is expected");
}

/* A table may be called `only`: then an action follows the word. */
static void skip_only(struct parser *p) {
  static const char *const actions[] = {"ADD", "DROP", "ALTER", "RENAME", "VALIDATE", NULL};
  if (is(p, "ONLY") && !tokens_is_any(&p->t, p->i + 1, actions) &&
      !tokens_char(&p->t, p->i + 1, '.')) {
    p->i++;
    p->ours = true;
  }
}

static int read_table(struct parser *p) {
  struct sql_range name;
  p->ours = p->out.if_exists = take2(p, "IF", "EXISTS");
  skip_only(p);
  size_t from = p->i;
  if (read_name(p, &name, "a table's name is expected") != 0)
    return -1;
  if (tokens_char(&p->t, p->i, '.')) {
    p->out.schema = tokens_unquote(&p->t, from, p->arena);
    p->i++;
    if (read_name(p, &name, "a table's name is expected") != 0)
      return -1;
  }
  p->out.name = tokens_unquote(&p->t, p->i - 1, p->arena);
  p->out.table = range_of(p, from, p->i);
  p->ours |= tokens_char(&p->t, p->i, '*');
  p->i += tokens_char(&p->t, p->i, '*');
  return 0;
}

/* Whether its first two words are ALTER TABLE, without reading the rest. */
static bool is_alter_table(const char *sql, size_t len) {
  struct lexer lex = {.dialect = DIALECT_SQLITE, .text = sql, .len = len};
  struct lex_token token;
  struct err ignored;
  return lex_next(&lex, &token, &ignored) == 0 && lex_is(&lex, &token, "ALTER") &&
         lex_next(&lex, &token, &ignored) == 0 && lex_is(&lex, &token, "TABLE");
}

int alter_parse(const char *sql, size_t len, struct arena *arena, struct alter_table *out,
                struct err *e) {
  if (!is_alter_table(sql, len))
    return 0;
  struct parser p = {.i = 2, .arena = arena, .e = e};
  if (tokens_read(sql, len, arena, &p.t, e) != 0 || read_table(&p) != 0 || read_actions(&p) != 0)
    return -1;
  p.out.as_sqlite = !p.ours && p.out.count == 1;
  *out = p.out;
  return 1;
}
