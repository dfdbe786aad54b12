/* Errors and problems as people read them: who and where, the line with a caret, what to do next.
 */
#ifndef MIGD_CLIENT_REPORT_H
#define MIGD_CLIENT_REPORT_H

#include <stdbool.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"

struct Migd__V1__Problem;

/* Appends `shop-eu: 2026_x.sql:14:9: ERROR 42P01: …`, the line and its caret, DETAIL and
 * HINT. Parts that the message says already are not said twice. */
void report_error(struct buf *out, const struct err *e, bool color);
/* Appends `folder/file:line:column: message`, the line and its caret. */
void report_problem(struct buf *out, const char *folder, const struct Migd__V1__Problem *p,
                    bool color);

/* Appends the source line and a caret under the byte `column`, longer where `length` bytes are
 * meant. Nothing for a blank line. */
void report_quote(struct buf *out, const char *source, unsigned line, unsigned column,
                  unsigned length, bool color);

#endif
