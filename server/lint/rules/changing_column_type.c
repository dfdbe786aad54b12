/* Of the text, because what the column was before stands in other revisions, which only the
 * server has. Where none says it, a type that the change may reach without a rewrite is a
 * note. */
#include "server/lint/rule.h"

#include <string.h>
#include <strings.h>

#include "server/lint/column_type.h"

/* `USING column` and `USING column::type` say no more than the type does. */
static bool computes(const struct words *w, size_t i, size_t end, const char *column,
                     const struct column_type *to, struct arena *arena) {
  struct column_type cast;
  while (i < end && !words_are(w, i, "USING"))
    i++;
  if (i++ >= end)
    return false;
  const char *name = words_name(w, &i, arena);
  if (!name || strcmp(name, column) != 0)
    return true;
  bool casts = words_char(w, i, ':') && words_char(w, i + 1, ':');
  i += casts ? 2 : 0;
  bool same = !casts || (column_type_read(w, &i, arena, &cast) && strcmp(cast.name, to->name) == 0);
  return !same || i < end;
}

/* Types that some others change into without a byte being written. */
static bool may_be_free(const struct column_type *to, bool utc) {
  static const char *const names[] = {"text", "varchar", "numeric",   "varbit",
                                      "inet", "citext",  "timestamp", "timestamptz"};
  for (size_t i = 0; i < sizeof names / sizeof *names - (utc ? 0 : 2); i++)
    if (strcmp(to->name, names[i]) == 0)
      return true;
  return false;
}

static void look(const struct lint_statement *s, const struct rule *self, const char *table,
                 size_t i) {
  const struct words *w = s->words;
  size_t from = i, end = words_element_end(w, i);
  struct column_type was, to;
  (void)words_take(w, &i, "COLUMN");
  const char *column = words_name(w, &i, s->arena);
  bool types = column && (words_take(w, &i, "TYPE") || words_take(w, &i, "SET DATA TYPE"));
  if (!types || !column_type_read(w, &i, s->arena, &to))
    to.name = "";
  if (!types)
    return;
  bool computed = computes(w, i, end, column, &to, s->arena);
  bool known = column_type_before(s->unit, s->index, table, column, s->arena, &was);
  bool utc = rule_remembers(s, self, "time zone UTC");
  if (known && !computed && column_type_keeps_bytes(&was, &to, utc))
    return;
  size_t at = w->items[from - 1].start;
  size_t len = w->items[end - 1].start + w->items[end - 1].len - at;
  if (!known && !computed && may_be_free(&to, utc))
    rule_report_as(s, self, SEVERITY_NOTE, (int)at, len, table,
                   "%s is written anew, unless the bytes of %s stay as they are", table, column);
  else
    rule_report(s, self, (int)at, len, table, "%s is written anew while nobody can read it", table);
}

static void note_zone(const struct lint_statement *s, const struct rule *self) {
  size_t i = 1;
  (void)words_take(s->words, &i, "LOCAL");
  bool zone = words_take(s->words, &i, "TIMEZONE") || words_take(s->words, &i, "TIME ZONE");
  if (words_char(s->words, i, '=') || words_are(s->words, i, "TO"))
    i++;
  bool utc = words_are(s->words, i, "UTC") ||
             (i < s->words->count && s->words->items[i].len == 5 &&
              strncasecmp(s->sql + s->words->items[i].start, "'UTC'", 5) == 0);
  if (zone && utc)
    rule_remember(s, self, "time zone UTC");
}

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  size_t i = 0;
  if (words_are(w, 0, "SET"))
    note_zone(s, self);
  if (!words_take(w, &i, "ALTER TABLE"))
    return;
  (void)words_take(w, &i, "IF EXISTS");
  (void)words_take(w, &i, "ONLY");
  const char *table = words_name(w, &i, s->arena);
  if (!table || s->scope->made(s->scope, table))
    return;
  i += words_char(w, i, '*');
  for (; i < w->count; i = words_element_end(w, i) + 1)
    if (words_are(w, i, "ALTER"))
      look(s, self, table, i + 1);
}

RULE(changing_column_type) = {
    .page =
        {
            .name = "changing-column-type",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_WARNING,
            .summary = "the type of a column changed so that its table is written anew",
            .lock = "ACCESS EXCLUSIVE on the table, and on those that a foreign key of the column "
                    "joins it with",
            .duration =
                "For as long as it takes to write the whole table and all its indexes anew. "
                "Nothing is written when the bytes stay the same: varchar to text, a longer "
                "varchar, numeric of more digits and the same scale; timestamp to timestamptz "
                "in a session whose time zone is UTC (PostgreSQL 12 and later).",
            .why = "No query of the table is answered in that time, it needs the table's size on "
                   "disk once more, and prepared statements of the running application may fail "
                   "(\"cached plan must not change result type\").",
            .instead =
                "Add a column of the new type, keep both by a trigger, fill the rows that are "
                "there in a section with batch=, let the application change over, and drop the "
                "old one.",
            .bad = "-- migd:up on=postgresql\n"
                   "ALTER TABLE invoice ALTER COLUMN id TYPE bigint;\n"
                   "-- migd:down\n",
            .good = "-- migd:up on=postgresql\n"
                    "CREATE TABLE receipt (id bigint PRIMARY KEY, label varchar(20));\n"
                    "-- migd:up on=postgresql transaction=off\n"
                    "ALTER TABLE receipt ALTER COLUMN label TYPE text;\n"
                    "-- migd:down\n",
        },
    .text = true,
    .check = check};
