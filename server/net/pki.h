/* Certificates: `migd init` makes a CA, the server's certificate and the first identity; `migd identity add`
 * makes more. ECDSA P-256, ordinary PEM, private keys mode 0600, nothing is ever overwritten. Over OpenSSL.
 */
#ifndef MIGD_NET_PKI_H
#define MIGD_NET_PKI_H

#include <stddef.h>

#include "proto/base/err.h"

/* Makes DIR/ca.crt, DIR/ca.key. ERR_EXISTS when either is there. */
int pki_make_ca(const char *dir, const char *store_id, struct err *e);
/* Makes DIR/server.crt, DIR/server.key with these DNS names and addresses as SANs, EKU serverAuth. */
int pki_make_server(const char *dir, const char *const *names, size_t count, struct err *e);
/* Makes CERT and KEY for `migd://<store_id>/user/<name>`, EKU clientAuth, signed by DIR's CA, valid for
 * `days`. */
int pki_make_identity(const char *dir, const char *store_id, const char *name, int days,
                      const char *cert_file, const char *key_file, struct err *e);

#endif
