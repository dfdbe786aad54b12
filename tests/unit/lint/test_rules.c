/* Every rule of the table: its page is whole, its bad example is found by it and by no other rule,
 * its good one by none. What a rule must not find besides is in the test of its own.
 */
#include "probe.h"

#include <ctype.h>

/* Rules that another rule's bad example cannot help being found by. */
static const struct {
  const char *rule, *other, *why;
} also[] = {
    {"backfill-with-ddl", "prefer-batched-update", "an UPDATE of many rows is both"},
};

static bool allowed(const char *rule, const char *other) {
  for (size_t i = 0; i < sizeof also / sizeof *also; i++)
    if (strcmp(also[i].rule, rule) == 0 && strcmp(also[i].other, other) == 0)
      return true;
  return strcmp(rule, other) == 0;
}

static void test_table(void **state) {
  (void)state;
  for (size_t i = 0; lint_rules[i]; i++) {
    const struct lint_rule *r = lint_rules[i];
    if (i && strcmp(lint_rules[i - 1]->name, r->name) >= 0)
      fail_msg("%s does not stand behind %s", r->name, lint_rules[i - 1]->name);
    assert_ptr_equal(lint_rule_find(r->name), r);
    for (const char *c = r->name; *c; c++)
      assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-');
  }
  assert_null(lint_rule_find(""));
  assert_null(lint_rule_find("bad"));
  assert_null(lint_rule_find("bad-ignore-not"));
}

static void sentence(const struct lint_rule *r, const char *what, const char *text) {
  size_t n = strlen(text);
  if (n < 10 || (text[n - 1] != '.' && text[n - 1] != '?'))
    fail_msg("%s: its %s is no sentence: %s", r->name, what, text);
}

static void test_pages(void **state) {
  (void)state;
  for (size_t i = 0; lint_rules[i]; i++) {
    const struct lint_rule *r = lint_rules[i];
    assert_true(r->dialects && (r->dialects & ~(unsigned)DIALECT_ANY) == 0);
    assert_in_range(r->severity, SEVERITY_NOTE, SEVERITY_ERROR);
    assert_non_null(r->lock);
    if (!r->summary || strlen(r->summary) < 10 || strlen(r->summary) > 120)
      fail_msg("%s: its summary is no line", r->name);
    sentence(r, "duration", r->duration);
    sentence(r, "why", r->why);
    sentence(r, "instead", r->instead);
    assert_non_null(r->bad);
    assert_non_null(r->good);
  }
}

static int wrong; /* all are told, not the first alone */

static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vfprintf(stderr, format, args);
  (void)fputc('\n', stderr);
  va_end(args);
  wrong++;
}

static void check_bad(const struct lint_rule *r) {
  struct probe p;
  probe_begin(&p, r->bad);
  if (probe_count(&p, r->name) == 0 || p.result.not_understood)
    tell("%s does not find its bad example; found: %s; %u not understood", r->name, probe_text(&p),
         p.result.not_understood);
  for (size_t i = 0; i < p.result.count; i++) {
    const struct lint_finding *f = &p.result.items[i];
    if (!f->ignored[0] && !allowed(r->name, f->rule->name))
      tell("the bad example of %s is found by %s as well: line %u: %s", r->name, f->rule->name,
           f->line - 2, f->message);
    assert_true(f->line > 2 && f->column > 0);
  }
  probe_end(&p);
}

static void check_good(const struct lint_rule *r) {
  struct probe p;
  probe_begin(&p, r->good);
  for (size_t i = 0; i < p.result.count; i++) {
    const struct lint_finding *f = &p.result.items[i];
    if (!f->ignored[0] && (f->severity > SEVERITY_NOTE || strcmp(f->rule->name, r->name) == 0))
      tell("the good example of %s is found by %s: line %u: %s", r->name, f->rule->name,
           f->line - 2, f->message);
  }
  if (p.result.not_understood)
    tell("the good example of %s is not understood", r->name);
  probe_end(&p);
}

static void test_examples(void **state) {
  (void)state;
  for (size_t i = 0; lint_rules[i]; i++) {
    check_bad(lint_rules[i]);
    check_good(lint_rules[i]);
  }
  assert_int_equal(wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_pages),
      cmocka_unit_test(test_examples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
