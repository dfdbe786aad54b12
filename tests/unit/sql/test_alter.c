/* Tests the parser of ALTER TABLE: what it reads, and what it refuses and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/sql/alter.h"

static const char *const kinds[] = {
    [ALTER_ADD_COLUMN] = "add",
    [ALTER_DROP_COLUMN] = "drop",
    [ALTER_TYPE] = "type",
    [ALTER_SET_DEFAULT] = "default",
    [ALTER_DROP_DEFAULT] = "-default",
    [ALTER_SET_NOT_NULL] = "notnull",
    [ALTER_DROP_NOT_NULL] = "-notnull",
    [ALTER_DROP_EXPRESSION] = "-expression",
    [ALTER_ADD_CONSTRAINT] = "con",
    [ALTER_DROP_CONSTRAINT] = "-con",
    [ALTER_RENAME_CONSTRAINT] = "rcon",
    [ALTER_RENAME_COLUMN] = "rcol",
    [ALTER_RENAME_TABLE] = "rtab",
    [ALTER_NOTHING] = "nothing",
};

static void show_range(const char *sql, const char *label, struct sql_range r, struct buf *out) {
  if (r.len > 0)
    buf_addf(out, " %s=%.*s", label, (int)r.len, sql + r.start);
}

static void show_action(const char *sql, const struct alter_action *a, struct buf *out) {
  buf_addf(out, "; %s", kinds[a->kind]);
  show_range(sql, "col", a->column, out);
  show_range(sql, "name", a->name, out);
  show_range(sql, "to", a->to, out);
  show_range(sql, "type", a->type, out);
  show_range(sql, "collate", a->collate, out);
  show_range(sql, "using", a->using, out);
  show_range(sql, "body", a->body, out);
  buf_adds(out, a->if_exists ? " ie" : "");
  buf_adds(out, a->if_not_exists ? " ine" : "");
  buf_adds(out, a->cascade ? " cascade" : "");
}

/* What was read, `-` for no ALTER TABLE, or @OFFSET and the message. */
static void parse(const char *sql, size_t len, struct buf *out) {
  struct arena arena;
  struct alter_table t;
  struct err e;
  char *copy = malloc(len > 0 ? len : 1);
  assert_non_null(copy);
  memcpy(copy, sql, len);
  arena_init(&arena, 0);
  int rc = alter_parse(copy, len, &arena, &t, &e);
  if (rc < 0) {
    assert_int_equal(e.kind, ERR_MIGRATION);
    buf_addf(out, "@%ld %s", e.offset, e.text);
  } else if (rc == 0) {
    buf_adds(out, "-");
  } else {
    buf_addf(out, "%s%s%s%s", t.if_exists ? "ie " : "", t.schema != NULL ? t.schema : "",
             t.schema != NULL ? "|" : "", t.name);
    for (size_t i = 0; i < t.count; i++)
      show_action(copy, &t.actions[i], out);
  }
  arena_release(&arena);
  free(copy);
}

static void check(const char *const samples[][2], size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct buf got BUF_SCOPED = BUF_INIT;
    parse(samples[i][0], strlen(samples[i][0]), &got);
    if (strcmp(buf_str(&got), samples[i][1]) != 0)
      print_error("%s\n", samples[i][0]);
    assert_string_equal(buf_str(&got), samples[i][1]);
  }
}
#define CHECK(samples) check((samples), sizeof(samples) / sizeof(samples)[0])

static void test_tables(void **state) {
  (void)state;
  static const char *const samples[][2] = {
      {"", "-"},
      {"ALTER", "-"},
      {"SELECT 1", "-"},
      {"ALTER INDEX i RENAME TO j", "-"},
      {"'unterminated", "-"},
      {"alter table t add a", "t; add col=a body=a"},
      {"/* x */ ALTER -- y\n TABLE t DROP a", "t; drop col=a"},
      {"ALTER TABLE IF EXISTS ONLY main.\"a \"\"b\" * DROP a", "ie main|a \"b; drop col=a"},
      {"ALTER TABLE only ADD a", "only; add col=a body=a"},
      {"ALTER TABLE only.t ADD a", "only|t; add col=a body=a"},
      {"ALTER TABLE [a]]b", "@15 ADD, DROP, ALTER, RENAME or VALIDATE is expected, not `]`"},
      {"ALTER TABLE", "@11 a table's name is expected, not the end of the statement"},
      {"ALTER TABLE a.", "@14 a table's name is expected, not the end of the statement"},
      {"ALTER TABLE t", "@13 ADD, DROP, ALTER, RENAME or VALIDATE is expected, not the end of the "
                        "statement"},
      {"ALTER TABLE t FROB", "@14 ADD, DROP, ALTER, RENAME or VALIDATE is expected, not `FROB`"},
  };
  CHECK(samples);
}

static void test_actions(void **state) {
  (void)state;
  static const char *const samples[][2] = {
      {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a numeric(10, 2) CHECK (a > 0) DEFAULT (1), ADD b",
       "t; add col=a body=a numeric(10, 2) CHECK (a > 0) DEFAULT (1) ine; add col=b body=b"},
      {"ALTER TABLE t DROP COLUMN IF EXISTS a CASCADE, DROP \"b c\" RESTRICT",
       "t; drop col=a ie cascade; drop col=\"b c\""},
      {"ALTER TABLE t ALTER a TYPE double precision COLLATE nocase USING f(a, 'x,y') || b, ALTER "
       "COLUMN b SET DATA TYPE varchar(3)",
       "t; type col=a type=double precision collate=nocase using=f(a, 'x,y') || b; type col=b "
       "type=varchar(3)"},
      {"ALTER TABLE t ALTER a SET DEFAULT (1, 2) , ALTER a DROP DEFAULT, ALTER a SET NOT NULL, "
       "ALTER "
       "a DROP NOT NULL, ALTER a DROP EXPRESSION IF EXISTS",
       "t; default col=a body=(1, 2); -default col=a; notnull col=a; -notnull col=a; -expression "
       "col=a "
       "ie"},
      {"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, ADD UNIQUE (a, b), ADD PRIMARY KEY "
       "(a), ADD FOREIGN KEY (a) REFERENCES u (b) ON DELETE CASCADE NOT VALID",
       "t; con name=c body=CONSTRAINT c CHECK (a > 0); con body=UNIQUE (a, b); con body=PRIMARY "
       "KEY "
       "(a); con body=FOREIGN KEY (a) REFERENCES u (b) ON DELETE CASCADE"},
      {"ALTER TABLE t DROP CONSTRAINT IF EXISTS \"x\" CASCADE, VALIDATE CONSTRAINT y",
       "t; -con name=\"x\" ie cascade; nothing name=y"},
      {"ALTER TABLE t RENAME a TO b", "t; rcol col=a to=b"},
      {"ALTER TABLE t RENAME COLUMN 'a' TO [b]", "t; rcol col='a' to=[b]"},
      {"ALTER TABLE t RENAME column TO b", "t; rcol col=column to=b"},
      {"ALTER TABLE t RENAME TO \"u\"", "t; rtab to=\"u\""},
      {"ALTER TABLE t RENAME CONSTRAINT a TO b", "t; rcon name=a to=b"},
      {"ALTER TABLE t ADD COLUMN unique_id INT", "t; add col=unique_id body=unique_id INT"},
      {"ALTER TABLE t ADD a -- , b\n INT /* , */ NOT NULL -- end",
       "t; add col=a body=a -- , b\n INT "
       "/* , */ NOT NULL"},
  };
  CHECK(samples);
}

static void test_malformed(void **state) {
  (void)state;
  static const char *const samples[][2] = {
      {"ALTER TABLE t ADD", "@17 a column's name is expected, not the end of the statement"},
      {"ALTER TABLE t ADD a,",
       "@20 ADD, DROP, ALTER, RENAME or VALIDATE is expected, not the end of "
       "the statement"},
      {"ALTER TABLE t DROP a b", "@21 a comma or the statement's end is expected, not `b`"},
      {"ALTER TABLE t ADD a CHECK (b",
       "@28 a parenthesis is expected to be closed, not the end of the "
       "statement"},
      {"ALTER TABLE t ADD a )", "@20 an action is expected to end, not `)`"},
      {"ALTER TABLE t ADD IF a", "@21 NOT EXISTS is expected, not `a`"},
      {"ALTER TABLE t ALTER a", "@21 TYPE, SET or DROP is expected, not the end of the statement"},
      {"ALTER TABLE t ALTER a TYPE", "@26 a type is expected, not the end of the statement"},
      {"ALTER TABLE t ALTER a TYPE USING 1", "@27 a type is expected, not `USING`"},
      {"ALTER TABLE t ALTER a TYPE int USING", "@36 an expression is expected, not the end of the "
                                               "statement"},
      {"ALTER TABLE t ALTER a SET DEFAULT, ALTER b DROP DEFAULT",
       "@33 an expression is expected, not "
       "`,`"},
      {"ALTER TABLE t ALTER a DROP x", "@27 DEFAULT, NOT NULL or EXPRESSION is expected, not `x`"},
      {"ALTER TABLE t RENAME a b", "@23 TO is expected, not `b`"},
      {"ALTER TABLE t ADD a, RENAME b TO c", "@21 RENAME cannot be combined with other actions"},
      {"ALTER TABLE t RENAME b TO c, ADD a", "@14 RENAME cannot be combined with other actions"},
      {"ALTER TABLE t ADD CONSTRAINT x",
       "@30 CHECK, UNIQUE, PRIMARY KEY or FOREIGN KEY is expected, not "
       "the end of the statement"},
      {"ALTER TABLE t ADD CONSTRAINT x NOT NULL a",
       "@31 CHECK, UNIQUE, PRIMARY KEY or FOREIGN KEY is "
       "expected, not `NOT`"},
  };
  CHECK(samples);
}

static void test_only_postgresql(void **state) {
  (void)state;
#define NOTHING "SQLite has nothing like "
  static const char *const samples[][2] = {
      {"ALTER TABLE t SET TABLESPACE x", "@14 " NOTHING "SET TABLESPACE"},
      {"ALTER TABLE t OWNER TO x", "@14 " NOTHING "OWNER TO"},
      {"ALTER TABLE t ATTACH PARTITION x FOR VALUES IN (1)", "@14 " NOTHING "ATTACH PARTITION"},
      {"ALTER TABLE t ADD a INT, ENABLE TRIGGER x", "@25 " NOTHING "ENABLE TRIGGER"},
      {"ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY", "@22 " NOTHING "identity columns"},
      {"ALTER TABLE t ALTER a DROP IDENTITY", "@27 " NOTHING "IDENTITY"},
      {"ALTER TABLE t ALTER a SET STATISTICS 5", "@22 " NOTHING "this SET of a column"},
      {"ALTER TABLE t ALTER CONSTRAINT x DEFERRABLE", "@14 " NOTHING "ALTER CONSTRAINT"},
      {"ALTER TABLE t ADD EXCLUDE USING gist (a WITH &&)", "@18 " NOTHING "EXCLUDE constraints"},
      {"ALTER TABLE t ALTER a TYPE timestamp(3) with time zone", "@27 " NOTHING "this type"},
      {"ALTER TABLE t ALTER a TYPE int NOT NULL", "@27 " NOTHING "this type"},
      {"ALTER TABLE t ALTER a TYPE int[]", "@30 SQLite has no arrays"},
      {"ALTER TABLE t ALTER a SET DEFAULT now()",
       "@34 SQLite has no now; it has CURRENT_TIMESTAMP"},
      {"ALTER TABLE t ADD a uuid DEFAULT (gen_random_uuid())", "@34 SQLite has no gen_random_uuid"},
      {"ALTER TABLE t ALTER a TYPE int USING a::int", "@38 SQLite has no x::type; it has CAST(x AS "
                                                      "type)"},
      {"ALTER TABLE t ALTER a SET DEFAULT E'\\n'", "@34 SQLite has no E'…'; it has char()"},
      {"ALTER TABLE t ADD CHECK (a ILIKE 'x')",
       "@27 SQLite has no ILIKE; it has LIKE, which ignores the "
       "case of ASCII letters"},
      {"ALTER TABLE t ADD CHECK (a > $1)", "@29 SQLite has no strings between dollar signs; it has "
                                           "'…'"},
      {"ALTER TABLE t ADD CHECK (a > ?)", "@29 a parameter cannot stand in ALTER TABLE"},
      {"ALTER TABLE t ADD CHECK (now > 1)", "t; con body=CHECK (now > 1)"},
      {"ALTER TABLE t ADD CHECK (a < interval '1 day')",
       "@29 SQLite has no INTERVAL; it has datetime(x, "
       "'+1 day')"},
      {"ALTER TABLE t ALTER a TYPE text USING a AT TIME ZONE 'UTC'",
       "@40 SQLite has no AT TIME ZONE"},
      {"ALTER TABLE t ALTER a SET DEFAULT ARRAY[1]", "@39 SQLite has no arrays"},
  };
  CHECK(samples);
}

/* Megabytes of each: what anything quadratic would not end within the time that a test has. */
static void test_linear(void **state) {
  (void)state;
  static const char *const units[] = {", ADD a", "(", "()", " NOT VALID", " a", ","};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    struct buf b BUF_SCOPED = BUF_INIT, ignored BUF_SCOPED = BUF_INIT;
    buf_adds(&b, "ALTER TABLE t ADD x");
    while (b.len < 4 << 20)
      buf_adds(&b, units[i]);
    parse(buf_str(&b), b.len, &ignored);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),    cmocka_unit_test(test_actions),
      cmocka_unit_test(test_malformed), cmocka_unit_test(test_only_postgresql),
      cmocka_unit_test(test_linear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
