/* Principals: who may ask, by their certificate's URI. */
#include "fixture.h"

#include "server/store/principal.h"

#define STORE "0123456789abcdef"

static void a_uri_finds_its_principal(void **state) {
  struct fixture *f = *state;
  struct principal p;
  assert_ok(principal_add(f->db, "ann", ROLE_ADMIN, &f->e));
  assert_ok(principal_add(f->db, "bob", ROLE_VIEWER, &f->e));
  assert_ok(principal_of_uri(f->db, STORE, "migd://" STORE "/user/ann", &p, &f->e));
  assert_string_equal(p.name, "ann");
  assert_int_equal(p.role, ROLE_ADMIN);
  assert_ok(principal_of_uri(f->db, STORE, "migd://" STORE "/user/bob", &p, &f->e));
  assert_int_equal(p.role, ROLE_VIEWER);
}

static void other_uris_are_nobody(void **state) {
  struct fixture *f = *state;
  struct principal p = {.name = "untouched"};
  assert_ok(principal_add(f->db, "ann", ROLE_ADMIN, &f->e));
  static const char *const bad[] = {
      "",
      "ann",
      "migd://",
      "migd://" STORE "/user/",
      "migd://" STORE "/user/eve",
      "migd://" STORE "/user/ann/",
      "migd://" STORE "/user/ann?x",
      "migd://" STORE "/user/ANN",
      "migd://" STORE "x/user/ann",
      "migd://fedcba9876543210/user/ann",
      "migd://0123456789abcde/user/ann",
      "migd:///user/ann",
      "MIGD://" STORE "/user/ann",
      "https://" STORE "/user/ann",
      "migd://" STORE "/host/ann",
      " migd://" STORE "/user/ann",
      "migd://" STORE "/user/ann' OR '1'='1",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_err(principal_of_uri(f->db, STORE, bad[i], &p, &f->e), ERR_UNAUTHENTICATED);
  assert_string_equal(p.name, "untouched");
}

static void a_removed_one_is_nobody_until_added_again(void **state) {
  struct fixture *f = *state;
  struct principal p;
  assert_ok(principal_add(f->db, "ann", ROLE_ADMIN, &f->e));
  assert_err(principal_add(f->db, "ann", ROLE_VIEWER, &f->e), ERR_EXISTS);
  assert_ok(principal_remove(f->db, "ann", &f->e));
  assert_err(principal_of_uri(f->db, STORE, "migd://" STORE "/user/ann", &p, &f->e),
             ERR_UNAUTHENTICATED);
  assert_err(principal_remove(f->db, "ann", &f->e), ERR_NOT_FOUND);
  assert_ok(principal_add(f->db, "ann", ROLE_VIEWER, &f->e));
  assert_ok(principal_of_uri(f->db, STORE, "migd://" STORE "/user/ann", &p, &f->e));
  assert_int_equal(p.role, ROLE_VIEWER);
}

static void bad_names_and_roles_are_refused(void **state) {
  struct fixture *f = *state;
  assert_err(principal_add(f->db, "", ROLE_ADMIN, &f->e), ERR_INPUT);
  assert_err(principal_add(f->db, "a/b", ROLE_ADMIN, &f->e), ERR_INPUT);
  assert_err(principal_add(f->db, "ann", ROLE_NONE, &f->e), ERR_INPUT);
  assert_err(principal_add(f->db, "ann", (enum role)17, &f->e), ERR_INPUT);
  assert_int_equal(role_parse("admin"), ROLE_ADMIN);
  assert_int_equal(role_parse("none"), ROLE_NONE);
  assert_int_equal(role_parse("Admin"), ROLE_NONE);
  assert_string_equal(role_name((enum role)17), "none");
}

static void a_mistyped_name_gets_a_suggestion(void **state) {
  struct fixture *f = *state;
  assert_ok(principal_add(f->db, "deploy-bot", ROLE_ADMIN, &f->e));
  assert_err(principal_remove(f->db, "deploy-bto", &f->e), ERR_NOT_FOUND);
  assert_string_equal(f->e.hint, "did you mean \"deploy-bot\"?");
}

static int collect(void *ctx, const struct principal *p) {
  char *names = ctx;
  strcat(names, p->name);
  strcat(names, p->role == ROLE_ADMIN ? "! " : " ");
  return strcmp(p->name, "bob") == 0 ? -1 : 0;
}

static void each_lists_by_name_and_can_be_stopped(void **state) {
  struct fixture *f = *state;
  char names[100] = "";
  assert_ok(principal_add(f->db, "cyd", ROLE_ADMIN, &f->e));
  assert_ok(principal_add(f->db, "bob", ROLE_VIEWER, &f->e));
  assert_ok(principal_add(f->db, "ann", ROLE_ADMIN, &f->e));
  assert_ok(principal_each(f->db, collect, names, &f->e));
  assert_string_equal(names, "ann! bob ");
  assert_int_equal(f->e.kind, ERR_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_uri_finds_its_principal),
      TEST(other_uris_are_nobody),
      TEST(a_removed_one_is_nobody_until_added_again),
      TEST(bad_names_and_roles_are_refused),
      TEST(a_mistyped_name_gets_a_suggestion),
      TEST(each_lists_by_name_and_can_be_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
