/* The statements of a unit: their places, how they run, variables in them; names read from words.
 */
#include "probe.h"

#include "server/lint/unit.h"
#include "server/lint/words.h"
#include "server/lint/wordset.h"

static void unit_of(struct probe *p, const char *body, enum direction direction,
                    enum dialect dialect, struct lint_unit *out) {
  memset(p, 0, sizeof *p);
  probe_catalog(p, &body, 1);
  unit_build(&p->catalog, 0, direction, dialect, &p->arena, out);
}

static void test_steps(void **state) {
  (void)state;
  struct probe p;
  struct lint_unit u;
  const char *body = "-- migd:up\nSELECT 1; SELECT 2;\n"
                     "-- migd:up on=postgresql transaction=off\nSELECT 3;\nSELECT 4;\n"
                     "-- migd:up on=sqlite\nSELECT 5;\n"
                     "-- migd:down\nSELECT 6;\n";
  unit_of(&p, body, DIR_UP, DIALECT_POSTGRESQL, &u);
  assert_int_equal(u.count, 4);
  assert_true(u.items[0].first_in_line && !u.items[1].first_in_line);
  assert_int_equal(u.items[1].column, 11);
  assert_true(u.items[0].step.transaction && !u.items[2].step.transaction);
  assert_int_equal(u.items[0].step.transaction_number, u.items[1].step.transaction_number);
  assert_int_not_equal(u.items[1].step.transaction_number, u.items[2].step.transaction_number);
  assert_int_not_equal(u.items[2].step.transaction_number, u.items[3].step.transaction_number);
  assert_int_equal(u.items[3].step.section, 1);
  probe_end(&p);
  unit_of(&p, body, DIR_UP, DIALECT_SQLITE, &u);
  assert_int_equal(u.count, 3);
  assert_string_equal(u.items[2].sql, "SELECT 5");
  assert_int_equal(u.items[2].step.transaction_number, 0);
  probe_end(&p);
}

static void replaced(enum dialect d, const char *sql, const char *expected) {
  struct arena arena;
  arena_init(&arena, 0);
  assert_string_equal(unit_without_variables(d, sql, strlen(sql), &arena), expected);
  arena_release(&arena);
}

static void test_variables(void **state) {
  (void)state;
  for (int d = DIALECT_SQLITE; d <= DIALECT_POSTGRESQL; d++) {
    enum dialect dialect = (enum dialect)d;
    replaced(dialect, "SELECT ${a}, 1", "SELECT '00', 1");
    replaced(dialect, "${name:identifier}.${x:raw}", "vvvvvvvvvvvvvvvvvv.vvvvvvvv");
    replaced(dialect, "${a:literal}", "'0000000000'");
    replaced(dialect, "'${a}' \"${a}\" -- ${a}", "'${a}' \"${a}\" -- ${a}");
    replaced(dialect, "/* ${a} */ ${a}", "/* ${a} */ '00'");
    replaced(dialect, "${} ${", "${} ${");
  }
  replaced(DIALECT_POSTGRESQL, "$$ ${a} $$", "$$ ${a} $$");
}

static const char *name_of(struct arena *arena, enum dialect d, const char *sql) {
  struct words w;
  size_t i = 0;
  arena_init(arena, 0);
  words_read(d, sql, strlen(sql), 0, arena, &w);
  const char *name = words_name(&w, &i, arena);
  return name ? arena_printf(arena, "%s+%zu", name, i) : "";
}

static void test_names(void **state) {
  (void)state;
  static const struct {
    enum dialect dialect;
    const char *sql, *name;
  } cases[] = {{DIALECT_POSTGRESQL, "Ab.\"C\"\"d\"", "ab.C\"d+3"},
               {DIALECT_SQLITE, "Ab.\"C\"\"d\"", "ab.c\"d+3"},
               {DIALECT_SQLITE, "[A b]", "a b+1"},
               {DIALECT_SQLITE, "`A` . b c", "a.b+3"},
               {DIALECT_POSTGRESQL, "a . + b", "a+1"},
               {DIALECT_POSTGRESQL, "\"\"", "+1"},
               {DIALECT_POSTGRESQL, "(a)", ""},
               {DIALECT_POSTGRESQL, "", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct arena arena;
    assert_string_equal(name_of(&arena, cases[i].dialect, cases[i].sql), cases[i].name);
    arena_release(&arena);
  }
}

static void test_mention(void **state) {
  (void)state;
  assert_true(words_mention("SELECT a FROM \"T\";", "t"));
  assert_true(words_mention("x.t", "t"));
  assert_false(words_mention("SELECT tt, t_, _t, t1, 1t, \xc3\xa4t", "t"));
  assert_false(words_mention("t", ""));
}

static void test_set(void **state) {
  (void)state;
  struct arena arena;
  char word[16];
  arena_init(&arena, 0);
  struct wordset s = {.arena = &arena};
  assert_false(wordset_has(&s, "w1"));
  for (int i = 0; i < 1000; i++) {
    (void)snprintf(word, sizeof word, "w%d", i);
    wordset_add(&s, word);
    wordset_add(&s, word);
  }
  assert_int_equal(s.count, 1000);
  for (int i = 0; i < 1000; i += 2) {
    (void)snprintf(word, sizeof word, "w%d", i);
    wordset_remove(&s, word);
  }
  for (int i = 0; i < 1000; i++) {
    (void)snprintf(word, sizeof word, "w%d", i);
    assert_int_equal(wordset_has(&s, word), i % 2);
  }
  wordset_add(&s, "w0");
  assert_true(wordset_has(&s, "w0"));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_steps), cmocka_unit_test(test_variables),
      cmocka_unit_test(test_names), cmocka_unit_test(test_mention),
      cmocka_unit_test(test_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
