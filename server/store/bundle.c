/* Catalogs in the store. A version's rows are written once and never changed; equal files share
 * their bytes. What is read is checked against its digest: it is SQL that will be run.
 */
#include "server/store/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/digest.h"
#include "server/store/row.h"

#define INFO_SQL                                                                                   \
  "SELECT c.name, c.digest, b.heads, b.revisions,"                                                 \
  " (SELECT COUNT(*) FROM target t WHERE t.catalog = c.name), c.pushed_at, c.pushed_by,"           \
  " c.adopt_table, c.adopt_revision, c.lint_policy," /* They are bits: the sum of the different    \
                                                        ones is their set. */                      \
  " (SELECT SUM(DISTINCT t.dialect) FROM target t WHERE t.catalog = c.name)"                       \
  " FROM catalog c JOIN bundle b ON b.digest = c.digest"
#define NAMES_SQL "SELECT name FROM catalog ORDER BY name"

bool bundle_name_valid(const char *name) {
  return slug_valid(name);
}

struct infos {
  struct arena *arena;
  struct bundle_info *items;
  size_t count, capacity;
};

static int take_info(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct infos *infos = ctx;
  struct bundle_info *info;
  const char **heads;
  (void)count, (void)e;
  if (infos->count == infos->capacity) {
    size_t capacity = infos->capacity ? infos->capacity * 2 : 16;
    struct bundle_info *items = ARENA_ARRAY(infos->arena, struct bundle_info, capacity);
    if (infos->count)
      memcpy(items, infos->items, infos->count * sizeof *items);
    infos->items = items;
    infos->capacity = capacity;
  }
  info = &infos->items[infos->count++];
  info->name = row_string(infos->arena, &v[0]);
  info->digest = row_string(infos->arena, &v[1]);
  list_read(infos->arena, &v[2], &heads, &info->head_count);
  info->heads = heads;
  info->revisions = (unsigned)v[3].i;
  info->targets = (unsigned)v[4].i;
  info->pushed_at = v[5].i;
  info->pushed_by = row_string(infos->arena, &v[6]);
  info->adopt_table = row_string(infos->arena, &v[7]);
  info->adopt_revision = row_string(infos->arena, &v[8]);
  info->lint_policy = row_bytes(infos->arena, &v[9], &info->lint_policy_len);
  info->dialects = v[10].type == DB_INT ? (unsigned)v[10].i : 0;
  return 0;
}

int bundle_list(struct db *db, struct arena *arena, struct bundle_info **out, size_t *count,
                struct err *e) {
  struct infos infos = {.arena = arena};
  if (row_each(db, INFO_SQL " ORDER BY c.name", NO_PARAMS, take_info, &infos, e))
    return -1;
  *out = infos.items;
  *count = infos.count;
  return 0;
}

/* The name was left out. */
static int only_one(struct db *db, struct arena *arena, struct bundle_info *out, struct err *e) {
  struct buf names BUF_SCOPED = BUF_INIT;
  struct bundle_info *all = NULL;
  size_t count = 0;
  if (bundle_list(db, arena, &all, &count, e))
    return -1;
  if (count == 0) {
    err_set(e, ERR_NOT_FOUND, "there is no catalog yet");
    return err_hint(e, "push one: migctl catalog push DIR -c NAME");
  }
  if (count == 1) {
    *out = all[0];
    return 0;
  }
  for (size_t i = 0; i < count && i < 10; i++)
    buf_addf(&names, "%s%s", i ? ", " : "", all[i].name);
  err_set(e, ERR_INPUT, "there are several catalogs (%s%s)", buf_str(&names),
          count > 10 ? ", ..." : "");
  return err_hint(e, "name one with -c NAME");
}

int bundle_get(struct db *db, const char *name, struct arena *arena, struct bundle_info *out,
               struct err *e) {
  struct infos infos = {.arena = arena};
  if (name[0] == '\0')
    return only_one(db, arena, out, e);
  if (row_each(db, INFO_SQL " WHERE c.name = $1", PARAMS(db_text(name)), take_info, &infos, e))
    return -1;
  if (infos.count == 0)
    return not_found(db, NAMES_SQL, "catalog", name, e);
  *out = infos.items[0];
  return 0;
}

struct files {
  struct arena *arena;
  struct catalog_file *items;
  size_t count, capacity;
};

static int take_file(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct files *files = ctx;
  (void)count;
  if (files->count == files->capacity)
    return err_set(e, ERR_STORAGE, "store: a catalog has more files than it had just now");
  char *bytes = arena_try(files->arena, v[1].len + 1, 1);
  if (!bytes)
    return err_set(e, ERR_BUSY, "the catalog is larger than the memory that is allowed for it");
  if (v[1].len)
    memcpy(bytes, v[1].s, v[1].len);
  files->items[files->count++] =
      (struct catalog_file){row_string(files->arena, &v[0]), bytes, v[1].len};
  return 0;
}

int bundle_files(struct db *db, const char *digest, struct arena *arena, struct catalog_file **out,
                 size_t *count, struct err *e) {
  struct files files = {.arena = arena};
  char actual[DIGEST_TEXT];
  int64_t n = 0;
  bool found = false;
  if (row_int(db,
              "SELECT (SELECT COUNT(*) FROM bundle_file f WHERE f.digest = b.digest)"
              " FROM bundle b WHERE b.digest = $1",
              PARAMS(db_text(digest)), &n, &found, e))
    return -1;
  if (!found)
    return err_set(e, ERR_NOT_FOUND, "there is no version %s of any catalog", digest);
  files.capacity = (size_t)n;
  files.items = ARENA_ARRAY(arena, struct catalog_file, files.capacity + 1);
  if (row_each(db,
               "SELECT f.name, x.bytes FROM bundle_file f JOIN content x ON x.hash = f.hash"
               " WHERE f.digest = $1 ORDER BY f.name",
               PARAMS(db_text(digest)), take_file, &files, e))
    return -1;
  catalog_digest(files.items, files.count, actual);
  if (strcmp(actual, digest) != 0)
    return err_set(e, ERR_STORAGE, "the stored catalog %s is damaged: its files give %s", digest,
                   actual);
  *out = files.items;
  *count = files.count;
  return 0;
}

static int store_file(struct db *db, const char *digest, const struct catalog_file *file,
                      struct err *e) {
  char hash[DIGEST_TEXT];
  digest_of(file->bytes, file->len, hash);
  if (row_change(db, "INSERT INTO content (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                 PARAMS(db_text(hash), db_blob(file->bytes, file->len)), NULL, e))
    return -1;
  return row_change(db, "INSERT INTO bundle_file (digest, name, hash) VALUES ($1, $2, $3)",
                    PARAMS(db_text(digest), db_text(file->name), db_text(hash)), NULL, e);
}

/* Does nothing when the version is stored already. */
static int store_version(struct db *db, const struct catalog *catalog,
                         const struct catalog_file *files, size_t count, struct err *e) {
  struct buf heads BUF_SCOPED = BUF_INIT;
  int64_t inserted = 0;
  for (size_t i = 0; i < catalog->heads.count; i++)
    list_write(&heads, (const char *const[]){catalog->revisions[catalog->heads.items[i]].id}, 1);
  if (row_change(db,
                 "INSERT INTO bundle (digest, heads, revisions) VALUES ($1, $2, $3)"
                 " ON CONFLICT DO NOTHING",
                 PARAMS(db_text(catalog->digest), db_textn(buf_str(&heads), heads.len),
                        db_int((int64_t)catalog->count)),
                 &inserted, e))
    return -1;
  for (size_t i = 0; i < count && inserted; i++)
    if (store_file(db, catalog->digest, &files[i], e))
      return -1;
  return 0;
}

static int check_expected(const char *name, const char *expected, const char *current,
                          struct err *e) {
  if (!expected || strcmp(expected, current) == 0)
    return 0;
  if (current[0] == '\0')
    err_set(e, ERR_CONFLICT, "the catalog \"%s\" does not exist any more", name);
  else if (expected[0] == '\0')
    err_set(e, ERR_CONFLICT, "the catalog \"%s\" exists: somebody else pushed it first", name);
  else
    err_set(e, ERR_CONFLICT, "the catalog \"%s\" was pushed by somebody else: it is at %s now",
            name, current);
  return err_hint(e, "look at what was pushed, then push again");
}

int bundle_put(struct db *db, const char *name, const char *expected, const struct catalog *catalog,
               const struct catalog_file *files, size_t count, const char *by, struct err *e) {
  struct arena arena;
  char *current = NULL;
  if (!slug_valid(name))
    return err_set(e, ERR_INPUT,
                   "\"%s\" cannot be a catalog's name: up to 63 of a-z 0-9 . _ -, beginning with "
                   "a letter or a digit",
                   name);
  arena_init(&arena, 0);
  int rc = row_text(db, "SELECT digest FROM catalog WHERE name = $1", PARAMS(db_text(name)), &arena,
                    &current, e);
  if (rc == 0)
    rc = check_expected(name, expected, current ? current : "", e);
  bool same = rc == 0 && current && strcmp(current, catalog->digest) == 0;
  arena_release(&arena);
  if (rc || same)
    return rc;
  if (store_version(db, catalog, files, count, e))
    return -1;
  return row_change(
      db,
      "INSERT INTO catalog (name, digest, pushed_at, pushed_by)"
      " VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE SET"
      " digest = excluded.digest, pushed_at = excluded.pushed_at,"
      " pushed_by = excluded.pushed_by",
      PARAMS(db_text(name), db_text(catalog->digest), db_int(clock_wall_us()), db_text(by)), NULL,
      e);
}

int bundle_set_lint_policy(struct db *db, const char *name, const void *packed, size_t len,
                           struct err *e) {
  return row_change(db, "UPDATE catalog SET lint_policy = $2 WHERE name = $1",
                    PARAMS(db_text(name), db_blob(packed, len)), NULL, e);
}

int bundle_set_rule(struct db *db, const char *name, const char *table, const char *revision,
                    struct err *e) {
  return row_change(db, "UPDATE catalog SET adopt_table = $2, adopt_revision = $3 WHERE name = $1",
                    PARAMS(db_text(name), db_text(table), db_text(revision)), NULL, e);
}
