/* sqlx's files: `20240131120000_create_users.sql`, or one a direction with `.up.sql` and
 * `.down.sql`. What begins with `-- no-transaction` runs without one.
 */
#include "client/import_text.h"

#include <string.h>

static const struct import_pattern pattern = {
    .version = "0123456789", .separators = "_", .separator = 1};

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  static const char off[] = "-- no-transaction";
  struct import_text text;
  struct import_name parsed;
  if (!import_parse(im, &pattern, name, &parsed)) {
    import_other(im, &pattern, path, name);
    return;
  }
  struct import_script script = import_script_of(im, source, &parsed);
  if (!import_load(im, path, &text))
    return;
  script.transaction = strncmp(text.s, off, sizeof off - 1) != 0;
  import_add_whole(im, script, &text);
}

static int read_sqlx(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_sqlx = {
    .name = "sqlx",
    .looks = "20240131120000_create_users.sql, or .up.sql and .down.sql",
    .carries = "-- no-transaction becomes transaction=off",
    .read = read_sqlx,
    .order = IMPORT_SORTED,
    .compare = import_by_number,
};
