/* The client's settings: flags, then MIGCTL_* variables, then a profile of the configuration file
 * (~/.config/migctl/config or MIGCTL_CONFIG). Strings live in the arena they were loaded with.
 */
#ifndef MIGD_CLIENT_CONFIG_H
#define MIGD_CLIENT_CONFIG_H

#include "client/options.h"
#include "proto/base/arena.h"
#include "proto/base/err.h"

enum setting {
  SETTING_SERVER,
  SETTING_CA,
  SETTING_CERT,
  SETTING_KEY,
  SETTING_CATALOG,
  SETTING_TIMEOUT,
  SETTING_OUTPUT,
  SETTINGS
};

struct config {
  const char *value[SETTINGS]; /* NULL: not set */
  const char *file;            /* the configuration file that was looked for */
  const char *profile;
};

/* Settings' names as in the file: "server"; the variable is MIGCTL_SERVER, the flag --server. */
extern const char *const setting_names[SETTINGS];

/* Reads the file (which need not exist unless MIGCTL_CONFIG or a profile names it) and the
 * environment and lays the given options over them. Paths in the file are relative to its folder.
 */
int config_load(struct config *c, struct arena *arena, const struct options *given, struct err *e);

/* The setting, or ERR_INPUT that says the three ways to set it. */
const char *config_need(const struct config *c, enum setting setting, struct err *e);

#endif
