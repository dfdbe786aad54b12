/* migd's own schema is migrated as every target is: by the walk. */
#include "server/engine/selfstore.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"
#include "server/base/embedded.h"
#include "server/engine/walk.h"

static int load(struct catalog *out, struct arena *arena, struct err *e) {
  size_t count = 0;
  while (store_catalog_files[count].name)
    count++;
  struct catalog_file *files = ARENA_ARRAY(arena, struct catalog_file, count);
  for (size_t i = 0; i < count; i++)
    files[i] = (struct catalog_file){store_catalog_files[i].name, store_catalog_files[i].bytes,
                                     store_catalog_files[i].len};
  struct problems problems = {.arena = arena};
  if (catalog_build(out, files, count, arena, &problems))
    return err_set(e, ERR_INTERNAL, "the embedded store catalog is broken: %s:%u: %s",
                   problems.items[0].file, problems.items[0].line, problems.items[0].message);
  return 0;
}

/* A revision in the ledger that is not embedded was put there by a newer program. */
static int check_newer(const struct catalog *c, const struct ledger_state *ledger, struct err *e) {
  for (size_t i = 0; i < ledger->row_count; i++)
    if (catalog_find(c, ledger->rows[i]) < 0) {
      err_set(e, ERR_REFUSED,
              "the store is at revision %s, which this program does not know: it is newer",
              ledger->rows[i]);
      return err_hint(e, "start the migd that made it, or a later one");
    }
  return 0;
}

int selfstore_migrate(const char *path, int create, char revision[65], struct log *log,
                      struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  struct catalog catalog;
  struct db_url url;
  char text[1100];
  snprintf(text, sizeof text, "sqlite:%s", path);
  if (load(&catalog, &arena, e) || db_url_parse(text, &url, e))
    return -1;
  const char *head[] = {"head"};
  struct walk w = {
      .target = "store",
      .options = {.url = &url, .create = create, .wal = true, .lock_timeout_ms = 10000},
      .catalog = &catalog,
      .request = {.operation = OP_UPGRADE,
                  .dialect = DIALECT_SQLITE,
                  .revisions = head,
                  .revision_count = 1},
      .store_id = "store",
      .principal = "migd",
      .run = clock_wall_us(), /* unlike any before: tells this run's entries from older ones */
      .arena = &arena,
      .log = log,
  };
  if (walk_to(&w, WALK_LEDGER, e) || check_newer(&catalog, &w.ledger, e) ||
      walk_to(&w, WALK_APPLY, e))
    return -1;
  if (revision)
    snprintf(revision, 65, "%s", w.ledger.row_count ? w.ledger.rows[0] : "");
  return 0;
}
