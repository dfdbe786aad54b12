/* Cuts an ALTER TABLE at its commas. Names are in the caller's arena. */
#include "server/lint/alteration.h"

static void take(struct alteration *a, const struct words *w, size_t i, int verb,
                 struct arena *arena) {
  a->what_at = i;
  a->what = words_name(w, &i, arena);
  if (a->what)
    a->verb = verb;
}

static void take_column(struct alteration *a, const struct words *w, size_t i, int verb,
                        struct arena *arena) {
  (void)words_take(w, &i, "COLUMN");
  (void)(words_take(w, &i, "IF EXISTS") || words_take(w, &i, "IF NOT EXISTS"));
  take(a, w, i, verb, arena);
}

static bool is_constraint(const struct words *w, size_t i) {
  return words_are(w, i, "CONSTRAINT") || words_are(w, i, "CHECK") || words_are(w, i, "UNIQUE") ||
         words_are(w, i, "PRIMARY KEY") || words_are(w, i, "FOREIGN KEY") ||
         words_are(w, i, "EXCLUDE");
}

static void read_action(struct alteration *a, const struct words *w, struct arena *arena) {
  size_t i = a->from;
  a->verb = ALTERATION_OTHER;
  a->what = NULL;
  if (words_take(w, &i, "RENAME TO"))
    take(a, w, i, ALTERATION_RENAME_TABLE, arena);
  else if (words_take(w, &i, "RENAME") && !is_constraint(w, i))
    take_column(a, w, i, ALTERATION_RENAME_COLUMN, arena);
  else if (words_take(w, &i, "DROP") && !is_constraint(w, i))
    take_column(a, w, i, ALTERATION_DROP_COLUMN, arena);
  else if (words_take(w, &i, "ADD") && !is_constraint(w, i))
    take_column(a, w, i, ALTERATION_ADD_COLUMN, arena);
}

static bool begin(struct alteration *a, const struct words *w, struct arena *arena) {
  size_t i = 0;
  if (!words_take(w, &i, "ALTER TABLE"))
    return false;
  (void)words_take(w, &i, "IF EXISTS");
  (void)words_take(w, &i, "ONLY");
  a->table_at = i;
  a->table = words_name(w, &i, arena);
  a->from = i + words_char(w, i, '*');
  return a->table != NULL;
}

bool alteration_next(struct alteration *a, const struct words *w, struct arena *arena) {
  if (a->table)
    a->from = a->end + 1;
  else if (!begin(a, w, arena))
    return false;
  if (a->from >= w->count)
    return false;
  a->end = words_element_end(w, a->from);
  read_action(a, w, arena);
  return true;
}
