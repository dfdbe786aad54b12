/* Help, man pages and completion: all are generated from the rows of commands and options. */
#ifndef MIGD_CLIENT_HELP_H
#define MIGD_CLIENT_HELP_H

#include "client/command.h"
#include "proto/base/buf.h"

void help_overview(struct buf *out, bool color);
void help_command(struct buf *out, const struct command *c, bool color);
/* "migctl run show [OPTION]... ID" */
void help_synopsis(struct buf *out, const struct command *c);

/* roff: migctl(1) when `c` is NULL, else migctl-run-show(1). */
void man_page(struct buf *out, const struct command *c);

/* A completion script; `shell` is bash, zsh or fish. -1 for another. */
int completion_script(struct buf *out, const char *shell);

/* What a page says after the options: settings and exit codes; a row with a NULL term ends them. */
struct help_row {
  const char *term, *text;
};
extern const struct help_row help_exit_codes[], help_settings[];

#endif
