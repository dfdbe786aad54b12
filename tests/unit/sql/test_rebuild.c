/* Tests the planner of rebuilds by running what it plans in a real SQLite: the schema and the rows
 * afterwards, what it refuses and where, which statements it needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/sql/rebuild.h"
#include "server/sql/split.h"

struct world {
  sqlite3 *db;
  struct arena arena;
  struct schema_object objects[500];
  struct schema schema;
  struct rebuild_alter alters[16];
  size_t count;
};

static void must(struct world *w, const char *sql) {
  char *message = NULL;
  if (sqlite3_exec(w->db, sql, NULL, NULL, &message) != SQLITE_OK)
    fail_msg("%s: %s", sql, message);
}

static char *column(struct world *w, sqlite3_stmt *stmt, int i) {
  const char *s = (const char *)sqlite3_column_text(stmt, i);
  return s != NULL ? arena_strdup(&w->arena, s) : NULL;
}

static void read_schema(struct world *w) {
  static const char sql[] = "SELECT type, name, tbl_name, sql, 0 FROM sqlite_schema UNION ALL "
                            "SELECT type, name, tbl_name, sql, 1 FROM sqlite_temp_schema";
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(w->db, sql, -1, &stmt, NULL), SQLITE_OK);
  w->schema = (struct schema){w->objects, 0};
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    assert_true(w->schema.count < sizeof w->objects / sizeof w->objects[0]);
    w->objects[w->schema.count++] =
        (struct schema_object){column(w, stmt, 0), column(w, stmt, 1), column(w, stmt, 2),
                               column(w, stmt, 3), sqlite3_column_int(stmt, 4) != 0};
  }
  sqlite3_finalize(stmt);
}

static void open_world(struct world *w, const char *setup) {
  *w = (struct world){0};
  arena_init(&w->arena, 0);
  assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
  must(w, setup);
}

static void close_world(struct world *w) {
  sqlite3_close(w->db);
  arena_release(&w->arena);
}

/* Cuts and parses the ALTERs; -1 with the error of the first that is not understood. */
static int parse(struct world *w, const char *alters, struct err *e) {
  struct sql_statements s;
  assert_int_equal(sql_split(DIALECT_SQLITE, alters, strlen(alters), &w->arena, &s, e), 0);
  w->count = s.count;
  for (size_t i = 0; i < s.count; i++) {
    struct rebuild_alter *a = &w->alters[i];
    a->sql = arena_strndup(&w->arena, alters + s.items[i].start, s.items[i].len);
    a->len = s.items[i].len;
    int rc = alter_parse(a->sql, a->len, &w->arena, &a->parsed, e);
    if (rc != 1)
      return -1;
  }
  return 0;
}

static char *next_value(struct world *w, sqlite3_stmt *stmt, int i) {
  const char *s = (const char *)sqlite3_column_text(stmt, i);
  static const char *const marks[] = {"", "", ".", "'", "x", ""}; /* by SQLITE_INTEGER, … */
  return arena_printf(&w->arena, "%s%s", s != NULL ? marks[sqlite3_column_type(stmt, i)] : "",
                      s != NULL ? s : "NULL");
}

/* Rows as `a|b;`: a text begins with ', a real with a point. */
static const char *rows_of(struct world *w, const char *query) {
  struct buf b BUF_SCOPED = BUF_INIT;
  sqlite3_stmt *stmt;
  if (sqlite3_prepare_v2(w->db, query, -1, &stmt, NULL) != SQLITE_OK)
    fail_msg("%s: %s", query, sqlite3_errmsg(w->db));
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(stmt); i++)
      buf_addf(&b, "%s%s", i > 0 ? "|" : "", next_value(w, stmt, i));
    buf_adds(&b, ";");
  }
  sqlite3_finalize(stmt);
  return arena_strdup(&w->arena, buf_str(&b));
}

/* Runs a plan as the engine does; the probes when the copy fails. */
static int run_plan(struct world *w, const struct rebuild *plan, struct buf *said) {
  for (size_t i = 0; i < plan->count; i++) {
    if (sqlite3_exec(w->db, plan->items[i].sql, NULL, NULL, NULL) == SQLITE_OK)
      continue;
    buf_addf(said, "%s", sqlite3_errmsg(w->db));
    for (size_t k = 0; plan->items[i].kind == REBUILD_COPY && k < plan->probe_count; k++) {
      const char *row = rows_of(w, plan->probes[k].sql);
      if (row[0] == '\0')
        continue;
      buf_addf(said, " -> %s %s%s", plan->key[0], row, plan->probes[k].what);
      break;
    }
    return -1;
  }
  return 0;
}

/* Plans and runs until no alter is left. -1 with what was said. */
static int do_all(struct world *w, const char *alters, struct buf *said, size_t *rebuilds) {
  struct err e;
  size_t done = 0, failed = 0;
  *rebuilds = 0;
  if (parse(w, alters, &e) != 0) {
    buf_addf(said, "@%ld %s", e.offset, e.text);
    return -1;
  }
  while (done < w->count) {
    struct rebuild plan;
    read_schema(w);
    if (rebuild_plan(&w->schema, w->alters + done, w->count - done, &w->arena, &plan, &failed,
                     &e) != 0) {
      assert_int_equal(e.kind, ERR_MIGRATION);
      buf_addf(said, "%zu@%ld %s", failed + done, e.offset, e.text);
      if (e.hint[0] != '\0')
        buf_addf(said, " (%s)", e.hint);
      return -1;
    }
    assert_true(plan.taken > 0 && plan.taken <= w->count - done);
    *rebuilds += plan.temporary != NULL;
    if (run_plan(w, &plan, said) != 0)
      return -1;
    done += plan.taken;
  }
  return 0;
}

struct sample {
  const char *setup, *alters;
  const char *sql;   /* of the table t afterwards, or the beginning of what is said */
  const char *query; /* NULL: none */
  const char *rows;
  size_t rebuilds;
};

static void check_one(const struct sample *s) {
  struct world w;
  struct buf said BUF_SCOPED = BUF_INIT;
  size_t rebuilds;
  open_world(&w, s->setup);
  if (do_all(&w, s->alters, &said, &rebuilds) != 0)
    fail_msg("%s\n  %s", s->alters, buf_str(&said));
  const char *sql = rows_of(&w, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND "
                                "name = 't'");
  struct buf want BUF_SCOPED = BUF_INIT;
  buf_addf(&want, "'CREATE TABLE %s;", s->sql);
  if (strcmp(sql, buf_str(&want)) != 0)
    print_error("%s\n", s->alters);
  assert_string_equal(sql, buf_str(&want));
  if (s->query != NULL)
    assert_string_equal(rows_of(&w, s->query), s->rows);
  if (rebuilds != s->rebuilds)
    print_error("%s\n", s->alters);
  assert_int_equal(rebuilds, s->rebuilds);
  assert_string_equal(rows_of(&w, "PRAGMA integrity_check"), "'ok;");
  assert_string_equal(rows_of(&w, "SELECT name FROM sqlite_schema WHERE name LIKE 'migd%'"), "");
  close_world(&w);
}

static void check_refused(const struct sample *s) {
  struct world w;
  struct buf said BUF_SCOPED = BUF_INIT;
  size_t rebuilds;
  open_world(&w, s->setup);
  if (do_all(&w, s->alters, &said, &rebuilds) == 0)
    fail_msg("%s: done", s->alters);
  if (strncmp(buf_str(&said), s->sql, strlen(s->sql)) != 0)
    print_error("%s\n", s->alters);
  assert_string_equal(buf_str(&said), s->sql);
  close_world(&w);
}

#define ALL(samples, check)                                                                        \
  for (size_t i = 0; i < sizeof(samples) / sizeof(samples)[0]; i++)                                \
  check(&(samples)[i])

static void test_native(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(a)", "ALTER TABLE t ADD b INT", "t(a, b INT)", NULL, NULL, 0},
      {"CREATE TABLE t(a); INSERT INTO t VALUES (1)",
       "ALTER TABLE IF EXISTS ONLY t * ADD COLUMN IF NOT EXISTS b INT NOT NULL DEFAULT -5, "
       "ADD COLUMN IF NOT EXISTS a TEXT",
       "t(a, b INT NOT NULL DEFAULT -5)", "SELECT * FROM t", "1|-5;", 0},
      {"CREATE TABLE t(a, b, c)", "ALTER TABLE t DROP COLUMN b CASCADE; ALTER TABLE t DROP c",
       "t(a)", NULL, NULL, 0},
      {"CREATE TABLE t(a); CREATE TRIGGER r INSERT ON t BEGIN SELECT new.a; END",
       "ALTER TABLE t RENAME a TO \"b c\"", "t(\"b c\")",
       "SELECT sql FROM sqlite_schema WHERE type = 'trigger'",
       "'CREATE TRIGGER r INSERT ON t BEGIN SELECT new.\"b c\"; END;", 0},
      {"CREATE TABLE u(a)", "ALTER TABLE u RENAME TO t; ALTER TABLE t RENAME COLUMN a TO b",
       "\"t\"(b)", NULL, NULL, 0},
      {"CREATE VIRTUAL TABLE f USING fts5(x); CREATE TABLE t(a)", "ALTER TABLE f RENAME TO g",
       "t(a)", "SELECT * FROM g", "", 0},
      {"CREATE TABLE t(a)", "ALTER TABLE IF EXISTS nothing ADD b; ALTER TABLE t ADD c", "t(a, c)",
       NULL, NULL, 0},
      {"CREATE TABLE t(a)",
       "ALTER TABLE t ADD b REFERENCES t(a); ALTER TABLE t ADD c CHECK (c > 0)",
       "t(a, b REFERENCES t(a), c CHECK (c > 0))", NULL, NULL, 0},
      {"CREATE TABLE t(a)", "ALTER TABLE t ADD b AS (a + 1); ALTER TABLE t ADD c DEFAULT true",
       "t(a, b AS (a + 1), c DEFAULT true)", NULL, NULL, 0},
      {"CREATE TABLE t(a NOT NULL)",
       "ALTER TABLE t VALIDATE CONSTRAINT x, ALTER a SET NOT NULL; ALTER TABLE t ALTER a DROP "
       "DEFAULT, DROP CONSTRAINT IF EXISTS x, DROP COLUMN IF EXISTS y",
       "t(a NOT NULL)", NULL, NULL, 0},
  };
  ALL(samples, check_one);
}

static void test_columns(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(a, b TEXT); INSERT INTO t VALUES (1, '12'), (2, 'x')",
       "ALTER TABLE t ALTER COLUMN b TYPE INTEGER", "\"t\"(a, b INTEGER)", "SELECT * FROM t",
       "1|12;2|'x;", 1},
      {"CREATE TABLE t(a, b TEXT COLLATE NOCASE NOT NULL); INSERT INTO t VALUES (1, 'x')",
       "ALTER TABLE t ALTER b SET DATA TYPE varchar(20) COLLATE RTRIM USING upper(b)",
       "\"t\"(a, b varchar(20) COLLATE RTRIM NOT NULL)", "SELECT * FROM t", "1|'X;", 1},
      {"CREATE TABLE t(a, b INT DEFAULT 1 /* one */ ); INSERT INTO t DEFAULT VALUES",
       "ALTER TABLE t ALTER b SET DEFAULT 1 + 1, ALTER b SET NOT NULL",
       "\"t\"(a, b INT NOT NULL DEFAULT (1 + 1) /* one */ )", "SELECT * FROM t", "NULL|1;", 1},
      {"CREATE TABLE t(a INT NOT NULL /* why */ DEFAULT 'x' , b)",
       "ALTER TABLE t ALTER a DROP DEFAULT, ALTER a DROP NOT NULL", "\"t\"(a INT /* why */  , b)",
       NULL, NULL, 1},
      /* rows there are get the value that was the default when the column came */
      {"CREATE TABLE t(a); INSERT INTO t VALUES (1)",
       "ALTER TABLE t ADD b INT NOT NULL DEFAULT 7; ALTER TABLE t ALTER b DROP DEFAULT",
       "\"t\"(a, b INT NOT NULL)", "SELECT * FROM t", "1|7;", 1},
      {"CREATE TABLE t(a); INSERT INTO t VALUES (1)",
       "ALTER TABLE t ADD b; ALTER TABLE t ALTER b SET DEFAULT 5", "\"t\"(a, b DEFAULT 5)",
       "SELECT * FROM t", "1|NULL;", 1},
      {"CREATE TABLE t(a); INSERT INTO t VALUES (1)",
       "ALTER TABLE t ADD b DEFAULT (abs(-3)), ADD c UNIQUE",
       "\"t\"(a, b DEFAULT (abs(-3)), c UNIQUE)", "SELECT * FROM t", "1|3|NULL;", 1},
      {"CREATE TABLE t(a, g AS (a * 2) STORED, h AS (g)); INSERT INTO t VALUES (4)",
       "ALTER TABLE t ALTER g DROP EXPRESSION", "\"t\"(a, g, h AS (g))", "SELECT * FROM t",
       "4|8|8;", 1},
      /* an expression is over what earlier statements made, not what is stored */
      {"CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)",
       "ALTER TABLE t ALTER a TYPE INT USING a * 10; ALTER TABLE t ALTER b TYPE INT USING a + b",
       "\"t\"(a INT, b INT)", "SELECT * FROM t", "10|12;", 2},
      {"CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)",
       "ALTER TABLE t ALTER a TYPE INT USING a * 10, ALTER b TYPE INT USING a + b",
       "\"t\"(a INT, b INT)", "SELECT * FROM t", "10|3;", 1},
      {"CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('1')",
       "ALTER TABLE t ALTER a TYPE REAL; ALTER TABLE t ALTER a TYPE TEXT", "\"t\"(a TEXT)",
       "SELECT * FROM t", "'1.0;", 2},
      {"CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)",
       "ALTER TABLE t ADD COLUMN b INT DEFAULT 3, DROP COLUMN b, ADD UNIQUE (b)",
       "\"t\"(a, b INT DEFAULT 3, UNIQUE (b))", "SELECT * FROM t", "1|3;", 1},
      {"CREATE TABLE t(\"a b\" INT, [c d], `e\"f`, 'g' ); INSERT INTO t VALUES (1, 2, 3, 4)",
       "ALTER TABLE [t] ALTER [a b] TYPE TEXT, ALTER \"e\"\"f\" SET DEFAULT 'x', ALTER g SET NOT "
       "NULL",
       "\"t\"(\"a b\" TEXT, [c d], `e\"f` DEFAULT 'x', 'g' NOT NULL )", "SELECT * FROM t",
       "'1|2|3|4;", 1},
  };
  ALL(samples, check_one);
}

/* Tokens that touch in the stored text do not run into what is put beside them. */
static void test_touching(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(a, b TEXT NOT NULL DEFAULT'x'REFERENCES t(a))",
       "ALTER TABLE t ALTER b DROP DEFAULT", "\"t\"(a, b TEXT NOT NULL REFERENCES t(a))", NULL,
       NULL, 1},
      {"CREATE TABLE t(a, b TEXT DEFAULT'x'REFERENCES t(a))",
       "ALTER TABLE t ALTER b SET DEFAULT NULL", "\"t\"(a, b TEXT DEFAULT NULL REFERENCES t(a))",
       NULL, NULL, 1},
      {"CREATE TABLE t(a, b\"TEXT\"UNIQUE)", "ALTER TABLE t ALTER b TYPE INT",
       "\"t\"(a, b INT UNIQUE)", NULL, NULL, 1},
      {"CREATE TABLE t(a, [b]UNIQUE, [c]CHECK(c))",
       "ALTER TABLE t ALTER b SET DEFAULT 1, ALTER c SET DEFAULT 2",
       "\"t\"(a, [b] DEFAULT 1 UNIQUE, [c] DEFAULT 2 CHECK(c))", NULL, NULL, 1},
      {"CREATE TABLE t(a, b, CHECK(a AND\"t\".b OR 't'.b))", "ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(a NOT NULL, b, CHECK(a AND b OR b))", NULL, NULL, 1},
      {"CREATE TABLE t(a,'b'TEXT,\"c\"INT,CHECK(a)CHECK(b)UNIQUE(c))",
       "ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(a NOT NULL,'b'TEXT,\"c\"INT,CHECK(a)CHECK(b)UNIQUE(c))", NULL, NULL, 1},
  };
  ALL(samples, check_one);
}

static void test_constraints(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(a, b)",
       "ALTER TABLE t ADD CONSTRAINT c CHECK (a > b) NOT VALID, ADD UNIQUE (a, b), "
       "ADD FOREIGN KEY (b) REFERENCES t (a) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
       "\"t\"(a, b, CONSTRAINT c CHECK (a > b), UNIQUE (a, b), FOREIGN KEY (b) REFERENCES t (a) ON "
       "DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
       NULL, NULL, 1},
      {"CREATE TABLE t(a, b, CHECK (a > 0), CONSTRAINT x CHECK (b > 0) CHECK (a > b))",
       "ALTER TABLE t DROP CONSTRAINT t_a_check, DROP CONSTRAINT X", "\"t\"(a, b, CHECK (a > b))",
       NULL, NULL, 1},
      {"CREATE TABLE t(a UNIQUE, b REFERENCES t(a), UNIQUE (a, b))",
       "ALTER TABLE t DROP CONSTRAINT t_b_fkey, DROP CONSTRAINT t_a_key, DROP CONSTRAINT "
       "t_a_b_key",
       "\"t\"(a, b)", NULL, NULL, 1},
      {"CREATE TABLE t(a INT PRIMARY KEY, b CHECK (b > 0) UNIQUE); INSERT INTO t VALUES (5, 1)",
       "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT k PRIMARY KEY (b)",
       "\"t\"(a INT, b NOT NULL CHECK (b > 0) UNIQUE, CONSTRAINT k PRIMARY KEY (b))",
       "SELECT rowid, * FROM t", "1|5|1;", 1},
      {"CREATE TABLE t(a, b UNIQUE)", "ALTER TABLE t RENAME CONSTRAINT t_b_key TO \"k\"",
       "\"t\"(a, b CONSTRAINT \"k\" UNIQUE)", NULL, NULL, 1},
      {"CREATE TABLE t(a, CONSTRAINT [x] UNIQUE (a) ON CONFLICT REPLACE)",
       "ALTER TABLE t RENAME CONSTRAINT x TO y",
       "\"t\"(a, CONSTRAINT \"y\" UNIQUE (a) ON CONFLICT REPLACE)", NULL, NULL, 1},
      {"CREATE TABLE t(a CONSTRAINT n NOT NULL CONSTRAINT d DEFAULT 1)",
       "ALTER TABLE t DROP CONSTRAINT n, ALTER a SET DEFAULT 2",
       "\"t\"(a CONSTRAINT \"d\" DEFAULT 2)", NULL, NULL, 1},
      /* a number behind the label is PostgreSQL's, and says nothing where there is one only */
      {"CREATE TABLE t(a, b, CHECK (a > b))", "ALTER TABLE t DROP CONSTRAINT t_check2",
       "\"t\"(a, b)", NULL, NULL, 1},
      /* what goes with a column */
      {"CREATE TABLE t(a, b, c CHECK (c > b), UNIQUE (a, b), CHECK (b > 0), CHECK (a > 0)); CREATE "
       "INDEX i ON t(a) WHERE b; CREATE INDEX j ON t(a); INSERT INTO t VALUES (1, 2, 3)",
       "ALTER TABLE t DROP b", "\"t\"(a, c, CHECK (a > 0))",
       "SELECT name FROM sqlite_schema WHERE type = 'index'", "'j;", 1},
      {"CREATE TABLE t(a, b, g AS (b), h AS (g)); CREATE VIEW v AS SELECT a, x.b FROM t AS x; "
       "CREATE "
       "VIEW w AS SELECT * FROM v; CREATE VIEW k AS SELECT a AS b FROM t; CREATE TRIGGER r UPDATE "
       "OF b ON t BEGIN SELECT 1; END; CREATE TRIGGER s INSTEAD OF INSERT ON w BEGIN SELECT 1; END",
       "ALTER TABLE t DROP b CASCADE", "\"t\"(a)",
       "SELECT name FROM sqlite_schema WHERE type <> 'table'", "'k;", 1},
  };
  ALL(samples, check_one);
}

/* The names are those that PostgreSQL 15 gave when it was asked. */
/* What statements of one group say of each other is as if each were done alone. */
static void test_one_after_the_other(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(b, g AS (b + 1), h AS (g + 1)); INSERT INTO t VALUES (1)",
       "ALTER TABLE t ALTER b TYPE INT USING b * 100; ALTER TABLE t ALTER h DROP EXPRESSION",
       "\"t\"(b INT, g AS (b + 1), h)", "SELECT * FROM t", "100|101|102;", 2},
      {"CREATE TABLE t(b, g AS (b + 1), c); INSERT INTO t VALUES (1, 0)",
       "ALTER TABLE t ALTER b TYPE INT USING b * 100; ALTER TABLE t ALTER c TYPE INT USING g",
       "\"t\"(b INT, g AS (b + 1), c INT)", "SELECT * FROM t", "100|101|101;", 2},
      {"CREATE TABLE t(b, hello); INSERT INTO t VALUES (1, 2)",
       "ALTER TABLE t ADD c DEFAULT hello, ADD d DEFAULT [b]; ALTER TABLE t ALTER c DROP DEFAULT, "
       "ALTER d SET DEFAULT 5",
       "\"t\"(b, hello, c, d DEFAULT 5)", "SELECT * FROM t", "1|2|'hello|'b;", 1},
      {"CREATE TABLE t(b); INSERT INTO t VALUES (1)",
       "ALTER TABLE t ADD g AS (b + 1); ALTER TABLE t ALTER g DROP EXPRESSION", "\"t\"(b, g)",
       "SELECT * FROM t", "1|2;", 1},
  };
  ALL(samples, check_one);
}

/* A keyword, a type or a collation that is called as a column is. */
static void test_what_only_looks_like_a_column(void **state) {
  (void)state;
  static const char left[] = "SELECT name FROM sqlite_schema WHERE type <> 'table'";
  static const struct sample samples[] = {
      {"CREATE TABLE t(\"desc\", n); CREATE INDEX i ON t(n DESC)", "ALTER TABLE t DROP \"desc\"",
       "t(n)", left, "'i;", 0},
      {"CREATE TABLE t(nocase, n); CREATE INDEX i ON t(n COLLATE nocase)",
       "ALTER TABLE t DROP nocase", "t(n)", left, "'i;", 0},
      {"CREATE TABLE t(text, n CHECK (CAST(n AS long TEXT) = n))", "ALTER TABLE t DROP text",
       "t(n CHECK (CAST(n AS long TEXT) = n))", NULL, NULL, 0},
      {"CREATE TABLE t(\"end\", n CHECK (CASE WHEN n THEN 1 ELSE n NOT LIKE 2 END))",
       "ALTER TABLE t DROP \"end\"", "t(n CHECK (CASE WHEN n THEN 1 ELSE n NOT LIKE 2 END))", NULL,
       NULL, 0},
      {"CREATE TABLE t(\"like\", n, CHECK (n NOT LIKE 'x' AND n IS NOT NULL))",
       "ALTER TABLE t DROP \"like\"", "t(n, CHECK (n NOT LIKE 'x' AND n IS NOT NULL))", NULL, NULL,
       0},
      {"CREATE TABLE t(x, n CHECK (n <> x'00'))", "ALTER TABLE t DROP x", "t(n CHECK (n <> x'00'))",
       NULL, NULL, 0},
      {"CREATE TABLE t(\"desc\", n); CREATE VIEW v AS SELECT n FROM t ORDER BY n DESC",
       "ALTER TABLE t DROP \"desc\" CASCADE", "t(n)", left, "'v;", 0},
      {"CREATE TABLE t(t, n); CREATE VIEW v AS SELECT n FROM t; CREATE TRIGGER r INSERT ON t BEGIN "
       "DELETE FROM t WHERE n = new.n; UPDATE t SET n = 1; INSERT INTO t(n) SELECT n FROM t; END",
       "ALTER TABLE t DROP t CASCADE", "t(n)", left, "'v;'r;", 0},
      {"CREATE TABLE t(t, n); CREATE VIEW v AS SELECT n FROM t WHERE n IS NOT DISTINCT FROM t",
       "ALTER TABLE t DROP t CASCADE", "\"t\"(n)", left, "", 1},
      {"CREATE TABLE t(\"end\", n); CREATE VIEW v AS SELECT CASE WHEN \"end\" THEN n END FROM t",
       "ALTER TABLE t DROP \"end\" CASCADE", "\"t\"(n)", left, "", 1},
  };
  ALL(samples, check_one);
}

static void test_automatic_names(void **state) {
  (void)state;
#define LONG "a_table_with_a_rather_long_name_as_people_have"
#define COLUMN "a_column_that_is_long_too_and_more"
  static const struct sample samples[] = {
      {"CREATE TABLE " LONG "(" COLUMN " UNIQUE, b CHECK (b > 0), c CHECK (c > b), d REFERENCES "
       "p(x), PRIMARY KEY (b, c), UNIQUE (b, c, d), FOREIGN KEY (b, c) REFERENCES p(x, y))",
       "ALTER TABLE " LONG " DROP CONSTRAINT "
       "a_table_with_a_rather_long_na_a_column_that_is_long_too_and_key; ALTER TABLE " LONG
       " DROP CONSTRAINT " LONG "_b_check, DROP CONSTRAINT " LONG "_check, DROP CONSTRAINT " LONG
       "_d_fkey, DROP CONSTRAINT " LONG "_pkey, DROP CONSTRAINT " LONG
       "_b_c_d_key, DROP CONSTRAINT " LONG "_b_c_fkey; ALTER TABLE " LONG " RENAME TO t",
       "\"t\"(" COLUMN ", b, c, d)", NULL, NULL, 1},
      {"CREATE TABLE t(a, b CHECK (b > 0 AND b < 9), \"E f\" UNIQUE, CHECK (1 = 1), CHECK "
       "(length(\"E f\") > 1))",
       "ALTER TABLE t DROP CONSTRAINT t_b_check, DROP CONSTRAINT \"t_E f_key\", DROP CONSTRAINT "
       "\"t_E f_check\", DROP CONSTRAINT t_check2",
       "\"t\"(a, b, \"E f\")", NULL, NULL, 1},
  };
  ALL(samples, check_one);
}

/* Which views and triggers a column takes with it: all the others are there afterwards. */
static void test_what_needs_a_column(void **state) {
  (void)state;
  static const struct {
    const char *sql;
    bool needs;
  } samples[] = {
      {"CREATE VIEW o AS SELECT b FROM t", true},
      {"CREATE VIEW o(b) AS SELECT a FROM t", false},
      {"CREATE VIEW o AS SELECT * FROM t", false},
      {"CREATE VIEW o AS SELECT u.b FROM t, u", false},
      {"CREATE VIEW o AS SELECT u.x FROM u JOIN main.t AS k ON k.\"B\" = u.b", true},
      {"CREATE VIEW o AS SELECT x FROM u, (SELECT a, [b] FROM t) y", true},
      {"CREATE VIEW o AS SELECT b FROM u", false},
      {"CREATE VIEW o AS SELECT a AS b, t AS c FROM (SELECT a, 1 AS t FROM t)", false},
      {"CREATE VIEW o AS WITH w AS (SELECT 1) SELECT (SELECT max(t.b) FROM t), 'b' FROM u", true},
      {"CREATE TRIGGER o AFTER UPDATE OF b ON t BEGIN SELECT 1; END", true},
      {"CREATE TRIGGER o AFTER UPDATE ON t WHEN old.b BEGIN SELECT 1; END", true},
      {"CREATE TRIGGER o AFTER UPDATE ON t BEGIN UPDATE u SET b = new.a; END", false},
      {"CREATE TRIGGER o AFTER UPDATE OF b ON u BEGIN UPDATE OR IGNORE t SET a = 1; END", false},
      {"CREATE TRIGGER o AFTER INSERT ON u BEGIN INSERT INTO t(a, b) VALUES (new.b, 1); END", true},
      {"CREATE TRIGGER o AFTER INSERT ON u BEGIN DELETE FROM t WHERE b = 1; END", true},
      {"CREATE TRIGGER o AFTER INSERT ON u BEGIN DELETE FROM u WHERE b IN (SELECT a FROM u); END",
       false},
      /* of the view v, which has the column and goes with it */
      {"CREATE VIEW o AS SELECT * FROM (u JOIN v)", true},
      {"CREATE VIEW o AS SELECT x FROM u WHERE x IN v", true},
      {"CREATE VIEW o AS SELECT x AS v FROM u", false},
      {"CREATE VIEW o AS SELECT 1 FROM (SELECT x, v FROM (SELECT x, 1 AS v FROM u))", false},
      {"CREATE TRIGGER o INSTEAD OF INSERT ON v BEGIN SELECT 1; END", true},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct buf setup BUF_SCOPED = BUF_INIT;
    buf_addf(&setup,
             "CREATE TABLE t(a, b); CREATE TABLE u(b, x); CREATE VIEW v AS SELECT b FROM t; %s",
             samples[i].sql);
    check_one(&(struct sample){buf_str(&setup), "ALTER TABLE t DROP COLUMN b CASCADE", "\"t\"(a)",
                               "SELECT name FROM sqlite_schema WHERE type <> 'table'",
                               samples[i].needs ? "" : "'o;", 1});
  }
}

static void test_rowids(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(a); INSERT INTO t(rowid, a) VALUES (5, 1), (9, 2)",
       "ALTER TABLE t ALTER a SET NOT NULL", "\"t\"(a NOT NULL)", "SELECT rowid, a FROM t",
       "5|1;9|2;", 1},
      {"CREATE TABLE t(rowid, oid); INSERT INTO t(_rowid_, rowid) VALUES (5, 1), (9, 2)",
       "ALTER TABLE t ALTER rowid SET NOT NULL", "\"t\"(rowid NOT NULL, oid)",
       "SELECT _rowid_, rowid FROM t", "5|1;9|2;", 1},
      {"CREATE TABLE t(rowid, oid, _rowid_); INSERT INTO t VALUES (5, 1, 2)",
       "ALTER TABLE t ALTER rowid SET NOT NULL", "\"t\"(rowid NOT NULL, oid, _rowid_)",
       "SELECT * FROM t", "5|1|2;", 1},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (7, 'x')",
       "ALTER TABLE t ALTER id TYPE bigint; ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(id INTEGER PRIMARY KEY, a NOT NULL)", "SELECT rowid, id, a FROM t", "7|7|'x;", 1},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (7, 'x')",
       "ALTER TABLE t ALTER id TYPE TEXT", "\"t\"(id TEXT PRIMARY KEY, a)",
       "SELECT rowid, id, a FROM t", "7|'7|'x;", 1},
      {"CREATE TABLE t(id TEXT PRIMARY KEY, a); INSERT INTO t VALUES ('7', 'x')",
       "ALTER TABLE t ALTER id TYPE INTEGER", "\"t\"(id INTEGER PRIMARY KEY, a)",
       "SELECT rowid, id, a FROM t", "7|7|'x;", 1},
      {"CREATE TABLE t(a); INSERT INTO t(rowid, a) VALUES (4, 'x')",
       "ALTER TABLE t ADD COLUMN id INTEGER PRIMARY KEY", "\"t\"(a, id INTEGER PRIMARY KEY)",
       "SELECT * FROM t", "'x|4;", 1},
      {"CREATE TABLE t(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2)",
       "ALTER TABLE t ADD CHECK (b > a)",
       "\"t\"(a, b, PRIMARY KEY (a, b), CHECK (b > a)) WITHOUT ROWID", "SELECT * FROM t", "1|2;",
       1},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t VALUES (9, 1), (12, "
       "2); "
       "DELETE FROM t",
       "ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(id INTEGER PRIMARY KEY AUTOINCREMENT, a NOT NULL)", "SELECT * FROM sqlite_sequence",
       "'t|12;", 1},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t VALUES (9, 1); "
       "UPDATE "
       "sqlite_sequence SET seq = 3",
       "ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(id INTEGER PRIMARY KEY AUTOINCREMENT, a NOT NULL)", "SELECT * FROM sqlite_sequence",
       "'t|3;", 1},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a)",
       "ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(id INTEGER PRIMARY KEY AUTOINCREMENT, a NOT NULL)", "SELECT * FROM sqlite_sequence",
       "", 1},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t VALUES (9, 1)",
       "ALTER TABLE t DROP CONSTRAINT t_pkey", "\"t\"(id INTEGER, a)",
       "SELECT rowid, id, (SELECT count(*) FROM sqlite_sequence) FROM t", "9|9|0;", 1},
      {"CREATE TABLE t(id INT, a); INSERT INTO t VALUES (9, 1)",
       "ALTER TABLE t DROP id, ADD id INTEGER PRIMARY KEY AUTOINCREMENT",
       "\"t\"(a, id INTEGER PRIMARY KEY AUTOINCREMENT)", "SELECT id, seq FROM t, sqlite_sequence",
       "1|1;", 1},
      {"CREATE TABLE t(id INTEGER, a); INSERT INTO t VALUES (9, 1), (3, 2)",
       "ALTER TABLE t ADD PRIMARY KEY (id)", "\"t\"(id INTEGER, a, PRIMARY KEY (id))",
       "SELECT rowid, a FROM t", "3|2;9|1;", 1},
      {"CREATE TABLE t(a UNIQUE ON CONFLICT REPLACE, b NOT NULL ON CONFLICT IGNORE); INSERT INTO t "
       "VALUES (1, 1), (2, 1)",
       "ALTER TABLE t ALTER b TYPE INT",
       "\"t\"(a UNIQUE ON CONFLICT REPLACE, b INT NOT NULL ON CONFLICT "
       "IGNORE)",
       "SELECT * FROM t", "1|1;2|1;", 1},
  };
  ALL(samples, check_one);
}

/* What ANALYZE wrote stays that of the indexes that stay; numbers of SQLite's own ones may move. */
static void test_statistics(void **state) {
  (void)state;
#define STATISTICS "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx"
  static const struct sample samples[] = {
      {"CREATE TABLE t(a TEXT PRIMARY KEY, b, c); CREATE INDEX i ON t(b); CREATE INDEX j ON t(c); "
       "CREATE TABLE u(x PRIMARY KEY); INSERT INTO t VALUES ('x', 1, 1), ('y', 1, 2); INSERT INTO "
       "u VALUES (1); ANALYZE; UPDATE sqlite_stat1 SET stat = '1000 10' WHERE idx = 'i'",
       "ALTER TABLE T ALTER b SET NOT NULL", "\"t\"(a TEXT PRIMARY KEY, b NOT NULL, c)", STATISTICS,
       "'t|'i|'1000 10;'t|'j|'2 1;'t|'sqlite_autoindex_t_1|'2 1;'u|'sqlite_autoindex_u_1|'1 1;", 1},
      {"CREATE TABLE t(a UNIQUE, b UNIQUE, c); CREATE INDEX i ON t(c); INSERT INTO t VALUES (1, 2, "
       "3); ANALYZE",
       "ALTER TABLE t DROP CONSTRAINT t_a_key", "\"t\"(a, b UNIQUE, c)", STATISTICS, "'t|'i|'1 1;",
       1},
      {"CREATE TABLE t(a, b, c CHECK (c > b)); CREATE INDEX i ON t(b); CREATE INDEX j ON t(c); "
       "INSERT INTO t VALUES (1, 2, 3); ANALYZE",
       "ALTER TABLE t DROP b", "\"t\"(a, c)", STATISTICS, "'t|'j|'1 1;", 1},
      {"CREATE TABLE t(a, b, PRIMARY KEY (a)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2); ANALYZE",
       "ALTER TABLE t ALTER b SET NOT NULL", "\"t\"(a, b NOT NULL, PRIMARY KEY (a)) WITHOUT ROWID",
       STATISTICS, "'t|'t|'1 1;", 1},
      {"CREATE TABLE t(a); INSERT INTO t VALUES (1), (2); ANALYZE",
       "ALTER TABLE t ALTER a SET NOT NULL", "\"t\"(a NOT NULL)", STATISTICS, "'t|NULL|'2;", 1},
  };
#undef STATISTICS
  ALL(samples, check_one);
}

static void test_what_is_around(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(x REFERENCES t ON DELETE "
       "CASCADE); "
       "INSERT INTO t VALUES (1, 2); INSERT INTO u VALUES (1); CREATE VIEW v AS SELECT t.b FROM t; "
       "CREATE INDEX i ON t(b DESC) WHERE b > 0; CREATE UNIQUE INDEX j ON t(lower(b)); CREATE "
       "TRIGGER r AFTER UPDATE ON t BEGIN DELETE FROM u; END; CREATE TRIGGER s AFTER DELETE ON u "
       "BEGIN UPDATE t SET b = 1; END; CREATE TEMP TRIGGER q AFTER DELETE ON t BEGIN SELECT 1; "
       "END; CREATE "
       "TEMP TABLE keep AS SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 't'",
       "ALTER TABLE t ALTER b SET NOT NULL", "\"t\"(a INTEGER PRIMARY KEY, b NOT NULL)",
       "SELECT (SELECT count(*) FROM keep NATURAL JOIN sqlite_schema), (SELECT count(*) FROM "
       "keep), (SELECT count(*) FROM sqlite_temp_schema WHERE name = 'q'), * FROM u",
       "6|6|1|1;", 1},
      /* the table's own name in a CHECK is what SQLite cannot have while it is made */
      {"CREATE TABLE t(a, b CHECK (t.b > 0), p REFERENCES t (a), CHECK (\"t\" . a > main.t.b))",
       "ALTER TABLE t ALTER a SET NOT NULL",
       "\"t\"(a NOT NULL, b CHECK (b > 0), p REFERENCES t (a), CHECK (a > b))", NULL, NULL, 1},
  };
  ALL(samples, check_one);
}

static void test_comments(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"CREATE TABLE t(\n  a, -- first, the best\n  b, CHECK (a > 0),\n  CHECK (a < 9)\n)",
       "ALTER TABLE t DROP b",
       "\"t\"(\n  a, -- first, the best\n  CHECK (a > 0),\n  CHECK (a < 9)\n)", NULL, NULL, 1},
      {"CREATE TABLE t(\n  a, -- first, the best\n  b\n)", "ALTER TABLE t DROP b",
       "\"t\"(\n  a -- first, the best\n)", NULL, NULL, 1},
      {"CREATE TABLE t(\n  a,\n  b,\n  -- of c\n  c\n)", "ALTER TABLE t DROP b",
       "\"t\"(\n  a,\n  -- of c\n  c\n)", NULL, NULL, 1},
      {"CREATE TABLE t(\n  a INT, -- the a\n  -- about b\n  b INT UNIQUE, -- the b\n  /* c */ c "
       "INT -- the "
       "c\n)",
       "ALTER TABLE t DROP b, ADD d INT",
       "\"t\"(\n  a INT, -- the a\n  /* c */ c INT, -- the c\n  d INT\n)", NULL, NULL, 1},
      {"CREATE TABLE t(\n  a INT, -- the a\n  b INT UNIQUE -- the b\n)", "ALTER TABLE t DROP b",
       "\"t\"(\n  a INT -- the a\n)", NULL, NULL, 1},
      {"CREATE TABLE t(\n  a INT, -- the a\n  b INT UNIQUE, -- the b\n  CHECK (a > 0) -- end\n)",
       "ALTER TABLE t DROP b, ADD c INT, ADD UNIQUE (c)",
       "\"t\"(\n  a INT, -- the a\n  c INT,\n  CHECK (a > 0), -- end\n  UNIQUE (c)\n)", NULL, NULL,
       1},
      {"CREATE TABLE t(a)", "ALTER TABLE t DROP a, ADD b UNIQUE", "\"t\"(b UNIQUE)", NULL, NULL, 1},
      {"CREATE TABLE t(a, CONSTRAINT x CHECK (1))", "ALTER TABLE t DROP a, ADD b UNIQUE",
       "\"t\"(b UNIQUE, CONSTRAINT x CHECK (1))", NULL, NULL, 1},
      {"CREATE TABLE t(a, CONSTRAINT x CHECK (1) CONSTRAINT y CHECK (2), CHECK (3))",
       "ALTER TABLE t DROP CONSTRAINT y", "\"t\"(a, CONSTRAINT x CHECK (1), CHECK (3))", NULL, NULL,
       1},
      {"CREATE TABLE t(a UNIQUE, b -- x\n)", "ALTER TABLE t DROP a, ADD c UNIQUE",
       "\"t\"(b, -- x\n c UNIQUE\n)", NULL, NULL, 1},
      {"CREATE TABLE t -- name\n (a /* 1 */ NOT NULL /* 2 */) -- end",
       "ALTER TABLE t ALTER a DROP NOT NULL", "\"t\" -- name\n (a /* 1 */  /* 2 */)", NULL, NULL,
       1},
  };
  ALL(samples, check_one);
}

static void test_broken_by_rows(void **state) {
  (void)state;
#define ROWS                                                                                       \
  "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 1, 1), (7, 1, NULL); "
  static const struct sample samples[] = {
      {ROWS, "ALTER TABLE t ALTER b SET NOT NULL",
       "NOT NULL constraint failed: migd_new_t.b -> id 7;column b is NULL", NULL, NULL, 0},
      {ROWS, "ALTER TABLE t ADD UNIQUE (a)",
       "UNIQUE constraint failed: migd_new_t.a -> id 1;another row has the same \"a\"", NULL, NULL,
       0},
      {ROWS, "ALTER TABLE t ADD CHECK (t.a > 1)",
       "CHECK constraint failed: a > 1 -> id 1;it violates `CHECK (t.a > 1)`", NULL, NULL, 0},
      {ROWS, "ALTER TABLE t ADD c NOT NULL",
       "NOT NULL constraint failed: migd_new_t.c -> id 1;column c is NULL", NULL, NULL, 0},
      {ROWS, "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER b TYPE INTEGER, ADD PRIMARY KEY (b)",
       "datatype mismatch -> id 7;column b is NULL", NULL, NULL, 0},
      {"CREATE TABLE t(a TEXT, b TEXT, PRIMARY KEY (a, b)) STRICT; INSERT INTO t VALUES ('1', "
       "'2'), "
       "('x', 'y')",
       "ALTER TABLE t ALTER b TYPE INT",
       "cannot store TEXT value in INT column migd_new_t.b -> a 'x|'y;column b holds what is no "
       "INT",
       NULL, NULL, 0},
  };
  ALL(samples, check_refused);
}

static void test_refused(void **state) {
  (void)state;
#define T "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT); "
  static const struct sample samples[] = {
      {T, "ALTER TABLE tt ADD x", "0@12 there is no table tt", NULL, NULL, 0},
      {"CREATE TABLE customer(a)", "ALTER TABLE custmer ADD x",
       "0@12 there is no table custmer (did you mean customer?)", NULL, NULL, 0},
      {T, "ALTER TABLE t ADD x; ALTER TABLE t ALTER nme TYPE INT",
       "1@20 table t has no column nme (did you mean name?)", NULL, NULL, 0},
      {T, "ALTER TABLE t ADD name TEXT", "0@18 table t has a column name already", NULL, NULL, 0},
      {T, "ALTER TABLE t DROP n; ALTER TABLE t ALTER name TYPE INT USING n", "no such column: n",
       NULL, NULL, 0},
      {T, "ALTER TABLE t DROP CONSTRAINT t_nam_key", "0@30 table t has no constraint t_nam_key",
       NULL, NULL, 0},
      {T "CREATE UNIQUE INDEX ix ON t(n)", "ALTER TABLE t DROP CONSTRAINT ix",
       "0@30 ix is an index, not a constraint (DROP INDEX drops it)", NULL, NULL, 0},
      {"CREATE TABLE t(a, b, CHECK (a > b), CHECK (b < 5 + a))",
       "ALTER TABLE t DROP CONSTRAINT t_check",
       "0@30 constraint t_check of table t may be any of `CHECK (a > b)`, `CHECK (b < 5 + a)` "
       "(constraints without a name are known by the names that PostgreSQL gives; build the table "
       "anew by "
       "hand in a section with on=sqlite)",
       NULL, NULL, 0},
      {T, "ALTER TABLE t ADD PRIMARY KEY (n)",
       "0@14 table t has a primary key already (drop its constraint first)", NULL, NULL, 0},
      {T, "ALTER TABLE t ADD UNIQUE (x)", "0@18 table t has no column x", NULL, NULL, 0},
      {T, "ALTER TABLE t ALTER id DROP NOT NULL", "0@14 column id is in a primary key", NULL, NULL,
       0},
      {T, "ALTER TABLE t ALTER n TYPE INT USING 1, ALTER n TYPE TEXT",
       "0@40 the type of column n is changed twice", NULL, NULL, 0},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)", "ALTER TABLE t ALTER id TYPE TEXT",
       "0@28 column id is AUTOINCREMENT, which only an INTEGER can be (drop the primary key's "
       "constraint in the same statement)",
       NULL, NULL, 0},
      {T "CREATE VIEW v AS SELECT n FROM t", "ALTER TABLE t DROP n",
       "0@14 column n is needed by view v (drop that first, or say CASCADE to drop it too)", NULL,
       NULL, 0},
      {T "CREATE TABLE u(x REFERENCES t(n))", "ALTER TABLE t DROP n CASCADE",
       "0@14 column n is needed by a foreign key of table u (drop that foreign key first, with an "
       "ALTER TABLE of its table)",
       NULL, NULL, 0},
      {T "CREATE TABLE u(x REFERENCES t)", "ALTER TABLE t DROP CONSTRAINT t_pkey",
       "0@14 constraint t_pkey is needed by a foreign key of table u (drop that foreign key first, "
       "with "
       "an ALTER TABLE of its table)",
       NULL, NULL, 0},
      {"CREATE TABLE t(a, g AS (a))", "ALTER TABLE t DROP a",
       "0@14 column a is needed by the generated column g (drop that first, or say CASCADE to drop "
       "it "
       "too)",
       NULL, NULL, 0},
      {"CREATE TABLE t(a)", "ALTER TABLE t DROP a",
       "0@12 table t would have no column that is not generated", NULL, NULL, 0},
      {"CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID", "ALTER TABLE t DROP CONSTRAINT t_pkey",
       "0@12 table t is WITHOUT ROWID: it needs a primary key", NULL, NULL, 0},
      {"CREATE VIRTUAL TABLE t USING fts5(a)", "ALTER TABLE t ADD b",
       "0@12 t is a virtual table: its module made its columns (make a new one and copy the rows, "
       "in a "
       "section with on=sqlite)",
       NULL, NULL, 0},
      {"CREATE VIEW t AS SELECT 1", "ALTER TABLE t ADD b",
       "0@12 t is a view: SQLite cannot alter it", NULL, NULL, 0},
      {"CREATE TEMP TABLE t(a)", "ALTER TABLE t ADD b",
       "0@12 t is a temporary table: it cannot be altered here (make it anew with the columns that "
       "it "
       "needs)",
       NULL, NULL, 0},
      {T, "ALTER TABLE sqlite_schema ADD b", "0@12 sqlite_schema is SQLite's own table", NULL, NULL,
       0},
      {T, "ALTER TABLE migd_ledger ADD b",
       "0@12 migd_ledger: names beginning with migd_ are migd's own", NULL, NULL, 0},
      {T, "ALTER TABLE other.t ADD b", "0@12 SQLite has no schema other", NULL, NULL, 0},
      {T, "ALTER TABLE t ADD b INT DEFAULT lower('x')",
       "0@32 a value, or an expression in parentheses, is expected, not `lower` (SQLite wants "
       "parentheses around an expression: DEFAULT (…))",
       NULL, NULL, 0},
      {T, "ALTER TABLE t RENAME TO sqlite_x", "0@24 sqlite_x: names that begin so are not free",
       NULL, NULL, 0},
      {T "CREATE TABLE u(a)", "ALTER TABLE t RENAME TO U", "0@24 there is a table u already", NULL,
       NULL, 0},
      {T, "ALTER TABLE t ALTER n TYPE INT USING n::int",
       "@38 SQLite has no x::type; it has CAST(x AS type)", NULL, NULL, 0},
  };
  ALL(samples, check_refused);
}

/* Hundreds of actions on a wide table. */
static void test_many(void **state) {
  (void)state;
  struct buf setup BUF_SCOPED = BUF_INIT, alters BUF_SCOPED = BUF_INIT;
  buf_adds(&setup, "CREATE TABLE t(a");
  buf_adds(&alters, "ALTER TABLE t ALTER a SET NOT NULL");
  for (int i = 0; i < 400; i++) {
    buf_addf(&setup, ", c%d UNIQUE CHECK (c%d > 0)", i, i);
    buf_addf(&alters, ", DROP CONSTRAINT t_c%d_check, DROP c%d", i, i);
    if (i == 300)
      buf_adds(&alters, "; ALTER TABLE t ALTER a SET DEFAULT 1");
  }
  buf_adds(&setup, "); CREATE VIEW v AS SELECT 'c1', a FROM t");
  struct world w;
  struct buf said BUF_SCOPED = BUF_INIT;
  size_t rebuilds;
  open_world(&w, buf_str(&setup));
  if (do_all(&w, buf_str(&alters), &said, &rebuilds) != 0)
    fail_msg("%s", buf_str(&said));
  assert_string_equal(rows_of(&w, "SELECT sql FROM sqlite_schema WHERE name = 't'"),
                      "'CREATE TABLE \"t\"(a DEFAULT 1 NOT NULL);");
  assert_true(rebuilds == 1 && w.arena.used < 64u << 20);
  close_world(&w);
}

static void test_statements(void **state) {
  (void)state;
  static const char *const want[] = {
      "PRAGMA legacy_alter_table = ON",
      "CREATE TABLE \"migd_new_o\"\"dd\" (id INTEGER PRIMARY KEY AUTOINCREMENT, \"x y\" NOT NULL, "
      "g AS (id))",
      "INSERT OR ABORT INTO \"migd_new_o\"\"dd\" (\"id\", \"x y\") SELECT \"id\", \"x y\" FROM "
      "\"o\"\"dd\"",
      "DELETE FROM sqlite_sequence WHERE name = 'migd_new_o\"dd'",
      "INSERT INTO sqlite_sequence (name, seq) SELECT 'migd_new_o\"dd', seq FROM sqlite_sequence "
      "WHERE name "
      "= 'o\"dd'",
      "DROP TABLE \"o\"\"dd\"",
      "ALTER TABLE \"migd_new_o\"\"dd\" RENAME TO \"o\"\"dd\"",
      "PRAGMA legacy_alter_table = OFF",
      "CREATE INDEX i ON \"o\"\"dd\"(g)",
      "CREATE TRIGGER r DELETE ON \"o\"\"dd\" BEGIN SELECT 1; END",
  };
  struct world w;
  struct err e;
  struct rebuild plan;
  size_t failed;
  open_world(&w,
             "CREATE TABLE \"o\"\"dd\" (id INTEGER PRIMARY KEY AUTOINCREMENT, \"x y\", g AS (id)); "
             "CREATE TRIGGER r DELETE ON \"o\"\"dd\" BEGIN SELECT 1; END; CREATE INDEX i ON "
             "\"o\"\"dd\"(g)");
  read_schema(&w);
  assert_int_equal(
      parse(&w, "ALTER TABLE main.\"o\"\"dd\" VALIDATE CONSTRAINT z, ALTER \"x y\" SET NOT NULL",
            &e),
      0);
  assert_int_equal(rebuild_plan(&w.schema, w.alters, 1, &w.arena, &plan, &failed, &e), 0);
  assert_int_equal(plan.count, sizeof want / sizeof want[0]);
  for (size_t i = 0; i < plan.count; i++) {
    assert_string_equal(plan.items[i].sql, want[i]);
    assert_int_equal(plan.items[i].place.alter, 0);
    assert_int_equal(plan.items[i].place.action, 1);
  }
  assert_string_equal(plan.temporary, "migd_new_o\"dd");
  assert_int_equal(plan.column_count, 3);
  assert_true(plan.columns[2].generated);
  close_world(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_native),
      cmocka_unit_test(test_columns),
      cmocka_unit_test(test_touching),
      cmocka_unit_test(test_constraints),
      cmocka_unit_test(test_what_needs_a_column),
      cmocka_unit_test(test_what_only_looks_like_a_column),
      cmocka_unit_test(test_one_after_the_other),
      cmocka_unit_test(test_automatic_names),
      cmocka_unit_test(test_rowids),
      cmocka_unit_test(test_statistics),
      cmocka_unit_test(test_what_is_around),
      cmocka_unit_test(test_comments),
      cmocka_unit_test(test_broken_by_rows),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_statements),
      cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
