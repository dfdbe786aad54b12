/* From the server's structs to the messages of the API, and back where several services need it.
 * Everything is made in the arena that is given, copied, and lives as long. Pure, any thread.
 */
#ifndef MIGD_RPC_CONVERT_H
#define MIGD_RPC_CONVERT_H

#include "migd/v1/catalogs.pb-c.h"
#include "migd/v1/locks.pb-c.h"
#include "migd/v1/runs.pb-c.h"
#include "migd/v1/server.pb-c.h"
#include "migd/v1/targets.pb-c.h"

#include "server/catalog/labels.h"
#include "server/engine/engine.h"
#include "server/rpc/call.h"
#include "server/store/bundle.h"
#include "server/store/lock.h"
#include "server/store/run.h"
#include "server/store/target.h"

/* Declares `var`, a new empty message: PROTO_NEW(t, Target, target, arena). */
#define PROTO_NEW(var, Type, type, arena)                                                          \
  Migd__V1__##Type *var = ARENA_NEW((arena), Migd__V1__##Type);                                    \
  migd__v1__##type##__init(var)

/* "" for NULL. */
char *proto_text(struct arena *arena, const char *text);
char **proto_texts(struct arena *arena, const char *const *texts, size_t count);
/* Wall microseconds; 0 makes an absent one (NULL). */
Google__Protobuf__Timestamp *proto_time(struct arena *arena, int64_t us);
Google__Protobuf__Duration *proto_duration_ms(struct arena *arena, int64_t ms); /* 0: NULL */
/* Absent is 0. ERR_INPUT, naming `what`, for one that is negative, malformed or over ten years. */
int duration_ns(const Google__Protobuf__Duration *d, const char *what, int64_t *ns, struct err *e);
/* As duration_ns in milliseconds, at least 1 where the duration is not 0. */
int duration_ms(const Google__Protobuf__Duration *d, const char *what, int64_t *ms, struct err *e);

/* A packed migd.v1.Error as it is stored; NULL for none, or for one that cannot be read. */
Migd__V1__Error *proto_error(struct arena *arena, const void *packed, size_t len);
Migd__V1__Lock *proto_lock(struct arena *arena, const char *target, const struct target_lock *lock);
/* A packed migd.v1.LintPolicy as it is stored; one that says nothing for none. */
Migd__V1__LintPolicy *proto_lint_policy(struct arena *arena, const void *packed, size_t len);
Migd__V1__Catalog *proto_catalog(struct arena *arena, const struct bundle_info *info);
/* `labels`: those of all revisions (labels_spread()), or NULL for its own only. */
Migd__V1__Revision *proto_revision(struct arena *arena, const struct catalog *c,
                                   const struct label_list *labels, size_t revision);
Migd__V1__Problem *proto_problem(struct arena *arena, const struct problem *p);
/* What the store holds of a target; its state and how far it is behind are the caller's to fill in.
 */
Migd__V1__Target *proto_target(struct arena *arena, const struct target *t);
/* `tasks` may be NULL. */
Migd__V1__Run *proto_run(struct arena *arena, const struct run *run, const struct task *tasks,
                         size_t count);

Migd__V1__BatchFinished *proto_batch(struct arena *arena, const struct task_batch *batch);

/* ERR_INPUT unless exactly one way is used. Borrows from the message. */
int selection_query(const Migd__V1__TargetSelection *selection, struct target_query *out,
                    struct err *e);
/* The number that a run's id is. */
int run_id_parse(const char *text, int64_t *id, struct err *e);

#endif
