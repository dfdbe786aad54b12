/* Two queries and a growing array. Thread: the caller's. */
#include "server/engine/schema.h"

#include <string.h>

#define TEXT_MAX ((size_t)64 << 20) /* bytes of a schema */

struct reading {
  struct arena *arena;
  struct schema_object *items;
  size_t count, capacity, size;
  bool temp;
};

static void grow(struct reading *r) {
  size_t capacity = r->capacity ? 2 * r->capacity : 64;
  struct schema_object *items = ARENA_ARRAY(r->arena, struct schema_object, capacity);
  if (r->count)
    memcpy(items, r->items, r->count * sizeof *items);
  r->items = items;
  r->capacity = capacity;
}

static int on_object(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct reading *r = ctx;
  char *texts[4] = {NULL};
  if (r->count == r->capacity)
    grow(r);
  for (int i = 0; i < count && i < 4; i++)
    r->size += v[i].len;
  if (r->size > TEXT_MAX)
    return err_set(e, ERR_MIGRATION, "the schema is larger than the %zu MiB that are read",
                   TEXT_MAX >> 20);
  for (int i = 0; i < count && i < 4; i++)
    texts[i] = v[i].s ? arena_strndup(r->arena, v[i].s, v[i].len) : NULL;
  r->items[r->count++] = (struct schema_object){texts[0] ? texts[0] : "", texts[1] ? texts[1] : "",
                                                texts[2] ? texts[2] : "", texts[3], r->temp};
  return 0;
}

#define OBJECTS(schema)                                                                            \
  "SELECT type, name, tbl_name, sql FROM " schema ".sqlite_schema ORDER BY rowid"

int schema_read(struct db *db, const struct job *job, struct arena *arena, struct schema *out,
                struct err *e) {
  struct reading r = {.arena = arena};
  int rc = db_exec(db, OBJECTS("main"), NULL, 0, on_object, &r, NULL, job, e);
  r.temp = true;
  if (!rc)
    rc = db_exec(db, OBJECTS("temp"), NULL, 0, on_object, &r, NULL, job, e);
  if (rc)
    return err_in(e, "read the schema");
  *out = (struct schema){r.items, r.count};
  return 0;
}

void schema_add_name(struct buf *out, const char *schema, const char *name) {
  if (schema)
    buf_addf(out, "%s.", schema);
  buf_addc(out, '"');
  for (const char *p = name; *p; p++) {
    if (*p == '"')
      buf_addc(out, '"');
    buf_addc(out, *p);
  }
  buf_addc(out, '"');
}
