/* Stored catalogs: listing, pulling, asking for revisions. */
#include "fixture.h"

static Migd__V1__ListRevisionsResponse *revisions(struct fixture *f, const char *range, bool heads,
                                                  bool targets) {
  Migd__V1__ListRevisionsRequest m = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  m.range = arena_strdup(&f->arena, range);
  m.heads_only = heads;
  m.with_targets = targets;
  struct talk *t = ask(f, "/migd.v1.Catalogs/ListRevisions", "vic", &m);
  assert_done(t);
  Migd__V1__ListRevisionsResponse *out = (void *)t->replies[0];
  talk_end(t);
  return out;
}

static void revisions_come_newest_first(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  const Migd__V1__ListRevisionsResponse *r = revisions(f, "", false, false);
  assert_string_equal(r->catalog, "shop");
  assert_int_equal(r->n_revisions, 3);
  assert_string_equal(r->revisions[0]->id, "r3");
  assert_string_equal(r->revisions[2]->id, "r1");
  assert_true(r->revisions[0]->is_head);
  assert_false(r->revisions[1]->is_head);
  assert_string_equal(r->revisions[0]->parents[0], "r2");
  assert_string_equal(r->revisions[2]->message, "first");
  assert_string_equal(r->revisions[2]->file, "r1_first.sql");
  assert_true(r->revisions[2]->reversible);
  assert_false(r->revisions[0]->reversible); /* it has no down section */
}

static void ranges_and_heads(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  const Migd__V1__ListRevisionsResponse *r = revisions(f, "r1:r2", false, false);
  assert_int_equal(r->n_revisions, 2);
  assert_string_equal(r->revisions[0]->id, "r2");
  r = revisions(f, "", true, false);
  assert_int_equal(r->n_revisions, 1);
  assert_string_equal(r->revisions[0]->id, "r3");
  assert_int_equal(revisions(f, "r1:r2", true, false)->n_revisions, 0);
}

static void revisions_say_who_is_there(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  add_target(f, "us");
  upgrade(f, "r2");
  const Migd__V1__ListRevisionsResponse *r = revisions(f, "", false, true);
  assert_int_equal(r->revisions[0]->n_targets_here, 0);
  assert_int_equal(r->revisions[1]->n_targets_here, 2);
  assert_string_equal(r->revisions[1]->targets_here[0], "eu");
  assert_string_equal(r->revisions[1]->targets_here[1], "us");
  assert_int_equal(revisions(f, "", false, false)->revisions[1]->n_targets_here, 0);
}

static struct talk *revision(struct fixture *f, const char *catalog, const char *text) {
  Migd__V1__GetRevisionRequest m = MIGD__V1__GET_REVISION_REQUEST__INIT;
  m.catalog = arena_strdup(&f->arena, catalog);
  m.revision = arena_strdup(&f->arena, text);
  return ask(f, "/migd.v1.Catalogs/GetRevision", "vic", &m);
}

static void a_revision_comes_with_its_file(void **state) {
  struct fixture *f = *state;
  static const char *const same[] = {"r2", "head-1", "base+2"};
  push_shop(f);
  for (size_t i = 0; i < 3; i++) {
    struct talk *t = revision(f, "shop", same[i]);
    assert_done(t);
    const Migd__V1__GetRevisionResponse *m = (void *)t->replies[0];
    assert_string_equal(m->revision->id, "r2");
    assert_int_equal(m->content.len, strlen(shop_files[1].text));
    assert_memory_equal(m->content.data, shop_files[1].text, m->content.len);
    talk_end(t);
  }
}

static void what_is_no_revision_is_told(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *catalog, *revision;
    enum err_kind kind;
  } bad[] = {
      {"shop", "r9", ERR_NOT_FOUND}, {"shop", "base", ERR_INPUT}, {"shop", "", ERR_INPUT},
      {"shoq", "r1", ERR_NOT_FOUND}, {"shop", "+1", ERR_INPUT},
  };
  push_shop(f);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct talk *t = revision(f, bad[i].catalog, bad[i].revision);
    if (t->next != CALL_FAIL || t->e.kind != bad[i].kind)
      fail_msg("%s %s: %d %s", bad[i].catalog, bad[i].revision, (int)t->e.kind, t->e.text);
    talk_end(t);
  }
}

static void the_original_bytes_come_back(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "dos");
  const struct file files[] = {
      {"d1_x.sql", "\xef\xbb\xbf-- migd:revision d1\r\n-- migd:parent base\r\n\r\n-- migd:up\r\n"
                   "SELECT 1;\r\n"}};
  struct talk *t = push(f, &header, files, 1);
  assert_done(t);
  talk_end(t);
  t = revision(f, "dos", "d1");
  assert_done(t);
  const Migd__V1__GetRevisionResponse *m = (void *)t->replies[0];
  assert_int_equal(m->content.len, strlen(files[0].text));
  assert_memory_equal(m->content.data, files[0].text, m->content.len);
  talk_end(t);
}

/* One file larger than a message, among small ones. */
static void a_pull_brings_all_files_in_parts(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "big");
  Migd__V1__PullCatalogRequest m = MIGD__V1__PULL_CATALOG_REQUEST__INIT;
  size_t large = 3 << 20, got[3] = {0}, parts = 0;
  f->server.catalog_max = 16 << 20;
  char *text = arena_alloc(&f->arena, large + 300);
  int len = sprintf(text, "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up\nSELECT 1;\n--");
  memset(text + len, 'x', large);
  const struct file files[] = {
      shop_files[0],
      {"r2_second.sql", text},
      {"r3_third.sql", shop_files[2].text},
  };
  struct talk *t = push_begin_as(f, "ann", &header);
  for (size_t i = 0; i < 3; i++)
    for (size_t at = 0, all = strlen(files[i].text); at < all;) {
      size_t n = all - at < (1 << 20) ? all - at : 1 << 20;
      send_file(f, t, files[i].name, files[i].text + at, n, at + n < all);
      at += n;
    }
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_done(t);
  talk_end(t);
  m.catalog = header.catalog;
  t = ask(f, "/migd.v1.Catalogs/PullCatalog", "vic", &m);
  assert_done(t);
  assert_true(t->count >= 3);
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__PullCatalogResponse *r = (void *)t->replies[i];
    for (size_t p = 0; p < r->n_parts; p++, parts++)
      for (size_t k = 0; k < 3; k++)
        if (strcmp(r->parts[p]->name, files[k].name) == 0) {
          assert_memory_equal(r->parts[p]->data.data, files[k].text + got[k],
                              r->parts[p]->data.len);
          got[k] += r->parts[p]->data.len;
          assert_int_equal(r->parts[p]->more, got[k] < strlen(files[k].text));
        }
  }
  for (size_t k = 0; k < 3; k++)
    assert_int_equal(got[k], strlen(files[k].text));
  assert_true(parts >= 5);
  talk_end(t);
}

static void an_older_version_can_be_pulled(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  Migd__V1__GetCatalogRequest get = MIGD__V1__GET_CATALOG_REQUEST__INIT;
  Migd__V1__PullCatalogRequest m = MIGD__V1__PULL_CATALOG_REQUEST__INIT;
  push_shop(f);
  struct talk *t = ask(f, "/migd.v1.Catalogs/GetCatalog", "vic", &get);
  assert_done(t);
  m.catalog = header.catalog;
  m.digest = ((Migd__V1__Catalog *)t->replies[0])->digest;
  talk_end(t);
  header.replace = true;
  t = push(f, &header, shop_files, 2);
  assert_done(t);
  talk_end(t);
  t = ask(f, "/migd.v1.Catalogs/PullCatalog", "vic", &m);
  assert_done(t);
  assert_int_equal(((Migd__V1__PullCatalogResponse *)t->replies[0])->n_parts, 3);
  talk_end(t);
  m.digest = arena_strdup(&f->arena, "sha256:00");
  t = ask(f, "/migd.v1.Catalogs/PullCatalog", "vic", &m);
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
}

static void catalogs_are_listed_with_their_targets(void **state) {
  struct fixture *f = *state;
  Migd__V1__ListCatalogsRequest m = MIGD__V1__LIST_CATALOGS_REQUEST__INIT;
  Migd__V1__GetCatalogRequest get = MIGD__V1__GET_CATALOG_REQUEST__INIT;
  Migd__V1__PushHeader header = header_of(f, "apple");
  push_shop(f);
  add_target(f, "eu");
  struct talk *t = push(f, &header, shop_files, 1);
  assert_done(t);
  talk_end(t);
  t = ask(f, "/migd.v1.Catalogs/ListCatalogs", "vic", &m);
  assert_done(t);
  const Migd__V1__ListCatalogsResponse *r = (void *)t->replies[0];
  assert_int_equal(r->n_catalogs, 2);
  assert_string_equal(r->catalogs[0]->name, "apple");
  assert_string_equal(r->catalogs[1]->name, "shop");
  assert_int_equal(r->catalogs[1]->targets, 1);
  assert_true(r->catalogs[1]->pushed_at->seconds > 1500000000);
  talk_end(t);
  t = ask(f, "/migd.v1.Catalogs/GetCatalog", "vic", &get); /* two, and no name */
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(revisions_come_newest_first),
      TEST(ranges_and_heads),
      TEST(revisions_say_who_is_there),
      TEST(a_revision_comes_with_its_file),
      TEST(what_is_no_revision_is_told),
      TEST(the_original_bytes_come_back),
      TEST(a_pull_brings_all_files_in_parts),
      TEST(an_older_version_can_be_pulled),
      TEST(catalogs_are_listed_with_their_targets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
