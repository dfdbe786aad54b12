/* See variables.h. */
#include "server/rpc/variables.h"

#include <string.h>

#include "server/base/digest.h"
#include "server/store/store.h"

int variables_asked(Migd__V1__Variable *const *set, size_t set_count, char *const *remove,
                    size_t remove_count, struct arena *arena, struct variable_change *out,
                    struct err *e) {
  struct variable *items = ARENA_ARRAY(arena, struct variable, set_count + 1);
  for (size_t i = 0; i < set_count; i++)
    items[i] = (struct variable){set[i]->name, set[i]->value, set[i]->secret != 0};
  struct variable_change change = {items, set_count, (const char *const *)remove, remove_count};
  if (variable_change_check(&change, e) != 0)
    return -1;
  *out = change;
  return 0;
}

bool variables_asks(const struct variable_change *change) {
  return change->set_count != 0 || change->remove_count != 0;
}

void variables_wipe(const struct variable_change *change) {
  for (size_t i = 0; i < change->set_count; i++)
    if (change->set[i].secret)
      wipe((char *)(uintptr_t)change->set[i].value, strlen(change->set[i].value));
}

static Migd__V1__Variable *answer_one(const struct variable *v, struct arena *arena) {
  PROTO_NEW(m, Variable, variable, arena);
  m->name = proto_text(arena, v->name);
  m->value = proto_text(arena, v->secret ? NULL : v->value);
  m->secret = v->secret;
  return m;
}

int variables_answer(struct store *store, const struct variable_owner *owner, struct arena *arena,
                     Migd__V1__Variable ***out, size_t *count, struct err *e) {
  struct variables found;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = variable_list(db, owner, arena, &found, e);
  store_reader_done(store, db);
  if (rc != 0)
    return -1;
  *out = ARENA_ARRAY(arena, Migd__V1__Variable *, found.count + 1);
  for (size_t i = 0; i < found.count; i++)
    (*out)[i] = answer_one(&found.items[i], arena);
  *count = found.count;
  return 0;
}

static bool is_answered_for(const struct variable_change *change, const char *name) {
  for (size_t i = 0; i < change->set_count; i++)
    if (strcmp(change->set[i].name, name) == 0)
      return true;
  for (size_t i = 0; i < change->remove_count; i++)
    if (strcmp(change->remove[i], name) == 0)
      return true;
  return false;
}

int variables_may_move(struct db *db, const struct target *t, const struct variable_change *change,
                       const char *place, struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  struct buf names BUF_SCOPED = BUF_INIT;
  struct variables found;
  arena_init(&arena, 0);
  if (variable_list(db, &(struct variable_owner){.target = t->id}, &arena, &found, e) != 0)
    return -1;
  for (size_t i = 0; i < found.count; i++)
    if (found.items[i].secret && !is_answered_for(change, found.items[i].name))
      buf_addf(&names, "%s%s", names.len > 0 ? ", " : "", found.items[i].name);
  if (names.len == 0)
    return 0;
  err_set(e, ERR_REFUSED,
          "secret variables of %s were given for another database: they are not sent to %s: %s",
          t->name, place, buf_str(&names));
  return err_hint(e, "give them anew (--secret-var NAME=FILE), or remove them (--remove-var NAME)");
}
