/* A file a direction: `{version}_{title}.up.sql` of golang-migrate, and `V0001.Name.up.sql` of
 * programs that carry their own migrations. The version is a number, and they run in its order.
 */
#include "client/import_text.h"

static const struct import_pattern updown = {.prefixes = "Vv",
                                             .may_lack = true,
                                             .version = "0123456789",
                                             .separators = "._-",
                                             .separator = 1};
static const struct import_pattern golang_migrate = {
    .version = "0123456789", .separators = "_", .separator = 1, .nameless = true};

static void add(struct import *im, unsigned source, const char *path,
                const struct import_name *name) {
  struct import_text text;
  struct import_script script = import_script_of(im, source, name);
  if (name->prefix)
    script.id = arena_printf(im->arena, "%c%s", name->prefix, script.id);
  if (import_load(im, path, &text))
    import_add_whole(im, script, &text);
}

static void take_updown(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_name parsed;
  if (!import_ends_with(name, ".sql"))
    return;
  if (!import_ends_with(name, ".up.sql") && !import_ends_with(name, ".down.sql"))
    import_problem(im, path, 0, 0, "is neither .up.sql nor .down.sql; keep it out of the folder");
  else if (!import_parse(im, &updown, name, &parsed))
    import_problem(im, path, 0, 0, "its name is not like V0001.Name.up.sql or 0001_name.up.sql");
  else
    add(im, source, path, &parsed);
}

static void take_golang(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_name parsed;
  if (import_parse(im, &golang_migrate, name, &parsed) && parsed.part != IMPORT_WHOLE)
    add(im, source, path, &parsed);
  else
    import_other(im, &golang_migrate, path, name);
}

static int read_updown(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take_updown, e);
}

static int read_golang(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take_golang, e);
}

const struct importer import_updown = {
    .name = "updown",
    .looks = "V0001.Name.up.sql, V0001.Name.down.sql, or 0001_name.up.sql",
    .read = read_updown,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};

const struct importer import_golang_migrate = {
    .name = "golang-migrate",
    .looks = "000001_create_users.up.sql, 000001_create_users.down.sql",
    .read = read_golang,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};
