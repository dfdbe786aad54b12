/* Diesel's layout: a folder a migration, `<version>_<name>/up.sql` and perhaps `down.sql`;
 * metadata.toml may say `run_in_transaction = false`. The version is what Diesel stores: what
 * stands before the first
 * `_`, without its dashes; they run in the order of that text.
 */
#include "client/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool key_is(const char *line, size_t len, const char *key, const char **value) {
  size_t n = strlen(key), i = strspn(line, " \t");
  if (i + n > len || strncmp(line + i, key, n) != 0)
    return false;
  i += n;
  i += strspn(line + i, " \t");
  *value = line + i + 1;
  return i < len && line[i] == '=';
}

/* Whether the migration runs in a transaction. */
static bool read_metadata(struct import *im, const char *folder) {
  size_t len;
  const char *path = arena_printf(im->arena, "%s/metadata.toml", folder), *value;
  const char *text = import_read_file(im, path, &len);
  if (!text) {
    if (errno != ENOENT)
      import_problem(im, path, 0, "cannot be read: %s", strerror(errno));
    return true;
  }
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (key_is(line, strcspn(line, "\n"), "run_in_transaction", &value))
      return strncmp(value + strspn(value, " \t"), "false", 5) != 0;
  return true;
}

static void read_migration(struct import *im, unsigned source, const char *folder,
                           const char *name) {
  size_t version = strcspn(name, "_");
  struct import_script script = {.id = import_id(im, name, version),
                                 .slug = name[version] ? name + version + 1 : "",
                                 .source = source,
                                 .transaction = read_metadata(im, folder)};
  const char *down = arena_printf(im->arena, "%s/down.sql", folder);
  script.path = arena_printf(im->arena, "%s/up.sql", folder);
  if (access(script.path, F_OK) != 0) {
    import_problem(im, folder, 0, "has no up.sql");
    return;
  }
  import_add(im, script);
  script.path = down;
  script.down = true;
  if (access(down, F_OK) == 0)
    import_add(im, script);
}

static int read_diesel(struct import *im, unsigned source, struct err *e) {
  const char *const *names;
  size_t count;
  const char *root = im->sources[source].path;
  if (import_list(im, root, &names, &count, e))
    return -1;
  for (size_t i = 0; i < count; i++) {
    struct stat st;
    const char *folder = arena_printf(im->arena, "%s/%s", root, names[i]);
    if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
      read_migration(im, source, folder, names[i]);
  }
  return 0;
}

const struct import_layout import_diesel = {
    .name = "diesel",
    .looks = "2018-01-14-171611_create_tables/up.sql and down.sql",
    .read = read_diesel,
    .compare = strcmp,
};
