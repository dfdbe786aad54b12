/* Reported by lint.c, which reads the ignores; here is the page. */
#include "server/lint/rule.h"

RULE(unused_ignore) = {
    .page =
        {
            .name = "unused-ignore",
            .dialects = DIALECT_ANY,
            .severity = SEVERITY_NOTE,
            .summary = "a migd:ignore that silences nothing",
            .lock = "",
            .duration = "It takes no time.",
            .why =
                "The statement was changed, or the comment stands above another statement than it "
                "was meant for. Left where it is, it will silence a danger that nobody has looked "
                "at, as soon as a later edit brings one.",
            .instead =
                "Remove the comment, or move it to the line directly above the statement that "
                "it is about. Several rules are silenced by several lines, one a rule.",
            .bad = "-- migd:up\n"
                   "-- migd:ignore bad-ignore nothing of the kind is here\n"
                   "CREATE TABLE invoice (id bigint PRIMARY KEY, total bigint NOT NULL);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE invoice (id bigint PRIMARY KEY, total bigint NOT NULL);\n"
                    "-- migd:down\n",
        },
    .text = true};
