/* Loaded into h2load (LD_PRELOAD), which has no option for a client certificate: gives every TLS
 * context the one of BENCH_CERT and BENCH_KEY.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdlib.h>

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) {
  SSL_CTX *(*real)(const SSL_METHOD *);
  *(void **)&real = dlsym(RTLD_NEXT, "SSL_CTX_new");
  SSL_CTX *ctx = real(method);
  const char *cert = getenv("BENCH_CERT"), *key = getenv("BENCH_KEY");
  if (ctx && cert && key &&
      (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
       SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1))
    abort();
  return ctx;
}
