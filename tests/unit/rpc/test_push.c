/* Pushing a catalog: all or nothing, once, and never against what is applied. */
#include "fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct file changed_r2 = {
    "r2_second.sql", "-- migd:revision r2\n-- migd:parent r1\n-- migd:message second\n\n"
                     "-- migd:up\nCREATE TABLE b (id INTEGER, more TEXT);\n-- migd:down\n"
                     "DROP TABLE b;\n"};

static const Migd__V1__PushResult *result_of(const struct talk *t) {
  assert_int_equal(t->count, 1);
  const Migd__V1__PushCatalogResponse *m = (const void *)t->replies[0];
  assert_int_equal(m->answer_case, MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_RESULT);
  return m->result;
}

static const char *digest_now(struct fixture *f) {
  Migd__V1__GetCatalogRequest m = MIGD__V1__GET_CATALOG_REQUEST__INIT;
  struct talk *t = ask(f, "/migd.v1.Catalogs/GetCatalog", "vic", &m);
  assert_done(t);
  const char *digest = ((Migd__V1__Catalog *)t->replies[0])->digest;
  talk_end(t);
  return digest;
}

static void a_push_stores_and_says_what_it_added(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  header.any_digest = false;
  struct talk *t = push(f, &header, shop_files, 3);
  assert_done(t);
  const Migd__V1__PushResult *r = result_of(t);
  assert_false(r->unchanged);
  assert_int_equal(r->n_added, 3);
  assert_int_equal(r->n_changed + r->n_removed, 0);
  assert_string_equal(r->catalog->name, "shop");
  assert_string_equal(r->catalog->pushed_by, "ann");
  assert_int_equal(r->catalog->revisions, 3);
  assert_int_equal(r->catalog->n_heads, 1);
  assert_string_equal(r->catalog->heads[0], "r3");
  assert_string_equal(r->catalog->digest, digest_now(f));
  talk_end(t);
}

static void the_same_again_is_unchanged_whatever_was_expected(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  push_shop(f);
  header.any_digest = false;
  struct talk *t = push(f, &header, shop_files, 3);
  assert_done(t);
  assert_true(result_of(t)->unchanged);
  assert_int_equal(result_of(t)->n_added, 0);
  talk_end(t);
}

static void a_push_that_expects_something_else_is_told_so(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file more[] = {
      shop_files[0],
      shop_files[1],
      shop_files[2],
      {"r4_x.sql",
       "-- migd:revision r4\n-- migd:parent r3\n\n-- migd:up\nCREATE TABLE d (i INT);\n"}};
  header.any_digest = false;
  header.expected_digest = arena_strdup(&f->arena, "sha256:00");
  struct talk *t = push(f, &header, more, 4);
  assert_failed(t, ERR_CONFLICT);
  talk_end(t);
  push_shop(f);
  t = push(f, &header, more, 4);
  assert_failed(t, ERR_CONFLICT);
  talk_end(t);
  header.expected_digest = arena_strdup(&f->arena, digest_now(f));
  t = push(f, &header, more, 4);
  assert_done(t);
  talk_end(t);
}

static void a_dry_run_stores_nothing(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  Migd__V1__ListCatalogsRequest list = MIGD__V1__LIST_CATALOGS_REQUEST__INIT;
  header.dry_run = true;
  struct talk *t = push(f, &header, shop_files, 3);
  assert_done(t);
  assert_int_equal(result_of(t)->n_added, 3);
  talk_end(t);
  t = ask(f, "/migd.v1.Catalogs/ListCatalogs", "vic", &list);
  assert_done(t);
  assert_int_equal(((Migd__V1__ListCatalogsResponse *)t->replies[0])->n_catalogs, 0);
  talk_end(t);
}

static void every_problem_is_answered_and_nothing_stored(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file bad[] = {
      shop_files[0],
      {"r2_second.sql", "-- migd:revision r2\n-- migd:parent nobody\n\n-- migd:up\nSELECT 1;\n"},
      {"r3_third.sql", "-- migd:revision r3\n-- migd:parent r1\n-- migd:colour blue\n\n"
                       "-- migd:up\nSELECT 'open;\n"},
  };
  struct talk *t = push(f, &header, bad, COUNT(bad));
  assert_failed(t, ERR_INPUT);
  assert_in(t->e.text, "in 2 files; nothing was stored");
  assert_true(t->count >= 2);
  bool unknown_parent = false, located = false;
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__PushCatalogResponse *m = (const void *)t->replies[i];
    assert_int_equal(m->answer_case, MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_PROBLEM);
    unknown_parent = unknown_parent || strstr(m->problem->message, "nobody") != NULL;
    located = located || (strcmp(m->problem->file, "r3_third.sql") == 0 && m->problem->line == 3);
  }
  assert_true(unknown_parent);
  assert_true(located);
  talk_end(t);
}

static void change_needs_replace(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {shop_files[0], changed_r2};
  push_shop(f);
  struct talk *t = push(f, &header, files, COUNT(files));
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "r2 would change");
  assert_in(t->e.text, "r3 would disappear");
  assert_in(t->e.hint, "--replace");
  talk_end(t);
  header.replace = true;
  t = push(f, &header, files, COUNT(files));
  assert_done(t);
  assert_string_equal(result_of(t)->changed[0], "r2");
  assert_string_equal(result_of(t)->removed[0], "r3");
  talk_end(t);
}

static void what_is_applied_never_changes(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {shop_files[0], changed_r2, shop_files[2]};
  push_shop(f);
  add_target(f, "eu");
  add_target(f, "us");
  upgrade(f, "r2");
  header.replace = true;
  struct talk *t = push(f, &header, files, COUNT(files));
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "r2 would change or disappear, but is applied on eu, us");
  talk_end(t);
  t = push(f, &header, shop_files, 1);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "r2");
  assert_null(strstr(t->e.text, "r3"));
  talk_end(t);
  t = push(f, &header, shop_files, 2); /* r3 is ahead of everybody */
  assert_done(t);
  talk_end(t);
}

static void a_dependency_of_what_is_applied_never_changes(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct file files[] = {
      {"a1_x.sql",
       "-- migd:revision a1\n-- migd:parent base\n\n-- migd:up\nCREATE TABLE x (i INT);\n"},
      {"b1_y.sql", "-- migd:revision b1\n-- migd:parent base\n-- migd:depends-on a1\n\n-- migd:up\n"
                   "CREATE TABLE y (i INT);\n"},
  };
  header.allow_branches = true;
  struct talk *t = push(f, &header, files, 2);
  assert_done(t);
  talk_end(t);
  add_target(f, "eu");
  upgrade(f, "b1");
  header.replace = true;
  files[0].text =
      "-- migd:revision a1\n-- migd:parent base\n\n-- migd:up\nCREATE TABLE z (i INT);\n";
  t = push(f, &header, files, 2);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "a1");
  talk_end(t);
}

#define BRANCH(id, parent)                                                                         \
  {                                                                                                \
#id "_x.sql",                                                                                  \
        "-- migd:revision " #id "\n-- migd:parent " #parent "\n\n-- migd:up\nSELECT 1;\n"          \
  }

static void a_further_head_needs_leave(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {shop_files[0],  shop_files[1],  shop_files[2],
                               BRANCH(s1, r1), BRANCH(s2, s1), BRANCH(s3, s2)};
  push_shop(f);
  struct talk *t = push(f, &header, files, 5);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "would have 2 heads: ");
  assert_in(t->e.hint, "`migctl merge r3 s2 DIR`");
  assert_in(t->e.hint, "`-- migd:parent r3` in s1_x.sql"); /* where the new line begins */
  talk_end(t);
  header.dry_run = true; /* as `catalog check` asks */
  t = push(f, &header, files, 5);
  assert_failed(t, ERR_REFUSED);
  talk_end(t);
  header.compare_only = true; /* as `catalog diff` asks */
  t = push(f, &header, files, 5);
  assert_done(t);
  assert_int_equal(result_of(t)->n_added, 2);
  talk_end(t);
  header.dry_run = header.compare_only = false;
  header.allow_branches = true;
  t = push(f, &header, files, 5);
  assert_done(t);
  talk_end(t);
  header.allow_branches = false; /* the two that are there may grow */
  t = push(f, &header, files, 6);
  assert_done(t);
  talk_end(t);
}

static void a_first_push_has_one_head(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {BRANCH(a1, base), BRANCH(b1, base)};
  struct talk *t = push(f, &header, files, 2);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.hint, "migctl merge");
  talk_end(t);
}

static void what_is_compared_only_is_not_stored(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {shop_files[0], changed_r2};
  push_shop(f);
  header.compare_only = true;
  struct talk *t = push(f, &header, files, 2);
  assert_done(t);
  assert_string_equal(result_of(t)->changed[0], "r2");
  assert_string_equal(result_of(t)->removed[0], "r3");
  assert_int_equal(result_of(t)->catalog->revisions, 3);
  talk_end(t);
}

static Migd__V1__Lock *lock(struct fixture *f, const char *target) {
  Migd__V1__AcquireLockRequest m = MIGD__V1__ACQUIRE_LOCK_REQUEST__INIT;
  static char reason[] = "moving";
  m.target = arena_strdup(&f->arena, target);
  m.reason = reason;
  struct talk *t = ask(f, "/migd.v1.Locks/AcquireLock", "ann", &m);
  assert_done(t);
  Migd__V1__Lock *out = (Migd__V1__Lock *)t->replies[0];
  talk_end(t);
  return out;
}

static void what_a_task_waits_to_apply_does_not_change(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  Migd__V1__CancelRunRequest cancel = MIGD__V1__CANCEL_RUN_REQUEST__INIT;
  const struct file files[] = {shop_files[0], changed_r2, shop_files[2]};
  push_shop(f);
  add_target(f, "eu");
  lock(f, "eu");
  struct talk *t = start_run(f, MIGD__V1__OPERATION__OPERATION_UPGRADE, "head", 3600);
  cancel.id = arena_strdup(&f->arena, run_of(f, t));
  talk_end(t);
  header.replace = true;
  t = push(f, &header, files, COUNT(files));
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "eu");
  assert_in(t->e.hint, cancel.id);
  talk_end(t);
  t = ask(f, "/migd.v1.Runs/CancelRun", "ann", &cancel);
  assert_done(t);
  talk_end(t);
  t = watch_run(f, cancel.id, 0);
  assert_done(t);
  talk_end(t);
  t = push(f, &header, files, COUNT(files));
  assert_done(t);
  talk_end(t);
}

static void a_file_may_come_in_parts(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push_begin_as(f, "ann", &header);
  const char *text = shop_files[0].text;
  for (size_t i = 0; text[i] != '\0'; i++)
    send_file(f, t, shop_files[0].name, text + i, 1, text[i + 1] != '\0');
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_done(t);
  assert_int_equal(result_of(t)->catalog->revisions, 1);
  talk_end(t);
}

static void parts_out_of_order_are_refused(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push_begin_as(f, "ann", &header);
  send_file(f, t, "r1_first.sql", "--", 2, true);
  send_file(f, t, "r2_second.sql", "--", 2, false);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  t = push_begin_as(f, "ann", &header);
  send_file(f, t, "r1_first.sql", "--", 2, true);
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_failed(t, ERR_INPUT);
  assert_in(t->e.text, "r1_first.sql");
  talk_end(t);
}

static void names_that_no_file_has_are_refused(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  char longest[300];
  memset(longest, 'x', sizeof longest);
  strcpy(longest + 290, ".sql");
  const char *const bad[] = {"",        "x",      ".sql",         "../r1_first.sql", "/etc/x.sql",
                             "a/b.sql", ".x.sql", "r1_first.SQL", "README.md",       longest};
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct talk *t = push_begin_as(f, "ann", &header);
    send_file(f, t, bad[i], "", 0, false);
    assert_failed(t, ERR_INPUT);
    talk_end(t);
  }
}

static void headers_are_first_and_once_and_name_a_catalog(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushCatalogRequest m = MIGD__V1__PUSH_CATALOG_REQUEST__INIT;
  static const char *const bad[] = {"", "Shop", "-x", "a/b", "a b", "..", "\xc3\xa9"};
  struct talk *t = talk_begin(f, "/migd.v1.Catalogs/PushCatalog", "ann");
  talk_step(f, t, &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  for (size_t i = 0; i < COUNT(bad); i++) {
    Migd__V1__PushHeader header = header_of(f, bad[i]);
    t = push_begin_as(f, "ann", &header);
    assert_failed(t, ERR_INPUT);
    talk_end(t);
  }
  Migd__V1__PushHeader header = header_of(f, "shop");
  t = push_begin_as(f, "ann", &header);
  m.header = &header;
  talk_step(f, t, &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  t = talk_begin(f, "/migd.v1.Catalogs/PushCatalog", "ann");
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  t = push(f, &header, NULL, 0);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

static void a_catalog_over_the_limit_is_refused_and_leaves_no_file(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  char *big = arena_alloc(&f->arena, 1 << 20);
  memset(big, '-', (1 << 20) - 1);
  struct talk *t = push_begin_as(f, "ann", &header);
  send_file(f, t, "r1_first.sql", big, 1 << 20, false);
  assert_int_equal(t->next, CALL_MORE);
  send_file(f, t, "r2_second.sql", "x", 1, false);
  assert_failed(t, ERR_BUSY);
  assert_in(t->e.text, "1048576");
  talk_end(t);
  assert_int_equal(rmdir(f->tmp), 0);
}

static void four_at_a_time(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *open[4];
  for (size_t i = 0; i < 4; i++) {
    open[i] = push_begin_as(f, "ann", &header);
    assert_int_equal(open[i]->next, CALL_MORE);
  }
  struct talk *t = push_begin_as(f, "ann", &header);
  assert_failed(t, ERR_BUSY);
  talk_end(t);
  talk_end(open[0]);
  t = push_begin_as(f, "ann", &header);
  assert_int_equal(t->next, CALL_MORE);
  talk_end(t);
  for (size_t i = 1; i < 4; i++)
    talk_end(open[i]);
}

static void an_upload_that_cannot_be_kept_is_our_disk(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  f->server.tmp_dir = "/nonexistent";
  struct talk *t = push_begin_as(f, "ann", &header);
  assert_failed(t, ERR_STORAGE);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_push_stores_and_says_what_it_added),
      TEST(the_same_again_is_unchanged_whatever_was_expected),
      TEST(a_push_that_expects_something_else_is_told_so),
      TEST(a_dry_run_stores_nothing),
      TEST(every_problem_is_answered_and_nothing_stored),
      TEST(change_needs_replace),
      TEST(what_is_applied_never_changes),
      TEST(a_dependency_of_what_is_applied_never_changes),
      TEST(a_further_head_needs_leave),
      TEST(a_first_push_has_one_head),
      TEST(what_is_compared_only_is_not_stored),
      TEST(what_a_task_waits_to_apply_does_not_change),
      TEST(a_file_may_come_in_parts),
      TEST(parts_out_of_order_are_refused),
      TEST(names_that_no_file_has_are_refused),
      TEST(headers_are_first_and_once_and_name_a_catalog),
      TEST(a_catalog_over_the_limit_is_refused_and_leaves_no_file),
      TEST(four_at_a_time),
      TEST(an_upload_that_cannot_be_kept_is_our_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
