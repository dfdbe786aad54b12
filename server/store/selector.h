/* Label selectors: `env=prod,region in (eu,us),tier!=free,canary,!beta`. `!=` and `notin` also
 * match where the key is absent. Pure. */
#ifndef MIGD_STORE_SELECTOR_H
#define MIGD_STORE_SELECTOR_H

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "server/store/target.h"

struct selector;

/* ERR_INPUT with the column of what is wrong. In the arena. */
struct selector *selector_parse(const char *text, struct arena *arena, struct err *e);
bool selector_matches(const struct selector *s, const struct label *labels, size_t count);
/* Keys and values as proto/migd/v1/common.proto says; a value is without white space, quotes and ,
 * ( ) = !, so that every label can be selected by. */
bool label_valid(const struct label *label);

#endif
