/* URLs of databases: `sqlite:/path` and `postgresql://user@host:port/database?options`. Pure: no
 * look-up and no file. What is not understood is refused, since a URL names where migrations will
 * run.
 */
#include "server/db/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/base/utf8.h"

#define CONNECT_TIMEOUT_S 10

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_decode(const char *s, size_t len, char *field, size_t size, const char *what,
               struct err *e) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '%') {
      int hi = len - i > 2 ? hex_digit(s[i + 1]) : -1;
      int lo = len - i > 2 ? hex_digit(s[i + 2]) : -1;
      if (hi < 0 || lo < 0)
        return err_set(e, ERR_INPUT, "%s: %% must be followed by two hexadecimal digits", what);
      c = (unsigned char)(hi << 4 | lo);
      i += 2;
    }
    if (c < 0x20 || c == 0x7f)
      return err_set(e, ERR_INPUT, "%s: control characters are not allowed", what);
    if (n + 1 >= size)
      return err_set(e, ERR_INPUT, "%s: too long (at most %zu bytes)", what, size - 1);
    field[n++] = (char)c;
  }
  field[n] = '\0';
  if (!utf8_valid(field, n))
    return err_set(e, ERR_INPUT, "%s: not valid UTF-8", what);
  return 0;
}

void url_encode(struct buf *b, const char *s) {
  for (; *s; s++)
    if (isalnum((unsigned char)*s) || strchr("-._~", *s))
      buf_addc(b, *s);
    else
      buf_addf(b, "%%%02X", (unsigned char)*s);
}

int url_path(char *path, const char *what, struct err *e) {
  char *to = path;
  for (char *part = path + 1;;) {
    size_t len = strcspn(part, "/");
    bool last = part[len] == '\0';
    if (len == 2 && memcmp(part, "..", 2) == 0)
      return err_set(e, ERR_INPUT, "the path of %s must not contain `..`", what);
    bool nothing = len == 0 || (len == 1 && *part == '.');
    if (last && nothing)
      return err_set(e, ERR_INPUT, "the path of %s names a folder, not a file", what);
    if (!nothing) {
      *to++ = '/';
      memmove(to, part, len);
      to += len;
    }
    if (last)
      break;
    part += len + 1;
  }
  *to = '\0';
  return 0;
}

static int parse_sqlite(const char *s, struct db_url *out, struct err *e) {
  if (s[0] == '/' && s[1] == '/') {
    if (s[2] != '/')
      return err_set(e, ERR_INPUT, "an SQLite URL has no host: write sqlite:/path/to/file.db");
    s += 2;
  }
  if (strpbrk(s, "?#"))
    return err_set(e, ERR_INPUT, "an SQLite URL has no options (write %%3F for a `?` in a name)");
  if (s[0] != '/') {
    err_set(e, ERR_INPUT, "the path of an SQLite database must be absolute");
    return err_hint(e, "sqlite:/path/to/file.db, on the server's machine");
  }
  if (url_decode(s, strlen(s), out->path, sizeof out->path, "path", e) < 0 ||
      url_path(out->path, "an SQLite database", e) < 0)
    return -1;
  out->dialect = DIALECT_SQLITE;
  snprintf(out->place, sizeof out->place, "sqlite:%s", out->path);
  return 0;
}

static int parse_user(const char *s, size_t len, struct db_url *out, struct err *e) {
  if (memchr(s, ':', len)) {
    err_set(e, ERR_INPUT, "a password must not be written into the URL");
    return err_hint(e, "leave it out and send it with --password-file FILE (- reads stdin)");
  }
  if (url_decode(s, len, out->user, sizeof out->user, "user", e) < 0)
    return -1;
  return out->user[0] ? 0 : err_set(e, ERR_INPUT, "the user before @ is empty");
}

static int parse_port(const char *s, struct db_url *out, struct err *e) {
  if (strlen(s) > 5 || strspn(s, "0123456789") != strlen(s) || atoi(s) < 1 || atoi(s) > 65535)
    return err_set(e, ERR_INPUT, "the port must be a number from 1 to 65535");
  snprintf(out->port, sizeof out->port, "%d", atoi(s));
  return 0;
}

static bool is_socket(const char *host) {
  return host[0] == '/' || host[0] == '@';
}

/* libpq would take a comma for several hosts. */
static int check_host(char *host, struct err *e) {
  if (is_socket(host))
    return strchr(host, ',') ? err_set(e, ERR_INPUT, "host: `,` is not allowed") : 0;
  if (!*host || strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") !=
                    strlen(host))
    return err_set(e, ERR_INPUT, "host: not a name or an address");
  for (char *c = host; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  return 0;
}

static int parse_ipv6(const char *s, size_t len, struct db_url *out, struct err *e) {
  struct in6_addr address;
  if (url_decode(s, len, out->host, sizeof out->host, "host", e) < 0)
    return -1;
  if (inet_pton(AF_INET6, out->host, &address) != 1)
    return err_set(e, ERR_INPUT, "host: not an IPv6 address");
  inet_ntop(AF_INET6, &address, out->host, sizeof out->host);
  return 0;
}

/* `host`, `host:port`, `[::1]:port`, or a socket's folder percent-encoded. */
static int parse_host(const char *s, size_t len, struct db_url *out, struct err *e) {
  char port[16];
  const char *end = s + len, *rest;
  if (len && *s == '[') {
    const char *close = memchr(s, ']', len);
    if (!close)
      return err_set(e, ERR_INPUT, "host: the `]` is missing");
    if (parse_ipv6(s + 1, (size_t)(close - s) - 1, out, e) < 0)
      return -1;
    rest = close + 1;
  } else {
    const char *colon = memchr(s, ':', len);
    rest = colon ? colon : end;
    if (url_decode(s, (size_t)(rest - s), out->host, sizeof out->host, "host", e) < 0 ||
        check_host(out->host, e) < 0)
      return -1;
  }
  if (rest == end) {
    memcpy(out->port, "5432", 5);
    return 0;
  }
  if (*rest != ':')
    return err_set(e, ERR_INPUT, "host: `%c` after the address is not expected", *rest);
  if (url_decode(rest + 1, (size_t)(end - rest) - 1, port, sizeof port, "port", e) < 0)
    return -1;
  return parse_port(port, out, e);
}

/* Whether what is sent stays on this machine. */
static bool is_local(const char *host) {
  struct in_addr a;
  return is_socket(host) || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
         (inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}

static int set_place(struct db_url *out, struct err *e) {
  struct buf b BUF_SCOPED = BUF_INIT;
  buf_adds(&b, "postgresql://");
  if (strchr(out->host, ':'))
    buf_addf(&b, "[%s]", out->host);
  else
    url_encode(&b, out->host);
  buf_addf(&b, ":%s/", out->port);
  url_encode(&b, out->database);
  if (out->schema_count) {
    buf_adds(&b, "?schema=");
    url_encode(&b, out->schemas[0]);
  }
  if (b.len >= sizeof out->place)
    return err_set(e, ERR_INPUT, "the URL is too long");
  memcpy(out->place, buf_str(&b), b.len + 1);
  return 0;
}

static int parse_postgres(const char *s, struct db_url *out, struct err *e) {
  size_t len = strcspn(s, "/?#");
  const char *path = s + len, *at = memrchr(s, '@', len);
  size_t path_len = strcspn(path, "?");
  if (strchr(path, '#'))
    return err_set(e, ERR_INPUT, "`#` is not expected in the URL (write %%23)");
  if (!at) {
    err_set(e, ERR_INPUT, "the URL names no user");
    return err_hint(e, "postgresql://user@host/database");
  }
  if (parse_user(s, (size_t)(at - s), out, e) < 0 ||
      parse_host(at + 1, (size_t)(path - at) - 1, out, e) < 0)
    return -1;
  if (path_len < 2) {
    err_set(e, ERR_INPUT, "the URL names no database");
    return err_hint(e, "postgresql://user@host/database");
  }
  if (memchr(path + 1, '/', path_len - 1))
    return err_set(e, ERR_INPUT, "database: `/` is not expected (write %%2F)");
  if (url_decode(path + 1, path_len - 1, out->database, sizeof out->database, "database", e) < 0 ||
      (path[path_len] && url_options(path + path_len + 1, out, e) < 0))
    return -1;
  if (!out->sslmode[0])
    snprintf(out->sslmode, sizeof out->sslmode, "%s",
             is_local(out->host) ? "prefer" : "verify-full");
  if (!out->session[0])
    memcpy(out->session, "read-write", 11);
  if (!out->connect_timeout_s)
    out->connect_timeout_s = CONNECT_TIMEOUT_S;
  out->dialect = DIALECT_POSTGRESQL;
  return url_files(out, e) < 0 ? -1 : set_place(out, e);
}

static const struct scheme {
  const char *prefix;
  int (*parse)(const char *s, struct db_url *out, struct err *e);
} schemes[] = {
    {"sqlite:", parse_sqlite},
    {"postgresql://", parse_postgres},
    {"postgres://", parse_postgres},
};

int db_url_parse(const char *text, struct db_url *out, struct err *e) {
  struct db_url url = {0};
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t len = strlen(schemes[i].prefix);
    if (strncasecmp(text, schemes[i].prefix, len) != 0)
      continue;
    if (schemes[i].parse(text + len, &url, e) < 0)
      return -1;
    *out = url;
    return 0;
  }
  err_set(e, ERR_INPUT, "the URL begins with neither sqlite: nor postgresql://");
  return err_hint(e, "sqlite:/path/to/file.db or postgresql://user@host:port/database");
}
