/* What the lint rules say of a target's plan, knowing the target: what takes long on forty million
 * rows is no danger on forty. The findings of a plan are asked for once, as most targets of a fleet
 * have the same one. Shared by the threads of one PlanRun call.
 */
#ifndef MIGD_RPC_DANGER_H
#define MIGD_RPC_DANGER_H

#include "migd/v1/runs.pb-c.h"
#include "server/engine/walk.h"
#include "server/rpc/call.h"

struct danger;

struct danger *danger_new(const struct server *server);
void danger_free(struct danger *d); /* takes NULL */
/* Fills m->findings and m->lint_unavailable from the plan of a walk that is still connected, in
 * `arena`. `catalog`: the name, for its policy. */
void danger_judge(struct danger *d, const struct walk *w, const char *catalog, struct arena *arena,
                  Migd__V1__TargetPlan *m);

#endif
