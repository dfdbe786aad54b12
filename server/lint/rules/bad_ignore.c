/* Reported by lint.c, which reads the ignores; here is the page. */
#include "server/lint/rule.h"

RULE(bad_ignore) = {
    .page =
        {
            .name = "bad-ignore",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_WARNING,
            .summary = "a migd:ignore that names no rule there is, or gives no reason",
            .lock = "",
            .duration = "It takes no time; it has no effect either.",
            .why = "A misspelt rule name silences nothing, and whoever wrote it believes that the "
                   "danger was weighed. A silence without a reason cannot be judged by the next "
                   "person "
                   "who reads the revision: was the table empty, or was somebody in a hurry?",
            .instead =
                "Write `-- migd:ignore RULE reason` on the line above the statement, with a "
                "name from `migctl lint --rules` and a sentence that says why it is safe here.",
            .bad = "-- migd:up\n"
                   "-- migd:ignore no-such-rule the table is empty\n"
                   "CREATE TABLE invoice (id bigint PRIMARY KEY, total bigint NOT NULL);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE invoice (id bigint PRIMARY KEY, total bigint NOT NULL);\n"
                    "-- migd:down\n",
        },
    .text = true};
