/* What the lint rules say of revisions, under the policy of a catalog, as messages of the API.
 * Shared by LintFiles, PushCatalog and PlanRun. Any worker; everything in the arena that is given.
 */
#ifndef MIGD_RPC_FINDINGS_H
#define MIGD_RPC_FINDINGS_H

#include "migd/v1/lint.pb-c.h"
#include "server/lint/lint.h"
#include "server/rpc/call.h"
#include "server/store/bundle.h"

struct findings {
  Migd__V1__Finding **items; /* by revision, then place */
  size_t count;
  size_t blocking; /* how many of them the policy blocks */
  bool more;       /* there are more than are looked at, and the policy blocks some */
  unsigned revisions, statements, not_understood;
  const char *first_not_understood; /* "file:line", or "" */
  const char *unavailable;          /* "" when the rules were asked about everything */
};

/* What is asked. */
struct findings_request {
  const struct catalog *catalog;
  const unsigned *revisions; /* by index, ascending */
  size_t count;
  unsigned dialects;                  /* set of enum dialect; 0: any */
  const Migd__V1__LintPolicy *policy; /* NULL: nothing blocks */
};

/* ERR_INPUT for a rule that is not known, or named twice. */
int findings_check_policy(const Migd__V1__LintPolicy *policy, struct err *e);
/* -1 only when the job is cancelled or past its deadline. */
int findings_ask(const struct server *server, const struct findings_request *request,
                 const struct job *job, struct arena *arena, struct findings *out, struct err *e);
/* The second half of it: what the rules found about the request's revisions, under its policy. */
void findings_judge(const struct findings_request *request, const struct lint_result *found,
                    struct arena *arena, struct findings *out);
/* The revisions of `next` that are new or changed, ascending; all where `old` is NULL. */
size_t findings_news(const struct catalog *next, const struct catalog *old, struct arena *arena,
                     unsigned **out);

/* A set of enum dialect as the list that messages have. */
Migd__V1__Dialect *findings_dialects(unsigned set, struct arena *arena, size_t *count);

#endif
