/* Cuts a CREATE TABLE at its commas and each part at the words that begin a constraint. A PRIMARY
 * KEY, UNIQUE or foreign key of one column is written in the form of the table's own, so that both
 * ways to say it are the same.
 */
#include "server/lint/definition.h"

#include <string.h>

#include "proto/base/buf.h"
#include "server/lint/alteration.h"

struct reader {
  struct words w;
  struct arena *arena;
  struct definition *out;
  size_t column_capacity, promise_capacity;
};

/* The tokens from `from` to `to`, a blank between, names without quotes and in lower case. */
static char *text_of(const struct reader *r, size_t from, size_t to) {
  struct buf b = BUF_INIT;
  for (size_t i = from; i < to && i < r->w.count; i++) {
    const struct lex_token *t = &r->w.items[i];
    size_t one = i;
    const char *s =
        t->kind == LEX_WORD || t->kind == LEX_NAME ? words_name(&r->w, &one, r->arena) : NULL;
    if (b.len)
      buf_addc(&b, ' ');
    if (s) {
      buf_adds(&b, s);
      i = one - 1;
    } else {
      buf_add(&b, r->w.lex.text + t->start, t->len);
    }
  }
  char *text = arena_strndup(r->arena, buf_str(&b), b.len);
  buf_release(&b);
  return text;
}

static void add_column(struct reader *r, const char *name) {
  struct definition *d = r->out;
  if (d->column_count == r->column_capacity) {
    r->column_capacity = r->column_capacity ? r->column_capacity * 2 : 16;
    const char **columns = ARENA_ARRAY(r->arena, const char *, r->column_capacity);
    for (size_t i = 0; i < d->column_count; i++)
      columns[i] = d->columns[i];
    d->columns = columns;
  }
  d->columns[d->column_count++] = name;
}

static void add_promise(struct reader *r, const char *column, const char *text) {
  struct definition *d = r->out;
  if (d->promise_count == r->promise_capacity) {
    r->promise_capacity = r->promise_capacity ? r->promise_capacity * 2 : 16;
    struct promise *promises = ARENA_ARRAY(r->arena, struct promise, r->promise_capacity);
    if (d->promise_count)
      memcpy(promises, d->promises, d->promise_count * sizeof *promises);
    d->promises = promises;
  }
  d->promises[d->promise_count++] = (struct promise){.text = text, .column = column};
}

/* The words that begin a constraint of a column. */
static bool begins(const struct words *w, size_t i) {
  static const char *const firsts[] = {"CONSTRAINT", "PRIMARY KEY", "NOT NULL", "NULL",
                                       "UNIQUE",     "CHECK",       "DEFAULT",  "COLLATE",
                                       "REFERENCES", "GENERATED",   "AS",       NULL};
  for (size_t n = 0; firsts[n]; n++)
    if (words_are(w, i, firsts[n]))
      return true;
  return false;
}

/* The end of the constraint at `i`, at the latest `end`. */
static size_t constraint_end(const struct words *w, size_t i, size_t end) {
  size_t at = i + 1;
  if (words_are(w, i, "NOT NULL") || words_are(w, i, "PRIMARY KEY"))
    at++;
  if (words_are(w, i, "GENERATED") && words_are(w, at, "ALWAYS AS"))
    at += 2;
  while (at < end) {
    if (w->items[at].kind == LEX_OPEN)
      at = words_behind(w, at);
    else if (words_are(w, at, "SET NULL") || words_are(w, at, "SET DEFAULT"))
      at += 2; /* of a foreign key's action */
    else if (words_are(w, at, "NOT DEFERRABLE"))
      at += 2;
    else if (begins(w, at))
      break;
    else
      at++;
  }
  return at < end ? at : end;
}

/* Up to ON CONFLICT, which is no part of what is promised. */
static size_t without_conflict(const struct words *w, size_t i, size_t end) {
  for (size_t n = i; n < end; n++)
    if (words_are(w, n, "ON CONFLICT"))
      return n;
  return end;
}

static void read_column_constraint(struct reader *r, const char *column, size_t i, size_t end) {
  const struct words *w = &r->w;
  for (size_t n = i; n < end; n++)
    r->out->autoincrement |= words_are(w, n, "AUTOINCREMENT");
  if (words_are(w, i, "CONSTRAINT") || words_are(w, i, "NULL"))
    return;
  if (words_are(w, i, "PRIMARY KEY"))
    add_promise(r, "", arena_printf(r->arena, "primary key ( %s )", column));
  else if (words_are(w, i, "UNIQUE"))
    add_promise(r, "", arena_printf(r->arena, "unique ( %s )", column));
  else if (words_are(w, i, "REFERENCES"))
    add_promise(r, "", arena_printf(r->arena, "foreign key ( %s ) %s", column, text_of(r, i, end)));
  else
    add_promise(r, words_are(w, i, "CHECK") ? "" : column,
                text_of(r, i, without_conflict(w, i, end)));
}

static void read_column(struct reader *r, size_t i, size_t end) {
  const char *name = words_name(&r->w, &i, r->arena);
  if (!name)
    return;
  add_column(r, name);
  while (i < end && !begins(&r->w, i))
    i = r->w.items[i].kind == LEX_OPEN ? words_behind(&r->w, i) : i + 1;
  while (i < end) {
    size_t next = words_are(&r->w, i, "CONSTRAINT") ? i + 2 : constraint_end(&r->w, i, end);
    read_column_constraint(r, name, i, next);
    i = next;
  }
}

static void read_part(struct reader *r, size_t i, size_t end) {
  const struct words *w = &r->w;
  if (words_are(w, i, "CONSTRAINT"))
    i += 2;
  if (words_are(w, i, "CHECK") || words_are(w, i, "UNIQUE") || words_are(w, i, "PRIMARY KEY") ||
      words_are(w, i, "FOREIGN KEY")) {
    for (size_t n = i; n < end; n++)
      r->out->autoincrement |= words_are(w, n, "AUTOINCREMENT");
    add_promise(r, "", text_of(r, i, without_conflict(w, i, end)));
  } else if (i < end) {
    read_column(r, i, end);
  }
}

/* The parts between the parentheses; answers the token behind them. */
static size_t read_parts(struct reader *r, size_t open) {
  size_t end = words_behind(&r->w, open), from = open + 1;
  for (size_t i = from; i < end; i++) {
    if (r->w.items[i].kind == LEX_OPEN) {
      i = words_behind(&r->w, i) - 1;
    } else if (words_char(&r->w, i, ',') || i + 1 == end) {
      read_part(r, from, i);
      from = i + 1;
    }
  }
  return end;
}

static void read_options(struct reader *r, size_t i) {
  for (; i < r->w.count; i++) {
    r->out->strict |= words_are(&r->w, i, "STRICT");
    r->out->without_rowid |= words_are(&r->w, i, "WITHOUT ROWID");
  }
}

static void read_added(struct reader *r, const struct event *e) {
  struct alteration a = {0};
  words_read(DIALECT_SQLITE, e->sql, e->len, 0, r->arena, &r->w);
  while (alteration_next(&a, &r->w, r->arena))
    if (a.verb == ALTERATION_ADD_COLUMN)
      read_part(r, a.what_at, a.end);
}

bool definition_read(const struct object *table, struct arena *arena, struct definition *out) {
  struct definition d = {0};
  struct reader r = {.arena = arena, .out = &d};
  words_read(DIALECT_SQLITE, table->sql, table->len, 0, arena, &r.w);
  size_t i = 0;
  while (i < r.w.count && r.w.items[i].kind != LEX_OPEN && !words_are(&r.w, i, "AS"))
    i++;
  if (i == r.w.count || words_are(&r.w, 1, "VIRTUAL"))
    return false;
  d.from_select = words_are(&r.w, i, "AS");
  if (!d.from_select)
    read_options(&r, read_parts(&r, i));
  for (size_t n = 0; n < table->added_count; n++)
    read_added(&r, table->added[n]);
  *out = d;
  return true;
}

bool definition_has_column(const struct definition *d, const char *column) {
  for (size_t i = 0; i < d->column_count; i++)
    if (strcmp(d->columns[i], column) == 0)
      return true;
  return false;
}

bool definition_concerns(const struct promise *p, const char *column) {
  size_t n = strlen(column);
  if (strcmp(p->column, column) == 0)
    return true;
  for (const char *at = p->text; (at = strstr(at, column)) != NULL; at++)
    if ((at == p->text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
      return true;
  return false;
}

bool definition_promises(const struct definition *d, const struct promise *p) {
  for (size_t i = 0; i < d->promise_count; i++)
    if (strcmp(d->promises[i].text, p->text) == 0 && strcmp(d->promises[i].column, p->column) == 0)
      return true;
  return false;
}
