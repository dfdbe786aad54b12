/* ALTER TABLE in PostgreSQL's grammar on real SQLite files: what survives, what fails and how, that
 * nothing is half done when the disk fails, and that scripts and dry runs show what runs.
 */
#include "server/engine/rebuild.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "server/engine/offline.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/lite_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SCHEMA                                                                                     \
  "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'migd_%' "

/* A table with everything that a rebuild may lose, and what belongs to it. */
static const char everything[] =
    "CREATE TABLE \"it's\" ( -- a list\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  [a] TEXT COLLATE NOCASE DEFAULT 'x;''y' /* odd */,\n"
    "  `b` VARCHAR(10) CONSTRAINT named CHECK (b <> 'no'), c,\n"
    "  up REFERENCES \"it's\" (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,\n"
    "  d TEXT GENERATED ALWAYS AS (upper(a)) VIRTUAL, e INT AS (c + 1) STORED,\n"
    "  UNIQUE (a, c) ON CONFLICT IGNORE, CHECK (c IS NULL OR c < 1000)\n"
    ");\n"
    "CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES \"it's\" (id) ON "
    "DELETE CASCADE, q TEXT REFERENCES \"it's\" (id) ON DELETE CASCADE);\n"
    "CREATE INDEX part ON \"it's\" (b) WHERE c > 5;\n"
    "CREATE UNIQUE INDEX expr ON \"it's\" (lower(a) || c DESC);\n"
    "CREATE TABLE log (what);\n"
    "CREATE TRIGGER noted AFTER UPDATE OF c ON \"it's\" WHEN new.c > 1 BEGIN INSERT INTO log "
    "VALUES "
    "(new.id || ';'); END;\n"
    "CREATE TRIGGER gone AFTER DELETE ON child BEGIN UPDATE \"it's\" SET c = c - 1 WHERE id = "
    "old.p; END;\n"
    "CREATE VIEW seen AS SELECT id, a, d FROM \"it's\" WHERE c > 0;\n"
    "CREATE VIEW twice AS SELECT a FROM seen;\n"
    "INSERT INTO \"it's\" (id, a, b, c, up) VALUES (3, 'one', 'y', 7, NULL), (10, 'two', NULL, 9, "
    "3), "
    "(11, NULL, 'z', 1, 3), (40, 'last', 'z', 2, 10);\n"
    "DELETE FROM \"it's\" WHERE id = 40;\n"
    "INSERT INTO child VALUES (1, 3, '3'), (2, 10, NULL), (3, 10, '11');\n";

/* Applies the first revision, then all. */
static void apply(struct world *x, const char *const *sql, size_t count) {
  struct err e;
  world_catalog(x, sql, count);
  if (world_go(x, "head", &e))
    fail_msg("%s", e.text);
}

static void after(struct world *x, const char *setup, const char *alters) {
  const char *both[] = {setup, alters};
  apply(x, both, 2);
}

static const char *swapped(struct world *x, const char *text, const char *what, const char *with) {
  const char *at = strstr(text, what);
  assert_non_null(at);
  return arena_printf(&x->arena, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

static void everything_survives_to_the_letter(void **state) {
  (void)state;
  struct world x;
  const char *both[] = {everything, "ALTER TABLE \"it's\" ALTER COLUMN c SET NOT NULL;"};
  struct err e;
  world_begin(&x);
  world_catalog(&x, both, 2);
  if (world_go(&x, "r1", &e))
    fail_msg("%s", e.text);
  const char *by_name = SCHEMA "ORDER BY type, name";
  const char *schema = world_ask(&x, by_name);
  const char *rows = world_ask(&x, "SELECT rowid, * FROM \"it's\"; SELECT * FROM child");
  if (world_go(&x, "head", &e))
    fail_msg("%s", e.text);
  assert_string_equal(world_ask(&x, by_name), swapped(&x, schema, ", c,", ", c NOT NULL,"));
  assert_string_equal(world_ask(&x, "SELECT rowid, * FROM \"it's\"; SELECT * FROM child"), rows);
  assert_string_equal(world_ask(&x, "SELECT * FROM sqlite_sequence"), "it's|40\n");
  assert_string_equal(world_ask(&x, "PRAGMA integrity_check; PRAGMA foreign_key_check"), "ok\n");
  assert_string_equal(world_ask(&x, "UPDATE \"it's\" SET c = 8 WHERE id = 3; SELECT * FROM log"),
                      "3;\n");
  assert_string_equal(world_ask(&x, "INSERT INTO \"it's\" (a, c) VALUES ('n', 4); SELECT max(id) "
                                    "FROM \"it's\"; SELECT count(*) FROM twice"),
                      "41\n4\n");
  world_end(&x);
}

static void rowids_and_their_sequence_are_kept(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(&x,
        "CREATE TABLE t (a TEXT, b); INSERT INTO t (rowid, a, b) VALUES (-5, 'm', 1), (7, 'n', 2), "
        "(900, 'o', 3);"
        "CREATE TABLE empty (id INTEGER PRIMARY KEY AUTOINCREMENT, a);"
        "INSERT INTO empty (a) VALUES (1), (2); DELETE FROM empty;",
        "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE empty ALTER a TYPE TEXT;");
  assert_string_equal(world_ask(&x, "SELECT rowid, a, b FROM t"), "-5|m|1\n7|n|2\n900|o|3\n");
  assert_string_equal(world_ask(&x, "INSERT INTO empty (a) VALUES (3); SELECT * FROM empty"),
                      "3|3\n");
  world_end(&x);
}

static void without_rowid_and_strict(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(&x,
        "CREATE TABLE w (a TEXT, b INT, c ANY, PRIMARY KEY (b DESC, a)) WITHOUT ROWID, STRICT;"
        "INSERT INTO w VALUES ('x', 1, 2.5), ('y', 1, 'q'), ('x', 2, NULL);",
        "ALTER TABLE w ADD CONSTRAINT positive CHECK (b > 0), ALTER COLUMN b TYPE INTEGER;");
  assert_string_equal(world_ask(&x, "SELECT * FROM w"), "x|2|NULL\nx|1|2.5\ny|1|q\n");
  assert_non_null(strstr(world_ask(&x, SCHEMA), "WITHOUT ROWID, STRICT"));
  assert_string_equal(world_ask(&x, "SELECT name, type FROM pragma_table_info('w') WHERE pk = 1"),
                      "b|INTEGER\n");
  world_end(&x);
}

static void statistics_are_kept(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(&x,
        "CREATE TABLE t (a, b); CREATE INDEX i ON t (b);"
        "INSERT INTO t VALUES (1, 2), (2, 2); ANALYZE;",
        "ALTER TABLE t ALTER a SET NOT NULL;");
  assert_string_equal(world_ask(&x, "SELECT idx, stat FROM sqlite_stat1 WHERE tbl = 't'"),
                      "i|2 2\n");
  world_end(&x);
}

static void columns_and_constraints_come_and_go(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(
      &x,
      "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);"
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT, n TEXT NOT NULL DEFAULT 'd');"
      "CREATE INDEX t_b ON t (b); INSERT INTO t VALUES (1, 'a', '12', 'q'), (2, 'b', '30', 'r');",
      "ALTER TABLE t DROP COLUMN a, ADD COLUMN p INTEGER NOT NULL DEFAULT 2 REFERENCES p (id);"
      "ALTER TABLE t ALTER COLUMN b TYPE INTEGER USING CAST(b AS INTEGER) * 2;"
      "ALTER TABLE t ALTER n DROP NOT NULL, ALTER n DROP DEFAULT;"
      "ALTER TABLE t ADD CONSTRAINT even CHECK (b % 2 = 0);"
      "ALTER TABLE t RENAME CONSTRAINT even TO twos; ALTER TABLE t RENAME COLUMN b TO c;"
      "ALTER TABLE t RENAME TO u; ALTER TABLE u DROP CONSTRAINT twos;"
      "ALTER TABLE u ADD UNIQUE (c, p);");
  assert_string_equal(world_ask(&x, "SELECT id, c, typeof(c), n, p FROM u"),
                      "1|24|integer|q|2\n2|60|integer|r|2\n");
  assert_string_equal(world_ask(&x, "SELECT name, \"notnull\", dflt_value FROM "
                                    "pragma_table_info('u') WHERE name = 'n'"),
                      "n|0|NULL\n");
  assert_string_equal(world_ask(&x, "SELECT origin FROM pragma_index_list('u') ORDER BY 1"),
                      "c\nu\n");
  assert_null(strstr(world_ask(&x, SCHEMA), "twos"));
  world_end(&x);
}

/* A view that cannot be updated any more is as it was told to be. */
static void a_trigger_goes_with_cascade(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(&x,
        "CREATE TABLE t (a, b UNIQUE); CREATE VIEW v AS SELECT a FROM t;"
        "CREATE TRIGGER j INSTEAD OF UPDATE ON v BEGIN UPDATE t SET b = new.a; END;"
        "CREATE TRIGGER k INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE a = old.a; END;",
        "ALTER TABLE t DROP COLUMN b CASCADE;");
  assert_string_equal(world_ask(&x, "SELECT name FROM sqlite_schema WHERE type <> 'table' AND "
                                    "tbl_name NOT LIKE 'migd%' ORDER BY 1"),
                      "k\nv\n");
  world_end(&x);
}

/* --- failures --- */

/* The second revision fails: with `words` in the message, at line:column, and nothing is changed.
 */
static void fails(const char *setup, const char *alters, const char *words, unsigned line,
                  unsigned column) {
  struct world x;
  struct err e;
  const char *both[] = {setup, alters};
  world_begin(&x);
  world_catalog(&x, both, 2);
  if (world_go(&x, "r1", &e))
    fail_msg("%s", e.text);
  static const char dump[] = SCHEMA "; SELECT * FROM t; SELECT revision FROM migd_revision";
  const char *before = world_ask(&x, dump);
  if (!world_go(&x, "head", &e))
    fail_msg("it ran: %s", alters);
  if (!strstr(e.text, words) || strstr(e.text, "migd_new") || strstr(e.detail, "migd_new"))
    fail_msg("it does not say %s: %s", words, e.text);
  if (e.line != line || e.column != column)
    fail_msg("%u:%u: %s", e.line, e.column, e.text);
  assert_string_equal(e.file, "r2_step.sql");
  assert_string_equal(world_ask(&x, dump), before);
  world_end(&x);
}

#define TABLE                                                                                      \
  "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT);"                                        \
  "INSERT INTO t VALUES (1, 'x', 1), (5, 'y', NULL), (9, 'x', 3), (12, 'zz', 4);"

static void a_row_in_the_way_is_named(void **state) {
  (void)state;
  fails(TABLE, "ALTER TABLE t\n  ALTER a SET NOT NULL,\n  ALTER COLUMN b SET NOT NULL;",
        "NOT NULL constraint failed: t.b (the row with id = 5: column b is NULL)", 7, 3);
  fails(TABLE, "ALTER TABLE t ADD COLUMN z INT,\n ADD CONSTRAINT small CHECK (b < 4);", "id = 12",
        6, 2);
  fails(TABLE, "ALTER TABLE t ALTER a SET DEFAULT 'q', ADD UNIQUE (a)", "id = ", 5, 40);
  fails(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, '1', 'x'),"
      " (3, '01', 'x'), (7, NULL, 'x'), (8, NULL, 'x'), (9, '1', 'y');"
      "CREATE UNIQUE INDEX i ON t (a DESC, lower(b) COLLATE nocase) WHERE b IN ('x', 'z');",
      "ALTER TABLE t ALTER b SET NOT NULL,\n  ALTER a TYPE INTEGER",
      ": another row is the same to a unique index)", 6, 3);
  fails("CREATE TABLE t (a TEXT); INSERT INTO t (rowid, a) VALUES (5, '1'), (6, '01');"
        "CREATE UNIQUE INDEX i ON t (a);",
        "ALTER TABLE t ALTER a TYPE INTEGER", "rowid = ", 5, 15);
  fails(TABLE, "SELECT 1;\nALTER TABLE t ADD COLUMN z INT NOT NULL;", "z", 6, 15);
}

static void a_row_that_no_question_finds_is_found_by_copying(void **state) {
  (void)state;
  char setup[1024];
  snprintf(
      setup, sizeof setup,
      "CREATE TABLE t (k TEXT, v TEXT, PRIMARY KEY (k)) WITHOUT ROWID;"
      "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
      "5000) SELECT printf('k%%05d', i), CASE WHEN i IN (3711, 4000) THEN '{' ELSE '{}' END "
      "FROM n;");
  fails(setup, "ALTER TABLE t ALTER v TYPE TEXT USING json_extract(v, '$')", "k = 'k03711'", 5, 15);
  fails("CREATE TABLE t (a ANY) STRICT; INSERT INTO t VALUES (1), (2), ('no'), (4);",
        "ALTER TABLE t ALTER a TYPE INT", "rowid = 3", 5, 15);
}

static void what_cannot_be_done_says_where(void **state) {
  (void)state;
  fails(TABLE, "ALTER TABLE t ALTER b SET NOT NULL,\n  DROP COLUMN nothing", "nothing", 6, 15);
  fails(TABLE, "ALTER TABLE t ALTER b TYPE INT USING no_such_function(b)",
        "ERROR: no such function: no_such_function", 5, 15);
  fails(TABLE, "ALTER TABLE t SET TABLESPACE fast", "", 5, 15);
  fails(TABLE, "ALTER TABLE t ADD CHECK (load_extension('x') > 0)", "load_extension", 5, 15);
  fails(TABLE "CREATE VIEW v AS SELECT a, b FROM t; CREATE INDEX t_a ON t (a);",
        "ALTER TABLE t DROP COLUMN a", "v", 5, 15);
  fails(TABLE
        "CREATE TABLE o (x); CREATE TRIGGER g AFTER INSERT ON o BEGIN UPDATE t SET a = new.x; "
        "END; CREATE INDEX t_a ON t (a);",
        "ALTER TABLE t DROP COLUMN a", "", 5, 15);
  fails("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE); CREATE TABLE c (p REFERENCES t (a));"
        "INSERT INTO t VALUES (1, 'x'); INSERT INTO c VALUES ('x');",
        "ALTER TABLE t ALTER a TYPE TEXT USING 'y'", "foreign key", 0, 0);
  fails(TABLE "CREATE TABLE c (p INT); INSERT INTO c VALUES (1), (7);",
        "SELECT 1;\nALTER TABLE C ADD x INT,\n ADD FOREIGN KEY (p) REFERENCES t (id);",
        "row 2 of c names no row of t", 7, 2);
  fails(TABLE "CREATE TABLE c (p INT)",
        "SELECT 1;\nALTER TABLE c ADD x INT,\n ADD FOREIGN KEY (p) REFERENCES t (b);",
        "foreign key mismatch - \"c\" referencing \"t\"", 7, 2);
  fails(TABLE "CREATE TABLE c (p INT); INSERT INTO c VALUES (1), (7);",
        "-- migd:up transaction=off\nALTER TABLE c ADD x INT,\n ADD FOREIGN KEY (p) REFERENCES t;",
        "row 2 of c names no row of t", 6, 2);
}

/* --- together with what revisions do themselves --- */

static void twelve_steps_by_hand_still_work(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(&x,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');"
        "CREATE TABLE c (t INTEGER REFERENCES t (id) ON DELETE CASCADE); INSERT INTO c VALUES (1);"
        "CREATE VIEW v AS SELECT a FROM t;",
        "PRAGMA foreign_keys=OFF;\nPRAGMA legacy_alter_table=ON;\n"
        "CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT NOT NULL);\n"
        "INSERT INTO new_t SELECT id, a FROM t;\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;\n"
        "PRAGMA foreign_key_check;\nPRAGMA foreign_keys=ON;");
  assert_string_equal(world_ask(&x, "SELECT * FROM c; SELECT * FROM v"), "1\nx\n");
  assert_non_null(strstr(world_ask(&x, SCHEMA), "REFERENCES t (id)"));
  world_end(&x);
}

/* legacy_alter_table is no longer on when the next revision, or the next table, comes. */
static void what_was_legacy_is_over(void **state) {
  (void)state;
  static const char views[] = "CREATE TABLE t (a, b); CREATE VIEW v AS SELECT a FROM t;"
                              "CREATE TABLE u (a, b); CREATE VIEW w AS SELECT a FROM u;";
  struct world x;
  const char *steps[] = {
      views,
      "PRAGMA legacy_alter_table=ON;",
      "ALTER TABLE t RENAME TO t2; ALTER TABLE u ALTER b SET NOT NULL; ALTER TABLE u RENAME TO u2;",
  };
  world_begin(&x);
  apply(&x, steps, 3);
  assert_string_equal(
      world_ask(&x, "SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY name"),
      "CREATE VIEW v AS SELECT a FROM \"t2\"\nCREATE VIEW w AS SELECT a FROM \"u2\"\n");
  world_end(&x);
}

static void sections_outside_a_transaction_rebuild_inside_one(void **state) {
  (void)state;
  struct world x;
  struct err e;
  const char *steps[] = {
      TABLE "CREATE TABLE c (t REFERENCES t (id) ON DELETE CASCADE); INSERT INTO c VALUES (5);",
      "-- migd:up transaction=off\nINSERT INTO t VALUES (20, 'n', 5);\n"
      "ALTER TABLE t ALTER a SET NOT NULL;\nALTER TABLE t ADD CHECK (id > 0);\n"
      "CREATE INDEX t_b ON t (b);\nALTER TABLE t ALTER b SET NOT NULL;"};
  world_begin(&x);
  world_catalog(&x, steps, 2);
  assert_int_equal(world_go(&x, "head", &e), -1);
  assert_non_null(strstr(e.text, "id = 5"));
  assert_int_equal(e.line, 9);
  assert_string_equal(world_ask(&x, "SELECT statement, state FROM migd_ledger WHERE statement > 0"),
                      "1|started\n1|done\n3|done\n4|started\n4|done\n");
  world_run(&x, "UPDATE t SET b = 0 WHERE b IS NULL");
  if (world_go(&x, "head", &e))
    fail_msg("%s", e.text);
  assert_string_equal(world_ask(&x, "SELECT count(*) FROM t; SELECT * FROM c"), "5\n5\n");
  world_end(&x);
}

static void what_only_sqlite_knows_is_left_to_it(void **state) {
  (void)state;
  struct world x;
  world_begin(&x);
  after(&x, "CREATE TABLE t (a, b, c);",
        "ALTER TABLE t ADD d; ALTER TABLE [t] ADD COLUMN `e` TEXT DEFAULT \"q\"; ALTER TABLE t "
        "RENAME "
        "a TO z; ALTER TABLE main.t DROP c; /* c */ ALTER /* o */ TABLE t RENAME TO u");
  assert_string_equal(world_ask(&x, "SELECT name FROM pragma_table_info('u')"), "z\nb\nd\ne\n");
  world_end(&x);
}

static void variables_are_planned_with_their_values(void **state) {
  (void)state;
  static const struct variable items[] = {{"most", "4", false}, {"word", "it's secret", true}};
  static const char *const steps[] = {
      TABLE,
      "ALTER TABLE t ADD COLUMN v TEXT NOT NULL DEFAULT ${word},\n  ADD CHECK (b < ${most:raw});"};
  struct world x;
  struct err e;
  struct walk w;
  world_begin(&x);
  x.variables = (struct variables){.items = items, .count = COUNT(items)};
  world_catalog(&x, steps, 2);
  if (world_go(&x, "r1", &e) || world_walk(&x, OP_UPGRADE, "head", WALK_PLAN, &w, &e))
    fail_msg("%s", e.text);
  assert_non_null(strstr(w.shown[0].sql[1], "DEFAULT '${word}'"));
  assert_non_null(strstr(w.shown[0].sql[1], "CHECK (b <  4 )"));
  assert_int_equal(world_go(&x, "head", &e), -1);
  assert_int_equal(e.line, 6);
  assert_non_null(strstr(e.text, "id = 12"));
  assert_null(strstr(e.text, "secret"));
  world_run(&x, "UPDATE t SET b = 1");
  if (world_go(&x, "head", &e))
    fail_msg("%s", e.text);
  assert_string_equal(world_ask(&x, "SELECT DISTINCT v FROM t"), "it's secret\n");
  world_end(&x);
}

/* What an earlier revision put into the schema comes back with it. */
static void a_secret_in_the_schema_is_not_shown(void **state) {
  (void)state;
  static const struct variable items[] = {{"word", "it's hidden", true}};
  static const char *const values[] = {"it's hidden"};
  static const char *const steps[] = {"CREATE TABLE s (id INTEGER PRIMARY KEY, v TEXT DEFAULT "
                                      "${word});",
                                      "ALTER TABLE s ALTER v SET NOT NULL;"};
  struct world x;
  struct err e;
  struct walk w;
  world_begin(&x);
  x.variables = (struct variables){.items = items, .count = COUNT(items)};
  x.secrets = (struct secrets){values, COUNT(values)};
  world_catalog(&x, steps, 2);
  if (world_go(&x, "r1", &e) || world_walk(&x, OP_UPGRADE, "head", WALK_PLAN, &w, &e))
    fail_msg("%s", e.text);
  assert_non_null(w.shown);
  assert_true(w.shown[0].count > 2);
  for (size_t i = 0; i < w.shown[0].count; i++)
    assert_null(strstr(w.shown[0].sql[i], "hidden"));
  assert_non_null(
      strstr(world_ask(&x, "SELECT sql FROM sqlite_schema WHERE name = 's'"), "hidden"));
  world_end(&x);
}

/* --- scripts and dry runs --- */

static size_t count_of(const struct shown *s, const char *start) {
  size_t n = 0;
  for (size_t i = 0; i < s->count; i++)
    n += !strncmp(s->sql[i], start, strlen(start));
  return n;
}

/* Statements that were shown, run by SQLite itself, make what migd makes. */
static void a_dry_run_shows_what_runs(void **state) {
  (void)state;
  struct world x;
  struct err e;
  struct walk w;
  const char *steps[] = {
      everything,
      "INSERT INTO log VALUES ('x');\nALTER TABLE \"it's\" ALTER c SET NOT NULL;\n"
      "ALTER TABLE \"it's\" ADD COLUMN f TEXT NOT NULL DEFAULT (1 + 1), DROP CONSTRAINT named;",
      "ALTER TABLE \"it's\" ALTER f TYPE INT;\nALTER TABLE log ADD z;",
      "-- migd:up batch=50\nDELETE FROM log WHERE rowid IN (SELECT rowid FROM log LIMIT "
      "${batch});\n"
      "-- migd:up\nALTER TABLE log ALTER z SET NOT NULL;"};
  world_begin(&x);
  world_catalog(&x, steps, 4);
  if (world_go(&x, "r1", &e) || world_walk(&x, OP_UPGRADE, "head", WALK_PLAN, &w, &e))
    fail_msg("%s", e.text);
  const char *before = world_ask(&x, SCHEMA);
  assert_non_null(w.shown);
  assert_int_equal(count_of(&w.shown[0], "DROP TABLE"), 1); /* two ALTERs, one rebuild */
  assert_string_equal(w.shown[0].sql[0], "INSERT INTO log VALUES ('x')");
  assert_int_equal(count_of(&w.shown[1], "ALTER TABLE log ADD z"), 1);
  assert_string_equal(world_ask(&x, SCHEMA), before);
  struct buf all BUF_SCOPED = BUF_INIT;
  buf_adds(&all, "ATTACH ':memory:' AS keep; BEGIN;");
  for (size_t i = 0; i < w.plan.count; i++)
    for (size_t k = 0; k < w.shown[i].count; k++)
      buf_addf(&all, "%s;", w.shown[i].sql[k]);
  buf_adds(&all, SCHEMA "ORDER BY type, name; SELECT * FROM \"it's\"; ROLLBACK");
  const char *by_hand = world_ask(&x, buf_str(&all));
  if (world_go(&x, "head", &e))
    fail_msg("%s", e.text);
  assert_string_equal(world_ask(&x, SCHEMA "ORDER BY type, name; SELECT * FROM \"it's\""), by_hand);
  world_end(&x);
}

static int script_of(struct world *x, const char *from, const char *to, struct buf *out,
                     struct err *e) {
  struct offline_request q = {.operation = OP_UPGRADE,
                              .dialect = DIALECT_SQLITE,
                              .from = from,
                              .revisions = &to,
                              .revision_count = 1,
                              .catalog = "app",
                              .store_id = "0123456789abcdef",
                              .principal = "tester"};
  return offline_script(&x->catalog, &q, NULL, out, e);
}

/* The same by migd and by its script, from the middle of a history. */
static void a_script_does_the_same(void **state) {
  (void)state;
  static const char *const steps[] = {
      everything, "ALTER TABLE \"it's\" ALTER c SET NOT NULL, ADD COLUMN f TEXT DEFAULT (1 + 1);",
      "ALTER TABLE \"it's\" ALTER f SET NOT NULL;\n"
      "ALTER TABLE child ADD CONSTRAINT once UNIQUE (p, q);"};
  static const char dump[] = SCHEMA ";SELECT * FROM \"it's\"; SELECT * FROM child;"
                                    "SELECT * FROM sqlite_sequence; SELECT * FROM migd_revision";
  struct buf script BUF_SCOPED = BUF_INIT;
  struct world by_migd, by_script;
  struct err e;
  world_begin(&by_migd);
  world_begin(&by_script);
  apply(&by_migd, steps, 3);
  world_catalog(&by_script, steps, 3);
  if (world_go(&by_script, "r2", &e) || script_of(&by_script, "r2", "head", &script, &e))
    fail_msg("%s", e.text);
  world_run(&by_script, buf_str(&script));
  assert_string_equal(world_ask(&by_script, dump), world_ask(&by_migd, dump));
  world_end(&by_migd);
  world_end(&by_script);
}

/* SQLite 3.40's integrity_check says of this table that a is NULL, whatever it holds. */
static void what_sqlite_finds_in_vain_stops_nothing(void **state) {
  (void)state;
  static const char *const steps[] = {
      "CREATE TABLE t (a NOT NULL, b, PRIMARY KEY (b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2);",
      "ALTER TABLE t ADD CHECK (a > 0);"};
  static const char dump[] = "SELECT a, b FROM t; SELECT revision FROM migd_revision";
  struct buf script BUF_SCOPED = BUF_INIT;
  struct world by_migd, by_script;
  struct err e;
  world_begin(&by_migd);
  world_begin(&by_script);
  apply(&by_migd, steps, 2);
  assert_string_equal(world_ask(&by_migd, dump), "1|2\nr2\n");
  if (script_of(&by_migd, "base", "head", &script, &e))
    fail_msg("%s", e.text);
  world_run(&by_script, buf_str(&script));
  assert_string_equal(world_ask(&by_script, dump), "1|2\nr2\n");
  world_end(&by_migd);
  world_end(&by_script);
}

/* It is SQLite's own, and planned over the schema all the same. */
static void a_script_renames(void **state) {
  (void)state;
  static const char *const steps[] = {"CREATE TABLE t (a);", "ALTER TABLE t RENAME a TO b;",
                                      "ALTER TABLE t RENAME TO u;"};
  struct buf script BUF_SCOPED = BUF_INIT;
  struct world x;
  struct err e;
  world_begin(&x);
  world_catalog(&x, steps, COUNT(steps));
  for (unsigned i = 2; i <= 3; i++) {
    char from[] = {'r', (char)('0' + i - 1), '\0'}, to[] = {'r', (char)('0' + i), '\0'};
    if (script_of(&x, from, to, &script, &e))
      fail_msg("%s", e.text);
    assert_non_null(strstr(buf_str(&script), steps[i - 1]));
  }
  world_end(&x);
}

static void a_script_does_not_guess(void **state) {
  (void)state;
  static const char *const steps[] = {"CREATE TABLE t (a, b);",
                                      "ALTER TABLE stranger ADD COLUMN c;",
                                      "ALTER TABLE stranger ALTER c SET NOT NULL;",
                                      "CREATE INDEX t_a ON t (own_function(a));",
                                      "ALTER TABLE t DROP COLUMN b;",
                                      "ALTER TABLE t ALTER a SET NOT NULL;"};
  struct buf script BUF_SCOPED = BUF_INIT;
  struct world x;
  struct err e;
  world_begin(&x);
  world_catalog(&x, steps, COUNT(steps));
  if (script_of(&x, "base", "r2", &script, &e))
    fail_msg("%s", e.text);
  assert_non_null(strstr(buf_str(&script), "ALTER TABLE stranger ADD COLUMN c;"));
  assert_int_equal(script_of(&x, "base", "r3", &script, &e), -1);
  assert_non_null(strstr(e.text, "r3_step.sql:5:13"));
  assert_non_null(strstr(e.hint, "--dry-run"));
  buf_clear(&script);
  if (script_of(&x, "r3", "r5", &script, &e))
    fail_msg("%s", e.text);
  assert_non_null(strstr(buf_str(&script), "ALTER TABLE t DROP COLUMN b;"));
  assert_int_equal(script_of(&x, "r3", "r6", &script, &e), -1);
  assert_non_null(strstr(e.text, "stranger"));
  world_end(&x);
}

/* A script that is run over rows that do not fit stops, and a copy that loses rows does, too. */
static void a_script_checks_what_a_run_checks(void **state) {
  (void)state;
  static const char *const steps[] = {TABLE, "ALTER TABLE t ALTER a SET NOT NULL;"};
  struct buf script BUF_SCOPED = BUF_INIT;
  struct world x;
  struct err e;
  world_begin(&x);
  world_catalog(&x, steps, 2);
  if (world_go(&x, "r1", &e) || script_of(&x, "r1", "r2", &script, &e))
    fail_msg("%s", e.text);
  assert_non_null(strstr(buf_str(&script), "SELECT changes() = (SELECT count(*) FROM main.\"t\")"));
  assert_non_null(strstr(buf_str(&script), "pragma_integrity_check('t', 'main')"));
  world_end(&x);
}

/* --- the disk --- */

static const char *const swept[] = {
    everything, "ALTER TABLE \"it's\" ALTER c SET NOT NULL, ADD COLUMN f TEXT DEFAULT (1 + 1);"};

/* Whether it came to operation `at`. */
static bool disk_fails_at(unsigned at, int code, bool sticky, const char *const ends[2]) {
  static const char dump[] = SCHEMA ";SELECT * FROM \"it's\"; SELECT * FROM child;"
                                    "SELECT * FROM sqlite_sequence; SELECT * FROM migd_revision";
  struct world x;
  struct err e;
  world_begin(&x);
  world_catalog(&x, swept, 2);
  assert_int_equal(world_go(&x, "r1", &e), 0);
  vfs_arm(at, code, sticky);
  int rc = world_go(&x, "head", &e);
  bool met = vfs_count() >= at;
  vfs_arm(0, 0, false);
  const char *now = world_ask(&x, dump);
  if (strcmp(now, ends[1]) && (!rc || strcmp(now, ends[0])))
    fail_msg("operation %u: neither before nor after: %s", at, now);
  if (world_go(&x, "head", &e))
    fail_msg("operation %u, again: %s", at, e.text);
  assert_string_equal(world_ask(&x, dump), ends[1]);
  assert_string_equal(world_ask(&x, "PRAGMA integrity_check; PRAGMA foreign_key_check"), "ok\n");
  world_end(&x);
  return met;
}

static void the_disk_fails_at_each_operation(void **state) {
  (void)state;
  static const char dump[] = SCHEMA ";SELECT * FROM \"it's\"; SELECT * FROM child;"
                                    "SELECT * FROM sqlite_sequence; SELECT * FROM migd_revision";
  static const int codes[] = {SQLITE_IOERR, SQLITE_FULL};
  unsigned stride = getenv("MIGD_TEST_SLOW") ? 7 : 1;
  const char *ends[2];
  struct world x;
  struct err e;
  world_begin(&x);
  world_catalog(&x, swept, 2);
  assert_int_equal(world_go(&x, "r1", &e), 0);
  ends[0] = world_ask(&x, dump);
  assert_int_equal(world_go(&x, "head", &e), 0);
  ends[1] = world_ask(&x, dump);
  for (size_t c = 0; c < COUNT(codes); c++)
    for (int sticky = 0; sticky < 2; sticky++)
      for (unsigned at = 1; disk_fails_at(at, codes[c], sticky, ends); at += stride)
        assert_true(at < 500);
  world_end(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_survives_to_the_letter),
      cmocka_unit_test(rowids_and_their_sequence_are_kept),
      cmocka_unit_test(without_rowid_and_strict),
      cmocka_unit_test(statistics_are_kept),
      cmocka_unit_test(columns_and_constraints_come_and_go),
      cmocka_unit_test(a_trigger_goes_with_cascade),
      cmocka_unit_test(a_row_in_the_way_is_named),
      cmocka_unit_test(a_row_that_no_question_finds_is_found_by_copying),
      cmocka_unit_test(what_cannot_be_done_says_where),
      cmocka_unit_test(twelve_steps_by_hand_still_work),
      cmocka_unit_test(what_was_legacy_is_over),
      cmocka_unit_test(sections_outside_a_transaction_rebuild_inside_one),
      cmocka_unit_test(what_only_sqlite_knows_is_left_to_it),
      cmocka_unit_test(variables_are_planned_with_their_values),
      cmocka_unit_test(a_secret_in_the_schema_is_not_shown),
      cmocka_unit_test(a_dry_run_shows_what_runs),
      cmocka_unit_test(a_script_does_the_same),
      cmocka_unit_test(what_sqlite_finds_in_vain_stops_nothing),
      cmocka_unit_test(a_script_renames),
      cmocka_unit_test(a_script_does_not_guess),
      cmocka_unit_test(a_script_checks_what_a_run_checks),
      cmocka_unit_test(the_disk_fails_at_each_operation),
  };
  vfs_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
