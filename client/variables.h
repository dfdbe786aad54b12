/* `--var NAME=VALUE`, `--secret-var NAME=FILE` and `--remove-var NAME`: the values that revisions
 * name as `${name}`.
 */
#ifndef MIGD_CLIENT_VARIABLES_H
#define MIGD_CLIENT_VARIABLES_H

#include "client/session.h"
#include "migd/v1/common.pb-c.h"

#define VARIABLE_OPTIONS                                                                           \
  {                                                                                                \
      "var", 0, OPTION_LIST, "NAME=VALUE", "the value of ${NAME} in revisions; may be repeated",   \
      NULL},                                                                                       \
  {                                                                                                \
    "secret-var", 0, OPTION_LIST, "NAME=FILE",                                                     \
        "a secret value, the content of FILE (`-`: the input); may be repeated", NULL              \
  }
#define REMOVE_VARIABLE_OPTION                                                                     \
  { "remove-var", 0, OPTION_LIST, "NAME", "forget a value; may be repeated", NULL }

/* Whether any of the options is there. */
bool variables_given(const struct session *s);
/* What they set, in the session's arena; NULL on failure. */
Migd__V1__Variable **variables_read(struct session *s, size_t *count, struct err *e);
char **variables_removed(struct session *s, size_t *count);
/* A line each; secret ones without their value. */
void variables_print(struct session *s, struct buf *out, Migd__V1__Variable *const *items,
                     size_t count);

#endif
