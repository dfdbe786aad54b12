/* The engine with the real migd-lint: what it survives, what it counts, where findings stand, what
 * silences them.
 */
#include "probe.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static void begin_text(struct probe *p, const struct lint_options *o, const char *body) {
  memset(p, 0, sizeof *p);
  probe_catalog(p, &body, 1);
  probe_run(p, o);
}

/* `SELECT 1+1+…` with so many terms, between two statements. */
static void add_sum(struct buf *b, int terms) {
  buf_adds(b, "-- migd:up on=postgresql\nSELECT 1;\nSELECT 1");
  for (int i = 1; i < terms; i++)
    buf_adds(b, "+1");
  buf_adds(b, ";\nSELECT 2;\n-- migd:down on=postgresql\n");
}

/* 9 KB of it end a process with an ordinary stack. */
static void test_deep(void **state) {
  (void)state;
  struct probe p;
  struct buf b BUF_SCOPED = BUF_INIT;
  add_sum(&b, 24000);
  begin_text(&p, &probe_options, b.s);
  assert_string_equal(p.result.unavailable, "");
  assert_int_equal(p.result.not_understood, 0);
  assert_int_equal(p.result.statements, 3);
  probe_end(&p);
}

static void test_too_many_tokens(void **state) {
  (void)state;
  struct probe p;
  struct buf b BUF_SCOPED = BUF_INIT;
  add_sum(&b, 100000);
  begin_text(&p, &probe_options, b.s);
  assert_string_equal(p.result.unavailable, "");
  assert_int_equal(p.result.not_understood, 1);
  probe_end(&p);
}

static void test_nested(void **state) {
  (void)state;
  static const char *const pieces[][2] = {{"(", ")"},        {"NOT ", ""},
                                          {"-", ""},         {"ARRAY[", "]"},
                                          {"(SELECT ", ")"}, {"CASE WHEN true THEN ", " END"}};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    struct probe p;
    struct buf b BUF_SCOPED = BUF_INIT;
    buf_adds(&b, "-- migd:up on=postgresql\nSELECT 1;\nSELECT ");
    for (int n = 0; n < 9000; n++)
      buf_addf(&b, "%s%s", pieces[i][0], pieces[i][0][0] == '-' ? " " : "");
    buf_adds(&b, "true");
    for (int n = 0; n < 9000; n++)
      buf_adds(&b, pieces[i][1]);
    buf_adds(&b, ";\nSELECT 2;\n-- migd:down on=postgresql\n");
    begin_text(&p, &probe_options, b.s);
    assert_string_equal(p.result.unavailable, "");
    assert_int_equal(p.result.statements, 3);
    probe_end(&p);
  }
}

static void test_large(void **state) {
  (void)state;
  struct probe p;
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_adds(&b, "-- migd:up on=postgresql\nSELECT '");
  while (b.len < 10 * 1024 * 1024)
    buf_adds(&b, "ten megabytes in one string ");
  buf_adds(&b, "';\nINSERT INTO t VALUES (1)");
  while (b.len < 20 * 1024 * 1024)
    buf_adds(&b, ",(1)");
  buf_adds(&b, ";\nSELECT 1;\n-- migd:down on=postgresql\n");
  begin_text(&p, &probe_options, b.s);
  assert_string_equal(p.result.unavailable, "");
  assert_int_equal(p.result.not_understood, 1);
  assert_int_equal(p.result.statements, 3);
  probe_end(&p);
}

/* Without memory the process ends; the statements around that one are seen. */
static void test_out_of_memory(void **state) {
  if (SANITIZED)
    skip(); /* it needs terabytes of address space */
  (void)state;
  struct lint_options o = probe_options;
  struct probe p;
  struct buf b BUF_SCOPED = BUF_INIT;
  add_sum(&b, 24000);
  o.memory_bytes = 272 * 1024 * 1024; /* the stack is 256 of them */
  begin_text(&p, &o, b.s);
  assert_non_null(strstr(p.result.unavailable,
                         "have not seen 1 statement, the first in r1_x.sql:5: migd-lint "));
  assert_int_equal(p.result.not_understood, 0);
  probe_end(&p);
}

/* What a newer server knows is counted, and nothing else becomes of it. */
static void test_not_understood(void **state) {
  (void)state;
  struct probe p;
  begin_text(&p, &probe_options,
             "-- migd:up on=postgresql\nSELECT JSON_OBJECT('a': 1);\nSELECT 1;\nFROB THE KNOB;\n"
             "-- migd:down on=postgresql\n");
  assert_string_equal(p.result.unavailable, "");
  assert_int_equal(p.result.not_understood, 2);
  assert_int_equal(p.result.statements, 3);
  assert_int_equal(p.result.count, 0);
  probe_end(&p);
}

/* Values, names and raw text are all something that the parser can read. */
static void test_variables(void **state) {
  (void)state;
  struct probe p;
  begin_text(&p, &probe_options,
             "-- migd:up on=postgresql\nCREATE SCHEMA ${s:identifier};\n"
             "INSERT INTO ${s:identifier}.t VALUES (${v}, ${v:literal}, ${v:raw});\n"
             "-- migd:down on=postgresql\n");
  assert_int_equal(p.result.not_understood, 0);
  assert_int_equal(p.result.statements, 2);
  probe_end(&p);
}

static const char *text_of(struct probe *p, const char *body) {
  probe_begin(p, body);
  return probe_text(p);
}

/* The rules that are asked here have an end as well, and it is said. */
static void test_time(void **state) {
  (void)state;
  struct lint_options none = {.program = NULL, .text_ms = -1};
  struct probe p = {0};
  const char *body = "-- migd:up on=sqlite\n-- migd:ignore vacuum-in-transaction why\nVACUUM;\n"
                     "VACUUM;\n";
  probe_catalog(&p, &body, 1);
  probe_run(&p, &none);
  assert_string_equal(probe_text(&p), "");
  assert_non_null(strstr(p.result.unavailable, "2 statements were not looked at"));
  probe_end(&p);
}

static void test_ignores(void **state) {
  (void)state;
  static const struct {
    const char *body, *found;
  } cases[] = {
      {"-- migd:up\n-- migd:ignore nope because\nSELECT 1;\n", "bad-ignore@2:16"},
      {"-- migd:up\n-- migd:ignore unused-ignore\nSELECT 1;\n", "bad-ignore@2:16"},
      {"-- migd:up\n-- migd:ignore unused-ignore why\n\nSELECT 1;\n", "unused-ignore@2:16"},
      {"-- migd:up\n-- migd:ignore bad-ignore why\n-- migd:ignore unused-ignore why\nSELECT 1;\n",
       "unused-ignore@2:16 unused-ignore@3:16"},
      {"-- migd:up\nSELECT 1;\n-- migd:ignore bad-ignore why", "unused-ignore@3:16"},
      {"-- migd:up\nSELECT 1,\n-- migd:ignore bad-ignore why\n2;\n", "unused-ignore@3:16"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct probe p;
    assert_string_equal(text_of(&p, cases[i].body), cases[i].found);
    probe_end(&p);
  }
}

static void test_near_rule(void **state) {
  (void)state;
  struct probe p;
  probe_begin(&p, "-- migd:up\n-- migd:ignore unused-ignor because\nSELECT 1;\n");
  assert_string_equal(p.result.items[0].message,
                      "there is no rule 'unused-ignor'; did you mean 'unused-ignore'?");
  assert_int_equal(p.result.items[0].len, strlen("unused-ignor"));
  assert_int_equal(p.result.items[0].direction, DIR_UP);
  assert_int_equal(p.result.items[0].dialects, DIALECT_ANY);
  probe_end(&p);
}

/* ---- figures; printed, not judged ---- */

static double seconds(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void time_of(const char *what, const char *body) {
  double best = 1e9;
  for (int i = 0; i < 5; i++) {
    struct probe p;
    double from = seconds();
    begin_text(&p, &probe_options, body);
    double took = seconds() - from;
    assert_string_equal(p.result.unavailable, "");
    best = took < best ? took : best;
    probe_end(&p);
  }
  print_message("%s: %.1f ms\n", what, best * 1e3);
}

static void test_figures(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_adds(&b, "-- migd:up on=postgresql\n");
  for (int i = 0; i < 1000; i++)
    buf_addf(&b,
             "CREATE TABLE t%d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT "
             "NULL, made timestamptz DEFAULT now());\n",
             i);
  buf_adds(&b, "-- migd:down on=postgresql\n");
  time_of("one statement (a process is started)",
          "-- migd:up on=postgresql\nSELECT 1;\n-- migd:down on=postgresql\n");
  time_of("no statement", "-- migd:up on=postgresql\n-- migd:down on=postgresql\n");
  time_of("1,000 CREATE TABLE", b.s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_deep),          cmocka_unit_test(test_too_many_tokens),
      cmocka_unit_test(test_nested),        cmocka_unit_test(test_large),
      cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_not_understood),
      cmocka_unit_test(test_variables),     cmocka_unit_test(test_ignores),
      cmocka_unit_test(test_time),          cmocka_unit_test(test_near_rule),
      cmocka_unit_test(test_figures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
