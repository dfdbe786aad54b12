/* The list, the eventfd and the board of runs at work, all under one mutex. */
#include "server/engine/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/base/arena.h"

/* Publications wait here until the loop takes them: a run that publishes twice keeps one entry. */
struct board_entry {
  struct board_entry *next;
  int64_t run;
  uint64_t last_seq;
  bool fresh; /* not yet told to the loop */
  bool gone;  /* no longer at work: forgotten once that is told */
};

#define BUCKETS 64

struct mailbox {
  pthread_mutex_t mutex;
  struct mail *first, **last;
  bool signalled; /* the eventfd is readable: no need to write it again */
  int fd;
  struct board_entry *buckets[BUCKETS];
  void (*published)(void *loop, int64_t run, uint64_t seq);
};

int mailbox_new(struct mailbox **out, struct err *e) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return err_errno(e, ERR_BUSY, errno, "make an eventfd");
  struct mailbox *m = xcalloc(1, sizeof *m);
  pthread_mutex_init(&m->mutex, NULL);
  m->last = &m->first;
  m->fd = fd;
  *out = m;
  return 0;
}

void mailbox_free(struct mailbox *m) {
  if (!m)
    return;
  for (size_t i = 0; i < BUCKETS; i++)
    while (m->buckets[i]) {
      struct board_entry *entry = m->buckets[i];
      m->buckets[i] = entry->next;
      free(entry);
    }
  close(m->fd);
  pthread_mutex_destroy(&m->mutex);
  free(m);
}

/* Under the mutex. One write a batch: the loop clears the flag when it takes the list. */
static void signal_loop(struct mailbox *m) {
  if (m->signalled)
    return;
  m->signalled = true;
  uint64_t one = 1;
  while (write(m->fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

void mailbox_send(struct mailbox *m, struct mail *mail) {
  mail->next = NULL;
  pthread_mutex_lock(&m->mutex);
  *m->last = mail;
  m->last = &mail->next;
  signal_loop(m);
  pthread_mutex_unlock(&m->mutex);
}

int mailbox_fd(const struct mailbox *m) {
  return m->fd;
}

static struct board_entry **board_slot(struct mailbox *m, int64_t run) {
  struct board_entry **slot = &m->buckets[(uint64_t)run % BUCKETS];
  while (*slot && (*slot)->run != run)
    slot = &(*slot)->next;
  return slot;
}

struct publication {
  int64_t run;
  uint64_t seq;
};

/* Under the mutex: what the loop has not been told. The caller frees the list. */
static struct publication *take_fresh(struct mailbox *m, size_t *count) {
  struct publication *list = NULL;
  size_t n = 0;
  for (size_t i = 0; i < BUCKETS; i++)
    for (struct board_entry **slot = &m->buckets[i], *entry; (entry = *slot);) {
      if (entry->fresh) {
        entry->fresh = false;
        list = xrealloc(list, (n + 1) * sizeof *list);
        list[n++] = (struct publication){entry->run, entry->last_seq};
      }
      if (entry->gone) {
        *slot = entry->next;
        free(entry);
      } else {
        slot = &entry->next;
      }
    }
  *count = n;
  return list;
}

void mailbox_deliver(struct mailbox *m, void *loop) {
  uint64_t ignored;
  while (read(m->fd, &ignored, sizeof ignored) < 0 && errno == EINTR)
    continue;
  pthread_mutex_lock(&m->mutex);
  struct mail *mail = m->first;
  m->first = NULL;
  m->last = &m->first;
  m->signalled = false;
  size_t count;
  struct publication *fresh = take_fresh(m, &count);
  pthread_mutex_unlock(&m->mutex);

  for (size_t i = 0; i < count && m->published; i++)
    m->published(loop, fresh[i].run, fresh[i].seq);
  free(fresh);
  while (mail) {
    struct mail *next = mail->next;
    mail->deliver(mail, loop);
    mail = next;
  }
}

/* A run that is forgotten is told to the loop with the largest seq there is: whoever waits for it
 * looks once more and finds it ended. */
void board_publish(struct mailbox *m, int64_t run, uint64_t last_seq) {
  pthread_mutex_lock(&m->mutex);
  struct board_entry **slot = board_slot(m, run);
  struct board_entry *entry = *slot;
  if (!entry && last_seq) {
    entry = *slot = xcalloc(1, sizeof *entry);
    entry->run = run;
  }
  if (entry) {
    if (!last_seq || entry->gone || last_seq > entry->last_seq)
      entry->last_seq = last_seq ? last_seq : UINT64_MAX;
    entry->gone = !last_seq;
    entry->fresh = true;
    signal_loop(m);
  }
  pthread_mutex_unlock(&m->mutex);
}

uint64_t board_last(struct mailbox *m, int64_t run) {
  pthread_mutex_lock(&m->mutex);
  struct board_entry *entry = *board_slot(m, run);
  uint64_t last = entry ? entry->last_seq : 0;
  pthread_mutex_unlock(&m->mutex);
  return last;
}

void board_listen(struct mailbox *m, void (*published)(void *loop, int64_t run, uint64_t seq)) {
  m->published = published;
}
