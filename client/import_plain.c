/* Plain numbered files, `0001_name.sql`: no tool's, or a shell script's. They run in the order of
 * their numbers, and there is no way down.
 */
#include "client/import_text.h"

static const struct import_pattern pattern = {.prefixes = "Vv",
                                              .may_lack = true,
                                              .version = "0123456789",
                                              .separators = "._-",
                                              .separator = 1};

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_text text;
  struct import_name parsed;
  if (!import_parse(im, &pattern, name, &parsed)) {
    import_other(im, &pattern, path, name);
    return;
  }
  struct import_script script = import_script_of(im, source, &parsed);
  if (import_load(im, path, &text))
    import_add_whole(im, script, &text);
}

static int read_plain(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_plain = {
    .name = "plain",
    .looks = "0001_create_users.sql",
    .read = read_plain,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};
