/* Offline SQL: the script for a catalog and dialect, or for a target; a large one in parts. */
#include "fixture.h"

static Migd__V1__GenerateScriptRequest *request(struct fixture *f, Migd__V1__Operation operation,
                                                const char *from, const char *to) {
  PROTO_NEW(m, GenerateScriptRequest, generate_script_request, &f->arena);
  m->operation = operation;
  m->dialect = MIGD__V1__DIALECT__DIALECT_POSTGRESQL;
  m->from = arena_strdup(&f->arena, from);
  m->to = ARENA_ARRAY(&f->arena, char *, 200);
  if (to != NULL)
    m->to[m->n_to++] = arena_strdup(&f->arena, to);
  return m;
}

#define UPGRADE MIGD__V1__OPERATION__OPERATION_UPGRADE
#define DOWNGRADE MIGD__V1__OPERATION__OPERATION_DOWNGRADE
#define STAMP MIGD__V1__OPERATION__OPERATION_STAMP

static const char *script(struct fixture *f, Migd__V1__GenerateScriptRequest *m) {
  struct talk *t = ask(f, "/migd.v1.Runs/GenerateScript", "vic", m);
  struct buf b BUF_SCOPED = BUF_INIT;
  assert_done(t);
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__GenerateScriptResponse *part = (void *)t->replies[i];
    assert_true(part->text.len > 0 && part->text.len <= 1 << 20);
    buf_add(&b, part->text.data, part->text.len);
  }
  talk_end(t);
  return arena_strdup(&f->arena, buf_str(&b));
}

static void refused(struct fixture *f, Migd__V1__GenerateScriptRequest *m, enum err_kind kind) {
  struct talk *t = ask(f, "/migd.v1.Runs/GenerateScript", "vic", m);
  assert_failed(t, kind);
  talk_end(t);
}

static void a_dialect_is_enough(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  const char *text = script(f, request(f, UPGRADE, "", NULL));
  assert_in(text, "pg_try_advisory_lock");
  assert_in(text, "-- Running upgrade  -> r1");
  assert_in(text, "-- Running upgrade r2 -> r3, third");
  assert_in(text, store_id(f->server.store));
  assert_in(text, "'vic'");
  text = script(f, request(f, STAMP, "r1", "r2"));
  assert_in(text, "-- Running stamp_revision r1 -> r2");
  assert_null(strstr(text, "CREATE TABLE"));
}

static void a_target_says_the_rest(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  add_target(f, "eu");
  Migd__V1__GenerateScriptRequest *m = request(f, UPGRADE, "r1", "+1");
  m->dialect = MIGD__V1__DIALECT__DIALECT_UNSPECIFIED;
  m->target = arena_strdup(&f->arena, "eu");
  const char *text = script(f, m);
  assert_in(text, "BEGIN IMMEDIATE");
  assert_in(text, "Running upgrade r1 -> r2");
  assert_null(strstr(text, "Running upgrade r2 -> r3"));
  m->target = arena_strdup(&f->arena, "gone");
  refused(f, m, ERR_NOT_FOUND);
}

static void requests_that_make_no_sense_are_refused(void **state) {
  struct fixture *f = *state;
  push_shop(f);
  refused(f, request(f, MIGD__V1__OPERATION__OPERATION_UNSPECIFIED, "", "head"), ERR_INPUT);
  refused(f, request(f, (Migd__V1__Operation)77, "", "head"), ERR_INPUT);
  refused(f, request(f, DOWNGRADE, "", "base"), ERR_INPUT);
  refused(f, request(f, DOWNGRADE, "r2", NULL), ERR_INPUT);
  refused(f, request(f, STAMP, "", NULL), ERR_INPUT);
  refused(f, request(f, UPGRADE, "", ""), ERR_INPUT);
  refused(f, request(f, UPGRADE, "r9", "head"), ERR_NOT_FOUND);
  refused(f, request(f, DOWNGRADE, "r3", "r1"), ERR_REFUSED);
  Migd__V1__GenerateScriptRequest *m = request(f, UPGRADE, "", "head");
  m->dialect = MIGD__V1__DIALECT__DIALECT_UNSPECIFIED;
  refused(f, m, ERR_INPUT);
  m->dialect = (Migd__V1__Dialect)3;
  refused(f, m, ERR_INPUT);
  m = request(f, STAMP, "", "r1");
  while (m->n_to < 101)
    m->to[m->n_to++] = m->to[0];
  refused(f, m, ERR_INPUT);
}

static void a_large_script_comes_in_parts(void **state) {
  struct fixture *f = *state;
  Migd__V1__PushHeader header = header_of(f, "shop");
  f->server.catalog_max = 16 << 20;
  size_t size = (3 << 20) + 300;
  char *text = arena_alloc(&f->arena, size + 300);
  int len = sprintf(text, "-- migd:revision r1\n-- migd:parent base\n\n-- migd:up\nSELECT '");
  memset(text + len, 'x', size);
  strcpy(text + len + size, "';\n");
  struct talk *t = push_begin_as(f, "ann", &header);
  send_file(f, t, "r1_first.sql", text, strlen(text), false);
  t->call.ended = true;
  talk_step(f, t, NULL);
  assert_done(t);
  talk_end(t);
  const char *made = script(f, request(f, UPGRADE, "", NULL));
  const char *x = strstr(made, "xxx");
  assert_non_null(x);
  assert_int_equal(strspn(x, "x"), size);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_dialect_is_enough),
      TEST(a_target_says_the_rest),
      TEST(requests_that_make_no_sense_are_refused),
      TEST(a_large_script_comes_in_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
