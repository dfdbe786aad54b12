/* A down section that drops what the up section has moved data into. */
#include "server/lint/rule.h"

#include <string.h>

#include "server/lint/alteration.h"
#include "server/lint/unit.h"

enum { STATEMENTS_MAX = 500, HEAD = 64 }; /* of a direction, and tokens of each, that are read */

/* The table that a statement drops, or the table and column. */
struct dropped {
  const char *table, *column; /* column NULL: the table */
};

/* FROM or JOIN of a table: what a function makes, and what the statement's own first WITH makes,
 * was nowhere before. */
static bool reads_rows(const struct words *w, size_t from, struct arena *arena) {
  const char *own = NULL;
  bool select = false;
  for (size_t i = from; i < w->count; i++) {
    size_t at = i;
    select = select || words_are(w, i, "SELECT");
    if (words_take(w, &at, "WITH")) {
      (void)words_take(w, &at, "RECURSIVE");
      own = own ? own : words_name(w, &at, arena);
    } else if (words_take(w, &at, "FROM") || words_take(w, &at, "JOIN")) {
      const char *name = words_name(w, &at, arena);
      if (name && !words_char(w, at, '(') && !(own && strcmp(own, name) == 0))
        return true;
    }
  }
  return select && w->count >= HEAD; /* its FROM comes later */
}

static bool names(const struct words *w, size_t *i, const char *table, struct arena *arena) {
  const char *name = words_name(w, i, arena);
  return name && strcmp(words_unqualified(name), words_unqualified(table)) == 0;
}

/* UPDATE table SET … column = …; up to WHERE any mention counts. */
static bool sets(const struct words *w, size_t i, const char *column, struct arena *arena) {
  for (; i < w->count && !words_are(w, i, "WHERE"); i++) {
    size_t at = i;
    const char *name = words_name(w, &at, arena);
    if (name && strcmp(name, column) == 0 && words_char(w, at, '='))
      return true;
  }
  return false;
}

/* Whether a statement writes rows of other rows into it. */
static bool fills(const struct words *w, const struct dropped *d, struct arena *arena) {
  size_t i = 0;
  if (d->column) {
    return words_take(w, &i, "UPDATE") && names(w, &i, d->table, arena) &&
           sets(w, i, d->column, arena);
  }
  if (words_take(w, &i, "INSERT INTO"))
    return names(w, &i, d->table, arena) && reads_rows(w, i, arena);
  if (!words_take(w, &i, "CREATE TABLE"))
    return false;
  (void)words_take(w, &i, "IF NOT EXISTS");
  return names(w, &i, d->table, arena) && words_are(w, i, "AS");
}

static bool filled_going_up(const struct lint_statement *s, const struct dropped *d) {
  const struct revision *r = &s->unit->catalog->revisions[s->unit->revision];
  size_t seen = 0;
  for (size_t i = 0; i < r->section_count; i++) {
    const struct section *section = &r->sections[i];
    if (section->direction != DIR_UP)
      continue;
    for (size_t n = 0; n < section->statements[s->dialect].count; n++) {
      const struct section_statement *st = &section->statements[s->dialect].items[n];
      struct words w;
      if (++seen > STATEMENTS_MAX)
        return false;
      words_read(s->dialect, r->content + st->start, st->len, HEAD, s->arena, &w);
      if (fills(&w, d, s->arena))
        return true;
    }
  }
  return false;
}

/* A statement before the drop that takes the data back to where it was. */
static bool moved_back(const struct lint_statement *s, const struct dropped *d) {
  for (size_t i = 0; i < s->index; i++) {
    const char *sql = s->unit->items[i].sql;
    if (strchr("IiUuCc", sql[0]) && words_mention(sql, words_unqualified(d->table)) &&
        (!d->column || words_mention(sql, d->column)))
      return true;
  }
  return false;
}

static void look(const struct lint_statement *s, const struct rule *self, struct dropped d) {
  if (!filled_going_up(s, &d) || moved_back(s, &d))
    return;
  if (d.column)
    rule_report(s, self, -1, 0, d.table,
                "going up filled %s of %s from other data; nothing takes it back before it is lost",
                d.column, d.table);
  else
    rule_report(s, self, -1, 0, d.table,
                "going up moved rows into %s; nothing takes them back before they are lost",
                d.table);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  struct alteration a = {0};
  size_t i = 0;
  if (s->direction != DIR_DOWN || s->index > STATEMENTS_MAX)
    return;
  while (alteration_next(&a, s->words, s->arena))
    if (a.verb == ALTERATION_DROP_COLUMN)
      look(s, self, (struct dropped){a.table, a.what});
  if (!words_take(s->words, &i, "DROP TABLE"))
    return;
  (void)words_take(s->words, &i, "IF EXISTS");
  const char *table = words_name(s->words, &i, s->arena);
  if (table)
    look(s, self, (struct dropped){table, NULL});
}

RULE(down_loses_data) = {
    .page =
        {
            .name = "down-loses-data",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a down section that drops what the up section moved data into",
            .lock = "That of the DROP; it is not what matters here.",
            .duration = "For a moment. The loss is for ever.",
            .why = "Going down is for the bad day: a release is taken back while its data is "
                   "wanted. When going up has moved data into a new table or column, and the "
                   "place it came from is gone or no longer kept up, a plain DROP on the way down "
                   "destroys the only copy, with all that was written since.",
            .instead = "Take the data back before the DROP, by INSERT … SELECT or UPDATE. Where "
                       "that is not possible, leave the down section out: the revision is then "
                       "irreversible, and migd refuses to go across it, which is the truth.",
            .bad = "-- migd:up on=sqlite\n"
                   "CREATE TABLE address (customer INTEGER PRIMARY KEY, street TEXT);\n"
                   "INSERT INTO address (customer, street) SELECT id, street FROM customer;\n"
                   "-- migd:down on=sqlite\n"
                   "DROP TABLE address;\n",
            .good =
                "-- migd:up on=sqlite\n"
                "CREATE TABLE address (customer INTEGER PRIMARY KEY, street TEXT);\n"
                "INSERT INTO address (customer, street) SELECT id, street FROM customer;\n"
                "-- migd:down on=sqlite\n"
                "UPDATE customer\n"
                "SET street = (SELECT street FROM address WHERE address.customer = customer.id);\n"
                "DROP TABLE address;\n",
        },
    .text = true,
    .check = check};
