/* Diesel's layout: a folder a migration, `<version>_<name>/up.sql` and perhaps `down.sql`;
 * metadata.toml may say `run_in_transaction = false`. The version is what Diesel stores: what
 * stands before the first `_`, without its dashes; they run in the order of that text.
 */
#include "client/import_text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Whether the migration runs in a transaction. */
static bool read_metadata(struct import *im, const char *folder) {
  struct import_text text;
  struct import_line line = {0};
  const char *path = arena_printf(im->arena, "%s/metadata.toml", folder);
  if (!import_exists(path) || !import_load(im, path, &text))
    return true;
  while (import_next(&text, &line)) {
    const char *end = import_line_end(&line);
    const char *s = import_after(import_after(line.s, end, "run_in_transaction"), end, "=");
    if (s)
      return !import_after(s, end, "false");
  }
  return true;
}

static void add(struct import *im, struct import_script script, const char *path) {
  struct import_text text;
  if (import_load(im, path, &text))
    import_add_whole(im, script, &text);
}

static void take(struct import *im, unsigned source, const char *folder, const char *name) {
  struct stat st;
  size_t version = strcspn(name, "_");
  if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
    if (import_ends_with(name, ".sql"))
      import_note(im, folder, 0, 0, "not carried: Diesel has a folder a migration");
    return;
  }
  struct import_script script = {.id = import_id(im, name, version),
                                 .slug = name[version] ? name + version + 1 : "",
                                 .dialect = im->sources[source].dialect,
                                 .transaction = read_metadata(im, folder)};
  const char *up = arena_printf(im->arena, "%s/up.sql", folder);
  const char *down = arena_printf(im->arena, "%s/down.sql", folder);
  if (!import_exists(up)) {
    import_problem(im, folder, 0, 0, "has no up.sql");
    return;
  }
  add(im, script, up);
  script.down = true;
  if (import_exists(down))
    add(im, script, down);
}

static int read_diesel(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_diesel = {
    .name = "diesel",
    .looks = "2018-01-14-171611_create_tables/up.sql and down.sql",
    .carries = "run_in_transaction = false of metadata.toml becomes transaction=off",
    .read = read_diesel,
    .order = IMPORT_SORTED,
    .compare = strcmp,
};
