/* Reading targets: by name, by selector, the whole fleet in a fixed number of queries. */
#include "fixture.h"

#include "server/base/clock.h"
#include "server/store/lock.h"

static char *names_of(struct fixture *f, const struct target *targets, size_t count) {
  struct buf text BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; i < count; i++)
    buf_addf(&text, "%s%s", i ? " " : "", targets[i].name);
  return arena_strdup(&f->arena, buf_str(&text));
}

static char *selected(struct fixture *f, const struct target_query *q) {
  struct target *targets;
  size_t count;
  assert_ok(target_select(f->db, q, &f->arena, &targets, &count, &f->e));
  return names_of(f, targets, count);
}

static void fleet(struct fixture *f) {
  put_catalog(f, "app", "a");
  put_catalog(f, "other", "b");
  add_target(f, "shop-us", "env=prod,region=us");
  add_target(f, "shop-eu", "region=eu,env=prod");
  add_target(f, "Lab", "env=test");
  add_target(f, "bare", "");
  change(f, "UPDATE target SET catalog = 'other' WHERE name = 'Lab'");
}

static void all_come_by_name_with_labels_by_key(void **state) {
  struct fixture *f = *state;
  struct target *t;
  size_t count;
  fleet(f);
  assert_ok(
      target_select(f->db, &(struct target_query){.all = true}, &f->arena, &t, &count, &f->e));
  assert_string_equal(names_of(f, t, count), "Lab bare shop-eu shop-us");
  assert_int_equal(t[2].label_count, 2);
  assert_string_equal(t[2].labels[0].key, "env");
  assert_string_equal(t[2].labels[1].value, "eu");
  assert_int_equal(t[1].label_count, 0);
  assert_string_equal(t[3].labels[1].value, "us");
}

static void queries_select(void **state) {
  struct fixture *f = *state;
  fleet(f);
  const char *const two[] = {"shop-us", "bare", "shop-us"};
  assert_string_equal(selected(f, &(struct target_query){.selector = "env=prod"}),
                      "shop-eu shop-us");
  assert_string_equal(selected(f, &(struct target_query){.selector = "!region"}), "Lab bare");
  assert_string_equal(selected(f, &(struct target_query){.selector = "env=none"}), "");
  assert_string_equal(selected(f, &(struct target_query){.all = true, .catalog = "other"}), "Lab");
  assert_string_equal(selected(f, &(struct target_query){.selector = "env", .catalog = "app"}),
                      "shop-eu shop-us");
  assert_string_equal(selected(f, &(struct target_query){.names = two, .name_count = 3}),
                      "bare shop-us");
}

static void queries_are_checked(void **state) {
  struct fixture *f = *state;
  struct target *t = NULL;
  size_t n;
  const char *const names[] = {"shop-eu", "shop-ux", "nonsense"};
  fleet(f);
  assert_err(target_select(f->db, &(struct target_query){0}, &f->arena, &t, &n, &f->e), ERR_INPUT);
  assert_err(target_select(f->db, &(struct target_query){.all = true, .selector = "env"}, &f->arena,
                           &t, &n, &f->e),
             ERR_INPUT);
  assert_err(target_select(f->db,
                           &(struct target_query){.selector = "env="
                                                              "=="},
                           &f->arena, &t, &n, &f->e),
             ERR_INPUT);
  assert_err(target_select(f->db, &(struct target_query){.all = true, .catalog = "oter"}, &f->arena,
                           &t, &n, &f->e),
             ERR_NOT_FOUND);
  assert_string_equal(f->e.hint, "did you mean \"other\"?");
  assert_err(target_select(f->db, &(struct target_query){.names = names, .name_count = 3},
                           &f->arena, &t, &n, &f->e),
             ERR_NOT_FOUND);
  assert_in(f->e.text, "\"shop-ux\", \"nonsense\"");
  assert_in(f->e.hint, "did you mean \"shop-");
  assert_err(target_select(
                 f->db, &(struct target_query){.names = names, .name_count = 1, .catalog = "other"},
                 &f->arena, &t, &n, &f->e),
             ERR_INPUT);
  assert_null(t);
}

static void one_comes_with_everything(void **state) {
  struct fixture *f = *state;
  struct target t;
  const char *const rows[] = {"r1", "r2"};
  fleet(f);
  assert_ok(target_get(f->db, "shop-eu", &f->arena, &t, &f->e));
  assert_int_equal(t.seen_at, 0);
  assert_null(t.current);
  assert_null(t.lock);
  assert_null(t.last_error);
  assert_false(t.has_password);
  assert_ok(target_seen(f->db, t.id, rows, 2, 100, &f->e));
  struct target_lock lock = {.holder = "ann", .reason = "vacuum", .since = 5};
  assert_ok(lock_acquire(f->db, t.id, &lock, 5, &f->e));
  assert_ok(target_get(f->db, "shop-eu", &f->arena, &t, &f->e));
  assert_int_equal(t.seen_at, 100);
  assert_int_equal(t.current_count, 2);
  assert_string_equal(t.current[1], "r2");
  assert_string_equal(t.lock->reason, "vacuum");
  assert_string_equal(t.url, "sqlite:/x/shop-eu.db");
  assert_int_equal(t.dialect, DIALECT_SQLITE);
  assert_err(target_get(f->db, "shop-e", &f->arena, &t, &f->e), ERR_NOT_FOUND);
  assert_string_equal(f->e.hint, "did you mean \"shop-eu\"?");
}

static void an_expired_lock_is_not_shown(void **state) {
  struct fixture *f = *state;
  struct target *t;
  struct target one;
  size_t count;
  fleet(f);
  assert_ok(target_get(f->db, "bare", &f->arena, &one, &f->e));
  int64_t now = clock_wall_us();
  struct target_lock lock = {.holder = "ann", .reason = "x", .since = now, .expires = now - 1};
  assert_ok(lock_acquire(f->db, one.id, &lock, now, &f->e));
  assert_ok(target_get(f->db, "bare", &f->arena, &one, &f->e));
  assert_null(one.lock);
  lock.expires = now + INT64_C(3600000000);
  assert_ok(lock_acquire(f->db, one.id, &lock, now, &f->e));
  assert_ok(
      target_select(f->db, &(struct target_query){.all = true}, &f->arena, &t, &count, &f->e));
  assert_null(t[0].lock);
  assert_non_null(t[1].lock);
  assert_null(t[2].lock);
}

/* An older look does not overwrite a newer one. */
static void what_was_seen_last_stays(void **state) {
  struct fixture *f = *state;
  struct target t;
  fleet(f);
  assert_ok(target_get(f->db, "bare", &f->arena, &t, &f->e));
  assert_ok(target_seen(f->db, t.id, (const char *const[]){"new"}, 1, 200, &f->e));
  assert_ok(target_seen(f->db, t.id, (const char *const[]){"old"}, 1, 100, &f->e));
  assert_ok(target_get(f->db, "bare", &f->arena, &t, &f->e));
  assert_string_equal(t.current[0], "new");
  assert_ok(target_seen(f->db, t.id, NULL, 0, 300, &f->e));
  assert_ok(target_get(f->db, "bare", &f->arena, &t, &f->e));
  assert_int_equal(t.current_count, 0);
  assert_non_null(t.current);
}

/* A driver that counts. */
static unsigned statements;

static int counting_exec(struct db *db, const struct db_statement *s, db_row_fn *row, void *ctx,
                         int64_t *changed, const struct job *job, struct err *e) {
  statements++;
  return db_sqlite.exec(db, s, row, ctx, changed, job, e);
}

static void a_thousand_targets_take_three_queries(void **state) {
  struct fixture *f = *state;
  struct db_driver counting = db_sqlite;
  struct target *t;
  size_t count;
  counting.exec = counting_exec;
  put_catalog(f, "app", "a");
  change(f, "BEGIN");
  for (int i = 0; i < 1000; i++)
    add_target(f, arena_printf(&f->arena, "t%03d", i), "env=prod,region=eu,tier=gold");
  change(f, "COMMIT");
  const struct db_driver *real = f->db->driver;
  f->db->driver = &counting;
  statements = 0;
  assert_ok(target_select(f->db, &(struct target_query){.selector = "tier in (gold)"}, &f->arena,
                          &t, &count, &f->e));
  f->db->driver = real;
  assert_int_equal(count, 1000);
  assert_int_equal(statements, 3);
  assert_string_equal(t[999].name, "t999");
  assert_int_equal(t[999].label_count, 3);
}

static void names(void **state) {
  (void)state;
  char name[102];
  memset(name, 'n', 101);
  name[101] = '\0';
  assert_false(target_name_valid(name));
  assert_true(target_name_valid(name + 1));
  assert_true(target_name_valid("_A.b-9"));
  static const char *const bad[] = {"", "-a", ".a", "a b", "a/b", "a\n", "\xc3\xa4", "a:b"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(target_name_valid(bad[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_come_by_name_with_labels_by_key),
      TEST(queries_select),
      TEST(queries_are_checked),
      TEST(one_comes_with_everything),
      TEST(an_expired_lock_is_not_shown),
      TEST(what_was_seen_last_stays),
      TEST(a_thousand_targets_take_three_queries),
      TEST(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
