/* Tests the cutter of CREATE TABLE: its elements, that no byte is lost, and that it reads what
 * others wrote (MIGD_SHARED) and random tables as SQLite itself does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fts.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "server/sql/split.h"
#include "server/sql/table.h"

static const char *const kinds[] = {
    [CONSTRAINT_NAME] = "-",      [CONSTRAINT_PRIMARY_KEY] = "P", [CONSTRAINT_NOT_NULL] = "N",
    [CONSTRAINT_NULL] = "n",      [CONSTRAINT_UNIQUE] = "U",      [CONSTRAINT_CHECK] = "C",
    [CONSTRAINT_DEFAULT] = "D",   [CONSTRAINT_COLLATE] = "L",     [CONSTRAINT_FOREIGN_KEY] = "F",
    [CONSTRAINT_GENERATED] = "G", [CONSTRAINT_DEFERRABLE] = "d",
};

static void show_constraint(const struct table_constraint *c, struct buf *out) {
  buf_addf(out, "%s%s%s", kinds[c->kind], c->name != NULL ? ":" : "",
           c->name != NULL ? c->name : "");
  for (size_t i = 0; i < c->column_count; i++)
    buf_addf(out, "%c%s", i > 0 ? ',' : '(', c->columns[i]);
  if (c->column_count > 0)
    buf_adds(out, ")");
  if (c->parent != NULL)
    buf_addf(out, ">%s", c->parent);
  for (size_t i = 0; i < c->parent_count; i++)
    buf_addf(out, ".%s", c->parent_columns[i]);
  if (c->expr.len > 0)
    buf_addf(out, "{%.*s}", (int)c->expr.len, c->expr.s);
  if (c->autoincrement)
    buf_adds(out, "+");
}

/* `name:type[N D{1}];` for a column, the constraint for itself. */
static void show(const struct table *t, struct buf *out) {
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c == NULL) {
      show_constraint(t->elements[i]->constraint, out);
    } else {
      buf_addf(out, "%s:%.*s[", c->name, (int)c->type.len, c->type.s);
      for (size_t k = 0; k < c->count; k++) {
        buf_adds(out, k > 0 ? " " : "");
        show_constraint(c->constraints[k], out);
      }
      buf_adds(out, "]");
    }
    buf_adds(out, ";");
  }
  buf_adds(out, t->without_rowid ? "W" : "");
  buf_adds(out, t->strict ? "S" : "");
}

/* What `show` says, or !OFFSET and the message; the text must come back whole. */
static void cut(const char *sql, size_t len, struct buf *out) {
  struct arena arena;
  struct table t;
  struct err e;
  char *copy = malloc(len > 0 ? len : 1);
  assert_non_null(copy);
  memcpy(copy, sql, len);
  arena_init(&arena, 0);
  int rc = table_cut(copy, len, &arena, &t, &e);
  if (rc < 0) {
    assert_int_equal(e.kind, ERR_MIGRATION);
    buf_addf(out, "!%ld %s", e.offset, e.text);
  } else if (rc > 0) {
    struct buf again BUF_SCOPED = BUF_INIT;
    table_print(&t, NULL, &again);
    assert_int_equal(again.len, len);
    assert_memory_equal(buf_str(&again), sql, len);
    show(&t, out);
  }
  arena_release(&arena);
  free(copy);
}

static void test_elements(void **state) {
  (void)state;
  static const char *const samples[][2] = {
      {"CREATE TABLE t(a)", "a:[];"},
      {"CREATE TABLE t(a,b INT , c double precision)", "a:[];b:INT[];c:double precision[];"},
      {"CREATE TABLE t(\"a b\" 'x y' (1, -2), `c` [d], 'e' \"f\")",
       "a b:'x y' (1, -2)[];c:[d][];e:\"f\"[];"},
      {"CREATE TABLE t(a INT CONSTRAINT x NOT NULL ON CONFLICT FAIL CONSTRAINT y CONSTRAINT z "
       "UNIQUE NULL)",
       "a:INT[N:x -:y U:z n];"},
      {"CREATE TABLE t(a INTEGER PRIMARY KEY ASC ON CONFLICT ABORT AUTOINCREMENT)",
       "a:INTEGER[P+];"},
      {"CREATE TABLE t(a DEFAULT -1.5e-3 NOT NULL, b DEFAULT 'x''y', c DEFAULT (1 + (2)), d "
       "DEFAULT "
       "x'00', e DEFAULT + .5, f DEFAULT CURRENT_TIMESTAMP, g DEFAULT \"q\" UNIQUE, h DEFAULT "
       "0x1F)",
       "a:[D{-1.5e-3} N];b:[D{'x''y'}];c:[D{(1 + (2))}];d:[D{x'00'}];e:[D{+ .5}];f:[D{CURRENT_"
       "TIMESTAMP}];g:[D{\"q\"} U];h:[D{0x1F}];"},
      {"CREATE TABLE t(a CHECK (a IN (1, 2)) COLLATE nocase CHECK(b))",
       "a:[C{a IN (1, 2)} L{nocase} C{b}];"},
      {"CREATE TABLE t(a INT GENERATED ALWAYS AS (b) STORED, c AS (1) VIRTUAL NOT NULL, generated, "
       "d "
       "generated)",
       "a:INT[G{b}];c:[G{1} N];generated:[];d:generated[];"},
      {"CREATE TABLE t(a REFERENCES p, b INT REFERENCES \"q r\"(x, y) ON DELETE SET NULL ON UPDATE "
       "NO "
       "ACTION MATCH FULL NOT DEFERRABLE INITIALLY DEFERRED UNIQUE, c DEFERRABLE)",
       "a:[F>p];b:INT[F>q r.x.y U];c:[d];"},
      {"CREATE TABLE t(a, b, PRIMARY KEY (a COLLATE nocase DESC, \"b\") ON CONFLICT FAIL, "
       "CONSTRAINT u "
       "UNIQUE(a) CHECK (a) CONSTRAINT x CONSTRAINT f FOREIGN KEY (a, b) REFERENCES p(c, d), "
       "CONSTRAINT "
       "last)",
       "a:[];b:[];P(a,b);U:u(a);C{a};-:x;F:f(a,b)>p.c.d;-:last;"},
      {"CREATE TABLE t(id INTEGER, PRIMARY KEY(id AUTOINCREMENT))", "id:INTEGER[];P(id)+;"},
      {"CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT  ROWID, STRICT", "a:TEXT[P];WS"},
      {"CREATE TABLE t(a INTEGER GENERATED ALWAYS PRIMARY KEY, b, UNIQUE (((b)) DESC, (a)))",
       "a:INTEGER[- P];b:[];U(b,a);"},
      {"CREATE TABLE t /* x */ ( -- y\n a -- , b\n , /* ( */ c int /* ) */ ) -- z",
       "a:[];c:int[];"},
      {"create table if not exists main.t(key, desc, abort text, \"check\" int, end, left)",
       "key:[];desc:[];abort:text[];check:int[];end:[];left:[];"},
      {"CREATE VIRTUAL TABLE t USING fts5(a)", ""},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct buf got BUF_SCOPED = BUF_INIT;
    cut(samples[i][0], strlen(samples[i][0]), &got);
    assert_string_equal(buf_str(&got), samples[i][1]);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const char *const samples[][2] = {
      {"", "!0 CREATE is expected, not the end"},
      {"CREATE TABLE", "!12 a name is expected, not the end"},
      {"CREATE TABLE IF NOT", "!19 a name is expected, not the end"},
      {"CREATE TABLE t(a", "!16 `,` or `)` is expected, not the end"},
      {"CREATE TABLE t(a,)", "!17 a name is expected, not `)`"},
      {"CREATE TABLE t(a, PRIMARY KEY", "!29 `(` is expected, not the end"},
      {"CREATE TABLE t(a CHECK (a)", "!26 `,` or `)` is expected, not the end"},
      {"CREATE TABLE t(a DEFAULT now())", "!25 a value, or an expression in parentheses, is "
                                          "expected, not `now`"},
      {"CREATE TABLE t(a NOT DEFERRABLE NOT)", "!35 NULL is expected, not `)`"},
      {"CREATE TABLE t(a, CHECK (1), b)", "!-1 "},
      {"CREATE TABLE t(a 'x)", "!16 string without end"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct buf got BUF_SCOPED = BUF_INIT;
    cut(samples[i][0], strlen(samples[i][0]), &got);
    if (strcmp(samples[i][1], "!-1 ") != 0) /* we are more lenient than SQLite there */
      assert_string_equal(buf_str(&got), samples[i][1]);
  }
}

/* Columns as `name:type:notnull:default;`, ours and those of SQLite. */
static void columns_of_sqlite(sqlite3 *db, struct buf *out) {
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(db,
                                      "SELECT name, \"notnull\", dflt_value, hidden FROM "
                                      "pragma_table_xinfo('t')",
                                      -1, &stmt, NULL),
                   SQLITE_OK);
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    const char *value = (const char *)sqlite3_column_text(stmt, 2);
    buf_addf(out, "%s:%d:%s:%d;", sqlite3_column_text(stmt, 0), sqlite3_column_int(stmt, 1),
             value != NULL ? value : "", sqlite3_column_int(stmt, 3) > 0);
  }
  sqlite3_finalize(stmt);
}

static void columns_of_ours(const struct table *t, struct buf *out) {
  for (size_t i = 0; i < t->count; i++) {
    const struct table_column *c = t->elements[i]->column;
    if (c == NULL)
      continue;
    const struct table_constraint *value = column_constraint(c, CONSTRAINT_DEFAULT);
    struct slice expr = value != NULL ? value->expr : slice_of("");
    if (expr.len > 0 && expr.s[0] == '(') /* SQLite shows it without */
      expr = (struct slice){expr.s + 1, expr.len - 2};
    buf_addf(out, "%s:%d:%.*s:%d;", c->name, column_constraint(c, CONSTRAINT_NOT_NULL) != NULL,
             (int)expr.len, expr.s, column_constraint(c, CONSTRAINT_GENERATED) != NULL);
  }
}

static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

#define PICK(list, seed) (list)[next_random(seed) % (sizeof(list) / sizeof(list)[0])]

static void random_blank(struct buf *b, uint32_t *seed) {
  static const char *const blanks[] = {" ", " ", " ", "\n  ", " /* , ( */ ", " -- ' )\n", "\t"};
  buf_adds(b, PICK(blanks, seed));
}

static void random_column(struct buf *b, uint32_t *seed, unsigned n) {
  static const char *const types[] = {"", "INT", "double  precision", "VARCHAR(20)", "'x' [y z]"};
  static const char *const parts[] = {"NOT NULL",
                                      "DEFAULT 5",
                                      "DEFAULT (1 + (2))",
                                      "DEFAULT -1.5E+3",
                                      "DEFAULT 'a''b,('",
                                      "UNIQUE",
                                      "CHECK (1 IN (1, 2))",
                                      "CONSTRAINT \"x y\" CHECK (')' <> \"c0\")",
                                      "COLLATE NOCASE",
                                      "REFERENCES p (a) ON DELETE CASCADE NOT DEFERRABLE",
                                      "NULL"};
  static const char *const quotes[] = {"c%u", "\"c%u\"", "[c%u]", "`c%u`", "'c%u'"};
  char name[16];
  size_t quote = n == 0 ? 0 : next_random(seed) % 5;
  (void)snprintf(name, sizeof name, "c%u", n);
  buf_addf(b, "%c%s%c", quotes[quote][0] == 'c' ? ' ' : quotes[quote][0], name,
           quote == 0 ? ' ' : quotes[quote][strlen(quotes[quote]) - 1]);
  random_blank(b, seed);
  buf_adds(b, PICK(types, seed));
  for (unsigned k = next_random(seed) % 4; k > 0; k--) {
    random_blank(b, seed);
    buf_adds(b, PICK(parts, seed));
  }
}

static void random_table(struct buf *b, uint32_t *seed) {
  static const char *const constraints[] = {
      "UNIQUE (c0)",      "CHECK (c0 > ',')", "CONSTRAINT u UNIQUE (c0) ON CONFLICT IGNORE",
      "PRIMARY KEY (c0)", "CONSTRAINT lone",  "FOREIGN KEY (c0) REFERENCES p DEFERRABLE"};
  buf_adds(b, "CREATE TABLE t");
  random_blank(b, seed);
  buf_adds(b, "(");
  unsigned n = 1 + next_random(seed) % 5;
  for (unsigned i = 0; i < n; i++) {
    buf_adds(b, i > 0 ? "," : "");
    random_column(b, seed, i);
  }
  for (unsigned i = 0, m = next_random(seed) % 3; i < m; i++) {
    buf_adds(b, i > 0 && next_random(seed) % 2 ? " " : ",");
    random_blank(b, seed);
    buf_adds(b, PICK(constraints, seed));
  }
  random_blank(b, seed);
  buf_adds(b, ")");
}

static void check_as_sqlite(const char *sql) {
  struct buf ours BUF_SCOPED = BUF_INIT, theirs BUF_SCOPED = BUF_INIT;
  struct arena arena;
  struct table t;
  struct err e;
  sqlite3 *db;
  assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
  bool legal = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
  arena_init(&arena, 0);
  int rc = table_cut(sql, strlen(sql), &arena, &t, &e);
  if (legal && rc != 1)
    fail_msg("%s\n%s", sql, e.text);
  if (legal) {
    columns_of_sqlite(db, &theirs);
    columns_of_ours(&t, &ours);
    if (strcmp(buf_str(&ours), buf_str(&theirs)) != 0)
      print_error("%s\n", sql);
    assert_string_equal(buf_str(&ours), buf_str(&theirs));
  }
  arena_release(&arena);
  sqlite3_close(db);
}

static void test_random(void **state) {
  (void)state;
  uint32_t seed = 4;
  for (unsigned i = 0; i < 3000; i++) {
    struct buf b BUF_SCOPED = BUF_INIT, ignored BUF_SCOPED = BUF_INIT;
    random_table(&b, &seed);
    cut(buf_str(&b), b.len, &ignored);
    check_as_sqlite(buf_str(&b));
  }
}

static void read_file(const char *path, struct buf *out) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  char bytes[65536];
  size_t n;
  while ((n = fread(bytes, 1, sizeof bytes, f)) > 0)
    buf_add(out, bytes, n);
  assert_int_equal(fclose(f), 0);
}

static size_t cut_file(const char *path) {
  struct buf text BUF_SCOPED = BUF_INIT;
  struct arena arena;
  struct sql_statements s = {0};
  struct err e;
  size_t tables = 0;
  read_file(path, &text);
  arena_init(&arena, 0);
  if (sql_split(DIALECT_SQLITE, buf_str(&text), text.len, &arena, &s, &e) != 0)
    s.count = 0; /* of PostgreSQL */
  for (size_t i = 0; i < s.count; i++) {
    const char *sql = text.s + s.items[i].start;
    struct buf got BUF_SCOPED = BUF_INIT;
    if (s.items[i].len < 13 || strncasecmp(sql, "CREATE TABLE ", 13) != 0)
      continue;
    cut(sql, s.items[i].len, &got); /* what comes back is the text, or it is refused */
    tables += buf_str(&got)[0] != '!';
    if (buf_str(&got)[0] == '!' && strstr(path, "sqlite") != NULL &&
        memmem(sql, s.items[i].len, " AS", 3) == NULL)
      fail_msg("%s:%u: %s", path, s.items[i].line, buf_str(&got));
  }
  arena_release(&arena);
  return tables;
}

static void test_corpora(void **state) {
  (void)state;
  const char *shared = getenv("MIGD_SHARED"), *room = strstr(__FILE__, "tests/unit/");
  char corpora[PATH_MAX], bench[PATH_MAX];
  char folder[PATH_MAX - 16];
  if (shared != NULL)
    (void)snprintf(folder, sizeof folder, "%s", shared);
  else
    (void)snprintf(folder, sizeof folder, "%.*s../shared", (int)(room - __FILE__), __FILE__);
  (void)snprintf(corpora, sizeof corpora, "%s/corpora", folder);
  (void)snprintf(bench, sizeof bench, "%s/bench", folder);
  struct stat st;
  if (stat(corpora, &st) != 0) {
    print_message("%s is not there: skipped\n", corpora);
    skip();
  }
  char *roots[] = {corpora, bench, NULL};
  FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  assert_non_null(tree);
  size_t tables = 0;
  for (FTSENT *at; (at = fts_read(tree)) != NULL;)
    if (at->fts_info == FTS_F && at->fts_namelen > 4 &&
        strcmp(at->fts_name + at->fts_namelen - 4, ".sql") == 0)
      tables += cut_file(at->fts_path);
  assert_int_equal(fts_close(tree), 0);
  print_message("%zu tables\n", tables);
  assert_true(tables > 0);
}

/* A megabyte of each: what anything quadratic would not end within the time that a test has. */
static void test_linear(void **state) {
  (void)state;
  static const char *const units[] = {", a", " NOT NULL", ", CHECK (1)", " x",
                                      "(",   "/*",        " DEFAULT 1",  "["};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    struct buf b BUF_SCOPED = BUF_INIT, ignored BUF_SCOPED = BUF_INIT;
    buf_adds(&b, "CREATE TABLE t(a");
    while (b.len < 1 << 20)
      buf_adds(&b, units[i]);
    buf_adds(&b, ")");
    cut(buf_str(&b), b.len, &ignored);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_elements), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_random),   cmocka_unit_test(test_corpora),
      cmocka_unit_test(test_linear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
