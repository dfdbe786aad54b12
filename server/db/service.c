/* Services: a name for a connection, in a file pg_service.conf as libpq reads it. It is resolved
 * here, once, into the URL that says the same, so that everything that is asked of a URL is asked
 * of what will really be connected to. What libpq would take and a URL cannot say is refused.
 */
#include "server/db/url.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/digest.h"

#define FILE_NAME "pg_service.conf"
#define LINE_MAX_BYTES 1024
#define VALUE_MAX 256

/* The URL, in its parts, and what the service adds. */
struct service {
  char name[128];
  char user[128], database[128]; /* encoded, as the URL has them; "" where it has none */
  char host[VALUE_MAX], port[16], password[1025];
  struct buf options; /* encoded, each after `&`; those of the URL come first */
  bool found;
};

static bool is_option(const char *s, size_t len, const char *name) {
  size_t n = strlen(name);
  return len > n && memcmp(s, name, n) == 0 && s[n] == '=';
}

/* The options but for `service`; 1 when that is there. */
static int take_options(struct service *v, const char *s, struct err *e) {
  int named = 0;
  while (*s) {
    size_t len = strcspn(s, "&");
    if (is_option(s, len, "service")) {
      if (url_decode(s + 8, len - 8, v->name, sizeof v->name, "service", e) < 0)
        return -1;
      named = 1;
    } else if (len) {
      buf_addc(&v->options, '&');
      buf_add(&v->options, s, len);
    }
    s += len + (s[len] == '&');
  }
  return named;
}

static int copy(char *field, size_t size, const char *s, size_t len, struct err *e) {
  if (len >= size)
    return err_set(e, ERR_INPUT, "the URL is too long");
  memcpy(field, s, len);
  field[len] = '\0';
  return 0;
}

/* 1 when the URL names a service and no host, 0 when it is another URL's turn to be parsed. */
static int take_url(struct service *v, const char *text, struct err *e) {
  static const char *const schemes[] = {"postgresql://", "postgres://"};
  const char *s = NULL;
  for (size_t i = 0; i < 2 && !s; i++)
    if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
      s = text + strlen(schemes[i]);
  const char *options = s ? strchr(s, '?') : NULL;
  int named = options ? take_options(v, options + 1, e) : 0;
  if (named <= 0)
    return named;
  size_t len = strcspn(s, "/?#");
  const char *at = memrchr(s, '@', len);
  size_t user = at ? (size_t)(at - s) : 0, host = at ? user + 1 : 0;
  if (host != len || memchr(s, ':', user))
    return 0; /* the parser says what is wrong */
  const char *path = s + len + (s[len] == '/');
  return copy(v->user, sizeof v->user, s, user, e) < 0 ||
                 copy(v->database, sizeof v->database, path, (size_t)(options - path), e) < 0
             ? -1
             : 1;
}

static int take_encoded(char *field, size_t size, const char *value, struct err *e) {
  struct buf b BUF_SCOPED = BUF_INIT;
  if (field[0])
    return 0; /* the URL's own counts */
  url_encode(&b, value);
  return copy(field, size, buf_str(&b), b.len, e);
}

static bool has_option(const struct service *v, const char *name) {
  for (const char *s = buf_str(&v->options); (s = strchr(s, '&')) != NULL; s++)
    if (is_option(s + 1, strcspn(s + 1, "&"), name))
      return true;
  return false;
}

/* A line `key=value` of the service. */
static int take_pair(struct service *v, const char *key, const char *value, struct err *e) {
  if (!strcmp(key, "host"))
    return copy(v->host, sizeof v->host, value, strlen(value), e);
  if (!strcmp(key, "port"))
    return copy(v->port, sizeof v->port, value, strlen(value), e);
  if (!strcmp(key, "password"))
    return copy(v->password, sizeof v->password, value, strlen(value), e);
  if (!strcmp(key, "user"))
    return take_encoded(v->user, sizeof v->user, value, e);
  if (!strcmp(key, "dbname"))
    return take_encoded(v->database, sizeof v->database, value, e);
  if (!has_option(v, key)) {
    buf_addf(&v->options, "&%s=", key);
    url_encode(&v->options, value);
  }
  return 0;
}

/* White space at both ends is nothing; the answer is where the rest begins. */
static char *trim(char *line) {
  size_t len = strlen(line);
  while (len && strchr(" \t\r\n", line[len - 1]))
    line[--len] = '\0';
  return line + strspn(line, " \t");
}

/* `inside`: the lines belong to the service. */
static int take_line(struct service *v, char *line, bool *inside, struct err *e) {
  char *s = trim(line), *equals = strchr(s, '=');
  if (!*s || *s == '#')
    return 0;
  if (*s == '[') {
    size_t len = strlen(v->name);
    *inside = !v->found && strncmp(s + 1, v->name, len) == 0 && strcmp(s + 1 + len, "]") == 0;
    v->found |= *inside;
    return 0;
  }
  if (!*inside)
    return 0;
  if (!equals)
    return err_set(e, ERR_REFUSED, "a line is neither key=value nor [service]");
  *equals = '\0';
  return take_pair(v, s, equals + 1, e);
}

static int read_file(struct service *v, const char *folder, struct err *e) {
  char path[PATH_MAX], line[LINE_MAX_BYTES];
  bool inside = false;
  unsigned number = 0;
  snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
  FILE *f = fopen(path, "re");
  if (!f)
    return errno == ENOENT ? 0 : err_errno(e, ERR_REFUSED, errno, "%s", path);
  int rc = 0;
  while (!rc && fgets(line, sizeof line, f)) {
    number++;
    if (strlen(line) + 1 == sizeof line)
      rc = err_set(e, ERR_REFUSED, "the line is too long");
    else
      rc = take_line(v, line, &inside, e);
    if (rc)
      err_in(e, "%s:%u", path, number);
  }
  wipe(line, sizeof line);
  (void)fclose(f);
  return rc;
}

static int find(struct service *v, const char *const *folders, struct err *e) {
  if (!folders || !*folders) {
    err_set(e, ERR_REFUSED,
            "a service is read from a file of the server, which its configuration "
            "does not allow");
    return err_hint(e, "the key postgresql-files of migd's configuration names the folders");
  }
  for (; *folders && !v->found; folders++)
    if (read_file(v, *folders, e) < 0)
      return -1;
  if (!v->found)
    return err_set(e, ERR_REFUSED, "no " FILE_NAME " of the server names the service %s", v->name);
  return v->host[0] ? 0 : err_set(e, ERR_REFUSED, "the service %s does not say its host", v->name);
}

static void add_url(const struct service *v, struct buf *out) {
  buf_addf(out, "postgresql://%s@", v->user);
  if (strchr(v->host, ':'))
    buf_addf(out, "[%s]", v->host);
  else
    url_encode(out, v->host);
  if (v->port[0])
    buf_addf(out, ":%s", v->port);
  buf_addf(out, "/%s", v->database);
  if (v->options.len)
    buf_addf(out, "?%.*s", (int)v->options.len - 1, v->options.s + 1);
}

int db_url_service(const char *text, const char *const *folders, struct buf *url,
                   struct buf *password, struct err *e) {
  struct service v = {.options = BUF_INIT};
  int rc = take_url(&v, text, e);
  if (rc > 0 && find(&v, folders, e) < 0)
    rc = -1;
  if (rc > 0) {
    add_url(&v, url);
    buf_adds(password, v.password);
  }
  wipe(v.password, sizeof v.password);
  buf_release(&v.options);
  return rc;
}
