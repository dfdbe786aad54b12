/* The fleet: registering, changing, how each stands, asking the databases. */
#include "fixture.h"

#include "server/store/run.h"

static Migd__V1__AddTargetRequest add_request(struct fixture *f, const char *name) {
  Migd__V1__AddTargetRequest m = MIGD__V1__ADD_TARGET_REQUEST__INIT;
  m.name = arena_strdup(&f->arena, name);
  m.url = url_of(f, name);
  m.catalog = arena_strdup(&f->arena, "shop");
  return m;
}

static Migd__V1__Label *label(struct fixture *f, const char *key, const char *value) {
  PROTO_NEW(m, Label, label, &f->arena);
  m->key = arena_strdup(&f->arena, key);
  m->value = arena_strdup(&f->arena, value);
  return m;
}

static struct talk *add(struct fixture *f, Migd__V1__AddTargetRequest *m) {
  return ask(f, "/migd.v1.Targets/AddTarget", "ann", m);
}

static void a_target_is_registered_as_asked(void **state) {
  struct fixture *f = *state;
  Migd__V1__AddTargetRequest m = add_request(f, "eu");
  Migd__V1__Label *labels[] = {label(f, "region", "eu"), label(f, "env", "prod")};
  Migd__V1__TargetPolicy policy = MIGD__V1__TARGET_POLICY__INIT;
  Google__Protobuf__Duration timeout = GOOGLE__PROTOBUF__DURATION__INIT;
  Google__Protobuf__Duration retry = GOOGLE__PROTOBUF__DURATION__INIT;
  Google__Protobuf__Duration idle = GOOGLE__PROTOBUF__DURATION__INIT;
  push_shop(f);
  timeout.seconds = 1;
  timeout.nanos = 500000000;
  policy.lock_timeout = &timeout;
  policy.lock_retry = &retry;
  policy.idle_in_transaction_timeout = &idle;
  retry.seconds = 2;
  idle.seconds = 3;
  m.labels = labels;
  m.n_labels = 2;
  m.policy = &policy;
  m.create = true;
  struct talk *t = add(f, &m);
  assert_done(t);
  const Migd__V1__Target *r = (void *)t->replies[0];
  assert_string_equal(r->name, "eu");
  assert_string_equal(r->url, m.url);
  assert_string_equal(r->catalog, "shop");
  assert_int_equal(r->dialect, MIGD__V1__DIALECT__DIALECT_SQLITE);
  assert_int_equal(r->n_labels, 2);
  assert_string_equal(r->labels[0]->key, "env");
  assert_string_equal(r->labels[1]->value, "eu");
  assert_int_equal(r->policy->lock_timeout->nanos, 500000000);
  assert_int_equal(r->policy->lock_retry->seconds, 2);
  assert_int_equal(r->policy->idle_in_transaction_timeout->seconds, 3);
  assert_int_equal(r->state, MIGD__V1__TARGET_STATE__TARGET_STATE_NEVER_SEEN);
  assert_false(r->has_password);
  talk_end(t);
}

static void what_is_wrong_is_refused_and_nothing_is_made(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "taken");
  struct {
    const char *name, *url, *catalog, *key, *password;
    enum err_kind kind;
  } bad[] = {
      {"", url_of(f, "x"), "shop", NULL, "", ERR_INPUT},
      {"a b", url_of(f, "x"), "shop", NULL, "", ERR_INPUT},
      {"-x", url_of(f, "x"), "shop", NULL, "", ERR_INPUT},
      {"x", "", "shop", NULL, "", ERR_INPUT},
      {"x", "sqlite:relative.db", "shop", NULL, "", ERR_INPUT},
      {"x", "postgresql://u:secret@h/d", "shop", NULL, "", ERR_INPUT},
      {"x", url_of(f, "x"), "shoq", NULL, "", ERR_NOT_FOUND},
      {"x", url_of(f, "x"), "shop", "Bad Key", "", ERR_INPUT},
      {"x", url_of(f, "x"), "shop", NULL, "secret", ERR_INPUT},
      {"taken", url_of(f, "x"), "shop", NULL, "", ERR_EXISTS},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    Migd__V1__AddTargetRequest m = add_request(f, bad[i].name);
    Migd__V1__Label *labels[] = {label(f, bad[i].key != NULL ? bad[i].key : "a", "b")};
    m.url = arena_strdup(&f->arena, bad[i].url);
    m.catalog = arena_strdup(&f->arena, bad[i].catalog);
    m.password = arena_strdup(&f->arena, bad[i].password);
    m.labels = labels;
    m.n_labels = 1;
    m.create = true;
    struct talk *t = add(f, &m);
    if (t->next != CALL_FAIL || t->e.kind != bad[i].kind)
      fail_msg("case %zu: kind %d: %s", i, (int)t->e.kind, t->e.text);
    assert_null(strstr(t->e.text, "secret"));
    talk_end(t);
  }
  assert_int_equal(access(url_of(f, "x") + strlen("sqlite:"), F_OK), -1);
}

static void a_database_has_one_name(void **state) {
  struct fixture *f = *state;
  Migd__V1__AddTargetRequest m = add_request(f, "other");
  push_shop(f);
  add_target(f, "eu");
  m.url = url_of(f, "eu");
  struct talk *t = add(f, &m);
  assert_failed(t, ERR_EXISTS);
  assert_in(t->e.text, "eu");
  talk_end(t);
}

static void a_database_that_is_missing_is_not_made_unasked(void **state) {
  struct fixture *f = *state;
  Migd__V1__AddTargetRequest m = add_request(f, "eu");
  push_shop(f);
  struct talk *t = add(f, &m);
  assert_failed(t, ERR_REFUSED);
  assert_int_equal(access(m.url + strlen("sqlite:"), F_OK), -1);
  talk_end(t);
}

static void a_file_that_is_no_database_is_refused(void **state) {
  struct fixture *f = *state;
  Migd__V1__AddTargetRequest m = add_request(f, "eu");
  push_shop(f);
  FILE *file = fopen(m.url + strlen("sqlite:"), "w");
  for (int i = 0; i < 1000; i++)
    fputs("no database", file);
  fclose(file);
  struct talk *t = add(f, &m);
  assert_failed(t, ERR_REFUSED);
  talk_end(t);
}

static struct talk *update(struct fixture *f, Migd__V1__UpdateTargetRequest *m) {
  return ask(f, "/migd.v1.Targets/UpdateTarget", "ann", m);
}

static void an_update_leaves_what_it_does_not_say(void **state) {
  struct fixture *f = *state;
  Migd__V1__UpdateTargetRequest m = MIGD__V1__UPDATE_TARGET_REQUEST__INIT;
  Migd__V1__Label *set[] = {label(f, "b", "2"), label(f, "a", "1")};
  char *gone[] = {arena_strdup(&f->arena, "b")};
  push_shop(f);
  add_target(f, "eu");
  m.name = arena_strdup(&f->arena, "eu");
  m.set_labels = set;
  m.n_set_labels = 2;
  struct talk *t = update(f, &m);
  assert_done(t);
  const Migd__V1__Target *r = (void *)t->replies[0];
  assert_int_equal(r->n_labels, 2);
  assert_string_equal(r->labels[0]->key, "a");
  assert_string_equal(r->url, url_of(f, "eu"));
  talk_end(t);
  m.n_set_labels = 0;
  m.remove_labels = gone;
  m.n_remove_labels = 1;
  t = update(f, &m);
  assert_done(t);
  r = (void *)t->replies[0];
  assert_int_equal(r->n_labels, 1);
  assert_string_equal(r->labels[0]->value, "1");
  talk_end(t);
}

static void a_policy_is_replaced_as_a_whole(void **state) {
  struct fixture *f = *state;
  Migd__V1__UpdateTargetRequest m = MIGD__V1__UPDATE_TARGET_REQUEST__INIT;
  Migd__V1__TargetPolicy policy = MIGD__V1__TARGET_POLICY__INIT;
  Google__Protobuf__Duration one = GOOGLE__PROTOBUF__DURATION__INIT;
  push_shop(f);
  add_target(f, "eu");
  one.seconds = 1;
  policy.lock_timeout = &one;
  m.name = arena_strdup(&f->arena, "eu");
  m.policy = &policy;
  struct talk *t = update(f, &m);
  assert_done(t);
  assert_int_equal(((Migd__V1__Target *)t->replies[0])->policy->lock_timeout->seconds, 1);
  talk_end(t);
  policy.lock_timeout = NULL;
  policy.statement_timeout = &one;
  t = update(f, &m);
  assert_done(t);
  assert_null(((Migd__V1__Target *)t->replies[0])->policy->lock_timeout);
  assert_int_equal(((Migd__V1__Target *)t->replies[0])->policy->statement_timeout->seconds, 1);
  talk_end(t);
  one.seconds = -1;
  t = update(f, &m);
  assert_failed(t, ERR_INPUT);
  assert_in(t->e.text, "statement_timeout");
  talk_end(t);
}

static void a_new_place_must_be_there_and_its_ledger_counts(void **state) {
  struct fixture *f = *state;
  Migd__V1__UpdateTargetRequest m = MIGD__V1__UPDATE_TARGET_REQUEST__INIT;
  push_shop(f);
  add_target(f, "us");
  upgrade(f, "r2");
  add_target(f, "eu");
  Migd__V1__RemoveTargetRequest gone = MIGD__V1__REMOVE_TARGET_REQUEST__INIT;
  gone.name = arena_strdup(&f->arena, "us");
  struct talk *t = ask(f, "/migd.v1.Targets/RemoveTarget", "ann", &gone);
  assert_done(t);
  talk_end(t);
  m.name = arena_strdup(&f->arena, "eu");
  m.url = url_of(f, "nowhere");
  t = update(f, &m);
  assert_failed(t, ERR_REFUSED);
  talk_end(t);
  assert_string_equal(target_named(f, "eu")->url, url_of(f, "eu"));
  m.url = url_of(f, "us");
  t = update(f, &m);
  assert_done(t);
  const Migd__V1__Target *r = (void *)t->replies[0];
  assert_string_equal(r->url, url_of(f, "us"));
  assert_int_equal(r->n_current, 1);
  assert_string_equal(r->current[0], "r2");
  talk_end(t);
  m.url = arena_strdup(&f->arena, "postgresql://u@127.0.0.1:1/d");
  t = update(f, &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

static int lock_for_run(struct db *db, void *ctx, struct err *e) {
  const struct target_lock lock = {.run = 5, .holder = "ann", .reason = "upgrade", .since = 1};
  struct fixture *f = ctx;
  struct target t;
  return target_get(db, "eu", &f->arena, &t, e) != 0 || lock_acquire(db, t.id, &lock, 1, e) != 0
             ? -1
             : 0;
}

static void what_a_run_works_on_keeps_its_place(void **state) {
  struct fixture *f = *state;
  Migd__V1__UpdateTargetRequest m = MIGD__V1__UPDATE_TARGET_REQUEST__INIT;
  Migd__V1__TargetPolicy policy = MIGD__V1__TARGET_POLICY__INIT;
  Migd__V1__Label *set[] = {label(f, "a", "1")};
  push_shop(f);
  add_target(f, "eu");
  assert_ok(store_write(f->store, lock_for_run, f, &f->e));
  m.name = arena_strdup(&f->arena, "eu");
  m.policy = &policy;
  struct talk *t = update(f, &m);
  assert_failed(t, ERR_LOCKED);
  assert_in(t->e.text, "run 5");
  talk_end(t);
  m.policy = NULL;
  m.set_labels = set;
  m.n_set_labels = 1;
  t = update(f, &m);
  assert_done(t);
  talk_end(t);
}

static void unknown_ones_are_named_with_the_nearest(void **state) {
  struct fixture *f = *state;
  Migd__V1__UpdateTargetRequest m = MIGD__V1__UPDATE_TARGET_REQUEST__INIT;
  Migd__V1__RemoveTargetRequest gone = MIGD__V1__REMOVE_TARGET_REQUEST__INIT;
  push_shop(f);
  add_target(f, "canary");
  m.name = gone.name = arena_strdup(&f->arena, "canray");
  struct talk *t = update(f, &m);
  assert_failed(t, ERR_NOT_FOUND);
  assert_in(t->e.hint, "canary");
  talk_end(t);
  t = ask(f, "/migd.v1.Targets/RemoveTarget", "ann", &gone);
  assert_failed(t, ERR_NOT_FOUND);
  talk_end(t);
}

/* --- how they stand */

static void a_target_goes_from_never_seen_to_head(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  push_shop(f);
  add_target(f, "eu");
  assert_int_equal(target_named(f, "eu")->state, MIGD__V1__TARGET_STATE__TARGET_STATE_NEVER_SEEN);
  upgrade(f, "r1");
  const Migd__V1__Target *r = target_named(f, "eu");
  assert_int_equal(r->state, MIGD__V1__TARGET_STATE__TARGET_STATE_BEHIND);
  assert_int_equal(r->behind, 2);
  assert_string_equal(r->current[0], "r1");
  assert_string_equal(r->last_run, "1");
  upgrade(f, "head");
  r = target_named(f, "eu");
  assert_int_equal(r->state, MIGD__V1__TARGET_STATE__TARGET_STATE_AT_HEAD);
  assert_int_equal(r->behind, 0);
  header.replace = true;
  const struct file more[] = {
      shop_files[0],
      shop_files[1],
      shop_files[2],
      {"r4_x.sql", "-- migd:revision r4\n-- migd:parent r3\n\n-- migd:up\nBROKEN;\n"}};
  struct talk *t = push(f, &header, more, 4);
  assert_done(t);
  talk_end(t);
  assert_int_equal(target_named(f, "eu")->state, MIGD__V1__TARGET_STATE__TARGET_STATE_BEHIND);
  upgrade(f, "head");
  r = target_named(f, "eu");
  assert_int_equal(r->state, MIGD__V1__TARGET_STATE__TARGET_STATE_FAILING);
  assert_int_equal(r->last_error->kind, MIGD__V1__ERROR_KIND__ERROR_KIND_MIGRATION);
  assert_string_equal(r->last_error->revision, "r4");
}

static void ledgers_are_asked_one_by_one(void **state) {
  struct fixture *f = *state;
  Migd__V1__GetCurrentRequest m = MIGD__V1__GET_CURRENT_REQUEST__INIT;
  Migd__V1__TargetSelection all = MIGD__V1__TARGET_SELECTION__INIT;
  push_shop(f);
  add_target(f, "eu");
  upgrade(f, "r2");
  add_target(f, "fresh");
  add_target(f, "gone");
  assert_int_equal(unlink(url_of(f, "gone") + strlen("sqlite:")), 0);
  all.all = true;
  m.selection = &all;
  struct talk *t = ask(f, "/migd.v1.Targets/GetCurrent", "vic", &m);
  assert_done(t);
  assert_int_equal(t->count, 3);
  const Migd__V1__Current *eu = (void *)t->replies[0], *fresh = (void *)t->replies[1],
                          *gone = (void *)t->replies[2];
  assert_string_equal(eu->target, "eu");
  assert_string_equal(eu->revisions[0]->id, "r2");
  assert_string_equal(eu->revisions[0]->message, "second");
  assert_false(eu->revisions[0]->is_head);
  assert_int_equal(eu->behind, 1);
  assert_true(fresh->no_ledger);
  assert_int_equal(fresh->behind, 3);
  assert_non_null(gone->error);
  assert_int_equal(gone->error->kind, MIGD__V1__ERROR_KIND__ERROR_KIND_TARGET);
  talk_end(t);
  m.selection = NULL;
  t = ask(f, "/migd.v1.Targets/GetCurrent", "vic", &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

static void a_cancelled_question_asks_no_more_databases(void **state) {
  struct fixture *f = *state;
  Migd__V1__GetCurrentRequest m = MIGD__V1__GET_CURRENT_REQUEST__INIT;
  Migd__V1__TargetSelection all = MIGD__V1__TARGET_SELECTION__INIT;
  push_shop(f);
  for (char name[2] = "a"; name[0] < 'a' + 20; name[0]++)
    add_target(f, name);
  all.all = true;
  m.selection = &all;
  struct talk *t = talk_begin(f, "/migd.v1.Targets/GetCurrent", "vic");
  talk_step(f, t, &m);
  assert_int_equal(t->next, CALL_MORE);
  size_t asked = t->count; /* some at a time, not all */
  assert_in_range(asked, 1, 19);
  job_cancel(&t->call.job);
  talk_step(f, t, NULL);
  assert_failed(t, ERR_CANCELLED);
  assert_int_equal(t->count, asked);
  talk_end(t);
}

static Migd__V1__ListTargetsResponse *list(struct fixture *f, Migd__V1__TargetSelection *s) {
  Migd__V1__ListTargetsRequest m = MIGD__V1__LIST_TARGETS_REQUEST__INIT;
  m.selection = s;
  struct talk *t = ask(f, "/migd.v1.Targets/ListTargets", "vic", &m);
  assert_done(t);
  Migd__V1__ListTargetsResponse *out = (void *)t->replies[0];
  talk_end(t);
  return out;
}

static void targets_are_chosen_in_one_way(void **state) {
  struct fixture *f = *state;
  Migd__V1__TargetSelection s = MIGD__V1__TARGET_SELECTION__INIT;
  Migd__V1__ListTargetsRequest m = MIGD__V1__LIST_TARGETS_REQUEST__INIT;
  char *names[] = {arena_strdup(&f->arena, "us")};
  push_shop(f);
  add_target(f, "us");
  add_target(f, "eu");
  assert_int_equal(list(f, NULL)->n_targets, 2);
  assert_string_equal(list(f, NULL)->targets[0]->name, "eu");
  s.names = names;
  s.n_names = 1;
  assert_int_equal(list(f, &s)->n_targets, 1);
  s.n_names = 0;
  s.selector = arena_strdup(&f->arena, "env=prod");
  assert_int_equal(list(f, &s)->n_targets, 0);
  s.all = true;
  m.selection = &s;
  struct talk *t = ask(f, "/migd.v1.Targets/ListTargets", "vic", &m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

/* A thousand targets with a hundred different ledgers are counted a hundred times. */
static int many_targets(struct db *db, void *ctx, struct err *e) {
  struct fixture *f = ctx;
  for (int i = 0; i < 1000; i++) {
    struct target t = {.url = "sqlite:/x", .catalog = "shop", .dialect = DIALECT_SQLITE};
    const char *rows[] = {i % 100 == 0 ? "r2" : arena_printf(&f->arena, "unknown%d", i % 100)};
    int64_t id;
    t.name = arena_printf(&f->arena, "t%04d", i);
    if (target_add(db, &t, t.name, &id, e) != 0 || target_seen(db, id, rows, 1, 1, e) != 0)
      return -1;
  }
  return 0;
}

static void many_targets_stand_as_they_do_alone(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  assert_ok(store_write(f->store, many_targets, f, &f->e));
  const Migd__V1__ListTargetsResponse *r = list(f, NULL);
  assert_int_equal(r->n_targets, 1000);
  for (size_t i = 0; i < 1000; i++) {
    bool known = i % 100 == 0;
    assert_int_equal(r->targets[i]->state,
                     known ? MIGD__V1__TARGET_STATE__TARGET_STATE_BEHIND
                           : MIGD__V1__TARGET_STATE__TARGET_STATE_UNKNOWN_REVISION);
    assert_int_equal(r->targets[i]->behind, known ? 1 : 3);
  }
}

/* A fleet of any size comes in answers that fit into a message, none twice, none left out. */
static void a_large_fleet_comes_in_pages(void **state) {
  struct fixture *f = *state;
  Migd__V1__ListTargetsRequest m = MIGD__V1__LIST_TARGETS_REQUEST__INIT;
  char expected[8];
  int seen = 0, pages = 0;
  push_shop(f);
  assert_ok(store_write(f->store, many_targets, f, &f->e));
  m.page_size = 300;
  do {
    struct talk *t = ask(f, "/migd.v1.Targets/ListTargets", "vic", &m);
    assert_done(t);
    const Migd__V1__ListTargetsResponse *r = (void *)t->replies[0];
    for (size_t i = 0; i < r->n_targets; i++) {
      snprintf(expected, sizeof expected, "t%04d", seen++);
      assert_string_equal(r->targets[i]->name, expected);
    }
    m.page_after = r->next_page_after;
    pages++;
    talk_end(t);
  } while (m.page_after[0]);
  assert_int_equal(seen, 1000);
  assert_int_equal(pages, 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_target_is_registered_as_asked),
      TEST(what_is_wrong_is_refused_and_nothing_is_made),
      TEST(a_database_has_one_name),
      TEST(a_database_that_is_missing_is_not_made_unasked),
      TEST(a_file_that_is_no_database_is_refused),
      TEST(an_update_leaves_what_it_does_not_say),
      TEST(a_policy_is_replaced_as_a_whole),
      TEST(a_new_place_must_be_there_and_its_ledger_counts),
      TEST(what_a_run_works_on_keeps_its_place),
      TEST(unknown_ones_are_named_with_the_nearest),
      TEST(a_target_goes_from_never_seen_to_head),
      TEST(ledgers_are_asked_one_by_one),
      TEST(a_cancelled_question_asks_no_more_databases),
      TEST(targets_are_chosen_in_one_way),
      TEST(many_targets_stand_as_they_do_alone),
      TEST(a_large_fleet_comes_in_pages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
