/* Text that came from somebody else, made fit for a terminal, and its width there; counts for
 * people. Independent of the locale: the client speaks UTF-8. Pure.
 */
#ifndef MIGD_CLIENT_TEXT_H
#define MIGD_CLIENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"

/* Appends text with whatever could steer a terminal or mislead its reader written out: control
 * characters, C1 controls, bidirectional overrides and bytes that are no UTF-8 as `\x1b`, `\u202e`.
 * With `lines`, line ends and tabs stay (CR LF becomes LF); else a tab becomes a space. */
void text_clean(struct buf *out, const char *s, size_t len, bool lines);
char *text_cleaned(struct arena *arena, const char *s);

/* Columns that cleaned text takes: wide characters two, combining ones none. */
size_t text_width(const char *s, size_t len);
/* Bytes of the longest beginning that takes at most `columns`. */
size_t text_fit(const char *s, size_t len, size_t columns);

/* Appends "1 row" or "20,000 rows". */
void text_count(struct buf *out, uint64_t n, const char *one, const char *many);

#endif
