/* The store: one file, one writer (writer.c), a few reading connections that are lent out. The
 * readers are under the mutex; a borrowed one belongs to its borrower.
 */
#include "server/store/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server/store/row.h"
#include "server/store/writer.h"

struct store {
  char *path;
  char id[17];
  struct writer *writer;
  pthread_mutex_t mutex;
  pthread_cond_t returned;
  struct db **idle;
  unsigned idle_count, open_count, limit;
};

/* Pages in memory and what is kept of the log file, per connection: a server is to stay small. */
static int tune(struct db *db, struct err *e) {
  if (db->driver->dialect != DIALECT_SQLITE)
    return 0;
  if (row_change(db, "PRAGMA cache_size = -512", NO_PARAMS, NULL, e))
    return -1;
  return row_change(db, "PRAGMA journal_size_limit = 4194304", NO_PARAMS, NULL, e);
}

int store_connect(const char *path, bool read_only, struct db **out, struct err *e) {
  struct db_url url = {.dialect = DIALECT_SQLITE};
  struct db_options options = {
      .url = &url, .read_only = read_only, .wal = true, .lock_timeout_ms = 10000};
  struct db *db = NULL;
  if (strlen(path) >= sizeof url.path)
    return err_set(e, ERR_INPUT, "the store's path is too long");
  memcpy(url.path, path, strlen(path) + 1);
  memcpy(url.place, path, strlen(path) + 1);
  if (db_open(&db, &options, NULL, e) || tune(db, e)) {
    db_close(db);
    if (e->kind == ERR_TARGET || e->kind == ERR_MIGRATION)
      e->kind = ERR_STORAGE;
    return err_in(e, "cannot open the store");
  }
  *out = db;
  return 0;
}

/* A damaged file is refused here, not met by a run. */
static int check_whole(struct db *db, struct err *e) {
  struct arena arena;
  char *verdict = NULL;
  if (db->driver->dialect != DIALECT_SQLITE)
    return 0;
  arena_init(&arena, 0);
  int rc = row_text(db, "PRAGMA quick_check(1)", NO_PARAMS, &arena, &verdict, e);
  if (rc == 0 && (!verdict || strcmp(verdict, "ok") != 0))
    rc = err_set(e, ERR_STORAGE, "the store's file is damaged: %s", verdict ? verdict : "?");
  arena_release(&arena);
  return rc;
}

/* Made once, with the first opening. */
static int make_id(struct db *db, struct err *e) {
  unsigned char random[8];
  char hex[17];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
    return err_set(e, ERR_INTERNAL, "the system gives no random bytes");
  for (size_t i = 0; i < sizeof random; i++) {
    hex[2 * i] = "0123456789abcdef"[random[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
  }
  hex[16] = '\0';
  return row_change(db,
                    "INSERT INTO meta (name, value) VALUES ('store_id', $1) ON CONFLICT DO NOTHING",
                    PARAMS(db_text(hex)), NULL, e);
}

static int read_id(struct db *db, char id[17], struct err *e) {
  static const char sql[] = "SELECT value FROM meta WHERE name = 'store_id'";
  struct arena arena;
  char *found = NULL;
  arena_init(&arena, 0);
  int rc = row_text(db, sql, NO_PARAMS, &arena, &found, e);
  if (rc == 0 && !found) {
    rc = make_id(db, e);
    if (rc == 0)
      rc = row_text(db, sql, NO_PARAMS, &arena, &found, e);
  }
  if (rc == 0 && (!found || strlen(found) != 16))
    rc = err_set(e, ERR_STORAGE, "the store's id is damaged");
  if (rc == 0)
    memcpy(id, found, 17);
  arena_release(&arena);
  return rc;
}

int store_open(struct store **out, const struct store_options *options, struct err *e) {
  struct store *s = xcalloc(1, sizeof *s);
  struct store_options kept = *options;
  struct db *db = NULL;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_cond_init(&s->returned, NULL);
  s->path = xstrdup(options->path);
  s->limit = options->readers ? options->readers : 1;
  s->idle = xcalloc(s->limit, sizeof(struct db *));
  kept.path = s->path;
  if (store_connect(s->path, false, &db, e) || check_whole(db, e) || read_id(db, s->id, e)) {
    db_close(db);
    store_close(s);
    return -1;
  }
  if (writer_new(&s->writer, &kept, db, e)) {
    store_close(s);
    return -1;
  }
  *out = s;
  return 0;
}

void store_close(struct store *s) {
  if (!s)
    return;
  writer_free(s->writer);
  assert(s->idle_count == s->open_count);
  for (unsigned i = 0; i < s->idle_count; i++)
    db_close(s->idle[i]);
  pthread_cond_destroy(&s->returned);
  pthread_mutex_destroy(&s->mutex);
  free(s->idle);
  free(s->path);
  free(s);
}

const char *store_id(const struct store *s) {
  return s->id;
}

const char *store_path(const struct store *s) {
  return s->path;
}

/* NULL: there is none idle, and the caller may open one. */
static struct db *wait_for_reader(struct store *s) {
  struct db *db = NULL;
  pthread_mutex_lock(&s->mutex);
  while (s->idle_count == 0 && s->open_count == s->limit)
    pthread_cond_wait(&s->returned, &s->mutex);
  if (s->idle_count)
    db = s->idle[--s->idle_count];
  else
    s->open_count++;
  pthread_mutex_unlock(&s->mutex);
  return db;
}

/* Takes `db`, which may be NULL: a place for a reader that could not be opened. */
static void drop_reader(struct store *s, struct db *db) {
  db_close(db);
  pthread_mutex_lock(&s->mutex);
  s->open_count--;
  pthread_cond_signal(&s->returned);
  pthread_mutex_unlock(&s->mutex);
}

struct db *store_reader(struct store *s, struct err *e) {
  struct db *db = wait_for_reader(s);
  if ((!db && store_connect(s->path, true, &db, e)) ||
      row_change(db, "BEGIN", NO_PARAMS, NULL, e)) {
    drop_reader(s, db);
    return NULL;
  }
  return db;
}

void store_reader_done(struct store *s, struct db *db) {
  struct err e;
  if (!db)
    return;
  err_clear(&e);
  if (db->driver->in_transaction(db) && row_change(db, "COMMIT", NO_PARAMS, NULL, &e)) {
    drop_reader(s, db);
    return;
  }
  pthread_mutex_lock(&s->mutex);
  s->idle[s->idle_count++] = db;
  pthread_cond_signal(&s->returned);
  pthread_mutex_unlock(&s->mutex);
}

int store_write(struct store *s, store_write_fn *fn, void *ctx, struct err *e) {
  return writer_write(s->writer, fn, ctx, e);
}

void store_post_event(struct store *s, int64_t run, const char *latest, const void *packed,
                      size_t len) {
  writer_post(s->writer, run, latest, packed, len);
}
