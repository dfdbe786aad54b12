/* The rules over real histories, where they are at hand (MIGD_SHARED): nothing dies of them, nearly
 * all is understood, and what was judged by reading is still said.
 */
#include "probe.h"

#include <dirent.h>
#include <stdlib.h>

enum { FILES_MAX = 600 };

struct history {
  struct arena arena;
  struct catalog_file files[FILES_MAX];
  const char *names[FILES_MAX];
  size_t count;
  struct catalog catalog;
  struct lint_result result;
};

/* A folder of other projects' files, which lie beside the source tree or where MIGD_SHARED says. */
static const char *corpus(struct arena *a, const char *name, const char *dialect) {
  const char *shared = getenv("MIGD_SHARED"), *room = strstr(__FILE__, "tests/unit/");
  if (!shared)
    shared = arena_printf(a, "%.*s../shared", (int)(room - __FILE__), __FILE__);
  return arena_printf(a, "%s/corpora/%s/%s", shared, name, dialect);
}

static const char *text_of(struct arena *a, const char *path) {
  FILE *f = fopen(path, "r");
  if (!f)
    return "";
  char *text = arena_alloc(a, 1 << 20);
  size_t n = fread(text, 1, (1 << 20) - 1, f);
  assert_true(feof(f));
  (void)fclose(f);
  text[n] = '\0';
  return text;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `<name>/up.sql` and down.sql, or `<name>.up.sql` and .down.sql. */
static void read_names(struct history *h, const char *folder) {
  DIR *d = opendir(folder);
  if (!d)
    return;
  for (struct dirent *entry; (entry = readdir(d)) && h->count < FILES_MAX;) {
    const char *s = entry->d_name, *end = strstr(s, ".up.sql");
    if (s[0] == '.' || strstr(s, ".down.sql"))
      continue;
    h->names[h->count++] = end ? arena_printf(&h->arena, "%.*s.", (int)(end - s), s)
                               : arena_printf(&h->arena, "%s/", s);
  }
  (void)closedir(d);
  qsort(h->names, h->count, sizeof *h->names, by_name);
}

static void read_file(struct history *h, const char *folder, const char *dialect, size_t i) {
  struct arena *a = &h->arena;
  const char *part = arena_printf(a, "%s/%s", folder, h->names[i]);
  const char *text =
      arena_printf(a,
                   "-- migd:revision r%03zu\n-- migd:parent %s\n-- migd:up on=%s\n%s\n"
                   "-- migd:down on=%s\n%s\n",
                   i + 1, i ? arena_printf(a, "r%03zu", i) : "base", dialect,
                   text_of(a, arena_printf(a, "%sup.sql", part)), dialect,
                   text_of(a, arena_printf(a, "%sdown.sql", part)));
  h->files[i] = (struct catalog_file){
      .name = arena_printf(a, "r%03zu_x.sql", i + 1), .bytes = text, .len = strlen(text)};
}

static void look_at(struct history *h, const char *name, const char *dialect) {
  unsigned revisions[FILES_MAX];
  struct problems problems = {.arena = &h->arena};
  struct err e;
  arena_init(&h->arena, 0);
  const char *folder = corpus(&h->arena, name, dialect);
  read_names(h, folder);
  if (!h->count)
    skip();
  for (size_t i = 0; i < h->count; i++) {
    read_file(h, folder, dialect, i);
    revisions[i] = (unsigned)i;
  }
  if (catalog_build(&h->catalog, h->files, h->count, &h->arena, &problems) != 0)
    fail_msg("%s: %s", h->names[0], problems.items[0].message);
  assert_int_equal(
      lint_run(&probe_options, &h->catalog, revisions, h->count, NULL, &h->arena, &h->result, &e),
      0);
  assert_string_equal(h->result.unavailable, "");
  print_message("%s/%s: %zu revisions, %u statements, %zu findings, %u not understood\n", name,
                dialect, h->count, h->result.statements, h->result.count, h->result.not_understood);
}

/* How often a rule says something of a migration, in one direction. */
static size_t said(const struct history *h, const char *migration, enum direction direction,
                   const char *rule) {
  size_t n = 0;
  for (size_t i = 0; i < h->result.count; i++) {
    const struct lint_finding *f = &h->result.items[i];
    n += strstr(h->names[f->revision], migration) && f->direction == direction &&
         strcmp(f->rule->name, rule) == 0;
  }
  return n;
}

static void test_lemmy(void **state) {
  (void)state;
  static struct history h;
  look_at(&h, "lemmy", "postgresql");
  assert_in_range(h.result.not_understood, 0, 1); /* a constraint in PostgreSQL 18's grammar */
  /* bit for bit the same in UTC, going up as it was down */
  assert_int_equal(said(&h, "fix-timezones", DIR_UP, "changing-column-type"), 0);
  assert_int_equal(said(&h, "optimized_indexes", DIR_UP, "identifier-too-long"), 1);
  assert_int_equal(said(&h, "donation-dialog", DIR_UP, "adding-field-with-default"), 1);
  /* emptied before */
  assert_int_equal(said(&h, "split_user_table_2", DIR_UP, "delete-without-where"), 1);
  assert_int_equal(said(&h, "split_user_table_2", DIR_UP, "adding-required-field"), 0);
  assert_int_equal(said(&h, "comment_ltrees", DIR_UP, "ban-disable-trigger"), 1);
  arena_release(&h.arena);
}

static void test_vaultwarden(void **state) {
  (void)state;
  static struct history h;
  look_at(&h, "vaultwarden", "postgresql");
  assert_int_equal(h.result.not_understood, 0);
  assert_int_equal(said(&h, "sso_users_cascade", DIR_UP, "adding-foreign-key-constraint"), 1);
  assert_int_equal(said(&h, "change_time_stamp_data_type", DIR_UP, "changing-column-type"), 1);
  arena_release(&h.arena);
}

static void test_authelia(void **state) {
  (void)state;
  static struct history h;
  look_at(&h, "authelia", "postgresql");
  assert_int_equal(h.result.not_understood, 0);
  arena_release(&h.arena);
}

static void test_vaultwarden_sqlite(void **state) {
  (void)state;
  static struct history h;
  look_at(&h, "vaultwarden", "sqlite");
  /* dropped and made again, empty */
  assert_int_equal(said(&h, "add_state_to_sso_nonce", DIR_UP, "ban-drop-table"), 1);
  assert_int_equal(said(&h, "sso_userscascade", DIR_UP, "ban-drop-table"), 1);
  /* made anew by hand, by either way; never there, but dropped if it is */
  assert_int_equal(said(&h, "create_users_ciphers", DIR_UP, "ban-drop-table"), 0);
  assert_int_equal(said(&h, "create_users_ciphers", DIR_UP, "renaming-table"), 0);
  assert_int_equal(said(&h, "update_devices_primary_key", DIR_UP, "ban-drop-table"), 0);
  assert_int_equal(said(&h, "add_archives", DIR_UP, "ban-drop-table"), 0);
  assert_int_equal(said(&h, "", DIR_UP, "ban-drop-table"), 4);
  /* its column went into a table of its own */
  assert_int_equal(said(&h, "", DIR_UP, "ban-drop-column"), 0);
  assert_int_equal(said(&h, "rename_key_and_type", DIR_UP, "renaming-column"), 7);
  assert_int_equal(said(&h, "", DIR_UP, "adding-required-field"), 0);
  arena_release(&h.arena);
}

static void test_authelia_sqlite(void **state) {
  (void)state;
  static struct history h;
  look_at(&h, "authelia", "sqlite");
  /* five of sessions, whose rows nobody takes over */
  assert_int_equal(said(&h, "V0006", DIR_UP, "ban-drop-table"), 5);
  /* the rows go to a table of another name, which the application does not know */
  assert_int_equal(said(&h, "V0012", DIR_UP, "ban-drop-table"), 1);
  assert_int_equal(said(&h, "V0002", DIR_UP, "renaming-table"), 1);
  /* sixteen tables are made anew by hand, and what V0002 left behind is not there */
  assert_int_equal(said(&h, "V0007", DIR_UP, "ban-drop-table"), 0);
  assert_int_equal(said(&h, "V0007", DIR_UP, "renaming-table"), 0);
  assert_int_equal(said(&h, "V0016", DIR_UP, "ban-drop-table"), 0);
  assert_int_equal(said(&h, "", DIR_UP, "delete-without-where"), 0);
  arena_release(&h.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vaultwarden_sqlite),
      cmocka_unit_test(test_authelia_sqlite),
      cmocka_unit_test(test_lemmy),
      cmocka_unit_test(test_vaultwarden),
      cmocka_unit_test(test_authelia),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
