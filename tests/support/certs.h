/* Certificates for tests, also wrong ones: a CA and what it signs, as PEM files in a folder. */
#ifndef MIGD_TESTS_CERTS_H
#define MIGD_TESTS_CERTS_H

#include <stdbool.h>

struct certs_leaf {
  const char *san;     /* as OpenSSL's configuration writes it: "URI:migd://s/user/a"; NULL: none */
  const char *purpose; /* "clientAuth", "serverAuth" */
  int days;            /* negative: expired */
};

/* Make DIR/NAME.crt and DIR/NAME.key. They end the test program when they fail. */
void certs_make_ca(const char *dir, const char *name);
void certs_make_leaf(const char *dir, const char *ca, const char *name,
                     const struct certs_leaf *leaf);

#endif
