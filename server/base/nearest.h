/* The nearest known name to a mistyped one. Pure; any thread. */
#ifndef MIGD_BASE_NEAREST_H
#define MIGD_BASE_NEAREST_H

#include <stddef.h>

/* One of `names` (NULL entries are skipped), or NULL when nothing is near: about one slip in four
 * letters, three at most, letters' case ignored, two swapped letters one slip; a name that begins
 * with the text is near as well. The first of equally near ones. Linear in the names' length. */
const char *nearest(const char *text, const char *const *names, size_t count);

#endif
