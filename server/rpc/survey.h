/* A survey: a streaming answer with one message a target, several targets asked side by side. The
 * shape of GetCurrent and PlanRun. One call's; on its worker, which waits for those that it asks.
 */
#ifndef MIGD_RPC_SURVEY_H
#define MIGD_RPC_SURVEY_H

#include "server/engine/engine.h"
#include "server/rpc/call.h"

/* In the call's arena. */
struct survey {
  struct target *targets;
  size_t count, next;
  /* The message about one target, in `arena`; failures are part of it. On one of several threads:
   * the call is for reading only. `ctx` is the survey's. */
  ProtobufCMessage *(*ask)(const struct call *call, void *ctx, const struct target *target,
                           struct arena *arena);
  void *ctx;
};

/* Finds the targets and makes it the call's state. */
int survey_begin(struct call *call, struct survey *survey, const struct target_query *query,
                 struct err *e);
/* Asks the next few and replies in their order; CALL_DONE after the last. */
enum call_next survey_step(struct call *call, struct err *e);

#endif
