/* Revision files: what they say, and every mistake with its place. */
#include "server/catalog/revision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/catalog/text.h"

struct parsed {
  struct arena arena;
  struct problems problems;
  struct revision r;
  int rc;
};

static void parse_bytes(struct parsed *p, const char *file, const void *bytes, size_t len) {
  memset(p, 0, sizeof *p);
  arena_init(&p->arena, 0);
  p->problems.arena = &p->arena;
  void *exact = malloc(len ? len : 1); /* so that a sanitizer sees a byte read too much */
  assert_non_null(exact);
  memcpy(exact, bytes, len);
  p->rc = revision_parse(file, exact, len, &p->arena, &p->problems, &p->r);
  free(exact);
  assert_int_equal(p->rc, p->problems.count ? -1 : 0);
}

static void parse(struct parsed *p, const char *text) {
  parse_bytes(p, "aa_x.sql", text, strlen(text));
}

static void release(struct parsed *p) {
  arena_release(&p->arena);
}

static void show(const struct parsed *p) {
  for (size_t i = 0; i < p->problems.count; i++)
    print_message("%s:%u:%u: %s | %s\n", p->problems.items[i].file, p->problems.items[i].line,
                  p->problems.items[i].column, p->problems.items[i].message,
                  p->problems.items[i].source);
}

/* The file has this problem at this place. */
static void assert_problem(const struct parsed *p, unsigned line, unsigned column,
                           const char *part) {
  for (size_t i = 0; i < p->problems.count; i++) {
    const struct problem *q = &p->problems.items[i];
    if (q->line == line && q->column == column && strstr(q->message, part))
      return;
  }
  show(p);
  fail_msg("no problem at %u:%u that says '%s'", line, column, part);
}

static void assert_one_problem(const char *text, unsigned line, unsigned column, const char *part) {
  struct parsed p;
  parse(&p, text);
  assert_problem(&p, line, column, part);
  if (p.problems.count != 1)
    show(&p);
  assert_int_equal(p.problems.count, 1);
  release(&p);
}

static void assert_fine(const char *text) {
  struct parsed p;
  parse(&p, text);
  if (p.rc)
    show(&p);
  assert_int_equal(p.rc, 0);
  release(&p);
}

static void assert_statement(const struct revision *r, size_t section, enum dialect d, size_t i,
                             const char *text, unsigned line, unsigned column) {
  assert_true(i < r->sections[section].statements[d].count);
  const struct section_statement *s = &r->sections[section].statements[d].items[i];
  assert_int_equal(s->len, strlen(text));
  assert_memory_equal(r->content + s->start, text, s->len);
  assert_int_equal(s->line, line);
  assert_int_equal(s->column, column);
}

#define HEAD "-- migd:revision aa\n-- migd:parent base\n"

static const char example[] =
    "-- migd:revision 20260129050441\n"
    "-- migd:parent 20260115101500, 20260115101501\n"
    "-- migd:depends-on 20260110090000\n"
    "-- migd:label billing,money\n"
    "-- migd:message initial schema\n"
    "\n"
    "-- migd:up\n"
    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, total NUMERIC NOT NULL);\n"
    "-- migd:up on=postgresql transaction=off\n"
    "-- on line\n"
    "  CREATE INDEX CONCURRENTLY invoice_total ON invoice (total); VACUUM\n"
    "-- migd:up on=sqlite\n"
    "CREATE INDEX invoice_total ON invoice (total);\n"
    "-- migd:down\n"
    "DROP TABLE invoice;\n";

static void test_everything(void **state) {
  (void)state;
  struct parsed p;
  parse_bytes(&p, "20260129050441_invoices.sql", example, strlen(example));
  const struct revision *r = &p.r;
  assert_int_equal(p.rc, 0);
  assert_string_equal(r->id, "20260129050441");
  assert_string_equal(r->file, "20260129050441_invoices.sql");
  assert_string_equal(r->message, "initial schema");
  assert_int_equal(r->parent_count, 2);
  assert_string_equal(r->parents[0], "20260115101500");
  assert_string_equal(r->parents[1], "20260115101501");
  assert_int_equal(r->depends_on_count, 1);
  assert_string_equal(r->depends_on[0], "20260110090000");
  assert_int_equal(r->label_count, 2);
  assert_string_equal(r->labels[1], "money");
  assert_int_equal(r->section_count, 4);
  assert_true(r->has_down);
  assert_int_equal(r->content_len, strlen(example));
  assert_int_equal(r->sections[0].dialects, DIALECT_ANY);
  assert_int_equal(r->sections[0].direction, DIR_UP);
  assert_true(r->sections[0].transaction);
  assert_int_equal(r->sections[1].dialects, DIALECT_POSTGRESQL);
  assert_false(r->sections[1].transaction);
  assert_int_equal(r->sections[1].line, 9);
  assert_int_equal(r->sections[2].dialects, DIALECT_SQLITE);
  assert_int_equal(r->sections[3].direction, DIR_DOWN);
  for (int d = DIALECT_SQLITE; d <= DIALECT_POSTGRESQL; d++) {
    assert_int_equal(r->sections[0].statements[d].count, 1);
    assert_statement(r, 3, (enum dialect)d, 0, "DROP TABLE invoice", 15, 1);
  }
  assert_int_equal(r->sections[1].statements[DIALECT_SQLITE].count, 0);
  assert_statement(r, 1, DIALECT_POSTGRESQL, 0,
                   "CREATE INDEX CONCURRENTLY invoice_total ON invoice (total)", 11, 3);
  assert_statement(r, 1, DIALECT_POSTGRESQL, 1, "VACUUM", 11, 63);
  assert_statement(r, 2, DIALECT_SQLITE, 0, "CREATE INDEX invoice_total ON invoice (total)", 13, 1);
  release(&p);
}

static void test_body_is_between_directives(void **state) {
  (void)state;
  struct parsed p;
  parse(&p, HEAD "-- migd:up\nA;\n\n-- migd:down\nB");
  const struct section *s = p.r.sections;
  assert_int_equal(s[0].len, 4);
  assert_memory_equal(p.r.content + s[0].start, "A;\n\n", 4);
  assert_int_equal(s[1].len, 1);
  assert_memory_equal(p.r.content + s[1].start, "B", 1);
  release(&p);
  parse(&p, HEAD "-- migd:up");
  assert_int_equal(p.rc, 0);
  assert_int_equal(p.r.sections[0].len, 0);
  assert_int_equal(p.r.sections[0].start, p.r.content_len);
  release(&p);
}

static void test_canonical_form(void **state) {
  (void)state;
  static const char unix_text[] = HEAD "-- migd:up\nSELECT 'a\rb';\n";
  static const char dos[] = "\xEF\xBB\xBF-- migd:revision aa\r\n-- migd:parent base\r\n"
                            "-- migd:up\r\nSELECT 'a\rb';\r\n";
  struct parsed p, q;
  parse(&p, unix_text);
  parse(&q, dos);
  assert_int_equal(p.rc, 0);
  assert_int_equal(q.rc, 0);
  assert_string_equal(p.r.content, unix_text);
  assert_string_equal(q.r.content, unix_text);
  assert_string_equal(p.r.checksum, q.r.checksum);
  assert_memory_equal(p.r.checksum, "sha256:", 7);
  release(&p);
  release(&q);
  parse(&p, HEAD "-- migd:up\nSELECT 1;\r");
  assert_int_equal(p.r.content[p.r.content_len - 1], '\r');
  release(&p);
}

static void test_bytes_that_are_no_text(void **state) {
  (void)state;
  struct parsed p;
  parse_bytes(&p, "aa_x.sql", HEAD "-- migd:up\nab\0c", sizeof(HEAD "-- migd:up\nab\0c") - 1);
  assert_problem(&p, 4, 3, "NUL");
  assert_int_equal(p.problems.count, 1);
  release(&p);
  parse_bytes(&p, "aa_x.sql", "x\n\n-- \xC3\xA9 \xE9 y", 12);
  assert_problem(&p, 3, 7, "UTF-8");
  assert_int_equal(p.problems.count, 1);
  release(&p);
  static const char *const bad[] = {"\xC0\x80", "\xED\xA0\x80",     "\xF4\x90\x80\x80", "\xE2\x82",
                                    "\xFF",     "\xF0\x80\x80\x80", "\xE0\x80\xAF"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(text_bad_byte(bad[i], strlen(bad[i])), 0);
  static const char good[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x98";
  assert_int_equal(text_bad_byte(good, strlen(good)), strlen(good));
}

static void test_too_large(void **state) {
  (void)state;
  size_t len = (size_t)REVISION_MAX + 1;
  char *text = calloc(len, 1);
  struct parsed p;
  assert_non_null(text);
  parse_bytes(&p, "aa_x.sql", text, len);
  assert_problem(&p, 0, 0, "larger than 64 MiB");
  release(&p);
  free(text);
  memset(&p, 0, sizeof p);
  arena_init(&p.arena, 16384);
  p.problems.arena = &p.arena;
  text = calloc(20000, 1);
  assert_int_equal(revision_parse("aa_x.sql", text, 20000, &p.arena, &p.problems, &p.r), -1);
  assert_problem(&p, 0, 0, "larger than the server takes");
  release(&p);
  free(text);
}

static void test_directives(void **state) {
  (void)state;
  assert_one_problem(HEAD "-- migd:upp\n-- migd:up\n", 3, 9, "did you mean `-- migd:up`?");
  assert_one_problem(HEAD "-- migd:wobble\n", 3, 9, "there are revision, parent");
  assert_one_problem(HEAD "-- migd:\n", 3, 9, "unknown directive ''");
  assert_one_problem(HEAD "-- migd:up\n-- migd:downn\nDROP TABLE x;\n", 4, 9, "migd:down`?");
  assert_one_problem(HEAD "-- migd:up\n-- migd:label x\n", 4, 1, "before the first section");
  assert_one_problem(HEAD "-- migd:parent bb\n", 3, 1, "in line 2 already");
  assert_one_problem(HEAD "-- migd:message a\x1B[31m\n", 3, 18, "control character");
}

static void test_what_resembles_a_directive(void **state) {
  (void)state;
  static const char *const lines[] = {"--migd:down",   " -- migd:down",  "-- MIGD:down",
                                      "-- migd :down", "--  migd: down", "\t--migd:"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    char text[200];
    snprintf(text, sizeof text, HEAD "-- migd:up\nCREATE TABLE x (a int);\n%s\nDROP TABLE x;\n",
             lines[i]);
    assert_one_problem(text, 5, 1, "resembles a directive");
  }
  assert_fine(HEAD "-- migd:up\n-- about migd: it is fine\n-- migdal:x\n");
}

static void test_incomplete_header(void **state) {
  (void)state;
  struct parsed p;
  parse(&p, "");
  assert_problem(&p, 0, 0, "no `-- migd:revision");
  assert_problem(&p, 0, 0, "no `-- migd:parent`");
  assert_int_equal(p.problems.count, 2);
  release(&p);
  assert_one_problem("-- migd:revision aa\n", 0, 0, "no `-- migd:parent`");
}

static void test_lists(void **state) {
  (void)state;
  assert_one_problem("-- migd:revision aa\n-- migd:parent\n", 2, 15, "missing");
  assert_one_problem("-- migd:revision aa\n-- migd:parent bb,,cc\n", 2, 19, "missing");
  assert_one_problem("-- migd:revision aa\n-- migd:parent bb, cc, bb\n", 2, 24, "twice");
  assert_one_problem("-- migd:revision aa\n-- migd:parent bb, base\n", 2, 20, "alone");
  assert_one_problem("-- migd:revision aa\n-- migd:parent b-b\n", 2, 16, "'b-b' is no revision");
  assert_one_problem("-- migd:revision aa\n-- migd:parent aa\n", 2, 0, "its own parent");
  assert_one_problem(HEAD "-- migd:depends-on aa\n", 3, 0, "depends on itself");
  assert_one_problem(HEAD "-- migd:depends-on base\n", 3, 20, "meaning of its own");
  assert_one_problem(HEAD "-- migd:label heads\n", 3, 15, "meaning of its own");
  assert_one_problem(HEAD "-- migd:label a b\n", 3, 15, "'a b' is no label");
  struct parsed p;
  char text[8192] = "-- migd:revision aa\n-- migd:parent b0";
  for (int i = 1; i <= REVISION_LIST_MAX; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), ",b%d", i);
  parse(&p, text);
  assert_problem(&p, 2, 16, "more than 1000");
  release(&p);
}

static void test_ids(void **state) {
  (void)state;
  static const char *const bad[] = {"a@b", "a+b", "a-b", "a:b", "a b", "", "\xC3\xA9", "head"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[200];
    snprintf(text, sizeof text, "-- migd:revision %s\n-- migd:parent base\n", bad[i]);
    assert_one_problem(text, 1, 18, "");
  }
  char longest[REVISION_ID_MAX + 2];
  memset(longest, 'x', sizeof longest);
  assert_true(revision_id_valid(longest, REVISION_ID_MAX));
  assert_false(revision_id_valid(longest, REVISION_ID_MAX + 1));
  assert_false(revision_id_valid("", 0));
  assert_true(revision_id_valid("A.z_09", 6));
}

static void test_file_names(void **state) {
  (void)state;
  static const struct {
    const char *file, *part;
  } bad[] = {
      {"bb_x.sql", "disagree"},     {"aa.sql", "disagree"},       {"aa_.sql", "disagree"},
      {"aab_x.sql", "disagree"},    {"aa_x.txt", "end in .sql"},  {"README.md", "end in .sql"},
      {"../aa_x.sql", "character"}, {"aa_\x01.sql", "character"}, {"aa_\xFF.sql", "UTF-8"},
  };
  struct parsed p;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    parse_bytes(&p, bad[i].file, HEAD, strlen(HEAD));
    assert_int_equal(p.problems.count, 1);
    assert_non_null(strstr(p.problems.items[0].message, bad[i].part));
    assert_string_equal(p.problems.items[0].file, bad[i].file);
    release(&p);
  }
  char name[REVISION_NAME_MAX + 2] = "aa_";
  memset(name + 3, 'n', sizeof name - 8);
  memcpy(name + sizeof name - 5, ".sql", 5);
  parse_bytes(&p, name, HEAD, strlen(HEAD));
  assert_problem(&p, 0, 0, "name is longer");
  release(&p);
  parse_bytes(&p,
              "aa_\xC3\xBC"
              "ber alles.sql",
              HEAD, strlen(HEAD));
  assert_int_equal(p.rc, 0);
  release(&p);
}

static void test_text_before_sections(void **state) {
  (void)state;
  assert_fine("-- a comment\n/* one\n more */ -- migd\n" HEAD "  /* x */\n\n-- migd:up\n");
  assert_one_problem(HEAD "CREATE TABLE x (a int);\nmore\n-- migd:up\n", 3, 1,
                     "text before the first section");
  assert_one_problem(HEAD " /* x */ x\n", 3, 10, "text before the first section");
  assert_one_problem(HEAD "/* x\n-- migd:up\n", 3, 0, "not closed before line 4");
  assert_one_problem(HEAD "/* x\n", 3, 0, "not closed before line 4");
}

static void test_options(void **state) {
  (void)state;
  assert_one_problem(HEAD "-- migd:up on=mysql\n", 3, 15, "'mysql' is no dialect");
  assert_one_problem(HEAD "-- migd:up on\n", 3, 12, "'on' is no option");
  assert_one_problem(HEAD "-- migd:up transaction=no\n", 3, 24, "'no' is neither");
  assert_one_problem(HEAD "-- migd:up  dialect=sqlite\n", 3, 13, "is no option");
  assert_one_problem(HEAD "-- migd:up on=sqlite on=sqlite\n", 3, 22, "on= is given twice");
  assert_one_problem(HEAD "-- migd:down on=\n", 3, 17, "is no dialect");
  assert_fine(HEAD "-- migd:up transaction=on  on=sqlite \n");
}

#define BATCH "UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT ${batch});\n"

static void test_batches(void **state) {
  (void)state;
  struct parsed p;
  parse(&p,
        HEAD "-- migd:up batch=5000 pause=50ms\n" BATCH "-- migd:down on=sqlite batch=7\n" BATCH);
  assert_int_equal(p.rc, 0);
  assert_int_equal(p.r.sections[0].batch, 5000);
  assert_int_equal(p.r.sections[0].pause_ms, 50);
  assert_false(p.r.sections[0].transaction);
  assert_int_equal(p.r.sections[1].batch, 7);
  assert_int_equal(p.r.sections[1].pause_ms, 10);
  release(&p);
  assert_one_problem(HEAD "-- migd:up batch=0\n" BATCH, 3, 18, "'0' is no number of rows");
  assert_one_problem(HEAD "-- migd:up batch=7 pause=2m\n" BATCH, 3, 26, "'2m' is no pause");
  assert_one_problem(HEAD "-- migd:up pause=2s\nSELECT 1;\n", 3, 12, "a section with batch=ROWS");
  assert_one_problem(HEAD "-- migd:up transaction=off batch=7\n" BATCH, 3, 12,
                     "leave transaction= out");
  assert_one_problem(HEAD "-- migd:up batch=7 batch=8\n" BATCH, 3, 20, "given twice");
  assert_one_problem(HEAD "-- migd:up batch=7\n", 3, 1, "here is none");
  assert_one_problem(HEAD "-- migd:up batch=7\n" BATCH "\n " BATCH, 6, 2, "its own section");
  assert_one_problem(HEAD "-- migd:down batch=7\n  VACUUM;\n", 4, 3, "cannot run batch by batch");
  assert_one_problem(HEAD "-- migd:up batch=7\nUPDATE t SET a = 1;\n", 4, 1,
                     "does not say ${batch}");
}

static void test_transaction_statements(void **state) {
  (void)state;
  assert_one_problem(HEAD "-- migd:up\nSELECT 1;\n  begin;\n", 5, 3, "begin in a section");
  assert_one_problem(HEAD "-- migd:up on=sqlite\nCOMMIT;\n", 4, 1, "COMMIT in a section");
  assert_one_problem(HEAD "-- migd:up\nSTART TRANSACTION;\n", 4, 1, "START in a section");
  assert_one_problem(HEAD "-- migd:down\nROLLBACK TO x;\n", 4, 1, "`-- migd:down transaction=off`");
  assert_fine(HEAD "-- migd:up transaction=off\nBEGIN; COMMIT;\n");
}

/* What stands in a body of one dialect may look like transaction control to the other. */
static void test_bodies_of_one_dialect(void **state) {
  (void)state;
  static const char trigger[] =
      HEAD "-- migd:up\nCREATE TRIGGER t AFTER INSERT ON x BEGIN\n UPDATE x SET a = 1;\nEND;\n";
  static const char function[] = HEAD "-- migd:up\nCREATE FUNCTION f() RETURNS int AS $$ "
                                      "BEGIN\nRETURN 1;\nEND; $$ LANGUAGE plpgsql;\n";
  struct parsed p;
  parse(&p, trigger);
  assert_int_equal(p.rc, 0);
  assert_int_equal(p.r.sections[0].statements[DIALECT_SQLITE].count, 1);
  assert_int_equal(p.r.sections[0].statements[DIALECT_POSTGRESQL].count, 2);
  release(&p);
  parse(&p, function);
  assert_int_equal(p.r.sections[0].statements[DIALECT_POSTGRESQL].count, 1);
  if (p.rc) /* SQLite's lexer may say that it cannot read it; then it must say how to go on */
    assert_non_null(strstr(p.problems.items[0].message, "on=postgresql"));
  release(&p);
  assert_one_problem(
      HEAD "-- migd:up\nCREATE TRIGGER t AFTER INSERT ON x BEGIN\n SELECT 1;\nEND;\nEND;\n", 7, 1,
      "END in a section");
}

static void test_what_one_dialect_cannot_read(void **state) {
  (void)state;
  assert_one_problem(HEAD "-- migd:up\nSELECT 1;\nSELECT $x$ ';\n$x$;\n", 5, 12,
                     "read as sqlite; if the section is for postgresql only, write `-- migd:up "
                     "on=postgresql`");
  assert_fine(HEAD "-- migd:up on=postgresql\nSELECT $x$ ';\n$x$;\n");
  struct parsed p;
  parse(&p, HEAD "-- migd:up\n\nSELECT 'x;\n");
  assert_int_equal(p.problems.count, 1);
  assert_problem(&p, 5, 8, "");
  assert_null(strstr(p.problems.items[0].message, "on="));
  assert_string_equal(p.problems.items[0].source, "SELECT 'x;");
  release(&p);
}

static void test_psql_commands(void **state) {
  (void)state;
  assert_one_problem(HEAD "-- migd:up on=postgresql\nSELECT 1;\n\\d\n", 5, 1, "");
  assert_one_problem(HEAD "-- migd:up on=postgresql\nSELECT 1; COPY x FROM STDIN;\n", 4, 11,
                     "COPY FROM STDIN");
  assert_one_problem(HEAD "-- migd:up on=postgresql transaction=off\nCOPY x FROM STDIN;\n", 4, 1,
                     "COPY FROM STDIN");
}

static void test_all_problems_at_once(void **state) {
  (void)state;
  struct parsed p;
  parse(&p, "-- migd:revision a-a\n-- migd:oops\nx\n-- migd:up on=z\nBEGIN;\nSELECT 'x\n"
            "-- migd:down\nCOMMIT;\n");
  assert_problem(&p, 1, 18, "'a-a' is no");
  assert_problem(&p, 2, 9, "oops");
  assert_problem(&p, 3, 1, "text before");
  assert_problem(&p, 4, 15, "'z' is no dialect");
  assert_problem(&p, 6, 8, "");
  assert_problem(&p, 8, 1, "COMMIT");
  assert_problem(&p, 0, 0, "no `-- migd:parent`");
  assert_string_equal(p.problems.items[0].source, "-- migd:revision a-a");
  release(&p);
}

static void assert_problems(const char *text, size_t count) {
  struct parsed p;
  parse(&p, text);
  if (p.problems.count != count)
    show(&p);
  assert_int_equal(p.problems.count, count);
  release(&p);
}

/* A section is read on behind what is wrong in it, up to what has no end; the others always. */
static void test_all_problems_of_a_section_at_once(void **state) {
  (void)state;
  static const char text[] =
      HEAD "-- migd:up\nSELECT ${A}, ${b:text};\nBEGIN;\nSELECT x_${a}, 'x' ${c};\n"
           "SELECT ${batch}, 'it's';\nCOMMIT;\n"
           "-- migd:up on=postgresql\n\\d it's\nSELECT 1;\n\\echo\nROLLBACK;\n"
           "-- migd:down\nSELECT ${D};\n";
  struct parsed p;
  parse(&p, text);
  assert_problem(&p, 4, 8, "`${A}` is no variable");
  assert_problem(&p, 4, 14, "no form");
  assert_problem(&p, 5, 1, "BEGIN in a section");
  assert_problem(&p, 6, 10, "a token of its own");
  assert_problem(&p, 6, 20, "beside a string");
  assert_problem(&p, 7, 8, "${batch} is the number");
  assert_problem(&p, 7, 23, "string without end");
  assert_problem(&p, 10, 1, "`\\d` is a command of psql");
  assert_problem(&p, 12, 1, "`\\echo` is a command of psql");
  assert_problem(&p, 13, 1, "ROLLBACK in a section");
  assert_problem(&p, 15, 8, "`${D}` is no variable");
  for (size_t i = 0; i < p.problems.count; i++)
    if (p.problems.items[i].line == 6)
      assert_string_equal(p.problems.items[i].source, "SELECT x_${a}, 'x' ${c};");
  release(&p);
  assert_problems(text, 11);
}

/* What only one dialect cannot read is told of that one, also beside what neither can. */
static void test_problems_of_one_dialect_among_others(void **state) {
  (void)state;
  struct parsed p;
  parse(&p, HEAD "-- migd:up\nSELECT ${A};\nSELECT $x$ ';\n$x$;\nEND;\n");
  assert_problem(&p, 4, 8, "`${A}` is no variable");
  assert_null(strstr(p.problems.items[0].message, "on="));
  assert_problem(&p, 5, 12, "if the section is for postgresql only");
  assert_problem(&p, 7, 1, "END in a section");
  assert_int_equal(p.problems.count, 3);
  release(&p);
}

static void test_problems_of_a_batch(void **state) {
  (void)state;
  assert_one_problem(HEAD "-- migd:up batch=7\nUPDATE t SET a = ${A} WHERE b;\n", 4, 18,
                     "is no variable");
  assert_one_problem(HEAD "-- migd:up batch=7\nUPDATE t SET a = 'x;\n", 4, 18, "without end");
  assert_one_problem(HEAD "-- migd:up batch=7\n'x;\n", 4, 1, "without end");
  assert_problems(HEAD "-- migd:up batch=7\n" BATCH BATCH "SELECT ${A};\n", 2);
}

static void test_endless_problems_end(void **state) {
  (void)state;
  enum { LINES = 5000 };
  char *text = malloc(LINES * 12 + 1);
  assert_non_null(text);
  for (int i = 0; i < LINES; i++)
    memcpy(text + i * 12, "-- migd:bad\n", 12);
  text[LINES * 12] = '\0';
  struct parsed p;
  parse(&p, text);
  assert_int_equal(p.problems.count, PROBLEMS_MAX + 1);
  assert_non_null(strstr(p.problems.items[PROBLEMS_MAX].message, "more problems"));
  struct revision again;
  assert_int_equal(revision_parse("aa_x.sql", "x", 1, &p.arena, &p.problems, &again), -1);
  release(&p);
  for (int i = 0; i < LINES; i++)
    memcpy(text + i * 11, "-- migd:up\n", 11);
  text[LINES * 11] = '\0';
  parse(&p, text);
  assert_int_equal(p.r.section_count, REVISION_SECTIONS_MAX);
  assert_problem(&p, REVISION_SECTIONS_MAX + 1, 11, "more than 1000 sections");
  release(&p);
  free(text);
}

static void test_too_many_statements(void **state) {
  (void)state;
  size_t head = strlen(HEAD "-- migd:up\n"), len = head + 2 * (REVISION_STATEMENTS_MAX + 1);
  char *text = malloc(len);
  assert_non_null(text);
  memcpy(text, HEAD "-- migd:up\n", head);
  for (size_t i = head; i < len; i += 2)
    memcpy(text + i, "a;", 2);
  struct parsed p;
  parse_bytes(&p, "aa_x.sql", text, len);
  assert_problem(&p, 3, 1, "more than 1000000 statements");
  release(&p);
  free(text);
}

static void assert_reversible(const char *sections, bool sqlite, bool postgresql, bool has_down) {
  char text[500];
  struct parsed p;
  snprintf(text, sizeof text, HEAD "%s", sections);
  parse(&p, text);
  assert_int_equal(p.rc, 0);
  assert_int_equal(revision_reversible(&p.r, DIALECT_SQLITE), sqlite);
  assert_int_equal(revision_reversible(&p.r, DIALECT_POSTGRESQL), postgresql);
  assert_int_equal(p.r.has_down, has_down);
  release(&p);
}

static void test_reversible(void **state) {
  (void)state;
  assert_reversible("-- migd:up\nA;\n", false, false, false);
  assert_reversible("-- migd:up\nA;\n-- migd:down\n", true, true, true);
  assert_reversible("-- migd:up\nA;\n-- migd:down on=sqlite\nB;", true, false, false);
  assert_reversible("-- migd:up on=sqlite\nA;\n-- migd:down on=sqlite\nB;", true, true, true);
  assert_reversible("-- migd:up on=sqlite\nA;\n", false, true, false);
  assert_reversible("", true, true, false);
  assert_reversible("-- migd:up\n-- only talk\n", true, true, false);
}

static void test_variables(void **state) {
  (void)state;
  assert_fine(HEAD "-- migd:up\nINSERT INTO ${t:identifier} VALUES (${a}, '${', ${b:raw});\n");
  assert_one_problem(HEAD "-- migd:up\nA;\n  SELECT ${A};\n", 5, 10, "is no variable");
  assert_one_problem(HEAD "-- migd:up\nSELECT x_${a};\n", 4, 10, "a token of its own");
  assert_one_problem(HEAD "-- migd:up\nSELECT ${a:text};\n", 4, 8, "no form");
  assert_one_problem(HEAD "-- migd:up\nA;\nSELECT 'x'\n ${a};\n", 6, 2, "beside a string");
  assert_one_problem(HEAD "-- migd:up\nDELETE FROM a LIMIT ${batch};\n", 4, 21, "batch=");
  assert_one_problem(HEAD "-- migd:up on=postgresql\nDELETE FROM a LIMIT ${batch};\n", 4, 21,
                     "choose another name");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything),
      cmocka_unit_test(test_body_is_between_directives),
      cmocka_unit_test(test_canonical_form),
      cmocka_unit_test(test_bytes_that_are_no_text),
      cmocka_unit_test(test_too_large),
      cmocka_unit_test(test_directives),
      cmocka_unit_test(test_what_resembles_a_directive),
      cmocka_unit_test(test_incomplete_header),
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_ids),
      cmocka_unit_test(test_file_names),
      cmocka_unit_test(test_text_before_sections),
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_batches),
      cmocka_unit_test(test_transaction_statements),
      cmocka_unit_test(test_bodies_of_one_dialect),
      cmocka_unit_test(test_what_one_dialect_cannot_read),
      cmocka_unit_test(test_psql_commands),
      cmocka_unit_test(test_all_problems_at_once),
      cmocka_unit_test(test_all_problems_of_a_section_at_once),
      cmocka_unit_test(test_problems_of_one_dialect_among_others),
      cmocka_unit_test(test_problems_of_a_batch),
      cmocka_unit_test(test_endless_problems_end),
      cmocka_unit_test(test_too_many_statements),
      cmocka_unit_test(test_reversible),
      cmocka_unit_test(test_variables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
