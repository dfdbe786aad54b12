/* Changing targets. Everything here runs on the store's one writer, so that looking first and
 * writing then is safe: what could offend a constraint is refused with words before it does.
 */
#include "server/store/target.h"

#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/digest.h"
#include "server/store/row.h"
#include "server/store/selector.h"
#include "server/store/variable.h"

static int check_label(const struct label *label, struct err *e) {
  if (label_valid(label))
    return 0;
  err_set(e, ERR_INPUT, "\"%.100s=%.100s\" cannot be a label", label->key, label->value);
  return err_hint(e, "a key is up to 63 of a-z 0-9 . _ / -, beginning with a letter or a digit; a "
                     "value up to 63 characters without white space, quotes and any of , ( ) = !");
}

static int check_words(const struct target *t, struct err *e) {
  if (!target_name_valid(t->name))
    return err_set(e, ERR_INPUT,
                   "\"%.100s\" cannot be a target's name: up to 100 of A-Z a-z 0-9 _ . -, not "
                   "beginning with - or .",
                   t->name);
  for (size_t i = 0; i < t->label_count; i++) {
    if (check_label(&t->labels[i], e))
      return -1;
    for (size_t j = 0; j < i; j++)
      if (strcmp(t->labels[i].key, t->labels[j].key) == 0)
        return err_set(e, ERR_INPUT, "the label \"%s\" is given twice", t->labels[i].key);
  }
  return 0;
}

/* Another target than `id` that this statement finds by `text`: its name in the arena, or NULL. */
static int find_other(struct db *db, const char *sql, const char *text, int64_t id,
                      struct arena *arena, char **out, struct err *e) {
  return row_text(db, sql, PARAMS(db_text(text), db_int(id)), arena, out, e);
}

static int check_unique(struct db *db, const struct target *t, const char *place,
                        struct arena *arena, struct err *e) {
  char *other = NULL;
  if (find_other(db, "SELECT name FROM target WHERE name = $1 AND id <> $2", t->name, t->id, arena,
                 &other, e))
    return -1;
  if (other)
    return err_set(e, ERR_EXISTS, "there is a target \"%s\" already", other);
  if (find_other(db, "SELECT name FROM target WHERE place = $1 AND id <> $2", place, t->id, arena,
                 &other, e))
    return -1;
  if (other)
    return err_set(e, ERR_EXISTS, "that database is registered already, as \"%s\"", other);
  return 0;
}

static int check_target(struct db *db, const struct target *t, const char *place, struct err *e) {
  struct arena arena;
  int64_t catalogs = 0;
  if (check_words(t, e))
    return -1;
  arena_init(&arena, 0);
  int rc = check_unique(db, t, place, &arena, e);
  arena_release(&arena);
  if (rc || row_int(db, "SELECT COUNT(*) FROM catalog WHERE name = $1", PARAMS(db_text(t->catalog)),
                    &catalogs, NULL, e))
    return -1;
  if (catalogs)
    return 0;
  return not_found(db, "SELECT name FROM catalog ORDER BY name", "catalog", t->catalog, e);
}

static int write_labels(struct db *db, int64_t id, const struct label *labels, size_t count,
                        struct err *e) {
  if (row_change(db, "DELETE FROM target_label WHERE target_id = $1", PARAMS(db_int(id)), NULL, e))
    return -1;
  for (size_t i = 0; i < count; i++)
    if (row_change(db,
                   "INSERT INTO target_label (target_id, label_key, label_value)"
                   " VALUES ($1, $2, $3)",
                   PARAMS(db_int(id), db_text(labels[i].key), db_text(labels[i].value)), NULL, e))
      return -1;
  return 0;
}

int target_add(struct db *db, const struct target *t, const char *place, int64_t *id,
               struct err *e) {
  struct target fresh = *t;
  fresh.id = 0; /* nobody's yet */
  if (check_target(db, &fresh, place, e) || counter_next(db, "target", &fresh.id, e))
    return -1;
  if (row_change(db,
                 "INSERT INTO target (id, name, url, place, catalog, dialect, lock_timeout_ms,"
                 " statement_timeout_ms, allow_superuser, added_at, idle_timeout_ms, lock_retry_ms)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                 PARAMS(db_int(fresh.id), db_text(t->name), db_text(t->url), db_text(place),
                        db_text(t->catalog), db_int(t->dialect), db_int(t->policy.lock_timeout_ms),
                        db_int(t->policy.statement_timeout_ms), db_int(t->policy.allow_superuser),
                        db_int(clock_wall_us()), db_int(t->policy.idle_timeout_ms),
                        db_int(t->policy.lock_retry_ms)),
                 NULL, e) ||
      write_labels(db, fresh.id, t->labels, t->label_count, e))
    return -1;
  *id = fresh.id;
  return 0;
}

/* At another place is another database: what was seen at the old one says nothing about it. */
static int forget_seen(struct db *db, int64_t id, const char *place, struct err *e) {
  return row_change(db,
                    "UPDATE target SET seen_at = 0, current_rows = NULL, last_run = 0,"
                    " last_state = 0, last_error = NULL WHERE id = $1 AND place <> $2",
                    PARAMS(db_int(id), db_text(place)), NULL, e);
}

int target_update(struct db *db, const struct target *t, const char *place, struct err *e) {
  int64_t changed = 0;
  if (check_target(db, t, place, e) || forget_seen(db, t->id, place, e))
    return -1;
  if (row_change(db,
                 "UPDATE target SET name = $2, url = $3, place = $4, catalog = $5, dialect = $6,"
                 " lock_timeout_ms = $7, statement_timeout_ms = $8, allow_superuser = $9,"
                 " idle_timeout_ms = $10, lock_retry_ms = $11 WHERE id = $1",
                 PARAMS(db_int(t->id), db_text(t->name), db_text(t->url), db_text(place),
                        db_text(t->catalog), db_int(t->dialect), db_int(t->policy.lock_timeout_ms),
                        db_int(t->policy.statement_timeout_ms), db_int(t->policy.allow_superuser),
                        db_int(t->policy.idle_timeout_ms), db_int(t->policy.lock_retry_ms)),
                 &changed, e))
    return -1;
  if (changed == 0)
    return err_set(e, ERR_NOT_FOUND, "the target \"%s\" does not exist any more", t->name);
  return write_labels(db, t->id, t->labels, t->label_count, e);
}

int target_remove(struct db *db, const char *name, struct err *e) {
  int64_t id = 0, locked = 0;
  bool found = false;
  if (row_int(db, "SELECT id FROM target WHERE name = $1", PARAMS(db_text(name)), &id, &found, e))
    return -1;
  if (!found)
    return not_found(db, "SELECT name FROM target ORDER BY name", "target", name, e);
  if (row_int(db,
              "SELECT COUNT(*) FROM target_lock WHERE target_id = $1"
              " AND (expires = 0 OR expires > $2)",
              PARAMS(db_int(id), db_int(clock_wall_us())), &locked, NULL, e))
    return -1;
  if (locked) {
    err_set(e, ERR_LOCKED, "the target \"%s\" is locked", name);
    return err_hint(e, "migctl locks says by whom");
  }
  const struct variable_owner owner = {.target = id};
  if (variable_forget(db, &owner, e) ||
      row_change(db, "DELETE FROM target_lock WHERE target_id = $1", PARAMS(db_int(id)), NULL, e) ||
      row_change(db, "DELETE FROM target_label WHERE target_id = $1", PARAMS(db_int(id)), NULL, e))
    return -1;
  return row_change(db, "DELETE FROM target WHERE id = $1", PARAMS(db_int(id)), NULL, e);
}

int target_seen(struct db *db, int64_t id, const char *const *current, size_t count,
                int64_t taken_at, struct err *e) {
  struct buf rows BUF_SCOPED = BUF_INIT;
  list_write(&rows, current, count);
  return row_change(db,
                    "UPDATE target SET current_rows = $2, seen_at = $3"
                    " WHERE id = $1 AND seen_at <= $3",
                    PARAMS(db_int(id), db_textn(buf_str(&rows), rows.len), db_int(taken_at)), NULL,
                    e);
}

/* Passwords. */

static void secret_context(char out[64], int64_t id) {
  snprintf(out, 64, "target/%lld/password", (long long)id);
}

int target_set_password(struct db *db, const struct keyring *keys, int64_t id, const char *password,
                        struct err *e) {
  struct buf sealed BUF_SCOPED = BUF_INIT;
  char context[64];
  int64_t changed = 0;
  secret_context(context, id);
  if (password && secret_seal(keys, context, password, strlen(password), &sealed, e))
    return -1;
  if (row_change(db, "UPDATE target SET password = $2 WHERE id = $1",
                 PARAMS(db_int(id), password ? db_blob(sealed.s, sealed.len) : db_null()), &changed,
                 e))
    return -1;
  return changed ? 0 : err_set(e, ERR_NOT_FOUND, "the target does not exist any more");
}

struct sealed {
  struct buf bytes;
  bool found, stored;
};

static int take_sealed(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct sealed *sealed = ctx;
  (void)count, (void)e;
  sealed->found = true;
  sealed->stored = v[0].type != DB_NULL;
  if (sealed->stored)
    buf_add(&sealed->bytes, v[0].s, v[0].len);
  return 0;
}

int target_password(struct db *db, const struct keyring *keys, int64_t id, char **out,
                    struct err *e) {
  struct sealed sealed = {BUF_INIT, false, false};
  struct buf plain = BUF_INIT;
  char context[64];
  secret_context(context, id);
  int rc = row_each(db, "SELECT password FROM target WHERE id = $1", PARAMS(db_int(id)),
                    take_sealed, &sealed, e);
  if (rc == 0 && !sealed.found)
    rc = err_set(e, ERR_NOT_FOUND, "the target does not exist any more");
  if (rc == 0 && sealed.stored)
    rc = secret_open(keys, context, sealed.bytes.s, sealed.bytes.len, &plain, e);
  buf_release(&sealed.bytes);
  if (rc == 0)
    *out = sealed.stored ? buf_steal(&plain) : NULL;
  return rc;
}

int target_set_ca_certificate(struct db *db, int64_t id, const char *pem, struct err *e) {
  int64_t changed = 0;
  if (row_change(db, "UPDATE target SET ca_certificate = $2 WHERE id = $1",
                 PARAMS(db_int(id), db_text(pem ? pem : "")), &changed, e))
    return -1;
  return changed ? 0 : err_set(e, ERR_NOT_FOUND, "the target does not exist any more");
}

int target_ca_certificate(struct db *db, int64_t id, struct arena *arena, const char **out,
                          struct err *e) {
  char *pem = NULL;
  if (row_text(db, "SELECT ca_certificate FROM target WHERE id = $1", PARAMS(db_int(id)), arena,
               &pem, e))
    return -1;
  *out = pem && pem[0] ? pem : NULL;
  return 0;
}
