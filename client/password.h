/* A password, or another secret, from a file or from standard input, never from the command line.
 */
#ifndef MIGD_CLIENT_PASSWORD_H
#define MIGD_CLIENT_PASSWORD_H

#include "client/session.h"

/* How it is called, and its limit in bytes. */
struct secret_kind {
  const char *what, *prompt;
  size_t most;
};

/* The content of the file (`-`: standard input, asked for without echo on a terminal), without its
 * last line end. In the session's arena; NULL on failure. */
char *secret_read(struct session *s, const char *file, const struct secret_kind *kind,
                  struct err *e);
char *password_read(struct session *s, const char *file, struct err *e);

#endif
