/* The commands that work on a data directory on the server's host, without a server: init,
 * identity, check. And what every command of migd is: a row. Main's thread only.
 */
#ifndef MIGD_ADMIN_H
#define MIGD_ADMIN_H

#include "server/config.h"

/* A command of migd. */
struct command {
  const char *name;
  const char *synopsis; /* behind `migd NAME ` */
  const char *about;    /* one line */
  const char *help;     /* what more there is to say, with examples */
  const struct option_row *options;
  bool keys; /* the keys of the configuration are options */
  /* Answers the exit code; failures that are not told yet are in `e`, and -1 is answered. */
  int (*run)(const struct args *args, struct err *e);
};

extern const struct command command_init, command_identity, command_check;

/* The data directory that --dir names (or the current one), resolved: in the arena. ERR_NOT_FOUND
 * when it is none. */
const char *data_dir(const struct args *args, struct arena *arena, struct err *e);
/* Takes DIR/lock for this process: a descriptor, or -1 with ERR_REFUSED while another holds it. */
int data_lock(const char *dir, struct err *e);

#endif
