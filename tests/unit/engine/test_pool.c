/* The pool does what it was given, in order with one thread, and refuses what does not fit. */
#include "server/engine/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct piece {
  struct work work;
  sem_t *begun, *go; /* where set: says that it began, then waits */
  unsigned *done;
  unsigned number, seen;
};

static void do_piece(struct work *work) {
  struct piece *p = (struct piece *)work;
  if (p->begun)
    sem_post(p->begun);
  if (p->go)
    sem_wait(p->go);
  p->seen = ++*p->done;
}

static void test_order_and_limit(void **state) {
  (void)state;
  struct pool *pool;
  struct err e;
  sem_t begun, go;
  unsigned done = 0;
  sem_init(&begun, 0, 0);
  sem_init(&go, 0, 0);
  assert_int_equal(pool_new(&pool, "test", 1, 2, &e), 0);
  struct piece pieces[4];
  memset(pieces, 0, sizeof pieces);
  for (unsigned i = 0; i < 4; i++)
    pieces[i] = (struct piece){.work.run = do_piece, .done = &done};
  pieces[0].begun = &begun;
  pieces[0].go = &go;
  assert_int_equal(pool_submit(pool, &pieces[0].work, &e), 0);
  sem_wait(&begun); /* it is off the queue */
  assert_int_equal(pool_submit(pool, &pieces[1].work, &e), 0);
  assert_int_equal(pool_submit(pool, &pieces[2].work, &e), 0);
  assert_int_equal(pool_submit(pool, &pieces[3].work, &e), -1);
  assert_int_equal(e.kind, ERR_BUSY);
  sem_post(&go);
  pool_stop(pool); /* what was queued still runs */
  assert_int_equal(done, 3);
  assert_int_equal(pieces[1].seen, 2);
  assert_int_equal(pieces[2].seen, 3);
  assert_int_equal(pool_submit(pool, &pieces[3].work, &e), -1);
  assert_int_equal(e.kind, ERR_UNREACHABLE);
  pool_free(pool);
}

/* Behind a group of six, a group of two is not the last to be done. */
static void test_groups_take_turns(void **state) {
  (void)state;
  struct pool *pool;
  struct err e;
  sem_t begun, go;
  unsigned done = 0;
  sem_init(&begun, 0, 0);
  sem_init(&go, 0, 0);
  assert_int_equal(pool_new(&pool, "test", 1, 0, &e), 0);
  struct piece pieces[8];
  memset(pieces, 0, sizeof pieces);
  for (unsigned i = 0; i < 8; i++) {
    pieces[i] = (struct piece){.work.run = do_piece, .work.group = i < 6, .done = &done};
    pieces[i].begun = i == 0 ? &begun : NULL;
    pieces[i].go = i == 0 ? &go : NULL;
    assert_int_equal(pool_submit(pool, &pieces[i].work, &e), 0);
    if (i == 0)
      sem_wait(&begun);
  }
  sem_post(&go);
  pool_stop(pool);
  const unsigned order[8] = {1, 2, 4, 6, 7, 8, 3, 5};
  for (unsigned i = 0; i < 8; i++)
    assert_int_equal(pieces[i].seen, order[i]);
  pool_free(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_limit),
                                     cmocka_unit_test(test_groups_take_turns)};
  return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
