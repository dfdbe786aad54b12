/* The import of what others wrote, where it is at hand (MIGD_SHARED): five layouts with what
 * another importer makes of them, and goose's own parser tests. Compared is what the statements
 * are, blanks and comments left out.
 */
#include "tests/unit/client/import_fixture.h"

#include <ctype.h>
#include <dirent.h>

#include "client/import_sql.h"
#include "proto/base/buf.h"

static const char *shared(struct fixture *f, const char *name) {
  const char *root = getenv("MIGD_SHARED"), *room = strstr(__FILE__, "tests/unit/");
  if (!root)
    root = arena_printf(&f->arena, "%.*s../shared", (int)(room - __FILE__), __FILE__);
  const char *whole = arena_printf(&f->arena, "%s/suites/%s", root, name);
  if (access(whole, F_OK) != 0) {
    print_message("%s is not there: skipped\n", whole);
    skip();
  }
  return whole;
}

static int make_from(struct fixture *f, const char *tool, const char *source) {
  f->im = (struct import){.arena = &f->arena, .importer = importer_find(tool), .source_count = 1};
  f->im.sources[0] = (struct import_source){IMPORT_POSTGRESQL, source};
  return import_make(&f->im, &f->e);
}

/* Without comments, and any run of blanks one. */
static void add_plain(struct buf *out, const char *s, size_t len) {
  char quote = '\0';
  for (size_t i = 0; i < len; i++) {
    if (!quote && i + 1 < len && s[i] == '-' && s[i + 1] == '-') {
      while (i < len && s[i] != '\n')
        i++;
    } else if (!quote && i + 1 < len && s[i] == '/' && s[i + 1] == '*') {
      i += (size_t)(strstr(s + i, "*/") - (s + i)) + 1;
    } else if (!isspace((unsigned char)s[i])) {
      quote = !quote && s[i] == '\'' ? '\'' : quote && s[i] == quote ? '\0' : quote;
      buf_addc(out, s[i]);
    } else if (out->len && out->s[out->len - 1] != ' ') {
      buf_addc(out, ' ');
    }
  }
}

/* The statements, each on a line. */
static const char *statements(struct fixture *f, const char *s, size_t len) {
  struct buf out BUF_SCOPED = BUF_INIT;
  struct import_statements list;
  import_split(&f->arena, IMPORT_BOTH, s, len, &list);
  for (size_t i = 0; i < list.count; i++) {
    add_plain(&out, s + list.items[i].start, list.items[i].len);
    while (out.len && out.s[out.len - 1] == ' ')
      out.len--;
    buf_addc(&out, '\n');
  }
  return arena_strndup(&f->arena, buf_str(&out), out.len);
}

static const char *up_of(struct fixture *f, const struct import_file *file) {
  const char *up = strstr(file->text, "-- migd:up"), *down = strstr(file->text, "-- migd:down");
  assert_non_null(up);
  up = strchr(up, '\n') + 1;
  return statements(f, up, down ? (size_t)(down - up) : strlen(up));
}

static const char *file_text(struct fixture *f, const char *whole) {
  struct import im = {.arena = &f->arena};
  size_t len = 0;
  const char *text = import_read_file(&im, whole, &len);
  assert_non_null(text);
  return statements(f, text, len);
}

/* The files of a gold folder in the order of their versions. */
static struct import_list gold_files(struct fixture *f, const char *folder) {
  struct import_list names;
  f->im.arena = &f->arena;
  assert_int_equal(import_list(&f->im, folder, &names, &f->e), 0);
  return names;
}

static void compare(struct fixture *f, const char *tool, const char *const *gold) {
  const char *root = shared(f, "atlas-import");
  assert_int_equal(make_from(f, tool, arena_printf(&f->arena, "%s/%s", root, tool)), 0);
  struct import_list names = gold_files(f, arena_printf(&f->arena, "%s/%s_gold", root, tool));
  assert_int_equal(names.count, f->im.file_count);
  for (size_t i = 0; i < f->im.file_count; i++)
    assert_string_equal(
        up_of(f, &f->im.files[i]),
        file_text(f, arena_printf(&f->arena, "%s/%s_gold/%s", root, tool, gold[i])));
}

static const char *const two[] = {"1_initial.sql", "2_second_migration.sql"};

static void test_golang_migrate(void **state) {
  compare(*state, "golang-migrate", two);
}

static void test_dbmate(void **state) {
  compare(*state, "dbmate", two);
}

static void test_goose(void **state) {
  compare(*state, "goose", two);
}

static void test_flyway(void **state) {
  compare(*state, "flyway",
          (const char *const[]){"2_baseline.sql", "3_third_migration.sql", "3R_views.sql"});
}

/* The other importer makes a revision a file, this one a revision a change set. */
static void test_liquibase(void **state) {
  struct fixture *f = *state;
  struct buf ours BUF_SCOPED = BUF_INIT, gold BUF_SCOPED = BUF_INIT;
  const char *root = shared(f, "atlas-import");
  assert_int_equal(make_from(f, "liquibase", arena_printf(&f->arena, "%s/liquibase", root)), 0);
  for (size_t i = 0; i < f->im.file_count; i++)
    buf_adds(&ours, up_of(f, &f->im.files[i]));
  for (size_t i = 0; i < 2; i++)
    buf_adds(&gold, file_text(f, arena_printf(&f->arena, "%s/liquibase_gold/%s", root, two[i])));
  assert_int_equal(f->im.file_count, 4);
  assert_string_equal(buf_str(&ours), buf_str(&gold));
}

static int make_goose(struct fixture *f, const char *input) {
  struct import im = {.arena = &f->arena};
  size_t len = 0;
  const char *text = import_read_file(&im, input, &len);
  assert_non_null(text);
  put_bytes(f, "m/00001_x.sql", text, len);
  return make(f, "goose", "postgresql=m");
}

static void test_goose_valid(void **state) {
  struct fixture *f = *state;
  const char *root = shared(f, "goose-parser/valid-up");
  struct import_list cases = gold_files(f, root);
  assert_true(cases.count > 0);
  for (size_t i = 0; i < cases.count; i++) {
    struct buf gold BUF_SCOPED = BUF_INIT;
    const char *folder = arena_printf(&f->arena, "%s/%s", root, cases.items[i]);
    struct import_list names = gold_files(f, folder);
    for (size_t j = 0; j < names.count; j++) {
      if (strstr(names.items[j], "golden"))
        buf_adds(&gold, file_text(f, arena_printf(&f->arena, "%s/%s", folder, names.items[j])));
    }
    assert_int_equal(make_goose(f, arena_printf(&f->arena, "%s/input.sql", folder)), 0);
    assert_string_equal(up_of(f, &f->im.files[0]), buf_str(&gold));
  }
}

static void test_goose_invalid(void **state) {
  struct fixture *f = *state;
  const char *root = shared(f, "goose-parser/invalid/up");
  struct import_list names = gold_files(f, root);
  assert_true(names.count > 0);
  for (size_t i = 0; i < names.count; i++) {
    assert_int_equal(make_goose(f, arena_printf(&f->arena, "%s/%s", root, names.items[i])), -1);
    assert_problem(f, "00001_x.sql", f->im.problems[0].line, 1, "lacks its `;`");
  }
}

/* The same migrations in LF, CRLF, with a byte order mark, with tabs: the same statements. */
static void test_sqlx_characters(void **state) {
  struct fixture *f = *state;
  static const char *const kinds[] = {"LF", "CRLF", "BOM", "oops-all-tabs"};
  const char *root = shared(f, "sqlx-ignored-chars"), *first[3] = {0};
  for (size_t k = 0; k < 4; k++) {
    assert_int_equal(make_from(f, "sqlx", arena_printf(&f->arena, "%s/%s", root, kinds[k])), 0);
    assert_int_equal(f->im.file_count, 3);
    for (size_t i = 0; i < 3; i++) {
      if (k == 0)
        first[i] = up_of(f, &f->im.files[i]);
      assert_string_equal(up_of(f, &f->im.files[i]), first[i]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_golang_migrate), TEST(test_dbmate),          TEST(test_goose),
      TEST(test_flyway),         TEST(test_liquibase),       TEST(test_goose_valid),
      TEST(test_goose_invalid),  TEST(test_sqlx_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
