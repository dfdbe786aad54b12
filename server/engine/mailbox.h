/* The way back: what workers and the store's writer send to the event loop. A list under a mutex,
 * an eventfd that wakes the loop once per batch. Senders: any thread; receiver: the loop alone.
 *
 * The board beside it remembers, for each run at work, the last committed event, so that a watcher
 * that parks just after an event was committed does not sleep over it.
 */
#ifndef MIGD_ENGINE_MAILBOX_H
#define MIGD_ENGINE_MAILBOX_H

#include <stdint.h>

#include "proto/base/err.h"

/* Embedded in what is sent; `deliver` runs on the loop and owns the mail from there. */
struct mail {
  struct mail *next;
  void (*deliver)(struct mail *mail, void *loop);
};

struct mailbox;

int mailbox_new(struct mailbox **out, struct err *e);
void mailbox_free(struct mailbox *m); /* nobody sends any more; undelivered mail is dropped */
void mailbox_send(struct mailbox *m, struct mail *mail);
int mailbox_fd(const struct mailbox *m); /* readable when there is mail */
/* Delivers all that is there. */
void mailbox_deliver(struct mailbox *m, void *loop);

/* A run's newest event; called after its commit. `last_seq` 0: the run is no longer at work: forget
 * it. */
void board_publish(struct mailbox *m, int64_t run, uint64_t last_seq);
/* 0 when the run is not at work. */
uint64_t board_last(struct mailbox *m, int64_t run);
/* What the loop calls for each publication; set once before anything is sent. */
void board_listen(struct mailbox *m, void (*published)(void *loop, int64_t run, uint64_t seq));

#endif
