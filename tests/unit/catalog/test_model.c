/* Identifiers and plans against a model that knows only sets: random graphs with branches, merges,
 * dependencies and labels, random ledgers, random identifiers; the same steps, rows and refusals.
 */
#include "server/catalog/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/catalog/spec.h"

enum { MOST = 9 };

struct model {
  unsigned count;
  char ids[MOST][4];
  unsigned parents[MOST], deps[MOST]; /* bits */
  bool label[MOST];
  unsigned down[MOST];                     /* what each stands on, by any way, without itself */
  unsigned line_down[MOST], line_up[MOST]; /* by parents only, itself too */
  unsigned applied;
};

static uint64_t seed;

static unsigned any(unsigned below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % below;
}

static unsigned some_of(unsigned below, unsigned most) {
  unsigned bits = 0;
  for (unsigned i = 0; below && i < most; i++)
    bits |= 1U << any(below);
  return bits;
}

static void add_list(struct buf *b, char mark, unsigned bits, const struct model *m) {
  for (unsigned i = 0; bits && i < m->count; i++) {
    if (!(bits & 1U << i))
      continue;
    buf_addf(b, "%c%s", mark, m->ids[i]);
    mark = ',';
  }
}

static void invent(struct model *m, struct buf *text) {
  memset(m, 0, sizeof *m);
  m->count = 1 + any(MOST);
  unsigned salt = any(26);
  for (unsigned i = 0; i < m->count; i++) {
    snprintf(m->ids[i], sizeof m->ids[i], "%c%u", (char)('a' + (salt + i * 7) % 26), i);
    m->parents[i] = any(5) ? some_of(i, any(4) ? 1 : 3) : 0;
    m->deps[i] = any(4) ? 0 : some_of(i, 2);
    m->label[i] = any(4) == 0;
    m->line_down[i] = 1U << i;
    for (unsigned k = 0; k < i; k++) {
      if ((m->parents[i] | m->deps[i]) & 1U << k)
        m->down[i] |= 1U << k | m->down[k];
      if (m->parents[i] & 1U << k)
        m->line_down[i] |= m->line_down[k];
    }
  }
  for (unsigned i = 0; i < m->count; i++)
    for (unsigned k = 0; k < m->count; k++)
      if (m->line_down[k] & 1U << i)
        m->line_up[i] |= 1U << k;
  for (unsigned i = m->count; i-- > 0;) {
    buf_adds(text, m->ids[i]);
    add_list(text, '<', m->parents[i], m);
    add_list(text, '|', m->deps[i], m);
    if (m->label[i])
      buf_addf(text, "#label%u", i);
    buf_addc(text, ' ');
  }
}

static unsigned ends(const struct model *m, unsigned set) {
  unsigned covered = 0;
  for (unsigned i = 0; i < m->count; i++)
    if (set & 1U << i)
      covered |= m->down[i];
  return set & ~covered;
}

static unsigned closure(const struct model *m, unsigned set) {
  unsigned all = set;
  for (unsigned i = 0; i < m->count; i++)
    if (set & 1U << i)
      all |= m->down[i];
  return all;
}

static unsigned number_of(const struct model *m, const char *id) {
  for (unsigned i = 0; i < m->count; i++)
    if (strcmp(m->ids[i], id) == 0)
      return i;
  fail_msg("no %s", id);
  return 0;
}

static unsigned with_dependents(const struct model *m, unsigned set) {
  for (unsigned i = 0; i < m->count; i++)
    if (m->down[i] & set)
      set |= 1U << i;
  return set;
}

/* Does what a step says to the rows; each must hit. */
static unsigned change_rows(const struct model *m, unsigned rows, const struct plan_step *s) {
  for (size_t i = 0; i < s->remove_count; i++) {
    unsigned bit = 1U << number_of(m, s->remove[i]);
    assert_true(rows & bit);
    rows &= ~bit;
  }
  for (size_t i = 0; i < s->insert_count; i++) {
    unsigned bit = 1U << number_of(m, s->insert[i]);
    assert_false(rows & bit);
    rows |= bit;
  }
  return rows;
}

static void follow(struct model *m, const struct catalog *c, const struct plan *plan) {
  unsigned rows = ends(m, m->applied), after = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const struct plan_step *s = &plan->steps[i];
    unsigned n = number_of(m, c->revisions[s->revision].id);
    rows = change_rows(m, rows, s);
    if (s->direction == DIR_UP) {
      assert_false(m->applied & 1U << n);
      assert_int_equal(m->down[n] & ~m->applied, 0); /* what it stands on is there */
      m->applied |= 1U << n;
    } else if (s->direction == DIR_DOWN) {
      assert_true(ends(m, m->applied) & 1U << n); /* nothing stands on it any more */
      m->applied &= ~(1U << n);
    } else {
      m->applied = closure(m, rows);
    }
    assert_int_equal(rows, ends(m, m->applied));
  }
  for (size_t i = 0; i < plan->after_count; i++)
    after |= 1U << number_of(m, plan->after[i]);
  assert_int_equal(after, rows);
}

/* ---- what is asked ---- */

enum word { NAME, LABEL, PREFIX, HEAD, HEADS, BASE, NOTHING };

struct asked {
  enum word branch, symbol; /* branch: NAME, LABEL or NOTHING */
  unsigned branch_of, symbol_of;
  int offset;
};

static enum word name_of(const struct model *m, unsigned revision) {
  return m->label[revision] && any(2) ? LABEL : NAME;
}

static void add_word(struct buf *b, const struct model *m, enum word w, unsigned revision) {
  static const char *const words[] = {
      [PREFIX] = "lab", [HEAD] = "head", [HEADS] = "heads", [BASE] = "base", [NOTHING] = ""};
  if (w == NAME)
    buf_adds(b, m->ids[revision]);
  else if (w == LABEL)
    buf_addf(b, "label%u", revision);
  else
    buf_adds(b, words[w]);
}

static struct asked ask(const struct model *m, struct buf *text) {
  static const enum word others[] = {PREFIX, HEAD, HEADS, BASE};
  struct asked a = {.branch = NOTHING, .branch_of = any(m->count), .symbol_of = any(m->count)};
  a.symbol = any(3) ? name_of(m, a.symbol_of) : others[any(4)];
  if (any(3) == 0)
    a.branch = name_of(m, a.branch_of);
  if (any(3) == 0)
    a.offset = any(2) ? 1 + (int)any(3) : -1 - (int)any(3);
  if (a.offset && any(2))
    a.symbol = NOTHING;
  add_word(text, m, a.branch, a.branch_of);
  buf_adds(text, a.branch == NOTHING ? "" : "@");
  add_word(text, m, a.symbol, a.symbol_of);
  if (a.offset)
    buf_addf(text, "%+d", a.offset);
  return a;
}

/* ---- what it means ---- */

struct meaning {
  unsigned found;
  int guide; /* what a downgrade follows up where ways fork; -1: all of them */
};

static unsigned many(unsigned set) {
  return (unsigned)__builtin_popcount(set);
}

static int first(unsigned set) {
  return set ? __builtin_ctz(set) : -1;
}

static unsigned every(const struct model *m) {
  return (1U << m->count) - 1;
}

static unsigned line_of(const struct model *m, const struct asked *a) {
  return a->branch == NOTHING ? every(m) : m->line_up[a->branch_of] | m->line_down[a->branch_of];
}

static unsigned children(const struct model *m, int revision) {
  unsigned set = 0;
  for (unsigned i = 0; i < m->count; i++)
    if (revision < 0 ? m->parents[i] == 0 : m->parents[i] >> revision & 1)
      set |= 1U << i;
  return set;
}

static unsigned heads(const struct model *m) {
  unsigned set = 0;
  for (unsigned i = 0; i < m->count; i++)
    set |= children(m, (int)i) ? 0 : 1U << i;
  return set;
}

/* All that a symbol names; -1: it must be refused. */
static long symbol(const struct model *m, const struct asked *a) {
  unsigned line = line_of(m, a), labelled = 0;
  switch (a->symbol) {
  case NAME:
  case LABEL:
    return line & 1U << a->symbol_of ? 1L << a->symbol_of : -1;
  case PREFIX:
    for (unsigned i = 0; i < m->count; i++)
      labelled |= m->label[i] ? line & 1U << i : 0;
    return many(labelled) == 1 ? (long)labelled : -1;
  case HEAD:
    return many(heads(m) & line) == 1 ? (long)(heads(m) & line) : -1;
  case HEADS:
    return a->branch == NOTHING ? (long)ends(m, every(m)) : (long)(heads(m) & line);
  case BASE:
  case NOTHING:
    return 0;
  }
  return -1;
}

/* Where a lone count begins: as symbol(). */
static long rows_of(const struct model *m, const struct asked *a, enum operation op) {
  unsigned line = line_of(m, a), on_line = m->applied & line, covered = 0;
  if (op != (a->offset > 0 ? OP_UPGRADE : OP_DOWNGRADE))
    return -1;
  if (ends(m, m->applied) & line)
    return (long)(ends(m, m->applied) & line);
  if (op == OP_UPGRADE) {
    for (unsigned i = 0; i < m->count; i++)
      if (on_line & 1U << i)
        covered |= m->parents[i] | m->deps[i];
    return (long)(on_line & ~covered);
  }
  for (unsigned i = 0; i < m->count; i++)
    if (on_line & 1U << i && !(m->line_up[i] & m->applied & ~(1U << i)))
      covered |= 1U << i;
  return covered || a->branch == NOTHING ? (long)covered : -1;
}

/* -1: no way, or several; -2: below the first revisions. */
static int one_step(const struct model *m, const struct asked *a, int at) {
  unsigned ways = a->offset > 0 ? children(m, at) & line_of(m, a) : at < 0 ? 0 : m->parents[at];
  if (many(ways) == 1)
    return first(ways);
  return ways == 0 && a->offset < 0 && at >= 0 ? -2 : -1;
}

static bool means(const struct model *m, const struct asked *a, enum operation op,
                  struct meaning *out) {
  bool lone = a->symbol == NOTHING;
  long from = lone ? rows_of(m, a, op) : symbol(m, a);
  out->guide = a->branch == NOTHING ? -1 : (int)a->branch_of;
  if (from < 0 || (a->offset && many((unsigned)from) > 1))
    return false;
  out->found = (unsigned)from;
  int at = first(out->found);
  if (lone)
    out->guide = at;
  for (int i = 0; i < (a->offset < 0 ? -a->offset : a->offset); i++) {
    at = one_step(m, a, at);
    if (at == -1)
      return false;
    out->found = at < 0 ? 0 : 1U << at;
  }
  return true;
}

/* ---- what must be applied afterwards; -1 when the request must be refused ---- */

static long expect_down(const struct model *m, const struct meaning *to) {
  unsigned ways = children(m, first(to->found)), above = 0;
  if (many(to->found) > 1 || to->found & ~m->applied)
    return -1;
  if (to->guide >= 0 && many(ways) > 1 && !(ways &= m->line_down[to->guide]))
    return -1;
  for (unsigned i = 0; i < m->count; i++)
    if (ways & 1U << i)
      above |= m->line_up[i];
  return (long)(m->applied & ~with_dependents(m, above));
}

static long expect_stamp(const struct model *m, const struct asked *a, const struct meaning *to) {
  unsigned from = to->found, related = 0;
  if (!from && a->branch == NOTHING)
    return 0;
  if (!from)
    from = 1U << a->branch_of;
  related = closure(m, from) | with_dependents(m, from);
  return (long)closure(m, (ends(m, m->applied) & ~related) | to->found);
}

static long expected(const struct model *m, const struct asked *a, enum operation op) {
  struct meaning to;
  if (!means(m, a, op, &to))
    return -1;
  switch (op) {
  case OP_UPGRADE:
    return (long)(m->applied | closure(m, to.found));
  case OP_DOWNGRADE:
    return expect_down(m, &to);
  case OP_STAMP:
    return expect_stamp(m, a, &to);
  }
  return -1;
}

static void request(struct model *m, struct spec *s, unsigned *answered) {
  enum operation op = (enum operation)(1 + any(3));
  const char *rows[MOST], *to[1];
  struct buf text BUF_SCOPED = BUF_INIT;
  struct asked a = ask(m, &text);
  size_t count = 0;
  for (unsigned i = 0; i < m->count; i++)
    if (ends(m, m->applied) & 1U << i)
      rows[count++] = m->ids[i];
  to[0] = buf_str(&text);
  struct plan_request q = {op, DIALECT_POSTGRESQL, to, 1, false};
  struct plan plan;
  struct err e;
  long wanted = expected(m, &a, op);
  int rc = plan_make(&s->catalog, &q, rows, count, &s->arena, &plan, &e);
  if ((wanted < 0) != (rc != 0))
    fail_msg("%d to '%s' is %s: %s", (int)op, to[0], rc ? "refused" : "not refused",
             rc ? e.text : "");
  if (rc)
    return;
  (*answered)++;
  follow(m, &s->catalog, &plan);
  assert_int_equal(m->applied, wanted);
}

static void test_against_the_model(void **state) {
  (void)state;
  unsigned answered = 0;
  for (unsigned round = 0; round < 4000; round++) {
    struct model m;
    struct buf text BUF_SCOPED = BUF_INIT;
    struct spec s;
    seed = round;
    invent(&m, &text);
    spec_build(&s, buf_str(&text));
    assert_int_equal(s.rc, 0);
    for (int i = 0; i < 20; i++)
      request(&m, &s, &answered);
    spec_release(&s);
  }
  assert_in_range(answered, 30000, 70000); /* most mean something, many do not */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_the_model)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
