/* Each importer on small data of its own: what becomes of it, what is refused, what is listed. */
#include "tests/unit/client/import_fixture.h"

static void test_golang_migrate(void **state) {
  struct fixture *f = *state;
  put(f, "m/000002_second.up.sql", "BEGIN;\nB;\nCOMMIT;\n");
  put(f, "m/000001_first.up.sql", "A;\n");
  put(f, "m/000001_first.down.sql", "-A;\n");
  put(f, "m/000010_.up.sql", "J;\n");
  put(f, "m/000011_code.go", "package m");
  put(f, "m/embed.go", "package m");
  put(f, "m/000011_code_test.go", "package m");
  put(f, "m/notes.sql", "x");
  assert_int_equal(make(f, "golang-migrate", "m"), 0);
  assert_counts(f, 3, 0, 2);
  assert_file(f, 0, "000001_first.sql",
              "-- migd:revision 000001\n-- migd:parent base\n-- migd:message first\n\n"
              "-- migd:up\nA;\n-- migd:down\n-A;\n");
  assert_part(f, 1, "000002_second.sql", "-- migd:up\nB;\n");
  assert_part(f, 2, "000010_migration.sql", "-- migd:parent 000002\n");
  assert_note(f, "000011_code.go", 0, 0, "it is code");
  assert_note(f, "notes.sql", 0, 0, "its name is none of golang-migrate");
  put(f, "m/1_again.up.sql", "");
  put(f, "m/000012_none.down.sql", "");
  assert_int_equal(make(f, "golang-migrate", "m"), -1);
  assert_problem(f, "1_again.up.sql", 0, 0, "one version");
  assert_problem(f, "000012_none.down.sql", 0, 0, "no script up");
}

static void test_dbmate(void **state) {
  struct fixture *f = *state;
  put(f, "m/20200101_create_users.sql",
      "-- about\n\n--migrate:up\r\nCREATE TABLE a (x int);\r\n\n-- migrate:down\nDROP TABLE a;\n");
  put(f, "m/20200102_index.sql",
      "-- migrate:up transaction:false\nCREATE INDEX i ON a (x);\n"
      "-- migrate:down transaction:false\nDROP INDEX i;\n");
  put(f, "m/20200103.sql", "-- migrate:up wait:1\nC;\n");
  assert_int_equal(make(f, "dbmate", "m"), 0);
  assert_counts(f, 3, 0, 1);
  assert_file(f, 0, "20200101_create_users.sql",
              "-- migd:revision 20200101\n-- migd:parent base\n-- migd:message create users\n\n"
              "-- migd:up\nCREATE TABLE a (x int);\n-- migd:down\nDROP TABLE a;\n");
  assert_part(f, 1, "20200102_index.sql",
              "-- migd:up transaction=off\nCREATE INDEX i ON a (x);\n"
              "-- migd:down transaction=off\nDROP INDEX i;\n");
  assert_part(f, 2, "20200103_migration.sql", "-- migd:up\nC;\n");
  assert_note(f, "20200103.sql", 1, 15, "the option 'wait:1'");
  assert_int_equal(f->im.without_down, 1);
}

static void test_dbmate_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.sql", "CREATE TABLE a (x int);\n");
  put(f, "m/2_b.sql", "-- migrate:down\nB;\n-- migrate:up\nA;\n");
  put(f, "m/3_c.sql", "SELECT 1;\n-- migrate:up\nA;\n");
  put(f, "m/4_d.sql", "-- migrate:up\nA;\n-- migrate:up\nA;\n");
  put(f, "m/5_e.sql", "-- migrate:up\nA;\n-- migrate:sideways\nA;\n");
  assert_int_equal(make(f, "dbmate", "m"), -1);
  assert_problem(f, "1_a.sql", 1, 1, "text before");
  assert_problem(f, "1_a.sql", 0, 0, "has no `-- migrate:up`");
  assert_problem(f, "2_b.sql", 1, 1, "stands before");
  assert_problem(f, "3_c.sql", 1, 1, "text before");
  assert_problem(f, "4_d.sql", 3, 1, "in line 1 already");
  assert_problem(f, "5_e.sql", 3, 1, "unknown annotation");
  assert_counts(f, 0, 6, 0);
}

/* dbmate goes by the names of the files, not by their numbers. */
static void test_dbmate_order(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_b.sql", "-- migrate:up\nA;\n\n-- migrate:down\n\n-A;\nROLLBACK;\n");
  put(f, "m/10_a.sql", "-- migrate:up\n");
  assert_int_equal(make(f, "dbmate", "m"), 0);
  assert_string_equal(f->im.files[0].name, "10_a.sql");
  assert_note(f, "1_b.sql", 7, 1, "`ROLLBACK`");
}

static void test_goose(void **state) {
  struct fixture *f = *state;
  put(f, "m/00002_b.sql",
      "-- +goose NO TRANSACTION\n-- +goose up\nCREATE INDEX i ON a (x);\n-- +goose Down\n");
  put(f, "m/00001_a.sql",
      "\n-- a comment\n-- +goose Up\n\nCREATE TABLE a (x int); -- c\n-- +goose StatementBegin\n"
      "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n  RETURN 1;\nEND $$ LANGUAGE plpgsql\n"
      "-- +goose StatementEnd\n;\n-- +goose Down\nDROP TABLE a;\n");
  put(f, "m/00003_c.go", "package m");
  put(f, "m/00004_d.sql", "-- +goose ENVSUB ON\n-- +goose Up\nSELECT '$HOME';\n");
  assert_int_equal(make(f, "goose", "postgresql=m"), 0);
  assert_counts(f, 2, 0, 2);
  assert_file(f, 0, "00001_a.sql",
              "-- migd:revision 00001\n-- migd:parent base\n-- migd:message a\n\n"
              "-- migd:up on=postgresql\nCREATE TABLE a (x int); -- c\n\n"
              "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n  RETURN 1;\nEND $$ LANGUAGE "
              "plpgsql\n\n;\n-- migd:down on=postgresql\nDROP TABLE a;\n");
  assert_part(f, 1, "00002_b.sql",
              "-- migd:up on=postgresql transaction=off\nCREATE INDEX i ON a (x);\n"
              "-- migd:down on=postgresql transaction=off\n");
  assert_note(f, "00003_c.go", 0, 0, "it is code");
  assert_note(f, "00004_d.sql", 1, 1, "environment");
}

static void test_goose_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nA;\n");
  put(f, "m/2_b.sql", "-- +goose Up\nA;\n-- +goose Sideways\n");
  put(f, "m/3_c.sql", "A;\n-- +goose Up\n");
  put(f, "m/4_d.sql", "-- +goose Down\nA;\n");
  put(f, "m/5_e.sql", "-- +goose Up\nA;\n-- +goose Up\n");
  put(f, "m/6_f.sql", "-- +goose Up\nSELECT 1\n-- +goose Down\nA;\n");
  put(f, "m/7_g.sql", "-- nothing\n");
  put(f, "m/8_h.sql", "-- +goose Up\n-- +goose StatementEnd\n  -- +goose Down\n");
  assert_int_equal(make(f, "goose", "m"), -1);
  assert_problem(f, "1_a.sql", 2, 1, "has no `-- +goose StatementEnd`");
  assert_problem(f, "2_b.sql", 3, 1, "unknown annotation 'Sideways'");
  assert_problem(f, "3_c.sql", 1, 1, "text before");
  assert_problem(f, "4_d.sql", 1, 1, "without `-- +goose Up`");
  assert_problem(f, "5_e.sql", 3, 1, "stands here again");
  assert_problem(f, "6_f.sql", 2, 1, "lacks its `;`");
  assert_problem(f, "7_g.sql", 0, 0, "has no `-- +goose Up`");
  assert_problem(f, "8_h.sql", 2, 1, "without `-- +goose StatementBegin`");
  assert_problem(f, "8_h.sql", 3, 1, "begins where its line begins");
  assert_counts(f, 0, 9, 0);
}

static void test_flyway(void **state) {
  struct fixture *f = *state;
  put(f, "m/V1__first.sql", "A;\n");
  put(f, "m/sub/U1__first.sql", "-A;\n");
  put(f, "m/V1_10__tenth.sql", "CREATE INDEX CONCURRENTLY i ON a (x);\n");
  put(f, "m/V1.2__sec__ond.sql", "INSERT INTO a VALUES ('${x y}', '${schema}');\n");
  put(f, "m/V2__off.sql", "B;\n");
  put(f, "m/V2__off.sql.conf", "# c\n executeInTransaction = false\n");
  put(f, "m/R__views.sql", "CREATE VIEW v AS SELECT 1;\n");
  put(f, "m/R__all_views.sql", "CREATE VIEW w AS SELECT 1;\n");
  put(f, "m/afterMigrate.sql", "ANALYZE;\n");
  put(f, "m/V3__code.java", "class");
  put(f, "m/V__none.sql", "");
  assert_int_equal(make(f, "flyway", "m"), 0);
  assert_counts(f, 6, 0, 6);
  assert_file(f, 0, "1_first.sql",
              "-- migd:revision 1\n-- migd:parent base\n-- migd:message first\n\n"
              "-- migd:up\nA;\n-- migd:down\n-A;\n");
  assert_part(f, 1, "1.2_sec__ond.sql", "-- migd:revision 1.2\n-- migd:parent 1\n");
  assert_part(f, 2, "1.10_tenth.sql", "-- migd:up transaction=off\n");
  assert_part(f, 3, "2_off.sql", "-- migd:up transaction=off\nB;\n");
  assert_part(f, 4, "R_all_views_all_views.sql", "-- migd:parent 2\n");
  assert_part(f, 5, "R_views_views.sql", "-- migd:parent R_all_views\n");
  assert_note(f, "V1.2__sec__ond.sql", 1, 34, "placeholder ${schema}");
  assert_note(f, "R__views.sql", 0, 0, "repeatable");
  assert_note(f, "afterMigrate.sql", 0, 0, "callback");
  assert_note(f, "V3__code.java", 0, 0, "it is code");
  assert_note(f, "V__none.sql", 0, 0, "its name");
}

/* What a new database runs: the last baseline, and what is later than it. */
static void test_flyway_baseline(void **state) {
  struct fixture *f = *state;
  put(f, "m/B1__old.sql", "OLD;\n");
  put(f, "m/B2__all.sql", "ALL;\n");
  put(f, "m/V1__a.sql", "A;\n");
  put(f, "m/V2__b.sql", "B;\n");
  put(f, "m/U2__b.sql", "-B;\n");
  put(f, "m/V2.1__c.sql", "C;\n");
  put(f, "m/U2.1__c.sql", "-C;\n");
  assert_int_equal(make(f, "flyway", "m"), 0);
  assert_counts(f, 2, 0, 4);
  assert_file(f, 0, "2_all.sql",
              "-- migd:revision 2\n-- migd:parent base\n-- migd:message all\n\n"
              "-- migd:up\nALL;\n");
  assert_part(f, 1, "2.1_c.sql", "-- migd:up\nC;\n-- migd:down\n-C;\n");
  static const char *const left_out[] = {"B1__old.sql", "V1__a.sql", "V2__b.sql", "U2__b.sql"};
  for (size_t i = 0; i < 4; i++)
    assert_note(f, left_out[i], 0, 0, "the baseline of version 2");
}

static void test_flyway_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/V1__a.sql", "");
  put(f, "m/V1.0__b.sql", "");
  put(f, "m/V2__c.sql", "");
  put(f, "m/x/V2__d.sql", "");
  put(f, "m/U3__e.sql", "");
  assert_int_equal(make(f, "flyway", "m"), -1);
  assert_problem(f, "V1.0__b.sql", 0, 0, "one version");
  assert_problem(f, "x/V2__d.sql", 0, 0, "has this script already");
  assert_problem(f, "U3__e.sql", 0, 0, "no script up");
  assert_counts(f, 4, 3, 0);
}

static void test_liquibase(void **state) {
  struct fixture *f = *state;
  put(f, "m/b.sql",
      "--liquibase formatted sql\n--property name:t value:a\n\n--changeset ann:1 labels:x "
      "dbms:postgresql\n--comment second things\nCREATE TABLE b (x int);\n"
      "--rollback DROP TABLE\n--rollback b;\n--changeset ann:1 dbms:sqlite\nCREATE TABLE b (y);\n"
      "--changeset ann:2 runInTransaction:false\nVACUUM;\n--rollback empty\n"
      "--changeset ann:3 dbms:oracle,h2\nX;\n--changeset ann:4 ignore:true\nX;\n"
      "--changeset \"Bob B\":\"x y\" splitStatements:false\n--preconditions onFail:HALT\nC;\n"
      "/* liquibase rollback\nD;\nE;\n*/\n");
  put(f, "m/a.sql",
      "-- liquibase formatted sql\n-- changeset bob: 1 runAlways:true\nA;\n"
      "--rollback not required\n");
  put(f, "m/changelog.xml", "<x/>");
  put(f, "m/plain.sql", "A;\n");
  assert_int_equal(make(f, "liquibase", "m"), 0);
  assert_part(f, 0, "bob_1_1.sql", "-- migd:message 1\n\n-- migd:up\nA;\n-- migd:down\n");
  assert_file(f, 1, "ann_1_1.sql",
              "-- migd:revision ann_1\n-- migd:parent bob_1\n-- migd:message second things\n\n"
              "-- migd:up on=sqlite\nCREATE TABLE b (y);\n"
              "-- migd:up on=postgresql\nCREATE TABLE b (x int);\n"
              "-- migd:down on=postgresql\nDROP TABLE\nb;\n");
  assert_part(f, 2, "ann_2_2.sql",
              "-- migd:up transaction=off\nVACUUM;\n-- migd:down transaction=off\n");
  assert_part(f, 3, "Bob_B_x_y_x_y.sql", "-- migd:up\nC;\n-- migd:down\nD;\nE;\n");
  assert_counts(f, 4, 0, 8);
  assert_note(f, "a.sql", 2, 1, "runAlways of bob:1");
  assert_note(f, "b.sql", 2, 1, "property");
  assert_note(f, "b.sql", 4, 1, "labels:x of ann:1");
  assert_note(f, "b.sql", 14, 1, "for other databases");
  assert_note(f, "b.sql", 16, 1, "ignored");
  assert_note(f, "b.sql", 19, 1, "precondition of Bob B:x y");
  assert_note(f, "changelog.xml", 0, 0, "only formatted SQL");
  assert_note(f, "plain.sql", 0, 0, "does not begin");
}

/* One author and id in two files: the files' names tell them apart. */
static void test_liquibase_doubles(void **state) {
  struct fixture *f = *state;
  put(f, "m/a.sql", "--liquibase formatted sql\n--changeset ann:1\nA;\n--changeset ann:2\nB;\n");
  put(f, "m/b.sql", "--liquibase formatted sql\n--changeset ann:1\nC;\n");
  assert_int_equal(make(f, "liquibase", "m"), 0);
  assert_part(f, 0, "a.ann_1_1.sql", "-- migd:up\nA;\n");
  assert_part(f, 1, "ann_2_2.sql", "-- migd:parent a.ann_1\n");
  assert_part(f, 2, "b.ann_1_1.sql", "-- migd:parent ann_2\n");
}

static void test_liquibase_problems(void **state) {
  struct fixture *f = *state;
  put(f, "m/a.sql", "--liquibase formatted sql\nA;\n--changeset ann\nB;\n");
  put(f, "m/b.sql",
      "--liquibase formatted sql\n--changeset ann:1\nB;\n/* liquibase rollback\nC;\n");
  put(f, "m/c.sql", "--liquibase formatted sql\n--changeset ann:2\nB;\n--changeset ann:2\nC;\n");
  assert_int_equal(make(f, "liquibase", "m"), -1);
  assert_problem(f, "a.sql", 2, 1, "text before");
  assert_problem(f, "a.sql", 3, 1, "author:id");
  assert_problem(f, "b.sql", 4, 1, "has no end");
  assert_int_equal(f->im.problem_count, 3);
  put(f, "n/c.sql", "--liquibase formatted sql\n--changeset ann:2\nB;\n--changeset ann:2\nC;\n");
  assert_int_equal(make(f, "liquibase", "n"), -1);
  assert_problem(f, "c.sql", 5, 0, "revision ann_2 has this script already");
}

/* The order of the change sets is kept, also where the dialects have different ones. */
static void test_liquibase_databases(void **state) {
  struct fixture *f = *state;
  put(f, "m/a.sql",
      "--liquibase formatted sql\n--changeset a:1 dbms:!sqlite,!h2\nA;\n"
      "--changeset a:2 dbms:all\nB;\n--changeset a:3 dbms:\"sqlite,h2\"\nC;\n"
      "--changeset a:4 dbms:none\nD;\n");
  assert_int_equal(make(f, "liquibase", "m"), 0);
  assert_counts(f, 3, 0, 1);
  assert_part(f, 0, "a_1_1.sql", "-- migd:up on=postgresql\nA;\n");
  assert_part(f, 1, "a_2_2.sql", "-- migd:up\nB;\n");
  assert_part(f, 2, "a_3_3.sql", "-- migd:up on=sqlite\nC;\n");
}

static void test_two_orders(void **state) {
  struct fixture *f = *state;
  put(f, "s/a.sql",
      "--liquibase formatted sql\n--changeset a:9\nA;\n--changeset a:5\nB;\n"
      "--changeset a:1\nC;\n");
  put(f, "p/a.sql",
      "--liquibase formatted sql\n--changeset a:9\nA;\n--changeset a:7\nX;\n"
      "--changeset a:1\nC;\n--changeset a:3\nD;\n");
  assert_int_equal(make(f, "liquibase", "sqlite=s", "postgresql=p"), 0);
  static const char *const names[] = {"a_9_9.sql", "a_5_5.sql", "a_7_7.sql", "a_1_1.sql",
                                      "a_3_3.sql"};
  assert_counts(f, 5, 0, 0);
  for (size_t i = 0; i < 5; i++)
    assert_string_equal(f->im.files[i].name, names[i]);
  put(f, "p/a.sql", "--liquibase formatted sql\n--changeset a:1\nC;\n--changeset a:9\nA;\n");
  assert_int_equal(make(f, "liquibase", "sqlite=s", "postgresql=p"), -1);
  assert_problem(f, "s/a.sql", 7, 0, "in another order");
}

static void put_sqitch(struct fixture *f, const char *plan) {
  put(f, "m/sqitch.plan", plan);
  put(f, "m/deploy/users.sql", "-- Deploy\n\nBEGIN;\n\nNEW;\n\nCOMMIT;\n");
  put(f, "m/revert/users.sql", "BEGIN;\n-NEW;\nCOMMIT;\n");
  put(f, "m/deploy/users@v1.sql", "BEGIN;\nOLD;\nCOMMIT;\n");
  put(f, "m/deploy/lists/main.sql", "L;\n");
  put(f, "m/verify/users.sql", "SELECT 1;\n");
}

static void test_sqitch(void **state) {
  struct fixture *f = *state;
  put_sqitch(f, "%syntax-version=1.0.0\n%project=app\n\n"
                "users 2020-01-01T00:00:00Z A <a@b.c> # Makes \"users\".\n"
                "lists/main [users other:x !bad] 2020-01-01T00:00:00Z A <a@b.c> # Lists\\nmore\n"
                "@v1 2020-01-01T00:00:00Z A <a@b.c> # One\n@head 2020-01-01T00:00:00Z A <a@b.c>\n\n"
                "users [users@v1 app:lists/main] 2020-01-02T00:00:00Z A <a@b.c>\n");
  assert_int_equal(make(f, "sqitch", "sqlite=m"), 0);
  assert_counts(f, 3, 0, 3);
  assert_file(f, 0, "users_v1_users_v1.sql",
              "-- migd:revision users_v1\n-- migd:parent base\n-- migd:message Makes "
              "\"users\".\n\n-- migd:up on=sqlite\nOLD;\n");
  assert_file(f, 1, "lists_main_main.sql",
              "-- migd:revision lists_main\n-- migd:parent users_v1\n"
              "-- migd:depends-on users_v1\n-- migd:label v1, head_\n-- migd:message Lists\n\n"
              "-- migd:up on=sqlite\nL;\n");
  assert_file(f, 2, "users_users.sql",
              "-- migd:revision users\n-- migd:parent lists_main\n"
              "-- migd:depends-on users_v1, lists_main\n\n"
              "-- migd:up on=sqlite\n-- Deploy\n\nNEW;\n\n-- migd:down on=sqlite\n-NEW;\n");
  assert_note(f, "sqitch.plan", 5, 1, "other:x");
  assert_note(f, "sqitch.plan", 5, 1, "conflict !bad");
  assert_note(f, "verify", 0, 0, "1 verify script");
}

/* Labels are unique, and no ids. */
static void test_sqitch_labels(void **state) {
  struct fixture *f = *state;
  put(f, "m/deploy/a.sql", "A;\n");
  put(f, "m/deploy/b.sql", "B;\n");
  put(f, "m/sqitch.plan", "a\n@v-1\n@b\nb\n@v+1\n@free\n");
  assert_int_equal(make(f, "sqitch", "m"), 0);
  assert_counts(f, 2, 0, 2);
  assert_part(f, 0, "a_a.sql", "-- migd:label v_1\n");
  assert_part(f, 1, "b_b.sql", "-- migd:label free\n");
  assert_note(f, "a.sql", 0, 0, "the label 'b' of a");
  assert_note(f, "b.sql", 0, 0, "the label 'v_1' of b");
}

static void test_sqitch_configuration(void **state) {
  struct fixture *f = *state;
  put(f, "m/sqitch.conf",
      "[core]\n\tengine = pg\n\ttop_dir = db\n\tplan_file = db/my.plan\n"
      "[other]\n\ttop_dir = wrong\n");
  put(f, "m/db/my.plan", "a 2020-01-01T00:00:00Z A <a@b.c>\n");
  put(f, "m/db/deploy/a.sql", "A;\n");
  assert_int_equal(make(f, "sqitch", "m"), 0);
  assert_counts(f, 1, 0, 0);
}

static void test_sqitch_problems(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir(path(f, "none"), 0700), 0);
  assert_int_equal(make(f, "sqitch", "none"), -1);
  assert_int_equal(f->e.kind, ERR_NOT_FOUND);
  put_sqitch(f, "@v0\nlists/main [later]\nusers [x\n-users\nlists/main\nabsent\nlists/main@v9\n");
  assert_int_equal(make(f, "sqitch", "m"), -1);
  assert_problem(f, "sqitch.plan", 1, 1, "a tag before the first change");
  assert_problem(f, "sqitch.plan", 2, 1, "requires later");
  assert_problem(f, "sqitch.plan", 3, 1, "no `]`");
  assert_problem(f, "sqitch.plan", 4, 1, "reverted");
  assert_problem(f, "sqitch.plan", 5, 1, "without a tag between");
  put_sqitch(f, "absent\n");
  assert_int_equal(make(f, "sqitch", "m"), -1);
  assert_problem(f, "sqitch.plan", 1, 1, "absent has no script");
}

static void test_sqlx(void **state) {
  struct fixture *f = *state;
  put(f, "m/1_a.sql", "A;\n");
  put(f, "m/2_b.up.sql", "-- no-transaction\nB;\n");
  put(f, "m/2_b.down.sql", "-B;\n");
  assert_int_equal(make(f, "sqlx", "m"), 0);
  assert_counts(f, 2, 0, 0);
  assert_part(f, 0, "1_a.sql", "-- migd:up\nA;\n");
  assert_part(f, 1, "2_b.sql",
              "-- migd:up transaction=off\n-- no-transaction\nB;\n-- migd:down\n-B;\n");
  put(f, "m/2_b.sql", "");
  assert_int_equal(make(f, "sqlx", "m"), -1);
  assert_problem(f, "2_b.up.sql", 0, 0, "has this script already");
}

static void test_refinery(void **state) {
  struct fixture *f = *state;
  put(f, "m/V10__ten.sql", "J;\n");
  put(f, "m/V1__a_b.sql", "A;\n");
  put(f, "m/U2__between.sql", "B;\n");
  put(f, "m/V3__code.rs", "fn");
  put(f, "m/mod.rs", "fn");
  put(f, "m/V4_one.sql", "");
  assert_int_equal(make(f, "refinery", "m"), 0);
  assert_counts(f, 3, 0, 2);
  assert_part(f, 0, "1_a_b.sql", "-- migd:up\nA;\n");
  assert_part(f, 1, "2_between.sql", "-- migd:up\nB;\n");
  assert_part(f, 2, "10_ten.sql", "-- migd:parent 2\n");
  assert_note(f, "V3__code.rs", 0, 0, "it is code");
  assert_note(f, "V4_one.sql", 0, 0, "its name");
}

static void test_node_pg_migrate(void **state) {
  struct fixture *f = *state;
  put(f, "m/1706700000000_first.sql",
      "-- Up Migration\nCREATE TABLE a (x int);\n\n---- down  migration\nDROP TABLE a;\n");
  put(f, "m/20240101000000000_before.sql", "-- Down Migration\n-B;\n  --Up migration\nB;\n");
  put(f, "m/1706700000001_all-up.sql", "C;\n");
  put(f, "m/1706700000002_two.up.sql", "D;\n");
  put(f, "m/1706700000002_two.down.sql", "-D;\n");
  put(f, "m/1706700000003_code.js", "exports");
  assert_int_equal(make(f, "node-pg-migrate", "postgresql=m"), 0);
  assert_counts(f, 4, 0, 1);
  assert_part(f, 0, "20240101000000000_before.sql",
              "-- migd:up on=postgresql\nB;\n-- migd:down on=postgresql\n-B;\n");
  assert_part(f, 1, "1706700000000_first.sql",
              "-- migd:up on=postgresql\nCREATE TABLE a (x int);\n-- migd:down "
              "on=postgresql\nDROP TABLE a;\n");
  assert_part(f, 2, "1706700000001_all-up.sql", "-- migd:up on=postgresql\nC;\n");
  assert_part(f, 3, "1706700000002_two.sql", "-- migd:down on=postgresql\n-D;\n");
  assert_note(f, "1706700000003_code.js", 0, 0, "it is code");
}

static void test_atlas(void **state) {
  struct fixture *f = *state;
  put(f, "m/20240101_a.sql", "-- atlas:txmode none\n\nA;\n");
  put(f, "m/20240102.sql", "-- atlas:nolint\nB;\n");
  put(f, "m/20240103_all.sql", "-- atlas:checkpoint v1\n\nA;B;\n");
  put(f, "m/20240104_d.sql", "-- atlas:delimiter \\n\\n\nC '{{ .x }}';\n-- atlas:txmode none\n");
  put(f, "m/atlas.sum", "h1:x");
  assert_int_equal(make(f, "atlas", "m"), 0);
  assert_counts(f, 3, 0, 3);
  assert_part(f, 0, "20240101_a.sql", "-- migd:up transaction=off\n");
  assert_part(f, 1, "20240102_migration.sql", "-- migd:parent 20240101\n");
  assert_part(f, 2, "20240104_d.sql", "-- migd:up\n");
  assert_note(f, "20240103_all.sql", 1, 1, "atlas:checkpoint");
  assert_note(f, "20240104_d.sql", 1, 1, "`atlas:delimiter`");
  assert_note(f, "20240104_d.sql", 2, 4, "template");
}

static void test_plain(void **state) {
  struct fixture *f = *state;
  put(f, "m/0001_create-users.sql", "A;\n");
  put(f, "m/0002-more.sql", "B;\n");
  put(f, "m/README.md", "");
  put(f, "m/seed.sql", "");
  assert_int_equal(make(f, "plain", "m"), 0);
  assert_counts(f, 2, 0, 1);
  assert_file(f, 0, "0001_create-users.sql",
              "-- migd:revision 0001\n-- migd:parent base\n-- migd:message create users\n\n"
              "-- migd:up\nA;\n");
  assert_part(f, 1, "0002_more.sql", "-- migd:parent 0001\n");
}

static const char upgrade[] =
    "BEGIN;\n\nCREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL, \n"
    "    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n);\n\n"
    "-- Running upgrade  -> a1\n\nCREATE TABLE a (x int);\n\n"
    "INSERT INTO alembic_version (version_num) VALUES ('a1') RETURNING "
    "alembic_version.version_num;\n\n"
    "-- Running upgrade a1 -> b-1\n\nCREATE INDEX i ON a (x);\n\n"
    "UPDATE alembic_version SET version_num='b-1' WHERE alembic_version.version_num = 'a1';\n\n"
    "-- Running upgrade a1 -> b2\n\nCOMMIT;\n\nCREATE INDEX CONCURRENTLY j ON a (x);\n\nBEGIN;\n\n"
    "INSERT INTO public.alembic_version (version_num) VALUES ('b2');\n\n"
    "-- Running upgrade b-1, b2 -> m1\n\n"
    "DELETE FROM alembic_version WHERE alembic_version.version_num = 'b-1';\n\n"
    "UPDATE alembic_version SET version_num='m1' WHERE alembic_version.version_num = 'b2';\n\n"
    "COMMIT;\n\n";

static void test_alembic(void **state) {
  struct fixture *f = *state;
  put(f, "up.sql", upgrade);
  put(f, "down.sql",
      "-- Running downgrade m1 -> b2, b-1\n\n"
      "INSERT INTO alembic_version (version_num) VALUES ('b-1');\n\n"
      "-- Running downgrade a1 -> \n\nDROP TABLE a;\n\n"
      "DROP TABLE alembic_version;\n\nCOMMIT;\n");
  put(f, "v/a1_x.py",
      "\"\"\"create a\n\nRevision ID: a1\n\"\"\"\nfrom alembic import op\n"
      "revision: str = 'a1'\ndown_revision = None\n"
      "branch_labels: Union[str, None] = (\n    'lib', # c\n    \"my-lib\",\n)\n");
  put(f, "v/b2_x.py",
      "'''b2'''\nrevision = \"b2\"\ndown_revision = 'a1'\ndepends_on = ['b-', 'b-1']\n");
  put(f, "v/b1_x.py", "revision = 'b-1'\ndepends_on = compute()\n");
  put(f, "v/x.py", "revision = 'zz'\n");
  put(f, "v/env.py", "import os\n");
  assert_int_equal(make(f, "alembic", "postgresql=up.sql", "postgresql=down.sql", "v"), 0);
  assert_counts(f, 4, 0, 2);
  assert_file(f, 0, "a1_create_a.sql",
              "-- migd:revision a1\n-- migd:parent base\n-- migd:label lib, my_lib\n"
              "-- migd:message create a\n\n-- migd:up on=postgresql\nCREATE TABLE a (x int);\n"
              "-- migd:down on=postgresql\nDROP TABLE a;\n");
  assert_file(f, 1, "b_1_revision.sql",
              "-- migd:revision b_1\n-- migd:parent a1\n\n"
              "-- migd:up on=postgresql\nCREATE INDEX i ON a (x);\n");
  assert_file(f, 2, "b2_b2.sql",
              "-- migd:revision b2\n-- migd:parent a1\n-- migd:depends-on b_1\n"
              "-- migd:message b2\n\n-- migd:up on=postgresql transaction=off\n"
              "CREATE INDEX CONCURRENTLY j ON a (x);\n");
  assert_file(f, 3, "m1_revision.sql",
              "-- migd:revision m1\n-- migd:parent b_1, b2\n\n"
              "-- migd:up on=postgresql\n-- migd:down on=postgresql\n");
  assert_note(f, "b1_x.py", 2, 1, "`depends_on`");
  assert_note(f, "v/x.py", 0, 0, "no step to zz");
}

/* A folder with everything, a version table of another name, a step that commits in the middle. */
static void test_alembic_folder(void **state) {
  struct fixture *f = *state;
  put(f, "m/up.sql",
      "CREATE TABLE my.versions (version_num VARCHAR(32));\n"
      "-- Running upgrade  -> a1\nCREATE TABLE a (x int);\nCOMMIT;\nVACUUM;\nBEGIN;\n"
      "INSERT INTO \"my\".\"versions\" (version_num) VALUES ('a1');\n"
      "-- Running upgrade a1 -> b1\nINSERT INTO alembic_version VALUES (1);\n"
      "UPDATE my.versions SET version_num='b1';\n");
  put(f, "m/versions/b1.py", "\"\"\"\nsecond\n\"\"\"\nrevision = 'b1'\n");
  assert_int_equal(make(f, "alembic", "m"), 0);
  assert_part(f, 0, "a1_revision.sql",
              "-- migd:up transaction=off\nCREATE TABLE a (x int);\nVACUUM;\n");
  assert_part(f, 1, "b1_second.sql", "-- migd:up\nINSERT INTO alembic_version VALUES (1);\n");
  assert_counts(f, 2, 0, 1);
  assert_note(f, "up.sql", 2, 1, "a1 commits between its statements");
}

static void test_alembic_problems(void **state) {
  struct fixture *f = *state;
  put(f, "up.sql", "-- Running upgrade a1 -> b1\nB;\n-- Running upgrade a1 -> b1\nB;\n");
  assert_int_equal(make(f, "alembic", "up.sql"), -1);
  assert_problem(f, "up.sql", 2, 0, "the parent a1 of b1 is not in the sources");
  assert_problem(f, "up.sql", 4, 0, "revision b1 has this script already");
  put(f, "up.sql", "-- Running stamp_revision a1 -> b1\nB;\n-- Running upgrade -> \n");
  assert_int_equal(make(f, "alembic", "up.sql"), -1);
  assert_problem(f, "up.sql", 1, 1, "a step is written");
  assert_problem(f, "up.sql", 3, 1, "a step is written");
  put(f, "up.sql", "SELECT 1;\n");
  assert_int_equal(make(f, "alembic", "up.sql"), -1);
  assert_counts(f, 0, 0, 1);
  assert_non_null(strstr(f->e.text, "no migrations in"));
  put(f, "up.sql", "-- Running upgrade a1 -> a1\nA;\n");
  assert_int_equal(make(f, "alembic", "up.sql"), -1);
  assert_problem(f, "up.sql", 2, 0, "a1 is its own parent");
  put(f, "s.sql", "-- Running upgrade  -> a1\nA;\n-- Running upgrade  -> b1\nA;\n");
  put(f, "p.sql", "-- Running upgrade  -> a1\nA;\n-- Running upgrade a1 -> b1\nA;\n");
  assert_int_equal(make(f, "alembic", "sqlite=s.sql", "postgresql=p.sql"), -1);
  assert_problem(f, "p.sql", 4, 0, "b1 has other parents");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_golang_migrate),
      TEST(test_dbmate),
      TEST(test_dbmate_problems),
      TEST(test_dbmate_order),
      TEST(test_goose),
      TEST(test_goose_problems),
      TEST(test_flyway),
      TEST(test_flyway_baseline),
      TEST(test_flyway_problems),
      TEST(test_liquibase),
      TEST(test_liquibase_doubles),
      TEST(test_liquibase_problems),
      TEST(test_liquibase_databases),
      TEST(test_two_orders),
      TEST(test_sqitch),
      TEST(test_sqitch_labels),
      TEST(test_sqitch_configuration),
      TEST(test_sqitch_problems),
      TEST(test_sqlx),
      TEST(test_refinery),
      TEST(test_node_pg_migrate),
      TEST(test_atlas),
      TEST(test_plain),
      TEST(test_alembic),
      TEST(test_alembic_folder),
      TEST(test_alembic_problems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
