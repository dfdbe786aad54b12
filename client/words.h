/* The words and colours of the API's enums, and small pieces of text that several commands print.
 */
#ifndef MIGD_CLIENT_WORDS_H
#define MIGD_CLIENT_WORDS_H

#include "client/session.h"
#include "client/table.h"
#include "migd/v1/lint.pb-c.h"
#include "migd/v1/runs.pb-c.h"
#include "migd/v1/targets.pb-c.h"

struct words {
  const char *text;
  enum paint paint;
};

struct words words_target_state(Migd__V1__TargetState state);
struct words words_run_state(Migd__V1__RunState state);
struct words words_task_state(Migd__V1__TaskState state);
struct words words_severity(Migd__V1__Severity severity);
const char *words_operation(Migd__V1__Operation operation);
const char *words_dialect(Migd__V1__Dialect dialect);

/* "a, b", or `none` when there are none. In the arena. */
const char *words_list(struct session *s, size_t count, char *const *items, const char *none);
/* "env=prod, canary". */
const char *words_labels(struct session *s, size_t count, Migd__V1__Label *const *labels);
/* "1.2 s", of a duration in ns. */
const char *words_duration(struct session *s, int64_t ns);
/* "locked by bob: reason" / "locked by run 7 of bob". */
const char *words_lock(struct session *s, const Migd__V1__Lock *lock);
/* "upgrade to head", "stamp a, b". */
const char *words_request(struct session *s, const Migd__V1__Run *run);
/* "Running upgrade a -> b, message", as Alembic says it; "" for none on a side. */
void words_step(struct buf *out, Migd__V1__Direction direction, const char *from, const char *to,
                const char *message);
/* "findings from error on block it; ban-drop-column off", of a catalog's policy; NULL is none. */
const char *words_policy(struct session *s, const Migd__V1__LintPolicy *policy);
/* An enum as a number can be checked by no compiler: what the API sent that we do not know. */
#define WORDS_UNKNOWN ((struct words){"?", PAINT_NONE})

/* `Label: value`, aligned, for `show` commands. */
void words_field(struct buf *out, const char *label, const char *value);
/* Columns that a table may take: the terminal's, 0 on a pipe. */
size_t words_width(const struct session *s);

#endif
