/* The CA of a target: read from a file as it is, and named in few words. The server says whether it
 * is one. */
#ifndef MIGD_CLIENT_AUTHORITY_H
#define MIGD_CLIENT_AUTHORITY_H

#include "client/session.h"

/* The file's text, in the arena; NULL on failure. At most 64 KiB. */
char *authority_read(struct session *s, const char *file, struct err *e);
/* "CN=Shop CA, SHA-256 1f2e3d…, and 1 more", in the arena. */
const char *authority_words(struct session *s, const char *pem);

#endif
