/* Walks over a real database: what is applied, what is refused, and — with the connection lost at
 * every statement in turn, before and after it took effect — that the ledger always agrees with the
 * schema. Once on a SQLite file, once on PostgreSQL where MIGD_TEST_PG_HOST says there is one.
 */
#include "tests/unit/engine/walk_fixture.h"

#include <sqlite3.h>

#include "tests/support/faulty_vfs.h"

/* The ledger agrees with the schema, and each whole step stands in it once. */
static void check_agrees(struct fixture *f) {
  static const struct {
    const char *rows, *tables, *partial;
  } legal[] = {
      {"", "", ""},
      {"r1 ", "a ", "a c "},
      {"r2 ", "a b ", "a b c "},
      {"r3 ", "a c ", "a c "},
      {"r2 r3 ", "a b c ", "a b c "},
      {"r4 ", "a b c d ", "a b c d "},
  };
  char r[512], t[512], again[512];
  rows(f, r);
  if (strstr(r, "no such table") || strstr(r, "does not exist"))
    r[0] = 0;
  tables(f, t);
  for (size_t i = 0; i < COUNT(legal); i++)
    if (!strcmp(r, legal[i].rows) &&
        (!strcmp(t, legal[i].tables) || !strcmp(t, legal[i].partial))) {
      if (r[0])
        assert_string_equal(
            ask(f,
                "SELECT revision FROM migd_ledger WHERE statement = 0 AND direction = "
                "'up' GROUP BY revision HAVING count(*) > 1",
                again),
            "");
      return;
    }
  fail_msg("ledger \"%s\" does not agree with tables \"%s\"", r, t);
}

static void test_up_and_down(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  char out[512];
  struct walk w;
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  if (go(&f, OP_UPGRADE, "head", &w, &e))
    fail_msg("%s", e.text);
  assert_int_equal(w.steps_done, 4);
  assert_string_equal(rows(&f, out), "r4 ");
  assert_string_equal(tables(&f, out), "a b c d ");
  assert_int_equal(w.ledger.row_count, 1);
  assert_string_equal(w.ledger.rows[0], "r4");
  assert_int_equal(go(&f, OP_UPGRADE, "head", &w, &e), 0);
  assert_int_equal(w.steps_done, 0);
  if (go(&f, OP_DOWNGRADE, "r1", &w, &e))
    fail_msg("%s", e.text);
  assert_string_equal(rows(&f, out), "r1 ");
  assert_string_equal(tables(&f, out), "a ");
  assert_int_equal(go(&f, OP_DOWNGRADE, "base", &w, &e), 0);
  assert_string_equal(rows(&f, out), "");
  assert_string_equal(tables(&f, out), "");
  end(&f);
}

static void test_single_transaction_refuses_what_cannot(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  const char *head[] = {"head"};
  struct walk w = walk(&f, OP_UPGRADE, head);
  w.single_transaction = true;
  assert_int_equal(walk_to(&w, WALK_APPLY, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_string_equal(tables(&f, out), "");
  const char *r2[] = {"r2"};
  w = walk(&f, OP_UPGRADE, r2);
  w.single_transaction = true;
  if (walk_to(&w, WALK_APPLY, &e))
    fail_msg("%s", e.text);
  assert_string_equal(rows(&f, out), "r2 ");
  end(&f);
}

static void test_failure_names_its_place_and_keeps_nothing(void **state) {
  (void)state;
  static const struct source broken[] = {
      {"r1_first.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                       "CREATE TABLE a (id INTEGER PRIMARY KEY);\n"},
      {"r2_broken.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                        "CREATE TABLE b (id INTEGER PRIMARY KEY);\n"
                        "INSERT INTO b\n  SELECT no_such_function(1);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, broken, COUNT(broken));
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_string_equal(e.file, "r2_broken.sql");
  assert_int_equal(e.line, 7);
  assert_int_equal(e.column, 10);
  assert_string_equal(e.source, "  SELECT no_such_function(1);");
  assert_non_null(strstr(e.text, "app: r2_broken.sql:7:10: ERROR"));
  assert_non_null(strstr(e.text, "no_such_function"));
  assert_string_equal(rows(&f, out), "r1 ");
  assert_string_equal(tables(&f, out), "a ");
  end(&f);
}

/* Places of failures are those of the file; nothing is begun when a value is missing. */
static void test_variables(void **state) {
  (void)state;
  static const struct source told[] = {
      {"r1_first.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                       "CREATE TABLE ${table:identifier} (id ${type:raw} PRIMARY KEY);\n"
                       "INSERT INTO a VALUES (${number:raw});\n"},
      {"r2_broken.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                        "INSERT INTO ${table:identifier}\n"
                        "  SELECT length(${text}), ${number}, no_such_function(${number:raw});\n"},
  };
  static const struct variable values[] = {{"number", "7", false},
                                           {"table", "a", false},
                                           {"text", "it's\\", false},
                                           {"type", "INTEGER", false}};
  struct fixture f;
  struct err e;
  char out[512];
  const char *head[] = {"head"};
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, told, COUNT(told));
  struct walk w = walk(&f, OP_UPGRADE, head);
  w.variables = (struct variables){.items = values, .count = 3};
  assert_int_equal(walk_to(&w, WALK_PLAN, &e), -1);
  assert_int_equal(e.kind, ERR_NOT_FOUND);
  assert_non_null(strstr(e.text, "app: r1_first.sql:5:38: ERROR: the variable type has no value"));
  assert_non_null(strstr(e.hint, "`migctl target set app --var type=VALUE` gives it one"));
  assert_string_equal(e.detail, "");
  w = walk(&f, OP_UPGRADE, head);
  w.variables = (struct variables){.items = values + 1, .count = 3};
  assert_int_equal(walk_to(&w, WALK_APPLY, &e), -1);
  assert_non_null(strstr(e.text, "r1_first.sql:6:23: ERROR: the variable number has no value"));
  assert_string_equal(tables(&f, out), "");
  w = walk(&f, OP_UPGRADE, head);
  w.variables = (struct variables){.items = values, .count = COUNT(values)};
  assert_int_equal(walk_to(&w, WALK_APPLY, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_int_equal(e.line, 6);
  assert_int_equal(e.column, 38);
  assert_string_equal(rows(&f, out), "r1 ");
  assert_string_equal(ask(&f, "SELECT CAST(id AS TEXT) FROM a", out), "7 ");
  end(&f);
}

/* Every variable of every step, once, also behind a value that cannot stand where it is. */
static void test_all_missing_variables_at_once(void **state) {
  (void)state;
  static const struct source told[] = {
      {"r1_first.sql",
       "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
       "CREATE TABLE ${table:identifier} (id ${type:raw} PRIMARY KEY);\n"
       "INSERT INTO a VALUES (${number:raw});\n-- migd:down\nDROP TABLE ${never:identifier};\n"},
      {"r2_more.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                      "INSERT INTO ${table:identifier}\n  SELECT ${text}, ${number};\n"},
  };
  static const struct variable values[] = {{"number", "7;", false}};
  struct fixture f;
  struct err e;
  char out[512];
  const char *head[] = {"head"};
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, told, COUNT(told));
  for (enum walk_stage last = WALK_PLAN; last <= WALK_APPLY; last++) {
    struct walk w = walk(&f, OP_UPGRADE, head);
    w.variables = (struct variables){.items = values, .count = 1};
    assert_int_equal(walk_to(&w, last, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.text, "app: r1_first.sql:5:14: ERROR: the variables table, type and text "
                                "have no value");
    assert_string_equal(e.detail, "table is used in r1_first.sql:5:14\n"
                                  "type is used in r1_first.sql:5:38\n"
                                  "text is used in r2_more.sql:6:10");
    assert_non_null(strstr(e.hint,
                           "`migctl target set app --var table=VALUE --var type=VALUE --var "
                           "text=VALUE` gives them values"));
  }
  assert_string_equal(tables(&f, out), "");
  end(&f);
}

/* Some are named and the others counted: everything has its room. */
static void test_very_many_missing_variables(void **state) {
  (void)state;
  enum { MANY = 150 };
  struct fixture f;
  struct err e;
  const char *head[] = {"head"};
  struct buf text BUF_SCOPED = BUF_INIT;
  buf_adds(&text, "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\nSELECT 1");
  for (int i = 0; i < MANY; i++)
    buf_addf(&text, ",\n  ${a_rather_long_name_that_is_near_to_the_longest_of_them_all_%03d}", i);
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, &(struct source){"r1_first.sql", buf_str(&text)}, 1);
  struct walk w = walk(&f, OP_UPGRADE, head);
  assert_int_equal(walk_to(&w, WALK_PLAN, &e), -1);
  assert_non_null(strstr(e.text, "_all_000, a_rather"));
  assert_non_null(strstr(e.text, "_all_005 and 144 more have no value"));
  assert_non_null(strstr(e.detail, "_all_000 is used in r1_first.sql:6:3\n"));
  const char *last = strrchr(e.detail, '\n');
  int shown = 0, left = 0;
  for (const char *at = e.detail; (at = strstr(at, " is used in ")) != NULL; at++)
    shown++;
  assert_int_equal(sscanf(last, "\nand %d more", &left), 1);
  assert_int_equal(shown + left, MANY);
  assert_non_null(strstr(e.hint, "_all_000=VALUE"));
  assert_non_null(strstr(e.hint, " …` gives them values, `migctl catalog set` values for all "
                                 "targets of a catalog"));
  end(&f);
}

/* Also when it is not the statement with the secret that fails. */
static void test_secrets_are_not_told(void **state) {
  (void)state;
  static const struct source told[] = {
      {"r1_first.sql",
       "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
       "CREATE TABLE a (id TEXT, CONSTRAINT ${key:identifier} CHECK (id <> 'x'));\n"},
      {"r2_broken.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                        "INSERT INTO a VALUES ('x');\n"},
  };
  static const struct variable values[] = {{"key", "correct horse", true}};
  static const char *const secrets[] = {"correct horse"};
  struct fixture f;
  struct err e;
  const char *head[] = {"head"};
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, told, COUNT(told));
  struct walk w = walk(&f, OP_UPGRADE, head);
  w.variables = (struct variables){.items = values, .count = 1};
  w.secrets = (struct secrets){secrets, 1};
  assert_int_equal(walk_to(&w, WALK_APPLY, &e), -1);
  assert_int_equal(w.steps_done, 1);
  assert_int_equal(e.line, 5);
  assert_non_null(strstr(e.text, "(secret)"));
  assert_null(strstr(e.text, "horse"));
  assert_null(strstr(e.detail, "horse"));
  end(&f);
}

static void test_a_statement_that_ends_our_transaction_is_caught(void **state) {
  (void)state;
  static const struct source sly[] = {
      {"r1_sly.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                     "CREATE TABLE a (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK);\n"
                     "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (1);\n"
                     "CREATE TABLE b (id INTEGER);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, sly, COUNT(sly));
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_int_equal(e.line, 7);
  assert_string_equal(tables(&f, out), "");
  end(&f);
}

static void test_orphans(void **state) {
  (void)state;
  static const struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER PRIMARY KEY);\n"
                   "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));\n"},
      {"r2_b.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                   "INSERT INTO b VALUES (2, 77);\n"},
      {"r3_c.sql", "-- migd:revision r3\n-- migd:parent r1\n\n-- migd:up\n"
                   "INSERT INTO a VALUES (5);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, files, COUNT(files));
  assert_int_equal(go(&f, OP_UPGRADE, "r1", NULL, &e), 0);
  assert_int_equal(go(&f, OP_UPGRADE, "r2", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_non_null(strstr(e.text, "row 2 of b names no row of a"));
  assert_string_equal(rows(&f, out), "r1 ");
  /* One that was there before is not the revision's fault. */
  ask(&f, "INSERT INTO b VALUES (9, 99)", out);
  if (go(&f, OP_UPGRADE, "r3", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(rows(&f, out), "r3 ");
  end(&f);
}

/* Nor is a foreign key that fits no key of its parent; but it does not hide what is. */
static void test_foreign_keys_that_fit_nothing(void **state) {
  (void)state;
  static const struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER PRIMARY KEY, n);\n"
                   "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));\n"},
      {"r2_b.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                   "INSERT INTO b VALUES (2, 77);\n"},
      {"r3_c.sql", "-- migd:revision r3\n-- migd:parent r1\n\n-- migd:up\n"
                   "CREATE TABLE d (n REFERENCES a (n));\n"},
      {"r4_d.sql", "-- migd:revision r4\n-- migd:parent r1\n\n-- migd:up\n"
                   "INSERT INTO a VALUES (5, 6);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, files, COUNT(files));
  assert_int_equal(go(&f, OP_UPGRADE, "r1", NULL, &e), 0);
  assert_int_equal(go(&f, OP_UPGRADE, "r3", NULL, &e), -1);
  assert_non_null(strstr(e.text, "foreign key mismatch - \"d\" referencing \"a\""));
  assert_string_equal(e.file, "r3_c.sql");
  ask(&f, "CREATE TABLE c (n REFERENCES a (n))", out);
  assert_int_equal(go(&f, OP_UPGRADE, "r2", NULL, &e), -1);
  assert_non_null(strstr(e.text, "row 2 of b names no row of a"));
  if (go(&f, OP_UPGRADE, "r4", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(rows(&f, out), "r4 ");
  end(&f);
}

static void test_tables_without_ledger_are_refused(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  ask(&f, "CREATE TABLE a (id INTEGER PRIMARY KEY)", out);
  ask(&f, "INSERT INTO a VALUES (1)", out);
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_non_null(strstr(e.hint, "stamp"));
  assert_int_equal(go(&f, OP_STAMP, "r1", NULL, &e), 0);
  assert_string_equal(rows(&f, out), "r1 ");
  assert_int_equal(go(&f, OP_UPGRADE, "r2", NULL, &e), 0);
  assert_string_equal(rows(&f, out), "r2 ");
  end(&f);
}

static void test_fences(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  const char *head[] = {"head"};
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", NULL, &e), 0);
  struct walk w = walk(&f, OP_UPGRADE, head);
  w.store_id = "fedcba9876543210";
  assert_int_equal(walk_to(&w, WALK_APPLY, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  w = walk(&f, OP_UPGRADE, head);
  w.epoch = 1; /* a store restored from a backup has counted less far */
  assert_int_equal(walk_to(&w, WALK_APPLY, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_non_null(strstr(e.text, "epoch"));
  end(&f);
}

/* Somebody else changes the ledger between our reading it and our step. */
static void test_compare_and_swap(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  assert_int_equal(go(&f, OP_UPGRADE, "r1", NULL, &e), 0);
  struct db_options options = f.options;
  struct db *db DB_SCOPED = NULL;
  assert_int_equal(db_open(&db, &options, NULL, &e), 0);
  const char *remove[] = {"r9"}, *insert[] = {"r2"};
  struct plan_step step = {
      .remove = remove, .remove_count = 1, .insert = insert, .insert_count = 1};
  assert_int_equal(ledger_change(db, &step, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_CONFLICT);
  assert_string_equal(rows(&f, out), "r1 ");
  struct ledger_entry entry = {
      .revision = "r1", .direction = DIR_UP, .checksum = "", .store_id = "x", .principal = "x"};
  int64_t seq = 0; /* entry 1 is there already */
  assert_int_equal(ledger_append(db, &entry, &seq, NULL, &e), -1);
  assert_int_equal(e.kind, ERR_CONFLICT);
  end(&f);
}

/* What a person would answer who looks whether the one statement outside a transaction took effect.
 */
static enum doubt_answer look_at_doubt(struct fixture *f) {
  char out[512];
  return strcmp(ask(f, backend->index, out), "1 ") ? DOUBT_RETRY : DOUBT_SKIP;
}

/* Every place where something can fail; every seventh under the sanitizers, which look at the
 * memory, not at the places. */
static unsigned stride(void) {
  return getenv("MIGD_TEST_SLOW") ? 7 : 1;
}

/* Upgrade and downgrade with the connection lost at statement N, for every N there is: afterwards
 * the ledger agrees with the schema, and the same request ends the work. */
static void sweep(enum operation operation, const char *from, const char *to, enum fault fault) {
  for (unsigned at = 1;; at += stride()) {
    struct fixture f;
    struct err e;
    char out[512];
    begin(&f);
    faulty_arm(0, FAULT_BEFORE);
    if (from && go(&f, OP_UPGRADE, from, NULL, &e))
      fail_msg("%s", e.text);
    faulty_arm(at, fault);
    int rc = go(&f, operation, to, NULL, &e);
    bool met = faulty_count() >= at;
    faulty_arm(0, FAULT_BEFORE);
    check_agrees(&f);
    if (rc && e.kind != ERR_TARGET)
      fail_msg("statement %u: %s", at, e.text);
    const char *revisions[] = {to};
    struct walk w = walk(&f, operation, revisions);
    w.doubt = look_at_doubt(&f);
    rc = walk_to(&w, WALK_APPLY, &e);
    if (rc)
      fail_msg("statement %u, again: %s", at, e.text);
    check_agrees(&f);
    (void)rows(&f, out);
    end(&f);
    if (!met)
      return;
    assert_true(at < 500);
  }
}

static void test_lost_before_each_statement(void **state) {
  (void)state;
  sweep(OP_UPGRADE, NULL, "head", FAULT_BEFORE);
  sweep(OP_DOWNGRADE, "head", "base", FAULT_BEFORE);
}

static void test_lost_after_each_statement(void **state) {
  (void)state;
  sweep(OP_UPGRADE, NULL, "head", FAULT_AFTER);
  sweep(OP_DOWNGRADE, "head", "base", FAULT_AFTER);
}

static unsigned resolved_steps;

static void on_finished(void *ctx, const struct walk *w, unsigned index, int64_t us,
                        bool resolved) {
  (void)ctx, (void)w, (void)index, (void)us;
  resolved_steps += resolved;
}

/* The answer of a COMMIT is lost: the ledger knows, and the walk goes on to its end by itself. */
static void test_lost_commit_is_resolved(void **state) {
  (void)state;
  unsigned found = 0;
  for (unsigned at = 1; at < 60; at++) {
    struct fixture f;
    struct err e;
    char out[512];
    const char *r2[] = {"r2"};
    begin(&f);
    faulty_arm(at, FAULT_AFTER);
    struct walk w = walk(&f, OP_UPGRADE, r2);
    resolved_steps = 0;
    w.hooks.step_finished = on_finished;
    if (!walk_to(&w, WALK_APPLY, &e) && resolved_steps) {
      found++;
      assert_int_equal(w.steps_done, 2);
      assert_string_equal(rows(&f, out), "r2 ");
      assert_int_equal(w.ledger.row_count, 1);
    }
    faulty_arm(0, FAULT_BEFORE);
    end(&f);
  }
  assert_int_equal(found, 2); /* one COMMIT a revision */
}

/* --- SQLite only --- */

static void use_wal(struct fixture *f) {
  char out[512];
  assert_string_equal(ask(f, "PRAGMA journal_mode = WAL", out), "wal ");
}

/* One upgrade with operation `at` of the file system failing. Answers whether it came to that. */
static bool disk_fails_at(unsigned at, int code, bool sticky, bool wal) {
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  if (wal)
    use_wal(&f);
  vfs_arm(at, code, sticky);
  int rc = go(&f, OP_UPGRADE, "head", NULL, &e);
  bool met = vfs_count() >= at;
  vfs_arm(0, 0, false);
  check_agrees(&f);
  if (!rc)
    assert_string_equal(rows(&f, out), "r4 ");
  if (rc && e.kind != ERR_MIGRATION && e.kind != ERR_TARGET && e.kind != ERR_CONFLICT)
    fail_msg("operation %u: %s", at, e.text);
  const char *head[] = {"head"};
  struct walk w = walk(&f, OP_UPGRADE, head);
  w.doubt = look_at_doubt(&f);
  if (walk_to(&w, WALK_APPLY, &e))
    fail_msg("operation %u, again: %s", at, e.text);
  check_agrees(&f);
  assert_string_equal(ask(&f, "PRAGMA integrity_check", out), "ok ");
  end(&f);
  return met;
}

static void test_the_disk_fails_at_each_operation(void **state) {
  (void)state;
  static const int codes[] = {SQLITE_IOERR, SQLITE_FULL};
  faulty_arm(0, FAULT_BEFORE);
  vfs_install();
  for (int mode = 0; mode < 8; mode++)
    for (unsigned at = 1; disk_fails_at(at, codes[mode & 1], mode & 2, mode & 4); at += stride())
      assert_true(at < 2000);
}

/* --- PostgreSQL only --- */

/* A revision that moves the search path must not lose us our ledger, nor the next revision its
 * tables. */
static void test_search_path_is_put_back(void **state) {
  (void)state;
  static const struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "SELECT pg_catalog.set_config('search_path', '', false);\n"
                   "CREATE TABLE public.a (id INTEGER PRIMARY KEY);\n"},
      {"r2_b.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\n"
                   "CREATE TABLE b (id INTEGER PRIMARY KEY);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, files, COUNT(files));
  if (go(&f, OP_UPGRADE, "head", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(tables(&f, out), "a b ");
  end(&f);
}

#define VALID "SELECT indisvalid::text FROM pg_index WHERE indexrelid = to_regclass('a_id')"

/* CREATE INDEX CONCURRENTLY that fails leaves an INVALID index: the next try drops and builds it.
 */
static void test_invalid_index_is_rebuilt(void **state) {
  (void)state;
  static const struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1), (1);\n"},
      {"r2_b.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up transaction=off\n"
                   "CREATE UNIQUE INDEX CONCURRENTLY a_id ON public.a (id);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, files, COUNT(files));
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  assert_string_equal(ask(&f, VALID, out), "false ");
  assert_string_equal(rows(&f, out), "r1 ");
  ask(&f, "DELETE FROM a WHERE ctid = (SELECT min(ctid) FROM a)", out);
  if (go(&f, OP_UPGRADE, "head", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(ask(&f, VALID, out), "true ");
  assert_string_equal(rows(&f, out), "r2 ");
  end(&f);
}

#define DECOY "SELECT indisvalid::text FROM pg_index WHERE indexrelid = to_regclass('public.a_id')"

/* The index that failed is gone, and the search path finds another one of its name, INVALID too. */
static void test_an_index_of_a_searched_schema_is_left_alone(void **state) {
  (void)state;
  static const struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1), (1);\n"},
      {"r2_b.sql", "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up transaction=off\n"
                   "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);\n"},
  };
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  build(&f, files, COUNT(files));
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_MIGRATION);
  ask(&f, "INSERT INTO public.b VALUES (1), (1)", out);
  ask(&f, "CREATE UNIQUE INDEX CONCURRENTLY a_id ON public.b (decoy)", out);
  assert_string_equal(ask(&f, DECOY, out), "false ");
  ask(&f, "DROP INDEX tenant.a_id", out);
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_string_equal(ask(&f, DECOY, out), "false ");
  ask(&f, "DELETE FROM a WHERE ctid = (SELECT min(ctid) FROM a)", out);
  if (go(&f, OP_UPGRADE, "head", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(ask(&f, DECOY, out), "false ");
  assert_string_equal(ask(&f,
                          "SELECT indisvalid::text FROM pg_index WHERE indexrelid = "
                          "'tenant.a_id'::regclass",
                          out),
                      "true ");
  ask(&f, "DROP INDEX public.a_id", out);
  end(&f);
}

static int adopt(struct fixture *f, const char *tool, const char *table, struct err *e) {
  const char *head[] = {"head"};
  struct adoption adoption = {.asked = tool ? tool : ""};
  struct walk w = walk(f, tool ? OP_STAMP : OP_UPGRADE, head);
  w.adopt = tool ? &adoption : NULL;
  w.adopt_table = table;
  w.adopt_revision = "r1";
  return walk_to(&w, WALK_APPLY, e);
}

/* What another tool wrote for a schema that is only searched says nothing of the target. */
static void test_adoption_stays_in_the_schema(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  char out[512];
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  ask(&f, "CREATE TABLE public.alembic_version (version_num text)", out);
  ask(&f, "INSERT INTO public.alembic_version VALUES ('r1')", out);
  ask(&f, "CREATE TABLE other (id int)", out);
  assert_int_equal(adopt(&f, "", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  assert_int_equal(adopt(&f, NULL, "c", &e), -1);
  assert_int_equal(e.kind, ERR_REFUSED);
  ask(&f, "CREATE TABLE alembic_version (version_num text)", out);
  ask(&f, "INSERT INTO alembic_version VALUES ('r3')", out);
  if (adopt(&f, "", NULL, &e))
    fail_msg("%s", e.text);
  assert_string_equal(rows(&f, out), "r3 ");
  ask(&f, "DROP TABLE tenant.migd_revision", out);
  ask(&f, "DROP TABLE tenant.migd_ledger", out);
  ask(&f, "CREATE TABLE a AS SELECT 1 AS id", out);
  ask(&f, "ALTER TABLE a ADD PRIMARY KEY (id)", out);
  if (adopt(&f, NULL, "a", &e))
    fail_msg("%s", e.text);
  assert_string_equal(rows(&f, out), "r4 ");
  ask(&f, "DROP TABLE public.alembic_version", out);
  end(&f);
}

/* Two servers, one target: the second is told who is there, and never waits inside the target. */
static void test_the_lock_keeps_others_out(void **state) {
  (void)state;
  struct fixture f;
  struct err e;
  begin(&f);
  faulty_arm(0, FAULT_BEFORE);
  struct db *other DB_SCOPED = NULL;
  assert_int_equal(db_open(&other, &f.options, NULL, &e), 0);
  assert_int_equal(other->driver->lock(other, NULL, &e), 1);
  assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
  assert_int_equal(e.kind, ERR_LOCKED);
  other->driver->unlock(other);
  if (go(&f, OP_UPGRADE, "head", NULL, &e))
    fail_msg("%s", e.text);
  end(&f);
}

/* A revision that gives our lock away fails, and nothing of it is kept. */
static void test_a_lock_that_is_dropped_is_noticed(void **state) {
  (void)state;
  static const struct source files[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER);\nSELECT pg_advisory_unlock_all();\n"},
  };
  /* The same in the part of a journalled step that has a transaction. */
  static const struct source journalled[] = {
      {"r1_a.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                   "CREATE TABLE a (id INTEGER);\nSELECT pg_advisory_unlock_all();\n"
                   "-- migd:up transaction=off\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n"},
  };
  const struct source *const all[] = {files, journalled};
  for (size_t i = 0; i < COUNT(all); i++) {
    struct fixture f;
    struct err e;
    char out[512];
    begin(&f);
    faulty_arm(0, FAULT_BEFORE);
    build(&f, all[i], 1);
    assert_int_equal(go(&f, OP_UPGRADE, "head", NULL, &e), -1);
    assert_string_equal(tables(&f, out), "");
    end(&f);
  }
}

static const struct CMUnitTest common_tests[] = {
    cmocka_unit_test(test_up_and_down),
    cmocka_unit_test(test_single_transaction_refuses_what_cannot),
    cmocka_unit_test(test_failure_names_its_place_and_keeps_nothing),
    cmocka_unit_test(test_tables_without_ledger_are_refused),
    cmocka_unit_test(test_variables),
    cmocka_unit_test(test_all_missing_variables_at_once),
    cmocka_unit_test(test_very_many_missing_variables),
    cmocka_unit_test(test_secrets_are_not_told),
    cmocka_unit_test(test_fences),
    cmocka_unit_test(test_compare_and_swap),
    cmocka_unit_test(test_lost_before_each_statement),
    cmocka_unit_test(test_lost_after_each_statement),
    cmocka_unit_test(test_lost_commit_is_resolved),
};

static int run_sqlite(void) {
  static const struct CMUnitTest own[] = {
      cmocka_unit_test(test_a_statement_that_ends_our_transaction_is_caught),
      cmocka_unit_test(test_orphans),
      cmocka_unit_test(test_foreign_keys_that_fit_nothing),
      cmocka_unit_test(test_the_disk_fails_at_each_operation),
  };
  backend = &sqlite;
  return cmocka_run_group_tests_name("walk on SQLite", common_tests, NULL, NULL) +
         cmocka_run_group_tests_name("walk on SQLite only", own, NULL, NULL);
}

static int run_postgres(void) {
  static const struct CMUnitTest own[] = {
      cmocka_unit_test(test_search_path_is_put_back),
      cmocka_unit_test(test_invalid_index_is_rebuilt),
      cmocka_unit_test(test_the_lock_keeps_others_out),
      cmocka_unit_test(test_a_lock_that_is_dropped_is_noticed),
  };
  static const struct CMUnitTest in_schema[] = {
      cmocka_unit_test(test_up_and_down),
      cmocka_unit_test(test_tables_without_ledger_are_refused),
      cmocka_unit_test(test_fences),
      cmocka_unit_test(test_compare_and_swap),
      cmocka_unit_test(test_lost_commit_is_resolved),
      cmocka_unit_test(test_an_index_of_a_searched_schema_is_left_alone),
      cmocka_unit_test(test_adoption_stays_in_the_schema),
      cmocka_unit_test(test_the_lock_keeps_others_out),
  };
  int failed = cmocka_run_group_tests_name("walk on PostgreSQL", common_tests, NULL, NULL) +
               cmocka_run_group_tests_name("walk on PostgreSQL only", own, NULL, NULL);
  backend = &schema;
  return failed + cmocka_run_group_tests_name("walk on one schema", in_schema, NULL, NULL);
}

int main(void) {
  return run_sqlite() + on_postgres(run_postgres);
}
