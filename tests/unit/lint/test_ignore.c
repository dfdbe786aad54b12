/* Where ignores aim, what they say, and what they silence; and that the reader of revision files
 * knows the directive.
 */
#include "probe.h"

#include "server/lint/ignore.h"

static void read_text(struct arena *arena, const char *text, struct ignores *out) {
  struct revision r = {.content = text, .content_len = strlen(text)};
  arena_init(arena, 0);
  ignores_read(&r, arena, out);
}

static void test_aim(void **state) {
  (void)state;
  struct arena arena;
  struct ignores g;
  read_text(&arena,
            "-- migd:ignore bad-ignore one\n"
            "  -- another comment\n"
            "-- migd:ignore  unused-ignore \t two  words \n"
            "SELECT 1;\n"
            "-- migd:ignore bad-ignore three\n"
            "\n"
            "-- migd:ignorebad-ignore no\n"
            " -- migd:ignore bad-ignore no\n"
            "-- migd:ignore",
            &g);
  assert_int_equal(g.count, 4);
  assert_int_equal(g.items[0].target, 4);
  assert_int_equal(g.items[1].target, 4);
  assert_int_equal(g.items[1].line, 3);
  assert_int_equal(g.items[1].column, 17);
  assert_int_equal(g.items[1].len, strlen("unused-ignore"));
  assert_string_equal(g.items[1].reason, "two  words");
  assert_int_equal(g.items[2].target, 6);
  assert_string_equal(g.items[3].name, "");
  assert_null(g.items[3].rule);
  assert_int_equal(g.items[3].target, 10);
  const struct rule *bad = rule_find("bad-ignore", strlen("bad-ignore"));
  assert_null(ignores_reason(&g, 3, bad));
  assert_false(g.items[0].used);
  assert_string_equal(ignores_reason(&g, 4, bad), "one");
  assert_true(g.items[0].used);
  assert_false(g.items[1].used);
  arena_release(&arena);
}

static void test_many(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct arena arena;
  struct ignores g;
  for (int i = 0; i < IGNORES_MAX + 1; i++)
    buf_adds(&b, "-- migd:ignore bad-ignore x\n");
  read_text(&arena, b.s, &g);
  assert_int_equal(g.count, IGNORES_MAX);
  assert_true(g.more);
  arena_release(&arena);
  struct buf whole BUF_SCOPED = BUF_INIT;
  struct probe p;
  buf_addf(&whole, "-- migd:up on=sqlite\n%sSELECT 1;\n", b.s);
  probe_begin(&p, whole.s);
  assert_int_equal(probe_count(&p, "bad-ignore"), 1);
  assert_int_equal(probe_count(&p, "unused-ignore"), IGNORES_MAX);
  probe_end(&p);
}

/* Each finding carries the reason: it is not as long as a line may be. */
static void test_long(void **state) {
  (void)state;
  struct buf b BUF_SCOPED = BUF_INIT;
  struct arena arena;
  struct ignores g;
  buf_adds(&b, "-- migd:ignore bad-ignore ");
  for (int i = 0; i < 100000; i++)
    buf_adds(&b, "\xc3\xa9");
  buf_adds(&b, "\nSELECT 1;\n");
  read_text(&arena, b.s, &g);
  assert_in_range(strlen(g.items[0].reason), LINT_MESSAGE_MAX - 3, LINT_MESSAGE_MAX - 1);
  assert_int_equal(strlen(g.items[0].reason) % 2, 0); /* whole characters */
  arena_release(&arena);
}

/* One rule of one statement; the reason is kept. */
static void test_silences(void **state) {
  (void)state;
  struct probe p;
  probe_begin(&p, "-- migd:up on=sqlite\n"
                  "-- migd:ignore vacuum-in-transaction an old file: it never ran\n"
                  "VACUUM; VACUUM;\n"
                  "VACUUM;\n");
  assert_string_equal(probe_text(&p), "vacuum-in-transaction@3:9 vacuum-in-transaction@4:1");
  assert_int_equal(p.result.count, 3);
  assert_string_equal(p.result.items[0].ignored, "an old file: it never ran");
  probe_end(&p);
}

/* Rules that could not be asked cannot be said to find nothing. */
static void test_not_asked(void **state) {
  (void)state;
  struct lint_options none = {.program = NULL};
  struct probe p = {0};
  const char *body = "-- migd:up on=postgresql\n-- migd:ignore ban-drop-table why\nSELECT 1;\n"
                     "-- migd:ignore vacuum-in-transaction why\nSELECT 2;\n";
  probe_catalog(&p, &body, 1);
  probe_run(&p, &none);
  assert_string_equal(probe_text(&p), "unused-ignore@4:16");
  probe_end(&p);
  probe_begin(&p, "-- migd:up on=postgresql\n-- migd:ignore ban-drop-table why\nFROB IT;\n");
  assert_string_equal(probe_text(&p), "");
  assert_int_equal(p.result.not_understood, 1);
  probe_end(&p);
  probe_begin(&p, "-- migd:up on=sqlite\n-- migd:ignore ban-drop-table why\nSELECT 1;\n"
                  "-- migd:ignore ban-drop-table why\nDROP TABLE t;\n");
  assert_string_equal(probe_text(&p), "unused-ignore@2:16"); /* SQLite is asked without it */
  probe_end(&p);
}

static const char *problem_of(struct arena *arena, const char *body) {
  struct problems problems = {.arena = arena};
  struct revision r;
  arena_init(arena, 0);
  const char *text = arena_printf(arena, "-- migd:revision a\n-- migd:parent base\n%s", body);
  if (revision_parse("a_x.sql", text, strlen(text), arena, &problems, &r) == 0)
    return "";
  return arena_printf(arena, "%u:%u: %s", problems.items[0].line, problems.items[0].column,
                      problems.items[0].message);
}

static void test_directive(void **state) {
  (void)state;
  static const struct {
    const char *body, *problem;
  } cases[] = {
      {"-- migd:up\n-- migd:ignore a-rule why\nSELECT 1;\n", ""},
      {"-- migd:up\nSELECT 1;\n-- migd:ignore a-rule\nSELECT 2;\n", ""},
      {"-- migd:ignore a-rule why\n-- migd:up\n",
       "3:1: `-- migd:ignore` must stand above a statement, within a section"},
      {"-- migd:up\n-- migd:ignore\nSELECT 1;\n",
       "4:15: the name of a lint rule is missing here, and then the reason"},
      {"-- migd:up\n-- migd:ignore A_Rule why\n",
       "4:16: 'A_Rule' is no name of a lint rule: small letters and -"},
      {"-- migd:up\n-- migd:ignor a-rule why\n",
       "4:9: unknown directive 'ignor'; did you mean `-- migd:ignore`?"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct arena arena;
    assert_string_equal(problem_of(&arena, cases[i].body), cases[i].problem);
    arena_release(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_aim),       cmocka_unit_test(test_many),
      cmocka_unit_test(test_silences),  cmocka_unit_test(test_not_asked),
      cmocka_unit_test(test_directive), cmocka_unit_test(test_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
