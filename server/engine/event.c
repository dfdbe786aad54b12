/* Events of runs, from C to their stored form. */
#include <stdlib.h>
#include <string.h>

#include "proto/base/buf.h"
#include "proto/rpc/frame.h"
#include "server/base/clock.h"
#include "server/engine/state.h"

/* Packs the event with the time and the target. */
static void *pack(const char *target, Migd__V1__RunEvent *event, size_t *len) {
  int64_t now = clock_wall_us();
  Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
  time.seconds = now / 1000000;
  time.nanos = (int32_t)(now % 1000000) * 1000;
  event->time = &time;
  event->target = (char *)(uintptr_t)target;
  *len = migd__v1__run_event__get_packed_size(event);
  uint8_t *bytes = xmalloc(*len ? *len : 1);
  migd__v1__run_event__pack(event, bytes);
  event->time = NULL;
  return bytes;
}

static void post(struct engine *g, int64_t run, const char *target, const char *latest,
                 Migd__V1__RunEvent *event) {
  size_t len;
  void *bytes = pack(target, event, &len);
  store_post_event(g->o.store, run, latest, bytes, len);
  free(bytes);
}

void event_post(struct engine *g, int64_t run, const char *target, Migd__V1__RunEvent *event) {
  post(g, run, target, NULL, event);
}

void event_post_batch(struct engine *g, int64_t run, const char *target,
                      Migd__V1__BatchFinished *batch) {
  Migd__V1__RunEvent event = MIGD__V1__RUN_EVENT__INIT;
  struct buf latest BUF_SCOPED = BUF_INIT;
  buf_addf(&latest, "%s %u.%u", target, batch->index, batch->statement);
  event.event_case = MIGD__V1__RUN_EVENT__EVENT_BATCH_FINISHED;
  event.batch_finished = batch;
  post(g, run, target, buf_str(&latest), &event);
}

int event_write(struct db *db, int64_t run, const char *target, Migd__V1__RunEvent *event,
                struct err *e) {
  size_t len;
  void *bytes = pack(target, event, &len);
  int rc = event_append(db, run, NULL, bytes, len, NULL, e);
  free(bytes);
  return rc;
}

void blockers_fill(Migd__V1__TaskWaiting *out, const struct db_blockers *blockers,
                   struct event_blockers *room) {
  for (size_t i = 0; i < blockers->count; i++) {
    const struct db_blocker *b = &blockers->items[i];
    Migd__V1__Blocker *m = room->list[i] = &room->items[i];
    migd__v1__blocker__init(m);
    m->pid = b->pid;
    m->application = (char *)(uintptr_t)b->application;
    m->user = (char *)(uintptr_t)b->user;
    m->state = (char *)(uintptr_t)b->state;
    m->query = (char *)(uintptr_t)b->query;
    m->lock_mode = (char *)(uintptr_t)b->lock_mode;
    m->relation = (char *)(uintptr_t)b->relation;
    if (!b->query_start)
      continue;
    m->query_start = &room->times[i];
    google__protobuf__timestamp__init(m->query_start);
    m->query_start->seconds = b->query_start / 1000000;
    m->query_start->nanos = (int32_t)(b->query_start % 1000000) * 1000;
  }
  out->n_blockers = blockers->count;
  out->blockers = room->list;
}

void error_pack(struct buf *out, const struct err *e) {
  struct arena arena __attribute__((cleanup(arena_release)));
  arena_init(&arena, 0);
  Migd__V1__Error *message = rpc_error_message(&arena, e);
  size_t len = migd__v1__error__get_packed_size(message);
  buf_clear(out);
  buf_reserve(out, len);
  out->len = migd__v1__error__pack(message, (uint8_t *)out->s);
}

void counts_fill(Migd__V1__TaskCounts *out, const struct run *run) {
  migd__v1__task_counts__init(out);
  out->total = run->total;
  out->open = run->open;
  out->succeeded = run->succeeded;
  out->failed = run->failed;
  out->cancelled = run->cancelled;
  out->interrupted = run->interrupted;
}

void duration_fill(Google__Protobuf__Duration *out, int64_t us) {
  google__protobuf__duration__init(out);
  out->seconds = us / 1000000;
  out->nanos = (int32_t)(us % 1000000) * 1000;
}
