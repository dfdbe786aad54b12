/* For the tests of lint rules: asks the whole engine, the real migd-lint included, about a revision
 * of which only the body is given, and says what was found as text: `rule@line:column` for each
 * finding, a blank between. */
#ifndef MIGD_TESTS_LINT_PROBE_H
#define MIGD_TESTS_LINT_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/lint/lint.h"

struct probe {
  struct arena arena;
  struct catalog catalog;
  struct lint_result result;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* The sanitizers are many times slower. */
__attribute__((unused)) static const struct lint_options probe_options = {
    .program = MIGD_LINT, .cpu_ms = SANITIZED ? 120000 : 0, .silence_ms = SANITIZED ? 300000 : 0};

/* Builds a catalog of some bodies, each the child of the one before it. */
__attribute__((unused)) static void probe_catalog(struct probe *p, const char *const *bodies,
                                                  size_t count) {
  struct catalog_file files[16];
  struct problems problems = {.arena = &p->arena};
  arena_init(&p->arena, 0);
  assert_true(count <= sizeof files / sizeof *files);
  for (size_t i = 0; i < count; i++) {
    const char *parent = i ? arena_printf(&p->arena, "r%zu", i) : "base";
    const char *text = arena_printf(&p->arena, "-- migd:revision r%zu\n-- migd:parent %s\n%s",
                                    i + 1, parent, bodies[i]);
    files[i] = (struct catalog_file){
        .name = arena_printf(&p->arena, "r%zu_x.sql", i + 1), .bytes = text, .len = strlen(text)};
  }
  if (catalog_build(&p->catalog, files, count, &p->arena, &problems) != 0)
    fail_msg("%s:%u:%u: %s", problems.items[0].file, problems.items[0].line,
             problems.items[0].column, problems.items[0].message);
}

/* Asks about all revisions of the catalog. */
__attribute__((unused)) static void probe_run(struct probe *p, const struct lint_options *o) {
  struct err e;
  unsigned revisions[16];
  for (unsigned i = 0; i < p->catalog.count; i++)
    revisions[i] = i;
  if (lint_run(o, &p->catalog, revisions, p->catalog.count, NULL, &p->arena, &p->result, &e) != 0)
    fail_msg("%s", e.text);
}

__attribute__((unused)) static void probe_begin(struct probe *p, const char *body) {
  memset(p, 0, sizeof *p);
  probe_catalog(p, &body, 1);
  probe_run(p, &probe_options);
  assert_string_equal(p->result.unavailable, "");
}

__attribute__((unused)) static void probe_end(struct probe *p) {
  arena_release(&p->arena);
}

/* Lines are counted from the body's first one = 1; ignored findings are left out. */
__attribute__((unused)) static const char *probe_text(struct probe *p) {
  struct buf b = BUF_INIT;
  for (size_t i = 0; i < p->result.count; i++) {
    const struct lint_finding *f = &p->result.items[i];
    if (!f->ignored[0])
      buf_addf(&b, "%s%s@%u:%u", b.len ? " " : "", f->rule->name, f->line - 2, f->column);
  }
  const char *text = arena_strdup(&p->arena, buf_str(&b));
  buf_release(&b);
  return text;
}

/* How many findings of a rule there are, or of any (NULL). */
__attribute__((unused)) static size_t probe_count(const struct probe *p, const char *rule) {
  size_t n = 0;
  for (size_t i = 0; i < p->result.count; i++)
    n += !p->result.items[i].ignored[0] && (!rule || !strcmp(p->result.items[i].rule->name, rule));
  return n;
}

/* What a body that consists of one section for a dialect makes a rule find. `sql` without the
 * directive, which is `-- migd:up on=…`; line 1 is the directive. */
__attribute__((unused)) static void probe_section(struct probe *p, const char *section,
                                                  const char *sql) {
  char body[8192];
  assert_true(snprintf(body, sizeof body, "-- migd:%s\n%s\n", section, sql) < (int)sizeof body);
  probe_begin(p, body);
}

/* finds("rule", "up on=postgresql", "ALTER TABLE …"); silent() the same. */
#define finds(rule, section, sql) probe_expect(rule, section, sql, true, __LINE__)
#define silent(rule, section, sql) probe_expect(rule, section, sql, false, __LINE__)

__attribute__((unused)) static void probe_expect(const char *rule, const char *section,
                                                 const char *sql, bool found, int line) {
  struct probe p;
  assert_non_null(lint_rule_find(rule));
  probe_section(&p, section, sql);
  if ((probe_count(&p, rule) > 0) != found)
    fail_msg("line %d: %s %s in:\n%s\nfound: %s", line, rule, found ? "finds nothing" : "is found",
             sql, probe_text(&p));
  if (p.result.not_understood)
    fail_msg("line %d: the parser does not know:\n%s", line, sql);
  probe_end(&p);
}

#endif
