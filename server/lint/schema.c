/* Replays what revisions do to a SQLite schema, by the first words of their statements. Only the
 * ancestors of a revision count, in the order of the graph, so that a branch does not see another.
 */
#include "server/lint/schema.h"

#include <string.h>

#include "server/lint/alteration.h"

enum {
  HEAD = 48,                  /* tokens that are looked at, of a statement */
  WORK_MAX = 50 * 1000 * 1000 /* events and revisions replayed in a run: a second, about */
};

static bool take_kind(const struct words *w, size_t *i, enum object_kind *kind) {
  static const struct {
    const char *word;
    enum object_kind kind;
  } kinds[] = {{"TABLE", OBJECT_TABLE},
               {"INDEX", OBJECT_INDEX},
               {"TRIGGER", OBJECT_TRIGGER},
               {"VIEW", OBJECT_VIEW}};
  for (size_t n = 0; n < sizeof kinds / sizeof *kinds; n++) {
    if (words_take(w, i, kinds[n].word)) {
      *kind = kinds[n].kind;
      return true;
    }
  }
  return false;
}

static const char *name_at(const struct words *w, size_t *i, struct arena *arena) {
  const char *name = words_name(w, i, arena);
  return name ? words_unqualified(name) : NULL;
}

static void read_make(const struct words *w, struct arena *arena, struct event *e) {
  size_t i = 1;
  while (words_take(w, &i, "TEMP") || words_take(w, &i, "TEMPORARY") ||
         words_take(w, &i, "UNIQUE") || words_take(w, &i, "VIRTUAL"))
    continue;
  if (!take_kind(w, &i, &e->kind))
    return;
  (void)words_take(w, &i, "IF NOT EXISTS");
  e->name = name_at(w, &i, arena);
  e->table = "";
  if (e->kind == OBJECT_INDEX || e->kind == OBJECT_TRIGGER) {
    while (i < w->count && !words_are(w, i, "ON"))
      i++;
    i++;
    e->table = i < w->count ? name_at(w, &i, arena) : NULL;
  }
  if (e->name && e->table)
    e->verb = EVENT_MAKE;
}

static void read_drop(const struct words *w, struct arena *arena, struct event *e) {
  size_t i = 1;
  if (!take_kind(w, &i, &e->kind))
    return;
  (void)words_take(w, &i, "IF EXISTS");
  e->name = name_at(w, &i, arena);
  if (e->name)
    e->verb = EVENT_DROP;
}

static void read_alter(const struct words *w, struct arena *arena, struct event *e) {
  struct alteration a = {0};
  e->kind = OBJECT_TABLE;
  while (alteration_next(&a, w, arena)) {
    bool adds = a.verb == ALTERATION_ADD_COLUMN && e->verb != EVENT_CHANGE;
    e->name = words_unqualified(a.table);
    e->verb = adds ? EVENT_ADD_COLUMN : EVENT_CHANGE;
    if (a.verb == ALTERATION_RENAME_TABLE) {
      e->to = a.what;
      e->verb = EVENT_RENAME;
    }
  }
}

struct event event_read(const char *sql, size_t len, struct arena *arena) {
  struct event e = {.sql = sql, .len = len};
  if (len == 0 || strchr("CcDdAa", sql[0]) == NULL)
    return e;
  struct words w;
  struct arena scratch;
  arena_init(&scratch, 0);
  words_read(DIALECT_SQLITE, sql, len, HEAD, &scratch, &w);
  if (words_are(&w, 0, "CREATE"))
    read_make(&w, arena, &e);
  else if (words_are(&w, 0, "DROP"))
    read_drop(&w, arena, &e);
  else if (words_are(&w, 0, "ALTER"))
    read_alter(&w, arena, &e);
  arena_release(&scratch);
  return e;
}

/* ---- the model ---- */

const struct object *schema_find(const struct schema *s, enum object_kind kind, const char *name) {
  for (size_t i = s->count; i-- > 0;)
    if (s->objects[i].kind == kind && strcmp(s->objects[i].name, name) == 0)
      return &s->objects[i];
  return NULL;
}

static void make(struct schema *s, const struct event *e, struct arena *arena) {
  if (schema_find(s, e->kind, e->name))
    return; /* IF NOT EXISTS; anything else fails */
  if (s->count == s->capacity) {
    s->capacity = s->capacity ? s->capacity * 2 : 32;
    struct object *objects = ARENA_ARRAY(arena, struct object, s->capacity);
    if (s->count)
      memcpy(objects, s->objects, s->count * sizeof *objects);
    s->objects = objects;
  }
  s->objects[s->count++] = (struct object){
      .kind = e->kind, .name = e->name, .table = e->table, .sql = e->sql, .len = e->len};
}

/* With a table go its indexes and triggers. */
static void drop(struct schema *s, const struct event *e) {
  size_t kept = 0;
  for (size_t i = 0; i < s->count; i++) {
    const struct object *o = &s->objects[i];
    bool itself = o->kind == e->kind && strcmp(o->name, e->name) == 0;
    bool with_it = e->kind == OBJECT_TABLE && strcmp(o->table, e->name) == 0;
    if (!itself && !with_it)
      s->objects[kept++] = *o;
  }
  s->count = kept;
}

static void rename_table(struct schema *s, const struct event *e) {
  for (size_t i = 0; i < s->count; i++) {
    struct object *o = &s->objects[i];
    if (o->kind == OBJECT_TABLE && strcmp(o->name, e->name) == 0)
      o->name = e->to;
    else if (strcmp(o->table, e->name) == 0)
      o->table = e->to;
  }
}

static void change(struct schema *s, const struct event *e, struct arena *arena) {
  for (size_t i = 0; i < s->count; i++) {
    struct object *o = &s->objects[i];
    if (o->kind != OBJECT_TABLE || strcmp(o->name, e->name) != 0)
      continue;
    if (e->verb == EVENT_CHANGE) {
      o->unsure = true;
      continue;
    }
    const struct event **added = ARENA_ARRAY(arena, const struct event *, o->added_count + 1);
    for (size_t n = 0; n < o->added_count; n++)
      added[n] = o->added[n];
    added[o->added_count++] = e;
    o->added = added;
  }
}

static void replay(struct schema *s, const struct event *e, struct arena *arena) {
  if (e->verb == EVENT_MAKE)
    make(s, e, arena);
  else if (e->verb == EVENT_DROP)
    drop(s, e);
  else if (e->verb == EVENT_RENAME)
    rename_table(s, e);
  else if (e->verb != EVENT_NONE)
    change(s, e, arena);
}

/* ---- history ---- */

static void add_event(struct history *h, const struct event *e) {
  if (h->count == h->capacity) {
    h->capacity = h->capacity ? h->capacity * 2 : 64;
    struct event *events = ARENA_ARRAY(h->arena, struct event, h->capacity);
    if (h->count)
      memcpy(events, h->events, h->count * sizeof *events);
    h->events = events;
  }
  h->events[h->count++] = *e;
}

static void read_revision(struct history *h, unsigned revision) {
  struct arena scratch;
  struct lint_unit u;
  arena_init(&scratch, 0);
  unit_build(h->catalog, revision, DIR_UP, DIALECT_SQLITE, &scratch, &u);
  for (size_t i = 0; i < u.count; i++) {
    struct event e = event_read(u.items[i].sql, u.items[i].len, h->arena);
    if (e.verb == EVENT_NONE)
      continue;
    e.sql = arena_strndup(h->arena, e.sql, e.len);
    add_event(h, &e);
  }
  arena_release(&scratch);
}

static void read_all(struct history *h) {
  size_t n = h->catalog->count;
  h->first = ARENA_ARRAY(h->arena, size_t, n + 1);
  for (size_t i = 0; i < n; i++) {
    h->first[i] = h->count;
    read_revision(h, (unsigned)i);
  }
  h->first[n] = h->count;
}

bool schema_before(const struct lint_unit *u, size_t index, struct arena *arena,
                   struct schema *out) {
  struct history *h = u->history;
  if (!h || u->dialect != DIALECT_SQLITE || h->work > WORK_MAX)
    return false;
  if (!h->first)
    read_all(h);
  struct schema s = {0};
  unsigned char *marks = ARENA_ARRAY(arena, unsigned char, h->catalog->count);
  struct revision_set self = {.items = (unsigned[]){u->revision}, .count = 1};
  catalog_mark_ancestors(h->catalog, &self, true, marks);
  marks[u->revision] = u->direction == DIR_DOWN; /* down begins where up ended */
  for (size_t i = 0; i < h->catalog->count; i++) {
    h->work += 1 + (marks[i] ? h->first[i + 1] - h->first[i] : 0);
    for (size_t n = h->first[i]; marks[i] && n < h->first[i + 1]; n++)
      replay(&s, &h->events[n], arena);
  }
  for (size_t i = 0; i < index; i++) {
    struct event *e = ARENA_NEW(arena, struct event);
    *e = event_read(u->items[i].sql, u->items[i].len, arena);
    replay(&s, e, arena);
  }
  h->work += index;
  *out = s;
  return true;
}
