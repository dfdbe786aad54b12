/* A statement ends at a `;`, but for three that hold statements: a trigger of SQLite, a routine of
 * PostgreSQL with a body in SQL, a rule of PostgreSQL. In the first two the body ends with an END
 * that follows a `;` (or the body's start): no statement in them can begin with END, while END of a
 * CASE, or as a name, never stands there. So neither CASE nor nesting has to be counted. Results
 * are in the caller's arena.
 */
#include "server/sql/split.h"

#include <stdbool.h>
#include <string.h>

#include "server/sql/lex.h"

/* Where in a statement's first words we are. */
enum head { HEAD_FIRST, HEAD_CREATE, HEAD_PAST };

/* What kind of statement decides where it may end. */
enum form { FORM_PLAIN, FORM_TRIGGER, FORM_ROUTINE, FORM_RULE, FORM_COPY };

struct splitter {
  struct lexer lex;
  struct arena *arena;
  struct sql_reading *out;
  size_t cap;
  /* The place up to which lines are counted. */
  size_t counted, line_start;
  unsigned line;
  bool no_copy_end; /* no line `\.` is left in the text */
  /* The statement being read. */
  bool open, in_body, body_start;
  enum head head;
  enum form form;
  enum sql_class class;
  struct lex_token first, last;
  size_t parens;
};

static bool is(const struct splitter *s, const struct lex_token *t, const char *keyword) {
  return lex_is(&s->lex, t, keyword);
}

static bool is_one_of(const struct splitter *s, const struct lex_token *t,
                      const char *const *keywords) {
  for (size_t i = 0; keywords[i] != NULL; i++) {
    if (is(s, t, keywords[i]))
      return true;
  }
  return false;
}

static bool is_postgresql(const struct splitter *s) {
  return s->lex.dialect == DIALECT_POSTGRESQL;
}

/* The first word of a statement. */
static void read_first(struct splitter *s, const struct lex_token *t) {
  static const char *const common[] = {"BEGIN",     "COMMIT",  "END", "ROLLBACK",
                                       "SAVEPOINT", "RELEASE", NULL};
  static const char *const explain[] = {"EXPLAIN", "QUERY", "PLAN", NULL};
  if (!is_postgresql(s) && is_one_of(s, t, explain))
    return; /* EXPLAIN QUERY PLAN CREATE TRIGGER … is a statement with a body, too */
  s->head = HEAD_PAST;
  if (is(s, t, "CREATE"))
    s->head = HEAD_CREATE;
  else if (is_one_of(s, t, common) || (is_postgresql(s) && is(s, t, "ABORT")))
    s->class = SQL_TRANSACTION;
  else if (is_postgresql(s) && is(s, t, "COPY"))
    s->form = FORM_COPY;
}

/* The words between CREATE and the kind of thing that is created. */
static void read_create(struct splitter *s, const struct lex_token *t) {
  static const char *const between[] = {"OR", "REPLACE", "TEMP", "TEMPORARY", NULL};
  static const char *const routines[] = {"FUNCTION", "PROCEDURE", NULL};
  if (is_one_of(s, t, between))
    return;
  s->head = HEAD_PAST;
  if (!is_postgresql(s))
    s->form = is(s, t, "TRIGGER") ? FORM_TRIGGER : FORM_PLAIN;
  else if (is_one_of(s, t, routines))
    s->form = FORM_ROUTINE;
  else if (is(s, t, "RULE"))
    s->form = FORM_RULE;
}

/* Statements that are known by their second word. */
static void read_second(struct splitter *s, const struct lex_token *t) {
  if (is_postgresql(s) && s->last.start == s->first.start && is(s, t, "TRANSACTION") &&
      (is(s, &s->last, "START") || is(s, &s->last, "PREPARE")))
    s->class = SQL_TRANSACTION;
}

static bool opens_body(const struct splitter *s, const struct lex_token *t) {
  if (s->form == FORM_TRIGGER)
    return is(s, t, "BEGIN");
  return s->form == FORM_ROUTINE && s->parens == 0 && is(s, t, "ATOMIC") &&
         is(s, &s->last, "BEGIN");
}

static void track_body(struct splitter *s, const struct lex_token *t) {
  if (!s->in_body) {
    s->in_body = s->body_start = opens_body(s, t);
    return;
  }
  if (s->body_start && is(s, t, "END"))
    s->in_body = false;
  s->body_start = t->kind == LEX_SEMICOLON;
}

static void track_parens(struct splitter *s, const struct lex_token *t) {
  if (t->kind == LEX_OPEN)
    s->parens++;
  else if (t->kind == LEX_CLOSE && s->parens > 0)
    s->parens--;
}

/* STDOUT means the same to PostgreSQL's grammar here. */
static void track_copy(struct splitter *s, const struct lex_token *t) {
  if (s->parens == 0 && is(s, &s->last, "FROM") && (is(s, t, "STDIN") || is(s, t, "STDOUT")))
    s->class = SQL_COPY_STDIN;
}

static bool ends_statement(const struct splitter *s, const struct lex_token *t) {
  return t->kind == LEX_SEMICOLON && !s->in_body && !(s->form == FORM_RULE && s->parens > 0);
}

static void begin_statement(struct splitter *s, const struct lex_token *t) {
  s->open = true;
  s->in_body = s->body_start = false;
  s->head = HEAD_FIRST;
  s->form = FORM_PLAIN;
  s->class = SQL_OTHER;
  s->first = s->last = *t;
  s->parens = 0;
}

/* Lines are counted once over the text: statements come in its order. */
static void count_lines(struct splitter *s, size_t offset) {
  for (;;) {
    const char *nl = memchr(s->lex.text + s->counted, '\n', offset - s->counted);
    if (nl == NULL)
      break;
    s->counted = s->line_start = (size_t)(nl - s->lex.text) + 1;
    s->line++;
  }
  s->counted = offset;
}

static bool grow(struct splitter *s) {
  struct sql_statements *out = &s->out->statements;
  size_t cap = s->cap == 0 ? 16 : s->cap * 2;
  struct sql_statement *items = arena_try(s->arena, cap, sizeof *items);
  if (items == NULL)
    return sql_faults_add(&s->out->faults, s->first.start, "too many statements") && false;
  if (out->count > 0)
    memcpy(items, out->items, out->count * sizeof *items);
  out->items = items;
  s->cap = cap;
  return true;
}

static bool end_statement(struct splitter *s) {
  struct sql_statements *out = &s->out->statements;
  if (out->count == s->cap && !grow(s))
    return false;
  count_lines(s, s->first.start);
  out->items[out->count++] = (struct sql_statement){
      .start = s->first.start,
      .len = s->last.start + s->last.len - s->first.start,
      .line = s->line,
      .column = (unsigned)(s->first.start - s->line_start) + 1,
      .class = s->class,
  };
  s->open = false;
  return true;
}

/* Where the line `\.` behind the data ends; 0 when there is none. */
static size_t copy_data_end(const struct splitter *s) {
  const char *text = s->lex.text, *end = text + s->lex.len, *at = text + s->lex.at;
  while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    at++;
    if (end - at < 2 || at[0] != '\\' || at[1] != '.')
      continue;
    const char *after = at + 2;
    if (after < end && *after == '\r')
      after++;
    if (after == end || *after == '\n')
      return (size_t)(after - text);
  }
  return 0;
}

/* What follows COPY … FROM STDIN in a dump is data, not SQL. */
static void skip_copy_data(struct splitter *s) {
  if (s->class != SQL_COPY_STDIN || s->no_copy_end)
    return;
  size_t end = copy_data_end(s);
  if (end == 0)
    s->no_copy_end = true;
  else
    s->lex.at = end;
}

static void read_token(struct splitter *s, const struct lex_token *t) {
  if (s->head == HEAD_FIRST)
    read_first(s, t);
  else if (s->head == HEAD_CREATE)
    read_create(s, t);
  else
    read_second(s, t);
  track_parens(s, t);
  if (s->form == FORM_COPY)
    track_copy(s, t);
  else if (s->form == FORM_TRIGGER || s->form == FORM_ROUTINE)
    track_body(s, t);
  s->last = *t;
}

/* What was swallowed by something without end may well be what is missing here. */
static void end_text(struct splitter *s) {
  const char *missing = NULL;
  if (s->open && s->in_body)
    missing = "the body of this statement has no END";
  else if (s->open && s->form == FORM_RULE && s->parens > 0)
    missing = "a parenthesis of this statement is not closed";
  if (missing && s->out->end == s->lex.len)
    (void)sql_faults_add(&s->out->faults, s->first.start, missing);
  else if (s->open && !missing)
    (void)end_statement(s);
}

/* Answers whether to read on. */
static bool take_fault(struct splitter *s, const struct err *e) {
  if (s->lex.at == s->lex.len)
    s->out->end = (size_t)e->offset;
  return sql_faults_add(&s->out->faults, (size_t)e->offset, e->text);
}

static bool take_token(struct splitter *s, const struct lex_token *t) {
  if (!s->open && t->kind == LEX_SEMICOLON)
    return true;
  if (!s->open)
    begin_statement(s, t);
  if (!ends_statement(s, t)) {
    read_token(s, t);
    return true;
  }
  if (!end_statement(s))
    return false;
  skip_copy_data(s);
  return true;
}

static void split(struct splitter *s) {
  struct lex_token t = {.kind = LEX_OTHER};
  struct err e;
  bool more = true;
  while (more && t.kind != LEX_END) {
    if (lex_next(&s->lex, &t, &e) != 0)
      more = take_fault(s, &e);
    else if (t.kind == LEX_END)
      end_text(s);
    else
      more = take_token(s, &t);
  }
  if (!more && s->out->end > s->lex.at)
    s->out->end = s->lex.at;
}

void sql_read(enum dialect dialect, const char *text, size_t len, struct arena *arena,
              struct sql_reading *out) {
  *out = (struct sql_reading){.faults.arena = arena, .end = len};
  struct splitter s = {.lex = {.dialect = dialect, .text = len > 0 ? text : "", .len = len},
                       .arena = arena,
                       .out = out,
                       .line = 1};
  const char *nul = memchr(s.lex.text, '\0', len);
  if (nul != NULL) {
    out->end = (size_t)(nul - s.lex.text);
    (void)sql_faults_add(&out->faults, out->end, "NUL byte");
    return;
  }
  split(&s);
  sql_faults_sort(&out->faults);
}

int sql_split(enum dialect dialect, const char *text, size_t len, struct arena *arena,
              struct sql_statements *out, struct err *e) {
  struct sql_reading reading;
  sql_read(dialect, text, len, arena, &reading);
  if (reading.faults.count == 0) {
    *out = reading.statements;
    return 0;
  }
  const struct sql_fault *first = &reading.faults.items[0];
  (void)err_set(e, ERR_INPUT, "%s", first->message);
  e->offset = (long)first->offset;
  sql_position(text, len, first->offset, &e->line, &e->column);
  return -1;
}

void sql_position(const char *text, size_t len, size_t offset, unsigned *line, unsigned *column) {
  size_t end = offset < len ? offset : len, line_start = 0;
  unsigned n = 1;
  while (line_start < end) {
    const char *nl = memchr(text + line_start, '\n', end - line_start);
    if (nl == NULL)
      break;
    line_start = (size_t)(nl - text) + 1;
    n++;
  }
  *line = n;
  *column = (unsigned)(end - line_start) + 1;
}
