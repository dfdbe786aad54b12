/* Variables through the services: set, shown, removed, used in plans and scripts; a secret one is
 * never answered and does not go to another place. */
#include "fixture.h"

static const struct file told[] = {
    {"r1_first.sql", "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\n"
                     "CREATE TABLE ${table:identifier} (id INTEGER DEFAULT ${key:raw});\n"
                     "INSERT INTO a VALUES (${key});\n"},
};

static void push_told(struct fixture *f) {
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push(f, &header, told, 1);
  assert_done(t);
  talk_end(t);
}

/* `NAME=VALUE`, or `NAME*VALUE` for a secret one; one. */
static Migd__V1__Variable **some(struct fixture *f, const char *text) {
  PROTO_NEW(v, Variable, variable, &f->arena);
  size_t name = strcspn(text, "=*");
  v->name = arena_strndup(&f->arena, text, name);
  v->value = arena_strdup(&f->arena, text + name + 1);
  v->secret = text[name] == '*';
  Migd__V1__Variable **list = ARENA_ARRAY(&f->arena, Migd__V1__Variable *, 1);
  list[0] = v;
  return list;
}

static Migd__V1__UpdateTargetRequest *of_target(struct fixture *f, const char *set,
                                                const char *remove) {
  PROTO_NEW(m, UpdateTargetRequest, update_target_request, &f->arena);
  m->name = arena_strdup(&f->arena, "eu");
  m->n_set_variables = set != NULL;
  m->set_variables = set != NULL ? some(f, set) : NULL;
  m->n_remove_variables = remove != NULL;
  m->remove_variables = ARENA_ARRAY(&f->arena, char *, 1);
  m->remove_variables[0] = arena_strdup(&f->arena, remove != NULL ? remove : "");
  return m;
}

static struct talk *update(struct fixture *f, const char *who, Migd__V1__UpdateTargetRequest *m) {
  return ask(f, "/migd.v1.Targets/UpdateTarget", who, m);
}

static void updated(struct fixture *f, const char *set, const char *remove) {
  struct talk *t = update(f, "ann", of_target(f, set, remove));
  assert_done(t);
  talk_end(t);
}

static struct talk *update_catalog(struct fixture *f, const char *set, const char *remove) {
  PROTO_NEW(m, UpdateCatalogRequest, update_catalog_request, &f->arena);
  m->name = arena_strdup(&f->arena, "shop");
  m->n_set_variables = set != NULL;
  m->set_variables = set != NULL ? some(f, set) : NULL;
  m->n_remove_variables = remove != NULL;
  m->remove_variables = ARENA_ARRAY(&f->arena, char *, 1);
  m->remove_variables[0] = arena_strdup(&f->arena, remove != NULL ? remove : "");
  return ask(f, "/migd.v1.Catalogs/UpdateCatalog", "ann", m);
}

static void they_are_set_shown_and_removed(void **state) {
  struct fixture *f = *state;
  push_told(f);
  add_target(f, "eu");
  updated(f, "table=a", NULL);
  updated(f, "key*hush", NULL);
  const Migd__V1__Target *t = target_named(f, "eu");
  assert_int_equal(t->n_variables, 2);
  assert_string_equal(t->variables[0]->name, "key");
  assert_string_equal(t->variables[0]->value, "");
  assert_true(t->variables[0]->secret);
  assert_string_equal(t->variables[1]->value, "a");
  updated(f, NULL, "table");
  assert_int_equal(target_named(f, "eu")->n_variables, 1);
  struct talk *u = update_catalog(f, "region=eu", NULL);
  assert_done(u);
  const Migd__V1__Catalog *c = (void *)u->replies[0];
  assert_int_equal(c->n_variables, 1);
  assert_string_equal(c->variables[0]->value, "eu");
  assert_null(c->adopt_rule);
  talk_end(u);
  u = update_catalog(f, NULL, "region");
  assert_done(u);
  assert_int_equal(((Migd__V1__Catalog *)u->replies[0])->n_variables, 0);
  talk_end(u);
}

static void what_makes_no_sense_is_refused(void **state) {
  struct fixture *f = *state;
  push_told(f);
  add_target(f, "eu");
  static const char *const bad[] = {"A=x", "=x", "batch=1", "a-b=c"};
  for (size_t i = 0; i < 4; i++) {
    struct talk *t = update(f, "ann", of_target(f, bad[i], NULL));
    assert_failed(t, ERR_INPUT);
    talk_end(t);
    t = update_catalog(f, bad[i], NULL);
    assert_failed(t, ERR_INPUT);
    talk_end(t);
  }
  struct talk *t = update(f, "ann", of_target(f, NULL, "gone"));
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
  t = update(f, "vic", of_target(f, "a=b", NULL));
  assert_failed(t, ERR_DENIED);
  talk_end(t);
  t = update_catalog(f, NULL, NULL);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
  assert_int_equal(target_named(f, "eu")->n_variables, 0);
}

/* An admin of the targets is not thereby told what was given for another place. */
static void a_secret_stays_where_it_was_given(void **state) {
  struct fixture *f = *state;
  push_told(f);
  add_target(f, "us");
  add_target(f, "eu");
  updated(f, "key*hush", NULL);
  Migd__V1__RemoveTargetRequest gone = MIGD__V1__REMOVE_TARGET_REQUEST__INIT;
  gone.name = arena_strdup(&f->arena, "us");
  struct talk *t = ask(f, "/migd.v1.Targets/RemoveTarget", "ann", &gone);
  assert_done(t);
  talk_end(t);
  static const struct {
    const char *set, *remove;
    bool good;
  } tries[] = {{NULL, NULL, false}, {"other*x", NULL, false}, {"key*new", NULL, true}};
  for (size_t i = 0; i < 3; i++) {
    Migd__V1__UpdateTargetRequest *m = of_target(f, tries[i].set, tries[i].remove);
    m->url = url_of(f, "us");
    t = update(f, "ann", m);
    if (tries[i].good)
      assert_done(t);
    else
      assert_failed(t, ERR_REFUSED);
    if (!tries[i].good)
      assert_in(t->e.text, "key");
    talk_end(t);
  }
  Migd__V1__UpdateTargetRequest *m = of_target(f, NULL, "key");
  m->url = url_of(f, "eu");
  t = update(f, "ann", m);
  assert_done(t);
  talk_end(t);
}

static struct talk *plan(struct fixture *f) {
  Migd__V1__StartRunRequest m = MIGD__V1__START_RUN_REQUEST__INIT;
  Migd__V1__TargetSelection all = MIGD__V1__TARGET_SELECTION__INIT;
  char *head[] = {arena_strdup(&f->arena, "head")};
  all.all = true;
  m.operation = MIGD__V1__OPERATION__OPERATION_UPGRADE;
  m.selection = &all;
  m.revisions = head;
  m.n_revisions = 1;
  struct talk *t = ask(f, "/migd.v1.Runs/PlanRun", "vic", &m);
  assert_done(t);
  return t;
}

static void a_plan_has_values_but_no_secrets(void **state) {
  struct fixture *f = *state;
  push_told(f);
  add_target(f, "eu");
  struct talk *t = plan(f);
  const Migd__V1__Error *e = ((Migd__V1__TargetPlan *)t->replies[0])->error;
  assert_non_null(e);
  assert_string_equal(e->file, "r1_first.sql");
  assert_int_equal(e->line, 5);
  assert_in(e->message, "the variables table and key have no value");
  assert_in(e->hint, "target set eu --var table=VALUE --var key=VALUE");
  assert_in(e->detail, "key is used in r1_first.sql:5:");
  talk_end(t);
  updated(f, "table=a", NULL);
  updated(f, "key*77777", NULL);
  t = plan(f);
  const Migd__V1__TargetPlan *p = (void *)t->replies[0];
  assert_null(p->error);
  assert_string_equal(p->steps[0]->sql[0], "CREATE TABLE \"a\" (id INTEGER DEFAULT ${key:raw})");
  assert_string_equal(p->steps[0]->sql[1], "INSERT INTO a VALUES (${key})");
  talk_end(t);
  updated(f, "key=77777", NULL);
  t = plan(f);
  p = (void *)t->replies[0];
  assert_string_equal(p->steps[0]->sql[1], "INSERT INTO a VALUES ('77777')");
  talk_end(t);
}

static struct talk *script(struct fixture *f, const char *target, const char *own) {
  PROTO_NEW(m, GenerateScriptRequest, generate_script_request, &f->arena);
  m->operation = MIGD__V1__OPERATION__OPERATION_UPGRADE;
  m->dialect = MIGD__V1__DIALECT__DIALECT_SQLITE;
  m->target = arena_strdup(&f->arena, target);
  m->n_variables = own != NULL;
  m->variables = own != NULL ? some(f, own) : NULL;
  return ask(f, "/migd.v1.Runs/GenerateScript", "vic", m);
}

static void a_script_has_only_the_secrets_that_it_is_given(void **state) {
  struct fixture *f = *state;
  push_told(f);
  add_target(f, "eu");
  updated(f, "table=a", NULL);
  updated(f, "key*77777", NULL);
  struct talk *t = script(f, "eu", NULL);
  assert_failed(t, ERR_NOT_FOUND);
  assert_in(t->e.text, "the value of key is secret");
  assert_in(t->e.hint, "--secret-var key=FILE");
  assert_int_equal(t->e.line, 5);
  assert_int_equal(t->count, 0);
  talk_end(t);
  t = script(f, "eu", "key*12");
  assert_done(t);
  const Migd__V1__GenerateScriptResponse *part = (void *)t->replies[0];
  const char *text = arena_strndup(&f->arena, (char *)part->text.data, part->text.len);
  assert_in(text, "INSERT INTO a VALUES ('12')");
  talk_end(t);
  updated(f, NULL, "table");
  t = script(f, "eu", NULL);
  assert_failed(t, ERR_NOT_FOUND);
  assert_in(t->e.text, "the variable table has no value, and the value of key is secret");
  assert_string_equal(t->e.hint, "give them values with --var table=VALUE --secret-var key=FILE");
  talk_end(t);
  t = script(f, "", "key=12");
  assert_failed(t, ERR_NOT_FOUND);
  assert_in(t->e.text, "the variable table has no value");
  talk_end(t);
  t = script(f, "eu", "Key=12");
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(they_are_set_shown_and_removed),
      TEST(what_makes_no_sense_is_refused),
      TEST(a_secret_stays_where_it_was_given),
      TEST(a_plan_has_values_but_no_secrets),
      TEST(a_script_has_only_the_secrets_that_it_is_given),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
