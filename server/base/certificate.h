/* Certificates as text: whether a PEM is what a target's CA may be. Over OpenSSL's libcrypto. Any
 * thread. */
#ifndef MIGD_BASE_CERTIFICATE_H
#define MIGD_BASE_CERTIFICATE_H

#include "proto/base/err.h"

#define CERTIFICATES_MAX 65536 /* bytes of PEM */

/* One certificate or more and nothing else, private keys least of all: it is shown to everyone who
 * may look. ERR_INPUT. */
int certificates_check(const char *pem, struct err *e);

#endif
