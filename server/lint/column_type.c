/* Reads backwards, from the statement to the beginning of the catalog, until the column is found.
 * Everything is in the caller's arena.
 */
#include "server/lint/column_type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/lint/schema.h"

enum {
  WORK_MAX = 1000 * 1000, /* statements of a run that are read: a second, about */
  TOKENS_MAX = 4000       /* of each */
};

/* ---- types ---- */

static const struct {
  const char *words, *name;
} spellings[] = {
    {"CHARACTER VARYING", "varchar"},
    {"DOUBLE PRECISION", "float8"},
    {"BIT VARYING", "varbit"},
    {"DECIMAL", "numeric"},
};

static const char *type_name(const struct words *w, size_t *i, struct arena *arena) {
  for (size_t k = 0; k < sizeof spellings / sizeof *spellings; k++)
    if (words_take(w, i, spellings[k].words))
      return spellings[k].name;
  const char *name = words_name(w, i, arena);
  return name ? words_unqualified(name) : NULL;
}

static void read_numbers(const struct words *w, size_t *i, struct column_type *t) {
  if (!words_char(w, *i, '('))
    return;
  for (size_t k = *i + 1; k < words_behind(w, *i); k++)
    if (w->items[k].kind == LEX_NUMBER && t->of_count < 2)
      t->of[t->of_count++] = strtoul(w->lex.text + w->items[k].start, NULL, 10);
  *i = words_behind(w, *i);
}

bool column_type_read(const struct words *w, size_t *i, struct arena *arena,
                      struct column_type *out) {
  struct column_type t = {.name = type_name(w, i, arena)};
  if (!t.name)
    return false;
  read_numbers(w, i, &t);
  if (words_take(w, i, "WITH TIME ZONE"))
    t.name = arena_printf(arena, "%stz", t.name);
  else
    (void)words_take(w, i, "WITHOUT TIME ZONE");
  if (words_char(w, *i, '[') || words_are(w, *i, "ARRAY"))
    return false;
  *out = t;
  return true;
}

static bool is(const struct column_type *t, const char *name) {
  return strcmp(t->name, name) == 0;
}

/* No limit, or one that is no tighter. */
static bool roomier(const struct column_type *from, const struct column_type *to) {
  if (!to->of_count)
    return true;
  bool scale = (to->of_count < 2 ? 0 : to->of[1]) == (from->of_count < 2 ? 0 : from->of[1]);
  return from->of_count && to->of[0] >= from->of[0] && scale;
}

bool column_type_keeps_bytes(const struct column_type *from, const struct column_type *to,
                             bool utc) {
  static const char *const limited[] = {"varchar",     "varbit",    "numeric",
                                        "timestamptz", "timestamp", "time"};
  bool same = is(from, to->name);
  if (same && from->of_count == to->of_count && memcmp(from->of, to->of, sizeof from->of) == 0)
    return true;
  for (size_t i = 0; same && i < sizeof limited / sizeof *limited; i++)
    if (is(to, limited[i]))
      return roomier(from, to);
  bool free = !to->of_count && (is(to, "text") || is(to, "varchar"));
  bool zones = (is(from, "timestamp") && is(to, "timestamptz")) ||
               (is(from, "timestamptz") && is(to, "timestamp"));
  return (free && (is(from, "text") || is(from, "varchar") || is(from, "citext"))) ||
         (is(from, "cidr") && is(to, "inet")) ||
         (is(to, "citext") && (is(from, "text") || is(from, "varchar"))) ||
         (utc && zones && roomier(from, to));
}

/* ---- history ---- */

struct search {
  const char *table, *column; /* as they were called then */
  struct arena *arena;
  struct column_type type;
  enum { NOTHING, FOUND, LOST } state;
};

static bool same_table(const char *a, const char *b) {
  bool both = strchr(a, '.') && strchr(b, '.');
  return both ? strcmp(a, b) == 0 : strcmp(words_unqualified(a), words_unqualified(b)) == 0;
}

static bool takes_column(struct search *s, const struct words *w, size_t *i) {
  size_t at = *i;
  const char *name = words_name(w, &at, s->arena);
  if (!name || strcmp(name, s->column) != 0)
    return false;
  *i = at;
  return true;
}

static void read_type(struct search *s, const struct words *w, size_t i) {
  s->state = column_type_read(w, &i, s->arena, &s->type) ? FOUND : LOST;
}

static void read_elements(struct search *s, const struct words *w, size_t i) {
  for (; i < w->count; i = words_element_end(w, i) + 1) {
    if (takes_column(s, w, &i)) {
      read_type(s, w, i);
      return;
    }
    if (words_char(w, words_element_end(w, i), ')'))
      return;
  }
}

static void read_command(struct search *s, const struct words *w, size_t i) {
  if (words_take(w, &i, "RENAME")) {
    (void)words_take(w, &i, "COLUMN");
    const char *old = words_name(w, &i, s->arena);
    if (old && words_take(w, &i, "TO") && takes_column(s, w, &i))
      s->column = old;
    return;
  }
  bool adds = words_take(w, &i, "ADD"), changes = !adds && words_take(w, &i, "ALTER");
  (void)words_take(w, &i, "COLUMN");
  (void)words_take(w, &i, "IF NOT EXISTS");
  if ((!adds && !changes) || !takes_column(s, w, &i))
    return;
  if (adds || words_take(w, &i, "TYPE") || words_take(w, &i, "SET DATA TYPE"))
    read_type(s, w, i);
}

static void read_alter(struct search *s, const struct words *w) {
  size_t i = 2;
  (void)words_take(w, &i, "IF EXISTS");
  (void)words_take(w, &i, "ONLY");
  const char *table = words_name(w, &i, s->arena), *to;
  size_t at = i;
  if (!table)
    return;
  if (words_take(w, &at, "RENAME TO")) {
    to = words_name(w, &at, s->arena);
    if (to && same_table(to, s->table))
      s->table = table;
    return;
  }
  for (; same_table(table, s->table) && i < w->count; i = words_element_end(w, i) + 1)
    read_command(s, w, i);
}

static void read_statement(struct search *s, const char *sql, size_t len) {
  if (len < 12 || (strncasecmp(sql, "create", 6) != 0 && strncasecmp(sql, "alter", 5) != 0))
    return;
  struct words w;
  size_t i = 0;
  words_read(DIALECT_POSTGRESQL, sql, len, TOKENS_MAX, s->arena, &w);
  if (words_are(&w, 0, "ALTER TABLE")) {
    read_alter(s, &w);
    return;
  }
  if (!words_take(&w, &i, "CREATE TABLE") && !words_take(&w, &i, "CREATE UNLOGGED TABLE"))
    return;
  (void)words_take(&w, &i, "IF NOT EXISTS");
  const char *table = words_name(&w, &i, s->arena);
  if (table && same_table(table, s->table) && words_char(&w, i, '('))
    read_elements(s, &w, i + 1);
}

static void read_revision(struct search *s, const struct lint_unit *u, const struct revision *r) {
  for (size_t k = r->section_count; k-- > 0 && s->state == NOTHING;) {
    const struct section *section = &r->sections[k];
    size_t count = section->statements[DIALECT_POSTGRESQL].count;
    for (size_t i = count; section->direction == DIR_UP && i-- > 0 && s->state == NOTHING;) {
      const struct section_statement *st = &section->statements[DIALECT_POSTGRESQL].items[i];
      if (++u->history->work > WORK_MAX)
        s->state = LOST;
      else
        read_statement(s, r->content + st->start, st->len);
    }
  }
}

bool column_type_before(const struct lint_unit *u, size_t index, const char *table,
                        const char *column, struct arena *arena, struct column_type *out) {
  struct search s = {.table = table, .column = column, .arena = arena};
  if (!u->history || u->direction != DIR_UP)
    return false;
  for (size_t i = index; i-- > 0 && s.state == NOTHING;) {
    if (++u->history->work > WORK_MAX)
      return false;
    read_statement(&s, u->items[i].sql, u->items[i].len);
  }
  for (unsigned r = u->revision; r-- > 0 && s.state == NOTHING;)
    read_revision(&s, u, &u->catalog->revisions[r]);
  if (s.state != FOUND)
    return false;
  *out = s.type;
  return true;
}
