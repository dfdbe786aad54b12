/* The rules that read the text, also those that do so for SQLite only: what each of them finds
 * besides its example, and what looks like it and is none.
 */
#include "probe.h"

#define UP "up on=sqlite"

static void test_conflict_rollback(void **state) {
  (void)state;
  const char *rule = "conflict-rollback";
  finds(rule, UP, "CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK);");
  finds(rule, UP, "update or rollback t set a = 1;");
  finds(rule, UP, "CREATE TRIGGER x BEFORE INSERT ON t BEGIN SELECT RAISE ( ROLLBACK, 'no'); END;");
  silent(rule, UP, "CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE, b DEFAULT 'or rollback');");
  silent(rule, UP, "CREATE TRIGGER x BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no'); END;");
  silent(rule, UP, "INSERT OR ABORT INTO t VALUES (1); -- OR ROLLBACK\n");
}

static void test_vacuum(void **state) {
  (void)state;
  const char *rule = "vacuum-in-transaction";
  finds(rule, UP, "vacuum main;");
  finds(rule, "up on=sqlite transaction=off", "VACUUM INTO 'copy.db';");
  silent(rule, "up on=sqlite transaction=off", "VACUUM;");
  silent(rule, UP, "CREATE TABLE vacuum (a);");
}

static void test_pragma(void **state) {
  (void)state;
  const char *rule = "pragma-without-effect";
  finds(rule, UP, "PRAGMA foreign_keys=OFF;");
  finds(rule, UP, "pragma main.Foreign_Keys(1);");
  finds(rule, "up on=sqlite transaction=off", "PRAGMA foreign_keys = ON;");
  finds(rule, UP, "PRAGMA journal_mode = WAL;");
  finds(rule, UP, "PRAGMA auto_vacuum = 1;");
  silent(rule, "up on=sqlite transaction=off", "PRAGMA auto_vacuum = 1;");
  silent(rule, UP, "PRAGMA foreign_keys;");
  silent(rule, UP, "PRAGMA journal_mode;");
  silent(rule, UP, "PRAGMA legacy_alter_table = ON;");
  silent(rule, UP, "PRAGMA foreign_key_check(t);");
}

static void test_replace(void **state) {
  (void)state;
  const char *rule = "replace-deletes-rows";
  finds(rule, UP, "REPLACE INTO t VALUES (1);");
  finds(rule, UP, "insert or replace into \"t\" SELECT 1;");
  silent(rule, UP, "CREATE TABLE t (a PRIMARY KEY); REPLACE INTO t VALUES (1);");
  silent(rule, UP, "UPDATE t SET a = replace(a, 'x', 'y');");
  silent(rule, UP, "CREATE TABLE replace (a);");
}

static void test_double_quotes(void **state) {
  (void)state;
  const char *rule = "double-quoted-string";
  finds(rule, UP, "INSERT INTO t (a) VALUES (1), (lower(\"X\"));");
  finds(rule, UP, "CREATE TABLE t (a DEFAULT \"x y\");");
  silent(rule, UP, "INSERT INTO \"t\" (\"a\") VALUES ('\"x\"');");
  silent(rule, UP,
         "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.\"a\";");
  silent(rule, UP, "INSERT INTO t (a) VALUES ((SELECT \"b\" FROM u));");
  silent(rule, UP, "CREATE TABLE t (\"default\" TEXT, \"b c\" TEXT DEFAULT 'x');");
  silent(rule, UP, "UPDATE t SET a = \"b\";");
}

static void test_variable(void **state) {
  (void)state;
  const char *rule = "variable-in-string";
  finds(rule, "up on=postgresql", "SELECT '${x}', 1;");
  finds(rule, "up on=postgresql", "DO $$ BEGIN PERFORM '${x:literal}'; END $$;");
  finds(rule, UP, "SELECT \"${x:identifier}\";");
  silent(rule, UP, "SELECT '${}', '$x', '${a b}', '{x}' -- '${x}'\n;");
  silent(rule, UP, "SELECT ${x}, ${y:identifier};");
  silent(rule, "up on=postgresql", "SELECT ${x}, ${y:raw};");
}

static void test_nondeterministic(void **state) {
  (void)state;
  const char *rule = "nondeterministic-backfill";
  finds(rule, UP, "UPDATE t SET a = random();");
  finds(rule, UP, "UPDATE t SET a = datetime('now', '-1 day');");
  finds(rule, UP, "UPDATE t SET a = strftime('%s');\nUPDATE t SET a = date();");
  finds(rule, UP, "INSERT INTO t SELECT hex(randomblob(16)) FROM u;");
  finds(rule, "up on=postgresql", "UPDATE t SET a = gen_random_uuid() WHERE a IS NULL;");
  silent(rule, UP, "UPDATE t SET a = date(b), c = datetime(b, '+1 day');");
  silent(rule, UP, "CREATE TABLE t (made DEFAULT CURRENT_TIMESTAMP);");
  silent(rule, UP, "INSERT INTO t VALUES (random());");
  silent(rule, UP, "UPDATE t SET random = 1, now = 'now()';");
  silent(rule, "down on=sqlite", "UPDATE t SET a = random();");
}

static void test_select_star(void **state) {
  (void)state;
  const char *rule = "rebuild-select-star";
  finds(rule, UP, "CREATE TABLE main.n (a); INSERT INTO main.n SELECT * FROM t WHERE a > 1;");
  silent(rule, UP, "CREATE TABLE n (a); INSERT INTO n (a) SELECT * FROM t;");
  silent(rule, UP, "CREATE TABLE n (a); INSERT INTO n SELECT a FROM t;");
  silent(rule, UP, "INSERT INTO n SELECT * FROM t;");
}

#define REBUILD(make)                                                                              \
  make "; INSERT INTO n (id) SELECT id FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;"

static void test_autoincrement(void **state) {
  (void)state;
  const char *rule = "rebuild-loses-autoincrement";
  const char *old = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, b);";
  char sql[1000];
  (void)snprintf(sql, sizeof sql, "%s %s", old,
                 REBUILD("CREATE TABLE n (id INTEGER PRIMARY KEY, autoincrement TEXT)"));
  finds(rule, UP, sql);
  (void)snprintf(sql, sizeof sql, "%s %s", old,
                 REBUILD("CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT)"));
  finds(rule, UP, sql); /* a note: the counter */
  silent(rule, UP,
         "CREATE TABLE t (id INTEGER PRIMARY KEY); " REBUILD(
             "CREATE TABLE n (id INTEGER PRIMARY KEY)"));
  (void)snprintf(sql, sizeof sql, "%s DROP TABLE t;", old);
  silent(rule, UP, sql);
}

static void constraint(const char *old, const char *made, bool found, int line) {
  char sql[2000];
  (void)snprintf(sql, sizeof sql,
                 "CREATE TABLE t %s;\nCREATE TABLE n %s;\nINSERT INTO n (id) SELECT id FROM t;\n"
                 "DROP TABLE t;\nALTER TABLE n RENAME TO t;",
                 old, made);
  probe_expect("rebuild-loses-constraint", UP, sql, found, line);
}

#define loses(old, made) constraint(old, made, true, __LINE__)
#define keeps(old, made) constraint(old, made, false, __LINE__)

static void test_constraint(void **state) {
  (void)state;
  loses("(id INTEGER PRIMARY KEY, a TEXT NOT NULL)", "(id INTEGER PRIMARY KEY, a TEXT)");
  loses("(id INTEGER PRIMARY KEY, a UNIQUE)", "(id INTEGER PRIMARY KEY, a)");
  loses("(id, a, UNIQUE (id, a))", "(id, a)");
  loses("(id, a REFERENCES u ON DELETE SET NULL)", "(id, a REFERENCES u)");
  loses("(id, a UNIQUE)", "(id UNIQUE, a)");
  loses("(id, a COLLATE NOCASE)", "(id, a)");
  loses("(id, a DEFAULT 1)", "(id, a)");
  loses("(id, a AS (id + 1) STORED)", "(id, a)");
  loses("(id INTEGER PRIMARY KEY) STRICT", "(id INTEGER PRIMARY KEY)");
  loses("(id INTEGER PRIMARY KEY) WITHOUT ROWID", "(id INTEGER PRIMARY KEY)");
  loses("(id INTEGER PRIMARY KEY, CHECK (id > 0))", "AS SELECT 1 AS id");
  loses("(id INTEGER PRIMARY KEY, CHECK (id > 0), CHECK (id < 9))",
        "(id INTEGER PRIMARY KEY, CHECK (id > 0))");
}

static void test_constraint_kept(void **state) {
  (void)state;
  keeps("(id INTEGER PRIMARY KEY, a TEXT NOT NULL)",
        "(\"ID\" integer primary key, A text NOT /* */ NULL)");
  keeps("(id, a UNIQUE ON CONFLICT IGNORE)", "(id, a, CONSTRAINT one UNIQUE (a))");
  keeps("(id, a REFERENCES u (x))", "(id, a, FOREIGN KEY (a) REFERENCES u (x))");
  keeps("(id PRIMARY KEY, a)", "(id, a, PRIMARY KEY (id))");
  keeps("(id, a CHECK (a > 0))", "(id, a, CHECK (a > 0))");
  keeps("(id, a CHECK (a > 0))", "(id, a CHECK (a >= 0))"); /* changed, not forgotten */
  keeps("(id, a DEFAULT 1)", "(id, a DEFAULT 2)");
  keeps("(id, a CHECK (a > 0) NOT NULL UNIQUE, CHECK (a > id))", "(id)"); /* went with a */
  keeps("(id, a DECIMAL(10, 2) NOT NULL DEFAULT (1 + 2))",
        "(id, a DECIMAL(10, 2) NOT NULL DEFAULT (1 + 2), b TEXT)");
  keeps("(id, a GENERATED ALWAYS AS (id) VIRTUAL)", "(id, a GENERATED ALWAYS AS (id) VIRTUAL)");
}

/* What an ALTER TABLE of an earlier revision added counts, in this branch of the graph. */
static void test_constraint_history(void **state) {
  (void)state;
  const char *bodies[] = {"-- migd:up on=sqlite\nCREATE TABLE t (id INTEGER PRIMARY KEY);\n",
                          "-- migd:up on=sqlite\nALTER TABLE t ADD COLUMN a TEXT NOT NULL DEFAULT "
                          "'';\nCREATE UNIQUE INDEX t_a ON t (a);\n",
                          "-- migd:up on=sqlite\n" REBUILD(
                              "CREATE TABLE n (id INTEGER PRIMARY KEY, a TEXT DEFAULT '')")};
  struct probe p = {0};
  probe_catalog(&p, bodies, 3);
  probe_run(&p, &probe_options);
  assert_string_equal(probe_text(&p), "rebuild-loses-constraint@2:98 rebuild-loses-index@2:98");
  assert_string_equal(p.result.items[0].message, "t had `a not null`, the new table has not");
  assert_int_equal(p.result.items[0].revision, 2);
  probe_end(&p);
}

static void test_index_and_trigger(void **state) {
  (void)state;
  const char *rule = "rebuild-loses-index";
#define INDEXED "CREATE TABLE t (id, a); CREATE INDEX i ON t (a); "
  finds(rule, UP, INDEXED REBUILD("CREATE TABLE n (id, a)"));
  finds(rule, UP, INDEXED REBUILD("CREATE TABLE n (id, a)") " CREATE INDEX other ON t (id);");
  finds(rule, UP,
        INDEXED "ALTER TABLE t RENAME TO o; CREATE TABLE t (id, a); INSERT INTO t (id) SELECT id "
                "FROM o; DROP TABLE o;");
  silent(rule, UP, INDEXED REBUILD("CREATE TABLE n (id, a)") " CREATE INDEX i ON t (a, id);");
  silent(rule, UP, INDEXED REBUILD("CREATE TABLE n (id, a)") " CREATE INDEX j ON t (a);");
  silent(rule, UP, INDEXED REBUILD("CREATE TABLE n (id, a); CREATE INDEX j ON n (a)"));
  silent(rule, UP, INDEXED "DROP INDEX i; " REBUILD("CREATE TABLE n (id, a)"));
  silent(rule, UP, INDEXED "DROP TABLE t;");
  rule = "rebuild-loses-trigger";
#define TRIGGERED                                                                                  \
  "CREATE TABLE t (id, a); CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM u; END; "
  finds(rule, UP, TRIGGERED REBUILD("CREATE TABLE n (id, a)"));
  silent(rule, UP,
         TRIGGERED REBUILD("CREATE TABLE n (id, a)") " CREATE TRIGGER g AFTER UPDATE ON t BEGIN "
                                                     "DELETE FROM u; END;");
  silent(rule, UP, TRIGGERED "DROP TRIGGER g; " REBUILD("CREATE TABLE n (id, a)"));
}

static void test_renames_old(void **state) {
  (void)state;
  const char *rule = "rebuild-renames-old";
#define AROUND "; CREATE TABLE t (id, a); INSERT INTO t (id) SELECT id FROM o; DROP TABLE o;"
#define VIEWED "CREATE TABLE t (id); CREATE VIEW v AS SELECT id FROM t; "
  finds(rule, UP, VIEWED "ALTER TABLE t RENAME TO o" AROUND);
  silent(rule, UP, VIEWED "PRAGMA legacy_alter_table=ON; ALTER TABLE t RENAME TO o" AROUND);
  silent(rule, UP, VIEWED "DROP VIEW v; ALTER TABLE t RENAME TO o" AROUND);
  silent(rule, UP, "CREATE TABLE t (id); ALTER TABLE t RENAME TO o" AROUND);
  rule = "rebuild-under-view";
  finds(rule, UP, VIEWED REBUILD("CREATE TABLE n (id)"));
  finds(rule, UP,
        "CREATE TABLE t (id); CREATE TABLE u (id); CREATE TRIGGER g AFTER INSERT ON u BEGIN "
        "DELETE FROM t; END; " REBUILD("CREATE TABLE n (id)"));
  silent(rule, UP,
         "CREATE TABLE t (id); CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; "
         "END; " REBUILD("CREATE TABLE n (id)"));
  silent(rule, UP, VIEWED "DROP VIEW v; " REBUILD("CREATE TABLE n (id)"));
  silent(rule, UP, VIEWED "PRAGMA legacy_alter_table = 1; " REBUILD("CREATE TABLE n (id)"));
}

static void test_rename_views(void **state) {
  (void)state;
  const char *rule = "rename-rewrites-views";
  finds(rule, UP, "CREATE VIEW v AS SELECT a FROM t; ALTER TABLE t RENAME COLUMN a TO b;");
  finds(rule, UP, "CREATE VIEW v AS SELECT a FROM t; ALTER TABLE t RENAME a TO b;");
  silent(rule, UP, "CREATE VIEW v AS SELECT a FROM t; ALTER TABLE t RENAME COLUMN c TO b;");
  silent(rule, UP, "CREATE VIEW v AS SELECT a FROM tt; ALTER TABLE t RENAME TO u;");
  silent(rule, UP, "CREATE VIEW v AS SELECT a FROM t; ALTER TABLE t ADD COLUMN b;");
}

static void test_delete(void **state) {
  (void)state;
  const char *rule = "delete-without-cascade";
#define CHILD(action) "CREATE TABLE c (id, p REFERENCES t " action "); "
  finds(rule, UP, CHILD("ON DELETE CASCADE") "DELETE FROM t;");
  finds(rule, UP, CHILD("(id) ON UPDATE CASCADE ON DELETE SET NULL") "DELETE FROM main.t;");
  silent(rule, UP, CHILD("") "DELETE FROM t;");
  silent(rule, UP, CHILD("ON DELETE RESTRICT") "DELETE FROM t;");
  silent(rule, UP, CHILD("ON UPDATE CASCADE") "DELETE FROM t;");
  silent(rule, UP, CHILD("ON DELETE CASCADE") "DELETE FROM c; DELETE FROM t;");
  silent(rule, UP, CHILD("ON DELETE CASCADE") "UPDATE c SET p = NULL; DELETE FROM t;");
  silent(rule, UP, CHILD("ON DELETE CASCADE") "DELETE FROM tt;");
  silent(rule, UP, CHILD("ON DELETE CASCADE") "DROP TABLE c; DELETE FROM t;");
}

static void down(const char *up, const char *sql, bool found, int line) {
  char body[1000];
  struct probe p;
  (void)snprintf(body, sizeof body, "-- migd:up on=sqlite\n%s\n-- migd:down on=sqlite\n%s\n", up,
                 sql);
  probe_begin(&p, body);
  if ((probe_count(&p, "down-loses-data") > 0) != found)
    fail_msg("line %d: found %s", line, probe_text(&p));
  probe_end(&p);
}

static void test_down(void **state) {
  (void)state;
  down("CREATE TABLE u AS SELECT * FROM t;", "DROP TABLE IF EXISTS u;", true, __LINE__);
  down("ALTER TABLE t ADD COLUMN b; UPDATE t SET x = 1, b = a WHERE a;", "ALTER TABLE t DROP b;",
       true, __LINE__);
  down("ALTER TABLE t ADD COLUMN b;", "ALTER TABLE t DROP COLUMN b;", false, __LINE__);
  down("ALTER TABLE t ADD COLUMN b; UPDATE t SET a = b;", "ALTER TABLE t DROP COLUMN b;", false,
       __LINE__);
  down("ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a;",
       "UPDATE t SET a = b; ALTER TABLE t DROP COLUMN b;", false, __LINE__);
  down("CREATE TABLE u (a); INSERT INTO u VALUES (1);", "DROP TABLE u;", false, __LINE__);
  down("CREATE TABLE u (a); INSERT INTO u WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
       "FROM n WHERE i < 9) SELECT i FROM n;",
       "DROP TABLE u;", false, __LINE__);
  down("CREATE TABLE u (a); INSERT INTO u WITH n AS (SELECT a FROM t) SELECT a FROM n;",
       "DROP TABLE u;", true, __LINE__);
  down("CREATE TABLE u (a); INSERT INTO u SELECT value FROM generate_series(1, 9);",
       "DROP TABLE u;", false, __LINE__);
  down("CREATE TABLE u (a); INSERT INTO v SELECT a FROM u;", "DROP TABLE u;", false, __LINE__);
  down("DROP TABLE u;", "CREATE TABLE u (a);", false, __LINE__);
}

static void test_drop_table(void **state) {
  (void)state;
  const char *rule = "ban-drop-table";
#define ANEW "CREATE TABLE n (id); INSERT INTO n (id) SELECT id FROM t; "
  finds(rule, UP, "DROP TABLE t;");
  finds(rule, UP, "DROP TABLE main.\"t\";");
  finds(rule, UP, "DROP TABLE t; CREATE TABLE t (id);");
  finds(rule, UP, "CREATE TABLE n (id); DROP TABLE t; ALTER TABLE n RENAME TO t;"); /* no copy */
  finds(rule, UP, ANEW "DROP TABLE t;"); /* the name is gone */
  finds(rule, UP, "CREATE TABLE n (id REFERENCES t); DROP TABLE t; ALTER TABLE n RENAME TO t;");
  finds(rule, UP, "INSERT INTO t SELECT id FROM n; DROP TABLE t; CREATE TABLE t (id);");
  silent(rule, UP, ANEW "DROP TABLE t; ALTER TABLE n RENAME TO t;");
  silent(rule, UP, ANEW "DROP TABLE t; CREATE VIEW t AS SELECT id FROM n;");
  silent(rule, UP,
         "ALTER TABLE t RENAME TO o; CREATE TABLE t (id); INSERT INTO t SELECT * FROM o; "
         "DROP TABLE o;");
  silent(rule, UP, "DROP TABLE t; CREATE TABLE t (id); INSERT INTO t VALUES (1);");
  silent(rule, UP, "DROP TABLE t; CREATE TABLE t AS SELECT id FROM u;");
  silent(rule, UP, "CREATE TABLE t (id); DROP TABLE t;");
  silent(rule, UP, "CREATE TEMP TABLE t (id); DROP TABLE temp.t;");
  silent(rule, UP, "DROP TABLE IF EXISTS t; CREATE TABLE t (id);"); /* no revision made one */
  silent(rule, UP, "DROP VIEW t; DROP INDEX t;");
  silent("ban-drop-table", "down on=sqlite", "DROP TABLE t;");
}

/* What an earlier revision made is there for IF EXISTS too; after a rename it is not. */
static void test_drop_if_exists(void **state) {
  (void)state;
  const char *bodies[] = {"-- migd:up on=sqlite\nCREATE TABLE t (id);\n",
                          "-- migd:up on=sqlite\nDROP TABLE IF EXISTS u;\n",
                          "-- migd:up on=sqlite\nDROP TABLE IF EXISTS t;\n"};
  struct probe p = {0};
  probe_catalog(&p, bodies, 3);
  probe_run(&p, &probe_options);
  assert_string_equal(probe_text(&p), "ban-drop-table@2:1");
  assert_int_equal(p.result.items[0].revision, 2);
  probe_end(&p);
}

static void test_drop_column(void **state) {
  (void)state;
  const char *rule = "ban-drop-column";
#define HAD "CREATE TABLE t (id, a);"
  finds(rule, UP, "ALTER TABLE t DROP a;");
  finds(rule, UP, "ALTER TABLE t ADD COLUMN b, DROP COLUMN IF EXISTS a;");
  silent(rule, UP, "ALTER TABLE t DROP CONSTRAINT a;");
  silent(rule, UP, HAD "ALTER TABLE t DROP COLUMN a;");
  silent(rule, "down on=sqlite", "ALTER TABLE t DROP COLUMN a;");
}

/* A rebuild by hand, of a table that an earlier revision made. */
static void anew(const char *sql, const char *found, int line) {
  const char *bodies[] = {"-- migd:up on=sqlite\nCREATE TABLE t (id, a);\n", sql};
  struct probe p = {0};
  probe_catalog(&p, bodies, 2);
  probe_run(&p, &probe_options);
  if (strcmp(probe_text(&p), found) != 0)
    fail_msg("line %d: found %s", line, probe_text(&p));
  probe_end(&p);
}

static void test_drop_column_by_hand(void **state) {
  (void)state;
#define BY_HAND(columns, from)                                                                     \
  "-- migd:up on=sqlite\nCREATE TABLE n (" columns "); INSERT INTO n (" columns ") SELECT " from   \
  " FROM t;\nDROP TABLE t;\nALTER TABLE n RENAME TO t;\n"
  anew(BY_HAND("id", "id"), "ban-drop-column@3:1", __LINE__);
  anew(BY_HAND("id, a", "id, a"), "", __LINE__);
  anew(BY_HAND("id, b", "id, a"), "", __LINE__); /* it has another name */
}

static void test_renames(void **state) {
  (void)state;
  const char *rule = "renaming-table";
  finds(rule, UP, "ALTER TABLE \"t\" RENAME TO u;");
  silent(rule, UP, "ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u;");
  silent(rule, UP, "ALTER TABLE t RENAME TO u; CREATE TABLE t (id);");
  silent(rule, UP, "CREATE TABLE t (id); ALTER TABLE t RENAME TO u;");
  silent(rule, UP, "ALTER TABLE t RENAME COLUMN a TO b;");
  silent(rule, "down on=sqlite", "ALTER TABLE t RENAME TO u;");
  rule = "renaming-column";
  finds(rule, UP, "ALTER TABLE t RENAME a TO b;");
  silent(rule, UP, "ALTER TABLE t RENAME CONSTRAINT a TO b;");
  silent(rule, UP, "CREATE TABLE t (a); ALTER TABLE t RENAME COLUMN a TO b;");
  silent(rule, "down on=sqlite", "ALTER TABLE t RENAME COLUMN a TO b;");
}

static void test_required(void **state) {
  (void)state;
  const char *rule = "adding-required-field";
  finds(rule, UP, "ALTER TABLE t ADD a TEXT NOT NULL;");
  finds(rule, UP, "ALTER TABLE t ADD COLUMN a DECIMAL(10, 2) NOT NULL DEFAULT NULL;");
  finds(rule, UP, "ALTER TABLE t ADD COLUMN b, ADD COLUMN a TEXT NOT NULL CHECK (a > 'DEFAULT');");
  finds(rule, UP, "DELETE FROM t WHERE b; ALTER TABLE t ADD COLUMN a TEXT NOT NULL;");
  silent(rule, UP, "ALTER TABLE t ADD COLUMN a TEXT NOT NULL DEFAULT '';");
  silent(rule, UP, "ALTER TABLE t ADD COLUMN a TEXT CHECK (a IS NOT NULL);");
  silent(rule, UP, "ALTER TABLE t ADD COLUMN a TEXT NOT NULL AS (b) VIRTUAL;");
  silent(rule, UP, "DELETE FROM main.t; ALTER TABLE t ADD COLUMN a TEXT NOT NULL;");
  silent(rule, UP, "CREATE TABLE t (b); ALTER TABLE t ADD COLUMN a TEXT NOT NULL;");
}

static void test_delete_all(void **state) {
  (void)state;
  const char *rule = "delete-without-where";
  finds(rule, UP, "DELETE FROM t;");
  finds(rule, UP, "DELETE FROM t RETURNING (SELECT 1 WHERE 1);");
  silent(rule, UP, "DELETE FROM t WHERE a;");
  silent(rule, UP, "DELETE FROM t AS x WHERE a;");
  silent(rule, UP, "DELETE FROM sqlite_sequence;");
  silent(rule, UP, "CREATE TABLE t (a); DELETE FROM t;");
  silent(rule, UP, "DELETE FROM t; INSERT INTO t VALUES (1);");
  silent(rule, UP, "CREATE TEMP TABLE k AS SELECT a FROM t; DELETE FROM t;");
}

/* A statement that runs on both dialects is told of once, whatever the letters' case. */
static void test_told_once(void **state) {
  (void)state;
  struct probe p;
  probe_begin(&p, "-- migd:up\n"
                  "DROP TABLE Gone;\n"
                  "ALTER TABLE s.\"Mixed\" ADD COLUMN x int, DROP COLUMN \"Old\" ;\n"
                  "ALTER TABLE Plain RENAME TO other;\n"
                  "ALTER TABLE p RENAME COLUMN A TO \"B\";\n"
                  "ALTER TABLE q ADD COLUMN Y text NOT NULL;\n"
                  "DELETE FROM r;\n");
  for (size_t i = 0; i < p.result.count; i++)
    if (p.result.items[i].rule->dialects == DIALECT_ANY)
      assert_int_equal(p.result.items[i].dialects, DIALECT_ANY);
  static const char *const once[] = {"ban-drop-table",        "ban-drop-column",
                                     "renaming-table",        "renaming-column",
                                     "adding-required-field", "delete-without-where"};
  for (size_t i = 0; i < sizeof once / sizeof *once; i++)
    if (probe_count(&p, once[i]) != 1)
      fail_msg("%s: %s", once[i], probe_text(&p));
  probe_end(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conflict_rollback),
      cmocka_unit_test(test_vacuum),
      cmocka_unit_test(test_pragma),
      cmocka_unit_test(test_replace),
      cmocka_unit_test(test_double_quotes),
      cmocka_unit_test(test_variable),
      cmocka_unit_test(test_nondeterministic),
      cmocka_unit_test(test_select_star),
      cmocka_unit_test(test_autoincrement),
      cmocka_unit_test(test_constraint),
      cmocka_unit_test(test_constraint_kept),
      cmocka_unit_test(test_constraint_history),
      cmocka_unit_test(test_index_and_trigger),
      cmocka_unit_test(test_renames_old),
      cmocka_unit_test(test_rename_views),
      cmocka_unit_test(test_delete),
      cmocka_unit_test(test_down),
      cmocka_unit_test(test_drop_table),
      cmocka_unit_test(test_drop_if_exists),
      cmocka_unit_test(test_drop_column),
      cmocka_unit_test(test_drop_column_by_hand),
      cmocka_unit_test(test_renames),
      cmocka_unit_test(test_required),
      cmocka_unit_test(test_delete_all),
      cmocka_unit_test(test_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
