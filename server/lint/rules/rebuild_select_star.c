/* The order of columns decides in a copy by SELECT *. */
#include "server/lint/rule.h"

#include "server/lint/words.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const struct words *w = s->words;
  size_t i = 0;
  if (!words_take(w, &i, "INSERT INTO"))
    return;
  const char *table = words_name(w, &i, s->arena);
  if (!table || !words_are(w, i, "SELECT") || !words_char(w, i + 1, '*') ||
      !words_are(w, i + 2, "FROM") || !s->scope->made(s->scope, table))
    return;
  rule_report(s, self, (int)w->items[i + 1].start, 0, NULL,
              "the columns of %s get what stands in the same place, whatever its name is", table);
}

RULE(rebuild_select_star) = {
    .page =
        {
            .name = "rebuild-select-star",
            .dialects = DIALECT_SQLITE,
            .severity = SEVERITY_WARNING,
            .summary = "a table filled by SELECT * in the same revision that makes it",
            .lock = "",
            .duration = "It takes no time of its own.",
            .why = "INSERT INTO new SELECT * FROM old pairs columns by place. A column that was "
                   "added by ALTER TABLE stands last in the old table, on this target; in the "
                   "new one it stands where the CREATE TABLE has it. SQLite takes nearly any "
                   "value in any column, so amounts end up as dates without an error, and the "
                   "old table is dropped a line later.",
            .instead = "Name the columns on both sides: INSERT INTO new (a, b) SELECT a, b FROM "
                       "old. Or write the ALTER TABLE that is meant: migd rebuilds the table and "
                       "pairs columns by name.",
            .bad =
                "-- migd:up on=sqlite\n"
                "CREATE TABLE invoice_copy (id INTEGER PRIMARY KEY, total NUMERIC, made INTEGER);\n"
                "INSERT INTO invoice_copy SELECT * FROM invoice;\n"
                "-- migd:down\n",
            .good =
                "-- migd:up on=sqlite\n"
                "CREATE TABLE invoice_copy (id INTEGER PRIMARY KEY, total NUMERIC, made INTEGER);\n"
                "INSERT INTO invoice_copy (id, total, made) SELECT id, total, made FROM invoice;\n"
                "-- migd:down\n",
        },
    .text = true,
    .check = check};
