/* Findings of lint rules as people and other programs read them. */
#ifndef MIGD_CLIENT_FINDINGS_H
#define MIGD_CLIENT_FINDINGS_H

#include "client/session.h"
#include "migd/v1/lint.pb-c.h"

/* Appends `folder/file:line:column: warning: message [rule]`, the line with its carets, and what to
 * write instead. `folder` "": files are named alone. */
void finding_add(struct buf *out, const char *folder, const Migd__V1__Finding *f, bool color);
/* The same on stderr. One that is ignored is told with --verbose only. */
void findings_say(const struct session *s, const char *folder, const Migd__V1__Finding *f);

/* A SARIF 2.1.0 log (https://docs.oasis-open.org/sarif/sarif/v2.1.0/) of all of them, with the
 * rules that they are of. */
void findings_sarif(struct buf *out, const char *folder, Migd__V1__Finding *const *findings,
                    size_t count, const Migd__V1__ListLintRulesResponse *rules);

/* Says how many statements PostgreSQL's parser does not know, if any, and where the first is. */
void findings_not_understood(const struct session *s, unsigned count, const char *first);

#endif
