/* What the lint rules say of a target's plan, knowing the target: what takes long on forty million
 * rows is no danger on forty. The rules are asked once for a catalog, before any target is looked
 * at, as they may take long and a look holds a connection and a thread that others wait for. Shared
 * by the threads of one PlanRun call.
 */
#ifndef MIGD_RPC_DANGER_H
#define MIGD_RPC_DANGER_H

#include "migd/v1/runs.pb-c.h"
#include "server/engine/engine.h"
#include "server/engine/walk.h"
#include "server/rpc/call.h"

struct danger;

struct danger *danger_new(const struct server *server);
void danger_free(struct danger *d); /* takes NULL */
/* Asks about what the targets' plans will be, by what the store last saw of them. On the call's own
 * thread, before the first danger_judge(). */
void danger_expect(struct danger *d, const struct run_request *request,
                   const struct target *targets, size_t count, const struct job *job);
/* Fills m->findings and m->lint_unavailable from the plan of a walk that is still connected, in
 * `arena`. `catalog`: the name, for its policy. */
void danger_judge(struct danger *d, const struct walk *w, const char *catalog, struct arena *arena,
                  Migd__V1__TargetPlan *m);

#endif
