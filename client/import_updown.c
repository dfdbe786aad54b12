/* The layout with a file a direction: `V0001.Name.up.sql`, `0001_name.up.sql` and `.down.sql`
 * beside them, as golang-migrate and its kin have it. The version is a number, and they run in its
 * order.
 */
#include "client/import.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

static const char *digits(const char *id) {
  return id + (id[0] == 'V' || id[0] == 'v');
}

/* By number, however many digits it has. */
static int compare_versions(const char *a, const char *b) {
  a = digits(a) + strspn(digits(a), "0");
  b = digits(b) + strspn(digits(b), "0");
  size_t n = strlen(a), m = strlen(b);
  return n != m ? (n > m) - (n < m) : strcmp(a, b);
}

static bool ends_with(const char *name, const char *end) {
  size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}

static void read_script(struct import *im, unsigned source, const char *path, const char *name) {
  bool down = ends_with(name, ".down.sql");
  size_t len = strlen(name) - strlen(down ? ".down.sql" : ".up.sql");
  size_t version = (size_t)(digits(name) - name);
  size_t number = strspn(name + version, "0123456789");
  version += number;
  size_t slug = version + strspn(name + version, "._-");
  if (number == 0 || slug == version || slug >= len) {
    import_problem(im, path, 0, "its name is not like V0001.Name.up.sql or 0001_name.up.sql");
    return;
  }
  import_add(im, (struct import_script){.id = import_id(im, name, version),
                                        .slug = arena_strndup(im->arena, name + slug, len - slug),
                                        .path = path,
                                        .source = source,
                                        .down = down,
                                        .transaction = true});
}

static int read_updown(struct import *im, unsigned source, struct err *e) {
  const char *const *names;
  size_t count;
  const char *root = im->sources[source].path;
  if (import_list(im, root, &names, &count, e))
    return -1;
  for (size_t i = 0; i < count; i++) {
    const char *path = arena_printf(im->arena, "%s/%s", root, names[i]);
    if (ends_with(names[i], ".up.sql") || ends_with(names[i], ".down.sql"))
      read_script(im, source, path, names[i]);
    else if (ends_with(names[i], ".sql"))
      import_problem(im, path, 0, "is neither .up.sql nor .down.sql; keep it out of the folder");
  }
  return 0;
}

const struct import_layout import_updown = {
    .name = "updown",
    .looks = "V0001.Name.up.sql, V0001.Name.down.sql, or 0001_name.up.sql",
    .read = read_updown,
    .compare = compare_versions,
};
