/* The writer: takes all that is queued, runs it in one transaction (each write in a savepoint of
 * its own), commits, answers. One fsync serves everybody who waited: group commit.
 *
 * A write that fails is rolled back alone. When the transaction itself is lost (a full or failing
 * disk), writes are answered ERR_STORAGE; events are kept, in order, before anything newer, and
 * tried again. The queue is under the mutex; all else belongs to the thread.
 */
#include "server/store/writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/store/row.h"
#include "server/store/run.h"

#define RETRY_NS (INT64_C(500) * NS_PER_MS)

/* A write (on its caller's stack) or an event (fn NULL, on the heap). */
struct entry {
  struct entry *next;
  int rc;
  store_write_fn *fn;
  void *ctx;
  struct err *e;
  bool answered; /* under the mutex, as is the condition */
  pthread_cond_t done;
  int64_t run;
  const char *latest; /* behind the message, or NULL */
  size_t len;
  unsigned char packed[];
};

struct list {
  struct entry *head, **tail;
};

struct fresh {
  int64_t run;
  uint64_t seq;
};

struct writer {
  struct db db; /* what writes are given: passes on to `inner`, knows the writer */
  struct db_driver driver;
  struct db *inner; /* NULL while the file cannot be opened */
  struct store_options options;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  struct list queue;
  size_t waiting; /* bytes of events not stored yet */
  size_t dropped; /* events, since it was last said */
  bool stopping;
  /* The thread's own. */
  struct list held;    /* events that could not be stored yet */
  struct fresh *fresh; /* new events of this transaction, in order */
  size_t fresh_count, fresh_capacity;
  int64_t batch; /* the number of this transaction, kept in the store */
  bool failing;
  bool durable; /* a commit is on the disk when it returns */
};

static void list_init(struct list *l) {
  l->head = NULL;
  l->tail = &l->head;
}

static void list_add(struct list *l, struct entry *entry) {
  entry->next = NULL;
  *l->tail = entry;
  l->tail = &entry->next;
}

/* All of `from` behind `to`. */
static void list_move(struct list *to, struct list *from) {
  if (!from->head)
    return;
  *to->tail = from->head;
  to->tail = from->tail;
  list_init(from);
}

/* The db that writes are given. */

static int fresh_exec(struct db *db, const struct db_statement *statement, db_row_fn *row,
                      void *ctx, int64_t *changed, const struct job *job, struct err *e) {
  struct db *inner = ((struct writer *)db)->inner;
  return inner->driver->exec(inner, statement, row, ctx, changed, job, e);
}

static bool fresh_in_transaction(struct db *db) {
  struct db *inner = ((struct writer *)db)->inner;
  return inner->driver->in_transaction(inner);
}

void writer_fresh(struct db *db, int64_t run, uint64_t seq) {
  if (db->driver->exec != fresh_exec)
    return;
  struct writer *w = (struct writer *)db;
  if (w->fresh_count == w->fresh_capacity) {
    w->fresh_capacity = w->fresh_capacity ? w->fresh_capacity * 2 : 32;
    w->fresh = xrealloc(w->fresh, w->fresh_capacity * sizeof *w->fresh);
  }
  w->fresh[w->fresh_count++] = (struct fresh){run, seq};
}

/* One call for each run with its last event; the newest stand at the end. */
static void publish(struct writer *w) {
  for (size_t i = w->fresh_count; i-- > 0 && w->options.published;) {
    bool newer = false;
    for (size_t j = i + 1; j < w->fresh_count && !newer; j++)
      newer = w->fresh[j].run == w->fresh[i].run;
    if (!newer) {
      w->options.published(w->options.published_ctx, w->fresh[i].run, w->fresh[i].seq);
      continue;
    }
    memmove(&w->fresh[i], &w->fresh[i + 1], (w->fresh_count - i - 1) * sizeof *w->fresh);
    w->fresh_count--;
  }
  w->fresh_count = 0;
}

/* Transactions. */

static bool transaction_open(struct writer *w) {
  return w->inner && w->inner->driver->in_transaction(w->inner);
}

static int reconnect(struct writer *w, struct err *e) {
  db_close(w->inner);
  w->inner = NULL;
  w->durable = true;
  return store_connect(w->options.path, false, &w->inner, e);
}

/* Events that nobody waits for need no fsync of their own: the next write's covers them, and what a
 * power loss takes of them the targets' ledgers tell again. SQLite sets this when the statement is
 * compiled: it must not be kept prepared. */
static int pace(struct writer *w, const struct entry *first, struct err *e) {
  bool durable = false;
  for (const struct entry *entry = first; entry && !durable; entry = entry->next)
    durable = entry->fn != NULL;
  if (durable == w->durable || w->inner->driver->dialect != DIALECT_SQLITE)
    return 0;
  if (db_exec(w->inner, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
              0, NULL, NULL, NULL, NULL, e))
    return -1;
  w->durable = durable;
  return 0;
}

static int begin(struct writer *w, const struct entry *first, struct err *e) {
  w->fresh_count = 0;
  if ((!w->inner && reconnect(w, e)) || pace(w, first, e))
    return -1;
  if (row_change(&w->db, w->inner->driver->begin, NO_PARAMS, NULL, e))
    return -1;
  return counter_next(&w->db, "batch", &w->batch, e);
}

static void rollback(struct writer *w) {
  struct err ignored;
  err_clear(&ignored);
  if (transaction_open(w) && row_change(&w->db, "ROLLBACK", NO_PARAMS, NULL, &ignored)) {
    db_close(w->inner); /* a connection that cannot even do this is of no use */
    w->inner = NULL;
  }
}

/* A commit may report an error and have taken effect all the same: the store's own batch number
 * tells, read over a new connection. */
static int commit(struct writer *w, struct err *e) {
  int64_t stored = -1;
  struct err why;
  if (row_change(&w->db, "COMMIT", NO_PARAMS, NULL, e) == 0)
    return 0;
  if (transaction_open(w)) {
    rollback(w);
    return -1;
  }
  err_clear(&why);
  if (reconnect(w, &why) || row_int(&w->db, "SELECT value FROM counter WHERE name = 'batch'",
                                    NO_PARAMS, &stored, NULL, &why))
    return -1;
  return stored == w->batch ? 0 : -1;
}

/* Answers. */

static void answer(struct writer *w, struct entry *entry) {
  pthread_mutex_lock(&w->mutex);
  entry->answered = true;
  pthread_cond_signal(&entry->done);
  pthread_mutex_unlock(&w->mutex);
}

static void forget_event(struct writer *w, struct entry *entry) {
  pthread_mutex_lock(&w->mutex);
  w->waiting -= entry->len;
  pthread_mutex_unlock(&w->mutex);
  free(entry);
}

static void fail_write(struct writer *w, struct entry *entry, const struct err *why) {
  if (why->kind == ERR_STORAGE)
    *entry->e = *why;
  else
    err_set(entry->e, ERR_STORAGE, "store: %s", why->text);
  entry->rc = -1;
  answer(w, entry);
}

static void say_failing(struct writer *w, const struct err *why) {
  if (!w->failing)
    log_line(w->options.log, LOG_ERROR, "store", "cannot write: %s", why->text);
  w->failing = true;
}

static void say_stored(struct writer *w) {
  pthread_mutex_lock(&w->mutex);
  size_t dropped = w->dropped;
  w->dropped = 0;
  pthread_mutex_unlock(&w->mutex);
  if (w->failing)
    log_line(w->options.log, LOG_WARN, "store", "can write again");
  if (dropped)
    log_line(w->options.log, LOG_ERROR, "store", "%zu events could not be stored", dropped);
  w->failing = false;
}

/* Nothing of the list is stored: writes are told, events are kept for later. */
static void fail_all(struct writer *w, struct entry *entry, const struct err *why) {
  say_failing(w, why);
  for (struct entry *next; entry; entry = next) {
    next = entry->next;
    if (entry->fn)
      fail_write(w, entry, why);
    else
      list_add(&w->held, entry);
  }
}

/* `culprit` lost the transaction with all that was written before it. When it is a write the rest
 * may go on without it, and is answered; when it is an event the disk is to blame, and nothing more
 * is tried. */
static struct entry *lost(struct writer *w, struct entry *first, struct entry *culprit,
                          const struct err *why) {
  struct entry *rest = culprit->next;
  struct list again;
  list_init(&again);
  rollback(w);
  if (!culprit->fn) {
    fail_all(w, first, why);
    return NULL;
  }
  for (struct entry *entry = first, *next; entry != rest; entry = next) {
    next = entry->next;
    if (!entry->fn)
      list_add(&again, entry);
    else if (entry == culprit && entry->e->kind != ERR_NONE && entry->rc)
      answer(w, entry);
    else
      fail_write(w, entry, why);
  }
  *again.tail = rest;
  return again.head;
}

/* Whether a statement failed for want of room (SQLSTATE class 53) or by the disk (58), not by
 * itself. */
static bool disk_failed(const struct err *e) {
  return strncmp(e->sqlstate, "53", 2) == 0 || strncmp(e->sqlstate, "58", 2) == 0;
}

/* Runs one entry in its savepoint. 0, with entry->rc what it answered; -1 when the transaction is
 * lost. */
static int apply(struct writer *w, struct entry *entry, struct err *e) {
  size_t mark = w->fresh_count;
  if (row_change(&w->db, "SAVEPOINT entry", NO_PARAMS, NULL, e))
    return -1;
  if (entry->fn)
    entry->rc = entry->fn(&w->db, entry->ctx, entry->e);
  else
    entry->rc = event_append(&w->db, entry->run, entry->latest, entry->packed, entry->len, NULL, e);
  if (entry->rc == 0)
    return row_change(&w->db, "RELEASE SAVEPOINT entry", NO_PARAMS, NULL, e);
  if (entry->fn)
    *e = *entry->e;
  w->fresh_count = mark;
  if (!transaction_open(w) || (!entry->fn && disk_failed(e)))
    return -1;
  if (!entry->fn)
    log_line(w->options.log, LOG_ERROR, "store", "an event of run %lld is lost: %s",
             (long long)entry->run, e->text);
  if (row_change(&w->db, "ROLLBACK TO SAVEPOINT entry", NO_PARAMS, NULL, e))
    return -1;
  return row_change(&w->db, "RELEASE SAVEPOINT entry", NO_PARAMS, NULL, e);
}

/* One transaction. Answers what is still to be done. */
static struct entry *batch(struct writer *w, struct entry *first) {
  struct err e;
  err_clear(&e);
  if (begin(w, first, &e)) {
    rollback(w);
    fail_all(w, first, &e);
    return NULL;
  }
  for (struct entry *entry = first; entry; entry = entry->next)
    if (apply(w, entry, &e))
      return lost(w, first, entry, &e);
  if (commit(w, &e)) {
    fail_all(w, first, &e);
    return NULL;
  }
  say_stored(w);
  publish(w); /* first: who is answered may say that its run is over */
  for (struct entry *entry = first, *next; entry; entry = next) {
    next = entry->next;
    if (entry->fn)
      answer(w, entry);
    else
      forget_event(w, entry);
  }
  return NULL;
}

/* Waits for something to do: what is held first, then what is queued. */
static struct entry *take(struct writer *w, bool *stopping) {
  struct list work = {NULL, NULL};
  int64_t until = clock_mono_ns() + RETRY_NS;
  struct timespec deadline = {until / NS_PER_S, until % NS_PER_S};
  int timed_out = 0;
  list_init(&work);
  pthread_mutex_lock(&w->mutex);
  while (!w->queue.head && !w->stopping && timed_out != ETIMEDOUT) {
    if (w->held.head)
      timed_out = pthread_cond_timedwait(&w->wake, &w->mutex, &deadline);
    else
      pthread_cond_wait(&w->wake, &w->mutex);
  }
  list_move(&work, &w->held);
  list_move(&work, &w->queue);
  *stopping = w->stopping;
  pthread_mutex_unlock(&w->mutex);
  return work.head;
}

static void *writer_main(void *arg) {
  struct writer *w = arg;
  for (bool stopping = false; !stopping;) {
    struct entry *work = take(w, &stopping);
    while (work)
      work = batch(w, work);
  }
  return NULL;
}

/* The other threads' side. */

static void queue_add(struct writer *w, struct entry *entry) {
  if (!w->queue.head)
    pthread_cond_signal(&w->wake);
  list_add(&w->queue, entry);
}

int writer_write(struct writer *w, store_write_fn *fn, void *ctx, struct err *e) {
  struct entry entry = {.fn = fn, .ctx = ctx, .e = e};
  err_clear(e);
  pthread_cond_init(&entry.done, NULL);
  pthread_mutex_lock(&w->mutex);
  assert(!w->stopping);
  queue_add(w, &entry);
  while (!entry.answered)
    pthread_cond_wait(&entry.done, &w->mutex);
  pthread_mutex_unlock(&w->mutex);
  pthread_cond_destroy(&entry.done);
  return entry.rc;
}

void writer_post(struct writer *w, int64_t run, const char *latest, const void *packed,
                 size_t len) {
  size_t more = latest ? strlen(latest) + 1 : 0;
  struct entry *entry = xcalloc(1, sizeof *entry + len + more);
  entry->run = run;
  entry->len = len;
  memcpy(entry->packed, packed, len);
  if (latest)
    entry->latest = memcpy(entry->packed + len, latest, more);
  pthread_mutex_lock(&w->mutex);
  if (w->waiting + len <= EVENTS_WAITING_MAX) {
    w->waiting += len;
    queue_add(w, entry);
    entry = NULL;
  } else {
    w->dropped++;
  }
  pthread_mutex_unlock(&w->mutex);
  free(entry);
}

int writer_new(struct writer **out, const struct store_options *options, struct db *db,
               struct err *e) {
  struct writer *w = xcalloc(1, sizeof *w);
  pthread_condattr_t clock;
  w->options = *options;
  w->inner = db;
  w->durable = true;
  w->driver = *db->driver;
  w->driver.exec = fresh_exec;
  w->driver.in_transaction = fresh_in_transaction;
  w->db.driver = &w->driver;
  list_init(&w->queue);
  list_init(&w->held);
  pthread_mutex_init(&w->mutex, NULL);
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&w->wake, &clock);
  pthread_condattr_destroy(&clock);
  int error = pthread_create(&w->thread, NULL, writer_main, w);
  if (error) {
    w->stopping = true;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    db_close(db);
    free(w);
    return err_errno(e, ERR_BUSY, error, "cannot start the store's writer");
  }
  *out = w;
  return 0;
}

void writer_free(struct writer *w) {
  size_t unstored = 0;
  if (!w)
    return;
  pthread_mutex_lock(&w->mutex);
  w->stopping = true;
  pthread_cond_signal(&w->wake);
  pthread_mutex_unlock(&w->mutex);
  pthread_join(w->thread, NULL);
  for (struct entry *entry = w->held.head, *next; entry; entry = next, unstored++) {
    next = entry->next;
    free(entry);
  }
  if (unstored + w->dropped)
    log_line(w->options.log, LOG_ERROR, "store", "%zu events could not be stored",
             unstored + w->dropped);
  db_close(w->inner);
  pthread_cond_destroy(&w->wake);
  pthread_mutex_destroy(&w->mutex);
  free(w->fresh);
  free(w);
}
