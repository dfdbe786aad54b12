/* Tests the splitter: the pieces of a text, their positions and classes, what is refused, and that
 * it is linear. The real migration histories, where they are present, must all split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/base/buf.h"
#include "server/sql/split.h"

#define SQLITE DIALECT_SQLITE
#define PG DIALECT_POSTGRESQL

static const char *const marks[] = {
    [SQL_OTHER] = "", [SQL_TRANSACTION] = "T", [SQL_COPY_STDIN] = "C"};

/* `[piece]` for each statement, with T or C before it for its class; or `!LINE:COLUMN message`. */
static void pieces_of(enum dialect dialect, const char *text, size_t len, struct buf *out) {
  char *copy = malloc(len > 0 ? len : 1);
  assert_non_null(copy);
  memcpy(copy, text, len);
  struct arena arena;
  arena_init(&arena, 0);
  struct sql_statements s = {0};
  struct err e;
  if (sql_split(dialect, copy, len, &arena, &s, &e) != 0) {
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(s.count, 0);
    buf_addf(out, "!%u:%u %s", e.line, e.column, e.text);
  }
  for (size_t i = 0; i < s.count; i++)
    buf_addf(out, "%s[%.*s]", marks[s.items[i].class], (int)s.items[i].len,
             copy + s.items[i].start);
  arena_release(&arena);
  free(copy);
}

struct sample {
  enum dialect dialect; /* DIALECT_ANY: the same in both */
  const char *text, *pieces;
};

static void check_one(enum dialect dialect, const struct sample *sample) {
  struct buf got BUF_SCOPED = BUF_INIT;
  pieces_of(dialect, sample->text, strlen(sample->text), &got);
  if (strcmp(buf_str(&got), sample->pieces) != 0)
    print_error("%s\n", sample->text);
  assert_string_equal(buf_str(&got), sample->pieces);
}

static void check(const struct sample *samples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if ((samples[i].dialect & SQLITE) != 0)
      check_one(SQLITE, &samples[i]);
    if ((samples[i].dialect & PG) != 0)
      check_one(PG, &samples[i]);
  }
}
#define CHECK(samples) check((samples), sizeof(samples) / sizeof(samples)[0])

static void test_plain(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {DIALECT_ANY, "", ""},
      {DIALECT_ANY, " ;; -- a;\n /* b; */ ;", ""},
      {DIALECT_ANY, "a;b", "[a][b]"},
      {DIALECT_ANY, "a ; ; b ;", "[a][b]"},
      {DIALECT_ANY, "-- c\na /* d; */ b -- e\n;", "[a /* d; */ b]"},
      {DIALECT_ANY, "a -- e", "[a]"},
      {DIALECT_ANY, "a 'b;c' \"d;e\";f", "[a 'b;c' \"d;e\"][f]"},
      {DIALECT_ANY, "a\r\nb;\r\nc;\r\n", "[a\r\nb][c]"},
      {DIALECT_ANY, "a (b; c)", "[a (b][c)]"},
      {PG, "DO $$ BEGIN COMMIT; END $$; x", "[DO $$ BEGIN COMMIT; END $$][x]"},
      {PG, "SELECT E'\\';'; x", "[SELECT E'\\';'][x]"},
      {PG, "a /* /* ; */ ; */;b", "[a][b]"},
      {SQLITE, "a [;] `;`; b", "[a [;] `;`][b]"},
      {SQLITE, "a; /* no end ; b", "[a]"},
  };
  CHECK(samples);
}

static void test_triggers(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {SQLITE, "CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; SELECT 2; END; x",
       "[CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; SELECT 2; END][x]"},
      {SQLITE, "create temp trigger t insert on a begin select 1; end",
       "[create temp trigger t insert on a begin select 1; end]"},
      {SQLITE, "CREATE TEMPORARY TRIGGER t INSERT ON a BEGIN SELECT 1;;END;x",
       "[CREATE TEMPORARY TRIGGER t INSERT ON a BEGIN SELECT 1;;END][x]"},
      {SQLITE, "EXPLAIN QUERY PLAN CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END; x",
       "[EXPLAIN QUERY PLAN CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END][x]"},
      {SQLITE,
       "CREATE TRIGGER t INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; UPDATE a SET b = CASE c "
       "WHEN 1 THEN CASE WHEN 2 THEN 3 END END; /* ; */ END; x",
       "[CREATE TRIGGER t INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; UPDATE a SET b = CASE c "
       "WHEN 1 THEN CASE WHEN 2 THEN 3 END END; /* ; */ END][x]"},
      /* begin and end are names, too */
      {SQLITE, "CREATE TRIGGER begin UPDATE ON a WHEN new.begin BEGIN SELECT end, begin; END; x",
       "[CREATE TRIGGER begin UPDATE ON a WHEN new.begin BEGIN SELECT end, begin; END][x]"},
      {SQLITE, "CREATE TRIGGER t INSERT ON a BEGIN SELECT \"END\"; \"END\"; END; x",
       "[CREATE TRIGGER t INSERT ON a BEGIN SELECT \"END\"; \"END\"; END][x]"},
      {SQLITE, "CREATE TRIGGER nonsense; x", "[CREATE TRIGGER nonsense][x]"},
      {SQLITE, "CREATE TABLE trigger_log (a); BEGIN; x; END;",
       "[CREATE TABLE trigger_log (a)]T[BEGIN][x]T[END]"},
      {SQLITE, "x;\n CREATE TRIGGER t INSERT ON a BEGIN SELECT 1;",
       "!2:2 the body of this statement has no END"},
      {SQLITE, "CREATE TRIGGER t INSERT ON a BEGIN SELECT CASE 1 WHEN 2 THEN 3 END;",
       "!1:1 the body of this statement has no END"},
      {PG, "CREATE TRIGGER t AFTER INSERT ON begin EXECUTE FUNCTION f(); x",
       "[CREATE TRIGGER t AFTER INSERT ON begin EXECUTE FUNCTION f()][x]"},
  };
  CHECK(samples);
}

static void test_routines(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {PG, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; x",
       "[CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END][x]"},
      {PG, "create or replace procedure p() begin /* ; */ atomic end; x",
       "[create or replace procedure p() begin /* ; */ atomic end][x]"},
      {PG,
       "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN CASE b WHEN 1 THEN 2 "
       "END END AS end; RETURN 1; END; x",
       "[CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN CASE b WHEN 1 THEN 2 "
       "END END AS end; RETURN 1; END][x]"},
      {PG, "CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql RETURN 1; x",
       "[CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql RETURN 1][x]"},
      {PG, "CREATE FUNCTION f() RETURNS int AS 'BEGIN; END;' LANGUAGE plpgsql; x",
       "[CREATE FUNCTION f() RETURNS int AS 'BEGIN; END;' LANGUAGE plpgsql][x]"},
      {PG, "CREATE FUNCTION f() RETURNS int AS $f$ BEGIN RETURN ';'; END $f$; COMMIT",
       "[CREATE FUNCTION f() RETURNS int AS $f$ BEGIN RETURN ';'; END $f$]T[COMMIT]"},
      {PG, "SELECT begin atomic; x", "[SELECT begin atomic][x]"},
      {PG, "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;",
       "!1:1 the body of this statement has no END"},
      {PG, "CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT (2); ); x",
       "[CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT (2); )][x]"},
      {PG, "CREATE OR REPLACE RULE r AS ON INSERT TO a DO ALSO SELECT 1; x",
       "[CREATE OR REPLACE RULE r AS ON INSERT TO a DO ALSO SELECT 1][x]"},
      {PG, "CREATE RULE r AS ON INSERT TO a DO (SELECT 1; x",
       "!1:1 a parenthesis of this statement is not closed"},
      {PG, "CREATE RULE r ) (a;b); x", "[CREATE RULE r ) (a;b)][x]"},
      {SQLITE, "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END; CREATE RULE (a;b)",
       "[CREATE FUNCTION f() BEGIN ATOMIC SELECT 1]T[END][CREATE RULE (a][b)]"},
  };
  CHECK(samples);
}

static void test_classes(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {DIALECT_ANY, "begin;COMMIT;End;ROLLBACK TO a;SAVEPOINT a;RELEASE a;BEGIN IMMEDIATE",
       "T[begin]T[COMMIT]T[End]T[ROLLBACK TO a]T[SAVEPOINT a]T[RELEASE a]T[BEGIN IMMEDIATE]"},
      {DIALECT_ANY, "/* a */ -- b\n COMMIT", "T[COMMIT]"},
      {DIALECT_ANY, "\"COMMIT\"; 'BEGIN'; commits; (BEGIN)",
       "[\"COMMIT\"]['BEGIN'][commits][(BEGIN)]"},
      {DIALECT_ANY, "SELECT 1 AS commit; UPDATE begin SET a = 1",
       "[SELECT 1 AS commit][UPDATE begin SET a = 1]"},
      {PG, "START TRANSACTION READ ONLY;ABORT;PREPARE TRANSACTION 'a';COMMIT PREPARED 'a'",
       "T[START TRANSACTION READ ONLY]T[ABORT]T[PREPARE TRANSACTION 'a']T[COMMIT PREPARED 'a']"},
      {PG, "PREPARE a AS SELECT transaction; SET TRANSACTION READ ONLY; START x",
       "[PREPARE a AS SELECT transaction][SET TRANSACTION READ ONLY][START x]"},
      {PG, "SELECT a AS start transaction", "[SELECT a AS start transaction]"},
      {SQLITE, "ABORT; START TRANSACTION", "[ABORT][START TRANSACTION]"},
      {PG, "COPY a FROM STDIN; x", "C[COPY a FROM STDIN][x]"},
      {PG, "copy a(b, \"from\") from /* ; */ stdin with (format csv); x",
       "C[copy a(b, \"from\") from /* ; */ stdin with (format csv)][x]"},
      {PG, "COPY a FROM stdout", "C[COPY a FROM stdout]"},
      {PG, "COPY a FROM '/stdin'; COPY (SELECT a FROM stdin) TO STDOUT",
       "[COPY a FROM '/stdin'][COPY (SELECT a FROM stdin) TO STDOUT]"},
      {SQLITE, "COPY a FROM STDIN", "[COPY a FROM STDIN]"},
      {PG, "COPY a FROM STDIN;\n1\t'\n\\\\.\n\\.x\n\\.\nx;\nCOPY b FROM STDIN;\r\n$$\r\n\\.\r\ny",
       "C[COPY a FROM STDIN][x]C[COPY b FROM STDIN][y]"},
      {PG, "COPY a FROM STDIN;\n1\n\\.", "C[COPY a FROM STDIN]"},
      {PG, "x;\n\\.\n", "!2:1 `\\.` is a command of psql, not SQL"},
      {PG, "COPY a FROM STDIN;\n1\t'\n", "!2:3 string without end"},
  };
  CHECK(samples);
}

static void test_positions(void **state) {
  (void)state;
  const char text[] = "\xef\xbb\xbf"
                      "a;\r\n\r\n  /* c\n */ b\n;c;\n$$\n\n$$; d;\n\xc3\xa4 e; f";
  struct arena arena;
  arena_init(&arena, 0);
  struct sql_statements s;
  struct err e;
  assert_int_equal(sql_split(PG, text, sizeof text - 1, &arena, &s, &e), 0);
  static const unsigned want[][2] = {{1, 4}, {4, 5}, {5, 2}, {6, 1}, {8, 5}, {9, 1}, {9, 7}};
  assert_int_equal(s.count, sizeof want / sizeof want[0]);
  for (size_t i = 0; i < s.count; i++) {
    unsigned line, column;
    assert_int_equal(s.items[i].line, want[i][0]);
    assert_int_equal(s.items[i].column, want[i][1]);
    sql_position(text, sizeof text - 1, s.items[i].start, &line, &column);
    assert_int_equal(line, want[i][0]);
    assert_int_equal(column, want[i][1]);
  }
  arena_release(&arena);
}

static void test_position_of_the_end(void **state) {
  (void)state;
  unsigned line, column;
  sql_position("a\nb\n", 4, 4, &line, &column);
  assert_int_equal(line, 3);
  assert_int_equal(column, 1);
  sql_position("a\nb", 3, 99, &line, &column);
  assert_int_equal(line, 2);
  assert_int_equal(column, 2);
  sql_position("a\nb", 3, 1, &line, &column);
  assert_int_equal(line, 1);
  assert_int_equal(column, 2);
  sql_position("", 0, 0, &line, &column);
  assert_int_equal(line, 1);
  assert_int_equal(column, 1);
}

static void test_nul_is_refused_anywhere(void **state) {
  (void)state;
  static const char *const around[] = {"a; %c b", "'%c'", "-- %c", "/* %c */", "a;\n%c"};
  for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
    struct buf text BUF_SCOPED = BUF_INIT, got BUF_SCOPED = BUF_INIT;
    buf_adds(&text, around[i]);
    char *hole = strstr(text.s, "%c");
    hole[0] = '\0';
    hole[1] = ' ';
    pieces_of(i % 2 != 0 ? SQLITE : PG, text.s, text.len, &got);
    assert_non_null(strstr(buf_str(&got), "NUL byte"));
    assert_int_equal(got.s[0], '!');
  }
}

/* The pieces, then `!LINE:COLUMN message` for each fault, and `|LINE:COLUMN` where reading ended.
 */
static void reading_of(enum dialect dialect, const char *text, struct buf *out) {
  unsigned line, column;
  size_t len = strlen(text);
  struct arena arena;
  struct sql_reading r;
  arena_init(&arena, 0);
  sql_read(dialect, text, len, &arena, &r);
  for (size_t i = 0; i < r.statements.count; i++)
    buf_addf(out, "%s[%.*s]", marks[r.statements.items[i].class], (int)r.statements.items[i].len,
             text + r.statements.items[i].start);
  for (size_t i = 0; i < r.faults.count; i++) {
    sql_position(text, len, r.faults.items[i].offset, &line, &column);
    buf_addf(out, "!%u:%u %.*s", line, column, (int)strcspn(r.faults.items[i].message, " "),
             r.faults.items[i].message);
  }
  if (r.end < len) {
    sql_position(text, len, r.end, &line, &column);
    buf_addf(out, "|%u:%u", line, column);
  }
  arena_release(&arena);
}

/* What has no end ends the reading; everything else is passed. */
static void test_reading_goes_on(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {DIALECT_ANY, "a ${A} b;c", "[a ${A} b][c]!1:3 `${A}`"},
      {DIALECT_ANY, "${A};c", "[c]!1:1 `${A}`"},
      {DIALECT_ANY, "a ${A;c ${b.c} 'd;';e", "[a][c ${b.c} 'd;'][e]!1:3 `${A;c`!1:9 `${b.c}`"},
      {DIALECT_ANY, "a ${'b;'};c", "[a ${'b;'}][c]!1:3 `${'b;'}`"},
      {DIALECT_ANY, "t_${a};\nb ${c}'d';\n${e", "[t_][b ${c}'d']!1:3 a!2:3 a!3:1 `${e`|3:1"},
      {DIALECT_ANY, "a;BEGIN;b 'c;d;", "[a]T[BEGIN][b]!1:11 string|1:11"},
      {DIALECT_ANY, "'c;d;", "!1:1 string|1:1"},
      {PG, "\\d it's\na;\\echo \"\nCOMMIT", "[a]T[COMMIT]!1:1 `\\d`!2:3 `\\echo`"},
      {PG, "a /* b;", "[a]!1:3 comment|1:3"},
      {PG, "CREATE RULE r AS (a ${B};", "!1:1 a!1:21 `${B}`"},
      {SQLITE, "CREATE TRIGGER t BEGIN ${A}; b; END;c",
       "[CREATE TRIGGER t BEGIN ${A}; b; END][c]!1:24 `${A}`"},
      {SQLITE, "CREATE TRIGGER t BEGIN ${A}; b", "!1:1 the!1:24 `${A}`"},
      {SQLITE, "CREATE TRIGGER t BEGIN a 'b; END", "!1:26 string|1:26"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
    for (enum dialect d = SQLITE; d <= PG; d++) {
      struct buf got BUF_SCOPED = BUF_INIT;
      if (!(samples[i].dialect & d))
        continue;
      reading_of(d, samples[i].text, &got);
      assert_string_equal(buf_str(&got), samples[i].pieces);
    }
}

static void test_faults_are_limited(void **state) {
  (void)state;
  struct buf text BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < SQL_FAULTS_MAX + 10; i++)
    buf_adds(&text, "${A};");
  struct arena arena;
  struct sql_reading r;
  arena_init(&arena, 0);
  sql_read(SQLITE, text.s, text.len, &arena, &r);
  assert_int_equal(r.faults.count, SQL_FAULTS_MAX);
  assert_int_equal(r.end, 5 * SQL_FAULTS_MAX - 1);
  arena_release(&arena);
}

/* Two bytes of text ask for 32 bytes of memory: the arena's limit stops that. */
static void test_statements_are_limited_by_the_arena(void **state) {
  (void)state;
  struct buf text BUF_SCOPED = BUF_INIT;
  for (int i = 0; i < 10000; i++)
    buf_adds(&text, "a;");
  struct arena arena;
  arena_init(&arena, 64 << 10);
  struct sql_statements s = {0};
  struct err e;
  assert_int_equal(sql_split(SQLITE, text.s, text.len, &arena, &s, &e), -1);
  assert_int_equal(e.kind, ERR_INPUT);
  assert_string_equal(e.text, "too many statements");
  arena_release(&arena);
}

static void split_many(enum dialect dialect, const char *unit, size_t len) {
  struct buf text BUF_SCOPED = BUF_INIT;
  while (text.len < len)
    buf_adds(&text, unit);
  struct arena arena;
  arena_init(&arena, 0);
  struct sql_reading r;
  sql_read(dialect, text.s, text.len, &arena, &r);
  arena_release(&arena);
}

/* Each of these is quadratic in a careless splitter, which would not end within the time that a
 * test has: where looking twice is fast, it takes more text for that. */
static void test_time_is_linear(void **state) {
  (void)state;
  static const struct {
    enum dialect dialect;
    const char *unit;
    size_t mib;
  } units[] = {
      {SQLITE, "a;", 4},
      {PG, "a;\n", 4},
      {PG, "COPY a FROM STDIN;\n", 16},
      {PG, "E'a'\n\n", 4},
      {PG, "/*", 4},
      {PG, "$a ", 4},
      {SQLITE, "/*", 4},
      {SQLITE, "[a", 16},
      {PG, "$a$ $b$", 4},
      {SQLITE, "CREATE TRIGGER a BEGIN b;", 4},
      {PG, "CREATE RULE (", 4},
      {SQLITE, "$a(b", 4},
      {SQLITE, "-", 4},
      {SQLITE, "'a'", 4},
      {PG, "\\", 4},
      {PG, "${A} 'a\n", 4},
  };
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    split_many(units[i].dialect, units[i].unit, units[i].mib << 20);
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

/* A folder of other projects' files, which lie beside the source tree or where MIGD_SHARED says.
 * Skips the test when there is none. */
static void shared_folder(const char *below, char path[PATH_MAX]) {
  const char *shared = getenv("MIGD_SHARED"), *room = strstr(__FILE__, "tests/unit/");
  if (shared != NULL)
    (void)snprintf(path, PATH_MAX, "%s/%s", shared, below);
  else
    (void)snprintf(path, PATH_MAX, "%.*s../shared/%s", (int)(room - __FILE__), __FILE__, below);
  struct stat st;
  if (stat(path, &st) == 0)
    return;
  print_message("%s is not there: skipped\n", path);
  skip();
}

static size_t split_file(const char *path) {
  enum dialect dialect = strstr(path, "/sqlite/") != NULL ? SQLITE : PG;
  struct buf text BUF_SCOPED = BUF_INIT;
  read_file(path, &text);
  struct arena arena;
  arena_init(&arena, 0);
  struct sql_statements s = {0};
  struct err e;
  if (sql_split(dialect, buf_str(&text), text.len, &arena, &s, &e) != 0)
    fail_msg("%s:%u:%u: %s", path, e.line, e.column, e.text);
  for (size_t i = 0; i < s.count; i++) {
    if (s.items[i].class == SQL_COPY_STDIN)
      fail_msg("%s:%u: taken for COPY FROM STDIN", path, s.items[i].line);
  }
  size_t count = s.count;
  arena_release(&arena);
  return count;
}

static void test_corpora_split(void **state) {
  (void)state;
  char folder[PATH_MAX];
  shared_folder("corpora", folder);
  char *roots[] = {folder, NULL};
  FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  assert_non_null(tree);
  size_t files = 0, statements = 0;
  for (FTSENT *at; (at = fts_read(tree)) != NULL;) {
    if (at->fts_info != FTS_F || at->fts_namelen < 4 ||
        strcmp(at->fts_name + at->fts_namelen - 4, ".sql") != 0)
      continue;
    files++;
    statements += split_file(at->fts_path);
  }
  assert_int_equal(fts_close(tree), 0);
  print_message("%zu files, %zu statements\n", files, statements);
  assert_true(files > 0 && statements >= files / 2);
}

/* `#` begins a comment in MySQL only; one of the PostgreSQL cases has such a line. */
static void drop_hash_lines(struct buf *text) {
  struct buf kept BUF_SCOPED = BUF_INIT;
  for (const char *at = buf_str(text); *at != '\0';) {
    size_t len = strcspn(at, "\n");
    len += at[len] == '\n';
    if (at[0] != '#')
      buf_add(&kept, at, len);
    at += len;
  }
  buf_clear(text);
  buf_add(text, buf_str(&kept), kept.len);
}

/* Atlas keeps comments before a statement, and its `;`: both are cut from its pieces. */
static void normalise(const char *piece, size_t len, enum dialect dialect, struct buf *out) {
  struct buf one BUF_SCOPED = BUF_INIT;
  pieces_of(dialect, piece, len, &one);
  buf_adds(out, buf_str(&one));
}

/* A piece of SQLite's cases that SQLite itself does not know: a BEGIN in the body of a trigger. */
static const char not_sqlite[] = "CREATE TRIGGER errorHandlingTrigger";

/* The text is made of the golden's pieces where one is left out, else it is the file of the case.
 */
static void check_golden(const char *folder, const char *name, enum dialect dialect) {
  struct buf path BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT, golden BUF_SCOPED = BUF_INIT,
                  got BUF_SCOPED = BUF_INIT, want BUF_SCOPED = BUF_INIT, rest BUF_SCOPED = BUF_INIT;
  buf_addf(&path, "%s/%s", folder, name);
  read_file(path.s, &text);
  buf_adds(&path, ".golden");
  read_file(path.s, &golden);
  drop_hash_lines(&text);
  drop_hash_lines(&golden);
  static const char mark[] = "-- end --";
  for (const char *at = buf_str(&golden); at != NULL;) {
    const char *end = strstr(at, mark);
    size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
    if (strncmp(at + strspn(at, "\n"), not_sqlite, sizeof not_sqlite - 1) != 0) {
      normalise(at, len, dialect, &want);
      buf_add(&rest, at, len);
    }
    at = end != NULL ? end + sizeof mark - 1 : NULL;
  }
  bool whole = strstr(buf_str(&golden), not_sqlite) == NULL;
  pieces_of(dialect, buf_str(whole ? &text : &rest), whole ? text.len : rest.len, &got);
  if (strcmp(buf_str(&got), buf_str(&want)) != 0)
    print_error("%s\n", path.s);
  assert_string_equal(buf_str(&got), buf_str(&want));
}

/* Every case of Atlas's: one of our dialects, or why it is none. */
static const char delimiter[] = "needs a command that sets the delimiter";
static const char mysql[] = "MySQL";
static const char sqlserver[] = "SQL Server";
static const struct atlas_case {
  const char *name;
  enum dialect dialect;
  const char *skipped; /* NULL: it runs */
} atlas_cases[] = {
    {"lex/1.sql", PG, NULL},
    {"lex/2_mysql.sql", DIALECT_ANY, mysql},
    {"lex/3_delimiter.sql", DIALECT_ANY, delimiter},
    {"lex/4_delimiter.sql", DIALECT_ANY, delimiter},
    {"lex/5_delimiter.sql", DIALECT_ANY, delimiter},
    {"lex/6_skip_comment.sql", DIALECT_ANY, mysql}, /* `#` in the midst of a line */
    {"lex/7_delimiter_2n.sql", DIALECT_ANY, delimiter},
    {"lex/8_delimiter_3n.sql", DIALECT_ANY, delimiter},
    {"lex/9_delimiter_3n.sql", DIALECT_ANY, delimiter},
    {"lex/10_delimiter_comment.sql", DIALECT_ANY, delimiter},
    {"lex/11_delimiter_mysql_command.sql", DIALECT_ANY, mysql},
    {"lex/12_delimiter_mysql_command.sql", DIALECT_ANY, mysql},
    {"lex/13_delimiter_mysql_command.sql", DIALECT_ANY, mysql},
    {"lex/14_delimiter_mysql_command.sql", DIALECT_ANY, mysql},
    {"lex/15_dollar_quote.sql", PG, NULL},
    {"lex/16_begin_atomic.sql", PG, NULL},
    {"lex/17_paren.sql", PG, NULL},
    {"lex/18_pg_expr.sql", PG, NULL},
    {"lex/19_ms_gocmd.sql", DIALECT_ANY, sqlserver},
    {"lex/20_ms_go-delim.sql", DIALECT_ANY, sqlserver},
    {"lexbegintry/1.sql", DIALECT_ANY, sqlserver},
    {"lexescaped/1.my.sql", DIALECT_ANY, mysql},
    {"lexescaped/2.pg.sql", PG, NULL},
    {"lexgroup/1_trigger.sql", SQLITE, NULL},
    {"lexgroup/2_function.sql", DIALECT_ANY, mysql},
    {"lexgroup/3_delimiter.sql", DIALECT_ANY, mysql},
    {"sqlserver/1_return_table.sql", DIALECT_ANY, sqlserver},
    {"sqlserver/2_function.sql", DIALECT_ANY, sqlserver},
};
#define ATLAS_CASES (sizeof atlas_cases / sizeof *atlas_cases)

static size_t golden_files(char *folder) {
  char *roots[] = {folder, NULL};
  FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  assert_non_null(tree);
  size_t count = 0;
  for (FTSENT *at; (at = fts_read(tree)) != NULL;)
    count += at->fts_info == FTS_F && strstr(at->fts_name, ".golden") != NULL;
  assert_int_equal(fts_close(tree), 0);
  return count;
}

static void test_atlas_cases(void **state) {
  (void)state;
  char folder[PATH_MAX];
  shared_folder("suites/atlas-lexer", folder);
  assert_int_equal(golden_files(folder), ATLAS_CASES);
  for (size_t i = 0; i < ATLAS_CASES; i++) {
    const struct atlas_case *c = &atlas_cases[i];
    if (c->skipped != NULL)
      print_message("%s: skipped: %s\n", c->name, c->skipped);
    else
      check_golden(folder, c->name, c->dialect);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),
      cmocka_unit_test(test_triggers),
      cmocka_unit_test(test_routines),
      cmocka_unit_test(test_classes),
      cmocka_unit_test(test_positions),
      cmocka_unit_test(test_position_of_the_end),
      cmocka_unit_test(test_nul_is_refused_anywhere),
      cmocka_unit_test(test_reading_goes_on),
      cmocka_unit_test(test_faults_are_limited),
      cmocka_unit_test(test_statements_are_limited_by_the_arena),
      cmocka_unit_test(test_time_is_linear),
      cmocka_unit_test(test_corpora_split),
      cmocka_unit_test(test_atlas_cases),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
