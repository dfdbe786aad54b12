/* Catalogs as they are stored: file contents by their hash, versions by their digest, immutable; a
 * catalog's name points to its current version. */
#ifndef MIGD_STORE_BUNDLE_H
#define MIGD_STORE_BUNDLE_H

#include "server/catalog/catalog.h"
#include "server/db/db.h"

struct bundle_info {
  const char *name; /* of the catalog */
  const char *digest;
  const char *const *heads;
  size_t head_count;
  unsigned revisions;
  unsigned targets;
  int64_t pushed_at; /* wall, microseconds */
  const char *pushed_by;
  /* A database without a ledger that has this table is at this revision; "": no such rule. */
  const char *adopt_table, *adopt_revision;
  const void *lint_policy; /* packed migd.v1.LintPolicy; NULL: nothing was said */
  size_t lint_policy_len;
  unsigned dialects; /* of its targets */
};

/* `[a-z0-9][a-z0-9._-]{0,62}`. */
bool bundle_name_valid(const char *name);
/* All catalogs by name, in the arena. */
int bundle_list(struct db *db, struct arena *arena, struct bundle_info **out, size_t *count,
                struct err *e);
/* One catalog; an empty name is the only one there is. ERR_NOT_FOUND names the nearest; ERR_INPUT
 * when the name is left out and there are several. */
int bundle_get(struct db *db, const char *name, struct arena *arena, struct bundle_info *out,
               struct err *e);
/* The files of a stored version by name, original bytes, checked against the digest. ERR_BUSY when
 * they are more than the arena's limit. */
int bundle_files(struct db *db, const char *digest, struct arena *arena, struct catalog_file **out,
                 size_t *count, struct err *e);
/* Stores a version and points the catalog to it; nothing changes when it points to it already.
 * `expected`: the digest it must point to now ("" for a catalog that must not exist yet), NULL for
 * any; ERR_CONFLICT otherwise. Inside store_write. */
int bundle_put(struct db *db, const char *name, const char *expected, const struct catalog *catalog,
               const struct catalog_file *files, size_t count, const char *by, struct err *e);

/* Sets what the lint rules may say, packed. Inside store_write. */
int bundle_set_lint_policy(struct db *db, const char *name, const void *packed, size_t len,
                           struct err *e);
/* Sets the rule of a catalog that is there; "" and "" clears it. Inside store_write. */
int bundle_set_rule(struct db *db, const char *name, const char *table, const char *revision,
                    struct err *e);

#endif
