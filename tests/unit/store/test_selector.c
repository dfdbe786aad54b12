/* The selector grammar: what is good, what is bad and where. */
#include "fixture.h"

#include "server/store/selector.h"

static const struct label labels[] = {
    {"env", "prod"}, {"region", "eu"}, {"tier", ""}, {"in", "side"}, {"a.b/c-d_e", "v1.2:3+x@y"}};

struct good {
  const char *text;
  bool matches;
};

static const struct good good[] = {
    {"env=prod", true},
    {"env==prod", true},
    {"env=test", false},
    {"env!=prod", false},
    {"env!=test", true},
    {"missing!=test", true},
    {"missing=test", false},
    {"env", true},
    {"missing", false},
    {"!missing", true},
    {"! missing", true},
    {"!env", false},
    {"tier=", true},
    {"tier", true},
    {"env=", false},
    {"missing=", false},
    {"tier!=", false},
    {"region in (eu,us)", true},
    {"region in(us,eu)", true},
    {"region in ( us )", false},
    {"region notin (us)", true},
    {"region notin (eu)", false},
    {"missing notin (eu)", true},
    {"missing in (eu)", false},
    {"in in (side)", true},
    {"in=side", true},
    {"in", true},
    {"env=prod,region=eu", true},
    {"env=prod,region=us", false},
    {" env = prod , region in ( eu , us ) , tier , !canary ", true},
    {"a.b/c-d_e=v1.2:3+x@y", true},
    {"env=prod,env=test", false},
    {"region in (a,b,c,d,e,eu)", true},
};

static void good_selectors(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct selector *s = selector_parse(good[i].text, &f->arena, &f->e);
    if (!s)
      fail_msg("%s: %s", good[i].text, f->e.text);
    if (selector_matches(s, labels, sizeof labels / sizeof *labels) != good[i].matches)
      fail_msg("%s should%s match", good[i].text, good[i].matches ? "" : " not");
  }
}

struct bad {
  const char *text;
  unsigned column;
};

static const struct bad bad[] = {
    {"", 1},
    {"   ", 4},
    {",", 1},
    {"env=prod,", 10},
    {"env=prod,,x", 10},
    {"=prod", 1},
    {"!", 2},
    {"!!env", 2},
    {"!env=prod", 5},
    {"env prod", 5},
    {"env=prod region=eu", 10},
    {"env!prod", 5},
    {"env!", 5},
    {"env=prod=x", 9},
    {"env in", 7},
    {"env in eu", 8},
    {"env in ()", 9},
    {"env in (eu", 11},
    {"env in (eu,)", 12},
    {"env in (eu us)", 12},
    {"env in (eu)x", 12},
    {"env notin x", 11},
    {"env inn (eu)", 5},
    {"ENV=prod", 1},
    {"-env", 1},
    {"env='prod'", 5},
    {"env=(prod)", 5},
    {"\xc3\xa4nv=prod", 1},
    {"a=b,k\xc3\xb6y=x", 5},
};

static void bad_selectors_name_the_column(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    err_clear(&f->e);
    if (selector_parse(bad[i].text, &f->arena, &f->e))
      fail_msg("\"%s\" should be refused", bad[i].text);
    assert_int_equal(f->e.kind, ERR_INPUT);
    if (f->e.column != bad[i].column)
      fail_msg("\"%s\": column %u, not %u: %s", bad[i].text, f->e.column, bad[i].column, f->e.text);
  }
}

static void long_ones_are_refused(void **state) {
  struct fixture *f = *state;
  char *text = arena_alloc(&f->arena, 70001);
  memset(text, '!', 70000);
  assert_null(selector_parse(text, &f->arena, &f->e));
  assert_int_equal(f->e.kind, ERR_INPUT);
  for (int i = 0; i < 4094; i += 2)
    memcpy(text + i, "a,", 2);
  strcpy(text + 4094, "a");
  assert_non_null(selector_parse(text, &f->arena, &f->e));
}

static void labels_that_can_be_selected(void **state) {
  (void)state;
  char key[70], value[140] = "";
  memset(key, 'k', 64);
  key[64] = '\0';
  for (int i = 0; i < 63; i++)
    strcat(value, "\xc3\xa4");
  assert_true(label_valid(&(struct label){"env", "prod"}));
  assert_true(label_valid(&(struct label){"env", ""}));
  assert_true(label_valid(&(struct label){"env", value}));
  strcat(value, "x");
  assert_false(label_valid(&(struct label){"env", value}));
  assert_false(label_valid(&(struct label){key, "x"}));
  assert_true(label_valid(&(struct label){key + 1, "x"}));
  assert_false(label_valid(&(struct label){"", "x"}));
  assert_false(label_valid(&(struct label){"/a", "x"}));
  static const char *const values[] = {"a b", "a,b", "a(b", "a)b", "a=b", "!a", "a\n", "\x01", "'"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    assert_false(label_valid(&(struct label){"k", values[i]}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(good_selectors),
      TEST(bad_selectors_name_the_column),
      TEST(long_ones_are_refused),
      TEST(labels_that_can_be_selected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
