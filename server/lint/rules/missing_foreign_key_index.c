/* Read from the text, for both dialects, because the index may come later in the revision.
 * What is indexed in other revisions is not looked for. */
#include <string.h>
#include <strings.h>

#include "server/lint/rule.h"
#include "server/lint/unit.h"
#include "server/lint/words.h"

enum {
  COLUMNS_MAX = 200,
  STATEMENTS_MAX = 10000, /* of a revision that are looked at */
  AHEAD_MAX = 200         /* statements behind one in which its index may be made */
};

/* What is known of one table: columns that point somewhere, and what its own keys begin with. */
struct reading {
  struct arena *arena;
  struct words words;
  const char *table;
  const char *pointing[COLUMNS_MAX], *indexed[COLUMNS_MAX];
  size_t places[COLUMNS_MAX];
  size_t pointing_count, indexed_count;
};

static void add_pointing(struct reading *r, size_t at, const char *column) {
  if (column && r->pointing_count < COLUMNS_MAX) {
    r->places[r->pointing_count] = r->words.items[at].start;
    r->pointing[r->pointing_count++] = column;
  }
}

static void add_indexed(struct reading *r, const char *column) {
  if (column && r->indexed_count < COLUMNS_MAX)
    r->indexed[r->indexed_count++] = column;
}

/* The first name behind the next parenthesis. */
static const char *first_in(struct reading *r, size_t i) {
  while (i < r->words.count && !words_char(&r->words, i, '('))
    i++;
  i++;
  return words_name(&r->words, &i, r->arena);
}

/* The definition of a column or a constraint, from `i` to the comma or the end at `end`. */
static void read_element(struct reading *r, size_t i, size_t end) {
  const struct words *w = &r->words;
  if (words_take(w, &i, "CONSTRAINT"))
    (void)words_name(w, &i, r->arena);
  if (words_are(w, i, "FOREIGN KEY")) {
    add_pointing(r, i, first_in(r, i));
    return;
  }
  if (words_are(w, i, "PRIMARY KEY") || words_are(w, i, "UNIQUE")) {
    add_indexed(r, first_in(r, i));
    return;
  }
  const char *column = words_name(w, &i, r->arena);
  for (; i < end; i = words_char(w, i, '(') ? words_behind(w, i) : i + 1) {
    if (words_are(w, i, "REFERENCES"))
      add_pointing(r, i, column);
    else if (words_are(w, i, "PRIMARY") || words_are(w, i, "UNIQUE"))
      add_indexed(r, column);
  }
}

static size_t element_end(const struct words *w, size_t i) {
  while (i < w->count && !words_char(w, i, ',') && !words_char(w, i, ')'))
    i = words_char(w, i, '(') ? words_behind(w, i) : i + 1;
  return i;
}

static bool read_create(struct reading *r) {
  const struct words *w = &r->words;
  size_t i = 0;
  if (!words_take(w, &i, "CREATE TABLE") && !words_take(w, &i, "CREATE UNLOGGED TABLE"))
    return false;
  (void)words_take(w, &i, "IF NOT EXISTS");
  r->table = words_name(w, &i, r->arena);
  if (!r->table || !words_char(w, i, '('))
    return false;
  for (i++; i < w->count; i = element_end(w, i) + 1) {
    read_element(r, i, element_end(w, i));
    if (words_char(w, element_end(w, i), ')'))
      break;
  }
  return true;
}

/* ADD COLUMN only: what a column that was there before has for an index is not told here. */
static bool read_alter(struct reading *r) {
  const struct words *w = &r->words;
  size_t i = 0;
  if (!words_take(w, &i, "ALTER TABLE"))
    return false;
  (void)words_take(w, &i, "IF EXISTS");
  (void)words_take(w, &i, "ONLY");
  r->table = words_name(w, &i, r->arena);
  for (; r->table && i < w->count; i = element_end(w, i) + 1) {
    size_t at = i;
    bool adds = words_take(w, &at, "ADD") && !words_are(w, at, "CONSTRAINT") &&
                !words_are(w, at, "FOREIGN KEY");
    (void)words_take(w, &at, "COLUMN");
    (void)words_take(w, &at, "IF NOT EXISTS");
    if (adds)
      read_element(r, at, element_end(w, i));
  }
  return r->table != NULL;
}

/* CREATE INDEX … ON table [USING method] (column …, and keys that ALTER TABLE adds. */
static void read_other(struct reading *r, const char *sql, size_t len) {
  struct reading other = {.arena = r->arena};
  struct words *w = &other.words;
  size_t i = 0;
  words_read(r->words.lex.dialect, sql, len, 0, r->arena, w);
  bool index = words_take(w, &i, "CREATE INDEX") || words_take(w, &i, "CREATE UNIQUE INDEX");
  bool alter = !index && words_take(w, &i, "ALTER TABLE");
  if (!index && !alter)
    return;
  while (index && i < w->count && !words_are(w, i, "ON"))
    i++;
  i += index;
  (void)words_take(w, &i, "ONLY");
  const char *table = words_name(w, &i, r->arena);
  if (!table || strcmp(table, r->table) != 0)
    return;
  while (alter && i < w->count && !words_are(w, i, "PRIMARY KEY") && !words_are(w, i, "UNIQUE"))
    i++;
  if (i < w->count)
    add_indexed(r, first_in(&other, i));
}

static bool has_index(const struct reading *r, const char *column) {
  for (size_t i = 0; i < r->indexed_count; i++)
    if (strcmp(r->indexed[i], column) == 0)
      return true;
  return false;
}

static void look(const struct lint_statement *s, const struct rule *self, struct reading *r) {
  r->words = *s->words;
  if ((!read_create(r) && !read_alter(r)) || !r->pointing_count)
    return;
  for (size_t i = s->index + 1; i < s->unit->count && i <= s->index + AHEAD_MAX; i++)
    read_other(r, s->unit->items[i].sql, s->unit->items[i].len);
  for (size_t i = 0; i < r->pointing_count; i++)
    if (!has_index(r, r->pointing[i]))
      rule_report(s, self, (int)r->places[i], 0, NULL,
                  "a DELETE in the other table reads all of %s: no index begins with %s", r->table,
                  r->pointing[i]);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  bool table = s->direction == DIR_UP && s->index < STATEMENTS_MAX && s->len > 12 &&
               (strncasecmp(s->sql, "create", 6) == 0 || strncasecmp(s->sql, "alter", 5) == 0);
  if (table)
    look(s, self, &(struct reading){.arena = s->arena});
}

RULE(missing_foreign_key_index) = {
    .page =
        {
            .name = "missing-foreign-key-index",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_NOTE,
            .summary = "a foreign key whose column has no index",
            .lock = "",
            .duration =
                "At each DELETE of a row that may be pointed at, and each change of its key: "
                "for as long as it takes to read the whole referencing table.",
            .why = "The database makes an index for the key that is pointed at, not for the column "
                   "that points. Joins from the one to the other read the whole table as well. It "
                   "shows when the table has grown.",
            .instead =
                "Make an index that begins with the column, in the same revision as long as the "
                "table is new.",
            .bad = "-- migd:up\n"
                   "CREATE TABLE invoice_line (\n"
                   "  id bigint PRIMARY KEY,\n"
                   "  invoice_id bigint NOT NULL REFERENCES invoice (id)\n"
                   ");\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE invoice_line (\n"
                    "  id bigint PRIMARY KEY,\n"
                    "  invoice_id bigint NOT NULL REFERENCES invoice (id)\n"
                    ");\n"
                    "CREATE INDEX invoice_line_invoice ON invoice_line (invoice_id);\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
