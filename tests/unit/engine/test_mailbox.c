/* The mailbox wakes once per batch, keeps order, and the board loses no publication. */
#include "server/engine/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENDERS 4
#define EACH 1000

struct letter {
  struct mail mail;
  unsigned sender, number;
};

struct loop {
  unsigned delivered, last[SENDERS];
  int64_t run;
  uint64_t seq;
  unsigned publications;
};

static void on_letter(struct mail *mail, void *ctx) {
  struct letter *l = (struct letter *)mail;
  struct loop *loop = ctx;
  assert_int_equal(l->number, loop->last[l->sender] + 1);
  loop->last[l->sender] = l->number;
  loop->delivered++;
  free(l);
}

static void on_published(void *ctx, int64_t run, uint64_t seq) {
  struct loop *loop = ctx;
  loop->run = run;
  loop->seq = seq;
  loop->publications++;
}

static int readable(struct mailbox *m) {
  struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
  return poll(&p, 1, 0);
}

static struct mailbox *make(void) {
  struct mailbox *m;
  struct err e;
  assert_int_equal(mailbox_new(&m, &e), 0);
  board_listen(m, on_published);
  return m;
}

struct sender {
  struct mailbox *m;
  unsigned id;
};

static void *send_all(void *arg) {
  struct sender *s = arg;
  for (unsigned i = 1; i <= EACH; i++) {
    struct letter *l = calloc(1, sizeof *l);
    l->mail.deliver = on_letter;
    l->sender = s->id;
    l->number = i;
    mailbox_send(s->m, &l->mail);
  }
  return NULL;
}

static void test_order_of_each_sender_is_kept(void **state) {
  (void)state;
  struct mailbox *m = make();
  struct loop loop = {0};
  pthread_t threads[SENDERS];
  struct sender senders[SENDERS];
  for (unsigned i = 0; i < SENDERS; i++) {
    senders[i] = (struct sender){m, i};
    pthread_create(&threads[i], NULL, send_all, &senders[i]);
  }
  while (loop.delivered < SENDERS * EACH) {
    struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    mailbox_deliver(m, &loop);
  }
  for (unsigned i = 0; i < SENDERS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(readable(m), 0);
  mailbox_free(m);
}

static void test_board_tells_the_newest_once(void **state) {
  (void)state;
  struct mailbox *m = make();
  struct loop loop = {0};
  assert_int_equal(board_last(m, 7), 0);
  board_publish(m, 7, 3);
  board_publish(m, 7, 5);
  board_publish(m, 7, 4); /* late: an older one changes nothing */
  assert_int_equal(board_last(m, 7), 5);
  assert_int_equal(readable(m), 1);
  mailbox_deliver(m, &loop);
  assert_int_equal(loop.publications, 1);
  assert_int_equal(loop.run, 7);
  assert_int_equal(loop.seq, 5);
  assert_int_equal(readable(m), 0);
  mailbox_free(m);
}

/* A watcher that parked before the last event must be woken by the run's being forgotten. */
static void test_forgetting_a_run_wakes_whoever_waits(void **state) {
  (void)state;
  struct mailbox *m = make();
  struct loop loop = {0};
  board_publish(m, 7, 5);
  mailbox_deliver(m, &loop);
  board_publish(m, 7, 6);
  board_publish(m, 7, 0);
  mailbox_deliver(m, &loop);
  assert_int_equal(loop.publications, 2);
  assert_true(loop.seq == UINT64_MAX);
  assert_int_equal(board_last(m, 7), 0);
  mailbox_free(m);
}

static void test_a_run_that_is_resumed_counts_on(void **state) {
  (void)state;
  struct mailbox *m = make();
  struct loop loop = {0};
  board_publish(m, 7, 6);
  board_publish(m, 7, 0);
  board_publish(m, 7, 7);
  assert_int_equal(board_last(m, 7), 7);
  mailbox_deliver(m, &loop);
  assert_int_equal(loop.seq, 7);
  assert_int_equal(board_last(m, 7), 7);
  mailbox_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order_of_each_sender_is_kept),
      cmocka_unit_test(test_board_tells_the_newest_once),
      cmocka_unit_test(test_forgetting_a_run_wakes_whoever_waits),
      cmocka_unit_test(test_a_run_that_is_resumed_counts_on),
  };
  return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
