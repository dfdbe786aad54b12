/* Liquibase's formatted SQL: files that begin with `--liquibase formatted sql` and hold change
 * sets, `--changeset author:id`, each with its `--rollback`. They run in the order of the files'
 * paths. A change set becomes the revision `author_id`; where two files have the same author and
 * id, `file.author_id`.
 */
#include "client/import_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/base/buf.h"

struct changeset {
  const char *name; /* author:id */
  const char *stem; /* of its file */
  const char *path, *message;
  unsigned line; /* of its head */
  unsigned down_line;
  bool transaction, for_both, for_one[IMPORT_DIALECTS], ignored, has_down;
  unsigned source;
  const char *up, *down;
  size_t up_len, down_len;
};

struct changesets {
  struct changeset *items;
  size_t count, capacity;
};

struct reading {
  struct import *im;
  const struct import_text *text;
  const char *stem;
  unsigned source;
  struct import_line line;
  struct changeset now;
  bool open;
  unsigned block; /* the line of an open rollback comment; 0: none */
  struct buf up, down;
};

static void __attribute__((format(printf, 2, 3))) note(struct reading *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  import_note(r->im, r->text->path, r->line.number, 1, "%s",
              arena_vprintf(r->im->arena, format, args));
  va_end(args);
}

/* ---- a change set's head ---- */

/* `a,b`, `!a`: which databases a change set is for. */
static bool for_dialect(const char *list, const char *const *names) {
  bool excluded = true;
  for (const char *s = list; *s; s += strcspn(s, ","), s += *s == ',') {
    bool not = *s == '!';
    const char *name = s + not ;
    size_t len = strcspn(name, ",");
    excluded &= not ;
    for (size_t i = 0; names[i]; i++)
      if (len == strlen(names[i]) && strncasecmp(name, names[i], len) == 0)
        return !not ;
  }
  return excluded;
}

static void read_dbms(struct reading *r, const char *value) {
  static const char *const sqlite[] = {"sqlite", "all", NULL};
  static const char *const postgresql[] = {"postgresql", "postgres", "all", NULL};
  r->now.for_one[IMPORT_SQLITE] = for_dialect(value, sqlite);
  r->now.for_one[IMPORT_POSTGRESQL] = for_dialect(value, postgresql);
}

static bool is_true(const char *value) {
  return strcasecmp(value, "true") == 0;
}

static void read_attribute(struct reading *r, const char *key, const char *value) {
  static const char *const silent[] = {"splitStatements", "stripComments", "logicalFilePath",
                                       "rollbackSplitStatements", NULL};
  for (size_t i = 0; silent[i]; i++)
    if (strcasecmp(key, silent[i]) == 0)
      return;
  if (strcasecmp(key, "runInTransaction") == 0) {
    r->now.transaction = strcasecmp(value, "false") != 0;
  } else if (strcasecmp(key, "dbms") == 0) {
    read_dbms(r, value);
  } else if (strcasecmp(key, "ignore") == 0) {
    r->now.ignored = is_true(value);
  } else if (strcasecmp(key, "runOnChange") == 0 || strcasecmp(key, "runAlways") == 0) {
    if (is_true(value))
      note(r, "%s of %s is not carried: it runs once", key, r->now.name);
  } else if (strcasecmp(key, "failOnError") != 0 || !is_true(value)) {
    note(r, "%s:%s of %s is not carried", key, value, r->now.name);
  }
}

static void read_attributes(struct reading *r, const char *s) {
  const char *end = import_line_end(&r->line), *word;
  while ((word = import_word(r->im, &s, end)) != NULL) {
    const char *colon = strchr(word, ':');
    if (!colon) {
      note(r, "'%s' of %s is not carried", word, r->now.name);
      continue;
    }
    const char *key = arena_strndup(r->im->arena, word, (size_t)(colon - word));
    const char *value = colon[1] ? colon + 1 : import_word(r->im, &s, end); /* `key: value` */
    read_attribute(r, key, value ? value : "");
  }
}

static void keep(struct reading *r) {
  struct changesets *all = r->im->state;
  if (!r->open)
    return;
  r->now.up = arena_strndup(r->im->arena, buf_str(&r->up), r->up.len);
  r->now.up_len = r->up.len;
  r->now.down = arena_strndup(r->im->arena, buf_str(&r->down), r->down.len);
  r->now.down_len = r->down.len;
  buf_clear(&r->up);
  buf_clear(&r->down);
  all->items =
      import_grown(r->im->arena, all->items, all->count, &all->capacity, sizeof *all->items);
  all->items[all->count++] = r->now;
}

static void begin(struct reading *r, const char *s) {
  const char *end = import_line_end(&r->line), *from = s;
  keep(r);
  const char *word = import_word(r->im, &s, end);
  const char *colon = word ? strchr(word, ':') : NULL;
  r->open = true;
  r->now = (struct changeset){.path = r->text->path,
                              .stem = r->stem,
                              .line = r->line.number,
                              .source = r->source,
                              .transaction = true,
                              .for_one = {true, true, true}};
  if (colon && !colon[1]) { /* `author: id` */
    const char *id = import_word(r->im, &s, end);
    word = id ? arena_printf(r->im->arena, "%s%s", word, id) : NULL;
  } else if (!colon && word) { /* an author with blanks: up to the colon */
    const char *stop = memchr(from, ':', (size_t)(end - from));
    const char *id = stop ? stop + 1 : end;
    const char *name = import_word(r->im, &id, end);
    while (from < end && isspace((unsigned char)*from))
      from++;
    s = id;
    word =
        stop && name ? arena_printf(r->im->arena, "%.*s:%s", (int)(stop - from), from, name) : NULL;
  }
  r->now.name = word ? word : "";
  if (!word || word[0] == ':' || !strchr(word, ':'))
    import_problem(r->im, r->text->path, r->line.number, 1,
                   "a change set is written `--changeset author:id`");
  else
    read_attributes(r, s);
}

/* ---- what stands in a change set ---- */

static void rollback(struct reading *r, const char *s) {
  const char *end = import_line_end(&r->line), *p = s;
  p += p < end && *p == ':';
  const char *from = p, *word = import_word(r->im, &p, end), *second = p;
  r->now.down_line = r->now.has_down ? r->now.down_line : r->line.number;
  if (word && strncasecmp(word, "changesetId:", 12) == 0) {
    note(r, "the rollback of %s is not carried: it names another change set", r->now.name);
    return;
  }
  r->now.has_down = true;
  if (!word || strcasecmp(word, "empty") == 0)
    return;
  if (strcasecmp(word, "not") == 0 && import_after(second, end, "required"))
    return;
  while (from < end && isspace((unsigned char)*from))
    from++;
  buf_add(&r->down, from, (size_t)(end - from));
  buf_addc(&r->down, '\n');
}

static void preconditions(struct reading *r, const char *s) {
  (void)s;
  note(r, "the precondition of %s is not carried", r->open ? r->now.name : "the file");
}

static void comment(struct reading *r, const char *s) {
  const char *end = import_line_end(&r->line);
  s += s < end && *s == ':';
  if (r->open && !r->now.message)
    r->now.message = arena_strndup(r->im->arena, s, (size_t)(end - s));
}

static void property(struct reading *r, const char *s) {
  (void)s;
  note(r, "a property is not carried: write its value where ${it} stands, or make it a variable "
          "of the catalog and write ${it:raw}");
}

static void passed_over(struct reading *r, const char *s) {
  (void)r, (void)s;
}

static void ignored_lines(struct reading *r, const char *s) {
  (void)s;
  note(r, "ignoreLines is not heeded: remove the lines");
}

static const struct {
  const char *name;
  void (*read)(struct reading *r, const char *rest);
} directives[] = {
    {"changeset", begin},
    {"rollback", rollback},
    {"preconditions", preconditions},
    {"precondition-sql-check", passed_over},
    {"precondition-table-exists", passed_over},
    {"precondition-view-exists", passed_over},
    {"comment", comment},
    {"property", property},
    {"ignoreLines", ignored_lines},
    {"validCheckSum", passed_over},
    {"liquibase formatted sql", passed_over},
};

static bool read_directive(struct reading *r) {
  const char *s = import_comment(&r->line), *end = import_line_end(&r->line);
  for (size_t i = 0; s && i < sizeof directives / sizeof *directives; i++) {
    const char *rest = import_after(s, end, directives[i].name);
    if (!rest || (rest < end && *rest != ':' && !isspace((unsigned char)*rest)))
      continue;
    if (!r->open && (directives[i].read == rollback || directives[i].read == comment))
      return false;
    directives[i].read(r, rest);
    return true;
  }
  return false;
}

/* `/ * liquibase rollback` on a line of its own, then the script, then the comment's end. */
static bool read_block(struct reading *r) {
  const char *end = import_line_end(&r->line);
  const char *s = import_after(import_after(import_after(r->line.s, end, "/*"), end, "liquibase"),
                               end, "rollback");
  if (r->block) {
    const char *close = memmem(r->line.s, r->line.len, "*/", 2);
    buf_add(&r->down, r->line.s, close ? (size_t)(close - r->line.s) : r->line.len);
    buf_addc(&r->down, '\n');
    r->block = close ? 0 : r->block;
    return true;
  }
  if (!s || !r->open)
    return false;
  r->block = r->line.number;
  r->now.down_line = r->now.has_down ? r->now.down_line : r->line.number + 1;
  r->now.has_down = true;
  return true;
}

static void read_line(struct reading *r) {
  bool special = read_block(r) || read_directive(r);
  if (special && r->line.number == r->now.line)
    return;
  if (r->open) { /* an empty line in place of a directive, so that lines keep their numbers */
    if (!special)
      buf_add(&r->up, r->line.s, r->line.len);
    buf_addc(&r->up, '\n');
  } else if (!special && !import_idle(&r->line)) {
    import_problem(r->im, r->text->path, r->line.number, 1, "text before the first `--changeset`");
    r->open = true; /* once is enough */
    r->now = (struct changeset){.name = "", .path = r->text->path, .ignored = true};
  }
}

static bool formatted(const struct import_text *text) {
  struct import_line line = {0};
  while (import_next(text, &line)) {
    const char *s = import_comment(&line), *end = import_line_end(&line);
    if (s && import_after(import_after(s, end, "liquibase"), end, "formatted"))
      return true;
    if (!import_idle(&line))
      return false;
  }
  return false;
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  static const char *const others[] = {".xml", ".yaml", ".yml", ".json"};
  struct import_text text;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (import_ends_with(name, others[i]))
      import_note(im, path, 0, 0,
                  "not carried: only formatted SQL is; `liquibase update-sql` "
                  "writes what it does as SQL");
  if (!import_ends_with(name, ".sql") || !import_load(im, path, &text))
    return;
  if (!formatted(&text)) {
    import_note(im, path, 0, 0, "not carried: it does not begin with `--liquibase formatted sql`");
    return;
  }
  const char *base = import_base(name);
  struct reading r = {.im = im, .text = &text, .source = source, .up = BUF_INIT, .down = BUF_INIT};
  r.stem = arena_strndup(im->arena, base, strlen(base) - 4);
  while (import_next(&text, &r.line))
    read_line(&r);
  if (r.block)
    import_problem(im, path, r.block, 1, "the rollback that begins here has no end");
  keep(&r);
  buf_release(&r.up);
  buf_release(&r.down);
}

/* ---- scripts ---- */

static int by_name(const void *a, const void *b) {
  const struct changeset *x = *(struct changeset *const *)a, *y = *(struct changeset *const *)b;
  int order = strcmp(x->name, y->name);
  return order ? order : strcmp(x->path, y->path);
}

/* Marks the change sets whose name stands in several files, by a NULL stem for all others. */
static void find_doubles(struct import *im, struct changesets *all) {
  struct changeset **sorted = ARENA_ARRAY(im->arena, struct changeset *, all->count + 1);
  for (size_t i = 0; i < all->count; i++)
    sorted[i] = &all->items[i];
  if (all->count > 0)
    qsort(sorted, all->count, sizeof *sorted, by_name);
  for (size_t i = 0, end; i < all->count; i = end) {
    for (end = i + 1; end < all->count && strcmp(sorted[i]->name, sorted[end]->name) == 0;)
      end++;
    if (strcmp(sorted[i]->path, sorted[end - 1]->path) == 0)
      for (size_t j = i; j < end; j++)
        sorted[j]->stem = NULL;
  }
}

/* The dialect of its scripts; false when it is for neither. */
static bool dialect_of(const struct import *im, const struct changeset *c, enum import_dialect *d) {
  enum import_dialect source = im->sources[c->source].dialect;
  bool sqlite = c->for_one[IMPORT_SQLITE] && source != IMPORT_POSTGRESQL;
  bool postgresql = c->for_one[IMPORT_POSTGRESQL] && source != IMPORT_SQLITE;
  *d = sqlite && postgresql ? IMPORT_BOTH : sqlite ? IMPORT_SQLITE : IMPORT_POSTGRESQL;
  return sqlite || postgresql;
}

static void add_part(struct import *im, struct import_script script, const char *s, size_t len,
                     unsigned line) {
  struct import_text text = {script.path, s, len};
  import_slice(&script, &text, s, s + len);
  script.line += line - 1;
  import_add(im, script);
}

static void add(struct import *im, const struct changeset *c) {
  struct import_script script = {.path = c->path, .line = c->line, .transaction = c->transaction};
  script.description = arena_printf(im->arena, "change set %s", c->name);
  if (c->ignored || !dialect_of(im, c, &script.dialect)) {
    import_note(im, c->path, c->line, 1, "not carried: %s is %s", script.description,
                c->ignored ? "ignored" : "for other databases");
    return;
  }
  const char *name = c->stem ? arena_printf(im->arena, "%s.%s", c->stem, c->name) : c->name;
  script.id = import_name(im, name, strlen(name));
  script.slug = strchr(c->name, ':') + 1;
  script.message = c->message;
  add_part(im, script, c->up, c->up_len, c->line + 1);
  script.down = true;
  if (c->has_down)
    add_part(im, script, c->down, c->down_len, c->down_line);
}

static int read_liquibase(struct import *im, unsigned source, struct err *e) {
  struct changesets all = {0};
  im->state = &all;
  size_t before = im->problem_count;
  int rc = import_each(im, source, true, take, e);
  find_doubles(im, &all);
  for (size_t i = 0; rc == 0 && im->problem_count == before && i < all.count; i++)
    add(im, &all.items[i]);
  im->state = NULL;
  return rc;
}

const struct importer import_liquibase = {
    .name = "liquibase",
    .looks = "any.sql with --liquibase formatted sql and --changeset author:id",
    .carries = "a change set becomes the revision author_id; dbms chooses the dialect, "
               "runInTransaction:false becomes transaction=off, --comment the message; contexts, "
               "labels and preconditions are left out, and so are XML, YAML and JSON",
    .read = read_liquibase,
    .order = IMPORT_READ,
};
