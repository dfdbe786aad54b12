/* Checksums of what others wrote, where it is at hand (MIGD_SHARED): the same migrations with other
 * line ends, a byte order mark, and tabs, as sqlx keeps them.
 */
#include "server/catalog/revision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/buf.h"

/* A revision with that file as its body; with `crlf` as an editor of another system writes it. */
static const char *checksum_of(struct arena *arena, const char *root, const char *folder,
                               const char *name, bool crlf) {
  static const char bom[] = "\xEF\xBB\xBF";
  struct problems problems = {.arena = arena};
  struct buf text BUF_SCOPED = BUF_INIT, bytes BUF_SCOPED = BUF_INIT;
  struct revision r;
  FILE *in = fopen(arena_printf(arena, "%s/%s/%s", root, folder, name), "rb");
  assert_non_null(in);
  for (int c; (c = fgetc(in)) != EOF;)
    buf_addc(&bytes, (char)c);
  assert_int_equal(fclose(in), 0);
  bool marked = strncmp(buf_str(&bytes), bom, 3) == 0;
  buf_addf(&text, "%s-- migd:revision aa\n-- migd:parent base\n-- migd:up\n%s", marked ? bom : "",
           buf_str(&bytes) + (marked ? 3 : 0));
  buf_clear(&bytes);
  for (const char *s = buf_str(&text); *s; s++)
    buf_adds(&bytes, crlf && *s == '\n' ? "\r\n" : (char[]){*s, '\0'});
  assert_int_equal(revision_parse("aa_x.sql", buf_str(&bytes), bytes.len, arena, &problems, &r), 0);
  return arena_strdup(arena, r.checksum);
}

/* Line ends and a byte order mark are not of a checksum; blanks are. The folder CRLF may have been
 * stored with LF, so the same is made of LF here. */
static void test_sqlx_checksums(void **state) {
  (void)state;
  static const char *const names[] = {"1_user.sql", "2_post.sql", "3_comment.sql"};
  const char *shared = getenv("MIGD_SHARED"), *room = strstr(__FILE__, "tests/unit/");
  struct arena arena;
  arena_init(&arena, 0);
  const char *root = shared ? arena_printf(&arena, "%s/suites/sqlx-ignored-chars", shared)
                            : arena_printf(&arena, "%.*s../shared/suites/sqlx-ignored-chars",
                                           (int)(room - __FILE__), __FILE__);
  if (access(root, F_OK) != 0) {
    print_message("%s is not there: skipped\n", root);
    arena_release(&arena);
    skip();
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *want = checksum_of(&arena, root, "LF", names[i], false);
    assert_string_equal(checksum_of(&arena, root, "LF", names[i], true), want);
    assert_string_equal(checksum_of(&arena, root, "CRLF", names[i], false), want);
    assert_string_equal(checksum_of(&arena, root, "BOM", names[i], false), want);
    assert_string_not_equal(checksum_of(&arena, root, "oops-all-tabs", names[i], false), want);
  }
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sqlx_checksums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
