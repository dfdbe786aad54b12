/* The command line, parsed by tables: long options, letters, `--name=value`, repeats, options after
 * arguments. A command's options are one const array of rows that ends with an empty one; help, man
 * pages and completion are made of the same rows. No globals; strings are borrowed from argv.
 */
#ifndef MIGD_CLIENT_OPTIONS_H
#define MIGD_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

enum option_kind {
  OPTION_FLAG,  /* takes no value */
  OPTION_VALUE, /* takes one; the last given counts */
  OPTION_LIST,  /* takes one; may be given many times */
};

struct option {
  const char *name; /* long name, without dashes; NULL ends a table */
  char letter;      /* 0: none */
  enum option_kind kind;
  const char *value;   /* what the value is called in help: "NAME" */
  const char *help;    /* what it does: one line, small first letter, no full stop */
  const char *choices; /* "table|json": nothing else is accepted; NULL: anything */
};

struct option_given {
  const struct option *option;
  const char *value; /* "" for a flag */
};

struct options {
  struct option_given *given;
  size_t given_count;
  const char **arguments; /* what is no option, in order; NULL behind */
  size_t argument_count;
};

/* Parses words against two tables (either may be NULL). Unknown options are ERR_INPUT with the
 * nearest one suggested. A word such as `-1` is an argument, as revisions look like that; `--` ends
 * the options. */
int options_parse(struct options *o, struct arena *arena, const struct option *own,
                  const struct option *common, const char *const *words, size_t count,
                  struct err *e);
/* The row of a word such as `--name`, `--name=x`, `-n` or `-nx`; NULL when there is none. */
const struct option *options_find(const struct option *own, const struct option *common,
                                  const char *word);

/* By long name: was it given; its last value or NULL; how often; its n-th value. */
bool options_has(const struct options *o, const char *name);
const char *options_value(const struct options *o, const char *name);
size_t options_count(const struct options *o, const char *name);
const char *options_nth(const struct options *o, const char *name, size_t n);

#endif
