/* The writer: groups, order, and what a failing write, a full disk, a lying commit and a kill -9
 * leave behind.
 */
#include "fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "migd/v1/runs.pb-c.h"
#include "server/store/principal.h"
#include "server/store/store.h"
#include "server/store/writer.h"

struct board {
  pthread_mutex_t mutex;
  int calls;
  uint64_t last[16]; /* by run */
};

static void published(void *ctx, int64_t run, uint64_t seq) {
  struct board *board = ctx;
  pthread_mutex_lock(&board->mutex);
  board->calls++;
  if (run < 16)
    board->last[run] = seq;
  pthread_mutex_unlock(&board->mutex);
}

static struct store *open_store(struct fixture *f, struct board *board) {
  struct store_options options = {.path = f->path, .readers = 2};
  struct store *s = NULL;
  if (board) {
    pthread_mutex_init(&board->mutex, NULL);
    options.published = published;
    options.published_ctx = board;
  }
  db_close(f->db);
  f->db = NULL;
  assert_ok(store_open(&s, &options, &f->e));
  return s;
}

/* With runs 1 and 2. */
static struct store *open_with_runs(struct fixture *f, struct board *board) {
  put_catalog(f, "app", "a");
  int64_t target = add_target(f, "one", "");
  add_run(f, &target, 1);
  add_run(f, &target, 1);
  return open_store(f, board);
}

static int64_t read_number(struct fixture *f, struct store *s, const char *sql) {
  struct db *db = store_reader(s, &f->e);
  assert_non_null(db);
  int64_t n = number(f, db, sql);
  store_reader_done(s, db);
  return n;
}

static int nothing(struct db *db, void *ctx, struct err *e) {
  (void)db, (void)ctx, (void)e;
  return 0;
}

/* Waits until all that was posted is stored. */
static void settle(struct fixture *f, struct store *s) {
  assert_ok(store_write(s, nothing, NULL, &f->e));
}

static void post(struct store *s, int64_t run, const char *target) {
  Migd__V1__RunEvent event;
  uint8_t packed[256];
  migd__v1__run_event__init(&event);
  event.target = (char *)(uintptr_t)target;
  size_t len = migd__v1__run_event__pack(&event, packed);
  store_post_event(s, run, NULL, packed, len);
}

static int collect(void *ctx, uint64_t seq, const void *packed, size_t len) {
  Migd__V1__RunEvent *event = migd__v1__run_event__unpack(NULL, len, packed);
  assert_non_null(event);
  assert_int_equal(event->seq, seq);
  buf_addf(ctx, "%s ", event->target);
  migd__v1__run_event__free_unpacked(event, NULL);
  return 0;
}

/* The targets of a run's events, in order. */
static char *events(struct fixture *f, struct store *s, int64_t run) {
  struct buf text BUF_SCOPED = BUF_INIT;
  struct db *db = store_reader(s, &f->e);
  assert_ok(event_replay(db, run, 1, 1000, collect, &text, &f->e));
  store_reader_done(s, db);
  return arena_strdup(&f->arena, buf_str(&text));
}

/* A write that holds the writer until it is let go. */
struct gate {
  struct store *store;
  sem_t entered, go;
  pthread_t thread;
};

static int wait_at_gate(struct db *db, void *ctx, struct err *e) {
  struct gate *gate = ctx;
  (void)db, (void)e;
  sem_post(&gate->entered);
  sem_wait(&gate->go);
  return 0;
}

static void *gate_main(void *arg) {
  struct gate *gate = arg;
  struct err e;
  store_write(gate->store, wait_at_gate, gate, &e);
  return NULL;
}

static void gate_close(struct gate *gate, struct store *s) {
  gate->store = s;
  sem_init(&gate->entered, 0, 0);
  sem_init(&gate->go, 0, 0);
  pthread_create(&gate->thread, NULL, gate_main, gate);
  sem_wait(&gate->entered);
}

static void gate_open(struct gate *gate) {
  sem_post(&gate->go);
  pthread_join(gate->thread, NULL);
  sem_destroy(&gate->entered);
  sem_destroy(&gate->go);
}

#define BATCHES "SELECT value FROM counter WHERE name = 'batch'"

static void what_is_queued_shares_a_commit(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  struct gate gate;
  gate_close(&gate, s);
  for (int i = 0; i < 200; i++)
    post(s, 1, "x");
  gate_open(&gate);
  settle(f, s);
  int64_t batches = read_number(f, s, BATCHES);
  assert_in_range(batches, 2, 3); /* the gate; the events, perhaps with the settling write */
  assert_int_equal(read_number(f, s, "SELECT COUNT(*) FROM event"), 200);
  store_close(s);
}

struct many {
  struct store *store;
  int number;
  atomic_int wrong;
};

struct insert {
  int value;
  bool fail;
};

static int insert_value(struct db *db, void *ctx, struct err *e) {
  struct insert *insert = ctx;
  char name[32];
  snprintf(name, sizeof name, "p%d", insert->value);
  if (principal_add(db, name, ROLE_VIEWER, e))
    return -1;
  return insert->fail ? err_set(e, ERR_REFUSED, "no to %d", insert->value) : 0;
}

/* Every third write fails after it has written. */
static void *write_many(void *arg) {
  struct many *many = arg;
  for (int i = 0; i < 60; i++) {
    struct insert insert = {many->number * 1000 + i, i % 3 == 0};
    struct err e;
    char text[32];
    int rc = store_write(many->store, insert_value, &insert, &e);
    snprintf(text, sizeof text, "no to %d", insert.value);
    if (insert.fail ? rc != -1 || e.kind != ERR_REFUSED || strcmp(e.text, text) != 0 : rc != 0)
      many->wrong++;
    if (i % 7 == 0)
      post(many->store, 1 + many->number % 2, "x");
  }
  return NULL;
}

static void many_writers_and_only_the_failing_fail(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  struct many many[12];
  pthread_t threads[12];
  for (int i = 0; i < 12; i++) {
    many[i] = (struct many){.store = s, .number = i};
    pthread_create(&threads[i], NULL, write_many, &many[i]);
  }
  for (int i = 0; i < 12; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(many[i].wrong, 0);
  }
  assert_int_equal(read_number(f, s, "SELECT COUNT(*) FROM principal"), 12 * 40);
  settle(f, s);
  assert_int_equal(read_number(f, s, "SELECT COUNT(*) FROM event"), 12 * 9);
  assert_int_equal(read_number(f, s, "SELECT SUM(next_seq - 1) FROM run"), 12 * 9);
  store_close(s);
}

static int append_and_fail(struct db *db, void *ctx, struct err *e) {
  uint64_t seq = 0;
  (void)ctx;
  if (event_append(db, 1, NULL, "\x1a\x01z", 3, &seq, e))
    return -1;
  return err_set(e, ERR_CONFLICT, "changed my mind at %d", (int)seq);
}

static int append(struct db *db, void *ctx, struct err *e) {
  return event_append(db, 1, NULL, ctx, strlen(ctx), NULL, e);
}

/* Stores an event with this target inside a write. */
static int write_event(struct store *s, char target, struct err *e) {
  char packed[] = {'\x1a', '\x01', target, '\0'};
  return store_write(s, append, packed, e);
}

static void events_keep_their_order_with_writes(void **state) {
  struct fixture *f = *state;
  struct board board = {.calls = 0};
  struct store *s = open_with_runs(f, &board);
  post(s, 1, "a");
  post(s, 99, "lost"); /* no such run: logged, and nobody else is harmed */
  post(s, 2, "other");
  assert_ok(write_event(s, 'b', &f->e));
  assert_int_equal(board.last[1], 2); /* published before it was answered */
  post(s, 1, "c");
  int calls_before = -1;
  settle(f, s);
  pthread_mutex_lock(&board.mutex);
  calls_before = board.calls;
  pthread_mutex_unlock(&board.mutex);
  assert_err(store_write(s, append_and_fail, NULL, &f->e), ERR_CONFLICT);
  assert_int_equal(board.calls, calls_before); /* what was rolled back is not published */
  post(s, 1, "d");
  settle(f, s);
  assert_string_equal(events(f, s, 1), "a b c d ");
  assert_string_equal(events(f, s, 2), "other ");
  assert_int_equal(board.last[1], 4);
  assert_int_equal(board.last[2], 1);
  store_close(s);
}

/* Interleaved runs in one transaction: one call each, with the last number. */
static void each_run_is_published_once_a_commit(void **state) {
  struct fixture *f = *state;
  struct board board = {.calls = 0};
  struct store *s = open_with_runs(f, &board);
  struct gate gate;
  gate_close(&gate, s);
  for (int i = 0; i < 50; i++)
    post(s, 1 + i % 2, "x");
  gate_open(&gate);
  settle(f, s);
  assert_int_equal(board.calls, 2);
  assert_int_equal(board.last[1], 25);
  assert_int_equal(board.last[2], 25);
  store_close(s);
}

static void closing_stores_what_is_queued(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  for (int i = 0; i < 100; i++)
    post(s, 1, "x");
  store_close(s);
  s = open_store(f, NULL);
  assert_int_equal(read_number(f, s, "SELECT COUNT(*) FROM event"), 100);
  store_close(s);
}

/* A full disk, as the database sees it: no page more than there are. */

static int limit_pages(struct db *db, void *ctx, struct err *e) {
  int64_t pages = *(int64_t *)ctx;
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)pages);
  struct db_statement s = {sql, strlen(sql), NULL, 0, DB_OURS};
  return db->driver->exec(db, &s, NULL, NULL, NULL, NULL, e);
}

static int write_a_lot(struct db *db, void *ctx, struct err *e) {
  (void)ctx;
  return row_change(db, "INSERT INTO content (hash, bytes) VALUES ('big', zeroblob(1000000))",
                    NO_PARAMS, NULL, e);
}

static void a_write_without_room_fails_alone(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  struct gate gate;
  int64_t pages = read_number(f, s, "PRAGMA page_count") + 20;
  assert_ok(store_write(s, limit_pages, &pages, &f->e));
  gate_close(&gate, s); /* its transaction is its own: the rest queues behind it */
  post(s, 1, "a");
  post(s, 1, "b");
  gate_open(&gate);
  assert_err(store_write(s, write_a_lot, NULL, &f->e), ERR_STORAGE);
  assert_in(f->e.text, "full");
  post(s, 1, "c");
  struct insert insert = {1, false};
  assert_ok(store_write(s, insert_value, &insert, &f->e));
  assert_string_equal(events(f, s, 1), "a b c ");
  store_close(s);
}

struct big {
  struct store *store;
  sem_t *queued;
  struct err e;
  int rc;
};

static void *write_big(void *arg) {
  struct big *big = arg;
  big->rc = store_write(big->store, write_a_lot, NULL, &big->e);
  return NULL;
}

/* Events in the same transaction as a write that fills the disk are not lost with it. */
static void events_survive_a_neighbour_without_room(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  int64_t pages = read_number(f, s, "PRAGMA page_count") + 20;
  assert_ok(store_write(s, limit_pages, &pages, &f->e));
  for (int round = 0; round < 20; round++) {
    struct big big = {.store = s};
    pthread_t thread;
    struct gate gate;
    gate_close(&gate, s);
    post(s, 1, "a");
    pthread_create(&thread, NULL, write_big, &big);
    post(s, 1, "b");
    gate_open(&gate);
    pthread_join(thread, NULL);
    assert_int_equal(big.rc, -1);
    assert_int_equal(big.e.kind, ERR_STORAGE);
  }
  settle(f, s);
  assert_string_equal(events(f, s, 1), "a b a b a b a b a b a b a b a b a b a b "
                                       "a b a b a b a b a b a b a b a b a b a b ");
  store_close(s);
}

/* A full disk, as the system says it: no file may grow. */
static void disk_full(const char *path, bool full) {
  struct rlimit limit;
  struct stat st;
  char wal[PATH_MAX + 32];
  snprintf(wal, sizeof wal, "%s-wal", path);
  assert_int_equal(stat(wal, &st), 0);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = full ? (rlim_t)st.st_size : limit.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_fails_writes_and_keeps_events(void **state) {
  struct fixture *f = *state;
  struct board board = {.calls = 0};
  struct store *s = open_with_runs(f, &board);
  struct insert insert = {1, false};
  assert_ok(store_write(s, insert_value, &insert, &f->e));
  post(s, 1, "before");
  settle(f, s);
  disk_full(f->path, true);
  post(s, 1, "a");
  insert.value = 2;
  int first = store_write(s, insert_value, &insert, &f->e);
  struct err why = f->e;
  post(s, 1, "b");
  int second = write_event(s, 'z', &f->e);
  post(s, 1, "c");
  disk_full(f->path, false);
  assert_int_equal(first, -1);
  assert_int_equal(why.kind, ERR_STORAGE);
  assert_int_equal(second, -1);
  assert_int_equal(f->e.kind, ERR_STORAGE);
  assert_ok(write_event(s, 'd', &f->e));
  assert_string_equal(events(f, s, 1), "before a b c d ");
  assert_int_equal(board.last[1], 5);
  assert_int_equal(read_number(f, s, "SELECT COUNT(*) FROM principal"), 1);
  store_close(s);
}

/* With nothing else to write, what is held is tried again by itself. */
static void held_events_are_stored_when_there_is_room_again(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  settle(f, s);
  disk_full(f->path, true);
  post(s, 1, "a");
  struct insert insert = {2, false};
  int rc = store_write(s, insert_value, &insert, &f->e);
  disk_full(f->path, false);
  assert_int_equal(rc, -1);
  for (int64_t n = 0; n == 0;) /* the test's own time limit ends this if it never comes */
    n = read_number(f, s, "SELECT COUNT(*) FROM event");
  assert_string_equal(events(f, s, 1), "a ");
  store_close(s);
}

#define MEGABYTE (1 << 20)

static void held_events_are_bounded(void **state) {
  struct fixture *f = *state;
  struct store *s = open_with_runs(f, NULL);
  char *big = arena_alloc(&f->arena, MEGABYTE);
  settle(f, s);
  disk_full(f->path, true);
  for (int i = 0; i < 40; i++)
    store_post_event(s, 1, NULL, big, MEGABYTE);
  struct insert insert = {2, false};
  int rc = store_write(s, insert_value, &insert, &f->e);
  disk_full(f->path, false);
  assert_int_equal(rc, -1);
  settle(f, s);
  assert_int_equal(read_number(f, s, "SELECT COUNT(*) FROM event"), 16);
  assert_int_equal(read_number(f, s, "SELECT MAX(seq) FROM event"), 16);
  post(s, 1, "x"); /* and there is room for new ones */
  settle(f, s);
  assert_int_equal(read_number(f, s, "SELECT MAX(seq) FROM event"), 17);
  store_close(s);
}

/* A driver whose commits take effect, and report an I/O error. */
struct liar {
  struct db db;
  struct db *inner;
  struct db_driver driver;
};

static int lying_exec(struct db *db, const struct db_statement *st, db_row_fn *row, void *ctx,
                      int64_t *changed, const struct job *job, struct err *e) {
  struct liar *liar = (struct liar *)db;
  if (liar->inner->driver->exec(liar->inner, st, row, ctx, changed, job, e))
    return -1;
  if (strcmp(st->sql, "COMMIT") != 0)
    return 0;
  return err_set(e, ERR_TARGET, "reading or writing the database file failed");
}

static bool lying_in_transaction(struct db *db) {
  return db_sqlite.in_transaction(((struct liar *)db)->inner);
}

static void lying_close(struct db *db) {
  db_close(((struct liar *)db)->inner);
}

static void a_commit_that_took_effect_is_a_success(void **state) {
  struct fixture *f = *state;
  struct board board = {.calls = 0};
  struct liar liar = {.inner = fixture_open(f, false), .driver = db_sqlite};
  struct store_options options = {.path = f->path, .published = published, .published_ctx = &board};
  struct writer *w = NULL;
  char a[] = "\x1a\x01"
             "a";
  int64_t target = 1;
  pthread_mutex_init(&board.mutex, NULL);
  put_catalog(f, "app", "a");
  target = add_target(f, "one", "");
  add_run(f, &target, 1);
  liar.driver.exec = lying_exec;
  liar.driver.in_transaction = lying_in_transaction;
  liar.driver.close = lying_close;
  liar.db.driver = &liar.driver;
  assert_ok(writer_new(&w, &options, &liar.db, &f->e));
  assert_ok(writer_write(w, append, a, &f->e));
  assert_int_equal(board.last[1], 1);
  struct insert insert = {1, false};
  assert_ok(writer_write(w, insert_value, &insert, &f->e)); /* over a new, honest connection */
  writer_free(w);
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM event"), 1);
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM principal"), 1);
}

/* kill -9: this program again, as a child, writes with several threads and says what was
 * acknowledged. */

struct busy {
  struct store *store;
  int number, fd;
};

static void *write_for_ever(void *arg) {
  struct busy *busy = arg;
  for (int i = 0;; i++) {
    struct insert insert = {busy->number * 1000000 + i, false};
    struct err e;
    post(busy->store, 1, "x");
    if (store_write(busy->store, insert_value, &insert, &e))
      _exit(9);
    if (write(busy->fd, &insert.value, sizeof insert.value) != sizeof insert.value)
      _exit(8);
  }
  return NULL;
}

static int child_main(const char *path, int round, int fd) {
  struct store_options options = {.path = path, .readers = 1};
  struct store *s = NULL;
  struct busy busy[4];
  pthread_t threads[4];
  struct err e;
  if (store_open(&s, &options, &e))
    return 7;
  for (int i = 0; i < 4; i++) {
    busy[i] = (struct busy){s, round * 4 + i, fd};
    pthread_create(&threads[i], NULL, write_for_ever, &busy[i]);
  }
  pthread_join(threads[0], NULL);
  return 6;
}

/* Whether what the killed child had acknowledged is there. */
static void check_acknowledged(struct fixture *f, int value) {
  char name[32];
  int64_t n = 0;
  snprintf(name, sizeof name, "p%d", value);
  assert_ok(row_int(f->db, "SELECT COUNT(*) FROM principal WHERE name = $1", PARAMS(db_text(name)),
                    &n, NULL, &f->e));
  if (n != 1)
    fail_msg("%s was acknowledged and is not there", name);
}

static void kill_one(struct fixture *f, int round) {
  int pipes[2], value, acknowledged = 20 + round * 13, status;
  assert_int_equal(pipe(pipes), 0);
  pid_t pid = fork();
  if (pid == 0) {
    char round_text[16], fd_text[16];
    close(pipes[0]);
    snprintf(round_text, sizeof round_text, "%d", round);
    snprintf(fd_text, sizeof fd_text, "%d", pipes[1]);
    execl("/proc/self/exe", "child", f->path, round_text, fd_text, (char *)NULL);
    _exit(5);
  }
  close(pipes[1]);
  int *values = ARENA_ARRAY(&f->arena, int, 100000);
  int count = 0;
  while (count < acknowledged && read(pipes[0], &value, sizeof value) == sizeof value)
    values[count++] = value;
  kill(pid, SIGKILL);
  while (count < 100000 && read(pipes[0], &value, sizeof value) == sizeof value)
    values[count++] = value;
  close(pipes[0]);
  waitpid(pid, &status, 0);
  assert_true(WIFSIGNALED(status));
  struct store *s = open_store(f, NULL); /* looks whether the file is whole, too */
  store_close(s);
  f->db = fixture_open(f, false);
  char *verdict = NULL;
  assert_ok(row_text(f->db, "PRAGMA integrity_check", NO_PARAMS, &f->arena, &verdict, &f->e));
  assert_string_equal(verdict, "ok");
  assert_true(count >= acknowledged);
  for (int i = 0; i < count; i++)
    check_acknowledged(f, values[i]);
  assert_int_equal(number(f, f->db, "SELECT COUNT(*) FROM event"),
                   number(f, f->db, "SELECT next_seq - 1 FROM run WHERE id = 1"));
  db_close(f->db);
  f->db = NULL;
}

static void a_killed_process_loses_nothing_acknowledged(void **state) {
  struct fixture *f = *state;
  store_close(open_with_runs(f, NULL));
  for (int round = 0; round < 12; round++)
    kill_one(f, round);
}

int main(int argc, char **argv) {
  if (argc == 4)
    return child_main(argv[1], atoi(argv[2]), atoi(argv[3]));
  const struct CMUnitTest tests[] = {
      TEST(a_killed_process_loses_nothing_acknowledged),
      TEST(what_is_queued_shares_a_commit),
      TEST(many_writers_and_only_the_failing_fail),
      TEST(events_keep_their_order_with_writes),
      TEST(each_run_is_published_once_a_commit),
      TEST(closing_stores_what_is_queued),
      TEST(a_write_without_room_fails_alone),
      TEST(events_survive_a_neighbour_without_room),
      TEST(a_full_disk_fails_writes_and_keeps_events),
      TEST(held_events_are_stored_when_there_is_room_again),
      TEST(held_events_are_bounded),
      TEST(a_commit_that_took_effect_is_a_success),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
