/* What the lint rules say at a push, of a folder and of a plan, and what a catalog's policy makes
 * of it: with the real rules and the real program that parses SQL.
 */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>

static const struct file base_file = {
    "r1_first.sql",
    "-- migd:revision r1\n-- migd:parent base\n-- migd:message first\n\n-- migd:up\n"
    "CREATE TABLE a (id BIGINT NOT NULL, b TEXT);\n-- migd:down\n"};
static const struct file index_file = {
    "r2_index.sql", "-- migd:revision r2\n-- migd:parent r1\n-- migd:message index\n\n-- migd:up\n"
                    "CREATE INDEX a_b ON a (b);\n-- migd:down\n"};
static const struct file ignored_file = {
    "r2_index.sql", "-- migd:revision r2\n-- migd:parent r1\n-- migd:message index\n\n-- migd:up\n"
                    "-- migd:ignore require-concurrent-index-creation the table is new\n"
                    "CREATE INDEX a_b ON a (b);\n-- migd:down\n"};

static const struct file rename_file = {
    "r2_rename.sql", "-- migd:revision r2\n-- migd:parent r1\n-- migd:message rename\n\n"
                     "-- migd:up\nALTER TABLE a RENAME COLUMN b TO c;\n-- migd:down\n"};

#define INDEX_RULE "require-concurrent-index-creation"

static void with_rules(struct fixture *f) {
  f->server.lint.program = MIGD_LINT;
}

static struct talk *lint(struct fixture *f, Migd__V1__LintFilesHeader *header,
                         const struct file *files, size_t count) {
  struct talk *t = talk_begin(f, "/migd.v1.Lint/LintFiles", "vic");
  Migd__V1__LintFilesRequest m = MIGD__V1__LINT_FILES_REQUEST__INIT;
  m.header = header;
  talk_step(f, t, &m);
  m.header = NULL;
  for (size_t i = 0; i < count && t->next == CALL_MORE; i++) {
    Migd__V1__FilePart part = MIGD__V1__FILE_PART__INIT, *parts[] = {&part};
    part.name = arena_strdup(&f->arena, files[i].name);
    part.data.data = (uint8_t *)arena_strdup(&f->arena, files[i].text);
    part.data.len = strlen(files[i].text);
    m.parts = parts;
    m.n_parts = 1;
    talk_step(f, t, &m);
  }
  t->call.ended = true;
  do
    talk_step(f, t, NULL);
  while (t->next == CALL_MORE);
  return t;
}

static const Migd__V1__Finding *finding_in(const struct talk *t, const char *rule) {
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__LintFilesResponse *m = (const void *)t->replies[i];
    if (m->answer_case == MIGD__V1__LINT_FILES_RESPONSE__ANSWER_FINDING &&
        strcmp(m->finding->rule, rule) == 0)
      return m->finding;
  }
  return NULL;
}

static const Migd__V1__LintSummary *summary_of(const struct talk *t) {
  assert_true(t->count > 0);
  const Migd__V1__LintFilesResponse *m = (const void *)t->replies[t->count - 1];
  assert_int_equal(m->answer_case, MIGD__V1__LINT_FILES_RESPONSE__ANSWER_SUMMARY);
  return m->summary;
}

static void a_folder_is_looked_at_and_nothing_is_stored(void **state) {
  struct fixture *f = *state;
  Migd__V1__LintFilesHeader header = MIGD__V1__LINT_FILES_HEADER__INIT;
  Migd__V1__ListCatalogsRequest none = MIGD__V1__LIST_CATALOGS_REQUEST__INIT;
  const struct file files[] = {base_file, index_file};
  with_rules(f);
  struct talk *t = lint(f, &header, files, 2);
  assert_done(t);
  const Migd__V1__Finding *found = finding_in(t, INDEX_RULE);
  assert_non_null(found);
  assert_string_equal(found->revision, "r2");
  assert_string_equal(found->file, "r2_index.sql");
  assert_int_equal(found->line, 6);
  assert_string_equal(found->source_line, "CREATE INDEX a_b ON a (b);");
  assert_string_equal(found->table, "a");
  assert_int_equal(found->direction, MIGD__V1__DIRECTION__DIRECTION_UP);
  assert_int_equal(found->n_dialects, 1);
  assert_false(found->blocks);
  assert_int_equal(summary_of(t)->revisions, 2);
  assert_string_equal(summary_of(t)->unavailable, "");
  talk_end(t);
  t = ask(f, "/migd.v1.Catalogs/ListCatalogs", "vic", &none);
  assert_int_equal(((Migd__V1__ListCatalogsResponse *)t->replies[0])->n_catalogs, 0);
  talk_end(t);
}

static void the_other_dialect_is_left_out_when_asked(void **state) {
  struct fixture *f = *state;
  Migd__V1__LintFilesHeader header = MIGD__V1__LINT_FILES_HEADER__INIT;
  const struct file files[] = {base_file, index_file};
  with_rules(f);
  header.dialect = MIGD__V1__DIALECT__DIALECT_SQLITE;
  struct talk *t = lint(f, &header, files, 2);
  assert_done(t);
  assert_null(finding_in(t, INDEX_RULE));
  talk_end(t);
}

static void problems_in_the_files_come_first(void **state) {
  struct fixture *f = *state;
  Migd__V1__LintFilesHeader header = MIGD__V1__LINT_FILES_HEADER__INIT;
  struct talk *t = lint(f, &header, &index_file, 1); /* its parent is missing */
  assert_failed(t, ERR_INPUT);
  assert_int_equal(((Migd__V1__LintFilesResponse *)t->replies[0])->answer_case,
                   MIGD__V1__LINT_FILES_RESPONSE__ANSWER_PROBLEM);
  talk_end(t);
}

static struct talk *push_two(struct fixture *f, const struct file *second) {
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {base_file, *second};
  return push(f, &header, files, 2);
}

static void set_policy(struct fixture *f, Migd__V1__Severity block, const char *rule,
                       Migd__V1__RuleLevel level) {
  PROTO_NEW(m, UpdateCatalogRequest, update_catalog_request, &f->arena);
  PROTO_NEW(policy, LintPolicy, lint_policy, &f->arena);
  PROTO_NEW(row, RulePolicy, rule_policy, &f->arena);
  Migd__V1__RulePolicy *rows[] = {row};
  m->name = arena_strdup(&f->arena, "shop");
  m->lint_policy = policy;
  policy->block = block;
  if (rule) {
    row->rule = arena_strdup(&f->arena, rule);
    row->level = level;
    policy->rules = rows;
    policy->n_rules = 1;
  }
  struct talk *t = ask(f, "/migd.v1.Catalogs/UpdateCatalog", "ann", m);
  assert_done(t);
  const Migd__V1__LintPolicy *kept = ((Migd__V1__Catalog *)t->replies[0])->lint_policy;
  assert_int_equal(kept->block, block);
  assert_int_equal(kept->n_rules, rule ? 1 : 0);
  talk_end(t);
}

static bool told(const struct talk *t, const char *rule, bool *blocks) {
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__PushCatalogResponse *m = (const void *)t->replies[i];
    if (m->answer_case != MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_FINDING ||
        strcmp(m->finding->rule, rule) != 0)
      continue;
    *blocks = m->finding->blocks;
    return true;
  }
  return false;
}

static void push_base(struct fixture *f) {
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push(f, &header, &base_file, 1);
  assert_done(t);
  talk_end(t);
}

/* A revision of so many statements that are each found fault with. */
static struct file faulty_file(struct fixture *f, size_t count, const char *between) {
  struct buf text BUF_SCOPED = BUF_INIT;
  buf_adds(&text, "-- migd:revision r2\n-- migd:parent r1\n-- migd:message many\n\n"
                  "-- migd:up on=sqlite\n");
  for (size_t i = 0; i < count; i++)
    buf_addf(&text, "VACUUM;%s", between);
  buf_adds(&text, "\n-- migd:down\n");
  return (struct file){"r2_many.sql", arena_strdup(&f->arena, buf_str(&text))};
}

#define VACUUM_RULE "vacuum-in-transaction"

/* What one step makes is more than the network's side holds for a client: it is handed on in parts,
 * and nothing of it is lost. */
static void many_findings_come_in_parts(void **state) {
  struct fixture *f = *state;
  enum { MANY = 6000 };
  const struct file files[] = {base_file, faulty_file(f, MANY, "\n")};
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push_begin_as(f, "ann", &header);
  for (size_t i = 0; i < 2; i++)
    send_file(f, t, files[i].name, files[i].text, strlen(files[i].text), false);
  t->call.ended = true;
  size_t steps = 0, found = 0;
  do {
    size_t bytes = 0, before = t->count;
    talk_step(f, t, NULL);
    for (size_t i = before; i < t->count; i++)
      bytes += 5 + protobuf_c_message_get_packed_size(t->replies[i]);
    assert_true(bytes > 0 && bytes <= 1u << 20);
    steps++;
  } while (t->next == CALL_MORE);
  assert_done(t);
  assert_true(steps > 1);
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__PushCatalogResponse *m = (const void *)t->replies[i];
    found += m->answer_case == MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_FINDING &&
             strcmp(m->finding->rule, VACUUM_RULE) == 0;
    assert_int_equal(m->answer_case == MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_RESULT,
                     i == t->count - 1);
  }
  assert_int_equal(found, MANY);
  talk_end(t);
}

/* A failure is told once, behind all that was found. */
static void a_blocked_push_tells_all_before_it_fails(void **state) {
  struct fixture *f = *state;
  push_base(f);
  set_policy(f, MIGD__V1__SEVERITY__SEVERITY_NOTE, NULL, 0);
  struct file many = faulty_file(f, 6000, "\n");
  struct talk *t = push_two(f, &many);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "nothing was stored");
  assert_true(t->count >= 6000);
  talk_end(t);
}

/* All in one line: that is not told with each of them. */
static void a_long_line_is_quoted_in_part(void **state) {
  struct fixture *f = *state;
  Migd__V1__LintFilesHeader header = MIGD__V1__LINT_FILES_HEADER__INIT;
  const struct file files[] = {base_file, faulty_file(f, 1500, "/* \xc3\xa9 */")};
  size_t quoted = 0;
  struct talk *t = lint(f, &header, files, 2);
  assert_done(t);
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__LintFilesResponse *m = (const void *)t->replies[i];
    if (m->answer_case != MIGD__V1__LINT_FILES_RESPONSE__ANSWER_FINDING ||
        strcmp(m->finding->rule, VACUUM_RULE) != 0)
      continue;
    size_t len = strlen(m->finding->source_line);
    assert_true(m->finding->column > 1000 ? len == 0 : len >= 996 && len <= 1000);
    quoted += len > 0;
  }
  assert_in_range(quoted, 60, 80);
  talk_end(t);
}

static void a_push_tells_and_stores_unless_the_policy_blocks(void **state) {
  struct fixture *f = *state;
  bool blocks = true;
  with_rules(f);
  push_base(f);
  set_policy(f, MIGD__V1__SEVERITY__SEVERITY_UNSPECIFIED, INDEX_RULE,
             MIGD__V1__RULE_LEVEL__RULE_LEVEL_BLOCK);
  struct talk *t = push_two(f, &index_file);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "blocks 1 finding");
  assert_true(told(t, INDEX_RULE, &blocks));
  assert_true(blocks);
  talk_end(t);
  set_policy(f, MIGD__V1__SEVERITY__SEVERITY_NOTE, INDEX_RULE,
             MIGD__V1__RULE_LEVEL__RULE_LEVEL_WARN);
  t = push_two(f, &index_file);
  assert_done(t);
  assert_true(told(t, INDEX_RULE, &blocks));
  assert_false(blocks);
  talk_end(t);
  t = push_two(f, &index_file); /* nothing is new: nothing is told */
  assert_done(t);
  assert_int_equal(t->count, 1);
  talk_end(t);
}

static void what_is_ignored_or_off_blocks_nothing(void **state) {
  struct fixture *f = *state;
  bool blocks = true;
  with_rules(f);
  push_base(f);
  set_policy(f, MIGD__V1__SEVERITY__SEVERITY_NOTE, NULL, 0);
  struct talk *t = push_two(f, &ignored_file);
  assert_done(t);
  assert_true(told(t, INDEX_RULE, &blocks));
  assert_false(blocks);
  talk_end(t);
  set_policy(f, MIGD__V1__SEVERITY__SEVERITY_NOTE, INDEX_RULE,
             MIGD__V1__RULE_LEVEL__RULE_LEVEL_OFF);
  Migd__V1__PushHeader header = header_of(f, "shop");
  const struct file files[] = {base_file, index_file};
  header.replace = true;
  t = push(f, &header, files, 2);
  assert_done(t);
  assert_false(told(t, INDEX_RULE, &blocks));
  talk_end(t);
}

static void a_policy_names_rules_that_there_are(void **state) {
  struct fixture *f = *state;
  PROTO_NEW(m, UpdateCatalogRequest, update_catalog_request, &f->arena);
  PROTO_NEW(policy, LintPolicy, lint_policy, &f->arena);
  PROTO_NEW(row, RulePolicy, rule_policy, &f->arena);
  Migd__V1__RulePolicy *rows[] = {row, row};
  push_base(f);
  m->name = arena_strdup(&f->arena, "shop");
  m->lint_policy = policy;
  policy->rules = rows;
  policy->n_rules = 1;
  row->rule = arena_strdup(&f->arena, "require-concurrent-index-creatoin");
  struct talk *t = ask(f, "/migd.v1.Catalogs/UpdateCatalog", "ann", m);
  assert_failed(t, ERR_INPUT);
  assert_in(t->e.hint, "did you mean " INDEX_RULE);
  talk_end(t);
  row->rule = arena_strdup(&f->arena, INDEX_RULE);
  policy->n_rules = 2;
  t = ask(f, "/migd.v1.Catalogs/UpdateCatalog", "ann", m);
  assert_failed(t, ERR_INPUT);
  talk_end(t);
}

/* What is not looked at may be what the policy blocks. */
static void findings_beyond_those_that_are_kept_block_too(void **state) {
  struct fixture *f = *state;
  struct buf text BUF_SCOPED = BUF_INIT;
  push_base(f);
  set_policy(f, MIGD__V1__SEVERITY__SEVERITY_UNSPECIFIED, INDEX_RULE,
             MIGD__V1__RULE_LEVEL__RULE_LEVEL_BLOCK);
  buf_adds(&text, "-- migd:revision r2\n-- migd:parent r1\n\n-- migd:up on=sqlite\n");
  for (int i = 0; i < 20100; i++)
    buf_adds(&text, "VACUUM;\n");
  const struct file many = {"r2_index.sql", buf_str(&text)};
  struct talk *t = push_two(f, &many);
  assert_failed(t, ERR_REFUSED);
  assert_in(t->e.text, "more findings than are looked at");
  talk_end(t);
}

/* The program that parses SQL is not there: everything else goes on. */
static void without_the_program_a_push_says_what_is_missing(void **state) {
  struct fixture *f = *state;
  f->server.lint.program = "/nonexistent/migd-lint";
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push(f, &header, &base_file, 1);
  assert_done(t);
  const Migd__V1__PushCatalogResponse *m = (const void *)t->replies[t->count - 1];
  assert_int_equal(m->answer_case, MIGD__V1__PUSH_CATALOG_RESPONSE__ANSWER_RESULT);
  assert_string_not_equal(m->result->lint_unavailable, "");
  talk_end(t);
}

static struct talk *plan_all(struct fixture *f) {
  PROTO_NEW(r, StartRunRequest, start_run_request, &f->arena);
  PROTO_NEW(all, TargetSelection, target_selection, &f->arena);
  char *head[] = {arena_strdup(&f->arena, "head")};
  all->all = true;
  r->operation = MIGD__V1__OPERATION__OPERATION_UPGRADE;
  r->selection = all;
  r->revisions = head;
  r->n_revisions = 1;
  struct talk *t = ask(f, "/migd.v1.Runs/PlanRun", "vic", r);
  assert_done(t);
  return t;
}

static void a_plan_is_told_what_is_the_matter_on_its_dialect(void **state) {
  struct fixture *f = *state;
  with_rules(f);
  push_base(f);
  add_target(f, "eu");
  upgrade(f, "head");
  struct talk *t = push_two(f, &index_file);
  assert_done(t);
  talk_end(t);
  t = plan_all(f);
  const Migd__V1__TargetPlan *plan = (const void *)t->replies[0];
  assert_null(plan->error);
  assert_string_equal(plan->lint_unavailable, "");
  for (size_t i = 0; i < plan->n_findings; i++) /* PostgreSQL's are not this target's */
    assert_string_not_equal(plan->findings[i]->rule, INDEX_RULE);
  talk_end(t);
}

/* A plan is one message: what does not fit is counted. */
static void a_plan_tells_the_first_of_many_findings(void **state) {
  struct fixture *f = *state;
  with_rules(f);
  struct file many = faulty_file(f, 300, "\n");
  push_base(f);
  struct talk *t = push_two(f, &many);
  assert_done(t);
  talk_end(t);
  add_target(f, "eu");
  t = plan_all(f);
  const Migd__V1__TargetPlan *plan = (const void *)t->replies[0];
  assert_null(plan->error);
  assert_int_equal(plan->n_findings, 200);
  assert_in(plan->lint_unavailable, "more findings are not told here");
  talk_end(t);
}

/* A migd-lint that says no word, and does as a shell is told. */
static const char *program(struct fixture *f, const char *commands) {
  const char *path = arena_printf(&f->arena, "%s/no-word", f->dir);
  FILE *script = fopen(path, "w");
  assert_non_null(script);
  assert_true(fprintf(script, "#!/bin/sh\n%s\n", commands) > 0);
  assert_int_equal(fclose(script), 0);
  assert_int_equal(chmod(path, 0700), 0);
  return path;
}

/* The file's bytes, NUL behind. */
static size_t read_whole(const char *path, char *out, size_t size) {
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  size_t n = fread(out, 1, size - 1, in);
  assert_true(feof(in));
  assert_int_equal(fclose(in), 0);
  out[n] = '\0';
  return n;
}

static void copy_file(struct fixture *f, const char *from, const char *to) {
  enum { SIZE = 1 << 20 };
  char *bytes = arena_alloc(&f->arena, SIZE);
  size_t n = read_whole(from, bytes, SIZE);
  FILE *out = fopen(to, "w");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, n, out), n);
  assert_int_equal(fclose(out), 0);
}

static size_t times(const char *text, const char *what) {
  size_t n = 0;
  for (; (text = strstr(text, what)) != NULL; text++)
    n++;
  return n;
}

/* The rules may take long: nobody's connection, and none of the threads for looking, waits for
 * them. */
static void a_fleet_is_linted_once_and_before_it_is_looked_at(void **state) {
  struct fixture *f = *state;
  char text[1 << 16];
  push_base(f);
  struct talk *t = push_two(f, &index_file);
  assert_done(t);
  talk_end(t);
  for (int i = 0; i < 20; i++)
    add_target(f, arena_printf(&f->arena, "t%d", i));
  /* which files its parent has open */
  const char *log = arena_printf(&f->arena, "%s/log", f->dir);
  f->server.lint.program =
      program(f, arena_printf(&f->arena, "{ echo asked; ls -l /proc/$PPID/fd; } >> %s", log));
  t = plan_all(f);
  assert_int_equal(t->count, 20);
  for (size_t i = 0; i < t->count; i++) {
    const Migd__V1__TargetPlan *plan = (const void *)t->replies[i];
    assert_null(plan->error);
    assert_int_equal(plan->n_steps, 2);
    assert_in(plan->lint_unavailable, "have not seen");
  }
  talk_end(t);
  (void)read_whole(log, text, sizeof text);
  assert_int_equal(times(text, "asked"), 1);
  assert_int_equal(times(text, "/databases/"), 0);
}

/* A target that somebody has put back behind the server's back. */
static void a_plan_that_the_store_does_not_expect_is_linted_too(void **state) {
  struct fixture *f = *state;
  const char *path = arena_printf(&f->arena, "%s/eu.db", f->databases);
  const char *aside = arena_printf(&f->arena, "%s/aside.db", f->databases);
  with_rules(f);
  push_base(f);
  add_target(f, "eu");
  upgrade(f, "r1");
  copy_file(f, path, aside);
  struct talk *t = push_two(f, &rename_file);
  assert_done(t);
  talk_end(t);
  upgrade(f, "r2");
  t = plan_all(f);
  assert_int_equal(((const Migd__V1__TargetPlan *)t->replies[0])->n_findings, 0);
  talk_end(t);
  copy_file(f, aside, path);
  t = plan_all(f);
  const Migd__V1__TargetPlan *plan = (const void *)t->replies[0];
  assert_null(plan->error);
  assert_int_equal(plan->n_findings, 1);
  assert_string_equal(plan->findings[0]->rule, "renaming-column");
  talk_end(t);
}

/* A push of somebody else, made while migd-lint is asked for the first time. */
struct other {
  struct fixture *f;
  const char *asked, *go; /* named pipes */
  struct catalog_file files[2];
  struct catalog catalog;
  bool stored;
};

static int put_other(struct db *db, void *ctx, struct err *e) {
  struct other *o = ctx;
  return bundle_put(db, "shop", NULL, &o->catalog, o->files, 2, "bob", e);
}

static void *push_other(void *ctx) {
  struct other *o = ctx;
  struct err e;
  char word[8];
  int asked = open(o->asked, O_RDONLY);
  o->stored = read(asked, word, sizeof word) > 0 && unlink(o->asked) == 0 &&
              store_write(o->f->store, put_other, o, &e) == 0;
  (void)close(asked);
  int go = open(o->go, O_WRONLY);
  o->stored = write(go, "\n", 1) == 1 && o->stored;
  (void)close(go);
  return NULL;
}

/* Pushes two files over the first of them, while another pushes two; answers how often migd-lint
 * was asked. */
static size_t pushed_beside(struct fixture *f, const struct file *mine, const struct file *others) {
  struct other o = {.f = f,
                    .asked = arena_printf(&f->arena, "%s/asked", f->dir),
                    .go = arena_printf(&f->arena, "%s/go", f->dir)};
  const char *log = arena_printf(&f->arena, "%s/log", f->dir);
  struct problems problems = {.arena = &f->arena};
  char text[1000];
  pthread_t thread;
  for (size_t i = 0; i < 2; i++)
    o.files[i] = (struct catalog_file){
        .name = others[i].name, .bytes = others[i].text, .len = strlen(others[i].text)};
  assert_int_equal(catalog_build(&o.catalog, o.files, 2, &f->arena, &problems), 0);
  push_base(f);
  assert_int_equal(mkfifo(o.asked, 0600) | mkfifo(o.go, 0600), 0);
  f->server.lint.silence_ms = 600000;
  f->server.lint.program =
      program(f, arena_printf(&f->arena, "echo asked >> %s; [ -p %s ] && echo > %s && read x < %s",
                              log, o.asked, o.asked, o.go));
  assert_int_equal(pthread_create(&thread, NULL, push_other, &o), 0);
  Migd__V1__PushHeader header = header_of(f, "shop");
  header.replace = true;
  struct talk *t = push(f, &header, mine, 2);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_true(o.stored);
  assert_done(t);
  bool blocks;
  assert_true(told(t, "renaming-column", &blocks));
  const Migd__V1__PushCatalogResponse *m = (const void *)t->replies[t->count - 1];
  assert_int_equal(m->result->n_removed, 1); /* the other's, which was seen */
  assert_string_not_equal(m->result->lint_unavailable, "");
  talk_end(t);
  (void)read_whole(log, text, sizeof text);
  return times(text, "asked");
}

static const struct file other_file = {
    "r9_other.sql", "-- migd:revision r9\n-- migd:parent r1\n-- migd:message other\n\n-- migd:up\n"
                    "CREATE TABLE o (id BIGINT);\n-- migd:down\n"};

static void a_push_that_another_gets_ahead_of_asks_once(void **state) {
  const struct file mine[] = {base_file, rename_file}, others[] = {base_file, other_file};
  assert_int_equal(pushed_beside(*state, mine, others), 1);
}

/* The other changed the revision that both had: it is a change to change it back. */
static void a_push_asks_anew_when_more_is_new(void **state) {
  static const struct file base_with_c = {
      "r1_first.sql",
      "-- migd:revision r1\n-- migd:parent base\n-- migd:message first\n\n-- migd:up\n"
      "CREATE TABLE a (id BIGINT NOT NULL, b TEXT, c TEXT);\n-- migd:down\n"};
  const struct file mine[] = {base_file, rename_file}, others[] = {base_with_c, other_file};
  assert_int_equal(pushed_beside(*state, mine, others), 2);
}

static void a_push_that_expects_something_else_asks_nothing(void **state) {
  struct fixture *f = *state;
  const struct file files[] = {base_file, rename_file};
  const char *log = arena_printf(&f->arena, "%s/log", f->dir);
  Migd__V1__PushHeader header = header_of(f, "shop");
  push_base(f);
  f->server.lint.program = program(f, arena_printf(&f->arena, "echo asked >> %s", log));
  header.any_digest = false;
  header.expected_digest = arena_strdup(&f->arena, "sha256:another");
  struct talk *t = push(f, &header, files, 2);
  assert_failed(t, ERR_CONFLICT);
  talk_end(t);
  assert_int_equal(access(log, F_OK), -1);
}

static void the_rules_have_pages(void **state) {
  struct fixture *f = *state;
  Migd__V1__ListLintRulesRequest m = MIGD__V1__LIST_LINT_RULES_REQUEST__INIT;
  struct talk *t = ask(f, "/migd.v1.Lint/ListLintRules", "vic", &m);
  assert_done(t);
  const Migd__V1__ListLintRulesResponse *r = (const void *)t->replies[0];
  assert_true(r->n_rules >= 37);
  for (size_t i = 0; i < r->n_rules; i++) {
    assert_true(i == 0 || strcmp(r->rules[i - 1]->name, r->rules[i]->name) < 0);
    assert_true(r->rules[i]->summary[0] && r->rules[i]->why[0] && r->rules[i]->instead[0] &&
                r->rules[i]->bad[0] && r->rules[i]->good[0] && r->rules[i]->n_dialects > 0);
  }
  talk_end(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_folder_is_looked_at_and_nothing_is_stored),
      TEST(the_other_dialect_is_left_out_when_asked),
      TEST(problems_in_the_files_come_first),
      TEST(a_push_tells_and_stores_unless_the_policy_blocks),
      TEST(what_is_ignored_or_off_blocks_nothing),
      TEST(a_policy_names_rules_that_there_are),
      TEST(findings_beyond_those_that_are_kept_block_too),
      TEST(without_the_program_a_push_says_what_is_missing),
      TEST(a_plan_is_told_what_is_the_matter_on_its_dialect),
      TEST(a_plan_tells_the_first_of_many_findings),
      TEST(many_findings_come_in_parts),
      TEST(a_blocked_push_tells_all_before_it_fails),
      TEST(a_long_line_is_quoted_in_part),
      TEST(a_fleet_is_linted_once_and_before_it_is_looked_at),
      TEST(a_plan_that_the_store_does_not_expect_is_linted_too),
      TEST(a_push_that_another_gets_ahead_of_asks_once),
      TEST(a_push_asks_anew_when_more_is_new),
      TEST(a_push_that_expects_something_else_asks_nothing),
      TEST(the_rules_have_pages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
