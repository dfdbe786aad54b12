/* Takes secrets out of what somebody else wrote: a database quotes in its errors what it was given,
 * in other letters, with quotes doubled, in hex, or only a part of it.
 *
 * Of a value of eight bytes and more every run of eight bytes is taken out; of a shorter one the
 * whole; of one under four bytes only what stands as a word of its own, or every number would be
 * taken apart. Letters' case does not count. Pure.
 */
#ifndef MIGD_BASE_SCRUB_H
#define MIGD_BASE_SCRUB_H

#include <stddef.h>

#include "proto/base/err.h"

#define SCRUB_MAX 2048 /* bytes of a text */

struct secrets {
  const char *const *values; /* borrowed */
  size_t count;
};

/* Each place becomes `(secret)`; what does not fit into `size` any more is cut. A text that fills
 * its field was cut already: a secret's beginning at its end is taken out too. At most SCRUB_MAX
 * bytes stay. */
void scrub(const struct secrets *s, char *text, size_t size);
/* What a person is shown of an error. */
void scrub_err(const struct secrets *s, struct err *e);

#endif
