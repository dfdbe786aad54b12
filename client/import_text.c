/* See import_text.h. */
#include "client/import_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

int import_each(struct import *im, unsigned source, bool deep,
                void (*take)(struct import *im, unsigned source, const char *path,
                             const char *name),
                struct err *e) {
  struct import_list names;
  const char *root = im->sources[source].path;
  if (deep ? import_walk(im, root, &names, e) : import_list(im, root, &names, e))
    return -1;
  for (size_t i = 0; i < names.count; i++)
    take(im, source, import_path(im, root, names.items[i]), names.items[i]);
  return 0;
}

bool import_ends_with(const char *name, const char *end) {
  size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}

const char *import_base(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

static size_t ending(const char *name, enum import_part *part) {
  static const char *const ends[] = {".sql", ".up.sql", ".down.sql"};
  for (int i = IMPORT_DOWN; i >= IMPORT_WHOLE; i--) {
    if (import_ends_with(name, ends[i])) {
      *part = (enum import_part)i;
      return strlen(ends[i]);
    }
  }
  return 0;
}

/* Reads up to the end of the separator; what follows, or NULL. */
static const char *read_version(struct import *im, const struct import_pattern *pattern,
                                const char *name, struct import_name *out) {
  bool has = pattern->prefixes && *name && strchr(pattern->prefixes, *name);
  if (pattern->prefixes && !has && !pattern->may_lack)
    return NULL;
  out->prefix = has ? *name : '\0';
  name += has;
  size_t version = strspn(name, pattern->version);
  while (version > 0 && pattern->separator > 1 && name[version - 1] == '_')
    version--; /* it belongs to the separator */
  size_t separator = strspn(name + version, pattern->separators);
  if (version == 0 || (separator < pattern->separator && !pattern->nameless))
    return NULL;
  out->version = arena_strndup(im->arena, name, version);
  return name + version + separator;
}

bool import_parse(struct import *im, const struct import_pattern *pattern, const char *name,
                  struct import_name *out) {
  name = import_base(name);
  *out = (struct import_name){0};
  size_t end = ending(name, &out->part);
  const char *stem = arena_strndup(im->arena, name, strlen(name) - end);
  const char *slug = end ? read_version(im, pattern, stem, out) : NULL;
  if (!slug || (!*slug && !pattern->nameless))
    return false;
  out->slug = *slug ? slug : "migration";
  return true;
}

void import_other(struct import *im, const struct import_pattern *pattern, const char *path,
                  const char *name) {
  static const char *const code[] = {".go", ".rs", ".py",   ".js",    ".mjs", ".cjs", ".ts",
                                     ".kt", ".rb", ".java", ".class", ".cs",  ".php"};
  struct import_name ignored;
  const char *base = import_base(name), *dot = strrchr(base, '.');
  if (import_ends_with(base, ".sql")) {
    import_note(im, path, 0, 0, "not carried: its name is none of %s (%s)", im->importer->name,
                im->importer->looks);
    return;
  }
  const char *as_sql = dot ? arena_printf(im->arena, "%.*s.sql", (int)(dot - base), base) : base;
  if (import_ends_with(base, "_test.go") || !import_parse(im, pattern, as_sql, &ignored))
    return;
  for (size_t i = 0; i < sizeof code / sizeof *code; i++)
    if (strcmp(dot, code[i]) == 0)
      import_note(im, path, 0, 0, "not carried: it is code; write what it does as SQL");
}

struct import_script import_script_of(struct import *im, unsigned source,
                                      const struct import_name *name) {
  return (struct import_script){.id = import_id(im, name->version, strlen(name->version)),
                                .slug = name->slug,
                                .dialect = im->sources[source].dialect,
                                .down = name->part == IMPORT_DOWN,
                                .transaction = true};
}

/* ---- lines ---- */

bool import_next(const struct import_text *text, struct import_line *line) {
  const char *end = text->s + text->len, *s = text->s;
  if (line->number) {
    const char *stop = memchr(line->s, '\n', (size_t)(end - line->s));
    s = stop ? stop + 1 : end;
  }
  if (s >= end)
    return false;
  const char *stop = memchr(s, '\n', (size_t)(end - s));
  size_t len = (size_t)((stop ? stop : end) - s);
  if (len > 0 && s[len - 1] == '\r')
    len--;
  *line = (struct import_line){s, len, line->number + 1};
  return true;
}

static const char *skip_blanks(const char *s, const char *end) {
  while (s < end && isspace((unsigned char)*s))
    s++;
  return s;
}

const char *import_after(const char *s, const char *end, const char *text) {
  size_t len = strlen(text);
  if (!s)
    return NULL;
  s = skip_blanks(s, end);
  return (size_t)(end - s) >= len && strncasecmp(s, text, len) == 0 ? s + len : NULL;
}

const char *import_line_end(const struct import_line *line) {
  return line->s + line->len;
}

const char *import_comment(const struct import_line *line) {
  const char *s = import_after(line->s, import_line_end(line), "--");
  return s ? skip_blanks(s, import_line_end(line)) : NULL;
}

bool import_idle(const struct import_line *line) {
  const char *end = import_line_end(line);
  return skip_blanks(line->s, end) == end || import_comment(line);
}

const char *import_word(struct import *im, const char **s, const char *end) {
  const char *from = skip_blanks(*s, end), *p = from;
  char *word = arena_alloc(im->arena, (size_t)(end - from) + 1);
  size_t n = 0;
  bool quoted = false;
  for (; p < end && (quoted || !isspace((unsigned char)*p)); p++) {
    if (*p == '"')
      quoted = !quoted;
    else
      word[n++] = *p;
  }
  *s = p;
  return p > from ? word : NULL;
}

/* The number of blank bytes that `s` begins with, whole lines only. */
static size_t blank_lines(const char *s, const char *end, unsigned *lines) {
  size_t n = 0;
  for (const char *p = s; p < end && isspace((unsigned char)*p); p++) {
    if (*p == '\n') {
      n = (size_t)(p - s) + 1;
      ++*lines;
    }
  }
  return n;
}

void import_slice(struct import_script *script, const struct import_text *text, const char *from,
                  const char *to) {
  unsigned column;
  script->path = text->path;
  import_position(text, from, &script->line, &column);
  from += blank_lines(from, to, &script->line);
  while (to > from && isspace((unsigned char)to[-1]))
    to--;
  script->body = from;
  script->len = (size_t)(to - from);
}
