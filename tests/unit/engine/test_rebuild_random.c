/* Random tables with random rows under random ALTER TABLEs, against a model of what PostgreSQL's
 * words mean: columns, types, defaults, constraints, rows. What the model says must fail has to
 * fail and change nothing. MIGD_TEST_SEED repeats a choice, MIGD_TEST_LONG makes many more.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proto/base/buf.h"
#include "server/engine/offline.h"
#include "tests/support/lite_world.h"

#define COLUMNS_MAX 80
#define ROWS_MAX 30
#define CONSTRAINTS_MAX 24
#define ABSENT INT64_MIN /* NULL as a value, none as a default */

/* What the first column is. */
enum shape { SHAPE_ROWID, SHAPE_INTEGER_KEY, SHAPE_AUTOINCREMENT, SHAPE_WITHOUT_ROWID, SHAPES };

struct column {
  char name[24];
  bool text; /* its values are 'v5' and not 5 */
  bool not_null, touched;
  unsigned statement; /* the last that had an action on it */
  int64_t value;      /* its default */
  int64_t rows[ROWS_MAX];
};

struct constraint {
  unsigned number, column, statement;
  int64_t below; /* CHECK (column < below); 0: UNIQUE */
};

/* Column 0 is the key k, column 1 an INTEGER on which a view, a trigger and the generated column g
 * rest: both are left alone. */
struct model {
  enum shape shape;
  bool strict, stored;
  bool tight; /* no comments, and no white space that can be left out */
  struct column columns[COLUMNS_MAX];
  size_t count, row_count;
  struct constraint constraints[CONSTRAINTS_MAX];
  size_t constraint_count;
  unsigned next; /* number of the next name */
  unsigned statement;
};

static uint64_t dice, seed_now;

static unsigned roll(unsigned sides) {
  dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(dice >> 33) % sides;
}

static void add_value(struct buf *b, const struct column *c, int64_t v, bool literal) {
  if (v == ABSENT)
    buf_adds(b, "NULL");
  else if (c->text)
    buf_addf(b, literal ? "'v%" PRId64 "'" : "v%" PRId64, v);
  else
    buf_addf(b, "%" PRId64, v);
}

static const char *type_of(const struct column *c) {
  return c->text ? "TEXT" : "INTEGER";
}

/* --- the first table --- */

static void name_column(struct model *m, struct column *c) {
  static const char *const starts[] = {"c", "c ", "select", "c,", "é"};
  snprintf(c->name, sizeof c->name, "%s%u", starts[roll(5)], m->next++);
}

static struct column *fresh(struct model *m) {
  struct column *c = &m->columns[m->count++];
  memset(c, 0, sizeof *c);
  name_column(m, c);
  c->text = roll(2);
  c->value = ABSENT;
  return c;
}

static void invent(struct model *m) {
  memset(m, 0, sizeof *m);
  m->shape = (enum shape)roll(SHAPES);
  m->strict = !roll(3);
  m->stored = roll(2);
  m->tight = !roll(3);
  m->row_count = roll(ROWS_MAX);
  size_t columns = 3 + roll(5);
  for (size_t i = 0; i < columns; i++) {
    struct column *c = fresh(m);
    if (i < 2) {
      snprintf(c->name, sizeof c->name, "%s", i ? "base" : "k");
      c->text = !i && m->shape == SHAPE_WITHOUT_ROWID;
    }
    c->not_null = i ? !roll(3) : m->shape == SHAPE_WITHOUT_ROWID;
    if (i && !roll(3))
      c->value = roll(50);
    for (size_t r = 0; r < m->row_count; r++)
      c->rows[r] = !i                          ? (int64_t)(10 * r + 1)
                   : !c->not_null && !roll(12) ? ABSENT
                                               : (int64_t)roll(60);
  }
}

static void add_name(struct buf *b, const char *name) {
  buf_addf(b, "\"%s\"", name);
}

static void add_key(struct buf *b, const struct model *m) {
  static const char *const keys[] = {[SHAPE_ROWID] = "",
                                     [SHAPE_INTEGER_KEY] = " PRIMARY KEY",
                                     [SHAPE_AUTOINCREMENT] = " PRIMARY KEY AUTOINCREMENT",
                                     [SHAPE_WITHOUT_ROWID] = " NOT NULL PRIMARY KEY"};
  buf_adds(b, keys[m->shape]);
}

static void add_default(struct buf *b, const struct model *m, const struct column *c) {
  bool string = c->text && m->tight;
  buf_adds(b, string ? "DEFAULT" : " DEFAULT ");
  add_value(b, c, c->value, true);
  if (c->not_null)
    buf_adds(b, string ? "NOT NULL" : " NOT NULL");
}

static void add_column(struct buf *b, const struct model *m, size_t i) {
  const struct column *c = &m->columns[i];
  static const char *const quotes[] = {"\"\"", "[]", "``"};
  const char *q = quotes[i % 3];
  buf_addf(b, "%s%c%s%c", m->tight ? "" : "  ", q[0], c->name, q[1]);
  if (!m->tight)
    buf_addf(b, " /* keep %s */ ", c->name);
  buf_addf(b, m->tight ? "[%s]" : "%s", type_of(c));
  if (!i)
    add_key(b, m);
  if (c->value != ABSENT)
    add_default(b, m, c);
  else if (i && c->not_null)
    buf_adds(b, m->tight ? "NOT NULL" : " NOT NULL");
  buf_adds(b, m->tight ? "," : ", -- a comment, with 'signs'\n");
}

static void add_rows(struct buf *b, const struct model *m) {
  for (size_t r = 0; r < m->row_count; r++) {
    buf_adds(b, "INSERT INTO t (");
    for (size_t i = 0; i < m->count; i++) {
      buf_adds(b, i ? ", " : "");
      add_name(b, m->columns[i].name);
    }
    buf_adds(b, ") VALUES (");
    for (size_t i = 0; i < m->count; i++) {
      buf_adds(b, i ? ", " : "");
      add_value(b, &m->columns[i], m->columns[i].rows[r], true);
    }
    buf_adds(b, ");\n");
  }
}

static void add_table(struct buf *b, const struct model *m) {
  bool key = m->shape != SHAPE_ROWID;
  buf_adds(b, "CREATE TABLE t (\n");
  for (size_t i = 0; i < m->count; i++)
    add_column(b, m, i);
  buf_addf(b, "  g INTEGER GENERATED ALWAYS AS (base * 2) %s, CHECK (base IS NULL OR base > -1))",
           m->stored ? "STORED" : "VIRTUAL");
  buf_adds(b, m->shape == SHAPE_WITHOUT_ROWID ? " WITHOUT ROWID" : "");
  buf_adds(b, m->strict ? (m->shape == SHAPE_WITHOUT_ROWID ? ", STRICT" : " STRICT") : "");
  buf_adds(b, ";\n");
  add_rows(b, m);
  buf_addf(b, "CREATE TABLE child (k%s);\n", key ? " REFERENCES t (k) ON DELETE CASCADE" : "");
  buf_adds(b,
           "INSERT INTO child SELECT k FROM t;\n"
           "CREATE INDEX t_part ON t (base) WHERE base > 7;\n"
           "CREATE INDEX t_expr ON t (base + 1 DESC, g);\n"
           "CREATE VIEW v AS SELECT k, base FROM t;\n"
           "CREATE TRIGGER tr AFTER UPDATE OF base ON t BEGIN DELETE FROM child WHERE 0; END;\n");
}

/* --- the ALTERs --- */

static bool constrained(const struct model *m, size_t column) {
  for (size_t i = 0; i < m->constraint_count; i++)
    if (m->constraints[i].column == column)
      return true;
  return false;
}

static void forget_column(struct model *m, size_t column) {
  size_t n = 0;
  for (size_t i = 0; i < m->constraint_count; i++) {
    struct constraint k = m->constraints[i];
    if (k.column == column)
      continue;
    k.column -= k.column > column;
    m->constraints[n++] = k;
  }
  m->constraint_count = n;
  memmove(&m->columns[column], &m->columns[column + 1],
          (m->count - column - 1) * sizeof m->columns[0]);
  m->count--;
}

static void act_add_column(struct model *m, struct buf *b) {
  struct column *c = fresh(m);
  c->touched = true;
  c->statement = m->statement;
  c->not_null = !roll(3);
  if (roll(2))
    c->value = roll(40);
  for (size_t r = 0; r < m->row_count; r++)
    c->rows[r] = c->value;
  buf_adds(b, "ADD COLUMN ");
  add_name(b, c->name);
  buf_addf(b, " %s%s", type_of(c), c->not_null ? " NOT NULL" : "");
  if (c->value != ABSENT) {
    buf_adds(b, " DEFAULT ");
    add_value(b, c, c->value, true);
  }
}

static void act_type(struct model *m, struct buf *b, struct column *c) {
  if (c->value != ABSENT || constrained(m, (size_t)(c - m->columns))) {
    buf_adds(b, "ALTER COLUMN ");
    add_name(b, c->name);
    buf_adds(b, " DROP DEFAULT");
    c->value = ABSENT;
    return;
  }
  buf_adds(b, "ALTER ");
  add_name(b, c->name);
  buf_addf(b, " %s %s USING ", roll(2) ? "TYPE" : "SET DATA TYPE", c->text ? "INTEGER" : "TEXT");
  buf_adds(b, c->text ? "CAST(substr(" : "'v' || ");
  add_name(b, c->name);
  buf_adds(b, c->text ? ", 2) AS INTEGER)" : "");
  c->text = !c->text;
}

static void act_default(struct buf *b, struct column *c) {
  buf_adds(b, "ALTER ");
  add_name(b, c->name);
  c->value = roll(3) ? (int64_t)roll(50) : ABSENT;
  buf_adds(b, c->value == ABSENT ? " DROP DEFAULT" : " SET DEFAULT ");
  if (c->value != ABSENT)
    add_value(b, c, c->value, true);
}

static void act_constraint(struct model *m, struct buf *b, struct column *c) {
  struct constraint *k = &m->constraints[m->constraint_count++];
  *k = (struct constraint){m->next++, (unsigned)(c - m->columns), m->statement, 0};
  if (!c->text && roll(2))
    k->below = 30 + roll(60);
  buf_addf(b, "ADD CONSTRAINT k%u %s (", k->number, k->below ? "CHECK" : "UNIQUE");
  add_name(b, c->name);
  if (k->below)
    buf_addf(b, " < %" PRId64, k->below);
  buf_adds(b, ")");
}

static bool act_drop_constraint(struct model *m, struct buf *b) {
  size_t i = roll((unsigned)m->constraint_count);
  if (m->constraints[i].statement == m->statement)
    return false;
  buf_addf(b, "DROP CONSTRAINT k%u", m->constraints[i].number);
  m->constraints[i] = m->constraints[--m->constraint_count];
  return true;
}

/* One action; the columns from the third on may be changed. PostgreSQL has an order of its own for
 * the actions of a statement, so that a column has one only. */
static void act(struct model *m, struct buf *b) {
  size_t at = m->count > 2 ? 2 + roll((unsigned)m->count - 2) : 0;
  struct column *c = &m->columns[at];
  unsigned what = roll(8);
  bool full = m->count > COLUMNS_MAX - 4 || m->constraint_count > CONSTRAINTS_MAX - 4;
  if (!at || c->statement == m->statement || (what == 0 && !full)) {
    act_add_column(m, b);
    return;
  }
  if (what == 1 && m->constraint_count && act_drop_constraint(m, b))
    return;
  c->touched = true;
  c->statement = m->statement;
  if (what == 2 && m->count > 3) {
    buf_adds(b, "DROP COLUMN ");
    add_name(b, c->name);
    forget_column(m, at);
  } else if (what == 3) {
    act_type(m, b, c);
  } else if (what == 4 && !full) {
    act_constraint(m, b, c);
  } else if (what == 5) {
    act_default(b, c);
  } else {
    buf_adds(b, "ALTER COLUMN ");
    add_name(b, c->name);
    c->not_null = what != 6;
    buf_adds(b, c->not_null ? " SET NOT NULL" : " DROP NOT NULL");
  }
}

static bool violates(const struct model *m, const struct constraint *k) {
  const struct column *c = &m->columns[k->column];
  for (size_t r = 0; r < m->row_count; r++) {
    if (c->rows[r] == ABSENT)
      continue;
    if (k->below && c->rows[r] >= k->below)
      return true;
    for (size_t s = 0; !k->below && s < r; s++)
      if (c->rows[s] == c->rows[r])
        return true;
  }
  return false;
}

/* Whether the rows fit into what the table is now. */
static bool fits(const struct model *m) {
  for (size_t i = 0; i < m->count; i++)
    for (size_t r = 0; m->columns[i].not_null && r < m->row_count; r++)
      if (m->columns[i].rows[r] == ABSENT)
        return false;
  for (size_t i = 0; i < m->constraint_count; i++)
    if (violates(m, &m->constraints[i]))
      return false;
  return true;
}

static void rename_column(struct model *m, struct buf *b) {
  struct column *c = &m->columns[2 + roll((unsigned)m->count - 2)];
  buf_adds(b, "ALTER TABLE t RENAME COLUMN ");
  add_name(b, c->name);
  buf_adds(b, " TO ");
  name_column(m, c);
  add_name(b, c->name);
  buf_adds(b, ";\n");
  c->touched = true;
}

/* A revision: some statements with some actions. `always` stays true while the rows fit at every
 * moment in between, too. */
static void alter(struct model *m, struct buf *b, bool *always) {
  for (unsigned statements = 1 + roll(3); statements; statements--) {
    if (m->count > 2 && !roll(8)) {
      rename_column(m, b);
      continue;
    }
    m->statement++;
    buf_addf(b, "ALTER TABLE %st ", roll(4) ? "" : "ONLY ");
    unsigned actions = 1 + roll(3);
    for (unsigned i = 0; i < actions; i++) {
      buf_adds(b, i ? ",\n  " : "");
      act(m, b);
      *always = *always && fits(m);
    }
    buf_adds(b, ";\n");
  }
}

/* --- what is there --- */

static void expect_columns(const struct model *m, struct buf *b) {
  for (size_t i = 0; i < m->count; i++) {
    const struct column *c = &m->columns[i];
    buf_addf(b, "%s|%s|%d|", c->name, type_of(c), c->not_null);
    add_value(b, c, c->value, true);
    buf_addf(b, "|%d|0\n", !i && m->shape != SHAPE_ROWID);
  }
}

static void expect_rows(const struct model *m, struct buf *b) {
  for (size_t r = 0; r < m->row_count; r++) {
    for (size_t i = 0; i < m->count; i++) {
      add_value(b, &m->columns[i], m->columns[i].rows[r], false);
      buf_addc(b, '|');
    }
    int64_t base = m->columns[1].rows[r];
    if (base == ABSENT)
      buf_adds(b, "NULL\n");
    else
      buf_addf(b, "%" PRId64 "\n", 2 * base);
  }
}

/* SQLite makes one index where two constraints say the same. */
static size_t uniques(const struct model *m) {
  size_t n = 0;
  for (size_t c = 0; c < m->count; c++) {
    bool unique = false;
    for (size_t i = 0; i < m->constraint_count; i++)
      unique = unique || (m->constraints[i].column == c && !m->constraints[i].below);
    n += unique;
  }
  return n;
}

static void check_texts(struct world *x, const struct model *m) {
  const char *sql = world_ask(x, "SELECT sql FROM sqlite_schema WHERE name = 't'");
  char text[64];
  for (size_t i = 0; i < m->count; i++) {
    snprintf(text, sizeof text, "/* keep %s */", m->columns[i].name);
    if (!m->tight && !m->columns[i].touched && !strstr(sql, text))
      fail_msg("%s is lost: %s", text, sql);
  }
  for (size_t i = 0; i < m->constraint_count; i++) {
    snprintf(text, sizeof text, "CONSTRAINT k%u ", m->constraints[i].number);
    if (!strstr(sql, text))
      fail_msg("%s is lost: %s", text, sql);
  }
  assert_int_equal(m->strict, strstr(sql, "STRICT") != NULL);
  assert_int_equal(m->shape == SHAPE_WITHOUT_ROWID, strstr(sql, "WITHOUT ROWID") != NULL);
}

static void tell(const char *const *sql, size_t count) {
  fprintf(stderr, "MIGD_TEST_SEED=%" PRIu64 " begins with\n", seed_now);
  for (size_t i = 0; i < count; i++)
    fprintf(stderr, "-- r%zu\n%s", i + 1, sql[i]);
}

static void check(struct world *x, const struct model *m, const char *const *sql, size_t count) {
  struct buf want BUF_SCOPED = BUF_INIT, ask BUF_SCOPED = BUF_INIT;
  expect_columns(m, &want);
  expect_rows(m, &want);
  buf_addf(&want, "%zu\n%zu\n4\nok\n", uniques(m), m->row_count);
  buf_adds(&ask, "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM "
                 "pragma_table_xinfo('t') WHERE name <> 'g'; SELECT ");
  for (size_t i = 0; i < m->count; i++) {
    add_name(&ask, m->columns[i].name);
    buf_adds(&ask, ", ");
  }
  buf_adds(&ask, "g FROM t ORDER BY CAST(trim(k, 'v') AS INTEGER);"
                 "SELECT count(*) FROM pragma_index_list('t') WHERE origin = 'u';"
                 "SELECT count(*) FROM child;"
                 "SELECT count(*) FROM sqlite_schema WHERE name IN ('t_part', 't_expr', 'v', 'tr');"
                 "PRAGMA integrity_check; PRAGMA foreign_key_check");
  const char *there = world_ask(x, buf_str(&ask));
  if (strcmp(there, buf_str(&want))) {
    tell(sql, count);
    fprintf(stderr, "-- it is\n%s-- and not\n%s", there, buf_str(&want));
    fail();
  }
  check_texts(x, m);
}

static const char *dump(struct world *x) {
  return world_ask(x, "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'migd%';"
                      "SELECT * FROM t; SELECT * FROM child; SELECT revision FROM migd_revision");
}

/* One revision more. A failed one is thought up anew. */
static void one_more(struct world *x, struct model *m, const char **sql, size_t count) {
  struct model next = *m;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct err e;
  bool always = true;
  alter(&next, &b, &always);
  sql[count] = arena_strndup(&x->arena, buf_str(&b), b.len);
  world_catalog(x, sql, count + 1);
  const char *before = dump(x);
  int rc = world_go(x, "head", &e);
  if ((rc && always) || (!rc && !fits(&next))) {
    tell(sql, count + 1);
    fail_msg("%s", rc ? e.text : "it ran, and the rows do not fit");
  }
  if (rc) {
    if (e.kind != ERR_MIGRATION || !e.line || strstr(e.text, "migd_new"))
      fail_msg("%s", e.text);
    assert_string_equal(dump(x), before);
    one_more(x, m, sql, count);
    return;
  }
  *m = next;
  check(x, m, sql, count + 1);
}

/* The whole history as a script, on an empty database, leaves what the runs left. */
static void check_script(struct world *x, const char *const *sql, size_t count) {
  const char *head = "head";
  struct offline_request q = {.operation = OP_UPGRADE,
                              .dialect = DIALECT_SQLITE,
                              .revisions = &head,
                              .revision_count = 1,
                              .catalog = "app",
                              .store_id = "0123456789abcdef",
                              .principal = "tester"};
  struct buf script BUF_SCOPED = BUF_INIT;
  struct world other;
  struct err e;
  if (offline_script(&x->catalog, &q, NULL, &script, &e)) {
    tell(sql, count);
    fail_msg("%s", e.text);
  }
  world_begin(&other);
  world_run(&other, buf_str(&script));
  assert_string_equal(dump(&other), dump(x));
  world_end(&other);
}

static void random_alters_on_random_tables(void **state) {
  (void)state;
  const char *seed = getenv("MIGD_TEST_SEED");
  uint64_t start = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
  unsigned rounds = getenv("MIGD_TEST_LONG") ? 2000 : getenv("MIGD_TEST_SLOW") ? 10 : 60;
  fprintf(stderr, "MIGD_TEST_SEED=%" PRIu64 " repeats it\n", start);
  for (unsigned i = 0; i < rounds; i++) {
    struct buf b BUF_SCOPED = BUF_INIT;
    struct model m;
    struct world x;
    struct err e;
    const char *sql[8];
    dice = (start + i) * UINT64_C(0x9E3779B97F4A7C15);
    seed_now = start + i;
    invent(&m);
    world_begin(&x);
    add_table(&b, &m);
    sql[0] = buf_str(&b);
    world_catalog(&x, sql, 1);
    if (world_go(&x, "head", &e))
      fail_msg("%s\n%s", e.text, sql[0]);
    check(&x, &m, sql, 1);
    for (size_t k = 1; k < 8; k++)
      one_more(&x, &m, sql, k);
    check_script(&x, sql, 8);
    world_end(&x);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_alters_on_random_tables)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
