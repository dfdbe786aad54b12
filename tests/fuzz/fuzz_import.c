/* Feeds any bytes to an importer, which the first byte chooses, as the files that its tool keeps,
 * and checks what holds for every import: problems and notes have a text and a place inside the
 * file, what is made without problems has a head that the server accepts, and sections too unless
 * the importer or its guess at SQL said so. The files lie in a folder of their own, which is gone
 * at the end. A libFuzzer target; no main of its own.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/import.h"
#include "proto/base/temporary.h"
#include "server/catalog/revision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
  if (!holds)
    abort();
}

static char root[200];

/* The names of the files of each tool; bytes 0xFF stand between their contents. */
static const struct {
  const char *tool, *files[4];
} tools[] = {
    {"alembic", {"up.sql", "a.py", "b.py"}},
    {"atlas", {"1_a.sql", "2_b.sql"}},
    {"dbmate", {"1_a.sql", "2_b.sql"}},
    {"diesel", {"1_a/up.sql", "1_a/down.sql", "1_a/metadata.toml"}},
    {"flyway", {"V1__a.sql", "R__b.sql", "U1__a.sql", "V1__a.sql.conf"}},
    {"goose", {"1_a.sql", "2_b.sql"}},
    {"liquibase", {"a.sql", "b.sql"}},
    {"node-pg-migrate", {"1_a.sql", "2_b.sql"}},
    {"sqitch", {"sqitch.plan", "sqitch.conf", "deploy/a.sql", "revert/a.sql"}},
    {"sqlx", {"1_a.sql", "2_b.sql"}},
};
enum { TOOLS = sizeof tools / sizeof *tools };

static const char *const folders[] = {"1_a", "deploy", "revert"};

static void remove_root(void) {
  char command[300];
  snprintf(command, sizeof command, "rm -rf -- '%s'", root);
  must(system(command) == 0);
}

static void make_root(void) {
  const char *tmp = getenv("TMPDIR");
  snprintf(root, sizeof root, "%s/migd-fuzz." TEMPORARY, tmp ? tmp : "/tmp");
  must(mkdtemp(root) != NULL);
  atexit(remove_root);
}

static void write_file(const char *name, const uint8_t *data, size_t size) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", root, name);
  FILE *out = fopen(path, "w");
  must(out != NULL && fwrite(data, 1, size, out) == size);
  must(fclose(out) == 0);
}

static void write_files(unsigned tool, const uint8_t *data, size_t size) {
  if (tool == 3 || tool == 8)
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
      char path[300];
      snprintf(path, sizeof path, "%s/%s", root, folders[i]);
      if ((tool == 3) == (i == 0))
        must(mkdir(path, 0700) == 0);
    }
  for (size_t i = 0; i < 4 && tools[tool].files[i]; i++) {
    const uint8_t *end = size ? memchr(data, 0xFF, size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;
    write_file(tools[tool].files[i], data, len);
    data += len + (end != NULL);
    size -= len + (end != NULL);
  }
}

static void remove_files(unsigned tool) {
  char path[300];
  for (size_t i = 0; i < 4 && tools[tool].files[i]; i++) {
    snprintf(path, sizeof path, "%s/%s", root, tools[tool].files[i]);
    must(unlink(path) == 0);
  }
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    snprintf(path, sizeof path, "%s/%s", root, folders[i]);
    rmdir(path);
  }
}

static unsigned first_section(const char *text) {
  unsigned line = 1;
  for (const char *s = text; strncmp(s, "-- migd:up", 10) != 0 && strncmp(s, "-- migd:down", 12);) {
    s = strchr(s, '\n');
    must(s != NULL);
    s++;
    line++;
  }
  return line;
}

/* What the server finds wrong is in a body, where a dialect was guessed. */
static void check_file(struct arena *arena, const struct import_file *file) {
  struct problems problems = {.arena = arena};
  struct revision r;
  must(strlen(file->text) == file->len);
  revision_parse(file->name, file->text, file->len, arena, &problems, &r);
  for (size_t i = 0; i < problems.count; i++) {
    must(problems.items[i].line > first_section(file->text) || problems.items[i].line == 0);
    must(strstr(problems.items[i].message, "resembles a directive") == NULL);
    must(strstr(problems.items[i].message, "unknown directive") == NULL);
    must(problems.items[i].line != 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  struct err e;
  if (size == 0)
    return -1;
  if (!root[0])
    make_root();
  unsigned tool = data[0] % TOOLS, dialect = data[0] / TOOLS % IMPORT_DIALECTS;
  write_files(tool, data + 1, size - 1);
  arena_init(&arena, 0);
  struct import im = {
      .arena = &arena, .importer = importer_find(tools[tool].tool), .source_count = 1};
  im.sources[0] = (struct import_source){(enum import_dialect)dialect, root};
  int rc = import_make(&im, &e);
  must(rc == 0 || e.text[0] != '\0');
  must(rc != 0 || (im.problem_count == 0 && im.file_count > 0));
  for (size_t i = 0; i < im.problem_count; i++)
    must(im.problems[i].text[0] != '\0' && im.problems[i].line <= size + 1);
  for (size_t i = 0; i < im.note_count; i++)
    must(im.notes[i].text[0] != '\0' && im.notes[i].line <= size + 1);
  for (size_t i = 0; rc == 0 && i < im.file_count; i++)
    check_file(&arena, &im.files[i]);
  arena_release(&arena);
  remove_files(tool);
  return 0;
}
