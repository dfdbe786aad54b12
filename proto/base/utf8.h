/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */
#ifndef MIGD_BASE_UTF8_H
#define MIGD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that `s` starts with, 1 to 4; 0 when it starts with none or `len` is 0. */
size_t utf8_char(const char *s, size_t len);
/* NUL bytes are characters here. */
bool utf8_valid(const char *s, size_t len);

#endif
