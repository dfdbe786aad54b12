/* Refinery's files: `V1__create_users.sql`; `U2__name.sql` is one that may run out of order, no way
 * down. Refinery stores the number, and they run in its order.
 */
#include "client/import_text.h"

static const struct import_pattern pattern = {
    .prefixes = "VU", .version = "0123456789", .separators = "_", .separator = 2};

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_text text;
  struct import_name parsed;
  if (!import_parse(im, &pattern, name, &parsed)) {
    import_other(im, &pattern, path, name);
    return;
  }
  struct import_script script = import_script_of(im, source, &parsed);
  script.down = false;
  if (import_load(im, path, &text))
    import_add_whole(im, script, &text);
}

static int read_refinery(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, true, take, e);
}

const struct importer import_refinery = {
    .name = "refinery",
    .looks = "V1__create_users.sql",
    .carries = "files in Rust are left out",
    .read = read_refinery,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};
