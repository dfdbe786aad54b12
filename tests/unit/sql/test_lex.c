/* Tests the lexer: where each kind of token ends, in both dialects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/buf.h"
#include "server/sql/lex.h"
#include "server/sql/split.h"

static const char letters[] = {
    [LEX_WORD] = 'w',      [LEX_NAME] = 'n',    [LEX_STRING] = 's', [LEX_NUMBER] = '0',
    [LEX_PARAM] = 'p',     [LEX_OPEN] = '(',    [LEX_CLOSE] = ')',  [LEX_OTHER] = 'o',
    [LEX_SEMICOLON] = ';', [LEX_VARIABLE] = 'v'};

/* `w<a> ;<;>` for a text, or `!LINE:COLUMN message`. */
static void tokens_of(enum dialect dialect, const char *text, struct buf *out) {
  /* Exactly as long as the text, so that a sanitizer sees a look behind its end. */
  size_t len = strlen(text);
  char *copy = test_malloc(len > 0 ? len : 1);
  memcpy(copy, text, len);
  struct lexer l = {.dialect = dialect, .text = copy, .len = len};
  struct lex_token t = {0};
  struct err e;
  int answer;
  while ((answer = lex_next(&l, &t, &e)) == 0 && t.kind != LEX_END)
    buf_addf(out, "%s%c<%.*s>", out->len > 0 ? " " : "", letters[t.kind], (int)t.len,
             copy + t.start);
  if (answer != 0) {
    unsigned line, column;
    assert_int_equal(e.kind, ERR_INPUT);
    sql_position(copy, len, (size_t)e.offset, &line, &column);
    buf_addf(out, "%s!%u:%u %s", out->len > 0 ? " " : "", line, column, e.text);
  }
  test_free(copy);
}

struct sample {
  const char *text, *tokens;
};

static void check(enum dialect dialect, const struct sample *samples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct buf got BUF_SCOPED = BUF_INIT;
    tokens_of(dialect, samples[i].text, &got);
    if (strcmp(buf_str(&got), samples[i].tokens) != 0)
      print_error("text: %s\n", samples[i].text);
    assert_string_equal(buf_str(&got), samples[i].tokens);
  }
}
#define CHECK(dialect, samples) check((dialect), (samples), sizeof(samples) / sizeof(samples)[0])

static void test_both_dialects(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"", ""},
      {" \t\r\n\f", ""},
      {"a;b", "w<a> ;<;> w<b>"},
      {"'it''s;' x", "s<'it''s;'> w<x>"},
      {"''", "s<''>"},
      {"'\\' x", "s<'\\'> w<x>"},
      {"\"a\"\";b\"c", "n<\"a\"\";b\"> w<c>"},
      {"-- a;\nb", "w<b>"},
      {"-- to the end", ""},
      {"a--'\n'b'", "w<a> s<'b'>"},
      {"/* ' */ a", "w<a>"},
      {"/***/a/**/", "w<a>"},
      {"/*/ a */b", "w<b>"},
      {"f(a$b$)", "w<f> (<(> w<a$b$> )<)>"},
      {"12.5e3", "0<12> o<.> 0<5> w<e3>"},
      {"-/*x*/-1", "o<-> o<-> 0<1>"},
      {"\xc3\xa4"
       "b \xff",
       "w<\xc3\xa4"
       "b> w<\xff>"},
      {"\xef\xbb\xbf"
       "SELECT",
       "w<SELECT>"},
      {"'a", "!1:1 string without end"},
      {"a\n  'b''", "w<a> !2:3 string without end"},
      {"\"a", "!1:1 quoted name without end"},
  };
  CHECK(DIALECT_SQLITE, samples);
  CHECK(DIALECT_POSTGRESQL, samples);
}

static void test_postgresql(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"E'a\\';' b", "s<E'a\\';'> w<b>"},
      {"e'\\\\' b", "s<e'\\\\'> w<b>"},
      {"E'a''\\'' b", "s<E'a''\\''> w<b>"},
      {"E'a'\n'\\';' b", "s<E'a'\n'\\';'> w<b>"},
      {"E'a' -- c\n -- d\n '\\';' b", "s<E'a' -- c\n -- d\n '\\';'> w<b>"},
      {"E'a' '\\' b", "s<E'a'> s<'\\'> w<b>"},
      {"E'a' /* \n */ '\\' b", "s<E'a'> s<'\\'> w<b>"},
      {"E'a'\n\"b\"", "s<E'a'> n<\"b\">"},
      {"fooE'\\' b", "w<fooE> s<'\\'> w<b>"},
      {"1e'\\'' b", "0<1> s<e'\\''> w<b>"},
      {"E'a\\", "!1:1 string without end"},
      {"E'a\\'", "!1:1 string without end"},
      {"E'a'\n'b", "!1:1 string without end"},
      {"U&'\\' U&\"a\"\"b\" x", "w<U> o<&> s<'\\'> w<U> o<&> n<\"a\"\"b\"> w<x>"},
      {"B'01' x'1f' N';'", "w<B> s<'01'> w<x> s<'1f'> w<N> s<';'>"},
      {"$$a;'$x$$ b", "s<$$a;'$x$$> w<b>"},
      {"$x$ $$ ; $y$ $x $x$;", "s<$x$ $$ ; $y$ $x $x$> ;<;>"},
      {"$_1\xc3\xa4$;$_1\xc3\xa4$", "s<$_1\xc3\xa4$;$_1\xc3\xa4$>"},
      {"a$$b$$;", "w<a$$b$$> ;<;>"},
      {"1$$;$$", "0<1> s<$$;$$>"},
      {"$1$$;$$", "p<$1> s<$$;$$>"},
      {"$12;", "p<$12> ;<;>"},
      {"$ab ;", "o<$> w<ab> ;<;>"},
      {"$1a$;$1a$", "p<$1> w<a$> ;<;> p<$1> w<a$>"},
      {"$X$a$x$b$X$", "s<$X$a$x$b$X$>"},
      {"\n$$ab$", "!2:1 dollar-quoted string without end"},
      {"$x$ $$", "!1:1 dollar-quoted string without end"},
      {"/* a /* b */ ; */ c", "w<c>"},
      {"*/*c*/*", "o<*> o<*>"},
      {"/* a /* b */", "!1:1 comment without end"},
      {"a /*", "w<a> !1:3 comment without end"},
      {"-- a\rb", "w<b>"},
      {"a \xef\xbb\xbf b", "w<a> w<\xef\xbb\xbf> w<b>"},
      {"[1] `", "o<[> 0<1> o<]> o<`>"},
      {"a :b ?1 @c", "w<a> o<:> w<b> o<?> 0<1> o<@> w<c>"},
      {"a\n  \\d t", "w<a> !2:3 `\\d` is a command of psql, not SQL"},
      {"\\copy t from x", "!1:1 `\\copy` is a command of psql, not SQL"},
      {"\\", "!1:1 `\\` is a command of psql, not SQL"},
      {"'\n\\d' -- \n", "s<'\n\\d'>"},
  };
  CHECK(DIALECT_POSTGRESQL, samples);
}

static void test_sqlite(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"`a``;`b", "n<`a``;`> w<b>"},
      {"[a;\"]b", "n<[a;\"]> w<b>"},
      {"[a]]", "n<[a]> o<]>"},
      {"x'ab' X';'", "s<x'ab'> s<X';'>"},
      {"E'a\\' b", "w<E> s<'a\\'> w<b>"},
      {"/* a /* b */ c", "w<c>"},
      {"a /* no end", "w<a>"},
      {"a /*", "w<a> o</> o<*>"},
      {"a /**", "w<a>"},
      {"-- a\rb\nc", "w<c>"},
      {"? ?1 :a @b $c #d", "p<?> p<?1> p<:a> p<@b> p<$c> p<#d>"},
      {"$a::b(;') $;", "p<$a::b(;')> p<$> ;<;>"},
      {":(a) @a(b c", "p<:> (<(> w<a> )<)> p<@a(b> w<c>"},
      {"$$a;$$", "p<$$a> ;<;> p<$$>"},
      {"a \xef\xbb\xbf b", "w<a> w<b>"},
      {"\\d", "o<\\> w<d>"},
      {"`a", "!1:1 quoted name without end"},
      {"a [b", "w<a> !1:3 quoted name without end"},
  };
  CHECK(DIALECT_SQLITE, samples);
}

#define WHOLE                                                                                      \
  "a variable is a token of its own: it cannot be a part of a word, a number or a quoted text"
#define FORM                                                                                       \
  "is no variable: one is written ${name} or ${name:form}, its name up to 63 of a-z 0-9 _, not "   \
  "beginning with a digit"

static void test_variables(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {"${a}", "v<${a}>"},
      {"(${a_1:literal},${b:raw});", "(<(> v<${a_1:literal}> o<,> v<${b:raw}> )<)> ;<;>"},
      {"${s:identifier}.t", "v<${s:identifier}> o<.> w<t>"},
      {"x=${a}", "w<x> o<=> v<${a}>"},
      {"'${A}' \"${\" /* ${ */ -- ${", "s<'${A}'> n<\"${\">"},
      {"a\n ${b", "w<a> !2:2 `${b` " FORM},
      {"${}", "!1:1 `${}` " FORM},
      {"${A}", "!1:1 `${A}` " FORM},
      {"${1a}", "!1:1 `${1a}` " FORM},
      {"${", "!1:1 `${` " FORM},
      {"${a b}", "!1:1 `${a` " FORM},
      {"${a:b}", "!1:1 `${a:b}` has no form that there is: ${name:literal}, ${name:identifier}, "
                 "${name:raw}"},
      {"${a:", "!1:1 `${a:` has no form that there is: ${name:literal}, ${name:identifier}, "
               "${name:raw}"},
      {"t_${a}", "w<t_> !1:3 " WHOLE},
      {"1${a}", "0<1> !1:2 " WHOLE},
      {"'x'${a}", "s<'x'> !1:4 " WHOLE},
      {"\"x\"${a:identifier}", "n<\"x\"> !1:4 " WHOLE},
      {"${a}b", "!1:1 " WHOLE},
      {"${a}'b'", "!1:1 " WHOLE},
      {"${a}${b}", "!1:1 " WHOLE},
  };
  CHECK(DIALECT_SQLITE, samples);
  CHECK(DIALECT_POSTGRESQL, samples);
  static const struct sample postgresql[] = {
      {"$x${a}$x$", "s<$x${a}$x$>"},
      {"$1${a}", "p<$1> !1:3 " WHOLE},
      {"U&${a}", "w<U> o<&> !1:3 " WHOLE},
      {"U& ${a}", "w<U> o<&> v<${a}>"},
      {"a[${i:raw}]", "w<a> o<[> v<${i:raw}> o<]>"},
  };
  CHECK(DIALECT_POSTGRESQL, postgresql);
  static const struct sample sqlite[] = {
      {"$${a}", "p<$> !1:2 " WHOLE}, {":x${a}", "p<:x> !1:3 " WHOLE}, {"[${a}]", "n<[${a}]>"}};
  CHECK(DIALECT_SQLITE, sqlite);
}

static void test_keywords(void **state) {
  (void)state;
  struct lexer l = {.dialect = DIALECT_SQLITE, .text = "bEgin \"BEGIN\" BEGINS", .len = 20};
  struct lex_token t;
  struct err e;
  assert_int_equal(lex_next(&l, &t, &e), 0);
  assert_true(lex_is(&l, &t, "BEGIN"));
  assert_false(lex_is(&l, &t, "BEGINS"));
  assert_int_equal(lex_next(&l, &t, &e), 0);
  assert_false(lex_is(&l, &t, "BEGIN"));
  assert_int_equal(lex_next(&l, &t, &e), 0);
  assert_false(lex_is(&l, &t, "BEGIN"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_both_dialects), cmocka_unit_test(test_postgresql),
      cmocka_unit_test(test_sqlite),        cmocka_unit_test(test_variables),
      cmocka_unit_test(test_keywords),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
