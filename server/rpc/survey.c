/* The targets of a survey, some at a time. */
#include "server/rpc/survey.h"

#define SIDE_BY_SIDE 16

int survey_begin(struct call *call, struct survey *survey, const struct target_query *query,
                 struct err *e) {
  struct store *store = call->server->store;
  struct db *db = store_reader(store, e);
  if (db == NULL)
    return -1;
  int rc = target_select(db, query, &call->arena, &survey->targets, &survey->count, e);
  store_reader_done(store, db);
  call->state = survey;
  return rc;
}

struct answers {
  const struct call *call;
  struct survey *survey;
  struct arena arenas[SIDE_BY_SIDE];
  ProtobufCMessage *messages[SIDE_BY_SIDE];
};

static void ask_one(void *ctx, size_t i) {
  struct answers *a = ctx;
  struct survey *s = a->survey;
  arena_init(&a->arenas[i], 0);
  a->messages[i] = s->ask(a->call, s->ctx, &s->targets[s->next + i], &a->arenas[i]);
}

enum call_next survey_step(struct call *call, struct err *e) {
  struct survey *s = call->state;
  struct answers answers = {.call = call, .survey = s};
  size_t count = s->count - s->next < SIDE_BY_SIDE ? s->count - s->next : SIDE_BY_SIDE;
  if (count == 0)
    return CALL_DONE;
  engine_side_by_side(call->server->engine, count, ask_one, &answers);
  int ended = job_check(&call->job, e);
  for (size_t i = 0; i < count; i++) {
    if (ended == 0)
      call_reply(call, answers.messages[i]);
    arena_release(&answers.arenas[i]);
  }
  s->next += count;
  return ended == 0 ? CALL_MORE : CALL_FAIL;
}
