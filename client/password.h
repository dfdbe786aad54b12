/* A password from a file or from standard input, never from the command line. */
#ifndef MIGD_CLIENT_PASSWORD_H
#define MIGD_CLIENT_PASSWORD_H

#include "client/session.h"

/* The content of the file (`-`: standard input, asked for without echo on a terminal), without its
 * last line end. In the session's arena; NULL on failure. */
char *password_read(struct session *s, const char *file, struct err *e);

#endif
