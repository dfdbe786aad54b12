/* Statements of the store with parameters, rows into memory. Stateless: any thread that owns the
 * db. */
#include "server/store/row.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/nearest.h"

/* Drivers speak of a target; here the database is the server's own. */
static int storage_failed(struct err *e) {
  if (e->kind != ERR_MIGRATION && e->kind != ERR_TARGET && e->kind != ERR_LOCKED)
    return -1;
  e->kind = ERR_STORAGE;
  return err_in(e, "store");
}

static int run(struct db *db, const char *sql, const struct db_value *params, int count,
               db_row_fn *row, void *ctx, int64_t *changed, struct err *e) {
  struct db_statement statement = {sql, strlen(sql), params, count, DB_OURS | DB_REUSE};
  if (db->driver->exec(db, &statement, row, ctx, changed, NULL, e) == 0)
    return 0;
  return storage_failed(e);
}

int row_each(struct db *db, const char *sql, const struct db_value *params, int count,
             db_row_fn *row, void *ctx, struct err *e) {
  return run(db, sql, params, count, row, ctx, NULL, e);
}

int row_change(struct db *db, const char *sql, const struct db_value *params, int count,
               int64_t *changed, struct err *e) {
  return run(db, sql, params, count, NULL, NULL, changed, e);
}

struct one_int {
  int64_t value;
  bool found;
};

static int take_int(void *ctx, const struct db_value *values, int count, struct err *e) {
  struct one_int *one = ctx;
  (void)count, (void)e;
  if (!one->found)
    one->value = values[0].i;
  one->found = true;
  return 0;
}

int row_int(struct db *db, const char *sql, const struct db_value *params, int count, int64_t *out,
            bool *found, struct err *e) {
  struct one_int one = {0, false};
  if (run(db, sql, params, count, take_int, &one, NULL, e))
    return -1;
  if (one.found)
    *out = one.value;
  if (found)
    *found = one.found;
  return 0;
}

struct one_text {
  struct arena *arena;
  char *value;
  bool found;
};

static int take_text(void *ctx, const struct db_value *values, int count, struct err *e) {
  struct one_text *one = ctx;
  (void)count, (void)e;
  if (!one->found && values[0].type != DB_NULL)
    one->value = arena_strndup(one->arena, values[0].s, values[0].len);
  one->found = true;
  return 0;
}

int row_text(struct db *db, const char *sql, const struct db_value *params, int count,
             struct arena *arena, char **out, struct err *e) {
  struct one_text one = {arena, NULL, false};
  if (run(db, sql, params, count, take_text, &one, NULL, e))
    return -1;
  *out = one.value;
  return 0;
}

const char *row_string(struct arena *arena, const struct db_value *v) {
  return v->type == DB_TEXT && v->len ? arena_strndup(arena, v->s, v->len) : "";
}

const void *row_bytes(struct arena *arena, const struct db_value *v, size_t *len) {
  *len = 0;
  if (v->type != DB_BLOB && v->type != DB_TEXT)
    return NULL;
  *len = v->len;
  return arena_strndup(arena, v->len ? v->s : "", v->len);
}

void list_write(struct buf *out, const char *const *items, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (const char *c = items[i]; *c; c++) {
      if (*c == '\n' || *c == '\\')
        buf_addc(out, '\\');
      buf_addc(out, *c == '\n' ? 'n' : *c);
    }
    buf_addc(out, '\n');
  }
}

static const char *list_item(struct arena *arena, const char *s, size_t len) {
  char *item = arena_strndup(arena, s, len), *to = item;
  for (const char *from = item; *from; from++) {
    if (*from == '\\' && from[1]) {
      from++;
      *to++ = *from == 'n' ? '\n' : *from;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
  return item;
}

void list_read(struct arena *arena, const struct db_value *v, const char ***items, size_t *count) {
  *items = NULL;
  *count = 0;
  if (v->type != DB_TEXT)
    return;
  size_t n = 0;
  for (size_t i = 0; i < v->len; i++)
    n += v->s[i] == '\n';
  *items = ARENA_ARRAY(arena, const char *, n + 1);
  for (size_t start = 0; *count < n;) {
    const char *end = memchr(v->s + start, '\n', v->len - start);
    size_t len = (size_t)(end - v->s) - start;
    (*items)[(*count)++] = list_item(arena, v->s + start, len);
    start += len + 1;
  }
}

int counter_next(struct db *db, const char *name, int64_t *out, struct err *e) {
  bool found;
  if (row_int(db, "UPDATE counter SET value = value + 1 WHERE name = $1 RETURNING value",
              PARAMS(db_text(name)), out, &found, e))
    return -1;
  return found ? 0 : err_set(e, ERR_STORAGE, "store: the counter \"%s\" is missing", name);
}

struct names {
  struct arena *arena;
  const char **items;
  size_t count, capacity;
};

static int take_name(void *ctx, const struct db_value *values, int count, struct err *e) {
  struct names *names = ctx;
  (void)count, (void)e;
  if (names->count == names->capacity) {
    names->capacity = names->capacity ? names->capacity * 2 : 64;
    names->items = xrealloc(names->items, names->capacity * sizeof *names->items);
  }
  names->items[names->count++] = row_string(names->arena, &values[0]);
  return 0;
}

int not_found(struct db *db, const char *sql, const char *what, const char *name, struct err *e) {
  struct arena arena;
  struct names names = {&arena, NULL, 0, 0};
  struct err ignored; /* without a list there is no suggestion; the answer is the same */
  err_set(e, ERR_NOT_FOUND, "there is no %s \"%s\"", what, name);
  arena_init(&arena, 0);
  err_clear(&ignored);
  if (row_each(db, sql, NO_PARAMS, take_name, &names, &ignored) == 0) {
    const char *near = nearest(name, names.items, names.count);
    if (near)
      err_hint(e, "did you mean \"%s\"?", near);
  }
  free(names.items);
  arena_release(&arena);
  return -1;
}

bool slug_valid(const char *name) {
  static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  size_t len = strspn(name, others);
  return len >= 1 && len <= 63 && name[len] == '\0' && strchr(first, name[0]) != NULL;
}

const char *time_text(int64_t wall_us, char out[TIME_TEXT]) {
  time_t seconds = (time_t)(wall_us / 1000000);
  struct tm tm;
  if (!gmtime_r(&seconds, &tm) || !strftime(out, TIME_TEXT, "%Y-%m-%d %H:%M:%S UTC", &tm))
    out[0] = '\0';
  return out;
}
