/* Opening the store, and its readers. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/store/principal.h"
#include "server/store/store.h"

static struct store *open_store(struct fixture *f, unsigned readers) {
  struct store_options options = {.path = f->path, .readers = readers};
  struct store *s = NULL;
  db_close(f->db);
  f->db = NULL;
  assert_ok(store_open(&s, &options, &f->e));
  return s;
}

static int add_ann(struct db *db, void *ctx, struct err *e) {
  (void)ctx;
  return principal_add(db, "ann", ROLE_VIEWER, e);
}

static void a_store_keeps_its_id(void **state) {
  struct fixture *f = *state;
  struct store *s = open_store(f, 1);
  char id[32];
  snprintf(id, sizeof id, "%s", store_id(s));
  assert_int_equal(strlen(id), 16);
  assert_int_equal(strspn(id, "0123456789abcdef"), 16);
  assert_string_equal(store_path(s), f->path);
  store_close(s);
  s = open_store(f, 1);
  assert_string_equal(store_id(s), id);
  store_close(s);
  store_close(NULL);
}

static void what_is_no_store_is_refused(void **state) {
  struct fixture *f = *state;
  struct store *s = NULL;
  struct store_options options = {.readers = 1};
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/none.db", f->dir);
  options.path = path;
  assert_err(store_open(&s, &options, &f->e), ERR_STORAGE);
  assert_int_equal(access(path, F_OK), -1);
  FILE *file = fopen(path, "we");
  fputs("this is no database, whatever its name says, and it is long enough to be looked at\n",
        file);
  for (int i = 0; i < 100; i++)
    fputs("garbage ", file);
  fclose(file);
  assert_err(store_open(&s, &options, &f->e), ERR_STORAGE);
  unlink(path);
  file = fopen(path, "we"); /* an empty database: no schema */
  fclose(file);
  assert_err(store_open(&s, &options, &f->e), ERR_STORAGE);
  assert_null(s);
}

/* A page of an index overwritten while nobody had it open. */
static void a_damaged_file_is_refused(void **state) {
  struct fixture *f = *state;
  struct store_options options = {.path = f->path, .readers = 1};
  struct store *s = NULL;
  char garbage[4096];
  put_catalog(f, "app", "a");
  for (int i = 0; i < 200; i++)
    add_target(f, arena_printf(&f->arena, "target-%d", i), "env=prod");
  int64_t page = number(f, f->db, "SELECT rootpage FROM sqlite_schema WHERE name = 'target_label'");
  change(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  db_close(f->db);
  f->db = NULL;
  int fd = open(f->path, O_RDWR);
  memset(garbage, 0xa5, sizeof garbage);
  assert_int_equal(pwrite(fd, garbage, sizeof garbage, (page - 1) * 4096), 4096);
  close(fd);
  assert_err(store_open(&s, &options, &f->e), ERR_STORAGE);
  assert_in(f->e.text, "damaged");
  assert_null(s);
}

static void several_reads_agree(void **state) {
  struct fixture *f = *state;
  struct store *s = open_store(f, 2);
  struct db *a = store_reader(s, &f->e);
  static const char count[] = "SELECT COUNT(*) FROM principal";
  assert_non_null(a);
  assert_int_equal(number(f, a, count), 0);
  assert_ok(store_write(s, add_ann, NULL, &f->e));
  assert_int_equal(number(f, a, count), 0);
  struct db *b = store_reader(s, &f->e);
  assert_ptr_not_equal(a, b);
  assert_int_equal(number(f, b, count), 1);
  store_reader_done(s, b);
  store_reader_done(s, a);
  a = store_reader(s, &f->e);
  assert_int_equal(number(f, a, count), 1);
  store_reader_done(s, a);
  store_reader_done(s, NULL);
  store_close(s);
}

static void a_reader_cannot_write(void **state) {
  struct fixture *f = *state;
  struct store *s = open_store(f, 1);
  struct db *db = store_reader(s, &f->e);
  assert_err(principal_add(db, "eve", ROLE_ADMIN, &f->e), ERR_STORAGE);
  store_reader_done(s, db);
  db = store_reader(s, &f->e);
  assert_int_equal(number(f, db, "SELECT COUNT(*) FROM principal"), 0);
  store_reader_done(s, db);
  store_close(s);
}

struct crowd {
  struct store *store;
  atomic_int inside, most, failed;
};

static void *read_often(void *arg) {
  struct crowd *crowd = arg;
  for (int i = 0; i < 100; i++) {
    struct err e;
    int64_t n = -1;
    err_clear(&e);
    struct db *db = store_reader(crowd->store, &e);
    if (!db) {
      crowd->failed++;
      continue;
    }
    int now = ++crowd->inside, most = crowd->most;
    while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
      ;
    if (row_int(db, "SELECT COUNT(*) FROM principal", NO_PARAMS, &n, NULL, &e) || n != 1)
      crowd->failed++;
    crowd->inside--;
    store_reader_done(crowd->store, db);
  }
  return NULL;
}

static void readers_are_few_and_waited_for(void **state) {
  struct fixture *f = *state;
  struct crowd crowd = {.store = open_store(f, 2)};
  pthread_t threads[8];
  assert_ok(store_write(crowd.store, add_ann, NULL, &f->e));
  for (int i = 0; i < 8; i++)
    pthread_create(&threads[i], NULL, read_often, &crowd);
  for (int i = 0; i < 8; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(crowd.failed, 0);
  assert_in_range(crowd.most, 1, 2);
  store_close(crowd.store);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_store_keeps_its_id),      TEST(what_is_no_store_is_refused),
      TEST(a_damaged_file_is_refused), TEST(several_reads_agree),
      TEST(a_reader_cannot_write),     TEST(readers_are_few_and_waited_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
