/* Finds the steps of a rebuild by hand around its DROP TABLE, by reading the unit's other
 * statements. Memory is the caller's arena.
 */
#include "server/lint/rebuild.h"

#include <string.h>
#include <strings.h>

enum { REACH = 50 }; /* statements before and after the DROP that are looked at */

static struct event event_at(const struct lint_unit *u, size_t i, struct arena *arena) {
  return event_read(u->items[i].sql, u->items[i].len, arena);
}

static bool makes_table(const struct event *e, const char *name) {
  return e->verb == EVENT_MAKE && e->kind == OBJECT_TABLE && strcmp(e->name, name) == 0;
}

static size_t first_in_reach(size_t index) {
  return index > REACH ? index - REACH : 0;
}

/* The statement before `index` that makes a table. */
static bool find_create(const struct lint_unit *u, const char *name, size_t from, size_t index,
                        struct arena *arena, size_t *out) {
  for (size_t i = index; i-- > from;) {
    if (strncasecmp(u->items[i].sql, "CREATE", 6) != 0)
      continue;
    struct event e = event_at(u, i, arena);
    if (makes_table(&e, name)) {
      *out = i;
      return true;
    }
  }
  return false;
}

/* CREATE new … DROP table … RENAME new TO table */
static bool renames_new(const struct lint_unit *u, size_t drop, const char *table,
                        struct arena *arena, struct rebuild *out) {
  for (size_t i = drop + 1; i < u->count && i <= drop + REACH; i++) {
    if (strncasecmp(u->items[i].sql, "ALTER", 5) != 0)
      continue;
    struct event e = event_at(u, i, arena);
    if (e.verb != EVENT_RENAME || strcmp(e.to, table) != 0)
      continue;
    *out = (struct rebuild){.table = table, .old = table, .made = e.name, .drop = drop};
    return find_create(u, e.name, first_in_reach(drop), drop, arena, &out->create);
  }
  return false;
}

/* RENAME table TO old … CREATE table … DROP old */
static bool renames_old(const struct lint_unit *u, size_t drop, const char *old,
                        struct arena *arena, struct rebuild *out) {
  for (size_t i = drop; i-- > first_in_reach(drop);) {
    if (strncasecmp(u->items[i].sql, "ALTER", 5) != 0)
      continue;
    struct event e = event_at(u, i, arena);
    if (e.verb != EVENT_RENAME || strcmp(e.to, old) != 0)
      continue;
    *out = (struct rebuild){
        .table = e.name, .old = old, .made = e.name, .drop = drop, .renamed_old = true};
    return find_create(u, e.name, i + 1, drop, arena, &out->create);
  }
  return false;
}

bool rebuild_ends(const struct lint_statement *s, struct arena *arena, struct rebuild *out) {
  struct rebuild r;
  if (strncasecmp(s->sql, "DROP", 4) != 0)
    return false;
  struct event e = event_at(s->unit, s->index, arena);
  if (e.verb != EVENT_DROP || e.kind != OBJECT_TABLE)
    return false;
  if (!renames_new(s->unit, s->index, e.name, arena, &r) &&
      !renames_old(s->unit, s->index, e.name, arena, &r))
    return false;
  *out = r;
  return true;
}

bool rebuild_definitions(const struct lint_statement *s, const struct rebuild *r,
                         struct arena *arena, struct definition *old, struct definition *made) {
  struct schema schema;
  struct definition before, after;
  if (!schema_before(s->unit, r->drop, arena, &schema))
    return false;
  const struct object *o = schema_find(&schema, OBJECT_TABLE, r->old);
  const struct object *n = schema_find(&schema, OBJECT_TABLE, r->made);
  if (!o || !n || o->unsure || n->unsure || !definition_read(o, arena, &before) ||
      !definition_read(n, arena, &after))
    return false;
  *old = before;
  *made = after;
  return true;
}

/* From ON to the end of a CREATE INDEX, or of the whole of a trigger from its body on: what it is,
 * whatever its name. */
static const char *substance(const struct event *e) {
  const char *on = strcasestr(e->sql, "(");
  return on ? on : e->sql;
}

static bool same_thing(const struct event *e, const struct object *o) {
  struct event old = {.sql = o->sql};
  return strcmp(e->name, o->name) == 0 || strcasecmp(substance(e), substance(&old)) == 0;
}

/* Whether a statement makes it again, on the new table by either name: a rename takes it along. */
static bool made_again(const struct lint_statement *s, const struct rebuild *r,
                       const struct object *o, struct arena *arena) {
  for (size_t i = r->create; i < s->unit->count && i <= r->drop + REACH; i++) {
    struct event e = event_at(s->unit, i, arena);
    bool ours = e.verb == EVENT_MAKE && e.kind == o->kind &&
                (strcmp(e.table, r->table) == 0 || strcmp(e.table, r->made) == 0);
    bool on_old = i < r->drop && ours && strcmp(e.table, r->old) == 0;
    if (ours && !on_old && same_thing(&e, o))
      return true;
  }
  return false;
}

const struct object *rebuild_lost(const struct lint_statement *s, const struct rebuild *r,
                                  enum object_kind kind, struct arena *arena, size_t *from) {
  struct schema schema;
  if (!schema_before(s->unit, r->drop, arena, &schema))
    return NULL;
  for (size_t i = *from; i < schema.count; i++) {
    const struct object *o = &schema.objects[i];
    *from = i + 1;
    if (o->kind == kind && strcmp(o->table, r->old) == 0 && !made_again(s, r, o, arena))
      return o;
  }
  return NULL;
}
