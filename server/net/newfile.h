/* Files that come to be whole or not at all, and never in the place of another. */
#ifndef MIGD_NET_NEWFILE_H
#define MIGD_NET_NEWFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "proto/base/err.h"

/* Makes `path` with these bytes and this mode, durable when it returns: after a crash the file is
 * there with all its bytes, or not. ERR_EXISTS when something of that name is there. */
int newfile_make(const char *path, mode_t mode, const void *bytes, size_t len, struct err *e);

#endif
