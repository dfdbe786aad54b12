/* Variables: whose value counts, what is refused, and that a sealed one opens only in its place. */
#include "fixture.h"

#include "server/store/variable.h"

static struct keyring *new_key(struct fixture *f) {
  struct keyring *k = NULL;
  const char *path = arena_printf(&f->arena, "%s/key", f->dir);
  assert_ok(keyring_create(path, &f->e));
  assert_ok(keyring_load(&k, path, NULL, &f->e));
  return k;
}

static const struct variable_owner one = {.target = 1}, two = {.target = 2},
                                   shop = {.catalog = "shop"};

static int set(struct fixture *f, const struct keyring *k, const struct variable_owner *owner,
               const char *name, const char *value, bool secret) {
  const struct variable v = {name, value, secret};
  return variable_change(f->db, k, owner, &(struct variable_change){.set = &v, .set_count = 1},
                         &f->e);
}

static int forget(struct fixture *f, const struct variable_owner *owner, const char *name) {
  return variable_change(f->db, NULL, owner,
                         &(struct variable_change){.remove = &name, .remove_count = 1}, &f->e);
}

static void a_targets_own_goes_before_the_catalogs(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f);
  struct variables v VARIABLES_SCOPED = {0};
  assert_ok(set(f, k, &shop, "region", "all", false));
  assert_ok(set(f, k, &shop, "key", "hush", true));
  assert_ok(set(f, k, &one, "region", "eu", false));
  assert_ok(set(f, k, &one, "alone", "", false));
  assert_ok(set(f, k, &two, "region", "hidden", true));
  assert_ok(variables_read(f->db, k, 1, "shop", &v, &f->e));
  assert_int_equal(v.count, 3);
  assert_string_equal(v.items[0].name, "alone");
  assert_string_equal(v.items[0].value, "");
  assert_string_equal(variable_find(&v, "key")->value, "hush");
  assert_true(variable_find(&v, "key")->secret);
  assert_string_equal(variable_find(&v, "region")->value, "eu");
  variables_release(&v);
  assert_ok(variables_read(f->db, k, 2, "shop", &v, &f->e));
  assert_string_equal(variable_find(&v, "region")->value, "hidden");
  assert_true(variable_find(&v, "region")->secret);
  variables_release(&v);
  assert_ok(variables_read(f->db, NULL, 2, "shop", &v, &f->e));
  assert_null(variable_find(&v, "region")->value);
  variables_release(&v);
  assert_ok(variables_read(f->db, k, 0, "other", &v, &f->e));
  assert_int_equal(v.count, 0);
  keyring_free(k);
}

static void a_list_has_no_secret_values(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f);
  struct variables v;
  assert_ok(set(f, k, &one, "b", "hush", true));
  assert_ok(set(f, k, &one, "a", "x", false));
  assert_ok(variable_list(f->db, &one, &f->arena, &v, &f->e));
  assert_int_equal(v.count, 2);
  assert_string_equal(v.items[0].value, "x");
  assert_null(v.items[1].value);
  assert_true(v.items[1].secret);
  assert_ok(set(f, k, &one, "b", "plain", false));
  assert_ok(variable_list(f->db, &one, &f->arena, &v, &f->e));
  assert_string_equal(v.items[1].value, "plain");
  assert_false(v.items[1].secret);
  keyring_free(k);
}

static void move(struct fixture *f, const char *what) {
  assert_ok(db_exec(f->db, what, NULL, 0, NULL, NULL, NULL, NULL, &f->e));
}

/* By somebody who can write the store: to another owner, or under another name. */
static void a_sealed_value_belongs_to_its_place(void **state) {
  struct fixture *f = *state;
  struct keyring *k = new_key(f);
  struct variables v VARIABLES_SCOPED = {0};
  static const char *const moves[] = {
      "UPDATE variable SET owner = '2'", "UPDATE variable SET owner = '1', name = 'other'",
      "UPDATE variable SET owner_kind = 'catalog', owner = 'shop', name = 'key'"};
  assert_ok(set(f, k, &one, "key", "hush", true));
  for (size_t i = 0; i < 3; i++) {
    move(f, moves[i]);
    assert_err(variables_read(f->db, k, i == 0 ? 2 : 1, "shop", &v, &f->e), ERR_STORAGE);
    assert_int_equal(v.count, 0);
  }
  move(f, "UPDATE variable SET owner_kind = 'target', owner = '1', name = 'key'");
  assert_ok(variables_read(f->db, k, 1, "shop", &v, &f->e));
  assert_string_equal(v.items[0].value, "hush");
  keyring_free(k);
}

static void what_cannot_be_is_refused(void **state) {
  struct fixture *f = *state;
  char large[VARIABLE_VALUE_MAX + 2];
  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  assert_err(set(f, NULL, &one, "Region", "x", false), ERR_INPUT);
  assert_err(set(f, NULL, &one, "", "x", false), ERR_INPUT);
  assert_err(set(f, NULL, &one, "batch", "5", false), ERR_INPUT);
  assert_err(set(f, NULL, &one, "a", large, false), ERR_INPUT);
  large[VARIABLE_VALUE_MAX] = '\0';
  assert_ok(set(f, NULL, &one, "a", large, false));
  assert_err(set(f, NULL, &one, "a", "\xff", false), ERR_INPUT);
  const struct variable twice[] = {{"b", "1", false}, {"b", "2", false}};
  struct variable_change change = {.set = twice, .set_count = 2};
  assert_err(variable_change(f->db, NULL, &one, &change, &f->e), ERR_INPUT);
  const char *b = "b";
  change = (struct variable_change){twice, 1, &b, 1};
  assert_err(variable_change(f->db, NULL, &one, &change, &f->e), ERR_INPUT);
  assert_err(forget(f, &one, "b"), ERR_NOT_FOUND);
  assert_err(forget(f, &two, "a"), ERR_NOT_FOUND);
  assert_ok(forget(f, &one, "a"));
}

static void there_is_a_limit(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < VARIABLES_MAX; i++)
    assert_ok(set(f, NULL, &one, arena_printf(&f->arena, "v%d", i), "x", false));
  assert_err(set(f, NULL, &one, "more", "x", false), ERR_INPUT);
  assert_in(f->e.text, "at most 100");
}

static void all_are_forgotten_at_once(void **state) {
  struct fixture *f = *state;
  struct variables v;
  assert_ok(set(f, NULL, &one, "a", "x", false));
  assert_ok(set(f, NULL, &two, "a", "x", false));
  assert_ok(variable_forget(f->db, &one, &f->e));
  assert_ok(variable_list(f->db, &one, &f->arena, &v, &f->e));
  assert_int_equal(v.count, 0);
  assert_ok(variable_list(f->db, &two, &f->arena, &v, &f->e));
  assert_int_equal(v.count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_targets_own_goes_before_the_catalogs),
      TEST(a_list_has_no_secret_values),
      TEST(a_sealed_value_belongs_to_its_place),
      TEST(what_cannot_be_is_refused),
      TEST(there_is_a_limit),
      TEST(all_are_forgotten_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
