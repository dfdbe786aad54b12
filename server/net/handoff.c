/* A call's steps: on a worker, or here on the loop for methods that never block. After each the
 * loop decides: send and step again, park, or end. Everything runs on the loop's thread but the two
 * functions marked "worker".
 */
#include "server/net/handoff.h"

#include <stdlib.h>

#include "proto/base/arena.h"
#include "server/base/clock.h"

#define RETRY_NS (100 * NS_PER_MS) /* a full queue, or a run that nobody works at, is asked again  \
                                    */

#define CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* --- making and freeing --- */

static struct handoff *handoff_new(struct stream *s) {
  struct conn *c = s->conn;
  struct handoff *h = xcalloc(1, sizeof *h);
  h->net = c->net;
  h->stream = s;
  h->mailbox = c->net->mailbox;
  h->principal = party_ref(c->principal);
  h->call.server = c->net->server;
  h->call.method = s->method;
  arena_init(&h->call.arena, 0);
  h->call.job.wake_fd = -1;
  h->call.job.deadline_ns = s->deadline_ns;
  memcpy(h->call.uri, c->uri, sizeof c->uri);
  h->call.certificate_expires = c->expires_us;
  h->call.replies = BUF_INIT;
  h->call.kept = BUF_INIT;
  return h;
}

static void dispose(struct handoff *h) {
  if (h->call.state && h->call.state_free)
    h->call.state_free(h->call.state);
  arena_release(&h->call.arena);
  buf_release(&h->call.replies);
  buf_release(&h->call.kept);
  free(h->bytes);
  free(h);
}

/* Worker: a method's state may be files. */
static void dispose_on_worker(struct work *work) {
  dispose(CONTAINER(work, struct handoff, work));
}

static void handoff_free(struct handoff *h) {
  struct err e;
  struct net *n = h->net;
  bool may_block = h->call.state && h->call.method->lane == LANE_WORKER;
  party_put(h->principal, clock_mono_ns());
  job_release(&h->call.job);
  h->work.run = dispose_on_worker;
  if (!may_block || pool_submit(n->workers, &h->work, &e) != 0)
    dispose(h);
}

void handoff_release(struct stream *s) {
  struct handoff *h = s->handoff;
  s->handoff = NULL;
  if (h == NULL)
    return;
  h->stream = NULL;
  if (h->conn)
    job_cancel(&h->call.job); /* at work: freed when it comes back */
  else
    handoff_free(h);
}

void handoff_forget_conn(struct conn *c) {
  struct handoff *h;
  while ((h = LIST_FIRST(&c->handoffs))) {
    LIST_REMOVE(h, link);
    h->conn = NULL;
  }
}

/* --- waiting for a job --- */

static bool may_work(const struct conn *c) {
  const struct net_limits *l = &c->net->limits;
  return (l->jobs_per_connection == 0 || c->jobs < l->jobs_per_connection) &&
         (l->jobs_per_principal == 0 || c->principal->jobs < l->jobs_per_principal);
}

static void queue(struct stream *s) {
  struct conn *c = s->conn;
  if (TAILQ_EMPTY(&c->queued))
    TAILQ_INSERT_TAIL(&c->principal->waiting, c, waiting_link);
  TAILQ_INSERT_TAIL(&c->queued, s, queue_link);
  s->phase = STREAM_QUEUED;
}

static void unqueue(struct stream *s) {
  struct conn *c = s->conn;
  TAILQ_REMOVE(&c->queued, s, queue_link);
  if (TAILQ_EMPTY(&c->queued))
    TAILQ_REMOVE(&c->principal->waiting, c, waiting_link);
  s->phase = STREAM_IDLE;
}

/* A job has ended: the connections of its principal may hand over what waits, in turn. */
static void let_next_work(struct party *p) {
  struct conn *c;
  TAILQ_FOREACH(c, &p->waiting, waiting_link) {
    if (may_work(c))
      conn_touch(c);
  }
}

void handoff_run_queued(struct conn *c) {
  struct stream *s;
  while ((s = TAILQ_FIRST(&c->queued)) && may_work(c)) {
    unqueue(s);
    handoff_advance(s);
  }
}

/* --- parking --- */

static void park_for(struct stream *s, int64_t ns) {
  s->phase = STREAM_PARKED;
  s->retry_ns = ns ? clock_mono_ns() + ns : 0;
  conn_touch(s->conn);
}

static size_t board_slot(int64_t run) {
  return (uint64_t)run % NET_PARKED;
}

/* An event that was committed while the call was on its way back has been published already: nobody
 * will say so again. */
static void park(struct stream *s, bool replied) {
  struct net *n = s->conn->net;
  const struct call *call = &s->handoff->call;
  if (call->wait_run == 0) {
    park_for(s, 0);
    if (n->stage != NET_SERVING && s->conn->drain_ns == 0)
      stream_end_idle(s->conn);
    return;
  }
  uint64_t last = board_last(n->mailbox, call->wait_run);
  if (last == 0 || last >= call->wait_seq) {
    s->fruitless = replied ? 0 : s->fruitless + 1;
    if (s->fruitless > 1) {
      park_for(s, RETRY_NS);
      return;
    }
    s->phase = STREAM_IDLE;
    stream_make_ready(s);
    return;
  }
  s->fruitless = 0;
  park_for(s, 0);
  s->on_board = true;
  LIST_INSERT_HEAD(&n->parked[board_slot(call->wait_run)], s, park_link);
}

void handoff_unwait(struct stream *s) {
  if (s->phase == STREAM_QUEUED)
    unqueue(s);
  if (s->on_board)
    LIST_REMOVE(s, park_link);
  s->on_board = false;
  s->retry_ns = 0;
  if (s->phase == STREAM_PARKED)
    s->phase = STREAM_IDLE;
}

void handoff_published(void *loop, int64_t run, uint64_t seq) {
  struct net *n = loop;
  struct stream *s, *next;
  for (s = LIST_FIRST(&n->parked[board_slot(run)]); s; s = next) {
    next = LIST_NEXT(s, park_link);
    if (s->handoff->call.wait_run != run || seq < s->handoff->call.wait_seq)
      continue;
    handoff_unwait(s);
    stream_make_ready(s);
  }
}

/* --- steps --- */

/* Takes what a step made and did. */
static void answered(struct stream *s, struct handoff *h) {
  bool replied = h->call.replies.len > 0;
  s->phase = STREAM_IDLE;
  stream_reply(s, &h->call.replies);
  if (s->phase == STREAM_ENDED)
    return; /* over a limit */
  switch (h->next) {
  case CALL_DONE:
    stream_end(s, NULL);
    break;
  case CALL_MORE:
    s->request_ns = clock_mono_ns() + s->conn->net->limits.request_ms * NS_PER_MS;
    stream_make_ready(s);
    break;
  case CALL_WAIT:
    park(s, replied);
    break;
  case CALL_FAIL:
  default:
    stream_end(s, &h->err);
    break;
  }
}

/* Loop: the call is back. */
static void deliver(struct mail *mail, void *loop) {
  struct net *n = loop;
  struct handoff *h = CONTAINER(mail, struct handoff, mail);
  struct party *principal = h->principal;
  struct conn *c = h->conn;
  n->handed_over--;
  principal->jobs--;
  principal->bytes -= h->len;
  h->len = 0;
  job_release(&h->call.job);
  if (c) {
    c->jobs--;
    LIST_REMOVE(h, link);
    h->conn = NULL;
    conn_touch(c);
  }
  party_ref(principal);
  if (h->stream)
    answered(h->stream, h);
  else
    handoff_free(h);
  let_next_work(principal);
  party_put(principal, clock_mono_ns());
}

/* Worker: one step. A call that nobody waits for any more is not begun. */
static void run_on_worker(struct work *work) {
  struct handoff *h = CONTAINER(work, struct handoff, work);
  err_clear(&h->err);
  if (job_check(&h->call.job, &h->err) != 0)
    h->next = CALL_FAIL;
  else
    h->next = call_step(&h->call, h->bytes, h->len, &h->err);
  free(h->bytes);
  h->bytes = NULL;
  mailbox_send(h->mailbox, &h->mail);
}

static int hand_over(struct stream *s, struct handoff *h, struct err *e) {
  struct conn *c = s->conn;
  struct net *n = c->net;
  if (job_init(&h->call.job, s->deadline_ns, e) != 0)
    return -1;
  h->work.run = run_on_worker;
  h->mail.deliver = deliver;
  /* All of the loop's marks before the worker can answer. */
  h->conn = c;
  LIST_INSERT_HEAD(&c->handoffs, h, link);
  if (pool_submit(n->workers, &h->work, e) != 0) {
    LIST_REMOVE(h, link);
    h->conn = NULL;
    job_release(&h->call.job);
    return -1;
  }
  s->phase = STREAM_AT_WORK;
  s->started = true;
  s->end_told |= h->call.ended;
  c->jobs++;
  c->principal->jobs++;
  n->handed_over++;
  return 0;
}

/* The first step of a call is refused when the queue is full; a later one is tried again. */
static void submit(struct stream *s, struct handoff *h) {
  struct err e;
  h->principal->bytes += h->len;
  if (hand_over(s, h, &e) == 0)
    return;
  h->principal->bytes -= h->len;
  if (s->started && e.kind == ERR_BUSY)
    park_for(s, RETRY_NS);
  else
    stream_end(s, &e);
}

static void step_here(struct stream *s, struct handoff *h) {
  err_clear(&h->err);
  s->started = true;
  s->end_told |= h->call.ended;
  h->next = call_step(&h->call, h->bytes, h->len, &h->err);
  free(h->bytes);
  h->bytes = NULL;
  h->len = 0;
  answered(s, h);
}

static void step(struct stream *s, bool with_message) {
  bool here = s->method->lane == LANE_LOOP;
  if (!here && !may_work(s->conn)) {
    queue(s);
    return;
  }
  void *bytes = NULL;
  size_t len = 0;
  if (with_message && !(s->handoff && s->handoff->bytes)) {
    bytes = stream_take_message(s, &len);
    if (s->phase == STREAM_ENDED) { /* what came behind the message was none */
      free(bytes);
      return;
    }
  }
  if (s->handoff == NULL)
    s->handoff = handoff_new(s);
  struct handoff *h = s->handoff;
  if (bytes) {
    h->bytes = bytes;
    h->len = len;
  }
  if (!with_message)
    h->call.ended = s->half_closed;
  if (here)
    step_here(s, h);
  else
    submit(s, h);
}

/* What the client sent, and has not, says whether a step is due. -1: the request is wrong. */
static int step_due(const struct stream *s, bool *with_message, struct err *e) {
  bool kept = s->handoff && s->handoff->bytes; /* taken for a step that found the queue full */
  *with_message = kept || stream_has_message(s);
  bool cut_short = s->half_closed && !*with_message && s->deframer.pending.len > 0;
  if (cut_short)
    return err_set(e, ERR_INPUT, "the last request message is cut short");
  if (s->method->client_streams && !s->end_told)
    return *with_message || s->half_closed;
  if (s->started)
    return 1;
  if (!s->half_closed)
    return 0;
  if (!*with_message)
    return err_set(e, ERR_UNIMPLEMENTED, "%s takes exactly one request message", s->method->name);
  return 1;
}

void handoff_advance(struct stream *s) {
  struct err e;
  bool with_message;
  if (s->phase != STREAM_IDLE && s->phase != STREAM_DRAINING)
    return;
  s->phase = STREAM_IDLE;
  if (stream_unsent(s) > s->conn->net->limits.stream_buffer / 16) {
    s->phase = STREAM_DRAINING;
    return;
  }
  int due = step_due(s, &with_message, &e);
  if (due < 0)
    stream_end(s, &e);
  else if (due > 0)
    step(s, with_message);
}
