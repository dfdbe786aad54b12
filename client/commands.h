/* The one list of commands, and what all of them share. Const tables. */
#ifndef MIGD_CLIENT_COMMANDS_H
#define MIGD_CLIENT_COMMANDS_H

#include "client/command.h"

/* In the order in which help shows them; ends with NULL. */
extern const struct command *const commands[];
extern const char *const command_groups[]; /* ends with NULL */
extern const struct option common_options[];
extern const struct option local_options[]; /* the common ones that a local command has */

/* The common options that apply to a command. */
const struct option *command_common(const struct command *c);

/* The command that the words begin with, its longest name first; `*words` is how many are its name.
 * NULL with `e` filled, the nearest command suggested. */
const struct command *command_find(const char *const *argv, size_t count, size_t *words,
                                   struct err *e);

#endif
