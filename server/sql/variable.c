/* Two passes over a statement: the first finds the variables and what they become, the second
 * copies. A value can not leave the token that it is: literals and identifiers are quoted, a raw
 * value is whole tokens, and what comes out is one statement of the kind that went in.
 */
#include "server/sql/variable.h"

#include <stdint.h>
#include <string.h>

#include "server/base/digest.h"
#include "server/sql/lex.h"
#include "server/sql/split.h"

static bool name_start(char c) {
  return (c >= 'a' && c <= 'z') || c == '_';
}

static size_t name_length(const char *s, size_t len) {
  size_t n = 0;
  while (n < len && (name_start(s[n]) || (n > 0 && s[n] >= '0' && s[n] <= '9')))
    n++;
  return n;
}

bool variable_name_valid(const char *name, size_t len) {
  return len >= 1 && len <= VARIABLE_NAME_MAX && name_length(name, len) == len;
}

static const char *const forms[] = {
    [VARIABLE_LITERAL] = "literal", [VARIABLE_IDENTIFIER] = "identifier", [VARIABLE_RAW] = "raw"};

static bool read_form(const char *s, size_t len, enum variable_form *out) {
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (len == strlen(forms[i]) && memcmp(s, forms[i], len) == 0) {
      *out = (enum variable_form)i;
      return true;
    }
  return false;
}

/* Up to where a variable can be shown: its end, or that of its line. */
static int shown(const char *text, size_t len) {
  size_t n = 2;
  while (n < len && n < 80 && text[n - 1] != '}' && (unsigned char)text[n] > ' ')
    n++;
  return (int)(n < len ? n : len);
}

int sql_variable_read(const char *text, size_t len, struct sql_variable *out, struct err *e) {
  const char *name = text + 2;
  size_t n = name_length(name, len - 2), at = 2 + n;
  enum variable_form form = VARIABLE_LITERAL;
  if (!variable_name_valid(name, n) || at == len || (text[at] != '}' && text[at] != ':'))
    return err_set(e, ERR_INPUT,
                   "`%.*s` is no variable: one is written ${name} or ${name:form}, its name up to "
                   "%d of a-z 0-9 _, not beginning with a digit",
                   shown(text, len), text, VARIABLE_NAME_MAX);
  if (text[at] == ':') {
    size_t from = at + 1;
    const char *close = memchr(text + from, '}', len - from);
    at = close ? (size_t)(close - text) : len;
    if (!close || !read_form(text + from, at - from, &form))
      return err_set(e, ERR_INPUT,
                     "`%.*s` has no form that there is: ${name:literal}, ${name:identifier}, "
                     "${name:raw}",
                     shown(text, len), text);
  }
  *out = (struct sql_variable){.len = at + 1, .form = form};
  memcpy(out->name, name, n);
  return 0;
}

const struct variable *variable_find(const struct variables *v, const char *name) {
  size_t low = 0, high = v->count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int order = strcmp(v->items[mid].name, name);
    if (order == 0)
      return &v->items[mid];
    if (order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return NULL;
}

/* ---- what stands for a variable ---- */

/* What a variable becomes: `value` between `open` and `close`, each `doubled` character twice. */
struct stand_in {
  const char *open, *value, *close, *doubled;
  bool secret, raw;
};

static size_t write_stand_in(const struct stand_in *s, char *to) {
  size_t n = 0;
  for (const char *p = s->open; *p; p++, n++)
    if (to)
      to[n] = *p;
  for (const char *p = s->value; *p; p++) {
    size_t times = strchr(s->doubled, *p) ? 2 : 1;
    if (to)
      memset(to + n, *p, times);
    n += times;
  }
  for (const char *p = s->close; *p; p++, n++)
    if (to)
      to[n] = *p;
  return n;
}

/* Whether a raw value is tokens from its first byte to its last, with only white space between. */
static int check_raw(enum dialect dialect, const char *name, const char *value, struct err *e) {
  struct lexer l = {.dialect = dialect, .text = value, .len = strlen(value)};
  struct lex_token t = {0};
  size_t end = 0;
  do {
    struct err why;
    if (lex_next(&l, &t, &why) != 0)
      return err_set(e, ERR_REFUSED, "the value of %s is not SQL that is whole: %s", name,
                     why.text);
    for (size_t i = end; i < t.start; i++)
      if (!memchr(" \t\n\r\f\v", value[i], 6))
        return err_set(e, ERR_REFUSED, "the value of %s has a comment in it", name);
    end = t.start + t.len;
    if (t.kind == LEX_SEMICOLON || t.kind == LEX_VARIABLE)
      return err_set(e, ERR_REFUSED, "the value of %s has a `%s` in it", name,
                     t.kind == LEX_SEMICOLON ? ";" : "${");
  } while (t.kind != LEX_END);
  return 0;
}

static int check_identifier(enum dialect dialect, const struct variable *v, struct err *e) {
  size_t len = strlen(v->value);
  if (len == 0)
    return err_set(e, ERR_REFUSED, "the value of %s is empty: no identifier is", v->name);
  if (dialect == DIALECT_POSTGRESQL && len > VARIABLE_IDENTIFIER_MAX)
    return err_set(e, ERR_REFUSED, "the value of %s is longer than an identifier's %d bytes",
                   v->name, VARIABLE_IDENTIFIER_MAX);
  return 0;
}

/* A migration can turn standard_conforming_strings off: only E'' means the same in both settings.
 */
static struct stand_in literal(enum dialect dialect, const char *value) {
  if (dialect == DIALECT_POSTGRESQL && strchr(value, '\\'))
    return (struct stand_in){.open = "E'", .value = value, .close = "'", .doubled = "'\\"};
  return (struct stand_in){.open = "'", .value = value, .close = "'", .doubled = "'"};
}

static int stand_in_for(enum dialect dialect, const struct variable *v, enum variable_form form,
                        struct stand_in *out, struct err *e) {
  struct stand_in s = {.open = " ", .value = v->value, .close = " ", .doubled = ""};
  if (form == VARIABLE_LITERAL)
    s = literal(dialect, v->value);
  else if (form == VARIABLE_IDENTIFIER)
    s = (struct stand_in){.open = "\"", .value = v->value, .close = "\"", .doubled = "\""};
  if (form == VARIABLE_RAW && check_raw(dialect, v->name, v->value, e) != 0)
    return -1;
  if (form == VARIABLE_IDENTIFIER && check_identifier(dialect, v, e) != 0)
    return -1;
  s.raw = form == VARIABLE_RAW;
  s.secret = v->secret;
  *out = s;
  return 0;
}

/* ---- the statement ---- */

struct replacing {
  struct lexer lex;
  struct lex_token last;          /* the token before; zeroed: none */
  const struct variables *values; /* NULL: the variables are looked at only */
  bool batch;                     /* ${batch} may stand here */
  struct arena *arena;
  struct sql_piece *pieces;
  struct stand_in *stand_ins; /* of each piece */
  size_t count, capacity;
  size_t grown; /* what the pieces add to the text, with what they take away not counted */
  bool secret, raw;
};

static void grow(struct replacing *r) {
  size_t capacity = r->capacity ? r->capacity * 2 : 8;
  struct sql_piece *pieces = ARENA_ARRAY(r->arena, struct sql_piece, capacity);
  struct stand_in *stand_ins = ARENA_ARRAY(r->arena, struct stand_in, capacity);
  if (r->count) {
    memcpy(pieces, r->pieces, r->count * sizeof *pieces);
    memcpy(stand_ins, r->stand_ins, r->count * sizeof *stand_ins);
  }
  r->pieces = pieces;
  r->stand_ins = stand_ins;
  r->capacity = capacity;
}

static int add_piece(struct replacing *r, const struct lex_token *t, const struct stand_in *s,
                     struct err *e) {
  if (r->count == r->capacity)
    grow(r);
  struct sql_piece piece = {.source = t->start, .source_len = t->len};
  piece.sent_len = write_stand_in(s, NULL);
  r->grown += piece.sent_len;
  if (r->grown > VARIABLE_TEXT_MAX)
    return err_set(e, ERR_REFUSED, "the statement is larger than %d MiB with its values",
                   VARIABLE_TEXT_MAX >> 20);
  r->secret |= s->secret;
  r->raw |= s->raw;
  r->stand_ins[r->count] = *s;
  r->pieces[r->count++] = piece;
  return 0;
}

static bool is_batch(const char *name) {
  return strcmp(name, VARIABLE_BATCH) == 0;
}

static int check_use(const struct replacing *r, const struct lex_token *t,
                     const struct sql_variable *use, struct err *e) {
  static const size_t plain = sizeof "${" VARIABLE_BATCH "}" - 1;
  if (!is_batch(use->name))
    return 0;
  if (!r->batch)
    return err_set(e, ERR_INPUT,
                   "${" VARIABLE_BATCH
                   "} is the number of rows of a section with batch=: here there "
                   "is none; choose another name");
  if (t->len != plain)
    return err_set(e, ERR_INPUT, "${" VARIABLE_BATCH "} is a number and has no form");
  return 0;
}

static bool is_missing(const struct variables *values, const char *name) {
  const struct variable *v = variable_find(values, name);
  if (is_batch(name) && (values->batch || values->hide_secrets))
    return false;
  return !v || (!v->value && !(v->secret && values->hide_secrets));
}

static int put_value(struct replacing *r, const struct lex_token *t, const struct sql_variable *use,
                     struct err *e) {
  struct stand_in s = {.open = " ", .value = r->values->batch, .close = " ", .doubled = ""};
  if (is_batch(use->name) && s.value)
    return add_piece(r, t, &s, e);
  const struct variable *v = variable_find(r->values, use->name);
  if (r->values->hide_secrets && (is_batch(use->name) || v->secret))
    return 0;
  return stand_in_for(r->lex.dialect, v, use->form, &s, e) != 0 ? -1 : add_piece(r, t, &s, e);
}

static int take_variable(struct replacing *r, const struct lex_token *t, struct err *e) {
  struct sql_variable use;
  if (sql_variable_read(r->lex.text + t->start, r->lex.len - t->start, &use, e) != 0)
    return -1;
  if (!r->values)
    return check_use(r, t, &use, e);
  if (!is_missing(r->values, use.name))
    return put_value(r, t, &use, e);
  return err_set(e, ERR_NOT_FOUND,
                 variable_find(r->values, use.name)
                     ? "the value of %s is secret: it does not go into a script"
                     : "the variable %s has no value",
                 use.name);
}

/* Strings beside each other are one to PostgreSQL when a line ends between them, and the first says
 * what a backslash means in all of them: a value must not get there. */
static bool is_string(const struct replacing *r, const struct lex_token *t) {
  struct sql_variable use;
  struct err ignored;
  if (t->kind != LEX_VARIABLE)
    return t->kind == LEX_STRING;
  return sql_variable_read(r->lex.text + t->start, r->lex.len - t->start, &use, &ignored) == 0 &&
         use.form != VARIABLE_IDENTIFIER;
}

static int take_token(struct replacing *r, const struct lex_token *t, struct err *e) {
  bool beside = is_string(r, &r->last) && is_string(r, t);
  if (beside && (t->kind == LEX_VARIABLE || r->last.kind == LEX_VARIABLE))
    return err_set(e, ERR_INPUT, "a variable beside a string: put an operator between them");
  return t->kind == LEX_VARIABLE ? take_variable(r, t, e) : 0;
}

/* To the first token in which something is wrong; called again it goes on behind that. */
static int read_tokens(struct replacing *r, struct err *e) {
  for (;;) {
    struct lex_token t;
    if (lex_next(&r->lex, &t, e) != 0) {
      r->last = (struct lex_token){0};
      return -1;
    }
    if (t.kind == LEX_END)
      return 0;
    int rc = take_token(r, &t, e);
    r->last = t;
    if (rc != 0) {
      e->offset = (long)t.start;
      return -1;
    }
  }
}

static void copy(struct replacing *r, struct sql_text *out) {
  size_t taken = 0, at = 0, from = 0;
  for (size_t i = 0; i < r->count; i++)
    taken += r->pieces[i].source_len;
  size_t len = r->lex.len - taken + r->grown;
  char *to = arena_alloc(r->arena, len + 1);
  for (size_t i = 0; i < r->count; i++) {
    struct sql_piece *p = &r->pieces[i];
    memcpy(to + at, r->lex.text + from, p->source - from);
    at += p->source - from;
    p->sent = at;
    at += write_stand_in(&r->stand_ins[i], to + at);
    from = p->source + p->source_len;
  }
  memcpy(to + at, r->lex.text + from, r->lex.len - from);
  *out = (struct sql_text){to, len, r->pieces, r->count, r->secret};
}

/* A raw value is as many words as it likes: it must not have made another kind of statement. */
static int check_whole(enum dialect dialect, const char *sql, size_t len,
                       const struct sql_text *made, struct arena *arena, struct err *e) {
  struct sql_statements before, after;
  struct err why;
  if (sql_split(dialect, sql, len, arena, &before, e) != 0)
    return -1;
  if (sql_split(dialect, made->s, made->len, arena, &after, &why) != 0)
    return err_set(e, ERR_REFUSED, "with its raw values this is no statement: %s", why.text);
  if (after.count != before.count || (after.count && after.items[0].class != before.items[0].class))
    return err_set(e, ERR_REFUSED, "a raw value makes another kind of statement of this one");
  return 0;
}

void variable_check(enum dialect dialect, const char *text, size_t start, size_t len, bool batch,
                    struct sql_faults *out) {
  struct replacing r = {.lex = {.dialect = dialect, .text = text + start, .len = len},
                        .batch = batch};
  struct err e;
  if (!memmem(text + start, len, "${", 2))
    return;
  while (read_tokens(&r, &e) != 0)
    if (!sql_faults_add(out, start + (size_t)e.offset, e.text))
      return;
}

bool variable_missing(enum dialect dialect, const char *sql, size_t len,
                      const struct variables *values, size_t *at, struct sql_variable *out) {
  struct lexer l = {.dialect = dialect, .text = sql, .len = len, .at = *at};
  struct lex_token t = {.kind = LEX_OTHER};
  struct err ignored;
  if (!memmem(sql + *at, len - *at, "${", 2))
    return false;
  while (t.kind != LEX_END) {
    if (lex_next(&l, &t, &ignored) != 0 || t.kind != LEX_VARIABLE ||
        sql_variable_read(sql + t.start, t.len, out, &ignored) != 0 ||
        !is_missing(values, out->name))
      continue;
    *at = l.at;
    return true;
  }
  return false;
}

int variable_replace(enum dialect dialect, const char *sql, size_t len,
                     const struct variables *values, struct arena *arena, struct sql_text *out,
                     struct err *e) {
  struct replacing r = {
      .lex = {.dialect = dialect, .text = sql, .len = len}, .values = values, .arena = arena};
  struct sql_text made = {.s = sql, .len = len};
  if (memmem(sql, len, "${", 2) && read_tokens(&r, e) != 0)
    return -1;
  if (r.count)
    copy(&r, &made);
  if (r.raw && check_whole(dialect, sql, len, &made, arena, e) != 0) {
    sql_text_wipe(&made);
    return -1;
  }
  *out = made;
  return 0;
}

size_t sql_text_source(const struct sql_text *t, size_t sent) {
  size_t more = 0; /* what the pieces before made the text longer, mod 2^n */
  for (size_t i = 0; i < t->count; i++) {
    const struct sql_piece *p = &t->pieces[i];
    if (sent < p->sent)
      break;
    if (sent < p->sent + p->sent_len)
      return p->source;
    more = p->sent + p->sent_len - (p->source + p->source_len);
  }
  return sent - more;
}

void sql_text_wipe(struct sql_text *t) {
  if (t->secret)
    wipe((void *)(uintptr_t)t->s, t->len);
}
