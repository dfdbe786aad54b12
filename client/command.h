/* A command of migctl is one row: a designated initializer at the end of its cmd_*.c, named in
 * commands.c. Dispatch, help, completion and man pages read the row.
 */
#ifndef MIGD_CLIENT_COMMAND_H
#define MIGD_CLIENT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "client/options.h"
#include "proto/base/err.h"

struct buf;
struct session;

/* product.md's exit codes; those of errors follow from their kind (err_row()). */
enum exit_code {
  EXIT_DONE = 0,
  EXIT_MIGRATION_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_NOT_AT_HEAD = 3,
  EXIT_LOCKED = 4,
  EXIT_DENIED = 5,
  EXIT_UNREACHABLE = 6,
  EXIT_REFUSED = 7,
  EXIT_CANCELLED = 8,
  EXIT_SERVER_FAULT = 9,
};

struct command {
  const char *name;                    /* one word or two: "run show" */
  const char *group;                   /* its heading in `migctl help`, one of command_groups */
  const char *arguments;               /* synopsis: "DIR", "[REV]", "REV...", "" */
  size_t min_arguments, max_arguments; /* checked before run() */
  const struct option *options;        /* besides the common ones; NULL: none */
  const char *summary;                 /* one line, small first letter, no full stop */
  const char *help;                    /* paragraphs: plain text, blank line between them */
  void (*more)(struct buf *out);       /* writes more paragraphs; NULL: there are none */
  const char *example;                 /* lines as typed, without a prompt */
  bool hidden;                         /* not in lists */
  bool local;                          /* asks no server: no profile is read */
  /* Answers an exit code, or -1 with `e` filled: the dispatcher prints it and takes the exit code
   * from its kind. Arguments are s->options.arguments. */
  int (*run)(struct session *s, struct err *e);
};

#define ANY_NUMBER ((size_t)-1)

#define GROUP_FLEET "Fleet"
#define GROUP_RUNS "Runs"
#define GROUP_CATALOGS "Catalogs"
#define GROUP_OTHER "Other"

#endif
