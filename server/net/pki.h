/* Certificates: `migd init` makes a CA, the server's certificate and the first identity; `migd
 * identity add` makes more; `migd check` looks at what is configured. ECDSA P-256, ordinary PEM,
 * private keys mode 0600, nothing is ever overwritten. Over OpenSSL. Called by main's thread only.
 *
 * The key is written before its certificate. A key without a certificate is what a crash left
 * behind (or what an organisation put there): the certificate is then made for that key.
 */
#ifndef MIGD_NET_PKI_H
#define MIGD_NET_PKI_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

/* Makes DIR/ca.crt, DIR/ca.key. ERR_EXISTS when ca.crt is there. */
int pki_make_ca(const char *dir, const char *store_id, struct err *e);
/* Makes DIR/server.crt, DIR/server.key with these DNS names and addresses as SANs, EKU serverAuth.
 */
int pki_make_server(const char *dir, const char *const *names, size_t count, struct err *e);
/* Makes CERT and KEY for `migd://<store_id>/user/<name>`, EKU clientAuth, signed by DIR's CA, valid
 * for `days`. */
int pki_make_identity(const char *dir, const char *store_id, const char *name, int days,
                      const char *cert_file, const char *key_file, struct err *e);

/* Whether a name can stand in a certificate: an address, or a DNS name with at most one leading
 * `*.`. */
int pki_name_check(const char *name, struct err *e);
/* That the certificate and the key can be read and belong together, that the certificate may serve,
 * and is valid now. `expires` (wall, microseconds) is answered in any case where it could be read.
 */
int pki_check_pair(const char *cert_file, const char *key_file, int64_t *expires, struct err *e);
/* That every certificate in the file is a CA's and valid now; `expires`: the first to end. */
int pki_check_ca(const char *ca_file, int64_t *expires, struct err *e);

#endif
