/* For tests: a catalog from a line such as "aa bb<aa cc<aa dd<bb,cc|ee#label!": an id, behind < its
 * parents, behind | what it depends on, behind # its label; ! leaves out the down section. */
#ifndef MIGD_TESTS_CATALOG_SPEC_H
#define MIGD_TESTS_CATALOG_SPEC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/catalog/catalog.h"

struct spec {
  struct arena arena;
  struct problems problems;
  struct catalog catalog;
  int rc;
};

static char *spec_part(struct arena *a, const char *word, size_t len, char mark) {
  const char *start = memchr(word, mark, len);
  if (!start)
    return NULL;
  start++;
  size_t n = 0;
  while (start + n < word + len && !strchr("<|#!", start[n]))
    n++;
  return arena_strndup(a, start, n);
}

static struct catalog_file spec_file(struct arena *a, const char *word, size_t len) {
  struct buf b = BUF_INIT;
  size_t n = strcspn(word, "<|#! ");
  const char *id = arena_strndup(a, word, n < len ? n : len);
  const char *parents = spec_part(a, word, len, '<'), *deps = spec_part(a, word, len, '|');
  const char *label = spec_part(a, word, len, '#');
  buf_addf(&b, "-- migd:revision %s\n-- migd:parent %s\n", id, parents ? parents : "base");
  if (deps)
    buf_addf(&b, "-- migd:depends-on %s\n", deps);
  if (label)
    buf_addf(&b, "-- migd:label %s\n", label);
  buf_addf(&b, "-- migd:up\nSELECT 1;\n%s", memchr(word, '!', len) ? "" : "-- migd:down\n");
  struct catalog_file f = {
      .name = arena_printf(a, "%s_x.sql", id), .bytes = arena_strndup(a, b.s, b.len), .len = b.len};
  buf_release(&b);
  return f;
}

/* Each word is copied: a sanitizer's strcspn looks at all that follows, and a spec can be long. */
static size_t spec_files(struct arena *a, const char *text, struct catalog_file *out) {
  size_t count = 0;
  for (const char *p = text; *p;) {
    size_t len = 0;
    while (p[len] && p[len] != ' ')
      len++;
    if (len)
      out[count++] = spec_file(a, arena_strndup(a, p, len), len);
    p += len + (p[len] == ' ');
  }
  return count;
}

static void spec_build(struct spec *s, const char *text) {
  memset(s, 0, sizeof *s);
  arena_init(&s->arena, 0);
  s->problems.arena = &s->arena;
  struct catalog_file *files = ARENA_ARRAY(&s->arena, struct catalog_file, strlen(text) + 1);
  size_t count = spec_files(&s->arena, text, files);
  s->rc = catalog_build(&s->catalog, files, count, &s->arena, &s->problems);
  if ((s->rc != 0) != (s->problems.count > 0))
    abort();
}

static inline void spec_release(struct spec *s) {
  arena_release(&s->arena);
}

/* "aa bb cc" of a set, in the arena. */
static inline const char *spec_ids(struct spec *s, const struct revision_set *set) {
  struct buf b = BUF_INIT;
  for (size_t i = 0; i < set->count; i++)
    buf_addf(&b, "%s%s", i ? " " : "", s->catalog.revisions[set->items[i]].id);
  const char *text = arena_strdup(&s->arena, buf_str(&b));
  buf_release(&b);
  return text;
}

static inline const char *spec_words(struct spec *s, const char *const *words, size_t count) {
  struct buf b = BUF_INIT;
  for (size_t i = 0; i < count; i++)
    buf_addf(&b, "%s%s", i ? " " : "", words[i]);
  const char *text = arena_strdup(&s->arena, buf_str(&b));
  buf_release(&b);
  return text;
}

/* Cuts "aa bb" into words; returns how many. */
static inline size_t spec_cut(struct spec *s, const char *text, const char **out) {
  size_t count = 0;
  for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
    size_t len = strcspn(p, " ");
    out[count++] = arena_strndup(&s->arena, p, len);
    p += len;
  }
  return count;
}

#endif
