/* What the tests of the services share: a real store and a real engine in a fresh folder, the
 * principals ann (admin) and vic (viewer), and calls that go through call_step as the network
 * side's do.
 */
#ifndef MIGD_TESTS_RPC_FIXTURE_H
#define MIGD_TESTS_RPC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/temporary.h"
#include "proto/rpc/unpack.h"
#include "server/base/clock.h"
#include "server/engine/engine.h"
#include "server/engine/selfstore.h"
#include "server/rpc/convert.h"
#include "server/rpc/services.h"
#include "server/store/principal.h"

#define MAYBE_UNUSED __attribute__((unused))
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define REPLIES_MAX 40000

struct fixture {
  char dir[PATH_MAX], tmp[PATH_MAX + 8], databases[PATH_MAX + 16];
  const char *roots[2];
  struct arena arena;
  struct keyring *keys;
  struct mailbox *mailbox;
  struct store *store;
  struct engine *engine;
  atomic_uint pushes;
  struct server server;
  struct err e;
};

/* A call from its first message to its end. */
struct talk {
  struct call call;
  enum call_next next;
  struct err e;
  ProtobufCMessage *replies[REPLIES_MAX]; /* in the fixture's arena */
  size_t count;
};

#define assert_ok(call)                                                                            \
  do {                                                                                             \
    err_clear(&f->e);                                                                              \
    if (call)                                                                                      \
      fail_msg("%s: %s", #call, f->e.text);                                                        \
  } while (0)
#define assert_in(text, part)                                                                      \
  do {                                                                                             \
    if (strstr((text), (part)) == NULL)                                                            \
      fail_msg("\"%s\" does not contain \"%s\"", (text), (part));                                  \
  } while (0)
#define assert_done(t)                                                                             \
  do {                                                                                             \
    if ((t)->next != CALL_DONE)                                                                    \
      fail_msg("next %d: %s", (int)(t)->next, (t)->e.text);                                        \
  } while (0)
#define assert_failed(t, expected)                                                                 \
  do {                                                                                             \
    assert_int_equal((t)->next, CALL_FAIL);                                                        \
    if ((t)->e.kind != (expected))                                                                 \
      fail_msg("kind %d, not %d: %s", (int)(t)->e.kind, (int)(expected), (t)->e.text);             \
  } while (0)

static MAYBE_UNUSED int remove_entry(const char *path, const struct stat *st, int kind,
                                     struct FTW *ftw) {
  (void)st, (void)kind, (void)ftw;
  return remove(path);
}

static void on_published(void *ctx, int64_t run, uint64_t seq) {
  board_publish(ctx, run, seq);
}

static void ignore_publication(void *loop, int64_t run, uint64_t seq) {
  (void)loop, (void)run, (void)seq;
}

struct person {
  const char *name;
  enum role role;
  bool remove;
};

static int write_person(struct db *db, void *ctx, struct err *e) {
  const struct person *p = ctx;
  return p->remove ? principal_remove(db, p->name, e) : principal_add(db, p->name, p->role, e);
}

static MAYBE_UNUSED void person(struct fixture *f, const char *name, enum role role, bool gone) {
  struct person p = {name, role, gone};
  assert_ok(store_write(f->store, write_person, &p, &f->e));
}

static void open_store(struct fixture *f) {
  char path[PATH_MAX + 16], key[PATH_MAX + 16];
  struct store_options options = {.path = path, .readers = 4, .published = on_published};
  snprintf(path, sizeof path, "%s/store.db", f->dir);
  snprintf(key, sizeof key, "%s/store.key", f->dir);
  assert_ok(keyring_create(key, &f->e));
  assert_ok(keyring_load(&f->keys, key, NULL, &f->e));
  assert_ok(mailbox_new(&f->mailbox, &f->e));
  board_listen(f->mailbox, ignore_publication);
  assert_ok(selfstore_migrate(path, 1, NULL, NULL, &f->e));
  options.published_ctx = f->mailbox;
  assert_ok(store_open(&f->store, &options, &f->e));
}

static void open_engine(struct fixture *f) {
  struct engine_options options = {
      .store = f->store,
      .keys = f->keys,
      .mailbox = f->mailbox,
      .parallel = 2,
      .sqlite_roots = f->roots,
  };
  assert_ok(engine_new(&f->engine, &options, &f->e));
}

static MAYBE_UNUSED int setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof *f);
  const char *tmp = getenv("TMPDIR");
  char template[PATH_MAX];
  snprintf(template, sizeof template, "%s/migd-rpc-" TEMPORARY, tmp && *tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(template));
  assert_non_null(realpath(template, f->dir));
  snprintf(f->tmp, sizeof f->tmp, "%s/tmp", f->dir);
  snprintf(f->databases, sizeof f->databases, "%s/databases", f->dir);
  assert_int_equal(mkdir(f->tmp, 0700), 0);
  assert_int_equal(mkdir(f->databases, 0700), 0);
  f->roots[0] = f->databases;
  arena_init(&f->arena, 0);
  open_store(f);
  open_engine(f);
  person(f, "ann", ROLE_ADMIN, false);
  person(f, "vic", ROLE_VIEWER, false);
  f->server = (struct server){
      .store = f->store,
      .engine = f->engine,
      .keys = f->keys,
      .version = "1.2.3",
      .store_revision = "0001",
      .sqlite_roots = f->roots,
      .parallel = 2,
      .catalog_max = 1 << 20,
      .started_at = 1,
      .tmp_dir = f->tmp,
      .pushes = &f->pushes,
  };
  *state = f;
  return 0;
}

static MAYBE_UNUSED int teardown(void **state) {
  struct fixture *f = *state;
  engine_stop(f->engine, 0);
  engine_free(f->engine);
  store_close(f->store);
  mailbox_free(f->mailbox);
  keyring_free(f->keys);
  assert_int_equal(f->pushes, 0);
  arena_release(&f->arena);
  nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  free(f);
  return 0;
}

/* --- calls */

/* `who` is a principal's name, or a whole URI. */
static MAYBE_UNUSED struct talk *talk_begin(struct fixture *f, const char *path, const char *who) {
  struct talk *t = xcalloc(1, sizeof *t);
  t->call.server = &f->server;
  t->call.method = method_find(path, strlen(path));
  if (t->call.method == NULL)
    fail_msg("there is no method %s", path);
  arena_init(&t->call.arena, 0);
  assert_ok(job_init(&t->call.job, 0, &f->e));
  if (strchr(who, ':') != NULL)
    snprintf(t->call.uri, sizeof t->call.uri, "%s", who);
  else
    snprintf(t->call.uri, sizeof t->call.uri, "migd://%s/user/%s", store_id(f->store), who);
  return t;
}

static void talk_collect(struct fixture *f, struct talk *t) {
  const uint8_t *at = (const uint8_t *)buf_str(&t->call.replies), *end = at + t->call.replies.len;
  while (at < end) {
    uint32_t len = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    assert_true(t->count < REPLIES_MAX);
    ProtobufCMessage *m = rpc_unpack(t->call.method->out, at + 5, len, &f->arena, &f->e);
    if (m == NULL)
      fail_msg("a reply of %s cannot be read: %s", t->call.method->name, f->e.text);
    t->replies[t->count++] = m;
    at += 5 + len;
  }
  buf_clear(&t->call.replies);
}

/* `in` NULL: no message. */
static MAYBE_UNUSED void talk_step(struct fixture *f, struct talk *t, const void *in) {
  const ProtobufCMessage *message = in;
  uint8_t *packed = NULL;
  size_t len = 0;
  if (message != NULL) {
    packed = xmalloc(protobuf_c_message_get_packed_size(message) + 1);
    len = protobuf_c_message_pack(message, packed);
  }
  t->next = call_step(&t->call, packed, len, &t->e);
  free(packed);
  talk_collect(f, t);
}

static MAYBE_UNUSED void talk_end(struct talk *t) {
  if (t->call.state_free != NULL && t->call.state != NULL)
    t->call.state_free(t->call.state);
  buf_release(&t->call.replies);
  buf_release(&t->call.kept);
  arena_release(&t->call.arena);
  job_release(&t->call.job);
  free(t);
}

/* From the one message to the end, or until it waits. */
static MAYBE_UNUSED struct talk *ask(struct fixture *f, const char *path, const char *who,
                                     const void *in) {
  struct talk *t = talk_begin(f, path, who);
  talk_step(f, t, in);
  while (t->next == CALL_MORE)
    talk_step(f, t, NULL);
  return t;
}

/* --- catalogs, targets, runs */

struct file {
  const char *name, *text;
};

static const struct file shop_files[] = {
    {"r1_first.sql", "-- migd:revision r1\n-- migd:parent base\n-- migd:message first\n\n"
                     "-- migd:up\nCREATE TABLE a (id INTEGER);\n-- migd:down\nDROP TABLE a;\n"},
    {"r2_second.sql", "-- migd:revision r2\n-- migd:parent r1\n-- migd:message second\n\n"
                      "-- migd:up\nCREATE TABLE b (id INTEGER);\n-- migd:down\nDROP TABLE b;\n"},
    {"r3_third.sql", "-- migd:revision r3\n-- migd:parent r2\n-- migd:message third\n\n"
                     "-- migd:up\nCREATE TABLE c (id INTEGER);\n"},
};

static MAYBE_UNUSED void send_file(struct fixture *f, struct talk *t, const char *name,
                                   const char *bytes, size_t len, bool more) {
  Migd__V1__PushCatalogRequest m = MIGD__V1__PUSH_CATALOG_REQUEST__INIT;
  Migd__V1__FilePart part = MIGD__V1__FILE_PART__INIT, *parts[] = {&part};
  part.name = arena_strdup(&f->arena, name);
  part.data.data = (uint8_t *)arena_strndup(&f->arena, bytes, len);
  part.data.len = len;
  part.more = more;
  m.parts = parts;
  m.n_parts = 1;
  talk_step(f, t, &m);
}

/* A push that is not ended yet; `header` is changed by the caller before. */
static MAYBE_UNUSED struct talk *push_begin_as(struct fixture *f, const char *who,
                                               Migd__V1__PushHeader *header) {
  Migd__V1__PushCatalogRequest m = MIGD__V1__PUSH_CATALOG_REQUEST__INIT;
  struct talk *t = talk_begin(f, "/migd.v1.Catalogs/PushCatalog", who);
  m.header = header;
  talk_step(f, t, &m);
  return t;
}

static MAYBE_UNUSED struct talk *push(struct fixture *f, Migd__V1__PushHeader *header,
                                      const struct file *files, size_t count) {
  struct talk *t = push_begin_as(f, "ann", header);
  for (size_t i = 0; i < count && t->next == CALL_MORE; i++)
    send_file(f, t, files[i].name, files[i].text, strlen(files[i].text), false);
  if (t->next != CALL_MORE)
    return t;
  t->call.ended = true;
  do
    talk_step(f, t, NULL);
  while (t->next == CALL_MORE);
  return t;
}

static MAYBE_UNUSED Migd__V1__PushHeader header_of(struct fixture *f, const char *catalog) {
  Migd__V1__PushHeader header = MIGD__V1__PUSH_HEADER__INIT;
  header.catalog = arena_strdup(&f->arena, catalog);
  header.any_digest = true;
  return header;
}

static MAYBE_UNUSED void push_shop(struct fixture *f) {
  Migd__V1__PushHeader header = header_of(f, "shop");
  struct talk *t = push(f, &header, shop_files, 3);
  assert_done(t);
  talk_end(t);
}

static MAYBE_UNUSED char *url_of(struct fixture *f, const char *name) {
  return arena_printf(&f->arena, "sqlite:%s/%s.db", f->databases, name);
}

/* A new SQLite database of the catalog shop. */
static MAYBE_UNUSED void add_target(struct fixture *f, const char *name) {
  Migd__V1__AddTargetRequest m = MIGD__V1__ADD_TARGET_REQUEST__INIT;
  m.name = arena_strdup(&f->arena, name);
  m.url = url_of(f, name);
  m.catalog = arena_strdup(&f->arena, "shop");
  m.create = true;
  struct talk *t = ask(f, "/migd.v1.Targets/AddTarget", "ann", &m);
  assert_done(t);
  talk_end(t);
}

static MAYBE_UNUSED Migd__V1__Target *target_named(struct fixture *f, const char *name) {
  Migd__V1__GetTargetRequest m = MIGD__V1__GET_TARGET_REQUEST__INIT;
  m.name = arena_strdup(&f->arena, name);
  struct talk *t = ask(f, "/migd.v1.Targets/GetTarget", "vic", &m);
  assert_done(t);
  Migd__V1__Target *out = (Migd__V1__Target *)t->replies[0];
  talk_end(t);
  return out;
}

/* Asks for a run over all targets, without waiting for it. */
static MAYBE_UNUSED struct talk *start_run(struct fixture *f, Migd__V1__Operation operation,
                                           const char *revision, int64_t wait_s) {
  Migd__V1__StartRunRequest m = MIGD__V1__START_RUN_REQUEST__INIT;
  Migd__V1__TargetSelection all = MIGD__V1__TARGET_SELECTION__INIT;
  Google__Protobuf__Duration wait = GOOGLE__PROTOBUF__DURATION__INIT;
  char *revisions[] = {arena_strdup(&f->arena, revision)};
  all.all = true;
  wait.seconds = wait_s;
  m.operation = operation;
  m.selection = &all;
  m.revisions = revisions;
  m.n_revisions = 1;
  m.wait = &wait;
  return ask(f, "/migd.v1.Runs/StartRun", "ann", &m);
}

/* Waits for the next publication of an event. */
static MAYBE_UNUSED void wait_published(struct fixture *f) {
  struct pollfd p = {.fd = mailbox_fd(f->mailbox), .events = POLLIN};
  if (poll(&p, 1, 30000) != 1)
    fail_msg("no event in 30 s");
  mailbox_deliver(f->mailbox, NULL);
}

/* Watches a run to its end: a talk with all its events. */
static MAYBE_UNUSED struct talk *watch_run(struct fixture *f, const char *id, uint64_t from) {
  Migd__V1__WatchRunRequest m = MIGD__V1__WATCH_RUN_REQUEST__INIT;
  m.id = arena_strdup(&f->arena, id);
  m.from_seq = from;
  struct talk *t = talk_begin(f, "/migd.v1.Runs/WatchRun", "vic");
  talk_step(f, t, &m);
  while (t->next == CALL_MORE || t->next == CALL_WAIT) {
    if (t->next == CALL_WAIT)
      wait_published(f);
    talk_step(f, t, NULL);
  }
  return t;
}

/* Until an event of this kind has been written. */
static MAYBE_UNUSED void wait_for_event(struct fixture *f, const char *id,
                                        Migd__V1__RunEvent__EventCase kind) {
  Migd__V1__WatchRunRequest m = MIGD__V1__WATCH_RUN_REQUEST__INIT;
  m.id = arena_strdup(&f->arena, id);
  struct talk *t = talk_begin(f, "/migd.v1.Runs/WatchRun", "vic");
  talk_step(f, t, &m);
  for (size_t seen = 0;;) {
    while (seen < t->count && ((Migd__V1__RunEvent *)t->replies[seen])->event_case != kind)
      seen++;
    if (seen < t->count)
      break;
    if (t->next == CALL_DONE || t->next == CALL_FAIL)
      fail_msg("run %s ended without event %d", id, (int)kind);
    if (t->next == CALL_WAIT)
      wait_published(f);
    talk_step(f, t, NULL);
  }
  talk_end(t);
}

static MAYBE_UNUSED const char *run_of(struct fixture *f, struct talk *t) {
  assert_done(t);
  return arena_strdup(&f->arena, ((Migd__V1__Run *)t->replies[0])->id);
}

/* Takes all targets there and waits until it is done. */
static MAYBE_UNUSED void upgrade(struct fixture *f, const char *revision) {
  struct talk *t = start_run(f, MIGD__V1__OPERATION__OPERATION_UPGRADE, revision, 0);
  const char *id = run_of(f, t);
  talk_end(t);
  t = watch_run(f, id, 0);
  assert_done(t);
  talk_end(t);
}

#endif
