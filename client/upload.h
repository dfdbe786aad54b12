/* The files of a folder, as the parts of messages that carry them to the server. */
#ifndef MIGD_CLIENT_UPLOAD_H
#define MIGD_CLIENT_UPLOAD_H

#include "client/folder.h"
#include "migd/v1/catalogs.pb-c.h"

enum { UPLOAD_PARTS = 512 /* in one message */ };

struct upload {
  struct folder folder; /* listed */
  size_t next_file;
  int fd; /* of the file being sent; -1 between files */
};

/* The next parts, room for UPLOAD_PARTS, in the arena. 1: more follow, 0: these are the last, -1:
 * a file cannot be read. */
int upload_parts(struct upload *u, struct arena *arena, Migd__V1__FilePart **parts, size_t *count,
                 struct err *e);
void upload_release(struct upload *u);

#endif
