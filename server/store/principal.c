/* Principals in the store, and what a certificate's URI says. A removed one keeps its row: its name
 * stays taken until it is added again.
 */
#include "server/store/principal.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/store/row.h"

static const char *const role_names[] = {
    [ROLE_NONE] = "none", [ROLE_VIEWER] = "viewer", [ROLE_ADMIN] = "admin"};

const char *role_name(enum role role) {
  return (unsigned)role <= ROLE_ADMIN ? role_names[role] : role_names[ROLE_NONE];
}

enum role role_parse(const char *name) {
  for (int role = ROLE_VIEWER; role <= ROLE_ADMIN; role++)
    if (strcmp(name, role_names[role]) == 0)
      return (enum role)role;
  return ROLE_NONE;
}

bool principal_name_valid(const char *name) {
  return slug_valid(name);
}

/* The name in `migd://STORE/user/NAME`, or NULL. */
static const char *name_in_uri(const char *store_id, const char *uri) {
  static const char scheme[] = "migd://", user[] = "/user/";
  size_t id_len = strlen(store_id);
  if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
    return NULL;
  uri += sizeof scheme - 1;
  if (strncmp(uri, store_id, id_len) != 0)
    return NULL;
  uri += id_len;
  if (strncmp(uri, user, sizeof user - 1) != 0)
    return NULL;
  uri += sizeof user - 1;
  return slug_valid(uri) ? uri : NULL;
}

struct role_column {
  enum role role;
};

static int take_role(void *ctx, const struct db_value *values, int count, struct err *e) {
  (void)count, (void)e;
  ((struct role_column *)ctx)->role = role_parse(values[0].type == DB_TEXT ? values[0].s : "");
  return 0;
}

int principal_of_uri(struct db *db, const char *store_id, const char *uri, struct principal *out,
                     struct err *e) {
  struct role_column found = {ROLE_NONE};
  const char *name = name_in_uri(store_id, uri);
  if (!name)
    return err_set(e, ERR_UNAUTHENTICATED, "the certificate names no user of this server");
  if (row_each(db, "SELECT role FROM principal WHERE name = $1 AND removed_at = 0",
               PARAMS(db_text(name)), take_role, &found, e))
    return -1;
  if (found.role == ROLE_NONE)
    return err_set(e, ERR_UNAUTHENTICATED, "this server knows no user \"%s\"", name);
  memcpy(out->name, name, strlen(name) + 1);
  out->role = found.role;
  return 0;
}

int principal_add(struct db *db, const char *name, enum role role, struct err *e) {
  int64_t present = 0;
  if (!slug_valid(name))
    return err_set(e, ERR_INPUT,
                   "\"%s\" cannot be a user's name: up to 63 of a-z 0-9 . _ -, beginning with a "
                   "letter or a digit",
                   name);
  if (role != ROLE_VIEWER && role != ROLE_ADMIN)
    return err_set(e, ERR_INPUT, "a user's role is viewer or admin");
  if (row_int(db, "SELECT COUNT(*) FROM principal WHERE name = $1 AND removed_at = 0",
              PARAMS(db_text(name)), &present, NULL, e))
    return -1;
  if (present)
    return err_set(e, ERR_EXISTS, "there is a user \"%s\" already", name);
  return row_change(db,
                    "INSERT INTO principal (name, role, added_at, removed_at)"
                    " VALUES ($1, $2, $3, 0)"
                    " ON CONFLICT (name) DO UPDATE SET role = excluded.role,"
                    " added_at = excluded.added_at, removed_at = 0",
                    PARAMS(db_text(name), db_text(role_name(role)), db_int(clock_wall_us())), NULL,
                    e);
}

int principal_remove(struct db *db, const char *name, struct err *e) {
  int64_t changed = 0;
  if (row_change(db, "UPDATE principal SET removed_at = $2 WHERE name = $1 AND removed_at = 0",
                 PARAMS(db_text(name), db_int(clock_wall_us())), &changed, e))
    return -1;
  if (changed)
    return 0;
  return not_found(db, "SELECT name FROM principal WHERE removed_at = 0 ORDER BY name", "user",
                   name, e);
}

struct each {
  int (*row)(void *ctx, const struct principal *p);
  void *ctx;
  bool stopped;
};

static int each_row(void *ctx, const struct db_value *values, int count, struct err *e) {
  struct each *each = ctx;
  struct principal p = {.role = role_parse(values[1].s)};
  (void)count;
  err_copy(p.name, sizeof p.name, values[0].s, values[0].len);
  if (each->row(each->ctx, &p) == 0)
    return 0;
  each->stopped = true;
  return err_set(e, ERR_CANCELLED, "stopped");
}

int principal_each(struct db *db, int (*row)(void *ctx, const struct principal *p), void *ctx,
                   struct err *e) {
  struct each each = {row, ctx, false};
  if (row_each(db, "SELECT name, role FROM principal WHERE removed_at = 0 ORDER BY name", NO_PARAMS,
               each_row, &each, e) == 0)
    return 0;
  if (!each.stopped)
    return -1;
  err_clear(e);
  return 0;
}
