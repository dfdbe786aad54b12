/* See variable.h. A row is plain or sealed. What is read for a walk is in memory of its own, not in
 * an arena, so that it is wiped when the walk is over.
 */
#include "server/store/variable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/utf8.h"
#include "server/base/digest.h"
#include "server/store/row.h"

/* The first two columns of the table. */
struct owner_key {
  const char *kind, *owner;
  char id[24];
};

static void owner_key(const struct variable_owner *o, struct owner_key *out) {
  snprintf(out->id, sizeof out->id, "%" PRId64, o->target);
  out->kind = o->catalog ? "catalog" : "target";
  out->owner = o->catalog ? o->catalog : out->id;
}

/* A sealed value opens only where it was sealed. */
static void seal_context(const struct owner_key *key, const char *name, struct buf *out) {
  buf_addf(out, "variable/%s/%s/%s", key->kind, key->owner, name);
}

/* ---- changing ---- */

static int check_one(const struct variable *v, struct err *e) {
  size_t len = strlen(v->value);
  if (!variable_name_valid(v->name, strlen(v->name)))
    return err_set(e, ERR_INPUT,
                   "\"%.80s\" is no name of a variable: up to %d of a-z 0-9 _, not beginning with "
                   "a digit",
                   v->name, VARIABLE_NAME_MAX);
  if (strcmp(v->name, VARIABLE_BATCH) == 0)
    return err_set(e, ERR_INPUT,
                   "${" VARIABLE_BATCH "} is the number of rows of a section with batch=: choose "
                   "another name");
  if (len > VARIABLE_VALUE_MAX)
    return err_set(e, ERR_INPUT, "the value of %s is longer than %d bytes", v->name,
                   VARIABLE_VALUE_MAX);
  if (!utf8_valid(v->value, len))
    return err_set(e, ERR_INPUT, "the value of %s is not UTF-8", v->name);
  return 0;
}

/* Twice in what is set, or set and removed. */
static bool is_twice(const struct variable_change *c, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(c->set[k].name, c->set[i].name) == 0)
      return true;
  for (size_t k = 0; k < c->remove_count; k++)
    if (strcmp(c->remove[k], c->set[i].name) == 0)
      return true;
  return false;
}

int variable_change_check(const struct variable_change *c, struct err *e) {
  if (c->set_count > VARIABLES_MAX || c->remove_count > VARIABLES_MAX)
    return err_set(e, ERR_INPUT, "at most %d variables at once", VARIABLES_MAX);
  for (size_t i = 0; i < c->set_count; i++) {
    if (check_one(&c->set[i], e))
      return -1;
    if (is_twice(c, i))
      return err_set(e, ERR_INPUT, "the variable %s is given twice", c->set[i].name);
  }
  return 0;
}

static int write_one(struct db *db, const struct keyring *keys, const struct owner_key *key,
                     const struct variable *v, struct err *e) {
  struct buf sealed BUF_SCOPED = BUF_INIT, context BUF_SCOPED = BUF_INIT;
  seal_context(key, v->name, &context);
  if (v->secret && secret_seal(keys, buf_str(&context), v->value, strlen(v->value), &sealed, e))
    return -1;
  return row_change(
      db,
      "INSERT INTO variable (owner_kind, owner, name, plain, sealed) VALUES ($1, $2, $3, $4, $5)"
      " ON CONFLICT (owner_kind, owner, name) DO UPDATE SET plain = excluded.plain,"
      " sealed = excluded.sealed",
      PARAMS(db_text(key->kind), db_text(key->owner), db_text(v->name),
             v->secret ? db_null() : db_text(v->value),
             v->secret ? db_blob(sealed.s, sealed.len) : db_null()),
      NULL, e);
}

static int remove_one(struct db *db, const struct owner_key *key, const char *name, struct err *e) {
  int64_t removed = 0;
  if (row_change(db, "DELETE FROM variable WHERE owner_kind = $1 AND owner = $2 AND name = $3",
                 PARAMS(db_text(key->kind), db_text(key->owner), db_text(name)), &removed, e))
    return -1;
  return removed ? 0 : err_set(e, ERR_NOT_FOUND, "there is no variable \"%.80s\"", name);
}

static int check_count(struct db *db, const struct owner_key *key, struct err *e) {
  int64_t count = 0;
  if (row_int(db, "SELECT COUNT(*) FROM variable WHERE owner_kind = $1 AND owner = $2",
              PARAMS(db_text(key->kind), db_text(key->owner)), &count, NULL, e))
    return -1;
  return count <= VARIABLES_MAX
             ? 0
             : err_set(e, ERR_INPUT, "a %s has at most %d variables", key->kind, VARIABLES_MAX);
}

int variable_change(struct db *db, const struct keyring *keys, const struct variable_owner *owner,
                    const struct variable_change *c, struct err *e) {
  struct owner_key key;
  owner_key(owner, &key);
  if (variable_change_check(c, e))
    return -1;
  for (size_t i = 0; i < c->set_count; i++)
    if (write_one(db, keys, &key, &c->set[i], e))
      return -1;
  for (size_t i = 0; i < c->remove_count; i++)
    if (remove_one(db, &key, c->remove[i], e))
      return -1;
  return c->set_count ? check_count(db, &key, e) : 0;
}

int variable_forget(struct db *db, const struct variable_owner *owner, struct err *e) {
  struct owner_key key;
  owner_key(owner, &key);
  return row_change(db, "DELETE FROM variable WHERE owner_kind = $1 AND owner = $2",
                    PARAMS(db_text(key.kind), db_text(key.owner)), NULL, e);
}

/* ---- reading ---- */

#define LIST_SQL                                                                                   \
  "SELECT name, plain, sealed FROM variable WHERE owner_kind = $1 AND owner = $2 ORDER BY name"

struct listing {
  struct arena *arena;
  struct variable *items;
  size_t count;
};

static int take_listed(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct listing *l = ctx;
  (void)count;
  if (l->count == VARIABLES_MAX)
    return err_set(e, ERR_STORAGE, "store: there are more variables than there can be");
  bool secret = v[1].type == DB_NULL;
  l->items[l->count++] = (struct variable){row_string(l->arena, &v[0]),
                                           secret ? NULL : row_string(l->arena, &v[1]), secret};
  return 0;
}

int variable_list(struct db *db, const struct variable_owner *owner, struct arena *arena,
                  struct variables *out, struct err *e) {
  struct owner_key key;
  struct listing l = {arena, ARENA_ARRAY(arena, struct variable, VARIABLES_MAX), 0};
  owner_key(owner, &key);
  if (row_each(db, LIST_SQL, PARAMS(db_text(key.kind), db_text(key.owner)), take_listed, &l, e))
    return -1;
  *out = (struct variables){.items = l.items, .count = l.count};
  return 0;
}

struct opening {
  const struct keyring *keys;
  struct owner_key key;
  struct variables *out;
};

static int take_opened(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct opening *o = ctx;
  struct buf plain = BUF_INIT, context BUF_SCOPED = BUF_INIT;
  struct variable item = {v[0].s, v[1].s, v[1].type == DB_NULL};
  (void)count;
  if (item.secret && o->keys) {
    seal_context(&o->key, item.name, &context);
    if (secret_open(o->keys, buf_str(&context), v[2].s, v[2].len, &plain, e))
      return err_in(e, "the variable %s of the %s", item.name, o->key.kind);
    item.value = buf_str(&plain);
  }
  variables_put(o->out, &item);
  if (plain.s)
    wipe(plain.s, plain.len);
  buf_release(&plain);
  return 0;
}

static int read_owner(struct db *db, const struct keyring *keys, struct variable_owner owner,
                      struct variables *out, struct err *e) {
  struct opening o = {.keys = keys, .out = out};
  owner_key(&owner, &o.key);
  return row_each(db, LIST_SQL, PARAMS(db_text(o.key.kind), db_text(o.key.owner)), take_opened, &o,
                  e);
}

int variables_read(struct db *db, const struct keyring *keys, int64_t target, const char *catalog,
                   struct variables *out, struct err *e) {
  struct variables found = {0};
  if (read_owner(db, keys, (struct variable_owner){.catalog = catalog}, &found, e) ||
      (target && read_owner(db, keys, (struct variable_owner){.target = target}, &found, e))) {
    variables_release(&found);
    return -1;
  }
  *out = found;
  return 0;
}

static struct variable *items_of(struct variables *v) {
  return (struct variable *)(uintptr_t)v->items;
}

static void drop_value(struct variable *item) {
  char *value = (char *)(uintptr_t)item->value;
  if (value)
    wipe(value, strlen(value));
  free(value);
}

void variables_put(struct variables *v, const struct variable *item) {
  size_t at = 0;
  while (at < v->count && strcmp(v->items[at].name, item->name) < 0)
    at++;
  bool there = at < v->count && strcmp(v->items[at].name, item->name) == 0;
  struct variable *items = items_of(v);
  if (there) {
    drop_value(&items[at]);
  } else {
    items = xrealloc(items, (v->count + 1) * sizeof *items);
    memmove(&items[at + 1], &items[at], (v->count - at) * sizeof *items);
    items[at].name = xstrdup(item->name);
    v->items = items;
    v->count++;
  }
  items[at].value = item->value ? xstrdup(item->value) : NULL;
  items[at].secret = item->secret;
}

void variables_release(struct variables *v) {
  struct variable *items = items_of(v);
  for (size_t i = 0; i < v->count; i++) {
    drop_value(&items[i]);
    free((char *)(uintptr_t)items[i].name);
  }
  free(items);
  *v = (struct variables){0};
}
