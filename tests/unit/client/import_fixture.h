/* A temporary folder with the sources of an import, and what the import made of them. */
#ifndef MIGD_TESTS_IMPORT_FIXTURE_H
#define MIGD_TESTS_IMPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/import.h"
#include "proto/base/temporary.h"

struct fixture {
  char root[200];
  struct arena arena;
  struct import im;
  struct err e;
};

static inline int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  assert_non_null(f);
  snprintf(f->root, sizeof f->root, "%s/migd-import." TEMPORARY, tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(f->root));
  arena_init(&f->arena, 0);
  *state = f;
  return 0;
}

static inline int teardown(void **state) {
  struct fixture *f = *state;
  char command[300];
  snprintf(command, sizeof command, "rm -rf -- '%s'", f->root);
  int rc = system(command);
  arena_release(&f->arena);
  free(f);
  return rc;
}

static inline const char *path(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "%s/%s", f->root, name);
}

/* Makes a file and the folders above it. */
static inline void put_bytes(struct fixture *f, const char *name, const void *bytes, size_t len) {
  const char *whole = path(f, name);
  for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/'))
    mkdir(arena_strndup(&f->arena, whole, strlen(f->root) + 1 + (size_t)(p - name)), 0700);
  FILE *out = fopen(whole, "w");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, len, out), len);
  assert_int_equal(fclose(out), 0);
}

static inline void put(struct fixture *f, const char *name, const char *text) {
  put_bytes(f, name, text, strlen(text));
}

/* Sources as on the command line, by names in the fixture's folder; ends with NULL. */
static inline int make_of(struct fixture *f, const char *tool, const char *const *sources) {
  f->im = (struct import){.arena = &f->arena, .importer = importer_find(tool)};
  assert_non_null(f->im.importer);
  err_clear(&f->e);
  for (; *sources; sources++) {
    const char *equals = strchr(*sources, '=');
    struct import_source *s = &f->im.sources[f->im.source_count++];
    s->path = path(f, equals ? equals + 1 : *sources);
    if (equals)
      s->dialect = **sources == 's' ? IMPORT_SQLITE : IMPORT_POSTGRESQL;
  }
  return import_make(&f->im, &f->e);
}

#define make(f, tool, ...) make_of(f, tool, (const char *const[]){__VA_ARGS__, NULL})

static inline void show(const struct fixture *f) {
  for (size_t i = 0; i < f->im.problem_count; i++)
    print_message("problem %s:%u:%u: %s\n", f->im.problems[i].file, f->im.problems[i].line,
                  f->im.problems[i].column, f->im.problems[i].text);
  for (size_t i = 0; i < f->im.note_count; i++)
    print_message("note %s:%u:%u: %s\n", f->im.notes[i].path, f->im.notes[i].line,
                  f->im.notes[i].column, f->im.notes[i].text);
}

static inline void assert_file(const struct fixture *f, size_t i, const char *name,
                               const char *text) {
  if (f->im.problem_count)
    show(f);
  assert_true(i < f->im.file_count);
  assert_string_equal(f->im.files[i].name, name);
  assert_string_equal(f->im.files[i].text, text);
  assert_int_equal(f->im.files[i].len, strlen(text));
}

/* The file has this name, and the text in it somewhere. */
static inline void assert_part(const struct fixture *f, size_t i, const char *name,
                               const char *part) {
  assert_true(i < f->im.file_count);
  assert_string_equal(f->im.files[i].name, name);
  if (!strstr(f->im.files[i].text, part))
    fail_msg("%s has no\n%s\nbut\n%s", name, part, f->im.files[i].text);
}

static inline void assert_problem(const struct fixture *f, const char *file, unsigned line,
                                  unsigned column, const char *part) {
  for (size_t i = 0; i < f->im.problem_count; i++) {
    const struct err *p = &f->im.problems[i];
    if (strstr(p->file, file) && p->line == line && p->column == column && strstr(p->text, part))
      return;
  }
  show(f);
  fail_msg("no problem of %s:%u:%u that says '%s'", file, line, column, part);
}

static inline void assert_note(const struct fixture *f, const char *file, unsigned line,
                               unsigned column, const char *part) {
  for (size_t i = 0; i < f->im.note_count; i++) {
    const struct import_note *n = &f->im.notes[i];
    if (strstr(n->path, file) && n->line == line && n->column == column && strstr(n->text, part))
      return;
  }
  show(f);
  fail_msg("no note of %s:%u:%u that says '%s'", file, line, column, part);
}

static inline void assert_counts(const struct fixture *f, size_t files, size_t problems,
                                 size_t notes) {
  if (f->im.problem_count != problems || f->im.note_count != notes)
    show(f);
  assert_int_equal(f->im.file_count, files);
  assert_int_equal(f->im.problem_count, problems);
  assert_int_equal(f->im.note_count, notes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
