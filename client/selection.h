/* -t NAME, -l SELECTOR, --all, -c CATALOG: which targets a request is about. */
#ifndef MIGD_CLIENT_SELECTION_H
#define MIGD_CLIENT_SELECTION_H

#include "client/session.h"
#include "migd/v1/targets.pb-c.h"

/* Rows for a command's option table. */
#define SELECTION_OPTIONS                                                                          \
  {"target", 't', OPTION_LIST, "NAME", "this target; may be repeated", NULL},                      \
      {"selector",                                                                                 \
       'l',                                                                                        \
       OPTION_VALUE,                                                                               \
       "SELECTOR",                                                                                 \
       "targets by label: `env=prod,region in (eu,us),!canary`",                                   \
       NULL},                                                                                      \
      {"all", 0, OPTION_FLAG, NULL, "every target", NULL}, CATALOG_OPTION
#define CATALOG_OPTION                                                                             \
  { "catalog", 'c', OPTION_VALUE, "CATALOG", "of this catalog", NULL }

/* What the options say. With `need`, saying nothing is a usage error that lists the targets there
 * are, as what changes databases must be named; else it means all. NULL on failure. */
Migd__V1__TargetSelection *selection_read(struct session *s, bool need, struct err *e);

/* The targets of a selection (NULL: all), as many answers as it takes, as one; printed when JSON is
 * wanted and `print`. In the session's arena; NULL on failure. */
const Migd__V1__ListTargetsResponse *selection_targets(struct session *s,
                                                       Migd__V1__TargetSelection *selection,
                                                       bool print, struct err *e);

#endif
