/* The import of other tools' migrations: what the files say, what is refused, and that nothing is
 * lost. */
#include "tests/unit/client/import_fixture.h"

#include "proto/base/buf.h"

static const char *get(struct fixture *f, const char *name) {
  size_t len = 0;
  struct import im = {.arena = &f->arena};
  const char *text = import_read_file(&im, path(f, name), &len);
  return text ? text : "(none)";
}

static void test_diesel(void **state) {
  struct fixture *f = *state;
  put(f, "m/2018-01-14-171611_create_tables/up.sql", "CREATE TABLE a (x int);\n");
  put(f, "m/2018-01-14-171611_create_tables/down.sql", "");
  put(f, "m/2018-01-15-000000_no-transaction/up.sql", "VACUUM;");
  put(f, "m/2018-01-15-000000_no-transaction/metadata.toml", "# x\n run_in_transaction = false\n");
  put(f, "m/.gitkeep", "");
  put(f, "m/README.md", "read me");
  assert_int_equal(make(f, "diesel", "m"), 0);
  assert_int_equal(f->im.file_count, 2);
  assert_file(f, 0, "20180114171611_create_tables.sql",
              "-- migd:revision 20180114171611\n-- migd:parent base\n"
              "-- migd:message create tables\n\n"
              "-- migd:up\nCREATE TABLE a (x int);\n-- migd:down\n");
  assert_file(f, 1, "20180115000000_no-transaction.sql",
              "-- migd:revision 20180115000000\n-- migd:parent 20180114171611\n"
              "-- migd:message no transaction\n\n"
              "-- migd:up transaction=off\nVACUUM;\n");
  assert_int_equal(f->im.without_down, 1);
}

static void test_two_dialects(void **state) {
  struct fixture *f = *state;
  put(f, "s/01_one/up.sql", "SAME;\n");
  put(f, "s/01_one/down.sql", "A;\n");
  put(f, "p/01_one/up.sql", "SAME;\n");
  put(f, "p/01_one/down.sql", "B;\n");
  put(f, "s/03_three/up.sql", "ONLY SQLITE;\n");
  put(f, "p/02_two/up.sql", "ONLY POSTGRESQL;\n");
  put(f, "p/02_two/down.sql", "");
  assert_int_equal(make(f, "diesel", "sqlite=s", "postgresql=p"), 0);
  assert_file(f, 0, "01_one.sql",
              "-- migd:revision 01\n-- migd:parent base\n-- migd:message one\n\n"
              "-- migd:up\nSAME;\n-- migd:down on=sqlite\nA;\n-- migd:down on=postgresql\nB;\n");
  assert_file(f, 1, "02_two.sql",
              "-- migd:revision 02\n-- migd:parent 01\n-- migd:message two\n\n"
              "-- migd:up on=postgresql\nONLY POSTGRESQL;\n-- migd:down on=postgresql\n");
  assert_file(f, 2, "03_three.sql",
              "-- migd:revision 03\n-- migd:parent 02\n-- migd:message three\n\n"
              "-- migd:up on=sqlite\nONLY SQLITE;\n");
  assert_int_equal(f->im.own[IMPORT_BOTH], 1);
  assert_int_equal(f->im.own[IMPORT_SQLITE], 1);
  assert_int_equal(f->im.own[IMPORT_POSTGRESQL], 1);
  assert_int_equal(f->im.without_down, 1);
}

/* Equal texts are one section only when both run alike. */
static void test_equal_but_for_the_transaction(void **state) {
  struct fixture *f = *state;
  put(f, "s/01_one/up.sql", "SAME;\n");
  put(f, "p/01_one/up.sql", "SAME;\n");
  put(f, "p/01_one/metadata.toml", "run_in_transaction=false");
  assert_int_equal(make(f, "diesel", "sqlite=s", "postgresql=p"), 0);
  assert_non_null(strstr(f->im.files[0].text, "-- migd:up on=sqlite\nSAME;\n"
                                              "-- migd:up on=postgresql transaction=off\nSAME;\n"));
}

static void test_updown(void **state) {
  struct fixture *f = *state;
  put(f, "m/V0002.Second_Thing.up.sql", "B;");
  put(f, "m/V0001.First.up.sql",
      "\xEF\xBB\xBF"
      "A;\n");
  put(f, "m/V0001.First.down.sql", "-A;\n");
  put(f, "m/V0010.Tenth.up.sql", "J;\n");
  assert_int_equal(make(f, "updown", "m"), 0);
  assert_file(f, 0, "V0001_First.sql",
              "-- migd:revision V0001\n-- migd:parent base\n-- migd:message First\n\n"
              "-- migd:up\nA;\n-- migd:down\n-A;\n");
  assert_file(f, 1, "V0002_Second_Thing.sql",
              "-- migd:revision V0002\n-- migd:parent V0001\n-- migd:message Second Thing\n\n"
              "-- migd:up\nB;\n");
  assert_file(f, 2, "V0010_Tenth.sql",
              "-- migd:revision V0010\n-- migd:parent V0002\n-- migd:message Tenth\n\n"
              "-- migd:up\nJ;\n");
}

static void test_updown_order_is_by_number(void **state) {
  struct fixture *f = *state;
  put(f, "m/10_ten.up.sql", "");
  put(f, "m/9_nine.up.sql", "");
  put(f, "m/1_one \xC3\xBC.up.sql", "");
  assert_int_equal(make(f, "updown", "m"), 0);
  assert_string_equal(f->im.files[0].name, "1_one___.sql");
  assert_string_equal(f->im.files[1].name, "9_nine.sql");
  assert_string_equal(f->im.files[2].name, "10_ten.sql");
}

static void test_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql", "SELECT 1;\n  --  migd: up\n-- MIGD:down\n");
  put(f, "m/2_b.up.sql", "caf\xE9");
  put_bytes(f, "m/3_c.up.sql", "a\0b", 3);
  put(f, "m/4_d.down.sql", "");
  put(f, "m/5e.up.sql", "");
  put(f, "m/x_f.up.sql", "");
  put(f, "m/6_g.sql", "");
  put(f, "m/01_again.up.sql", "");
  put(f, "m/7_.up.sql", "");
  assert_int_equal(mkdir(path(f, "m/8_h.up.sql"), 0700), 0);
  assert_int_equal(make(f, "updown", "m"), -1);
  assert_problem(f, "1_a.up.sql", 2, 1, "reads like a directive");
  assert_problem(f, "1_a.up.sql", 3, 1, "reads like a directive");
  assert_problem(f, "2_b.up.sql", 0, 0, "not UTF-8");
  assert_problem(f, "3_c.up.sql", 0, 0, "NUL");
  assert_problem(f, "4_d.down.sql", 0, 0, "no script up");
  assert_problem(f, "5e.up.sql", 0, 0, "its name");
  assert_problem(f, "x_f.up.sql", 0, 0, "its name");
  assert_problem(f, "6_g.sql", 0, 0, "neither");
  assert_problem(f, "1_a.up.sql", 0, 0, "one version");
  assert_problem(f, "7_.up.sql", 0, 0, "its name");
  assert_problem(f, "8_h.up.sql", 0, 0, "cannot be read");
  assert_int_equal(f->im.problem_count, 11);
  assert_string_equal(f->e.text, "11 problems in the sources: nothing is written");
}

static void test_diesel_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/2018-01-01_a/up.sql", "");
  put(f, "m/20180101_b/up.sql", "");
  put(f, "m/2018-01-02_c/down.sql", "");
  put(f, "m/nothing/up.sql", "");
  assert_int_equal(make(f, "diesel", "m"), -1);
  assert_problem(f, "20180101_b/up.sql", 0, 0, "has this script already");
  assert_problem(f, "2018-01-02_c", 0, 0, "has no up.sql");
  assert_problem(f, "nothing/up.sql", 0, 0, "no id and name");
  assert_int_equal(f->im.problem_count, 3);
}

static void test_sources_that_are_none(void **state) {
  struct fixture *f = *state;
  assert_int_equal(make(f, "diesel", "absent"), -1);
  assert_int_equal(f->e.kind, ERR_NOT_FOUND);
  put(f, "m/0001_x.up.sql", "");
  assert_int_equal(make(f, "diesel", "m"), -1);
  assert_non_null(strstr(f->e.text, "no migrations in"));
  assert_int_equal(make(f, "diesel", "m/0001_x.up.sql"), -1);
  assert_int_equal(f->e.kind, ERR_INPUT);
}

static void test_notes(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql",
      "begin;\nSELECT 1;\n  COMMIT ;\n\\d x\nCREATE INDEX CONCURRENTLY i ON x (y);\n"
      "CREATE FUNCTION f() AS $body$\nBEGIN\n  COMMIT;\n-- $$ BEGIN;\nEND; $body$ ;\n"
      "BEGINNING;\nROLLBACK;\nREFRESH MATERIALIZED VIEW CONCURRENTLY v;\n");
  assert_int_equal(make(f, "updown", "m"), 0);
  assert_counts(f, 1, 0, 5);
  assert_note(f, "1_a.up.sql", 1, 1, "`begin`");
  assert_note(f, "1_a.up.sql", 3, 3, "`COMMIT`");
  assert_note(f, "1_a.up.sql", 4, 1, "`\\d x`");
  assert_note(f, "1_a.up.sql", 5, 1, "CREATE INDEX CONCURRENTLY");
  assert_note(f, "1_a.up.sql", 12, 1, "`ROLLBACK`");
}

/* A transaction around the whole script is the server's. */
static void test_transaction_around(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.sql", "-- first\nBEGIN TRANSACTION;\n\nCREATE TABLE a (x int);\nCOMMIT; -- done\n");
  put(f, "m/2_b.sql", "START TRANSACTION; CREATE TABLE b (x int); END");
  put(f, "m/3_c.sql", "-- no-transaction\nBEGIN;\nCREATE TABLE c (x int);\nCOMMIT;\n");
  put(f, "m/4_d.sql", "BEGIN;\nA;\nCOMMIT;\nBEGIN;\nB;\nCOMMIT;\n");
  put(f, "m/5_e.sql", "BEGIN ISOLATION LEVEL SERIALIZABLE;\nA;\nCOMMIT;\n");
  put(f, "m/6_f.sql", "PRAGMA foreign_keys=OFF;\nBEGIN;\nA;\nCOMMIT;\n");
  put(f, "m/7_g.sql", "BEGIN;\nA;\nROLLBACK;\nCOMMIT;\n");
  assert_int_equal(make(f, "sqlx", "m"), 0);
  assert_part(f, 0, "1_a.sql", "-- migd:up\n-- first\n\nCREATE TABLE a (x int);\n -- done\n");
  assert_part(f, 1, "2_b.sql", "-- migd:up\n CREATE TABLE b (x int); \n");
  assert_part(f, 2, "3_c.sql", "-- migd:up\n-- no-transaction\nCREATE TABLE c (x int);\n");
  assert_part(f, 3, "4_d.sql", "-- migd:up\nBEGIN;\nA;\nCOMMIT;\nBEGIN;\n");
  assert_part(f, 6, "7_g.sql", "-- migd:up\nBEGIN;\nA;\nROLLBACK;\nCOMMIT;\n");
  assert_counts(f, 7, 0, 4 + 2 + 2 + 3);
  assert_note(f, "4_d.sql", 4, 1, "`BEGIN`");
  assert_note(f, "5_e.sql", 1, 1, "`BEGIN ISOLATION");
  assert_note(f, "6_f.sql", 2, 1, "`BEGIN`");
}

/* What cannot run in a transaction runs without, when nothing else is there. */
static void test_statements_alone(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.sql", "CREATE UNIQUE INDEX CONCURRENTLY i ON x (y); -- c\n");
  put(f, "m/2_b.sql", "VACUUM;\nREINDEX INDEX CONCURRENTLY i;\n");
  put(f, "m/3_c.sql", "CREATE TABLE vacuum (x int);\nVACUUM vacuum;\n");
  assert_int_equal(make(f, "plain", "m"), 0);
  assert_part(f, 0, "1_a.sql", "-- migd:up transaction=off\nCREATE");
  assert_part(f, 1, "2_b.sql", "-- migd:up transaction=off\nVACUUM");
  assert_part(f, 2, "3_c.sql", "-- migd:up\nCREATE");
  assert_counts(f, 3, 0, 1);
  assert_note(f, "3_c.sql", 2, 1, "`VACUUM vacuum` cannot run in a transaction");
}

/* What looks like control of transactions, and is not. */
static void test_text_that_is_none(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.sql",
      "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET x = CASE WHEN 1 THEN 2 END;\n"
      "  DELETE FROM a;\nEND;\n"
      "INSERT INTO a VALUES ('it''s\n;COMMIT;\n', \"x;ROLLBACK;\");\n"
      "/* BEGIN;\n */ -- COMMIT;\nSELECT 'a\\';\n");
  put(f, "m/2_b.sql",
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\n  SELECT 1;\n  SELECT 2;\nEND;\n"
      "SELECT E'\\';COMMIT;\n';\n/* /* x */ COMMIT; */\nSELECT $1; SELECT $a$;ROLLBACK;$a$;\n"
      "CREATE RULE r AS ON INSERT TO a DO (SELECT 1; ROLLBACK; SELECT 2);\n");
  assert_int_equal(make(f, "plain", "postgresql=m"), 0);
  assert_counts(f, 2, 0, 0);
  put(f, "n/1_a.sql", "SELECT 'open;\nCOMMIT;\n");
  put(f, "n/2_b.sql", "COPY t (a) FROM stdin;\n1\tBEGIN;\n\\.\nSELECT 1;\n");
  assert_int_equal(make(f, "plain", "n"), 0);
  assert_counts(f, 2, 0, 2);
  assert_note(f, "1_a.sql", 1, 8, "has no end");
  assert_note(f, "2_b.sql", 1, 1, "COPY FROM STDIN");
}

static void test_three_kinds_of_sources(void **state) {
  struct fixture *f = *state;
  put(f, "b/1_a.sql", "BOTH;\n");
  put(f, "s/2_b.sql", "SQLITE;\n");
  put(f, "p/2_b.sql", "POSTGRESQL;\n");
  put(f, "p/3_c.sql", "MORE;\n");
  assert_int_equal(make(f, "plain", "b", "sqlite=s", "postgresql=p"), 0);
  assert_counts(f, 3, 0, 0);
  assert_part(f, 0, "1_a.sql", "-- migd:up\nBOTH;\n");
  assert_part(f, 1, "2_b.sql",
              "-- migd:up on=sqlite\nSQLITE;\n-- migd:up on=postgresql\nPOSTGRESQL;\n");
  assert_part(f, 2, "3_c.sql", "-- migd:parent 2\n");
  put(f, "s/1_a.sql", "SQLITE AGAIN;\n");
  assert_int_equal(make(f, "plain", "b", "sqlite=s", "postgresql=p"), -1);
  assert_problem(f, "s/1_a.sql", 0, 0, "has this script already");
}

/* The ids that adopting computes again. */
static void test_ids(void **state) {
  struct fixture *f = *state;
  f->im.arena = &f->arena;
  static const char text[] = "a-name/with:signs that is so long that an id cannot hold it, by far";
  assert_string_equal(import_id(&f->im, "2018-01-14", 10), "20180114");
  assert_string_equal(import_name(&f->im, "app/users:1", 11), "app_users_1");
  assert_string_equal(import_name(&f->im, "head", 4), "head_");
  assert_string_equal(import_name(&f->im, text, sizeof text - 1),
                      "a_name_with_signs_that_is_so_long_that_an_id_cannot_hol_36f5576c");
  assert_string_equal(import_name(&f->im, "\xC3\xBC", 2), "__");
}

static void test_orders(void **state) {
  (void)state;
  assert_true(import_by_number("9", "10") < 0);
  assert_true(import_by_number("V0002", "10") < 0);
  assert_int_equal(import_by_number("001", "1"), 0);
  assert_true(import_by_dotted("1.2", "1.10") < 0);
  assert_true(import_by_dotted("1.2.1", "1.2") > 0);
  assert_int_equal(import_by_dotted("1.0", "1"), 0);
}

/* What --from accepts and what there is. */
static void test_names_of_importers(void **state) {
  (void)state;
  struct buf names BUF_SCOPED = BUF_INIT;
  for (const struct importer *const *i = importers; *i; i++)
    buf_addf(&names, "%s%s", names.len ? "|" : "", (*i)->name);
  assert_string_equal(buf_str(&names), IMPORTER_NAMES);
  assert_null(importer_find("nothing"));
}

static void test_writing(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql", "A;\n");
  put(f, "m/2_b.up.sql", "B;\n");
  put(f, "m/3_c.up.sql", "C;\n");
  assert_int_equal(make(f, "updown", "m"), 0);
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), 0);
  for (size_t i = 0; i < 3; i++)
    assert_string_equal(get(f, arena_printf(&f->arena, "out/%s", f->im.files[i].name)),
                        f->im.files[i].text);
  assert_int_equal(unlink(path(f, "out/1_a.sql")), 0);
  put(f, "out/2_b.sql", "precious");
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), -1);
  assert_int_equal(f->e.kind, ERR_EXISTS);
  assert_non_null(strstr(f->e.text, "2 of the files already: 2_b.sql, 3_c.sql"));
  assert_string_equal(get(f, "out/2_b.sql"), "precious");
  assert_string_equal(get(f, "out/1_a.sql"), "(none)");
}

/* What cannot be finished leaves nothing behind. */
static void test_writing_fails(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.up.sql", "A;\n");
  put(f, "m/2_b.up.sql", "B;\n");
  assert_int_equal(make(f, "updown", "m"), 0);
  assert_int_equal(import_write(&f->im, path(f, "no/such/folder"), &f->e), -1);
  assert_int_equal(import_write(&f->im, path(f, "m/1_a.up.sql"), &f->e), -1);
  assert_string_equal(get(f, "m/1_a.up.sql"), "A;\n");
  char *slug = arena_alloc(&f->arena, 300); /* a name that the file system refuses */
  memset(slug, 'n', 299);
  f->im.files[1].name = slug;
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), -1);
  assert_int_equal(access(path(f, "out"), F_OK), -1);
  assert_int_equal(mkdir(path(f, "out"), 0700), 0);
  put(f, "out/mine.txt", "mine");
  assert_int_equal(import_write(&f->im, path(f, "out"), &f->e), -1);
  assert_int_equal(access(path(f, "out/1_a.sql"), F_OK), -1);
  assert_string_equal(get(f, "out/mine.txt"), "mine");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_diesel),
      TEST(test_two_dialects),
      TEST(test_equal_but_for_the_transaction),
      TEST(test_updown),
      TEST(test_updown_order_is_by_number),
      TEST(test_problems),
      TEST(test_diesel_problems),
      TEST(test_sources_that_are_none),
      TEST(test_notes),
      TEST(test_transaction_around),
      TEST(test_statements_alone),
      TEST(test_text_that_is_none),
      TEST(test_three_kinds_of_sources),
      TEST(test_ids),
      TEST(test_orders),
      TEST(test_names_of_importers),
      TEST(test_writing),
      TEST(test_writing_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
