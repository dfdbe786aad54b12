/* What a catalog says: by which rule databases from before are taken over; adoptions that are asked
 * for. */
#include "fixture.h"

static Migd__V1__UpdateCatalogRequest *request(struct fixture *f, const char *table,
                                               const char *revision) {
  PROTO_NEW(m, UpdateCatalogRequest, update_catalog_request, &f->arena);
  PROTO_NEW(rule, AdoptRule, adopt_rule, &f->arena);
  m->name = arena_strdup(&f->arena, "shop");
  rule->table = arena_strdup(&f->arena, table);
  rule->revision = arena_strdup(&f->arena, revision);
  m->adopt_rule = rule;
  return m;
}

static const Migd__V1__AdoptRule *set(struct fixture *f, Migd__V1__UpdateCatalogRequest *m) {
  struct talk *t = ask(f, "/migd.v1.Catalogs/UpdateCatalog", "ann", m);
  assert_done(t);
  const Migd__V1__AdoptRule *rule = ((Migd__V1__Catalog *)t->replies[0])->adopt_rule;
  talk_end(t);
  return rule;
}

static void refused(struct fixture *f, Migd__V1__UpdateCatalogRequest *m, enum err_kind kind) {
  struct talk *t = ask(f, "/migd.v1.Catalogs/UpdateCatalog", "ann", m);
  assert_failed(t, kind);
  talk_end(t);
}

static void a_rule_is_kept_as_an_id_and_cleared(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  const Migd__V1__AdoptRule *rule = set(f, request(f, "app.jobs", "head"));
  assert_string_equal(rule->table, "app.jobs");
  assert_string_equal(rule->revision, "r3");
  push_shop(f);
  Migd__V1__UpdateCatalogRequest *m = request(f, "jobs", "r1");
  m->adopt_rule = NULL;
  m->clear_adopt_rule = true;
  assert_null(set(f, m));
}

static void rules_that_make_no_sense_are_refused(void **state) {
  struct fixture *f = *state;
  static const char *const tables[] = {"", "1x", "a b", "a\"b", "a..b", "a.", ".a", "a;b"};
  push_shop(f);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
    refused(f, request(f, tables[i], "r1"), ERR_INPUT);
  refused(f, request(f, "jobs", ""), ERR_INPUT);
  refused(f, request(f, "jobs", "base"), ERR_INPUT);
  refused(f, request(f, "jobs", "r9"), ERR_NOT_FOUND);
  Migd__V1__UpdateCatalogRequest *m = request(f, "jobs", "r1");
  m->clear_adopt_rule = true;
  refused(f, m, ERR_INPUT);
  m = request(f, "jobs", "r1");
  m->name = arena_strdup(&f->arena, "gone");
  refused(f, m, ERR_NOT_FOUND);
}

static struct talk *adoption(struct fixture *f, const char *method, const char *tool,
                             const char *revision) {
  PROTO_NEW(m, StartRunRequest, start_run_request, &f->arena);
  PROTO_NEW(all, TargetSelection, target_selection, &f->arena);
  all->all = true;
  m->operation = MIGD__V1__OPERATION__OPERATION_ADOPT;
  m->selection = all;
  m->from_tool = arena_strdup(&f->arena, tool);
  m->revisions = ARENA_ARRAY(&f->arena, char *, 1);
  if (revision != NULL)
    m->revisions[m->n_revisions++] = arena_strdup(&f->arena, revision);
  return ask(f, method, "ann", m);
}

static void an_adoption_names_a_tool_or_none_and_no_revision(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  struct talk *t = adoption(f, "/migd.v1.Runs/StartRun", "make", NULL);
  assert_failed(t, ERR_INPUT);
  assert_in(t->e.hint, "golang-migrate");
  talk_end(t);
  t = adoption(f, "/migd.v1.Runs/StartRun", "", "r1");
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  t = adoption(f, "/migd.v1.Runs/PlanRun", "sqlx", NULL);
  assert_done(t);
  assert_int_equal(((Migd__V1__TargetPlan *)t->replies[0])->error->kind,
                   MIGD__V1__ERROR_KIND__ERROR_KIND_REFUSED);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_rule_is_kept_as_an_id_and_cleared),
      TEST(rules_that_make_no_sense_are_refused),
      TEST(an_adoption_names_a_tool_or_none_and_no_revision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
