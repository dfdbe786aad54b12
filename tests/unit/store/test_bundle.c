/* Catalogs as they are stored. */
#include "fixture.h"

static void files_come_back_as_they_went_in(void **state) {
  struct fixture *f = *state;
  struct made_catalog made;
  struct catalog_file *files;
  struct bundle_info info;
  size_t count;
  make_catalog(f, &made, 3, "a");
  assert_ok(bundle_put(f->db, "app", "", &made.catalog, made.files, made.count, "ann", &f->e));
  assert_ok(bundle_get(f->db, "app", &f->arena, &info, &f->e));
  assert_string_equal(info.digest, made.catalog.digest);
  assert_int_equal(info.revisions, 3);
  assert_int_equal(info.head_count, 1);
  assert_string_equal(info.heads[0], "r3");
  assert_string_equal(info.pushed_by, "ann");
  assert_true(info.pushed_at > INT64_C(1600000000000000));
  assert_ok(bundle_files(f->db, info.digest, &f->arena, &files, &count, &f->e));
  assert_int_equal(count, 3);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(files[i].name, made.files[i].name);
    assert_int_equal(files[i].len, made.files[i].len);
    assert_memory_equal(files[i].bytes, made.files[i].bytes, files[i].len);
  }
}

static void equal_files_are_kept_once(void **state) {
  struct fixture *f = *state;
  struct made_catalog two, three;
  make_catalog(f, &two, 2, "a");
  make_catalog(f, &three, 3, "a");
  assert_ok(bundle_put(f->db, "app", "", &two.catalog, two.files, two.count, "ann", &f->e));
  assert_ok(bundle_put(f->db, "app", two.catalog.digest, &three.catalog, three.files, three.count,
                       "bob", &f->e));
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM content"), 3);
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM bundle"), 2);
  assert_ok(bundle_put(f->db, "other", "", &two.catalog, two.files, two.count, "bob", &f->e));
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM bundle"), 2);
}

static void the_same_again_changes_nothing(void **state) {
  struct fixture *f = *state;
  struct made_catalog made;
  struct bundle_info info;
  make_catalog(f, &made, 2, "a");
  assert_ok(bundle_put(f->db, "app", "", &made.catalog, made.files, made.count, "ann", &f->e));
  assert_ok(bundle_put(f->db, "app", NULL, &made.catalog, made.files, made.count, "bob", &f->e));
  assert_ok(bundle_get(f->db, "app", &f->arena, &info, &f->e));
  assert_string_equal(info.pushed_by, "ann");
}

static void of_two_pushes_the_second_is_told(void **state) {
  struct fixture *f = *state;
  struct made_catalog a, b, c;
  make_catalog(f, &a, 2, "a");
  make_catalog(f, &b, 2, "b");
  make_catalog(f, &c, 2, "c");
  assert_err(bundle_put(f->db, "app", a.catalog.digest, &b.catalog, b.files, 2, "x", &f->e),
             ERR_CONFLICT);
  assert_ok(bundle_put(f->db, "app", "", &a.catalog, a.files, 2, "ann", &f->e));
  assert_err(bundle_put(f->db, "app", "", &b.catalog, b.files, 2, "bob", &f->e), ERR_CONFLICT);
  assert_ok(bundle_put(f->db, "app", a.catalog.digest, &b.catalog, b.files, 2, "bob", &f->e));
  assert_err(bundle_put(f->db, "app", a.catalog.digest, &c.catalog, c.files, 2, "cyd", &f->e),
             ERR_CONFLICT);
  assert_in(f->e.text, b.catalog.digest);
  assert_ok(bundle_put(f->db, "app", NULL, &c.catalog, c.files, 2, "cyd", &f->e));
}

static void names_are_checked_and_suggested(void **state) {
  struct fixture *f = *state;
  struct made_catalog made;
  struct bundle_info info;
  make_catalog(f, &made, 1, "a");
  assert_err(bundle_put(f->db, "No Good", "", &made.catalog, made.files, 1, "x", &f->e), ERR_INPUT);
  assert_err(bundle_get(f->db, "", &f->arena, &info, &f->e), ERR_NOT_FOUND);
  put_catalog(f, "billing", "a");
  assert_ok(bundle_get(f->db, "", &f->arena, &info, &f->e));
  assert_string_equal(info.name, "billing");
  assert_err(bundle_get(f->db, "biling", &f->arena, &info, &f->e), ERR_NOT_FOUND);
  assert_string_equal(f->e.hint, "did you mean \"billing\"?");
  put_catalog(f, "shop", "b");
  assert_err(bundle_get(f->db, "", &f->arena, &info, &f->e), ERR_INPUT);
  assert_in(f->e.text, "billing, shop");
}

static void a_list_counts_targets(void **state) {
  struct fixture *f = *state;
  struct bundle_info *infos;
  size_t count;
  put_catalog(f, "zoo", "z");
  put_catalog(f, "app", "a");
  add_target(f, "one", "");
  add_target(f, "two", "");
  assert_ok(bundle_list(f->db, &f->arena, &infos, &count, &f->e));
  assert_int_equal(count, 2);
  assert_string_equal(infos[0].name, "app");
  assert_int_equal(infos[0].targets, 2);
  assert_int_equal(infos[1].targets, 0);
}

static void changed_bytes_are_noticed(void **state) {
  struct fixture *f = *state;
  struct bundle_info info;
  struct catalog_file *files = NULL;
  size_t count;
  put_catalog(f, "app", "a");
  assert_ok(bundle_get(f->db, "app", &f->arena, &info, &f->e));
  change(f, "UPDATE content SET bytes = CAST('DROP TABLE x' AS BLOB)"
            " WHERE hash = (SELECT MIN(hash) FROM content)");
  assert_err(bundle_files(f->db, info.digest, &f->arena, &files, &count, &f->e), ERR_STORAGE);
  assert_null(files);
  assert_err(bundle_files(f->db, "sha256:00", &f->arena, &files, &count, &f->e), ERR_NOT_FOUND);
}

static void a_catalog_beyond_the_memory_limit_is_refused(void **state) {
  struct fixture *f = *state;
  struct bundle_info info;
  struct arena small;
  struct catalog_file *files = NULL;
  size_t count;
  put_catalog(f, "app", "a");
  assert_ok(bundle_get(f->db, "app", &f->arena, &info, &f->e));
  arena_init(&small, 200);
  assert_err(bundle_files(f->db, info.digest, &small, &files, &count, &f->e), ERR_BUSY);
  arena_release(&small);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(files_come_back_as_they_went_in), TEST(equal_files_are_kept_once),
      TEST(the_same_again_changes_nothing),  TEST(of_two_pushes_the_second_is_told),
      TEST(names_are_checked_and_suggested), TEST(a_list_counts_targets),
      TEST(changed_bytes_are_noticed),       TEST(a_catalog_beyond_the_memory_limit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
