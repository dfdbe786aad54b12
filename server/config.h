/* Configuration: a table of keys (config.c), each of which is a line of DIR/migd.conf and a flag.
 * And the reading of a command line, which is the same for every command of migd.
 *
 * A value's origin is remembered for `migd serve --show-config`. Main's thread only.
 */
#ifndef MIGD_CONFIG_H
#define MIGD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

/* An option of a command. */
struct option_row {
  const char *name;  /* without the dashes; NULL ends a table */
  const char *value; /* what to call its value in the help; NULL: it takes none */
  const char *help;
};

#define ARGS_MAX 256

/* What was typed behind the command's name. Strings are argv's. */
struct args {
  struct {
    const char *name;  /* as in the row */
    const char *value; /* "yes" for an option without one */
  } options[ARGS_MAX];
  size_t option_count;
  const char *words[ARGS_MAX]; /* what is no option */
  size_t word_count;
};

/* `--name value`, `--name=value`, `--` before words that begin with a dash. With `keys` every key
 * of the configuration is an option too. ERR_INPUT names the nearest to what is unknown. */
int args_parse(struct args *out, int argc, char **argv, const struct option_row *rows, bool keys,
               struct err *e);
/* The last value given, or NULL. */
const char *args_get(const struct args *args, const char *name);

struct config_list {
  const char **items; /* NULL behind the last */
  size_t count;
};

#define CONFIG_KEYS 24

/* All strings are in the arena; paths are absolute. */
struct config {
  struct arena arena;
  const char *dir;
  const char *listen, *log_level, *log_format;
  const char *tls_cert, *tls_key, *tls_ca;
  const char *key_file, *key_file_2;               /* key_file_2 NULL: none */
  const char *address_file;                        /* NULL: none */
  struct config_list sqlite_roots, postgres_files; /* the second may be empty: items NULL */
  uint64_t parallel, workers, connections_per_address, catalog_max, min_free, shutdown_grace_ms;
  bool allow_socket;
  const char *origin[CONFIG_KEYS]; /* by row */
};

/* Defaults, then DIR/migd.conf where it exists, then flags. ERR_INPUT with file and line, or the
 * flag's name. `config` is to be released in any case. */
int config_load(struct config *config, const char *dir, const struct args *flags, struct err *e);
void config_release(struct config *config);
/* `key = value   # origin`, a line each. */
void config_show(const struct config *config, FILE *out);
/* The keys with their documentation: as a configuration file in which all is commented out but what
 * `listen` says, and as help. */
void config_template(FILE *out, const char *listen);
void config_help(FILE *out);
/* The table of options as help. */
void options_help(FILE *out, const struct option_row *rows);

/* One value of an INI file, in the arena; NULL where the file or the key is missing. */
const char *ini_value(const char *path, const char *section, const char *key, struct arena *arena);

#endif
