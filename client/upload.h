/* A call that sends the files of a folder: its first message has a header, all have parts of files.
 * The answers come as a stream.
 */
#ifndef MIGD_CLIENT_UPLOAD_H
#define MIGD_CLIENT_UPLOAD_H

#include "client/folder.h"
#include "client/session.h"
#include "migd/v1/common.pb-c.h"

enum { UPLOAD_PARTS = 512 /* in one message */ };

struct upload {
  struct session *session;
  const ProtobufCServiceDescriptor *service;
  const char *method;
  /* Appends the framed message that has these parts; the first one has the header, too, and no
   * parts. */
  void (*message)(void *ctx, bool first, Migd__V1__FilePart **parts, size_t count, struct buf *out);
  int (*answer)(void *ctx, const ProtobufCMessage *m, struct err *e);
  void *ctx;
  struct folder folder; /* listed */
  /* upload_run()'s own. */
  bool begun;
  size_t next_file;
  int fd; /* of the file being sent; -1 between files */
};

/* Sends them all and takes the answers, to the end of the call. */
int upload_run(struct upload *u, struct err *e);

/* Prints a problem of a file of the folder on stderr. */
void upload_problem(const struct upload *u, const Migd__V1__Problem *problem);

#endif
