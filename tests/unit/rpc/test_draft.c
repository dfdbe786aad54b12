/* Drafting a revision for the files of a folder, and questions about revisions of a catalog. */
#include "fixture.h"

static struct talk *draft(struct fixture *f, Migd__V1__DraftHeader *header,
                          const struct file *files, size_t count) {
  Migd__V1__DraftRevisionRequest m = MIGD__V1__DRAFT_REVISION_REQUEST__INIT;
  struct talk *t = talk_begin(f, "/migd.v1.Catalogs/DraftRevision", "vic");
  m.header = header;
  talk_step(f, t, &m);
  for (size_t i = 0; i < count && t->next == CALL_MORE; i++)
    send_file(f, t, files[i].name, files[i].text, strlen(files[i].text), false);
  if (t->next != CALL_MORE)
    return t;
  t->call.ended = true;
  talk_step(f, t, NULL);
  return t;
}

static const Migd__V1__Draft *draft_of(const struct talk *t) {
  assert_int_equal(t->count, 1);
  const Migd__V1__DraftRevisionResponse *m = (const void *)t->replies[0];
  assert_int_equal(m->answer_case, MIGD__V1__DRAFT_REVISION_RESPONSE__ANSWER_DRAFT);
  return m->draft;
}

static Migd__V1__DraftHeader header_for(struct fixture *f, const char *message) {
  Migd__V1__DraftHeader header = MIGD__V1__DRAFT_HEADER__INIT;
  header.message = arena_strdup(&f->arena, message);
  return header;
}

static void the_next_revision_follows_the_head(void **state) {
  struct fixture *f = *state;
  Migd__V1__DraftHeader header = header_for(f, "Fourth, at last");
  struct talk *t = draft(f, &header, shop_files, 3);
  assert_done(t);
  const Migd__V1__Draft *d = draft_of(t);
  assert_string_equal(d->revision->parents[0], "r3");
  assert_int_equal(strlen(d->revision->id), 14); /* the time */
  assert_in(d->revision->file, "_fourth_at_last.sql");
  assert_in(arena_strndup(&f->arena, (const char *)d->content.data, d->content.len),
            "-- migd:parent r3\n-- migd:message Fourth, at last\n");
  talk_end(t);
}

static void the_first_one_needs_no_files(void **state) {
  struct fixture *f = *state;
  Migd__V1__DraftHeader header = header_for(f, "");
  struct talk *t = draft(f, &header, NULL, 0);
  assert_done(t);
  assert_int_equal(draft_of(t)->revision->n_parents, 0);
  assert_in(draft_of(t)->revision->file, "_revision.sql");
  talk_end(t);
}

static void one_is_found(void **state) {
  struct fixture *f = *state;
  static char head[] = "head-1";
  Migd__V1__DraftHeader header = header_for(f, "");
  header.find = head;
  struct talk *t = draft(f, &header, shop_files, 3);
  assert_done(t);
  assert_string_equal(draft_of(t)->revision->file, "r2_second.sql");
  assert_int_equal(draft_of(t)->content.len, 0);
  talk_end(t);
  t = draft(f, &header, NULL, 0);
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
}

static void problems_are_answered(void **state) {
  struct fixture *f = *state;
  Migd__V1__DraftHeader header = header_for(f, "more");
  const struct file files[] = {{"r1_x.sql", "-- migd:revision r1\n-- migd:parent r0\n"}};
  struct talk *t = draft(f, &header, files, 1);
  assert_failed(t, ERR_INPUT);
  assert_true(t->count > 0);
  talk_end(t);
}

static void there_is_one_header(void **state) {
  struct fixture *f = *state;
  Migd__V1__DraftRevisionRequest m = MIGD__V1__DRAFT_REVISION_REQUEST__INIT;
  Migd__V1__DraftHeader header = header_for(f, "");
  struct talk *t = talk_begin(f, "/migd.v1.Catalogs/DraftRevision", "vic");
  talk_step(f, t, &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  t = talk_begin(f, "/migd.v1.Catalogs/DraftRevision", "vic");
  m.header = &header;
  talk_step(f, t, &m);
  talk_step(f, t, &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

/* --- ListRevisions, GetRevision */

static const struct file branched[] = {
    {"a1_x.sql", "-- migd:revision a1\n-- migd:parent base\n\n-- migd:up\nSELECT 1;\n"},
    {"b1_x.sql", "-- migd:revision b1\n-- migd:parent a1\n-- migd:label left\n\n-- migd:up\n"
                 "SELECT 1;\n"},
    {"c1_x.sql", "-- migd:revision c1\n-- migd:parent a1\n-- migd:depends-on left\n\n-- migd:up\n"
                 "SELECT 1;\n"},
};

static const Migd__V1__ListRevisionsResponse *list(struct fixture *f,
                                                   Migd__V1__ListRevisionsRequest *m) {
  struct talk *t = ask(f, "/migd.v1.Catalogs/ListRevisions", "vic", m);
  assert_done(t);
  const void *reply = t->replies[0];
  talk_end(t);
  return reply;
}

static void push_branched(struct fixture *f) {
  Migd__V1__PushHeader header = header_of(f, "shop");
  header.allow_branches = true;
  struct talk *t = push(f, &header, branched, 3);
  assert_done(t);
  talk_end(t);
}

static void heads_and_branch_points_are_marked(void **state) {
  struct fixture *f = *state;
  Migd__V1__ListRevisionsRequest m = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  push_branched(f);
  m.heads_only = true;
  const Migd__V1__ListRevisionsResponse *r = list(f, &m);
  assert_int_equal(r->n_revisions, 2);
  assert_string_equal(r->revisions[0]->id, "c1");
  assert_false(r->revisions[0]->is_effective_head);
  assert_true(r->revisions[1]->is_effective_head);
  assert_string_equal(r->revisions[1]->labels[0], "left");
  m.resolve_dependencies = true;
  assert_int_equal(list(f, &m)->n_revisions, 1);
  m.heads_only = false;
  m.branch_points_only = true;
  r = list(f, &m);
  assert_int_equal(r->n_revisions, 3);
  assert_true(r->revisions[2]->is_branch_point);
  assert_int_equal(r->revisions[2]->n_branches_into, 2);
}

static void current_is_known_of_a_target(void **state) {
  struct fixture *f = *state;
  static char target[] = "eu", range[] = ":current", nobody[] = "nobody";
  Migd__V1__ListRevisionsRequest m = MIGD__V1__LIST_REVISIONS_REQUEST__INIT;
  push_branched(f);
  add_target(f, "eu");
  m.range = range;
  struct talk *t = ask(f, "/migd.v1.Catalogs/ListRevisions", "vic", &m);
  assert_failed(t, ERR_INPUT);
  assert_in(t->e.hint, "-t TARGET");
  talk_end(t);
  m.target = target;
  assert_int_equal(list(f, &m)->n_revisions, 0); /* at base */
  m.target = nobody;
  t = ask(f, "/migd.v1.Catalogs/ListRevisions", "vic", &m);
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_next_revision_follows_the_head),
      TEST(the_first_one_needs_no_files),
      TEST(one_is_found),
      TEST(problems_are_answered),
      TEST(there_is_one_header),
      TEST(heads_and_branch_points_are_marked),
      TEST(current_is_known_of_a_target),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
