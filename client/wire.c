/* See wire.h. Errors of OpenSSL are told in the words of whoever has to mend them: which file,
 * which side's certificate, what to try next.
 */
#include "client/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/duration.h"
#include "proto/base/arena.h"

#define CONNECT_NS (5 * NS_PER_S)    /* for one address */
#define HANDSHAKE_NS (10 * NS_PER_S) /* the server's own limit */

struct wire {
  int fd;
  SSL_CTX *ctx;
  SSL *ssl;
  char name[300], host[256], port[8];
};

const char *wire_name(const struct wire *w) {
  return w->name;
}

void wire_close(struct wire *w) {
  if (!w)
    return;
  if (w->ssl)
    SSL_shutdown(w->ssl);
  SSL_free(w->ssl);
  SSL_CTX_free(w->ctx);
  if (w->fd >= 0)
    close(w->fd);
  free(w);
}

static int bad_address(struct err *e, const char *server) {
  return err_set(e, ERR_INPUT, "`%s` is no server address: write HOST, HOST:PORT or [IPV6]:PORT",
                 server);
}

int wire_address(const char *server, char *host, size_t host_size, char *port, size_t port_size,
                 struct err *e) {
  const char *name = server, *colon = strrchr(server, ':');
  size_t len = colon ? (size_t)(colon - server) : strlen(server);
  if (server[0] == '[') {
    const char *end = strchr(server, ']');
    if (!end || (end[1] != 0 && end[1] != ':'))
      return bad_address(e, server);
    name = server + 1;
    len = (size_t)(end - name);
    colon = end[1] ? end + 1 : NULL;
  } else if (colon && memchr(server, ':', len)) {
    /* Several colons and no brackets: an IPv6 address alone. */
    colon = NULL;
    len = strlen(server);
  }
  const char *number = colon ? colon + 1 : WIRE_DEFAULT_PORT;
  if (len == 0 || len >= host_size || strlen(number) == 0 || strlen(number) >= port_size ||
      strspn(number, "0123456789") != strlen(number) || atoi(number) > 65535 || atoi(number) == 0)
    return bad_address(e, server);
  memcpy(host, name, len);
  host[len] = 0;
  memcpy(port, number, strlen(number) + 1);
  return 0;
}

static int64_t sooner(int64_t a, int64_t b) {
  return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Milliseconds for poll, rounded up so that it never spins before the time. */
static int poll_ms(int64_t until) {
  if (until == 0)
    return -1;
  int64_t left = until - monotonic_ns();
  if (left <= 0)
    return 0;
  int64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
  return ms > 3600000 ? 3600000 : (int)ms;
}

static enum wire_event wait_fd(int fd, short events, int64_t until, struct interrupts *i) {
  struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = i->fd, .events = POLLIN}};
  int n = poll(p, 2, poll_ms(until));
  if (n > 0 && p[1].revents && interrupts_taken(i))
    return WIRE_INTERRUPT;
  if (n > 0 && p[0].revents)
    return WIRE_READY;
  return n == 0 ? WIRE_TIME : WIRE_READY; /* EINTR: look again */
}

enum wire_event wire_wait(struct wire *w, bool write, int64_t until, struct interrupts *i) {
  return wait_fd(w->fd, write ? POLLIN | POLLOUT : POLLIN, until, i);
}

/* One address. 0, or -1 with the reason. */
static int connect_one(struct wire *w, const struct addrinfo *a, int64_t deadline,
                       struct interrupts *i, struct err *e) {
  int one = 1, error = 0;
  socklen_t size = sizeof error;
  w->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
  if (w->fd < 0)
    return err_errno(e, ERR_UNREACHABLE, errno, "cannot reach migd at %s", w->name);
  setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(w->fd, a->ai_addr, a->ai_addrlen) == 0)
    return 0;
  if (errno != EINPROGRESS)
    return err_errno(e, ERR_UNREACHABLE, errno, "cannot reach migd at %s", w->name);
  switch (wait_fd(w->fd, POLLOUT, sooner(deadline, monotonic_ns() + CONNECT_NS), i)) {
  case WIRE_INTERRUPT:
    return err_set(e, ERR_CANCELLED, "interrupted");
  case WIRE_TIME:
    return err_set(e, ERR_UNREACHABLE, "cannot reach migd at %s: no answer", w->name);
  case WIRE_READY:
    break;
  }
  getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error)
    return err_errno(e, ERR_UNREACHABLE, error, "cannot reach migd at %s", w->name);
  return 0;
}

static int connect_any(struct wire *w, int64_t deadline, struct interrupts *i, struct err *e) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
  int error = getaddrinfo(w->host, w->port, &hints, &list), rc = -1;
  if (error)
    return err_set(e, ERR_UNREACHABLE, "cannot reach migd at %s: %s", w->name,
                   error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
  for (struct addrinfo *a = list; a && rc < 0; a = a->ai_next) {
    rc = connect_one(w, a, deadline, i, e);
    if (rc < 0 && w->fd >= 0) {
      close(w->fd);
      w->fd = -1;
    }
    if (rc < 0 && (e->kind == ERR_CANCELLED || (deadline && monotonic_ns() >= deadline)))
      break;
  }
  freeaddrinfo(list);
  if (rc < 0 && e->kind == ERR_UNREACHABLE)
    return err_hint(e, "is it running there (`migd serve --dir DIR`)? another server: --server, "
                       "MIGCTL_SERVER or MIGCTL_CONFIG");
  return rc;
}

/* OpenSSL's newest error in words, and its queue emptied. */
static const char *tls_words(void) {
  unsigned long code = ERR_peek_last_error();
  const char *words = ERR_reason_error_string(code);
  if (ERR_SYSTEM_ERROR(code))
    words = strerror(ERR_GET_REASON(code));
  ERR_clear_error();
  return words ? words : "unknown reason";
}

/* A file that is not there says so itself; OpenSSL's words are for what is in it. */
static int check_file(const char *what, const char *file, struct err *e) {
  if (access(file, R_OK) == 0)
    return 0;
  return err_errno(e, ERR_INPUT, errno, "cannot read the %s %s", what, file);
}

static int no_passphrase(char *buf, int size, int rwflag, void *ctx) {
  (void)buf, (void)size, (void)rwflag, (void)ctx;
  return -1;
}

static int load_files(SSL_CTX *ctx, const struct wire_settings *s, struct err *e) {
  if (check_file("CA certificate", s->ca, e) < 0 || check_file("certificate", s->cert, e) < 0 ||
      check_file("key", s->key, e) < 0)
    return -1;
  if (SSL_CTX_load_verify_file(ctx, s->ca) != 1)
    return err_set(e, ERR_INPUT, "%s holds no CA certificate: %s", s->ca, tls_words());
  if (SSL_CTX_use_certificate_chain_file(ctx, s->cert) != 1)
    return err_set(e, ERR_INPUT, "%s holds no certificate: %s", s->cert, tls_words());
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  if (SSL_CTX_use_PrivateKey_file(ctx, s->key, SSL_FILETYPE_PEM) != 1) {
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    const char *words = tls_words();
    if (reason == X509_R_KEY_VALUES_MISMATCH)
      return err_set(e, ERR_INPUT, "the key %s does not belong to the certificate %s", s->key,
                     s->cert);
    return err_set(e, ERR_INPUT, "%s holds no private key without a passphrase: %s", s->key, words);
  }
  if (SSL_CTX_check_private_key(ctx) != 1)
    return err_set(e, ERR_INPUT, "the key %s does not belong to the certificate %s", s->key,
                   s->cert);
  return 0;
}

static int set_names(struct wire *w, struct err *e) {
  X509_VERIFY_PARAM *param = SSL_get0_param(w->ssl);
  unsigned char address[16];
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  bool numeric =
      inet_pton(AF_INET, w->host, address) == 1 || inet_pton(AF_INET6, w->host, address) == 1;
  int ok = numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, w->host)
                   : SSL_set1_host(w->ssl, w->host) && SSL_set_tlsext_host_name(w->ssl, w->host);
  return ok == 1 ? 0 : err_set(e, ERR_INPUT, "`%s` is no host name: %s", w->host, tls_words());
}

static int prepare_tls(struct wire *w, const struct wire_settings *s, struct err *e) {
  static const unsigned char h2[] = {2, 'h', '2'};
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
  w->ctx = SSL_CTX_new(TLS_client_method());
  if (!w->ctx)
    return err_set(e, ERR_INTERNAL, "cannot set up TLS: %s", tls_words());
  SSL_CTX_set_min_proto_version(w->ctx, TLS1_3_VERSION);
  SSL_CTX_set_verify(w->ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_mode(w->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(w->ctx, SSL_SESS_CACHE_OFF);
  if (load_files(w->ctx, s, e) < 0)
    return -1;
  w->ssl = SSL_new(w->ctx);
  if (!w->ssl || SSL_set_alpn_protos(w->ssl, h2, sizeof h2) != 0)
    return err_set(e, ERR_INTERNAL, "cannot set up TLS: %s", tls_words());
  return set_names(w, e);
}

/* The server's alert about our certificate. */
static bool is_about_certificate(int reason) {
  switch (reason) {
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    return true;
  default:
    return false;
  }
}

static int tls_failed(struct wire *w, int reason, struct err *e) {
  const char *words = tls_words();
  if (is_about_certificate(reason)) {
    err_set(e, ERR_UNAUTHENTICATED, "migd at %s refuses this client's certificate: %s", w->name,
            words);
    return err_hint(e, "`migd identity add NAME --role ROLE` on the server's host makes one");
  }
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
      reason == SSL_R_PACKET_LENGTH_TOO_LONG)
    return err_set(e, ERR_UNREACHABLE, "%s does not speak TLS: is that migd's port?", w->name);
  return err_set(e, ERR_UNREACHABLE, "lost the connection to migd at %s: %s", w->name, words);
}

static int not_verified(struct wire *w, const char *ca, struct err *e) {
  long result = SSL_get_verify_result(w->ssl);
  ERR_clear_error();
  err_set(e, ERR_UNAUTHENTICATED, "the certificate of %s does not prove that it is migd: %s",
          w->name, X509_verify_cert_error_string(result));
  if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH)
    return err_hint(e,
                    "name the server as its certificate does; `migd init --name %s` makes one "
                    "for this name",
                    w->host);
  return err_hint(e, "it must be issued by a CA in %s", ca);
}

/* What a failed call of the SSL says: 0 with the direction to wait for, or -1 with the reason. */
static int tls_outcome(struct wire *w, int rc, bool *write, struct err *e) {
  int kind = SSL_get_error(w->ssl, rc), number = errno;
  unsigned long code = ERR_peek_last_error();
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
    *write = kind == SSL_ERROR_WANT_WRITE;
    return 0;
  }
  bool ended = kind == SSL_ERROR_ZERO_RETURN || (kind == SSL_ERROR_SYSCALL && number == 0) ||
               ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (kind == SSL_ERROR_SYSCALL && number != 0) {
    ERR_clear_error();
    return err_errno(e, ERR_UNREACHABLE, number, "lost the connection to migd at %s", w->name);
  }
  if (ended) {
    ERR_clear_error();
    return err_set(e, ERR_UNREACHABLE, "migd at %s closed the connection", w->name);
  }
  return tls_failed(w, ERR_GET_REASON(code), e);
}

static int handshake(struct wire *w, const char *ca, int64_t deadline, struct interrupts *i,
                     struct err *e) {
  int64_t until = sooner(deadline, monotonic_ns() + HANDSHAKE_NS);
  SSL_set_fd(w->ssl, w->fd);
  for (;;) {
    bool write = false;
    errno = 0;
    ERR_clear_error();
    int rc = SSL_connect(w->ssl);
    if (rc == 1)
      return 0;
    if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED)
      return not_verified(w, ca, e);
    if (tls_outcome(w, rc, &write, e) < 0)
      return -1;
    enum wire_event event = wait_fd(w->fd, write ? POLLOUT : POLLIN, until, i);
    if (event == WIRE_INTERRUPT)
      return err_set(e, ERR_CANCELLED, "interrupted");
    if (event == WIRE_TIME)
      return err_set(e, ERR_UNREACHABLE, "migd at %s does not answer the TLS handshake", w->name);
  }
}

static int check_protocol(struct wire *w, struct err *e) {
  const unsigned char *protocol;
  unsigned len;
  SSL_get0_alpn_selected(w->ssl, &protocol, &len);
  if (len == 2 && memcmp(protocol, "h2", 2) == 0)
    return 0;
  return err_set(e, ERR_UNREACHABLE, "%s does not speak HTTP/2: is that migd's port?", w->name);
}

struct wire *wire_open(const struct wire_settings *s, int64_t deadline, struct interrupts *i,
                       struct err *e) {
  struct wire *w = xcalloc(1, sizeof *w);
  w->fd = -1;
  if (wire_address(s->server, w->host, sizeof w->host, w->port, sizeof w->port, e) < 0)
    goto failed;
  bool v6 = strchr(w->host, ':') != NULL;
  snprintf(w->name, sizeof w->name, v6 ? "[%s]:%s" : "%s:%s", w->host, w->port);
  if (prepare_tls(w, s, e) < 0 || connect_any(w, deadline, i, e) < 0 ||
      handshake(w, s->ca, deadline, i, e) < 0 || check_protocol(w, e) < 0)
    goto failed;
  return w;
failed:
  wire_close(w);
  return NULL;
}

ssize_t wire_read(struct wire *w, uint8_t *bytes, size_t size, struct err *e) {
  bool write;
  errno = 0;
  ERR_clear_error();
  int n = SSL_read(w->ssl, bytes, (int)size);
  return n > 0 ? n : tls_outcome(w, n, &write, e);
}

ssize_t wire_write(struct wire *w, const uint8_t *bytes, size_t len, struct err *e) {
  bool write;
  errno = 0;
  ERR_clear_error();
  int n = SSL_write(w->ssl, bytes, len > 65536 ? 65536 : (int)len);
  return n > 0 ? n : tls_outcome(w, n, &write, e);
}
