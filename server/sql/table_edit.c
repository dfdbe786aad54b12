/* Printing a table that was cut, and changing it. White space and comments follow one rule: what
 * stands on the line of an element, behind it, is the element's; what stands on lines of its own
 * before an element is that element's.
 */
#include <string.h>

#include "server/sql/table.h"
#include "server/sql/tokens.h"

struct printer {
  struct buf *out;
  const char *end; /* of what was put last, in the text that it is from */
};

/* What stood together in one text is put so; between what did not, a space where it is needed. */
static void put(struct printer *p, struct slice s) {
  if (s.len == 0)
    return;
  if (s.s != p->end && p->out->len > 0 && lex_merge(buf_str(p->out)[p->out->len - 1], s.s[0]))
    buf_addc(p->out, ' ');
  buf_add(p->out, s.s, s.len);
  p->end = s.s + s.len;
}

struct slice slice_of(const char *s) {
  return (struct slice){s, strlen(s)};
}

static void put_column(struct printer *p, const struct table_column *c) {
  put(p, c->written);
  put(p, c->type_lead);
  put(p, c->type);
  for (size_t i = 0; i < c->count; i++) {
    put(p, c->constraints[i]->lead);
    put(p, c->constraints[i]->text);
  }
}

void table_print(const struct table *t, const char *written, struct buf *out) {
  struct printer p = {out, NULL};
  put(&p, t->head);
  put(&p, written != NULL ? slice_of(written) : t->written);
  put(&p, t->open);
  for (size_t i = 0; i < t->count; i++) {
    const struct table_element *element = t->elements[i];
    if (element->comma)
      buf_addc(out, ',');
    put(&p, element->lead);
    if (element->column != NULL)
      put_column(&p, element->column);
    else
      put(&p, element->constraint->text);
    put(&p, element->trail);
  }
  put(&p, t->tail);
}

/* Bytes before the first line break that is in no comment of more lines; the length when there is
 * none. */
static size_t first_line(struct slice s) {
  size_t i = 0;
  while (i < s.len && s.s[i] != '\n') {
    const char *close = NULL;
    if (i + 3 < s.len && s.s[i] == '/' && s.s[i + 1] == '*')
      close = memmem(s.s + i + 2, s.len - i - 2, "*/", 2);
    if (i + 1 < s.len && s.s[i] == '-' && s.s[i + 1] == '-')
      close = memchr(s.s + i, '\n', s.len - i);
    i = close != NULL ? (size_t)(close - s.s) + (*close == '\n' ? 0 : 2) : i + 1;
  }
  return i;
}

static bool blank(struct slice s) {
  for (size_t i = 0; i < s.len; i++)
    if (strchr(" \t\r\n\f\v", s.s[i]) == NULL)
      return false;
  return true;
}

/* The comment on its first line, with what is before it; nothing when there is none, or no line
 * break behind it. */
static struct slice line_comment(struct slice s) {
  struct slice line = {s.s, first_line(s)};
  return blank(line) || line.len == s.len ? (struct slice){s.s, 0} : line;
}

/* From the first line break on. */
static struct slice behind_line(struct slice s) {
  size_t n = first_line(s);
  return (struct slice){s.s + n, s.len - n};
}

static struct slice join(struct arena *arena, struct slice a, struct slice b) {
  if (a.len == 0 || b.len == 0)
    return a.len == 0 ? b : a;
  char *s = arena_alloc(arena, a.len + b.len);
  memcpy(s, a.s, a.len);
  memcpy(s + a.len, b.s, b.len);
  return (struct slice){s, a.len + b.len};
}

/* A comment to the end of its line needs that end. */
static struct slice ended(struct arena *arena, struct slice s, struct slice next) {
  bool ends = next.len > 0 && next.s[0] == '\n';
  return s.len > 0 && !ends && memmem(s.s, s.len, "--", 2) != NULL ? join(arena, s, slice_of("\n"))
                                                                   : s;
}

/* The last line break in a lead, with the white space behind it; a space when there is none. */
static struct slice indent_of(struct slice lead) {
  const char *start = lead.len > 0 ? memrchr(lead.s, '\n', lead.len) : NULL;
  if (start == NULL)
    return slice_of(" ");
  size_t n = 1, rest = lead.len - (size_t)(start - lead.s);
  while (n < rest && (start[n] == ' ' || start[n] == '\t'))
    n++;
  return (struct slice){start, n};
}

static void insert_element(struct table *t, size_t at, struct table_element *element,
                           struct arena *arena) {
  if (t->count == t->cap) {
    struct table_element **list = ARENA_ARRAY(arena, struct table_element *, t->cap * 2 + 4);
    memcpy(list, t->elements, t->count * sizeof(struct table_element *));
    t->elements = list;
    t->cap = t->cap * 2 + 4;
  }
  memmove(t->elements + at + 1, t->elements + at, (t->count - at) * sizeof(struct table_element *));
  t->elements[at] = element;
  t->count++;
}

/* The comment on the line of the element before stays on it, behind the new comma. */
static void make_room(struct table *t, size_t at, struct table_element *element,
                      struct arena *arena) {
  struct table_element *before = t->elements[at - 1];
  struct slice *after = at < t->count ? &t->elements[at]->lead : &before->trail;
  struct slice line = line_comment(*after), indent = indent_of(before->lead);
  element->lead = join(arena, ended(arena, line, indent), indent);
  if (at < t->count && line.len > 0)
    *after = behind_line(*after);
  if (at < t->count || (line.len == 0 && !blank(*after)))
    return;
  element->trail = line.len > 0 ? behind_line(*after) : *after;
  before->trail = (struct slice){after->s, 0};
}

static void begin_with_comma(struct table_element *first) {
  first->comma = true;
  if (first->lead.len == 0)
    first->lead = slice_of(" ");
}

static struct table_element *add_element(struct table *t, size_t at, struct arena *arena) {
  struct table_element *element = ARENA_NEW(arena, struct table_element);
  element->comma = at > 0;
  if (at > 0)
    make_room(t, at, element, arena);
  else if (t->count > 0)
    begin_with_comma(t->elements[0]);
  insert_element(t, at, element, arena);
  return element;
}

struct table_element *table_add_column(struct table *t, struct table_column *c,
                                       struct arena *arena) {
  size_t at = 0;
  while (at < t->count && t->elements[at]->column != NULL)
    at++;
  struct table_element *element = add_element(t, at, arena);
  element->column = c;
  return element;
}

struct table_element *table_add_constraint(struct table *t, struct table_constraint *c,
                                           struct arena *arena) {
  struct table_element *element = add_element(t, t->count, arena);
  element->constraint = c;
  return element;
}

/* The lead of the one behind: what is left of its own line, from both. */
static void close_gap(struct table_element *gone, struct table_element *next, bool first,
                      struct arena *arena) {
  struct slice kept = line_comment(gone->lead), rest = behind_line(next->lead);
  if (rest.len > 0)
    next->lead = join(arena, kept, rest);
  else if (blank(next->lead))
    next->lead = gone->lead;
  else
    next->lead = join(arena, ended(arena, kept, next->lead), next->lead);
  next->comma = !first && (gone->comma || next->comma);
}

/* It was the last: its comma goes too. */
static void close_end(struct table_element *gone, struct table_element *before,
                      struct arena *arena) {
  struct slice kept = line_comment(gone->lead);
  struct slice rest = line_comment(gone->trail).len > 0 ? behind_line(gone->trail) : gone->trail;
  before->trail = join(arena, before->trail, join(arena, ended(arena, kept, rest), rest));
}

static size_t index_of(const struct table *t, const struct table_element *element) {
  size_t i = 0;
  while (t->elements[i] != element)
    i++;
  return i;
}

bool table_commented(const struct table *t, const struct table_element *element) {
  size_t next = index_of(t, element) + 1;
  return !blank(element->lead) || !blank(element->trail) ||
         (next < t->count && !blank(t->elements[next]->lead));
}

void table_remove(struct table *t, struct table_element *element, struct arena *arena) {
  size_t i = index_of(t, element);
  if (i + 1 < t->count)
    close_gap(element, t->elements[i + 1], i == 0, arena);
  else if (i > 0)
    close_end(element, t->elements[i - 1], arena);
  memmove(t->elements + i, t->elements + i + 1,
          (t->count - i - 1) * sizeof(struct table_element *));
  t->count--;
}

void column_add_constraint(struct table_column *c, struct table_constraint *constraint,
                           struct arena *arena) {
  if (c->count == c->cap) {
    struct table_constraint **list = ARENA_ARRAY(arena, struct table_constraint *, c->cap * 2 + 2);
    if (c->count > 0)
      memcpy(list, c->constraints, c->count * sizeof(struct table_constraint *));
    c->constraints = list;
    c->cap = c->cap * 2 + 2;
  }
  memmove(c->constraints + 1, c->constraints, c->count * sizeof(struct table_constraint *));
  c->constraints[0] = constraint;
  c->count++;
  if (constraint->lead.len == 0)
    constraint->lead = slice_of(" ");
}

void column_remove(struct table_column *c, struct table_constraint *constraint,
                   struct arena *arena) {
  size_t i = 0;
  while (c->constraints[i] != constraint)
    i++;
  if (!blank(constraint->lead)) { /* the comment stays, before nothing */
    c->constraints[i] = ARENA_NEW(arena, struct table_constraint);
    c->constraints[i]->lead = constraint->lead;
    return;
  }
  memmove(c->constraints + i, c->constraints + i + 1,
          (c->count - i - 1) * sizeof(struct table_constraint *));
  c->count--;
}

void column_set_type(struct table_column *c, struct slice type) {
  if (c->type_lead.len == 0)
    c->type_lead = slice_of(" ");
  c->type = type;
}

void constraint_set_name(struct table_constraint *c, const char *name, struct arena *arena) {
  char *text = arena_printf(arena, "CONSTRAINT %s %.*s", sql_quote_name(arena, name),
                            (int)c->body.len, c->body.s);
  c->text = slice_of(text);
  c->body = (struct slice){text + c->text.len - c->body.len, c->body.len};
  c->name = arena_strdup(arena, name);
}

static char small(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool same_name(const char *a, const char *b) {
  while (*a != '\0' && small(*a) == small(*b)) {
    a++;
    b++;
  }
  return *a == *b;
}

struct table_column *table_column_of(const struct table *t, const char *name) {
  for (size_t i = 0; i < t->count; i++)
    if (t->elements[i]->column != NULL && same_name(t->elements[i]->column->name, name))
      return t->elements[i]->column;
  return NULL;
}

struct table_constraint *column_constraint(const struct table_column *c,
                                           enum constraint_kind kind) {
  for (size_t i = c->count; i-- > 0;)
    if (c->constraints[i]->kind == kind)
      return c->constraints[i];
  return NULL;
}

bool sql_mentions(struct slice text, const char *column) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct tokens t;
  struct err ignored;
  arena_init(&arena, 0);
  if (tokens_read(text.s, text.len, &arena, &t, &ignored) != 0)
    return true;
  for (size_t i = 0; i < t.count; i++)
    if (tokens_names(&t, i, column) && tokens_operand(&t, i) && !tokens_char(&t, i + 1, '('))
      return true;
  return false;
}
