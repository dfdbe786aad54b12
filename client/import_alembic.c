/* Alembic, from what its `upgrade --sql base:heads` writes, and its `downgrade --sql heads:base`
 * for the way down: the steps, with ids and parents. Messages, labels and dependencies stand in the
 * revision files (.py) only, from which plain assignments are read. A source is such a text, or a
 * folder of texts (.sql) and revision files, also below it.
 */
#include "client/import_text.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "client/import_sql.h"
#include "proto/base/buf.h"

struct assignments { /* of a revision file */
  const char *path, *id, *message;
  struct import_list labels, depends;
  bool used;
};

struct alembic {
  struct import *im;
  struct assignments *files;
  size_t file_count, file_capacity;
  struct import_script *steps; /* ids as Alembic has them */
  size_t step_count, step_capacity;
};

/* ---- revision files ---- */

struct python {
  struct import *im;
  const char *s, *end;
};

static void skip_space(struct python *p) {
  while (p->s < p->end && (isspace((unsigned char)*p->s) || *p->s == '#' || *p->s == '\\')) {
    if (*p->s == '#')
      while (p->s < p->end && *p->s != '\n')
        p->s++;
    else
      p->s++;
  }
}

static const char *read_string(struct python *p) {
  char quote = p->s < p->end ? *p->s : '\0';
  if (quote != '\'' && quote != '"')
    return NULL;
  const char *from = p->s + 1, *stop = from;
  while (stop < p->end && *stop != quote && *stop != '\\' && *stop != '\n')
    stop++;
  if (stop == p->end || *stop != quote)
    return NULL;
  p->s = stop + 1;
  return arena_strndup(p->im->arena, from, (size_t)(stop - from));
}

static bool read_items(struct python *p, struct import_list *out) {
  for (p->s++;;) {
    skip_space(p);
    if (p->s < p->end && strchr(")]}", *p->s))
      return true;
    const char *item = read_string(p);
    if (!item)
      return false;
    import_push(p->im, out, item);
    skip_space(p);
    if (p->s < p->end && *p->s == ',')
      p->s++;
    else if (p->s == p->end || !strchr(")]}", *p->s))
      return false;
  }
}

/* None, a string, or several in brackets. */
static bool read_value(struct python *p, struct import_list *out) {
  while (p->s < p->end && (*p->s == ' ' || *p->s == '\t'))
    p->s++;
  if (p->s < p->end && strchr("([{", *p->s))
    return read_items(p, out);
  const char *item = read_string(p);
  if (item)
    import_push(p->im, out, item);
  return item || (p->end - p->s >= 4 && strncmp(p->s, "None", 4) == 0);
}

/* The value behind `key =` or `key: type =`; NULL when the line has none. */
static const char *assigned(const struct import_line *line, const char *key) {
  size_t len = strlen(key);
  const char *end = import_line_end(line);
  if (line->len <= len || strncmp(line->s, key, len) != 0)
    return NULL;
  const char *s = line->s + len;
  while (s < end && isspace((unsigned char)*s))
    s++;
  if (s < end && *s == ':')
    while (s < end && *s != '=')
      s++;
  return s < end && *s == '=' ? s + 1 : NULL;
}

static void read_assignment(struct alembic *a, const struct import_text *text,
                            const struct import_line *line, struct assignments *out) {
  static const char *const keys[] = {"revision", "branch_labels", "depends_on"};
  struct import_list id = {0}, *lists[] = {&id, &out->labels, &out->depends};
  for (size_t i = 0; i < 3; i++) {
    struct python p = {a->im, assigned(line, keys[i]), text->s + text->len};
    if (p.s)
      *lists[i] = (struct import_list){0};
    if (p.s && !read_value(&p, lists[i]))
      import_note(a->im, text->path, line->number, 1, "`%s` is not carried: it is no plain value",
                  keys[i]);
  }
  if (id.count == 1)
    out->id = id.items[0];
}

/* The first line of the docstring that the file begins with. */
static const char *docstring(struct import *im, const struct import_text *text) {
  struct python p = {im, text->s, text->s + text->len};
  skip_space(&p);
  if (p.s < p.end && (*p.s == 'r' || *p.s == 'u'))
    p.s++;
  if (p.end - p.s < 6 || (strncmp(p.s, "\"\"\"", 3) != 0 && strncmp(p.s, "'''", 3) != 0))
    return NULL;
  const char *close = memmem(p.s + 3, (size_t)(p.end - p.s - 3), p.s, 3);
  p.s += 3;
  p.end = close ? close : p.end;
  while (p.s < p.end && isspace((unsigned char)*p.s))
    p.s++;
  const char *stop = memchr(p.s, '\n', (size_t)(p.end - p.s));
  return arena_strndup(im->arena, p.s, (size_t)((stop ? stop : p.end) - p.s));
}

static void read_python(struct alembic *a, const char *path) {
  struct import_text text;
  struct import_line line = {0};
  struct assignments found = {.path = path};
  if (!import_load(a->im, path, &text))
    return;
  while (import_next(&text, &line))
    read_assignment(a, &text, &line, &found);
  if (!found.id)
    return; /* env.py, and other modules */
  found.message = docstring(a->im, &text);
  a->files =
      import_grown(a->im->arena, a->files, a->file_count, &a->file_capacity, sizeof *a->files);
  a->files[a->file_count++] = found;
}

/* ---- the text ---- */

struct steps {
  struct alembic *a;
  struct import_text text;
  enum import_dialect dialect;
  const char *table; /* the last part of the version table's name */
  struct import_script now;
  const char *start; /* of the body; NULL: before the first step */
};

/* Reads `name` or `schema.name`; answers the last part. */
static const char *read_name(struct import *im, const char *s, const char *end) {
  const char *part = "";
  do {
    while (s < end && (isspace((unsigned char)*s) || *s == '.' || *s == '"'))
      s++;
    const char *from = s;
    while (s < end && (isalnum((unsigned char)*s) || *s == '_' || *s == '$' || (*s & 0x80)))
      s++;
    part = arena_strndup(im->arena, from, (size_t)(s - from));
    s += s < end && *s == '"';
  } while (s < end && *s == '.');
  return part;
}

static bool on_version_table(const struct steps *st, const char *s, const char *end) {
  static const char *const verbs[] = {"INSERT INTO", "UPDATE", "DELETE FROM", "DROP TABLE",
                                      "CREATE TABLE"};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    const char *name = import_after(s, end, verbs[i]);
    if (name && name < end && isspace((unsigned char)*name))
      return strcmp(read_name(st->a->im, name, end), st->table) == 0;
  }
  return false;
}

/* The version table may have another name: the first table that the text makes says so. */
static void read_preamble(struct steps *st, const char *s, size_t len) {
  struct import_statements list;
  import_split(st->a->im->arena, st->dialect, s, len, &list);
  for (size_t i = 0; i < list.count; i++) {
    const char *from = s + list.items[i].start, *end = from + list.items[i].len;
    const char *name = import_after(from, end, "CREATE TABLE ");
    if (name && memmem(from, list.items[i].len, "version_num", 11))
      st->table = read_name(st->a->im, name, end);
  }
}

/* What is Alembic's own in a step: its version table, and its transactions. */
static bool is_own(const struct steps *st, const char *s, const struct import_statement *item) {
  return item->class == IMPORT_BEGIN || item->class == IMPORT_COMMIT ||
         on_version_table(st, s + item->start, s + item->start + item->len);
}

/* A step that commits between its statements is no transaction (autocommit_block). */
static bool commits_inside(const struct steps *st, const char *s,
                           const struct import_statements *list) {
  bool committed = false;
  for (size_t i = 0; i < list->count; i++) {
    committed |= list->items[i].class == IMPORT_COMMIT;
    if (committed && !is_own(st, s, &list->items[i]))
      return true;
  }
  return false;
}

static bool has_other(const struct steps *st, const char *s, const struct import_statements *list) {
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].class != IMPORT_ALONE && !is_own(st, s, &list->items[i]))
      return true;
  return false;
}

/* The statement's end with the rest of its line, when that is blank. */
static size_t line_behind(const char *s, size_t at, size_t len) {
  size_t n = at;
  while (n < len && (s[n] == ' ' || s[n] == '\t' || s[n] == '\r'))
    n++;
  return n < len && s[n] == '\n' ? n + 1 : at;
}

static void keep_step(struct steps *st, const char *end) {
  struct import *im = st->a->im;
  size_t len = (size_t)(end - st->start), from = 0;
  struct buf body BUF_SCOPED = BUF_INIT;
  struct import_statements list;
  import_split(im->arena, st->dialect, st->start, len, &list);
  for (size_t i = 0; i < list.count; i++) {
    if (!is_own(st, st->start, &list.items[i]))
      continue;
    buf_add(&body, st->start + from, list.items[i].start - from);
    from = line_behind(st->start, list.items[i].end, len);
  }
  buf_add(&body, st->start + from, len - from);
  struct import_text text = {st->text.path, arena_strndup(im->arena, buf_str(&body), body.len),
                             body.len};
  unsigned line = st->now.line;
  if (commits_inside(st, st->start, &list) && has_other(st, st->start, &list)) {
    st->now.transaction = false;
    import_note(im, text.path, line, 1,
                "%s commits between its statements, so it runs without a transaction",
                st->now.description);
  }
  import_slice(&st->now, &text, text.s, text.s + text.len);
  st->now.line += line;
  struct alembic *a = st->a;
  a->steps = import_grown(im->arena, a->steps, a->step_count, &a->step_capacity, sizeof *a->steps);
  a->steps[a->step_count++] = st->now;
}

static struct import_list read_ids(struct import *im, const char *s, const char *end) {
  struct import_list ids = {0};
  while (s < end) {
    const char *comma = memchr(s, ',', (size_t)(end - s)), *stop = comma ? comma : end;
    const char *id = import_word(im, &s, stop);
    if (id)
      import_push(im, &ids, id);
    s = stop + 1;
  }
  return ids;
}

/* `-- Running upgrade a, b -> c`, `-- Running downgrade c -> a, b`. */
static void begin_step(struct steps *st, const struct import_line *line, const char *s) {
  struct import *im = st->a->im;
  const char *end = import_line_end(line), *word = import_word(im, &s, end);
  const char *arrow = memmem(s, (size_t)(end - s), "->", 2);
  bool down = word && strcmp(word, "downgrade") == 0;
  if (st->start)
    keep_step(st, line->s);
  else
    read_preamble(st, st->text.s, (size_t)(line->s - st->text.s));
  const char *rest = memchr(line->s, '\n', (size_t)(st->text.s + st->text.len - line->s));
  st->start = rest ? rest + 1 : st->text.s + st->text.len;
  struct import_list left = {0}, right = {0};
  if (arrow) {
    left = read_ids(im, s, arrow);
    right = read_ids(im, arrow + 2, end);
  }
  const struct import_list *id = down ? &left : &right;
  if (!word || (!down && strcmp(word, "upgrade") != 0) || id->count != 1)
    import_problem(
        im, st->text.path, line->number, 1,
        "a step is written `-- Running upgrade a -> b` or `-- Running downgrade b -> a`");
  st->now = (struct import_script){.id = id->count ? id->items[0] : "",
                                   .parents = down ? right : left,
                                   .path = st->text.path,
                                   .line = line->number,
                                   .dialect = st->dialect,
                                   .down = down,
                                   .transaction = true};
  st->now.description = st->now.id;
}

static void read_text(struct alembic *a, unsigned source, const char *path) {
  struct steps st = {.a = a, .dialect = a->im->sources[source].dialect};
  struct import_line line = {0};
  st.table = "alembic_version";
  if (!import_load(a->im, path, &st.text))
    return;
  while (import_next(&st.text, &line)) {
    const char *s = import_comment(&line);
    s = s ? import_after(s, import_line_end(&line), "Running ") : NULL;
    if (s && line.s[0] == '-')
      begin_step(&st, &line, s);
  }
  if (st.start)
    keep_step(&st, st.text.s + st.text.len);
  else
    import_note(a->im, path, 0, 0,
                "not carried: no text of `alembic upgrade --sql base:heads`, it has no step");
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct stat st;
  bool file = stat(im->sources[source].path, &st) == 0 && S_ISREG(st.st_mode);
  if (import_ends_with(name, ".py"))
    read_python(im->state, path);
  else if (file || import_ends_with(name, ".sql"))
    read_text(im->state, source, path);
}

static int read_alembic(struct import *im, unsigned source, struct err *e) {
  if (!im->state) {
    struct alembic *a = im->state = ARENA_NEW(im->arena, struct alembic);
    a->im = im;
  }
  return import_each(im, source, true, take, e);
}

/* ---- both together ---- */

static struct assignments *find_file(struct alembic *a, const char *id) {
  for (size_t i = 0; i < a->file_count; i++)
    if (strcmp(a->files[i].id, id) == 0)
      return &a->files[i];
  return NULL;
}

static bool has_label(const struct assignments *f, const char *label) {
  for (size_t i = 0; i < f->labels.count; i++)
    if (strcmp(f->labels.items[i], label) == 0)
      return true;
  return false;
}

/* The revision that a dependency means: an id, a label, or the beginning of one id. */
static const char *resolve(struct alembic *a, const char *name) {
  const char *found = NULL;
  for (size_t i = 0; i < a->file_count; i++)
    if (strcmp(a->files[i].id, name) == 0 || has_label(&a->files[i], name))
      return a->files[i].id;
  for (size_t i = 0; i < a->file_count; i++) {
    if (strncmp(a->files[i].id, name, strlen(name)) != 0)
      continue;
    if (found)
      return name;
    found = a->files[i].id;
  }
  return found ? found : name;
}

static const char *mapped(struct alembic *a, const char *id) {
  return import_name(a->im, id, strlen(id));
}

static void add_step(struct alembic *a, struct import_script script) {
  struct assignments *f = find_file(a, script.id);
  const struct import_list parents = script.parents;
  script.parents = (struct import_list){0};
  for (size_t i = 0; i < parents.count; i++)
    import_push_once(a->im, &script.parents, mapped(a, parents.items[i]));
  script.message = f && f->message ? f->message : "";
  script.slug = script.message[0] ? script.message : "revision";
  for (size_t i = 0; f && i < f->depends.count; i++)
    import_push_once(a->im, &script.depends, mapped(a, resolve(a, f->depends.items[i])));
  for (size_t i = 0; f && i < f->labels.count; i++)
    import_push_once(a->im, &script.labels, mapped(a, f->labels.items[i]));
  if (f)
    f->used = true;
  script.id = mapped(a, script.id);
  import_add(a->im, script);
}

static void finish(struct import *im) {
  struct alembic *a = im->state;
  if (!a || im->problem_count)
    return;
  for (size_t i = 0; i < a->step_count; i++)
    add_step(a, a->steps[i]);
  for (size_t i = 0; a->step_count && i < a->file_count; i++)
    if (!a->files[i].used)
      import_note(im, a->files[i].path, 0, 0,
                  "not carried: the text has no step to %s; make it from base to heads",
                  a->files[i].id);
}

const struct importer import_alembic = {
    .name = "alembic",
    .looks = "the text of `alembic upgrade --sql base:heads`, and the folder versions/",
    .carries = "sources are texts, also of `alembic downgrade --sql heads:base`, and folders with "
               "revision files, from which messages, branch labels and dependencies come; ids and "
               "parents stay",
    .read = read_alembic,
    .finish = finish,
    .order = IMPORT_GIVEN,
};
