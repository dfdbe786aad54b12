/* The writer over a disk whose N-th operation fails, for every N: full or broken, once or from then
 * on. What was acknowledged is there; what was refused is not; the file is whole; and the store
 * goes on when the disk does.
 */
#include "fixture.h"

#include <sqlite3.h>

#include "server/store/principal.h"
#include "server/store/store.h"
#include "tests/support/faulty_vfs.c" /* whole: this room's tests link nothing else of it */

#define WRITES 3

struct insert {
  int number;
};

static void name_of(int number, char name[16]) {
  snprintf(name, 16, "p%d", number);
}

/* Two tables and an event in one write: half of it would be seen. */
static int insert(struct db *db, void *ctx, struct err *e) {
  char name[16], bytes[6000] = "";
  name_of(((struct insert *)ctx)->number, name);
  if (principal_add(db, name, ROLE_VIEWER, e) || event_append(db, 1, NULL, "\x1a\x01x", 3, NULL, e))
    return -1;
  return row_change(db, "INSERT INTO content (hash, bytes) VALUES ($1, $2)",
                    PARAMS(db_text(name), db_blob(bytes, sizeof bytes)), NULL, e);
}

static bool present(struct fixture *f, const char *sql, int number) {
  char name[16];
  int64_t n = 0;
  name_of(number, name);
  assert_ok(row_int(f->db, sql, PARAMS(db_text(name)), &n, NULL, &f->e));
  return n == 1;
}

/* Which writes are in the file, each as a whole. */
static void check_file(struct fixture *f, const bool *acknowledged, unsigned at) {
  char *verdict = NULL;
  int64_t expected = 0;
  f->db = fixture_open(f, false);
  assert_ok(row_text(f->db, "PRAGMA integrity_check", NO_PARAMS, &f->arena, &verdict, &f->e));
  assert_string_equal(verdict, "ok");
  for (int i = 0; i <= WRITES; i++) {
    bool there = present(f, "SELECT COUNT(*) FROM principal WHERE name = $1", i);
    if (there != acknowledged[i])
      fail_msg("operation %u: write %d was %s and is %s", at, i,
               acknowledged[i] ? "acknowledged" : "refused", there ? "there" : "not there");
    assert_int_equal(present(f, "SELECT COUNT(*) FROM content WHERE hash = $1", i), there);
    expected += there;
  }
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM event"), expected);
  assert_int_equal(number(f, f->db, "SELECT next_seq - 1 FROM run"), expected);
}

static void start_over(struct fixture *f) {
  change(f, "DELETE FROM principal");
  change(f, "DELETE FROM content WHERE hash LIKE 'p%'");
  change(f, "DELETE FROM event");
  change(f, "UPDATE run SET next_seq = 1");
  db_close(f->db);
  f->db = NULL;
}

/* Whether an operation failed at all. */
static bool one_fault(struct fixture *f, unsigned at, int code, bool sticky) {
  struct store_options options = {.path = f->path, .readers = 1};
  struct store *s = NULL;
  bool acknowledged[WRITES + 1];
  start_over(f);
  assert_ok(store_open(&s, &options, &f->e));
  struct db *reader = store_reader(s, &f->e);
  assert_non_null(reader);
  store_reader_done(s, reader);
  vfs_arm(at, code, sticky);
  for (int i = 0; i < WRITES; i++) {
    err_clear(&f->e);
    acknowledged[i] = store_write(s, insert, &(struct insert){i}, &f->e) == 0;
    assert_true(acknowledged[i] || f->e.kind == ERR_STORAGE);
  }
  bool reached = vfs_count() >= at;
  vfs_arm(0, 0, false);
  acknowledged[WRITES] = true;
  assert_ok(store_write(s, insert, &(struct insert){WRITES}, &f->e));
  store_close(s);
  check_file(f, acknowledged, at);
  return reached;
}

static void sweep(void **state, int code, bool sticky) {
  struct fixture *f = *state;
  int64_t target, at = 1;
  put_catalog(f, "app", "a");
  target = add_target(f, "one", "");
  add_run(f, &target, 1);
  while (one_fault(f, (unsigned)at, code, sticky))
    at++;
  assert_true(at > 10); /* it did fail, many times */
}

static void full_once(void **state) {
  sweep(state, SQLITE_FULL, false);
}

static void full_from_then_on(void **state) {
  sweep(state, SQLITE_FULL, true);
}

static void broken_once(void **state) {
  sweep(state, SQLITE_IOERR, false);
}

static void broken_from_then_on(void **state) {
  sweep(state, SQLITE_IOERR, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(full_once),
      TEST(full_from_then_on),
      TEST(broken_once),
      TEST(broken_from_then_on),
  };
  vfs_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
