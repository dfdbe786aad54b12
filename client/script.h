/* --sql: the script of an upgrade, a downgrade or a stamp on stdout; nothing is run. */
#ifndef MIGD_CLIENT_SCRIPT_H
#define MIGD_CLIENT_SCRIPT_H

#include "client/session.h"
#include "migd/v1/runs.pb-c.h"

/* Rows for a command's option table. */
#define SCRIPT_OPTIONS                                                                             \
  {"sql", 0, OPTION_FLAG, NULL, "print the script of [FROM:]TO, run nothing", NULL}, {             \
    "dialect", 0, OPTION_VALUE, "DIALECT", "with --sql and without a target: for which database",  \
        "sqlite|postgresql"                                                                        \
  }

/* What the options and arguments say, as session_usage() says it; then the script. Answers an exit
 * code or -1. */
int script_print(struct session *s, Migd__V1__Operation operation, struct err *e);

#endif
